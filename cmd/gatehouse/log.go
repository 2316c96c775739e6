package main

import (
	"context"
	"io"
	"log/slog"

	"gatehouse/idp"
)

// newLog returns the log of the house, and makes it the default one, which
// libraries write to.
func newLog(w io.Writer) *slog.Logger {
	log := slog.New(correlated{slog.NewJSONHandler(w, nil)})
	slog.SetDefault(log)
	return log
}

// correlated adds the request's correlation ID to lines that do not name it
// themselves, those of libraries above all.
type correlated struct {
	slog.Handler
}

// Handle adds the correlation ID.
func (c correlated) Handle(ctx context.Context, r slog.Record) error {
	named := false
	r.Attrs(func(a slog.Attr) bool {
		named = a.Key == "correlation_id"
		return !named
	})
	if id := idp.ActorOf(ctx).CorrelationID; id != "" && !named {
		r.AddAttrs(slog.String("correlation_id", id))
	}
	return c.Handler.Handle(ctx, r)
}

// WithAttrs keeps the correlation.
func (c correlated) WithAttrs(attrs []slog.Attr) slog.Handler {
	return correlated{c.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the correlation.
func (c correlated) WithGroup(name string) slog.Handler {
	return correlated{c.Handler.WithGroup(name)}
}
