package ui

import "context"

type deadKey struct{}

// WithDeadLetters returns a context in which every console page says above
// everything else that n lines of receipts have failed for good without
// anybody having taken note of it. None: it says nothing.
func WithDeadLetters(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, deadKey{}, n)
}

func deadLettersOf(ctx context.Context) int {
	n, _ := ctx.Value(deadKey{}).(int)
	return n
}

func deadLetterWords(n int) string {
	if n == 1 {
		return "One app could not be told that access has ended."
	}
	return Number(n) + " times an app could not be told that access has ended."
}
