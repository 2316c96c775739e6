package ui

import (
	"context"
	"encoding/json"
	"strings"
)

// scriptWords are the words that the script writes into a page, in the language
// of it: of times, which it tells anew (# is the number), and of what it did.
func scriptWords(ctx context.Context) string {
	b, err := json.Marshal(map[string]any{
		"now": T(ctx, "now"), "just": T(ctx, "just now"),
		"ago":    []string{hash(ctx, "%d s ago"), hash(ctx, "%d min ago"), hash(ctx, "%d h ago"), hash(ctx, "%d days ago")},
		"in":     []string{hash(ctx, "in %d s"), hash(ctx, "in %d min"), hash(ctx, "in %d h"), hash(ctx, "in %d days")},
		"copied": T(ctx, "Copied"),
	})
	if err != nil {
		return "{}" // strings marshal
	}
	return string(b)
}

// hash is a text about a number, with a mark where the number stands.
func hash(ctx context.Context, format string) string {
	return strings.Replace(T(ctx, format, 7), "7", "#", 1)
}
