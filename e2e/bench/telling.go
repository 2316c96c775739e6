package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gatehouse/web/api/client"
)

// apps follows suspensions until every app that answers has acknowledged: with
// one logout for the whole person, while all answer and while two more are
// ill; and with one call per session.
func (r *rig) apps(ctx context.Context, o options) error {
	if err := r.whole.live(ctx, o.live, "app"); err != nil {
		return err
	}
	if err := r.alsoIn(ctx, r.whole, o.live); err != nil {
		return err
	}
	well, err := r.tellings(ctx, r.whole, o.tellings, false)
	if err != nil {
		return err
	}
	ill, err := r.tellings(ctx, r.whole, max(1, o.tellings/2), true)
	if err != nil {
		return err
	}
	few := r.calling[1]
	if err := few.live(ctx, apps+1, "app"); err != nil {
		return err
	}
	small, err := r.tellings(ctx, few, max(1, o.tellings/2), false)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("from the click until %d apps have acknowledged, whole-user logout, %d live sessions", apps, o.live)
	r.find(what, well.String(), "p99 <= 1000 ms", well.p99 <= time.Second)
	r.find("the same for those that answer, while one more app hangs and one fails", ill.String(), "p99 <= 1000 ms", ill.p99 <= time.Second)
	r.find(fmt.Sprintf("the same for a person with one session in each of %d apps", apps), small.String(), "p99 <= 300 ms", small.p99 <= 300*time.Millisecond)
	return r.oneByOne(ctx, o)
}

// alsoIn makes the person a participant of the two apps that can be ill.
func (r *rig) alsoIn(ctx context.Context, p *person, sessions int) error {
	columns, err := r.columns(ctx, "participants")
	if err != nil {
		return err
	}
	values := make([]string, len(columns))
	for i, c := range columns {
		if values[i] = "r." + c; c == "app_id" {
			values[i] = "a.id"
		}
	}
	_, err = r.db.ExecContext(ctx, fmt.Sprintf(`INSERT INTO participants (%s) SELECT %s
		FROM (SELECT * FROM participants WHERE user_id = (SELECT id FROM users WHERE username = $1) ORDER BY session_id LIMIT 1) r
		JOIN apps a ON a.identifier IN ('%s', '%s')`, strings.Join(columns, ", "), strings.Join(values, ", "),
		earName("app", apps), earName("app", apps+1)), p.name)
	return err
}

// tellings suspends the person n times.
func (r *rig) tellings(ctx context.Context, p *person, n int, ill bool) (spread, error) {
	r.ears.bad.Store(ill)
	defer r.ears.bad.Store(false)
	var took []time.Duration
	for i := range n + 2 {
		one, err := r.telling(ctx, p)
		if err != nil {
			return spread{}, err
		}
		if i >= 2 { // warm
			took = append(took, one)
		}
	}
	return percentiles(took), nil
}

// telling is one suspension, until the receipt says of each of the fifty apps
// when it had acknowledged; then the person is back.
func (r *rig) telling(ctx context.Context, p *person) (time.Duration, error) {
	if err := r.revive(ctx, p); err != nil {
		return 0, err
	}
	click := time.Now()
	receipt, err := r.api().Suspend(ctx, p.name, "bench")
	if err != nil {
		return 0, err
	}
	var last time.Time
	for last.IsZero() {
		if time.Since(click) > time.Minute {
			return 0, fmt.Errorf("the apps of %s were not told within a minute", p.name)
		}
		time.Sleep(20 * time.Millisecond)
		if receipt, err = r.api().Receipt(ctx, receipt.ID); err != nil {
			return 0, err
		}
		last = acknowledged(receipt)
	}
	_, err = r.api().Restore(ctx, p.name)
	return last.Sub(click), err
}

// acknowledged is when the last of the fifty apps had; zero while not all have
// or the receipt is still listing.
func acknowledged(receipt client.Receipt) (last time.Time) {
	said := 0
	for _, l := range receipt.Lines {
		if !strings.HasPrefix(l.App, "app") || l.App == earName("app", apps) || l.App == earName("app", apps+1) {
			continue
		}
		if l.AckedAt == nil || !l.Final {
			return time.Time{}
		}
		said++
		if l.AckedAt.After(last) {
			last = *l.AckedAt
		}
	}
	if receipt.Listing || said != apps {
		return time.Time{}
	}
	return last
}

// oneByOne suspends once somebody all of whose apps are told of each session.
func (r *rig) oneByOne(ctx context.Context, o options) error {
	if err := r.every.live(ctx, o.live, "each"); err != nil {
		return err
	}
	if err := r.revive(ctx, r.every); err != nil {
		return err
	}
	before, told := time.Duration(0), r.ears.told.Load()
	before, err := r.cpu()
	if err != nil {
		return err
	}
	click := time.Now()
	if _, err := r.timed(ctx, r.every); err != nil {
		return err
	}
	want := told + int64(o.live-1) // one session is of the app it was begun with
	for r.ears.told.Load() < want {
		if time.Since(click) > 5*time.Minute {
			return fmt.Errorf("%d of %d calls after five minutes", r.ears.told.Load()-told, want-told)
		}
		time.Sleep(10 * time.Millisecond)
	}
	took := time.Since(click)
	after, err := r.cpu()
	if err != nil {
		return err
	}
	n := want - told
	r.tell(fmt.Sprintf("beside it: one call per session, %d participants per app", o.live/apps),
		fmt.Sprintf("%.1f s for %d calls (%.0f/s, %.2f ms of CPU each)", took.Seconds(), n, float64(n)/took.Seconds(), ms(after-before)/float64(n)))
	return nil
}
