package idp

import "context"

type actorKey struct{}

// WithActor returns a context that says who is acting; verbs write it into
// their events and log lines carry its correlation ID.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf returns who is acting in ctx; the house itself ("system") when
// nobody was named.
func ActorOf(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok {
		return a
	}
	return Actor{Kind: "system"}
}
