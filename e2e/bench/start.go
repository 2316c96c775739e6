package main

import (
	"context"
	"time"
)

// beginning is what starting on an existing database costs.
type beginning struct {
	storage          string
	size             int64         // of the database, bytes
	answer           time.Duration // from exec to the first 200 on discovery, median
	cpu              time.Duration // of the process until then
	anonymous, whole int64         // resident before the first sign-in, bytes
}

// starts stops the house and starts it again and again.
func (r *report) starts(ctx context.Context, o options, h *house) error {
	if o.starts == 0 {
		return nil
	}
	var answers, cpu []time.Duration
	for range o.starts {
		if err := h.stop(); err != nil {
			return err
		}
		took, err := h.start(ctx)
		if err != nil {
			return err
		}
		used, err := processCPU(h.cmd.Process.Pid)
		if err != nil {
			return err
		}
		answers, cpu = append(answers, took), append(cpu, used)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Second): // what a start leaves to the garbage collector
	}
	anonymous, whole, err := resident(h.cmd.Process.Pid)
	if err != nil {
		return err
	}
	var size int64
	if err := h.db.QueryRowContext(ctx, h.size).Scan(&size); err != nil {
		return err
	}
	r.began = append(r.began, beginning{h.storage, size, median(answers), median(cpu), anonymous, whole})
	return nil
}

// loaded is a process after all the load.
type loaded struct {
	storage          string
	ops              int
	anonymous, whole int64
}

func (r *report) afterLoad(h *house) error {
	anonymous, whole, err := resident(h.cmd.Process.Pid)
	if err != nil {
		return err
	}
	r.loaded = append(r.loaded, loaded{h.storage, h.ops, anonymous, whole})
	return nil
}
