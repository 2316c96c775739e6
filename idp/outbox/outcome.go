package outbox

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/idp"
)

// outcome is what one attempt at a delivery brought.
type outcome struct {
	kind     idp.EndingKind // of the receipt
	cutAt    time.Time      // of the receipt
	sentAt   time.Time      // when the message left
	answerAt time.Time      // when the app had answered, or not
	answer   string         // what an acknowledging app said
	err      error          // why there is no acknowledgement
	probe    probed
}

// probed is what the app said of its own sessions after it acknowledged.
type probed struct {
	asked    bool
	err      error
	sessions int
	at       time.Time
}

// after says what becomes of d by o. chance, from 0 to 1, spreads the retries.
func after(d idp.Delivery, o outcome, now time.Time, chance float64) idp.Delivery {
	now = idp.Time(now)
	d.Attempts++
	if d.FirstSentAt.IsZero() {
		d.FirstSentAt = idp.Time(o.sentAt)
	}
	if o.err != nil {
		return unanswered(d, o, now, chance)
	}
	if d.AckedAt.IsZero() {
		d.AckedAt = idp.Time(o.answerAt)
		d.LatencyMS = max(0, o.answerAt.Sub(o.cutAt).Milliseconds())
	}
	d.Answer = clip(o.answer + o.probe.words())
	if !d.AgainAt.IsZero() && !o.sentAt.Before(d.AgainAt) {
		d.AgainAt = time.Time{}
	}
	switch {
	case o.probe.alive() && o.kind != idp.EndSession:
		// Where one session ended, others of the same person may well live.
		return again(d, now, backoff(d.Attempts, chance))
	case !d.AgainAt.IsZero():
		d.State, d.NextAt = idp.DeliveryPending, d.AgainAt
	case o.probe.gone():
		d.State, d.FinishedAt = idp.DeliveryVerified, now
		d.VerifiedAt = idp.Time(o.probe.at)
		d.Evidence = "the app answered 0 sessions at " + d.VerifiedAt.Format("15:04:05Z")
	default:
		d.State, d.FinishedAt = idp.DeliveryAcknowledged, now
	}
	return d
}

func unanswered(d idp.Delivery, o outcome, now time.Time, chance float64) idp.Delivery {
	d.Answer = clip(words(o.err))
	if permanent(o.err) {
		d.State, d.FinishedAt = idp.DeliveryFailed, now
		return d
	}
	return again(d, now, max(backoff(d.Attempts, chance), min(retryAfter(o.err), maxRetryAfter)))
}

// again has d tried once more after the pause, or gives it up after a day.
func again(d idp.Delivery, now time.Time, pause time.Duration) idp.Delivery {
	if !now.Before(latest(d.CreatedAt, d.RevivedAt).Add(deadline)) {
		d.State, d.FinishedAt = idp.DeliveryFailed, now
		return d
	}
	d.State, d.NextAt = idp.DeliveryRetrying, now.Add(pause)
	return d
}

func (p probed) gone() bool  { return p.asked && p.err == nil && p.sessions == 0 }
func (p probed) alive() bool { return p.asked && p.err == nil && p.sessions > 0 }

// words is what the probe adds to the app's answer.
func (p probed) words() string {
	switch {
	case !p.asked:
		return ""
	case p.err != nil:
		return " Its probe gave no answer: " + words(p.err)
	case p.sessions == 1:
		return " It says that 1 session is open."
	}
	return fmt.Sprintf(" It says that %d sessions are open.", p.sessions)
}

const (
	minPause      = time.Second
	maxPause      = 15 * time.Minute
	leastPause    = 100 * time.Millisecond // chance may be 0
	maxRetryAfter = time.Hour              // a day would be past the deadline
)

// backoff is exponential with full jitter: the nth pause is evenly spread
// between nothing and 1 s, 2 s, 4 s ... 15 min, so that apps which come back
// are not met by everybody at once.
func backoff(attempts int, chance float64) time.Duration {
	ceiling := min(maxPause, minPause<<min(max(attempts-1, 0), 10))
	return max(leastPause, time.Duration(chance*float64(ceiling)))
}

// words is what an error says on the receipt.
func words(err error) string {
	if e, ok := errors.AsType[*idp.Error](err); ok {
		return e.Detail
	}
	return err.Error()
}

// maxAnswer is idp.Delivery's.
const maxAnswer = 300

// clip keeps what an app said to one line of printable text of maxAnswer bytes.
func clip(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s))
	if len(s) <= maxAnswer {
		return s
	}
	cut := maxAnswer - len("…")
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
