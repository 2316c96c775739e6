package outbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"gatehouse/idp"
)

// Worker lists receipts and sends deliveries. Any number of workers may share
// a store, each under its own Name. A zero value of a field with a default
// means the default. A Worker must not be copied after its first use.
type Worker struct {
	Store Store
	// Levers of the house, the strongest first. An app is told by all that
	// reach it, in parallel.
	Levers []Lever
	Probe  Prober // may be nil: then no line becomes verified by a probe
	// Name tells this worker's claims from others': one per running process.
	// A process that starts under the name of a dead one frees its claims. Each
	// claim is held in a hand of its own, see hand.
	Name string
	Now  func() time.Time
	Log  *slog.Logger
	// Alarm is called with lines that have failed for good. May be nil.
	Alarm func(ctx context.Context, failed []idp.Delivery)
	// Tried is called after every attempt that was written down, with the state
	// it left the line in and how long the app took. May be nil.
	Tried func(lever idp.Lever, state idp.DeliveryState, took time.Duration)

	InFlight    int           // lines in work at once; default 128
	PerApp      int           // of these, of one app, over all workers; default 4
	Poll        time.Duration // how often the store is asked when nobody wakes us; default 500 ms
	SendTimeout time.Duration // for an app to answer; default 5 s
	Lease       time.Duration // how long a claim outlives its worker; default 30 s
	// CodeWindow is how long a code answer can still become a session in an
	// app; default 5 min. Skew is added to the validity of an assertion;
	// default 3 min.
	CodeWindow, Skew time.Duration

	receipts, sends bell
}

// lever is the one of this name; nil when there is none.
func (w *Worker) lever(name idp.Lever) Lever {
	for _, l := range w.Levers {
		if l.Name() == name {
			return l
		}
	}
	return nil
}

// Reaches reports whether there is any way to end something in app.
func (w *Worker) Reaches(app idp.App) bool {
	return slices.ContainsFunc(w.Levers, func(l Lever) bool { return l.Reaches(app) })
}

// LeversOf names the ways to end something in app, the strongest first;
// LeverNone alone where nothing reaches it.
func (w *Worker) LeversOf(app idp.App) []idp.Lever {
	var names []idp.Lever
	for _, l := range w.Levers {
		if l.Reaches(app) {
			names = append(names, l.Name())
		}
	}
	if len(names) == 0 {
		names = []idp.Lever{idp.LeverNone}
	}
	return names
}

// hand names one claim of this worker. What was said under an older claim of a
// line must not be written as if it were said under the newer one: the line may
// have come to say more in between.
func (w *Worker) hand() string { return w.Name + "/" + rand.Text() }

func (w *Worker) inFlight() int              { return cmp.Or(w.InFlight, 128) }
func (w *Worker) perApp() int                { return cmp.Or(w.PerApp, 4) }
func (w *Worker) poll() time.Duration        { return cmp.Or(w.Poll, 500*time.Millisecond) }
func (w *Worker) sendTimeout() time.Duration { return cmp.Or(w.SendTimeout, 5*time.Second) }
func (w *Worker) lease() time.Duration       { return cmp.Or(w.Lease, 30*time.Second) }
func (w *Worker) windows() windows {
	return windows{code: cmp.Or(w.CodeWindow, 5*time.Minute), skew: cmp.Or(w.Skew, 3*time.Minute)}
}

const (
	// listers is how many receipts are listed at once, so that a long one
	// does not hold up the others.
	listers = 4
	// deadline is how long an app is tried (DESIGN section 4, item 12): the
	// first try without success that ends after it was the last. Time alone
	// fails nothing, since we may have been away ourselves.
	deadline = 24 * time.Hour
	// breath is the least time between two claims of deliveries: a claim looks
	// at every app, and under load every line that is done would ask for the next.
	breath = 10 * time.Millisecond
	// stopGrace is for what is being sent when we are told to stop; what hangs
	// longer is given back and sent again by whoever claims it.
	stopGrace = 2 * time.Second
)

// Wake says that this process has just written a receipt: it is worked on at
// once instead of at the next poll. It never blocks and may be called before
// Run, or without it.
func (w *Worker) Wake() { w.receipts.ring() }

// Run works until ctx ends: then it claims nothing more, lets what is being
// sent come to its end, gives back the rest and returns nil.
func (w *Worker) Run(ctx context.Context) error {
	work, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, abort) })()

	if err := w.Store.ReleaseClaims(ctx, w.Name); err != nil {
		w.Log.WarnContext(ctx, "claims of the process before this one stay until they run out", "error", err)
	}
	var loops sync.WaitGroup
	loops.Go(func() { w.pump(ctx, work, &w.receipts, listers, 0, w.claimReceipts) })
	loops.Go(func() { w.pump(ctx, work, &w.sends, w.inFlight(), breath, w.claimDeliveries) })
	loops.Go(func() { w.keep(ctx) })
	loops.Wait()

	release, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
	defer cancel()
	if err := w.Store.ReleaseClaims(release, w.Name); err != nil {
		return fmt.Errorf("give claims back: %w", err)
	}
	return nil
}

// claim holds work for up to free goroutines. It stops claiming with stop;
// what it claimed runs under work.
type claim func(stop, work context.Context, free int) (jobs []func(), err error)

// pump claims work and has it done, at most slots at once, whenever the bell
// rings or the poll is due, but no sooner after a claim than rest. It returns
// when stop has ended and all work with it.
func (w *Worker) pump(stop, work context.Context, b *bell, slots int, rest time.Duration, next claim) {
	var running sync.WaitGroup
	busy := make(chan struct{}, slots)
	for stop.Err() == nil {
		var jobs []func()
		var err error
		if free := slots - len(busy); free > 0 {
			jobs, err = next(stop, work, free)
		}
		for _, job := range jobs {
			busy <- struct{}{}
			running.Go(func() {
				defer func() { <-busy; b.ring() }()
				job()
			})
		}
		if err != nil && stop.Err() == nil {
			w.Log.Log(stop, levelOf(err), "the outbox stands still for a moment", "error", err)
			pause(stop, 4*w.poll())
			continue
		}
		pause(stop, rest)
		wait := time.NewTimer(w.poll())
		select {
		case <-stop.Done():
		case <-b.heard():
		case <-wait.C:
		}
		wait.Stop()
	}
	running.Wait()
}

// keep does what time alone brings, until ctx ends.
func (w *Worker) keep(ctx context.Context) {
	for n := 0; ; n++ {
		now := idp.Time(w.Now())
		_, err := w.Store.EndedByCeiling(ctx, now)
		w.complain(ctx, "end lines by their ceiling", err)
		if n%120 == 0 {
			w.complain(ctx, "purge", w.Store.Purge(ctx, now))
		}
		if !pause(ctx, 10*w.poll()) {
			return
		}
	}
}

func (w *Worker) complain(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		w.Log.Log(ctx, levelOf(err), "housekeeping: "+what, "error", err)
	}
}

// levelOf is how loudly an error is told that stops nothing for good: that the
// store is away for a moment is no alarm, for it is asked again.
func levelOf(err error) slog.Level {
	if idp.IsKind(err, idp.Unavailable) {
		return slog.LevelWarn
	}
	return slog.LevelError
}
