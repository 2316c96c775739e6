package e2e

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"gatehouse/web/api/client"
)

const (
	parallel = 64 // requests at once, half of them to each node
	rounds   = 30
)

// spent are the tables that an exchange writes.
var spent = []string{"token_families", "participants", "accounts"}

// ended are the tables that an ending writes.
var ended = []string{"endings", "counter", "receipts", "deliveries", "token_families"}

// atOnce sends one form to the token endpoint of both nodes many times and
// returns the answers.
func (h *secured) atOnce(t testing.TB, by [2]*http.Client, p party, form func() url.Values) []tokens {
	t.Helper()
	answers := make([]tokens, parallel)
	var all sync.WaitGroup
	gate := make(chan struct{})
	for i := range answers {
		all.Go(func() {
			<-gate
			answers[i] = h.tokenBy(t, by[i%2], p, form())
		})
	}
	close(gate)
	all.Wait()
	return answers
}

// sorted counts answers: those with tokens, and the rest, which must all be
// invalid_grant.
func sorted(t testing.TB, answers []tokens) (good []tokens) {
	t.Helper()
	for _, got := range answers {
		if got.Access != "" {
			good = append(good, got)
			continue
		}
		got.wants(t, "invalid_grant")
	}
	return good
}

// active asks for introspection at that node.
func (h *secured) active(t testing.TB, node int, p party, token string) bool {
	t.Helper()
	head, form := p.authenticated(url.Values{"token": {token}})
	got := h.callBy(t, h.client(node, false), http.MethodPost, "/oauth/introspect", head, form.Encode())
	if got.Status != http.StatusOK {
		t.Fatalf("introspection answered %d %s", got.Status, got.Body)
	}
	return strings.Contains(got.Body, `"active":true`)
}

// dead is asked at both nodes, in every way in which a token is used.
func (h *secured) dead(t testing.TB, p party, had tokens) {
	t.Helper()
	for node := range h.nodes {
		for _, token := range []string{had.Access, had.Refresh} {
			if h.active(t, node, p, token) {
				t.Errorf("a token lives on node %d", node)
			}
		}
		got := h.callBy(t, h.client(node, false), http.MethodGet, "/oauth/userinfo", http.Header{"Authorization": {"Bearer " + had.Access}}, "")
		if got.Status != http.StatusUnauthorized {
			t.Errorf("userinfo of node %d answered %d", node, got.Status)
		}
		h.tokenBy(t, h.client(node, false), p, refreshing(had.Refresh)).wants(t, "invalid_grant")
	}
}

func TestSecurityOfCodes(t *testing.T) {
	t.Parallel()
	h := newOIDCHouse(t)
	v := h.signedIn(t, h.ada)
	late := h.attempt(h.web)
	lateCode, lateSince := late.code(t, v), time.Now()

	t.Run("CO-01 the same code twice", func(t *testing.T) {
		a := h.attempt(h.web)
		code := a.code(t, v)
		had := h.token(t, h.web, a.exchange(code))
		if !h.active(t, 0, h.web, had.Access) || !h.active(t, 1, h.web, had.Refresh) {
			t.Fatal("the first exchange gave nothing that is good")
		}
		h.leaves(t, []string{"oidc.code.reuse", "tokens.end"}, ended, func() { h.token(t, h.web, a.exchange(code)).wants(t, "invalid_grant") })
		h.dead(t, h.web, had)
	})
	t.Run("CO-02 the same code from everywhere at once", func(t *testing.T) {
		by := [2]*http.Client{h.client(0, true), h.client(1, true)}
		for range rounds {
			a := h.attempt(h.web)
			code := a.code(t, v)
			good := sorted(t, h.atOnce(t, by, h.web, func() url.Values { return a.exchange(code) }))
			if len(good) != 1 {
				t.Fatalf("%d of %d exchanges of one code were good", len(good), parallel)
			}
			if h.active(t, 0, h.web, good[0].Access) {
				t.Error("what a code gave that was used twice still lives")
			}
		}
		t.Logf("%d rounds of %d exchanges at once over two nodes, one good in each", rounds, parallel)
	})
	t.Run("CO-03 another app's code", func(t *testing.T) {
		a := h.attempt(h.web)
		code := a.code(t, v)
		h.leaves(t, []string{"oidc.code.burn"}, spent, func() { h.token(t, h.other, a.exchange(code)).wants(t, "invalid_grant") })
		h.token(t, h.web, a.exchange(code)).wants(t, "invalid_grant")
	})
	t.Run("CO-06 a code that was changed", func(t *testing.T) {
		a := h.attempt(h.web)
		code := a.code(t, v)
		for _, changed := range []string{code[:len(code)-1], code + "A", code[1:], flipped(code), strings.ToUpper(code), "", code + " ", "..", strings.Repeat("A", 9000)} {
			want := "invalid_grant"
			if changed == "" {
				want = "invalid_request"
			}
			var kinds []string
			if want == "invalid_grant" {
				kinds = []string{"oidc.code.refuse"}
			}
			h.leaves(t, kinds, nil, func() { h.token(t, h.web, a.exchange(changed)).wants(t, want) })
		}
		if got := h.token(t, h.web, a.exchange(code)); got.Access == "" {
			t.Errorf("the code itself was lost: %s", got.answer.Body)
		}
	})
	t.Run("CO-07 suspended between authorize and token", func(t *testing.T) {
		grace := h.signedIn(t, h.grace)
		a := h.attempt(h.web)
		code := a.code(t, grace)
		if _, err := h.admin.Suspend(t.Context(), h.grace.Username, "CO-07"); err != nil {
			t.Fatal(err)
		}
		// The receipt is listed beside this, and the app asked whether it is over.
		h.leaves(t, []string{"oidc.code.refuse"}, []string{"receipts", "deliveries"}, func() { h.token(t, h.web, a.exchange(code)).wants(t, "invalid_grant") })
		if n := h.ask(t, `SELECT count(*)::text FROM token_families WHERE user_id = $1`, h.grace.ID); n != "0" {
			t.Errorf("%s token families were written", n)
		}
		if _, err := h.admin.Restore(t.Context(), h.grace.Username); err != nil {
			t.Fatal(err)
		}
		h.token(t, h.web, a.exchange(code)).wants(t, "invalid_grant")
	})
	t.Run("CO-09 a sign-in that began in another browser", func(t *testing.T) {
		attacker, victim := h.visitor(t), h.visitor(t)
		a := h.attempt(h.web)
		begun := attacker.get(t, a.url()).location(t)
		if got := victim.get(t, begun.String()); got.Status != http.StatusBadRequest || len(forms(t, got.Body)) != 0 {
			t.Errorf("the victim is shown a sign-in that the attacker began: %d", got.Status)
		}
		resume := securedURL + "/oauth/authorize/resume?signin=" + begun.Path[strings.LastIndex(begun.Path, "/")+1:]
		h.leaves(t, []string{"oidc.authorize.refuse"}, nil, func() { attacker.get(t, resume).wantsPage(t, http.StatusBadRequest) })
		// The victim's own, finished but for its last step, in another browser,
		// signed in or not.
		done := h.prove(t, victim.get(t, h.attempt(h.web).url()).follow(t), h.ada).location(t)
		for _, other := range []*visitor{attacker, v, h.visitor(t)} {
			h.leaves(t, []string{"oidc.authorize.refuse"}, nil, func() { other.get(t, done.String()).wantsPage(t, http.StatusBadRequest) })
		}
		if code := victim.get(t, done.String()).location(t).Query().Get("code"); code == "" {
			t.Error("the victim gets no code any more")
		}
		h.leaves(t, []string{"oidc.authorize.refuse"}, nil, func() { victim.get(t, done.String()).wantsPage(t, http.StatusBadRequest) })
	})
	t.Run("CO-05 a code older than 60 s", func(t *testing.T) {
		time.Sleep(time.Until(lateSince.Add(61 * time.Second)))
		h.leaves(t, []string{"oidc.code.refuse"}, nil, func() { h.token(t, h.web, late.exchange(lateCode)).wants(t, "invalid_grant") })
	})
}

// flipped changes the case of one letter in the middle.
func flipped(s string) string {
	b := []byte(s)
	for i := len(b) / 2; i < len(b); i++ {
		if unicode.IsLetter(rune(b[i])) {
			b[i] ^= 0x20
			break
		}
	}
	return string(b)
}

func TestSecurityOfRefreshTokens(t *testing.T) {
	t.Parallel()
	h := newOIDCHouse(t)
	short := h.register(t, "short", client.OIDC{RedirectURIs: []string{"https://short.example/cb"}, AllowOfflineAccess: true, RefreshTTL: "4s"})
	v := h.signedIn(t, h.ada)
	stolen := h.signOn(t, v, h.web)
	newest := h.refresh(t, h.web, stolen.Refresh)
	if newest.Refresh == "" {
		t.Fatalf("no rotation: %s", newest.answer.Body)
	}
	rotated := time.Now()

	t.Run("RT-02 the same token from everywhere at once", func(t *testing.T) {
		by := [2]*http.Client{h.client(0, true), h.client(1, true)}
		had := h.signOn(t, v, h.web)
		family := h.ask(t, `SELECT id FROM token_families ORDER BY created_at DESC LIMIT 1`)
		for round := range rounds / 3 {
			good := sorted(t, h.atOnce(t, by, h.web, func() url.Values { return refreshing(had.Refresh) }))
			if len(good) == 0 {
				t.Fatal("nobody got a successor")
			}
			if seq := h.ask(t, `SELECT seq::text FROM token_families WHERE id = $1 AND revoked_at = 0`, family); seq != strconv.Itoa(round+2) {
				t.Fatalf("after round %d the family is at %s: it has forked", round+1, seq)
			}
			had = good[round%len(good)]
		}
	})
	t.Run("RT-03 refresh after suspend returned", func(t *testing.T) {
		had := h.signOn(t, h.signedIn(t, h.grace), h.web)
		if _, err := h.admin.Suspend(t.Context(), h.grace.Username, "RT-03"); err != nil {
			t.Fatal(err)
		}
		h.leaves(t, []string{"oidc.refresh.refuse"}, []string{"receipts", "deliveries"}, func() { h.refresh(t, h.web, had.Refresh).wants(t, "invalid_grant") })
		h.dead(t, h.web, had)
		if _, err := h.admin.Restore(t.Context(), h.grace.Username); err != nil {
			t.Fatal(err)
		}
		h.dead(t, h.web, had)
	})
	t.Run("RT-04 another app's token", func(t *testing.T) {
		had := h.signOn(t, v, h.web)
		h.leaves(t, []string{"oidc.refresh.refuse"}, nil, func() { h.refresh(t, h.other, had.Refresh).wants(t, "invalid_grant") })
		if got := h.refresh(t, h.web, had.Refresh); got.Refresh == "" {
			t.Errorf("the app's own is lost: %s", got.answer.Body)
		}
	})
	t.Run("RT-05 the group that grants the app was left", func(t *testing.T) {
		grace := h.signedIn(t, h.grace)
		had := h.signOn(t, grace, h.web)
		if _, err := h.admin.Leave(t.Context(), "staff", h.grace.Username); err != nil {
			t.Fatal(err)
		}
		h.leaves(t, []string{"oidc.refresh.refuse"}, []string{"receipts", "deliveries"}, func() { h.refresh(t, h.web, had.Refresh).wants(t, "invalid_grant") })
		h.dead(t, h.web, had)
		h.leaves(t, []string{"oidc.authorize.deny"}, []string{"receipts", "deliveries"}, func() {
			if q := grace.get(t, h.attempt(h.web).url()).location(t).Query(); q.Get("error") != "access_denied" {
				t.Errorf("authorize answers %v", q)
			}
		})
		if err := h.admin.Join(t.Context(), "staff", h.grace.Username); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("RT-06 a wider scope", func(t *testing.T) {
		a := h.attempt(h.web)
		a.query.Set("scope", "openid offline_access")
		had := h.token(t, h.web, a.exchange(a.code(t, v)))
		for _, scope := range []string{"openid offline_access email", "email", "openid groups", "admin"} {
			form := refreshing(had.Refresh)
			form.Set("scope", scope)
			h.leaves(t, []string{"oidc.refresh.refuse"}, nil, func() { h.token(t, h.web, form).wants(t, "invalid_scope") })
		}
		if got := h.refresh(t, h.web, had.Refresh); got.Refresh == "" {
			t.Errorf("the token was spent by the try: %s", got.answer.Body)
		}
	})
	t.Run("RT-08 the absolute end", func(t *testing.T) {
		begun := time.Now()
		had := h.signOn(t, v, short)
		signedOn := time.Now()
		for time.Since(begun) < 3*time.Second {
			next := h.refresh(t, short, had.Refresh)
			if next.Refresh == "" {
				if time.Since(begun) >= 4*time.Second {
					break // a slow machine
				}
				t.Fatalf("ended early: %s", next.answer.Body)
			}
			had = next
			time.Sleep(500 * time.Millisecond)
		}
		time.Sleep(time.Until(signedOn.Add(4500 * time.Millisecond)))
		h.leaves(t, []string{"oidc.refresh.refuse"}, nil, func() { h.refresh(t, short, had.Refresh).wants(t, "invalid_grant") })
	})
	t.Run("RT-09 a new password", func(t *testing.T) {
		grace := h.signedIn(t, h.grace)
		had := h.signOn(t, grace, h.web)
		invited, err := h.admin.Invite(t.Context(), h.grace.Username)
		if err != nil {
			t.Fatal(err)
		}
		h.choosePassword(t, invited.Link, "a new password of Grace's "+h.grace.Password)
		h.dead(t, h.web, had)
		for node := range h.nodes {
			if got := h.sameBrowserAt(t, grace, node).get(t, securedURL+"/"); got.Status != http.StatusSeeOther {
				t.Errorf("the session lives on node %d: %d", node, got.Status)
			}
		}
	})
	t.Run("RT-01 a rotated token after the grace", func(t *testing.T) {
		time.Sleep(time.Until(rotated.Add(11 * time.Second)))
		if !h.active(t, 0, h.web, newest.Access) {
			t.Fatal("the newest is dead before")
		}
		h.leaves(t, []string{"oidc.refresh.reuse", "tokens.end"}, ended, func() { h.refresh(t, h.web, stolen.Refresh).wants(t, "invalid_grant") })
		h.dead(t, h.web, newest)
	})
	h.outages(t, v)
}

// sameBrowserAt is a browser with the cookies of v that speaks to one node.
func (h *secured) sameBrowserAt(t testing.TB, v *visitor, node int) *visitor {
	t.Helper()
	same := h.visitorAt(t, node)
	same.http.Jar = v.http.Jar
	return same
}

// outages is RT-10: a revocation that cannot be written is no success.
func (h oidcHouse) outages(t *testing.T, v *visitor) {
	t.Run("RT-10 revocation while the database is away", func(t *testing.T) {
		had := h.signOn(t, v, h.web)
		head, form := h.web.authenticated(url.Values{"token": {had.Refresh}})
		for _, node := range h.nodes {
			node.Log.expect("") // the outage is the test's
		}
		h.outage.Store(true)
		back := h.away(t)
		for node := range h.nodes {
			got := h.callBy(t, h.client(node, false), http.MethodPost, "/oauth/revoke", head, form.Encode())
			if got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
				t.Errorf("node %d answered %d %s, want 503 with Retry-After", node, got.Status, got.Body)
			}
		}
		back()
		for deadline := time.Now().Add(readyWithin); ; time.Sleep(100 * time.Millisecond) {
			if a, b := h.visitorAt(t, 0).get(t, securedURL+"/readyz"), h.visitorAt(t, 1).get(t, securedURL+"/readyz"); a.Status == http.StatusOK && b.Status == http.StatusOK {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the nodes did not come back")
			}
		}
		h.outage.Store(false)
		if !h.active(t, 0, h.web, had.Refresh) {
			t.Error("the token was reported dead although the revocation failed")
		}
		if got := h.call(t, http.MethodPost, "/oauth/revoke", head, form.Encode()); got.Status != http.StatusOK {
			t.Errorf("the second try answered %d %s", got.Status, got.Body)
		}
		h.dead(t, h.web, had)
		for _, node := range h.nodes {
			if strings.Contains(node.Log.String(), "panic") {
				t.Error("a node panicked")
			}
		}
	})
}

// away takes the database from the nodes until back is called.
func (h *secured) away(t testing.TB) (back func()) {
	t.Helper()
	name := h.ask(t, `SELECT current_database()`)
	server := postgresServer(t)
	asAdmin(t, server, "ALTER DATABASE "+name+" WITH ALLOW_CONNECTIONS false")
	allow := sync.OnceFunc(func() { asAdmin(t, server, "ALTER DATABASE "+name+" WITH ALLOW_CONNECTIONS true") })
	t.Cleanup(allow)
	asAdmin(t, server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'")
	return func() {
		allow()
		h.reconnect(t)
	}
}
