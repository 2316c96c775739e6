// Command bench prints what the house costs: CPU time per operation, on SQLite,
// on PostgreSQL and there with Redis in front, beside the bare signature, the bare hash and an empty
// HTTP request of the same run, with what an operation allocates and asks of
// the database and of Redis; then how long answers take at half the peak, and
// what a suspension, a start, an idle process, one that has done much and the
// binary cost. It runs the built binary and speaks to it as
// browsers, apps and admins do; only the ten thousand sessions of one person
// are copied with SQL, because ten thousand sign-ins would take longer than
// everything else. It leaves judging to the tests and to its reader: nothing
// here passes or fails.
//
// With -revocation it measures what is promised of a suspension instead: see
// the stages in revocation.go and docs/performance.md.
//
// The figure of record is CPU milliseconds of the server, with its database's
// processes, per operation: wall times on a shared machine are noise. The
// invariant: figures that are compared come from one run, interleaved, and
// each names the algorithm it was signed with.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// options say how long to measure, and where.
type options struct {
	each        time.Duration
	rounds      int
	suspensions int
	starts      int
	operations  int
	rows        string
	postgres    string
	binary      string

	// Of the figures of revocation.
	revocation                                     bool
	stages                                         string
	cuts, calls, sessions, tellings, live, million int

	// Of a layoff.
	layoff     int
	layoffApps int
	layoffOn   string
}

func main() {
	var o options
	flag.DurationVar(&o.each, "each", 3*time.Second, "how long one figure is measured in one round")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds; the median counts")
	flag.StringVar(&o.rows, "rows", "1,2,3,4,5,6,7,8,9,10,23,24,25", "the rows of the table to measure")
	flag.IntVar(&o.suspensions, "suspensions", 7, "suspensions of each kind; the median counts")
	flag.IntVar(&o.starts, "starts", 10, "starts; the median counts")
	flag.IntVar(&o.operations, "operations", 100_000, "operations of a server, at least, before its memory is read again")
	flag.StringVar(&o.postgres, "postgres", os.Getenv("GATEHOUSE_TEST_POSTGRES"), "a PostgreSQL `server` on this machine, as a URL")
	flag.StringVar(&o.binary, "gatehouse", "", "measure this `binary` instead of building one")
	flag.BoolVar(&o.revocation, "revocation", false, "measure the figures of revocation instead")
	flag.StringVar(&o.stages, "stages", stageNames(), "revocation: the `stages` to run")
	flag.IntVar(&o.cuts, "cuts", 10_000, "revocation: suspensions under load on three nodes")
	flag.IntVar(&o.calls, "calls", 1_000, "revocation: suspensions that are timed beside one transaction and one Redis call")
	flag.IntVar(&o.sessions, "sessions", 100_000, "revocation: live sessions of one person, whose suspension is compared with that of one session")
	flag.IntVar(&o.tellings, "tellings", 100, "revocation: suspensions that are followed until fifty apps have acknowledged")
	flag.IntVar(&o.live, "live", 10_000, "revocation: live sessions of the person whose apps are told")
	flag.IntVar(&o.million, "million", 1_000_000, "revocation: live sessions in Redis")
	flag.IntVar(&o.layoff, "layoff", 0, "measure nothing but a layoff of so many people")
	flag.IntVar(&o.layoffApps, "layoff-apps", apps, "how many apps each of them is signed in at")
	flag.StringVar(&o.layoffOn, "layoff-on", "postgres", "the `database` of the layoff: sqlite, postgres, or redis for PostgreSQL with a Redis in front")
	empty := flag.Bool("empty", false, "be the empty HTTP server (what the program starts itself as)")
	people := flag.Bool("crowd", false, "be a crowd that signs in (what the program starts itself as)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := run
	if o.revocation {
		run = revocation
	}
	if o.layoff > 0 {
		run = layoff
	}
	if *empty {
		run = func(context.Context, options) error { return serveEmpty() }
	}
	if *people {
		run = func(ctx context.Context, _ options) error { return serveCrowd(ctx) }
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures everything and prints it.
func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary, size, err := build(ctx, dir, o.binary)
	if err != nil {
		return err
	}
	houses, err := open(ctx, dir, binary, o)
	defer func() {
		for _, h := range houses {
			err = errors.Join(err, h.close())
		}
	}()
	if err != nil {
		return err
	}
	rep := report{binary: size}
	for _, part := range []struct {
		what    string
		measure func(context.Context, options, *house) error
	}{{"starts on a small store", rep.starts}, {"", nil}, {"suspensions", rep.suspensions}, {"starts on a grown store", rep.starts}, {"signing in", rep.signingIn}} {
		if part.measure == nil {
			if err := rep.load(ctx, o, houses); err != nil {
				return err
			}
			continue
		}
		for _, h := range houses {
			fmt.Fprintf(os.Stderr, "bench: %s, %s\n", part.what, h.storage)
			if err := part.measure(ctx, o, h); err != nil {
				return fmt.Errorf("%s, %s: %w", part.what, h.storage, err)
			}
		}
	}
	rep.print(os.Stdout)
	return nil
}

// open starts a furnished house on each database.
func open(ctx context.Context, dir, binary string, o options) ([]*house, error) {
	if o.postgres == "" {
		return nil, errors.New("GATEHOUSE_TEST_POSTGRES names no PostgreSQL: run `make bench`, or e2e/with-services.sh go run ./e2e/bench")
	}
	lite, err := onSQLite(filepath.Join(dir, "sqlite"))
	if err != nil {
		return nil, err
	}
	houses := []*house{lite}
	post, err := onPostgres(ctx, filepath.Join(dir, "postgres"), o.postgres)
	if err != nil {
		return houses, err
	}
	houses = append(houses, post)
	fast, err := onRedis(ctx, dir, o.postgres)
	if err != nil {
		return houses, err
	}
	houses = append(houses, fast)
	for _, h := range houses {
		h.binary = binary
		if err := h.count(); err != nil {
			return houses, err
		}
		if err := h.furnish(ctx, o); err != nil {
			return houses, fmt.Errorf("furnish the house on %s: %w", h.storage, err)
		}
	}
	return houses, nil
}
