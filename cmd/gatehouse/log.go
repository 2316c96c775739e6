package main

import (
	"context"
	"io"
	"log/slog"

	"gatehouse/idp"
)

// newLog returns the log of the house, and makes it the default one, which
// libraries write to: these are heard from warnings on.
func newLog(w io.Writer) *slog.Logger {
	all := correlated{slog.NewJSONHandler(w, nil)}
	slog.SetDefault(slog.New(warnings{all}))
	return slog.New(all)
}

// warnings leaves out what is less than a warning.
type warnings struct {
	slog.Handler
}

// Enabled reports whether a line is written.
func (h warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

// WithAttrs leaves out the same.
func (h warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{h.Handler.WithAttrs(attrs)}
}

// WithGroup leaves out the same.
func (h warnings) WithGroup(name string) slog.Handler { return warnings{h.Handler.WithGroup(name)} }

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
