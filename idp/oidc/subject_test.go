package oidc_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/idp"
)

func pairwise(a *idp.App) { a.OIDC.SubjectType = idp.SubjectPairwise }

// TestAPairwiseSubjectIsTheSameEverywhere: in every thing that the app is told,
// in what is written down of it, and back again; and of no other sector.
func TestAPairwiseSubjectIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.wiki.ID, pairwise)
	h.changeApp(h.other.ID, pairwise)
	h.jwts()
	ada := h.signedIn(h.ada)
	a := ada.tokens("openid profile offline_access")
	id := claimsOf(t, a.text("id_token"))
	sub, _ := id["sub"].(string)
	if len(sub) != 43 || strings.Contains(sub, string(h.ada.ID)) {
		t.Fatalf("sub %q", sub)
	}
	accounts, err := h.store.Accounts(t.Context(), h.ada.ID)
	h.must(err)
	there, err := h.store.Participants(t.Context(), h.ada.ID, h.clock.Now())
	h.must(err)
	for what, got := range map[string]any{
		"access token":          claimsOf(t, a.text("access_token"))["sub"],
		"userinfo":              h.userinfo(a.text("access_token")).text("sub"),
		"introspection":         h.asWiki().post("/oauth/introspect", url.Values{"token": {a.text("access_token")}}).text("sub"),
		"ID token of a refresh": claimsOf(t, h.asWiki().refresh(a.text("refresh_token")).text("id_token"))["sub"],
		"the account":           accounts[0].Subject,
		"a logout":              there[0].NameID.Value,
		"another sign-on":       claimsOf(t, h.signedIn(h.ada).tokens("openid").text("id_token"))["sub"],
	} {
		if got != sub {
			t.Errorf("%s has %v, want %s", what, got, sub)
		}
	}
	hint := url.QueryEscape(a.text("id_token"))
	if r := ada.authorize("prompt=none", "id_token_hint="+a.text("id_token")); !strings.Contains(r.Header.Get("Location"), "code=") {
		t.Errorf("the hint does not name its person: %s", r.Header.Get("Location"))
	}
	if r := h.signedIn(h.bob).authorize("prompt=none", "id_token_hint="+a.text("id_token")); !strings.Contains(r.Header.Get("Location"), "login_required") {
		t.Errorf("the hint names somebody else: %s", r.Header.Get("Location"))
	}
	if r := ada.get("/oauth/end_session?id_token_hint=" + hint); strings.Contains(r.body, "confirm") {
		t.Errorf("the hint of this very session asks: %d %s", r.StatusCode, r.body)
	}

	ada = h.signedIn(h.ada)
	code := ada.code("client_id=other", "redirect_uri=https://other.example/cb")
	other := h.asOther().exchange(code, "redirect_uri=https://other.example/cb")
	if other.status != http.StatusOK || claimsOf(t, other.text("id_token"))["sub"] == sub {
		t.Errorf("another sector: %d %v", other.status, other.body)
	}
	h.changeApp(h.phone.ID, func(a *idp.App) {
		a.OIDC.RedirectURIs, a.OIDC.SubjectType = []string{"https://app.example/phone"}, idp.SubjectPairwise
	})
	code = ada.code("client_id=phone", "redirect_uri=https://app.example/phone")
	same := h.asPhone().exchange(code, "redirect_uri=https://app.example/phone")
	if same.status != http.StatusOK || claimsOf(t, same.text("id_token"))["sub"] != sub {
		t.Errorf("the same sector: %d %v", same.status, same.body)
	}
}

// TestABurntCodeKeepsTheSubject: whoever burns a code, what is written down is
// what its own app would know.
func TestABurntCodeKeepsTheSubject(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.wiki.ID, pairwise)
	ada := h.signedIn(h.ada)
	h.asOther().exchange(ada.code()).wants(t, http.StatusBadRequest, "invalid_grant")
	accounts, err := h.store.Accounts(t.Context(), h.ada.ID)
	if err != nil || len(accounts) != 1 || accounts[0].Subject != claimsOf(t, ada.tokens("openid").text("id_token"))["sub"] {
		t.Errorf("accounts %+v, %v", accounts, err)
	}
}
