package redis

import (
	"context"
	"time"
)

// skewAllowed is how far a node's clock may be from the database's, so that no
// two nodes are more than half a minute apart unheard.
const skewAllowed = 15 * time.Second

// compareClocks raises the alarm, once, when this node's clock is wrong: what
// ends by its time then ends early or late here. Nothing that an ending
// promises rests on it.
func (r *Redis) compareClocks(ctx context.Context, ahead time.Duration) {
	wrong := ahead.Abs() > skewAllowed
	switch {
	case wrong && !r.skewed:
		r.logger.ErrorContext(ctx, "the clock of this node is wrong, or the database's is: set both by NTP", "ahead", ahead.Round(time.Millisecond).String())
	case !wrong && r.skewed:
		r.logger.InfoContext(ctx, "the clock of this node is right again")
	}
	r.skewed = wrong
}
