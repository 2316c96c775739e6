package main

import (
	"context"
	"log/slog"
	"time"
)

// secretUsesEvery is how late it can be known that an app used a secret.
const secretUsesEvery = 30 * time.Second

// noteSecretUses writes down now and then which secrets apps have used, and
// what is left of that when ctx ends.
func noteSecretUses(ctx context.Context, write func(context.Context) error, log *slog.Logger) {
	again := time.NewTicker(secretUsesEvery)
	defer again.Stop()
	for ended := false; !ended; {
		select {
		case <-ctx.Done():
			ended = true
		case <-again.C:
		}
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		if err := write(last); err != nil {
			log.WarnContext(ctx, "when apps used their secrets is not written down", "error", err)
		}
		cancel()
	}
}
