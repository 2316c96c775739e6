package saml_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/outbox"
	"gatehouse/idp/saml"
	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

var _ outbox.Front = (*saml.FrontLogout)(nil)

// byBrowser makes the CRM one that only a browser can tell.
func byBrowser(binding string) func(*idp.App) {
	return func(a *idp.App) {
		a.SAML.FrontLogoutURL, a.SAML.FrontLogoutBinding = "https://crm.example/slo?tenant=1", binding
	}
}

// leaves signs Ada on to the CRM, lets so much time pass, signs her out and
// returns what her browser is to do, and what the CRM thereby reads.
func (h *house) leaves(after time.Duration) (idp.Receipt, idp.FrontCall, wire.LogoutRequest) {
	h.t.Helper()
	p := h.signedIn(h.ada)
	p.get(h.redirect(h.ask(), nil, "")).form()
	s, err := h.gate.Session(h.t.Context(), p.cookie("session"))
	h.must(err)
	h.clock.Advance(after)
	r, err := h.dir.SignOut(h.t.Context(), s)
	h.must(err)
	calls := h.fronts.Calls(h.t.Context(), r)
	if len(calls) != 1 {
		h.t.Fatalf("calls %+v", calls)
	}
	return r, calls[0], h.reads(calls[0])
}

// reads is the LogoutRequest of a call, proven as a service provider does.
func (h *house) reads(c idp.FrontCall) wire.LogoutRequest {
	h.t.Helper()
	req, err := http.NewRequest(http.MethodGet, c.URL, nil)
	h.must(err)
	if c.Fields != nil {
		form := url.Values{}
		for _, f := range c.Fields {
			form.Set(f[0], f[1])
		}
		req, err = http.NewRequest(http.MethodPost, c.URL, strings.NewReader(form.Encode()))
		h.must(err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	m, err := wire.Decode(req, wire.ParamRequest)
	h.must(err)
	wiretest.Valid(h.t, m.XML)
	if m.Binding == wire.POST {
		wiretest.Signed(h.t, m.XML, ourCerts(h.t)[0])
	}
	el, err := m.Verify(ourCerts(h.t))
	h.must(err)
	asked, err := wire.ParseLogoutRequest(el)
	h.must(err)
	return asked
}

func (h *house) crmLine(r idp.Receipt) idp.Delivery {
	h.t.Helper()
	lines, err := h.store.Deliveries(h.t.Context(), r.ID)
	h.must(err)
	if len(lines) != 1 {
		h.t.Fatalf("lines %+v", lines)
	}
	return lines[0]
}

// answer is what a good CRM answers; change may make it worse.
func (h *house) answer(asked wire.LogoutRequest, change ...func(*wire.LogoutResponse)) wire.LogoutResponse {
	a := wire.LogoutResponse{
		ID: wire.NewID(), InResponseTo: asked.ID, Issuer: crmID, Destination: h.server.URL + "/saml/slo",
		IssueInstant: h.clock.Now(), Status: wire.Status{Code: wire.StatusSuccess},
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

// comesBack brings an answer by redirect, unsigned where sign is nil.
func (h *house) comesBack(a wire.LogoutResponse, sign *wire.Signer) reply {
	h.t.Helper()
	build := wire.RedirectURL
	if sign != nil {
		build = sign.RedirectURL
	}
	to, err := build(h.server.URL+"/saml/slo", wire.ParamResponse, wire.Serialize(a.Element()), "")
	h.must(err)
	return h.person().get(to)
}

// comesByPost brings it by HTTP-POST, signed.
func (h *house) comesByPost(a wire.LogoutResponse, sign *wire.Signer) reply {
	h.t.Helper()
	el := a.Element()
	h.must(sign.Sign(el))
	res, err := http.PostForm(h.server.URL+"/saml/slo", url.Values{wire.ParamResponse: {wire.EncodePOST(wire.Serialize(el))}})
	return read(h.t, res, err)
}

func TestABrowserIsLedToAnAppThatNobodyElseCanTell(t *testing.T) {
	t.Parallel()
	for _, binding := range []string{"redirect", "post"} {
		t.Run(binding, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.changeApp(h.crm.ID, byBrowser(binding))
			r, call, asked := h.leaves(20 * time.Minute)
			if (call.Fields != nil) != (binding == "post") || !strings.HasPrefix(call.URL, "https://crm.example/slo?tenant=1") || call.App != "CRM" || !call.Answers {
				t.Errorf("call %+v", call)
			}
			if asked.Destination != "https://crm.example/slo?tenant=1" || asked.Issuer != h.provider.EntityID || len(asked.SessionIndexes) != 1 || asked.NameID.Value == "" {
				t.Errorf("asked %+v", asked)
			}
			d := h.crmLine(r)
			if d.ID != call.DeliveryID || d.State != idp.DeliveryAlive || d.Lever != idp.LeverSAMLFront || d.Attempts != 1 || d.Ceiling.IsZero() ||
				!strings.Contains(d.Answer, "Nothing has come back") {
				t.Errorf("before the answer: %+v", d)
			}
			var got reply
			if binding == "post" {
				got = h.comesByPost(h.answer(asked), crmKey())
			} else {
				got = h.comesBack(h.answer(asked), crmKey())
			}
			if got.StatusCode != http.StatusOK || !strings.Contains(got.body, "signed out of CRM") {
				t.Errorf("%d %s", got.StatusCode, got.body)
			}
			if d = h.crmLine(r); d.State != idp.DeliveryAcknowledged || d.AckedAt.IsZero() || d.FinishedAt.IsZero() || d.Answer != "It answered Success." {
				t.Errorf("after the answer: %+v", d)
			}
		})
	}
}

// TestSA29ForgedLogoutAnswersAreRefused: each is refused, recorded under its rule,
// and changes nothing; after all of them the true one is still taken, once.
func TestSA29ForgedLogoutAnswersAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.crm.ID, byBrowser("redirect"))
	r, _, asked := h.leaves(20 * time.Minute)
	before := h.crmLine(r)
	rule := func() string {
		list, _, err := h.store.Events(t.Context(), idp.EventQuery{Limit: 1})
		h.must(err)
		if list[0].Kind != "saml.logout.refuse" {
			return list[0].Kind
		}
		return list[0].Detail["rule"]
	}
	set := func(f func(*wire.LogoutResponse)) wire.LogoutResponse { return h.answer(asked, f) }
	for _, c := range []struct {
		name, rule string
		answer     wire.LogoutResponse
		sign       *wire.Signer
	}{
		{"unsigned", "signature", h.answer(asked), nil},
		{"signed by another app", "signature", h.answer(asked), hrKey()},
		{"of another app, signed by it", "issuer", set(func(a *wire.LogoutResponse) { a.Issuer = hrID }), hrKey()},
		{"of an app that is not registered", "issuer", set(func(a *wire.LogoutResponse) { a.Issuer = "https://evil.example" }), crmKey()},
		{"to a request that was never made", "in_response_to", set(func(a *wire.LogoutResponse) { a.InResponseTo = wire.NewID() }), crmKey()},
		{"to a request changed in a letter", "in_response_to", set(func(a *wire.LogoutResponse) { a.InResponseTo = swapped(asked.ID) }), crmKey()},
		{"to no request", "in_response_to", set(func(a *wire.LogoutResponse) { a.InResponseTo = "" }), crmKey()},
		{"addressed to another house", "destination", set(func(a *wire.LogoutResponse) { a.Destination = "https://other.example/saml/slo" }), crmKey()},
		{"addressed to nobody", "destination", set(func(a *wire.LogoutResponse) { a.Destination = "" }), crmKey()},
		{"old", "age", set(func(a *wire.LogoutResponse) { a.IssueInstant = h.clock.Now().Add(-10 * time.Minute) }), crmKey()},
		{"of the future", "age", set(func(a *wire.LogoutResponse) { a.IssueInstant = h.clock.Now().Add(10 * time.Minute) }), crmKey()},
	} {
		got := h.comesBack(c.answer, c.sign)
		if got.StatusCode != http.StatusBadRequest || !strings.Contains(got.body, "not taken") || strings.Contains(got.body, c.rule) {
			t.Errorf("%s: %d %s", c.name, got.StatusCode, got.body)
		}
		if got := rule(); got != c.rule {
			t.Errorf("%s: refused by %q, want %q", c.name, got, c.rule)
		}
		if d := h.crmLine(r); d.State != before.State || d.Answer != before.Answer || !d.AckedAt.IsZero() {
			t.Errorf("%s changed the line: %+v", c.name, d)
		}
	}
	good := h.answer(asked)
	if got := h.comesBack(good, crmKey()); got.StatusCode != http.StatusOK {
		t.Errorf("the true one: %d %s", got.StatusCode, got.body)
	}
	if got := h.comesBack(good, crmKey()); got.StatusCode != http.StatusBadRequest || rule() != "replay" {
		t.Errorf("again: %d, %s", got.StatusCode, rule())
	}
	if d := h.crmLine(r); d.State != idp.DeliveryAcknowledged {
		t.Errorf("%+v", d)
	}
}

// swapped is another text of the same form.
func swapped(id string) string {
	b := []byte(id)
	if b[40]++; b[40] > 'z' || b[40] == '[' || b[40] == ':' || b[40] == '`' {
		b[40] = 'A'
	}
	return string(b)
}

func TestALogoutAnswerThatComesTooLateOrSaysNo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.crm.ID, byBrowser("redirect"))
	r, _, asked := h.leaves(20 * time.Minute)
	if got := h.comesBack(h.answer(asked, func(a *wire.LogoutResponse) { a.Status = wire.Status{Code: wire.StatusResponder} }), crmKey()); got.StatusCode != http.StatusBadRequest ||
		!strings.Contains(got.body, "CRM could not sign you out. It answered Responder.") {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	if d := h.crmLine(r); d.State != idp.DeliveryAlive || d.Answer != "It answered Responder." {
		t.Errorf("%+v", d)
	}

	h = newHouse(t)
	h.changeApp(h.crm.ID, byBrowser("redirect"))
	r, _, asked = h.leaves(20 * time.Minute)
	h.clock.Advance(11 * time.Minute)
	if got := h.comesBack(h.answer(asked), crmKey()); got.StatusCode != http.StatusBadRequest {
		t.Errorf("eleven minutes later: %d", got.StatusCode)
	}
	if d := h.crmLine(r); d.State != idp.DeliveryAlive {
		t.Errorf("%+v", d)
	}
}

// TestAnAnswerByBrowserIsNotFinalWhileAnAssertionMayLand: nobody is there to
// tell the app again.
func TestAnAnswerByBrowserIsNotFinalWhileAnAssertionMayLand(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.crm.ID, byBrowser("redirect"))
	r, _, asked := h.leaves(time.Minute)
	if got := h.comesBack(h.answer(asked), crmKey()); got.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	d := h.crmLine(r)
	if left := d.Ceiling.Sub(h.clock.Now()); d.State != idp.DeliveryAlive || d.AckedAt.IsZero() || left < 2*time.Minute || left > 3*time.Minute {
		t.Errorf("%+v, %s left", d, left)
	}
	n, err := h.store.EndedByCeiling(t.Context(), d.Ceiling)
	h.must(err)
	if d = h.crmLine(r); n != 1 || d.State != idp.DeliveryEnded {
		t.Errorf("%d, %+v", n, d)
	}
}

// TestWhatIsToldOtherwiseIsNotLedTo: an app with a lever of its own, and a
// suspension.
func TestWhatIsToldOtherwiseIsNotLedTo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.crm.ID, byBrowser("redirect"))
	h.changeApp(h.crm.ID, func(a *idp.App) { a.SAML.SOAPLogoutURL = "https://crm.example/soap" })
	p := h.signedIn(h.ada)
	p.get(h.redirect(h.ask(), nil, "")).form()
	s, err := h.gate.Session(t.Context(), p.cookie("session"))
	h.must(err)
	r, err := h.dir.SignOut(t.Context(), s)
	h.must(err)
	if calls := h.fronts.Calls(t.Context(), r); len(calls) != 0 {
		t.Errorf("%+v", calls)
	}
	suspended, err := h.dir.Suspend(t.Context(), h.ada.ID, "")
	h.must(err)
	if calls := h.fronts.Calls(t.Context(), suspended); len(calls) != 0 {
		t.Errorf("%+v", calls)
	}
	h.person().get("/saml/slo").wantPage(http.StatusBadRequest)
	h.person().get("/saml/slo?SAMLRequest=abc").wantPage(http.StatusBadRequest)
	h.person().get("/saml/slo?SAMLResponse=abc").wantPage(http.StatusBadRequest)
}
