package outbox

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"gatehouse/idp"
)

func TestAfter(t *testing.T) {
	t.Parallel()
	sent, answered := cut.Add(40*time.Millisecond), cut.Add(90*time.Millisecond)
	now := cut.Add(100 * time.Millisecond)
	says := func(n int) probed { return probed{asked: true, sessions: n, at: answered} }
	silent := probed{asked: true, err: errors.New("it answered 500 Internal Server Error"), at: answered}
	ok := outcome{kind: idp.EndUser, cutAt: cut, sentAt: sent, answerAt: answered, answer: "200 OK."}
	failed := func(err error) outcome { o := ok; o.answer, o.err = "", err; return o }
	probedBy := func(p probed) outcome { o := ok; o.probe = p; return o }

	fresh := idp.Delivery{ID: "dlv_1", State: idp.DeliveryPending, CreatedAt: cut, NextAt: cut}
	open := with(fresh, func(d *idp.Delivery) { d.AgainAt = cut.Add(4 * time.Minute) })
	// The same line when its window has closed and it was told before.
	due := with(fresh, func(d *idp.Delivery) {
		d.AgainAt, d.Attempts = sent, 1
		d.FirstSentAt, d.AckedAt, d.LatencyMS = cut.Add(-4*time.Minute), cut.Add(-3*time.Minute), 77
	})
	tried := with(fresh, func(d *idp.Delivery) {
		d.Attempts, d.FirstSentAt, d.State = 3, cut.Add(-time.Minute), idp.DeliveryRetrying
	})

	// The same line after a day that nobody was there to try it, and with half
	// a second of the day left.
	late := with(fresh, func(d *idp.Delivery) { d.CreatedAt = now.Add(-deadline) })
	justInTime := with(fresh, func(d *idp.Delivery) { d.CreatedAt = now.Add(-deadline + time.Microsecond) })

	acked := func(d *idp.Delivery) {
		d.Attempts++
		if d.FirstSentAt.IsZero() {
			d.FirstSentAt = sent
		}
		if d.AckedAt.IsZero() {
			d.AckedAt, d.LatencyMS = answered, 90
		}
		d.Answer = "200 OK."
	}
	tests := []struct {
		name string
		d    idp.Delivery
		o    outcome
		want func(*idp.Delivery)
	}{
		{"acknowledged is final without a probe", fresh, ok, func(d *idp.Delivery) {
			acked(d)
			d.State, d.FinishedAt = idp.DeliveryAcknowledged, now
		}},
		{"0 sessions is evidence", fresh, probedBy(says(0)), func(d *idp.Delivery) {
			acked(d)
			d.Answer += " It says that 0 sessions are open."
			d.State, d.VerifiedAt, d.FinishedAt = idp.DeliveryVerified, answered, now
			d.Evidence = "the app answered 0 sessions at 14:05:00Z"
		}},
		{"200 but not done is told again", fresh, probedBy(says(2)), func(d *idp.Delivery) {
			acked(d)
			d.Answer += " It says that 2 sessions are open."
			d.State, d.NextAt = idp.DeliveryRetrying, now.Add(500*time.Millisecond)
		}},
		{"where one session ended, others may live", fresh, with(probedBy(says(1)), func(o *outcome) { o.kind = idp.EndSession }), func(d *idp.Delivery) {
			acked(d)
			d.Answer += " It says that 1 session is open."
			d.State, d.FinishedAt = idp.DeliveryAcknowledged, now
		}},
		{"a probe without an answer leaves it acknowledged", fresh, probedBy(silent), func(d *idp.Delivery) {
			acked(d)
			d.Answer += " Its probe gave no answer: it answered 500 Internal Server Error"
			d.State, d.FinishedAt = idp.DeliveryAcknowledged, now
		}},
		{"while an answer may land, an acknowledgement is not final", open, ok, func(d *idp.Delivery) {
			acked(d)
			d.NextAt = d.AgainAt
		}},
		{"nor is evidence", open, probedBy(says(0)), func(d *idp.Delivery) {
			acked(d)
			d.Answer += " It says that 0 sessions are open."
			d.NextAt = d.AgainAt
		}},
		{"but not done is not waited for", open, probedBy(says(1)), func(d *idp.Delivery) {
			acked(d)
			d.Answer += " It says that 1 session is open."
			d.State, d.NextAt = idp.DeliveryRetrying, now.Add(500*time.Millisecond)
		}},
		{"told again after the window it is final, with the first latency", due, probedBy(says(0)), func(d *idp.Delivery) {
			acked(d)
			d.Answer += " It says that 0 sessions are open."
			d.AgainAt = time.Time{}
			d.State, d.VerifiedAt, d.FinishedAt = idp.DeliveryVerified, answered, now
			d.Evidence = "the app answered 0 sessions at 14:05:00Z"
		}},
		{"refused after the window it is still to be told", due, failed(errors.New("503")), func(d *idp.Delivery) {
			d.Attempts, d.Answer = 2, "503"
			d.State, d.NextAt = idp.DeliveryRetrying, now.Add(time.Second)
		}},
		{"a failure is retried", fresh, failed(errors.New("refused")), func(d *idp.Delivery) {
			d.Attempts, d.FirstSentAt, d.Answer = 1, sent, "refused"
			d.State, d.NextAt = idp.DeliveryRetrying, now.Add(500*time.Millisecond)
		}},
		{"later and later", tried, failed(errors.New("refused")), func(d *idp.Delivery) {
			d.Attempts, d.Answer = 4, "refused"
			d.NextAt = now.Add(4 * time.Second)
		}},
		{"Retry-After is respected", fresh, failed(fmt.Errorf("send: %w", RetryAfter(errors.New("busy"), 7*time.Minute))), func(d *idp.Delivery) {
			d.Attempts, d.FirstSentAt, d.Answer = 1, sent, "send: busy"
			d.State, d.NextAt = idp.DeliveryRetrying, now.Add(7*time.Minute)
		}},
		{"for an hour at most", fresh, failed(RetryAfter(errors.New("busy"), 48*time.Hour)), func(d *idp.Delivery) {
			d.Attempts, d.FirstSentAt, d.Answer = 1, sent, "busy"
			d.State, d.NextAt = idp.DeliveryRetrying, now.Add(time.Hour)
		}},
		{"no sooner than the backoff", tried, failed(RetryAfter(errors.New("busy"), time.Second)), func(d *idp.Delivery) {
			d.Attempts, d.Answer = 4, "busy"
			d.NextAt = now.Add(4 * time.Second)
		}},
		{"a try without success after a day was the last", late, failed(errors.New("refused")), func(d *idp.Delivery) {
			d.Attempts, d.FirstSentAt, d.Answer = 1, sent, "refused"
			d.State, d.FinishedAt = idp.DeliveryFailed, now
		}},
		{"also where the app heard and is not done", late, probedBy(says(2)), func(d *idp.Delivery) {
			acked(d)
			d.Answer += " It says that 2 sessions are open."
			d.State, d.FinishedAt = idp.DeliveryFailed, now
		}},
		{"one within the day was not", justInTime, failed(errors.New("refused")), func(d *idp.Delivery) {
			d.Attempts, d.FirstSentAt, d.Answer = 1, sent, "refused"
			d.State, d.NextAt = idp.DeliveryRetrying, now.Add(500*time.Millisecond)
		}},
		{"success comes never too late", late, ok, func(d *idp.Delivery) {
			acked(d)
			d.State, d.FinishedAt = idp.DeliveryAcknowledged, now
		}},
		{"what no repeat will help has failed", fresh, failed(Permanent(idp.Errorf(idp.Denied, "The app does not know us.").Because(errors.New("secret")))), func(d *idp.Delivery) {
			d.Attempts, d.FirstSentAt, d.Answer = 1, sent, "The app does not know us."
			d.State, d.FinishedAt = idp.DeliveryFailed, now
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := tt.d
			tt.want(&want)
			if diff := cmp.Diff(want, after(tt.d, tt.o, now, 0.5)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBackoffGrowsToFifteenMinutes(t *testing.T) {
	t.Parallel()
	for attempts, most := range map[int]time.Duration{
		0: time.Second, 1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 10: 512 * time.Second,
		11: 15 * time.Minute, 40: 15 * time.Minute, 1 << 40: 15 * time.Minute,
	} {
		if got := backoff(attempts, 1); got != most {
			t.Errorf("after %d attempts at most %s, want %s", attempts, got, most)
		}
		if got := backoff(attempts, 0); got != leastPause {
			t.Errorf("after %d attempts at least %s, want %s", attempts, got, leastPause)
		}
	}
}

func TestClipKeepsAnAnswerToOneReadableLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"fine":                   "fine",
		" a\r\nb\x00c\x7f ":      "a  b c",
		"a\xffb":                 "a b",
		strings.Repeat("é", 200): strings.Repeat("é", 148) + "…",
		strings.Repeat("x", 300): strings.Repeat("x", 300),
	} {
		got := clip(in)
		if got != want || len(got) > maxAnswer || !utf8.ValidString(got) {
			t.Errorf("clip(%q) = %q, want %q", in, got, want)
		}
	}
}
