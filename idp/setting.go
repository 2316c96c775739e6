package idp

// Setting is one line of what an app's admin has to write into the app: the
// name is fit for an environment variable.
type Setting struct{ Name, Value string }
