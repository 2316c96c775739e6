package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestF13ClocksThatAreWrong is F-13, CL-02 and RV-11 on two nodes: one of them
// is ten minutes off either way, and both jump by an hour forth and back. What
// was ended stays ended, whoever ended it, and the house says that a clock is
// wrong. (That what is short-lived expires early on a node whose clock is ahead
// is no fault.)
func TestF13ClocksThatAreWrong(t *testing.T) {
	t.Parallel()
	bin, err := builtFaulty()
	if err != nil {
		t.Fatal(err)
	}
	h := newRig(t, bin, 2, 0, race{people: 6})
	for _, node := range h.servers {
		node.Log.expect("the clock of this node is wrong")
	}
	judged := func(when string, least int) {
		t.Helper()
		v := judge(h.log.soFar())
		for _, wrong := range slices.DeleteFunc(v.violations, func(v violation) bool { return v.rule == turnedAway }) {
			t.Errorf("%s: %s", when, wrong)
		}
		if v.deadPasses < least {
			t.Errorf("%s: only %d dead passes were tried", when, v.deadPasses)
		}
	}
	// Each way of suspending, restoring and suspending again by other clocks.
	for round, off := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		p := h.warmAt(0)
		h.ahead(1, off)
		h.servers[1].Log.await(t, "the clock of this node is wrong")
		for _, by := range [][3]int{{0, 1, 0}, {1, 0, 1}} {
			h.suspend(0, p, by[0])
			h.tries(p)
			h.restoreAt(0, p, by[1])
			h.tries(p)
			h.away.Store(int32(2 - by[2])) // signs in where it is suspended next
			h.signIn(0, p)
			h.away.Store(0)
			h.suspend(0, p, by[2])
			h.tries(p)
			h.restoreAt(0, p, by[1])
			h.tries(p)
		}
		h.ahead(1, 0)
		until(t, readyWithin, "the clock is right again", func() bool {
			return strings.Count(h.servers[1].Log.String(), "the clock of this node is right again") == round+1
		})
		p.admin.Unlock()
		judged(off.String(), 20)
	}
	// The hour forth and back, for everybody, while somebody is suspended and
	// somebody else is not.
	for _, off := range []time.Duration{time.Hour, -time.Hour} {
		gone, stays := h.warmAt(0), h.warmAt(1)
		h.suspend(0, gone, 0)
		for _, by := range []time.Duration{off, 0} {
			for node := range h.nodes {
				h.ahead(node, by)
			}
			h.tries(gone)
			for node := range h.nodes {
				sessions := stays.all("session")
				if o := h.useAt(node, 0, stays, opPortal, sessions[len(sessions)-1]); o.Result != saidYes {
					t.Errorf("a session of two hours is over after %s: %s", by, o)
				}
			}
			h.restoreAt(0, gone, 1)
			h.tries(gone)
			h.suspend(0, gone, 1)
			h.tries(gone)
		}
		h.restoreAt(0, gone, 0)
		h.tries(gone)
		gone.admin.Unlock()
		stays.admin.Unlock()
		judged("a jump of "+off.String(), 60)
	}
}

// TestTheProductHasNoClockToSet: the binary that people run does not know of
// the file.
func TestTheProductHasNoClockToSet(t *testing.T) {
	t.Parallel()
	program, err := os.ReadFile(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(program), "FAULT_CLOCK") {
		t.Error("its clock can be set off")
	}
}
