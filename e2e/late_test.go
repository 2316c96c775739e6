package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// landsUntil is how long after it was made an assertion of two seconds can
// still land: two seconds and three minutes of clock skew. This test waits for
// it in real time, beside the others.
const landsUntil = 2*time.Second + 3*time.Minute

// TestLateAssertion: an assertion that left the house before the cut and is
// posted after the app has acknowledged the logout makes a session again. The
// second logout ends it, and the receipt's line is not final before.
func TestLateAssertion(t *testing.T) {
	t.Parallel()
	w := found(t, plan{Validity: "2s"})
	w.adaChoosesPassword()
	v := w.adaSignsIn()
	w.opens(v, w.CRM)
	caught := v.get(t, w.CRM.URL+"/login").follow(t) // the page that would post the second assertion
	madeAt := time.Now()

	r := w.suspends()
	until(t, readyWithin, "the CRM has acknowledged the first logout", func() bool {
		r = w.receipt(r.ID)
		return !r.Listing && line(t, r, "CRM").AckedAt != nil
	})
	first := line(t, r, "CRM")
	if first.Final || first.State != "sent" || first.AgainAt == nil || w.live(w.CRM) != 0 {
		t.Fatalf("after the first answer: %+v, %d sessions", first, w.live(w.CRM))
	}

	landed := submit(t, caught, "/saml/acs", nil).follow(t)
	if landed.Status != http.StatusOK || w.live(w.CRM) != 1 {
		t.Fatalf("the assertion did not land: %d, %d sessions\n%s", landed.Status, w.live(w.CRM), landed.Body)
	}

	var last = first
	until(t, time.Until(madeAt.Add(landsUntil+readyWithin)), "the line is final", func() bool {
		alive := w.live(w.CRM)
		last = line(t, w.receipt(r.ID), "CRM")
		if last.Final && alive != 0 {
			// The line may have become final between the two questions.
			alive = w.live(w.CRM)
		}
		if last.Final && alive != 0 {
			t.Fatalf("final with %d live sessions: %+v", alive, last)
		}
		time.Sleep(100 * time.Millisecond)
		return last.Final
	})
	if last.State != "verified" || last.Attempts < 2 || !last.AckedAt.Equal(*first.AckedAt) || last.LatencyMS != first.LatencyMS {
		t.Errorf("the line ended as %+v, after %+v", last, first)
	}
	if closed := madeAt.Add(landsUntil); last.FinishedAt == nil || last.FinishedAt.Before(closed.Add(-time.Second)) {
		t.Errorf("final at %v, though the assertion could land until %v", last.FinishedAt, closed)
	}
	if ended := w.knows(w.CRM)[0].Sessions[0]; ended.EndedKind != "identity provider" || !strings.Contains(ended.EndedBy, "LogoutRequest") {
		t.Errorf("the late session ended so: %+v", ended)
	}
}

// TestLateCode: a code that left the house before the cut is worth nothing
// after it.
func TestLateCode(t *testing.T) {
	t.Parallel()
	w := found(t, plan{})
	w.adaChoosesPassword()
	v := w.adaSignsIn()
	w.opens(v, w.Wiki)
	caught := v.get(t, w.Wiki.URL+"/login").follow(t, w.Wiki.URL+"/callback?")
	r := w.suspends()
	until(t, readyWithin, "the wiki has acknowledged the logout", func() bool {
		r = w.receipt(r.ID)
		return !r.Listing && line(t, r, "Wiki").AckedAt != nil
	})
	got := caught.follow(t)
	if got.Status == http.StatusOK || w.live(w.Wiki) != 0 {
		t.Errorf("the code landed: %d, %d sessions\n%s", got.Status, w.live(w.Wiki), got.Body)
	}
}
