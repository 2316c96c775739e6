package ui

import (
	"context"
	"time"
)

type deadKey struct{}

// WithDeadLetters returns a context in which every console page says above
// everything else that n lines of receipts have failed for good without
// anybody having taken note of it. None: it says nothing.
func WithDeadLetters(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, deadKey{}, n)
}

type mailsKey struct{}

// WithMailsFailed returns a context in which every console page says that n mails
// have failed for good within a day. None: it says nothing.
func WithMailsFailed(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, mailsKey{}, n)
}

func mailsFailedOf(ctx context.Context) int {
	n, _ := ctx.Value(mailsKey{}).(int)
	return n
}

func mailsFailedWords(n int) string {
	if n == 1 {
		return "A mail could not be delivered within the last day."
	}
	return Number(n) + " mails could not be delivered within the last day."
}

type stuffingKey struct{}

// WithStuffing returns a context in which every console page says that far more
// sign-ins fail than usual.
func WithStuffing(ctx context.Context, yes bool) context.Context {
	return context.WithValue(ctx, stuffingKey{}, yes)
}

func stuffingOf(ctx context.Context) bool {
	yes, _ := ctx.Value(stuffingKey{}).(bool)
	return yes
}

type expiringKey struct{}

// WithExpiring returns a context in which every console page says that n
// certificates come to their end, the first at that moment. None: it says nothing.
func WithExpiring(ctx context.Context, n int, first time.Time) context.Context {
	return context.WithValue(ctx, expiringKey{}, expiring{n, first})
}

type expiring struct {
	n     int
	first time.Time
}

func expiringOf(ctx context.Context) expiring {
	e, _ := ctx.Value(expiringKey{}).(expiring)
	return e
}

func (e expiring) words(now time.Time) string {
	what := Number(e.n) + " certificates come to their end, the first"
	if e.n == 1 {
		what = "A certificate comes to its end"
	}
	if !now.Before(e.first) {
		return what + ", or has: " + Exact(e.first) + "."
	}
	return what + ": " + Exact(e.first) + "."
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
