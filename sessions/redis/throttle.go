package redis

import (
	"context"
	"fmt"
	"time"
)

// Counter counts tries in SQL; *store.Store does.
type Counter interface {
	CountBy(ctx context.Context, name string, by int, window time.Duration, now time.Time) (n int, resetAt time.Time, err error)
	Uncount(ctx context.Context, name string) error
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
		n, left, err := p.count(ctx, name, by, window)
		if err == nil {
			return n, now.Add(left), nil
		}
	}
	return c.SQL.CountBy(ctx, name, by, window, now)
}

// Uncount forgets a name's count, in both places.
func (c *Counts) Uncount(ctx context.Context, name string) error {
	if p := c.process(); p != nil {
		_ = p.seen(0, p.client.Del(ctx, tries+name).Err()) // runs out by itself
	}
	return c.SQL.Uncount(ctx, name)
}

func (c *Counts) process() *process {
	if p := c.Redis.known.Load(); p != nil && p.well() {
		return p
	}
	return nil
}

// tries begins the keys of counters, which no generation ends.
const tries = "tries:"

func (p *process) count(ctx context.Context, name string, by int, window time.Duration) (int, time.Duration, error) {
	answer, err := countScript.Run(ctx, p.client, []string{tries + name}, window.Milliseconds(), by).Int64Slice()
	if err == nil && len(answer) != 2 {
		err = fmt.Errorf("an answer of %d parts", len(answer))
	}
	if p.seen(0, err) != nil {
		return 0, 0, err
	}
	return int(answer[0]), time.Duration(max(0, answer[1])) * time.Millisecond, nil
}
