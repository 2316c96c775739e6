package redis

import (
	"context"
	"fmt"
	"time"

	"gatehouse/idp"
)

// Counter counts tries in SQL; *store.Store does.
type Counter interface {
	CountBy(ctx context.Context, name string, by int, window time.Duration, now time.Time) (n int, resetAt time.Time, err error)
	CountTwo(ctx context.Context, first, second idp.Limit, now time.Time) (one, two idp.Tries, err error)
	Uncount(ctx context.Context, names ...string) error
}

// Counts counts tries in Redis, and in SQL while it is silent: the limits then
// begin anew, and are never off.
type Counts struct {
	SQL   Counter
	Redis *Redis
}

// Count counts one more under a name and returns how many that makes since the
// window began, and when it ends.
func (c *Counts) Count(ctx context.Context, name string, window time.Duration, now time.Time) (int, time.Time, error) {
	return c.CountBy(ctx, name, 1, window, now)
}

// CountBy is Count by so many at once.
func (c *Counts) CountBy(ctx context.Context, name string, by int, window time.Duration, now time.Time) (int, time.Time, error) {
	if p := c.process(); p != nil {
		all, err := p.tries(ctx, by, now, idp.Limit{Name: name, Window: window})
		if err == nil {
			return all[0].N, all[0].ResetAt, nil
		}
	}
	return c.SQL.CountBy(ctx, name, by, window, now)
}

// CountTwo counts one more under the name of the first limit and, where that is not
// over, under that of the second, in one round trip. In SQL, in place of a
// Redis that is silent, they are counted Anew.
func (c *Counts) CountTwo(ctx context.Context, first, second idp.Limit, now time.Time) (one, two idp.Tries, err error) {
	if p := c.process(); p != nil {
		all, err := p.tries(ctx, 1, now, first, second)
		if err == nil {
			return all[0], all[1], nil
		}
	}
	one, two, err = c.SQL.CountTwo(ctx, first, second, now)
	one.Anew = c.Redis.known.Load() != nil
	two.Anew = one.Anew
	return one, two, err
}

// Uncount forgets the counts of these names, in both places.
func (c *Counts) Uncount(ctx context.Context, names ...string) error {
	if p := c.process(); p != nil {
		keys := make([]string, len(names))
		for i, name := range names {
			keys[i] = tries + name
		}
		_ = p.seen(0, p.client.Del(ctx, keys...).Err()) // runs out by itself
	}
	return c.SQL.Uncount(ctx, names...)
}

func (c *Counts) process() *process {
	if p := c.Redis.known.Load(); p != nil && p.well() {
		return p
	}
	return nil
}

// tries begins the keys of counters, which no generation ends.
const tries = "tries:"

// tries counts by so many under the names of the limits, up to the first that is
// over; those after it are zero.
func (p *process) tries(ctx context.Context, by int, now time.Time, limits ...idp.Limit) ([]idp.Tries, error) {
	keys, args := make([]string, len(limits)), []any{by}
	for i, l := range limits {
		keys[i], args = tries+l.Name, append(args, l.Window.Milliseconds(), l.Most)
	}
	answer, err := countScript.Run(ctx, p.client, keys, args...).Int64Slice()
	if err == nil && (len(answer) == 0 || len(answer)%2 != 0 || len(answer) > 2*len(limits)) {
		err = fmt.Errorf("an answer of %d parts", len(answer))
	}
	if p.seen(0, err) != nil {
		return nil, err
	}
	all := make([]idp.Tries, len(limits))
	for i := range len(answer) / 2 {
		left := time.Duration(max(0, answer[2*i+1])) * time.Millisecond
		all[i] = idp.Tries{N: int(answer[2*i]), ResetAt: now.Add(left)}
	}
	return all, nil
}
