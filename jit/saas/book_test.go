package saas

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestEndedSessionStaysEndedAndTheFirstEndingCounts(t *testing.T) {
	t.Parallel()
	c := new(clock)
	b := newBook(c.now)
	if _, err := b.signIn(identity{issuer: "i", subject: "s", index: "1"}, "secret", "", time.Hour); err != nil {
		t.Fatal(err)
	}
	if n := b.endMatching(func(s session) bool { return s.index == "1" }, "first"); n != 1 {
		t.Fatalf("%d ended", n)
	}
	b.endOne("secret", EndedByPerson, "second")
	c.forward(2 * time.Hour)
	s, _, ok := b.find("secret")
	if !ok || s.endedBy != "first" || s.kind != EndedByIdP || s.idToken != "" {
		t.Errorf("%+v", s)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	c := new(clock)
	b := newBook(c.now)
	id := identity{issuer: "i", subject: "s"}
	for i := range maxSessions {
		if _, err := b.signIn(id, fmt.Sprint(i), "", time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.signIn(id, "one more", "", time.Hour); !errors.Is(err, errFull) {
		t.Errorf("a session beyond the bound: %v", err)
	}
	b.endOne("7", EndedByPerson, "")
	if _, err := b.signIn(id, "one more", "", time.Hour); err != nil {
		t.Errorf("an ended session should have made room: %v", err)
	}

	w := newWaiting[int](c.now, time.Minute)
	for i := range maxWaiting + 1 {
		w.put(fmt.Sprint(i), i)
		c.forward(time.Nanosecond)
	}
	if _, ok := w.take("0"); ok {
		t.Error("the oldest sign-in should have gone")
	}
	if v, ok := w.take(fmt.Sprint(maxWaiting)); !ok || v != maxWaiting {
		t.Error("the newest sign-in is gone")
	}
	if _, ok := w.take(fmt.Sprint(maxWaiting)); ok {
		t.Error("taken twice")
	}

	s := newSpent(c.now)
	for i := range maxSpent {
		s.spend(fmt.Sprint(i), c.now().Add(time.Minute))
	}
	if s.spend("one more", c.now().Add(time.Minute)) {
		t.Error("a full replay memory must refuse")
	}
	c.forward(time.Minute)
	if !s.spend("one more", c.now().Add(time.Minute)) {
		t.Error("old IDs should have made room")
	}
}

func TestWaitingGetsTooOld(t *testing.T) {
	t.Parallel()
	c := new(clock)
	w := newWaiting[int](c.now, time.Minute)
	w.put("a", 1)
	c.forward(time.Minute + time.Second)
	if _, ok := w.take("a"); ok {
		t.Error("taken after its time")
	}
}

func TestAccountsJSONIsForTheSignedInUnlessInspected(t *testing.T) {
	t.Parallel()
	is := startIssuer(t)
	_, base := startApp(t, Config{OIDC: &OIDC{Issuer: is.URL, ClientID: clientID, ClientSecret: clientSecret}})
	b := newBrowser(t)
	if p := b.open(base + "/accounts.json"); p.StatusCode != http.StatusUnauthorized || strings.Contains(p.body, "accounts") {
		t.Errorf("%d %s", p.StatusCode, p.body)
	}
	b.open(base + "/login")
	if people := accountsOf(t, b, base); len(people) != 1 {
		t.Errorf("%+v", people)
	}
}

func TestSignInsAndLogoutsAtTheSameTime(t *testing.T) {
	t.Parallel()
	is := startIssuer(t)
	_, base := startWiki(t, is, new(clock))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			b := newBrowser(t)
			b.open(base + "/login")
			b.open(base + "/accounts")
		})
		all.Go(func() {
			token := is.logoutToken(time.Now())
			delete(token, "sid")
			endWith(t, base, is.sign(token, "logout+jwt"))
		})
	}
	all.Wait()
	token := is.logoutToken(time.Now())
	delete(token, "sid")
	endWith(t, base, is.sign(token, "logout+jwt"))
	if people := accountsOf(t, newBrowser(t), base); len(people) != 1 || people[0].Live != 0 || len(people[0].Sessions) != 8 {
		t.Errorf("%+v", people)
	}
}
