package oidc_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/idp"
)

func TestRT01ReuseKillsTheFamily(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.signedIn(h.ada).tokens("openid offline_access")
	second := h.asWiki().refresh(first.text("refresh_token"))
	if second.status != http.StatusOK || second.text("refresh_token") == "" {
		t.Fatalf("refresh: %d %v", second.status, second.body)
	}
	before, after := claimsOf(t, first.text("id_token")), claimsOf(t, second.text("id_token"))
	for _, name := range []string{"iss", "sub", "aud", "auth_time", "sid"} {
		if before[name] != after[name] {
			t.Errorf("%s was %v and is %v", name, before[name], after[name])
		}
	}
	h.clock.Advance(11 * time.Second)
	h.asWiki().refresh(first.text("refresh_token")).wants(t, http.StatusBadRequest, "invalid_grant")
	h.asWiki().refresh(second.text("refresh_token")).wants(t, http.StatusBadRequest, "invalid_grant")
	h.userinfo(second.text("access_token")).wants(t, http.StatusUnauthorized, "invalid_token")
	h.wantEvent("oidc.refresh.reuse")
}

func TestRT02ParallelRefreshMakesNoFork(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.signedIn(h.ada).tokens("openid offline_access").text("refresh_token")
	var mu sync.Mutex
	var successors []string
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
			a, err := h.asWiki().try("/oauth/token", form)
			if err != nil || a.status != http.StatusOK {
				t.Error(a.status, a.body, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			successors = append(successors, a.text("refresh_token"))
		})
	}
	all.Wait()
	// All answers hold the same successor: one of them moves the family on,
	// any other is one step behind afterwards.
	if a := h.asWiki().refresh(successors[0]); a.status != http.StatusOK {
		t.Fatalf("%d %v", a.status, a.body)
	}
	h.clock.Advance(11 * time.Second)
	h.asWiki().refresh(successors[1]).wants(t, http.StatusBadRequest, "invalid_grant")
}

// TestRT02ALostAnswerIsGivenAgain: the token before the newest gets the same
// successor for ten seconds, as long as nobody has used it, and for the same
// client alone. What is given again can do no more than what was lost.
func TestRT02ALostAnswerIsGivenAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.jwts()
	first := h.signedIn(h.ada).tokens("openid profile offline_access").text("refresh_token")
	lost := h.asWiki().refresh(first)
	h.clock.Advance(9 * time.Second)
	h.asOther().refresh(first).wants(t, http.StatusBadRequest, "invalid_grant")
	given := h.asWiki().refresh(first)
	if given.status != http.StatusOK || given.text("scope") != lost.text("scope") {
		t.Fatalf("%d %v, after %v", given.status, given.body, lost.body)
	}
	before, after := claimsOf(t, lost.text("access_token")), claimsOf(t, given.text("access_token"))
	for _, name := range []string{"sub", "aud", "client_id", "scope", "sid", "auth_time"} {
		if before[name] != after[name] {
			t.Errorf("%s was %v and is %v", name, before[name], after[name])
		}
	}
	if later := after["exp"].(float64) - before["exp"].(float64); later != 0 {
		t.Errorf("what was given again lives %v s longer", later)
	}
	if a := h.asWiki().refresh(lost.text("refresh_token")); a.status != http.StatusOK {
		t.Fatalf("the successor: %d %v", a.status, a.body)
	}
	// It was spent, so the first is two behind: somebody else has one of them.
	h.asWiki().refresh(first).wants(t, http.StatusBadRequest, "invalid_grant")
	h.asWiki().refresh(given.text("refresh_token")).wants(t, http.StatusBadRequest, "invalid_grant")
}

func TestRT03RefreshAfterSuspensionIsEvidence(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.signedIn(h.ada).tokens("openid offline_access")
	_, err := h.dir.Suspend(t.Context(), h.ada.ID, "test")
	h.must(err)
	h.asWiki().refresh(a.text("refresh_token")).wants(t, http.StatusBadRequest, "invalid_grant")
	h.userinfo(a.text("access_token")).wants(t, http.StatusUnauthorized, "invalid_token")
	h.asWiki().post("/oauth/introspect", url.Values{"token": {a.text("access_token")}}).inactive(t)
	for _, want := range []string{"refresh was refused true", "userinfo with its token was refused false", "it is over true"} {
		if got := <-h.evidence; !strings.HasPrefix(got, string(h.wiki.ID)+" ses_") || !strings.HasSuffix(got, want) {
			t.Errorf("evidence %q, want %q", got, want)
		}
	}
	_, err = h.dir.Restore(t.Context(), h.ada.ID)
	h.must(err)
	h.asWiki().refresh(a.text("refresh_token")).wants(t, http.StatusBadRequest, "invalid_grant")
}

func TestRT03RefreshOfAPublicClientProvesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.signedIn(h.ada).code("client_id=phone", "redirect_uri=http://127.0.0.1:4711/cb", "scope=openid offline_access")
	a := h.asPhone().exchange(code, "redirect_uri=http://127.0.0.1:4711/cb")
	_, err := h.dir.Suspend(t.Context(), h.ada.ID, "test")
	h.must(err)
	h.asPhone().refresh(a.text("refresh_token")).wants(t, http.StatusBadRequest, "invalid_grant")
	if got := <-h.evidence; !strings.HasSuffix(got, "refresh was refused false") {
		t.Errorf("evidence %q: whoever has the token could have come", got)
	}
}

func TestRT04RefreshByAnotherClient(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.signedIn(h.ada).tokens("openid offline_access").text("refresh_token")
	h.asOther().refresh(token).wants(t, http.StatusBadRequest, "invalid_grant")
	h.wantEvent("oidc.refresh.refuse")
	if a := h.asWiki().refresh(token); a.status != http.StatusOK {
		t.Errorf("its own client: %d %v", a.status, a.body)
	}
}

func TestRT05RefreshAfterTheGrantEnded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.signedIn(h.ada).tokens("openid offline_access")
	groups, err := h.store.GroupsOf(t.Context(), h.ada.ID)
	h.must(err)
	h.commit(idp.Change{RemoveMembers: []idp.Membership{{GroupID: groups[0].ID, UserID: h.ada.ID}}})
	h.asWiki().refresh(a.text("refresh_token")).wants(t, http.StatusBadRequest, "invalid_grant")
	h.userinfo(a.text("access_token")).wants(t, http.StatusUnauthorized, "invalid_token")
}

func TestRT06ScopeCanOnlyNarrow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.signedIn(h.ada).tokens("openid profile offline_access").text("refresh_token")
	h.asWiki().refresh(token, "scope=openid email").wants(t, http.StatusBadRequest, "invalid_scope")
	less := h.asWiki().refresh(token, "scope=profile")
	if less.status != http.StatusOK || less.text("scope") != "profile" || less.text("id_token") != "" {
		t.Fatalf("%d %v", less.status, less.body)
	}
	h.userinfo(less.text("access_token")).wants(t, http.StatusForbidden, "insufficient_scope")
	if all := h.asWiki().refresh(less.text("refresh_token")); all.text("scope") != "openid profile offline_access" {
		t.Errorf("narrowing once took the scope for good: %v", all.body)
	}
}

func TestRT08RefreshEndsAbsolutely(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.RefreshTTL = 48 * time.Hour })
	token := h.signedIn(h.ada).tokens("openid offline_access").text("refresh_token")
	for range 3 {
		h.clock.Advance(15 * time.Hour)
		a := h.asWiki().refresh(token)
		if a.status != http.StatusOK {
			t.Fatalf("%d %v", a.status, a.body)
		}
		token = a.text("refresh_token")
	}
	h.clock.Advance(4 * time.Hour)
	h.asWiki().refresh(token).wants(t, http.StatusBadRequest, "invalid_grant")
}

func TestOfflineAccessIsForAppsThatMayHaveIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	if a := ada.tokens("openid"); a.text("refresh_token") != "" {
		t.Error("a refresh token unasked")
	}
	kept := ada.tokens("openid offline_access").text("refresh_token")
	h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.AllowOfflineAccess = false })
	if a := ada.tokens("openid offline_access"); a.text("refresh_token") != "" || a.text("scope") != "openid" {
		t.Errorf("a refresh token for an app that may have none: %v", a.body)
	}
	h.asWiki().refresh(kept).wants(t, http.StatusBadRequest, "unauthorized_client")
}

func TestSignOutLeavesOfflineTokensAndEndsTheOthers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.person()
	s := ada.newSession(h.ada)
	offline, online := ada.tokens("openid offline_access"), ada.tokens("openid")
	_, err := h.dir.SignOut(t.Context(), s)
	h.must(err)
	h.userinfo(online.text("access_token")).wants(t, http.StatusUnauthorized, "invalid_token")
	if a := h.asWiki().refresh(offline.text("refresh_token")); a.status != http.StatusOK {
		t.Errorf("%d %v", a.status, a.body)
	}
}
