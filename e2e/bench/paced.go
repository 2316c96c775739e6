package main

import (
	"context"
	"slices"
	"sync"
	"time"
)

// paced is how long answers take while the server is asked half as often as it
// could answer.
type paced struct {
	row       row
	storage   string
	rate      float64 // operations a second
	took      spread
	must, aim float64 // milliseconds that p99 may take, and aims at
}

// atHalf says of which rows the table of goals wants it.
var atHalf = []struct {
	number    int
	must, aim float64
}{{3, 5, 3}, {1, 15, 8}, {7, 20, 10}}

// halfPeaks measures them on one house, whose peak is what it answered in the
// closed loop.
func (r *report) halfPeaks(ctx context.Context, o options, m meter, h *house) error {
	for _, goal := range atHalf {
		if !o.wanted(goal.number) {
			continue
		}
		i := slices.IndexFunc(r.lines, func(l line) bool { return l.row.number == goal.number && l.storage == h.storage })
		ops, err := h.operations(ctx, r.lines[i].row)
		if err != nil {
			return err
		}
		rate := r.lines[i].median().rate / 2
		took, err := inPace(ctx, o.each*2, rate, ops)
		if err != nil {
			return err
		}
		h.ops += len(took)
		r.paced = append(r.paced, paced{r.lines[i].row, h.storage, rate, percentiles(took), goal.must, goal.aim})
	}
	return nil
}

// inPace begins operations at that rate, whether or not those before are
// answered in time: how long one took counts from when it was due.
func inPace(ctx context.Context, each time.Duration, rate float64, ops []operation) ([]time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	interval := time.Duration(float64(len(ops)) / rate * float64(time.Second))
	took, began := make([][]time.Duration, len(ops)), time.Now()
	var all sync.WaitGroup
	for i, op := range ops {
		all.Go(func() {
			due := began.Add(interval * time.Duration(i) / time.Duration(len(ops)))
			for ; due.Before(began.Add(each)); due = due.Add(interval) {
				time.Sleep(time.Until(due))
				if err := op(ctx); err != nil {
					cancel(err)
					return
				}
				took[i] = append(took[i], time.Since(due))
			}
		})
	}
	all.Wait()
	return slices.Concat(took...), context.Cause(ctx)
}
