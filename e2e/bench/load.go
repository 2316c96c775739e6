package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"
)

// operation is what is repeated and counted; it checks its own outcome.
type operation func(context.Context) error

// scenario prepares a person and returns what they then do again and again.
type scenario func(context.Context, *person) (operation, error)

// row is a line of the table of goals. must and aim are milliseconds on a core
// whose bare RSA-2048 signature costs 0.86 ms; beside the bare hash where
// overHash says by which factor.
type row struct {
	number              int
	what, signs         string
	do                  scenario
	must, aim           float64
	overHash, aimedHash float64
	database            float64 // what a database of its own may cost more
	keyed               bool    // it is for people with passkeys
}

func rows() []row {
	return []row{
		{number: 1, what: "SSO, code and PKCE, live session", signs: "ES256", do: sso(appES256), must: 0.60, aim: 0.33, database: 0.4},
		{number: 2, what: "the same", signs: "RS256-2048", do: sso(appRS256), must: 1.5, aim: 1.15, database: 0.4},
		{number: 3, what: "introspection, live check", signs: "-", do: introspection, must: 0.20, aim: 0.12},
		{number: 4, what: "userinfo, live check", signs: "-", do: userinfo, must: 0.18, aim: 0.12},
		{number: 5, what: "refresh, rotating", signs: "ES256", do: refresh, must: 0.30, aim: 0.20, database: 0.4},
		{number: 6, what: "client credentials, opaque", signs: "-", do: clientCredentials(machineOpaque), must: 0.20, aim: 0.12},
		{number: 6, what: "client credentials, JWT", signs: "ES256", do: clientCredentials(machineJWT), must: 0.20, aim: 0.12},
		{number: 7, what: "SAML SSO, one signature", signs: "RSA-2048-SHA256", do: samlSSO(entityID, 1), must: 1.8, aim: 1.3},
		{number: 8, what: "SAML SSO, response and assertion signed", signs: "RSA-2048-SHA256", do: samlSSO(bothEntityID, 2), must: 2.7, aim: 2.25},
		{number: 9, what: "password sign-in and code", signs: "ES256", do: passwordLogin, must: 1, aim: 1, overHash: 1.05, aimedHash: 1.03},
		{number: 9, what: "the same, in a new browser", signs: "ES256", do: strangeLogin, must: 1, aim: 1, overHash: 1.05, aimedHash: 1.03},
		{number: 23, what: "passkey sign-in", signs: "-", do: passkeyLogin, must: 3, aim: 2, keyed: true},
		{number: 24, what: "sign-in page", signs: "-", do: signInPage, must: 2, aim: 1},
	}
}

// figure is one measurement.
type figure struct {
	cpu      time.Duration // of the server and its database, per operation
	rate     float64       // operations per second of wall time
	p50, p99 time.Duration
	others   float64 // share of the machine that somebody else used
	ops      int
	each     work // what the server did for one of them
}

// meter counts what is ours on the machine, so that what is left is somebody
// else's.
type meter struct {
	houses []*house
	empty  int // PID of the empty server
}

func (m meter) ours() (time.Duration, error) {
	sum, err := ownCPU()
	if err != nil {
		return 0, err
	}
	for _, h := range m.houses {
		used, err := h.cpu()
		if err != nil {
			return 0, err
		}
		sum += used
	}
	used, err := processCPU(m.empty)
	return sum + used, err
}

// measure runs each operation in a closed loop of its own, for a time, and
// counts what cpu says was used meanwhile.
func (m meter) measure(ctx context.Context, each time.Duration, cpu func() (time.Duration, error), ops []operation) (figure, error) {
	var before, after [3]time.Duration
	read := func(to *[3]time.Duration) error {
		for i, f := range []func() (time.Duration, error){cpu, m.ours, machineCPU} {
			var err error
			if to[i], err = f(); err != nil {
				return err
			}
		}
		return nil
	}
	if err := read(&before); err != nil {
		return figure{}, err
	}
	began := time.Now()
	took, err := loop(ctx, began.Add(each), ops)
	if err != nil {
		return figure{}, err
	}
	elapsed := time.Since(began)
	if err := read(&after); err != nil {
		return figure{}, err
	}
	n := len(took)
	slices.Sort(took)
	others := (after[2] - before[2]) - (after[1] - before[1])
	return figure{
		cpu: (after[0] - before[0]) / time.Duration(n), rate: float64(n) / elapsed.Seconds(),
		p50: took[n/2], p99: took[n*99/100],
		others: max(0, others.Seconds()) / elapsed.Seconds() / float64(runtime.NumCPU()), ops: n,
	}, nil
}

// loop repeats every operation until the deadline and returns how long each
// took; the first error ends all.
func loop(ctx context.Context, until time.Time, ops []operation) ([]time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	took := make([][]time.Duration, len(ops))
	var all sync.WaitGroup
	for i, op := range ops {
		all.Go(func() {
			for began := time.Now(); began.Before(until); {
				if err := op(ctx); err != nil {
					cancel(err)
					return
				}
				now := time.Now()
				took[i] = append(took[i], now.Sub(began))
				began = now
			}
		})
	}
	all.Wait()
	return slices.Concat(took...), context.Cause(ctx)
}

// load measures every row on every house, round by round.
func (r *report) load(ctx context.Context, o options, houses []*house) error {
	empty, err := startEmpty(ctx)
	if err != nil {
		return err
	}
	defer empty.stop()
	m := meter{houses: houses, empty: empty.cmd.Process.Pid}
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "bench: round %d of %d\n", round+1, o.rounds)
		if err := r.bare(ctx, o, m, empty); err != nil {
			return err
		}
		for _, row := range rows() {
			if !o.wanted(row.number) {
				continue
			}
			for _, h := range houses {
				f, err := m.row(ctx, o, h, row)
				if err != nil {
					return fmt.Errorf("row %d on %s: %w", row.number, h.storage, err)
				}
				r.add(row, h.storage, f)
			}
		}
	}
	for _, h := range houses {
		if err := r.halfPeaks(ctx, o, m, h); err != nil {
			return fmt.Errorf("at half the peak on %s: %w", h.storage, err)
		}
		if err := h.work(ctx, o.operations); err != nil {
			return fmt.Errorf("%d operations on %s: %w", o.operations, h.storage, err)
		}
		if err := r.afterLoad(h); err != nil {
			return err
		}
	}
	return nil
}

// row measures one row on one house, after a short while to warm up.
func (m meter) row(ctx context.Context, o options, h *house, r row) (figure, error) {
	ops, err := h.operations(ctx, r)
	if err != nil {
		return figure{}, err
	}
	if _, err := loop(ctx, time.Now().Add(o.each/10), ops); err != nil {
		return figure{}, err
	}
	before, err := h.worked(ctx)
	if err != nil {
		return figure{}, err
	}
	f, err := m.measure(ctx, o.each, h.cpu, ops)
	if err != nil {
		return figure{}, err
	}
	h.ops += f.ops
	after, err := h.worked(ctx)
	f.each = after.since(before, f.ops)
	return f, err
}

// operations are a row's, one for each worker.
func (h *house) operations(ctx context.Context, r row) ([]operation, error) {
	people := h.load
	if r.keyed {
		people = h.keyed
	}
	ops := make([]operation, len(people))
	for i, p := range people {
		var err error
		if ops[i], err = r.do(ctx, p); err != nil {
			return nil, err
		}
	}
	return ops, nil
}
