package oidc_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"gatehouse/idp"
)

const accessTokenType = "urn:ietf:params:oauth:token-type:access_token"

// exchanging lets the robot trade tokens of the wiki for such at other.
func (h *house) exchanging() idp.App {
	h.t.Helper()
	return h.machine(func(a *idp.App) {
		a.OIDC.Exchanges = []idp.Exchange{{From: "wiki", To: "other"}, {From: "robot", To: "other"}}
	})
}

func (c caller) trade(token string, changes ...string) answer {
	c.h.t.Helper()
	return c.post("/oauth/token", exchange("", append([]string{
		"code", "redirect_uri", "code_verifier", "grant_type=urn:ietf:params:oauth:grant-type:token-exchange",
		"subject_token=" + token, "subject_token_type=" + accessTokenType, "audience=other",
	}, changes...)...))
}

func TestAnAppActsForAPersonElsewhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.exchanging()
	h.jwts()
	subject := h.signedIn(h.ada).tokens("openid profile email").text("access_token")
	h.clock.Advance(4 * time.Minute)
	a := h.asRobot().trade(subject, "scope=openid email")
	if a.status != http.StatusOK || a.text("issued_token_type") != accessTokenType || a.text("token_type") != "Bearer" || a.text("scope") != "openid email" ||
		a.body["refresh_token"] != nil || a.body["id_token"] != nil {
		t.Fatalf("%d %v", a.status, a.body)
	}
	if life := a.body["expires_in"].(float64); life > 60 {
		t.Errorf("it lives for %v s, longer than what it was traded for", life)
	}
	token := a.text("access_token")
	form := url.Values{"token": {token}}
	for _, asker := range []caller{h.asOther(), h.asRobot()} {
		i := asker.post("/oauth/introspect", form)
		act, _ := i.body["act"].(map[string]any)
		if i.body["active"] != true || i.text("sub") != string(h.ada.ID) || i.text("client_id") != "robot" || i.text("aud") != "other" ||
			i.text("scope") != "openid email" || act["sub"] != "robot" || len(act) != 1 {
			t.Errorf("%s is told %v", asker.id, i.body)
		}
	}
	h.asWiki().post("/oauth/introspect", form).inactive(t)
	h.userinfo(token).wants(t, http.StatusUnauthorized, "invalid_token")
	h.wantEvent("oidc.exchange")

	// What came of an exchange may be exchanged again, where that is allowed.
	again := h.asRobot().trade(token)
	i := h.asOther().post("/oauth/introspect", url.Values{"token": {again.text("access_token")}})
	act, _ := i.body["act"].(map[string]any)
	if before, _ := act["act"].(map[string]any); again.status != http.StatusOK || before["sub"] != "robot" || i.text("scope") != "openid email" {
		t.Errorf("twice: %d %v, %v", again.status, again.body, i.body)
	}
	for range 3 {
		again = h.asRobot().trade(again.text("access_token"))
	}
	again.wants(t, http.StatusBadRequest, "invalid_scope")
}

func TestAnExchangeNeedsAPolicyAndWidensNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	robot := h.exchanging()
	ada := h.signedIn(h.ada)
	tokens := ada.tokens("openid offline_access")
	subject := tokens.text("access_token")
	h.asWiki().trade(subject).wants(t, http.StatusBadRequest, "unauthorized_client")
	for change, want := range map[string]string{
		"audience=phone": "invalid_target", "audience": "invalid_target", "audience=nobody": "invalid_target", "resource=https://other.example": "invalid_target",
		"scope=openid email": "invalid_scope", "subject_token=x": "invalid_request", "subject_token=" + tokens.text("refresh_token"): "invalid_request",
		"subject_token=" + tokens.text("id_token"): "invalid_request", "subject_token_type=urn:ietf:params:oauth:token-type:id_token": "invalid_request",
		"requested_token_type=urn:ietf:params:oauth:token-type:refresh_token": "invalid_request", "actor_token=x": "invalid_request",
	} {
		if a := h.asRobot().trade(subject, change); a.status != http.StatusBadRequest || a.text("error") != want {
			t.Errorf("%s: %d %v, want %s", change, a.status, a.body, want)
		}
	}
	code := ada.code("client_id=other", "redirect_uri=https://other.example/cb")
	others := h.asOther().exchange(code, "redirect_uri=https://other.example/cb").text("access_token")
	h.asRobot().trade(others).wants(t, http.StatusBadRequest, "invalid_target")
	h.changeApp(robot.ID, func(a *idp.App) { a.OIDC.Exchanges = append(a.OIDC.Exchanges, idp.Exchange{From: "other", To: "wiki"}) })
	bobs := h.signedIn(h.bob).code("client_id=other", "redirect_uri=https://other.example/cb")
	bob := h.asOther().exchange(bobs, "redirect_uri=https://other.example/cb").text("access_token")
	h.asRobot().trade(bob, "audience=wiki").wants(t, http.StatusBadRequest, "invalid_target") // he may not use it
}

// TestWhatCameOfAnExchangeIsRevokedAlone: by the app that acts, with what was
// made of it, and neither what it was made of nor what else was.
func TestWhatCameOfAnExchangeIsRevokedAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.exchanging()
	subject := h.signedIn(h.ada).tokens("openid email").text("access_token")
	trade := func(token string) url.Values {
		return url.Values{"token": {h.asRobot().trade(token).text("access_token")}}
	}
	first, beside := trade(subject), trade(subject)
	second, also := trade(first.Get("token")), trade(first.Get("token"))
	says := func(when string, want map[*url.Values]bool) {
		t.Helper()
		for form, active := range want {
			if i := h.asOther().post("/oauth/introspect", *form); i.body["active"] != active {
				t.Errorf("%s: active %v, want %v", when, i.body["active"], active)
			}
		}
	}
	says("before", map[*url.Values]bool{&first: true, &beside: true, &second: true, &also: true})
	h.asOther().post("/oauth/revoke", second).wants(t, http.StatusBadRequest, "invalid_grant")
	h.asWiki().post("/oauth/revoke", second).wants(t, http.StatusBadRequest, "invalid_grant")
	revoke := func(form url.Values) {
		t.Helper()
		if a := h.asRobot().post("/oauth/revoke", form); a.status != http.StatusOK {
			t.Fatalf("%d %v", a.status, a.body)
		}
	}
	revoke(second)
	says("the last one is revoked", map[*url.Values]bool{&first: true, &beside: true, &second: false, &also: true})
	revoke(first)
	revoke(first)
	says("the first one is revoked", map[*url.Values]bool{&first: false, &beside: true, &second: false, &also: false})
	h.asRobot().trade(first.Get("token")).wants(t, http.StatusBadRequest, "invalid_request")
	if i := h.asWiki().post("/oauth/introspect", url.Values{"token": {subject}}); i.body["active"] != true {
		t.Errorf("what it was traded for: %v", i.body)
	}
	h.wantEvent("token.end")
}

// TestWhatCameOfAnExchangeEndsAtOnce: with the person, what it was traded for,
// the app that acts, and the person's grant for the audience.
func TestWhatCameOfAnExchangeEndsAtOnce(t *testing.T) {
	t.Parallel()
	for what, end := range map[string]func(*house, idp.App, string){
		"the person is suspended": func(h *house, _ idp.App, _ string) {
			_, err := h.dir.Suspend(t.Context(), h.ada.ID, "test")
			h.must(err)
		},
		"what it was traded for is revoked": func(h *house, _ idp.App, subject string) {
			h.asWiki().post("/oauth/revoke", url.Values{"token": {subject}})
		},
		"the app that acts is ended": func(h *house, robot idp.App, _ string) {
			_, err := h.dir.EndApp(t.Context(), robot.ID, "test")
			h.must(err)
		},
		"the audience is taken away": func(h *house, _ idp.App, _ string) {
			grants, err := h.store.Grants(t.Context(), h.other.ID)
			h.must(err)
			i := slices.IndexFunc(grants, func(g idp.Grant) bool { return g.UserID == h.ada.ID })
			_, err = h.dir.Ungrant(t.Context(), grants[i])
			h.must(err)
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			robot := h.exchanging()
			subject := h.signedIn(h.ada).tokens("openid").text("access_token")
			token := h.asRobot().trade(subject).text("access_token")
			form := url.Values{"token": {token}}
			if i := h.asOther().post("/oauth/introspect", form); i.body["active"] != true {
				t.Fatalf("before: %v", i.body)
			}
			end(h, robot, subject)
			h.asOther().post("/oauth/introspect", form).inactive(t)
			h.asRobot().trade(token).wants(t, http.StatusBadRequest, "invalid_request")
		})
	}
}
