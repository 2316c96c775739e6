package ui

import (
	"strings"
	"time"

	"gatehouse/idp"
)

// State is how a line of a receipt stands, in the words of DESIGN section 4
// item 12. It decides the glyph and the tone of a pill; the word is always
// written beside them.
type State string

// The states a line, or a receipt as a whole (Listing), can be in.
const (
	Listing      State = "listing"
	Sent               = State(idp.DeliveryPending)
	Retrying           = State(idp.DeliveryRetrying)
	Acknowledged       = State(idp.DeliveryAcknowledged)
	Verified           = State(idp.DeliveryVerified)
	Alive              = State(idp.DeliveryAlive)
	Failed             = State(idp.DeliveryFailed)
	Manual             = State(idp.DeliveryManual)
	Superseded         = State(idp.DeliverySuperseded)
	Ended              = State(idp.DeliveryEnded)
)

// stateOrder is how a progress line fills: what is settled best stands first.
var stateOrder = [...]State{Verified, Ended, Acknowledged, Superseded, Sent, Retrying, Alive, Manual, Failed, Listing}

// Tally counts the lines of a receipt by state.
type Tally map[State]int

// Total is the number of lines.
func (t Tally) Total() int {
	n := 0
	for _, c := range t {
		n += c
	}
	return n
}

// segments spreads the tally over at most width segments in the order in which
// a progress line fills; every state present keeps at least one.
func (t Tally) segments(width int) []State {
	total := t.Total()
	var out []State
	for _, s := range stateOrder {
		n := t[s]
		if n > 0 && total > width {
			n = max(1, n*width/total)
		}
		for range n {
			out = append(out, s)
		}
	}
	return out
}

// Words sums the tally up as people say it: "12 of 14 verified, 1 retrying,
// 1 alive until 14:05". until is the latest ceiling of the lines alive.
func (t Tally) Words(until time.Time) string {
	parts := []string{Number(t[Verified]) + " of " + Number(t.Total()) + " verified"}
	for _, s := range stateOrder[1:] {
		if t[s] == 0 {
			continue
		}
		word := string(s)
		if s == Alive && !until.IsZero() {
			word += " until " + until.UTC().Format("15:04")
		}
		parts = append(parts, Number(t[s])+" "+word)
	}
	return strings.Join(parts, ", ")
}
