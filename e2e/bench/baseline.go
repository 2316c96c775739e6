package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	goredis "github.com/redis/go-redis/v9"
)

// baseline is what a suspension cannot do without: one SQL transaction that
// counts a row up and adds one, sent in one round trip and answered when it is
// on disk, then one call of Redis that sets one key. It has connections of its
// own, which are open already.
type baseline struct {
	sql   *pgx.Conn
	redis *goredis.Client
}

const (
	baselineTables = `CREATE TABLE bench_counter (id BIGINT PRIMARY KEY, n BIGINT NOT NULL);
		INSERT INTO bench_counter VALUES (1, 0);
		CREATE TABLE bench_rows (n BIGINT PRIMARY KEY, what TEXT NOT NULL)`
	baselineCount = `UPDATE bench_counter SET n = n + 1 WHERE id = 1`
	baselineRow   = `INSERT INTO bench_rows (n, what) SELECT n, $1 FROM bench_counter`
)

func newBaseline(ctx context.Context, h *house) (*baseline, error) {
	if _, err := h.db.ExecContext(ctx, baselineTables); err != nil {
		return nil, err
	}
	return openBaseline(ctx, h)
}

// openBaseline opens its connections.
func openBaseline(ctx context.Context, h *house) (*baseline, error) {
	conn, err := pgx.Connect(ctx, h.setting("GATEHOUSE_DATABASE"))
	if err != nil {
		return nil, err
	}
	b := &baseline{sql: conn, redis: goredis.NewClient(&goredis.Options{
		Addr: strings.TrimPrefix(h.setting("GATEHOUSE_REDIS"), "redis://"), PoolSize: 1, MaxRetries: -1,
	})}
	return b, errors.Join(b.once(ctx), b.once(ctx))
}

// once does it and forgets how long it took: to warm up.
func (b *baseline) once(ctx context.Context) error {
	_, err := b.measure(ctx)
	return err
}

func (b *baseline) measure(ctx context.Context) (time.Duration, error) {
	var both pgx.Batch
	both.Queue(baselineCount)
	both.Queue(baselineRow, "what a suspension cannot do without")
	began := time.Now()
	if err := b.sql.SendBatch(ctx, &both).Close(); err != nil {
		return 0, err
	}
	err := b.redis.Set(ctx, "bench:baseline", began.UnixNano(), 0).Err()
	return time.Since(began), err
}

func (b *baseline) close() error {
	return errors.Join(b.sql.Close(context.Background()), b.redis.Close())
}

// setting is what an environment variable of the house says.
func (h *house) setting(name string) (value string) {
	for _, e := range h.env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			value = v
		}
	}
	return value
}
