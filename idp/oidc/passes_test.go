package oidc_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/oidc"
)

func TestUserinfo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.signedIn(h.ada).tokens("openid profile email groups").text("access_token")
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		req, err := http.NewRequest(method, h.server.URL+"/oauth/userinfo", nil)
		h.must(err)
		req.Header.Set("Authorization", "bearer "+token)
		a, err := do(req)
		h.must(err)
		groups, _ := a.body["groups"].([]any)
		if a.status != http.StatusOK || a.text("sub") != string(h.ada.ID) || a.text("preferred_username") != "ada" ||
			a.text("email") != "ada@example.com" || !slices.Equal(groups, []any{"staff"}) {
			t.Errorf("%s: %d %v", method, a.status, a.body)
		}
	}
	res, err := http.Get(h.server.URL + "/oauth/userinfo?access_token=" + token)
	if r := read(t, res, err); r.StatusCode != http.StatusBadRequest {
		t.Errorf("token in the URL: %d", r.StatusCode)
	}
	res, err = http.PostForm(h.server.URL+"/oauth/userinfo", url.Values{"access_token": {token}})
	if r := read(t, res, err); r.StatusCode != http.StatusOK || !strings.Contains(r.body, string(h.ada.ID)) {
		t.Errorf("token in the body: %d %s", r.StatusCode, r.body)
	}
	twice, err := http.NewRequest(http.MethodPost, h.server.URL+"/oauth/userinfo", strings.NewReader(url.Values{"access_token": {token}}.Encode()))
	h.must(err)
	twice.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {"Bearer " + token}}
	res, err = http.DefaultClient.Do(twice)
	if r := read(t, res, err); r.StatusCode != http.StatusBadRequest {
		t.Errorf("token in two places: %d", r.StatusCode)
	}
	res, err = http.Get(h.server.URL + "/oauth/userinfo")
	if r := read(t, res, err); r.StatusCode != http.StatusUnauthorized || r.Header.Get("WWW-Authenticate") != `Bearer realm="gatehouse"` {
		t.Errorf("no token: %d %q", r.StatusCode, r.Header.Get("WWW-Authenticate"))
	}
	for _, bad := range []string{"x", token + "A", token[:len(token)-1]} {
		h.userinfo(bad).wants(t, http.StatusUnauthorized, "invalid_token")
	}
	h.clock.Advance(5 * time.Minute)
	h.userinfo(token).wants(t, http.StatusUnauthorized, "invalid_token")
}

func TestPassesAreNotInterchangeable(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	a := ada.tokens("openid offline_access")
	h.userinfo(a.text("refresh_token")).wants(t, http.StatusUnauthorized, "invalid_token")
	h.userinfo(ada.code()).wants(t, http.StatusUnauthorized, "invalid_token")
	h.userinfo(a.text("id_token")).wants(t, http.StatusUnauthorized, "invalid_token")
	h.asWiki().refresh(a.text("access_token")).wants(t, http.StatusBadRequest, "invalid_grant")
	h.asWiki().exchange(a.text("access_token")).wants(t, http.StatusBadRequest, "invalid_grant")
}

// TestJW11 is the case of a token of one app at another's introspection.
func TestJW11Introspection(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.signedIn(h.ada).tokens("openid offline_access")
	for _, name := range []string{"access_token", "refresh_token"} {
		form := url.Values{"token": {a.text(name)}}
		i := h.asWiki().post("/oauth/introspect", form)
		if i.body["active"] != true || i.text("sub") != string(h.ada.ID) || i.text("client_id") != "wiki" || i.text("username") != "ada" ||
			i.text("scope") != "openid offline_access" || i.text("iss") != h.provider.Issuer || i.text("sid") != claimsOf(t, a.text("id_token"))["sid"] {
			t.Errorf("%s: %d %v", name, i.status, i.body)
		}
		h.asOther().post("/oauth/introspect", form).inactive(t)
		h.asPhone().post("/oauth/introspect", form).wants(t, http.StatusUnauthorized, "invalid_client")
	}
	h.asWiki().post("/oauth/introspect", url.Values{"token": {"x"}}).inactive(t)
	h.asWiki().refresh(a.text("refresh_token"))
	h.asWiki().post("/oauth/introspect", url.Values{"token": {a.text("refresh_token")}}).inactive(t)
}

func (a answer) inactive(t *testing.T) {
	t.Helper()
	if a.status != http.StatusOK || len(a.body) != 1 || a.body["active"] != false {
		t.Errorf("got %d %v, want active false and no more", a.status, a.body)
	}
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	for _, name := range []string{"access_token", "refresh_token"} {
		a := ada.tokens("openid offline_access")
		form := url.Values{"token": {a.text(name)}}
		h.asOther().post("/oauth/revoke", form).wants(t, http.StatusBadRequest, "invalid_grant")
		if a := h.userinfo(a.text("access_token")); a.status != http.StatusOK {
			t.Errorf("another client revoked: %d %v", a.status, a.body)
		}
		for range 2 {
			if r := h.asWiki().post("/oauth/revoke", form); r.status != http.StatusOK || r.body != nil {
				t.Errorf("%s: %d %v", name, r.status, r.body)
			}
		}
		h.userinfo(a.text("access_token")).wants(t, http.StatusUnauthorized, "invalid_token")
		h.asWiki().refresh(a.text("refresh_token")).wants(t, http.StatusBadRequest, "invalid_grant")
	}
	if r := h.asWiki().post("/oauth/revoke", url.Values{"token": {"x"}}); r.status != http.StatusOK {
		t.Errorf("no token of ours: %d %v", r.status, r.body)
	}
}

// outage makes the endings of a house fail while it is down.
type outage struct {
	oidc.Endings
	down atomic.Bool
}

func (o *outage) EndFamily(ctx context.Context, f idp.TokenFamily, why string) error {
	if o.down.Load() {
		return idp.Errorf(idp.Unavailable, "the database is away").Because(context.DeadlineExceeded)
	}
	return o.Endings.EndFamily(ctx, f, why)
}

// underWay are endings that are not in force yet.
type underWay struct {
	oidc.Endings
	asked   chan int64
	inForce chan error
}

func (u *underWay) InForce(_ context.Context, n int64) error {
	u.asked <- n
	return <-u.inForce
}

// TestRevocationWaitsForAnEndingUnderWay revokes a token whose family somebody
// else has ended, or whose person was suspended, a moment ago: success is
// answered when that is in force on every node.
func TestRevocationWaitsForAnEndingUnderWay(t *testing.T) {
	t.Parallel()
	u := &underWay{asked: make(chan int64), inForce: make(chan error)}
	h := newHouse(t, func(p *oidc.Provider) { u.Endings, p.Endings = p.Endings, u })
	for name, end := range map[string]func(idp.TokenFamily) *idp.Ending{
		"the family": func(f idp.TokenFamily) *idp.Ending {
			return &idp.Ending{Kind: idp.EndFamily, UserID: f.UserID, FamilyID: f.ID, Key: string(f.ID), At: h.clock.Now()}
		},
		"everything": func(f idp.TokenFamily) *idp.Ending {
			return &idp.Ending{Kind: idp.EndPasses, UserID: f.UserID, Key: "all", At: h.clock.Now()}
		},
	} {
		form := url.Values{"token": {h.signedIn(h.ada).tokens("openid offline_access").text("refresh_token")}}
		families, err := h.store.Families(t.Context(), h.ada.ID, h.clock.Now())
		h.must(err)
		done, err := h.store.Commit(t.Context(), idp.Change{Ending: end(families[0])})
		h.must(err)
		for _, c := range []struct {
			err  error
			want int
		}{{idp.Errorf(idp.Unavailable, "the database is away"), http.StatusServiceUnavailable}, {nil, http.StatusOK}} {
			answer := make(chan int, 1)
			go func() { answer <- h.asWiki().post("/oauth/revoke", form).status }()
			select {
			case n := <-u.asked:
				if n < done.N {
					t.Errorf("%s: row %d is waited for, and the ending is %d", name, n, done.N)
				}
				u.inForce <- c.err
			case status := <-answer:
				t.Fatalf("%s has ended and is not in force on every node, and the answer is %d", name, status)
			}
			if got := <-answer; got != c.want {
				t.Errorf("%s: got %d, want %d", name, got, c.want)
			}
		}
	}
}

func TestRT10RevocationDuringAnOutageIsNotSuccess(t *testing.T) {
	t.Parallel()
	o := &outage{}
	h := newHouse(t, func(p *oidc.Provider) { o.Endings, p.Endings = p.Endings, o })
	a := h.signedIn(h.ada).tokens("openid offline_access")
	o.down.Store(true)
	r := h.asWiki().post("/oauth/revoke", url.Values{"token": {a.text("refresh_token")}})
	r.wants(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	if r.header.Get("Retry-After") == "" || strings.Contains(r.text("error_description"), "database") {
		t.Errorf("%v %v", r.header, r.body)
	}
	if i := h.asWiki().post("/oauth/introspect", url.Values{"token": {a.text("refresh_token")}}); i.body["active"] != true {
		t.Errorf("reported dead while it is not: %v", i.body)
	}
	o.down.Store(false)
	if r := h.asWiki().post("/oauth/revoke", url.Values{"token": {a.text("refresh_token")}}); r.status != http.StatusOK {
		t.Errorf("%d %v", r.status, r.body)
	}
	h.asWiki().refresh(a.text("refresh_token")).wants(t, http.StatusBadRequest, "invalid_grant")
}

// TestJW11AnotherHousesTokens are nothing here, also of a house that has the same
// keys, as a copy of ours has.
func TestJW11AnotherHousesTokens(t *testing.T) {
	t.Parallel()
	ours, theirs := newHouse(t), newHouse(t)
	for _, format := range []string{"", idp.AccessTokenJWT} {
		for _, h := range []*house{ours, theirs} {
			h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.AccessTokenFormat = format })
		}
		a := theirs.signedIn(theirs.ada).tokens("openid offline_access")
		for _, name := range []string{"access_token", "refresh_token", "id_token"} {
			ours.asWiki().post("/oauth/introspect", url.Values{"token": {a.text(name)}}).inactive(t)
			ours.userinfo(a.text(name)).wants(t, http.StatusUnauthorized, "invalid_token")
			ours.asWiki().refresh(a.text(name)).wants(t, http.StatusBadRequest, "invalid_grant")
		}
		if got := theirs.userinfo(a.text("access_token")); got.status != http.StatusOK {
			t.Errorf("%q, at home: %d %v", format, got.status, got.body)
		}
	}
}
