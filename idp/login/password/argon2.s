// Without an assembly file the compiler takes no function that has no body.
