package console

import (
	"fmt"
	"time"

	"gatehouse/web/ui"
)

// tally counts the lines of the receipt.
func (v receiptView) tally() ui.Tally {
	t := ui.Tally{}
	for _, l := range v.Lines {
		t[l.State]++
	}
	return t
}

// aliveUntil is the latest ceiling of the lines alive; zero when none is, or
// one of them is not known.
func (v receiptView) aliveUntil() time.Time {
	var until time.Time
	for _, l := range v.Lines {
		if l.State != ui.Alive {
			continue
		}
		if l.Ceiling.IsZero() {
			return time.Time{}
		}
		if l.Ceiling.After(until) {
			until = l.Ceiling
		}
	}
	return until
}

// settled reports whether no line will change any more.
func (v receiptView) settled() bool { return !v.Listing && !v.SettledAt.IsZero() }

// still reports whether the page will not change any more: nothing turns, and
// that is signed.
func (v receiptView) still() bool { return v.settled() && v.SignedFinal }

// signedWords says what the signed version is.
func (v receiptView) signedWords() string {
	switch {
	case v.Version == 0:
		return "The receipt can be downloaded, signed by the house, within seconds after its lines are listed."
	case v.SignedFinal && v.settled():
		return fmt.Sprintf("Version %d, signed %s. Every line is final in it.", v.Version, ui.Exact(v.SignedAt))
	case v.settled():
		return fmt.Sprintf("Version %d, signed %s. The last version follows within seconds.", v.Version, ui.Exact(v.SignedAt))
	}
	return fmt.Sprintf("Version %d, signed %s. Another is signed when lines turn.", v.Version, ui.Exact(v.SignedAt))
}

// headline says how things stand. It says "everywhere" only where the app
// itself, or its ceiling, has proven it.
func (v receiptView) headline() string {
	t := v.tally()
	here := v.Subject + " at Gatehouse"
	if v.Whole {
		here = v.Subject + " of Gatehouse"
	}
	needs := t[ui.Failed] + t[ui.Manual]
	switch {
	case v.Restored:
		return v.Person + " was restored since"
	case v.Listing:
		return here
	case t.Total() == 0:
		return here + "; no app had to be told"
	case t[ui.Verified]+t[ui.Ended] == t.Total():
		return v.Subject + " everywhere"
	case v.settled() && needs > 0:
		return here + "; " + ui.Count(needs, "app needs", "apps need") + " your hand"
	case v.settled():
		return here + "; every app has answered"
	}
	return here
}

// words is the line under the headline.
func (v receiptView) words() string {
	switch {
	case v.Listing && len(v.Lines) == 0:
		return "Listing what was held"
	case v.Listing:
		return v.tally().Words(v.aliveUntil()) + ", still listing"
	case len(v.Lines) == 0:
		return "There was nothing to tell anybody"
	}
	return v.tally().Words(v.aliveUntil())
}

// inForce is how long it took from the click until nothing was accepted any
// more.
func (v receiptView) inForce() string { return latency(v.CutAt.Sub(v.AskedAt).Milliseconds()) }

// clockMS is what the receipt's clock shows when the page is rendered: time
// since the click, and where all is settled the time until it was.
func (v receiptView) clockMS(now time.Time) int64 {
	if v.settled() {
		now = v.SettledAt
	}
	return max(0, now.Sub(v.AskedAt).Milliseconds())
}

func clockWords(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	if d < 100*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return ui.Span(d)
}

// latency prints milliseconds the way a column of them reads.
func latency(ms int64) string { return ui.Number(int(ms)) + " ms" }

// words says the exposure as one sentence: "If suspended now: out of 13 apps
// within 2 s, CRM alive until 14:05 UTC".
func (e exposure) words(now time.Time) string {
	var out string
	switch {
	case e.Prompt == 0 && len(e.Alive) == 0:
		return "If suspended now: out of Gatehouse at once; no app holds a session"
	case e.Prompt == 0:
		out = "If suspended now: out of Gatehouse at once"
	default:
		out = "If suspended now: out of " + ui.Count(e.Prompt, "app", "apps") + " within 2 s"
	}
	for i, a := range e.Alive {
		if i == 3 {
			return out + ", and " + ui.Count(len(e.Alive)-i, "more app", "more apps") + " alive for a while"
		}
		if a.Until.IsZero() {
			out += ", " + a.App + " alive until it ends by itself"
			continue
		}
		out += ", " + a.App + " alive until " + ui.Moment(a.Until, now)
	}
	return out
}

// holds says what the person holds at Gatehouse itself.
func (v previewView) holds() string {
	out := ui.Count(v.Sessions, "session", "sessions")
	if v.Offline > 0 {
		out += ", " + ui.Count(v.Offline, "offline token family", "offline token families")
	}
	if v.Tokens > 0 {
		out += ", " + ui.Count(v.Tokens, "API token", "API tokens")
	}
	return out
}
