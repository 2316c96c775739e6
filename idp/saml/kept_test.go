package saml_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// kept is the message that is kept of the newest refusal.
func (h *house) kept() idp.RefusedMessage {
	h.t.Helper()
	var m idp.RefusedMessage
	list, _, err := h.store.Events(h.t.Context(), idp.EventQuery{})
	h.must(err)
	for _, e := range list {
		if strings.HasSuffix(e.Kind, ".refuse") {
			found, err := h.store.RefusedMessages(h.t.Context(), e.Actor.CorrelationID)
			h.must(err)
			return found[e.ID]
		}
	}
	return m
}

// as sends a request under a correlation ID of its own.
func (h *house) as(correlation string, r *http.Request) {
	r = r.WithContext(idp.WithActor(r.Context(), idp.Actor{Kind: "anonymous", CorrelationID: correlation}))
	h.server.Config.Handler.ServeHTTP(httptest.NewRecorder(), r)
}

// TestWhatIsRefusedIsKept: the message that came beside the rule, by whichever
// way, without whom it is about.
func TestWhatIsRefusedIsKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	get := func(correlation, target, session string) {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		if session != "" {
			r.AddCookie(&http.Cookie{Name: "session", Value: session})
		}
		h.as(correlation, r)
	}
	get("acs", h.redirect(h.ask(func(r *wire.AuthnRequest) {
		r.ACSURL = "https://evil.example/acs"
		r.Subject = &wire.NameID{Value: "grace"}
	}), nil, ""), "")
	if m := h.kept(); !strings.Contains(m.Text, `AssertionConsumerServiceURL="https://evil.example/acs"`) || strings.Contains(m.Text, "grace") || m.Binding != string(wire.Redirect) {
		t.Errorf("kept %+v", m)
	}
	// Whoever was signed in and may not use the app.
	get("grant", h.redirect(h.ask(), nil, ""), h.signedIn(h.bob).cookie("session"))
	if m := h.kept(); !strings.Contains(m.Text, crmID) {
		t.Errorf("kept %+v, rule %s", m, h.lastRule())
	}
	// What came by POST was judged before it went on; its facts are told again.
	p := h.signedIn(h.bob)
	r := httptest.NewRequest(http.MethodGet, p.crossPost(h.post(h.ask(func(r *wire.AuthnRequest) { r.ForceAuthn = false }), crmKey(), "")).Header.Get("Location"), nil)
	r.AddCookie(&http.Cookie{Name: "session", Value: p.cookie("session")})
	h.as("posted", r)
	if m := h.kept(); !strings.Contains(m.Text, crmID) || h.lastRule() != "grant" {
		t.Errorf("kept %+v, rule %s", m, h.lastRule())
	}
	// What cannot be read is not kept, and the line stands.
	get("garbage", "/saml/sso?SAMLRequest=AAAA", "")
	if m := h.kept(); m.Text != "" || h.lastRule() != "message" {
		t.Errorf("kept %+v, rule %s", m, h.lastRule())
	}
}

// TestAFloodOfStrangersLeavesAnAppsOwnMessages.
func TestAFloodOfStrangersLeavesAnAppsOwnMessages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	wrong := func(r *wire.AuthnRequest) { r.ACSURL = "https://crm.example/moved" }
	h.as("own", httptest.NewRequest(http.MethodGet, h.redirect(h.ask(wrong), crmKey(), ""), nil))
	for range 60 {
		h.as("flood", httptest.NewRequest(http.MethodGet, h.redirect(h.ask(wrong), nil, ""), nil))
	}
	for correlation, want := range map[string]int{"own": 1, "flood": 20} {
		found, err := h.store.RefusedMessages(t.Context(), correlation)
		h.must(err)
		if len(found) != want {
			t.Errorf("%s: %d are kept, want %d", correlation, len(found), want)
		}
	}
}

// TestALogoutThatIsRefusedIsKept.
func TestALogoutThatIsRefusedIsKept(t *testing.T) {
	t.Parallel()
	h := newPartners(t, "redirect")
	p := h.signedIn(h.ada)
	h.opensCRM(p)
	g := h.given(h.sessionOf(p), h.crm)
	l := h.wants(g)
	l.Destination = "https://another.example/slo"
	to, err := crmKey().RedirectURL(h.server.URL+"/saml/slo", wire.ParamRequest, wire.Serialize(l.Element()), "")
	h.must(err)
	h.as("logout", httptest.NewRequest(http.MethodGet, to, nil))
	if m := h.kept(); !strings.Contains(m.Text, "https://another.example/slo") || strings.Contains(m.Text, g.NameID.Value) || strings.Contains(m.Text, g.SessionIndex) {
		t.Errorf("kept %+v, rule %s", m, h.lastRule())
	}
}
