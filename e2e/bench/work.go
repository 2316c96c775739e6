package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"gatehouse/e2e/ports"
)

// work is what a server has done since it started, or for one operation.
type work struct {
	cpu           time.Duration
	allocs, bytes float64
	statements    float64 // sent to the database
	scripts       float64 // run by Redis: one is a round trip
}

// since is the work for each of ops.
func (w work) since(before work, ops int) work {
	n := float64(max(ops, 1))
	return work{
		cpu:    (w.cpu - before.cpu) / time.Duration(max(ops, 1)),
		allocs: (w.allocs - before.allocs) / n, bytes: (w.bytes - before.bytes) / n,
		statements: (w.statements - before.statements) / n, scripts: (w.scripts - before.scripts) / n,
	}
}

// count has the server count from its next start on.
func (h *house) count() (err error) {
	if h.metrics, err = ports.Free(); err == nil {
		h.env = append(h.env, "GATEHOUSE_METRICS="+h.metrics)
	}
	return err
}

// worked reads what the server has done so far. Reading it costs the server a
// thousandth of what a figure measures.
func (h *house) worked(ctx context.Context) (w work, err error) {
	if w.cpu, err = processCPU(h.cmd.Process.Pid); err != nil || h.metrics == "" {
		return w, err
	}
	body, err := h.counted(ctx)
	if err != nil {
		return w, err
	}
	for series, to := range map[string]*float64{
		"go_memstats_mallocs_total": &w.allocs, "go_memstats_alloc_bytes_total": &w.bytes, "gatehouse_sql_statements_total": &w.statements,
	} {
		if *to, err = seriesOf(body, series); err != nil {
			return w, err
		}
	}
	w.scripts, err = h.scripts(ctx)
	return w, err
}

// counted is everything that the server counts.
func (h *house) counted(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.metrics+"/metrics", nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	return string(body), err
}

// series is the value of one of them.
func (h *house) series(ctx context.Context, name string) (float64, error) {
	body, err := h.counted(ctx)
	if err != nil {
		return 0, err
	}
	return seriesOf(body, name)
}

// seriesOf is the value of a series without labels.
func seriesOf(metrics, name string) (float64, error) {
	_, rest, found := strings.Cut(metrics, "\n"+name+" ")
	if !found {
		return 0, fmt.Errorf("the server does not count %s", name)
	}
	value, _, _ := strings.Cut(rest, "\n")
	return strconv.ParseFloat(strings.TrimSpace(value), 64)
}

// scripts is how many scripts the Redis of the house has run.
func (h *house) scripts(ctx context.Context) (float64, error) {
	if h.redis == nil {
		return 0, nil
	}
	c := goredis.NewClient(&goredis.Options{Addr: strings.TrimPrefix(h.setting("GATEHOUSE_REDIS"), "redis://"), PoolSize: 1})
	defer c.Close()
	info, err := c.Info(ctx, "commandstats").Result()
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(info, "cmdstat_evalsha:calls=")
	calls, _, cut := strings.Cut(rest, ",")
	if !found || !cut {
		return 0, errors.New("no script was run by Redis")
	}
	return strconv.ParseFloat(calls, 64)
}

// work goes on until the server has done so many operations since its start,
// and leaves it a second to collect what they left behind.
func (h *house) work(ctx context.Context, operations int) error {
	if h.ops < operations {
		ops, err := h.operations(ctx, row{do: introspection})
		for err == nil && h.ops < operations {
			var took []time.Duration
			took, err = loop(ctx, time.Now().Add(time.Second), ops)
			h.ops += len(took)
		}
		if err != nil {
			return err
		}
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Second):
		return nil
	}
}
