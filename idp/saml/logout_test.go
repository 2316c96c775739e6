package saml_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/beevik/etree"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/fetch"
	"gatehouse/idp/outbox"
	"gatehouse/idp/saml"
	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

var _ saml.Endings = (*directory.Directory)(nil)

// partners is a house whose CRM asks by browser, whose HR is told over SOAP, and
// whose outbox works.
type partners struct {
	*house
	binding string
	broken  atomic.Bool  // HR answers nothing of use
	told    atomic.Int32 // how often it was told
}

func newPartners(t *testing.T, binding string) *partners {
	t.Helper()
	h := &partners{house: newHouse(t), binding: binding}
	server := httptest.NewServer(http.HandlerFunc(h.hrIsTold))
	t.Cleanup(server.Close)
	h.changeApp(h.crm.ID, byBrowser(binding))
	h.changeApp(h.crm.ID, func(a *idp.App) { a.SAML.FrontLogoutResponseURL = "https://crm.example/slo/done?tenant=1" })
	h.changeApp(h.hr.ID, func(a *idp.App) { a.SAML.SOAPLogoutURL = server.URL })
	client, err := fetch.New([]string{strings.TrimPrefix(server.URL, "http://")})
	h.must(err)
	worker := h.fronts.Worker
	worker.Levers = []outbox.Lever{&saml.SOAPLogout{EntityID: h.provider.EntityID, Ring: h.ring, Fetch: client, Now: h.clock.Now}}
	worker.Name, worker.Log, worker.Poll = "test", h.provider.Log, 50*time.Millisecond
	h.dir.Wake = worker.Wake
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return h
}

// hrIsTold is HR's single logout service.
func (h *partners) hrIsTold(w http.ResponseWriter, r *http.Request) {
	h.told.Add(1)
	if h.broken.Load() {
		http.Error(w, "no", http.StatusInternalServerError)
		return
	}
	m, err := wire.DecodeSOAP(r.Body)
	if err != nil {
		h.t.Error(err)
		return
	}
	el, err := m.Verify(ourCerts(h.t))
	if err != nil {
		h.t.Error(err)
		return
	}
	asked, err := wire.ParseLogoutRequest(el)
	if err != nil || asked.NameID.Value != "ada@example.com" || len(asked.SessionIndexes) != 1 {
		h.t.Errorf("%+v, %v", asked, err)
	}
	_, _ = w.Write(wire.SOAPEnvelope(wire.LogoutResponse{
		ID: wire.NewID(), InResponseTo: asked.ID, Issuer: hrID, IssueInstant: h.clock.Now(), Status: wire.Status{Code: wire.StatusSuccess},
	}.Element()))
}

// opensCRM and opensHR sign somebody on who has a session.
func (h *house) opensCRM(p *person) { h.t.Helper(); p.get(h.redirect(h.ask(), nil, "")).form() }
func (h *house) opensHR(p *person) {
	h.t.Helper()
	p.get(h.redirect(h.ask(func(a *wire.AuthnRequest) { a.Issuer = hrID }), hrKey(), "")).form()
}

// sessionOf is the session of a browser.
func (h *house) sessionOf(p *person) idp.SessionID {
	h.t.Helper()
	s, err := h.gate.Session(h.t.Context(), p.cookie("session"))
	h.must(err)
	return s.ID
}

// given is what an app was told of a session.
func (h *house) given(s idp.SessionID, app idp.App) idp.Participant {
	h.t.Helper()
	g, err := h.store.Participant(h.t.Context(), s, app.ID)
	h.must(err)
	return g
}

// wants is the CRM's request to end what it was given; change may make it worse.
func (h *house) wants(g idp.Participant, change ...func(*wire.LogoutRequest)) wire.LogoutRequest {
	r := wire.LogoutRequest{
		ID: wire.NewID(), Issuer: crmID, Destination: h.server.URL + "/saml/slo", IssueInstant: h.clock.Now(),
		NotOnOrAfter: h.clock.Now().Add(time.Minute), NameID: wire.NameID(g.NameID), SessionIndexes: []string{g.SessionIndex},
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

// bring has a browser bring the request, by either binding.
func (p *person) bring(binding string, r wire.LogoutRequest, sign *wire.Signer, relayState string) reply {
	p.h.t.Helper()
	if binding == "post" {
		el := r.Element()
		if sign != nil {
			p.h.must(sign.Sign(el))
		}
		return p.posts(wire.Serialize(el), relayState)
	}
	build := wire.RedirectURL
	if sign != nil {
		build = sign.RedirectURL
	}
	to, err := build(p.h.server.URL+"/saml/slo", wire.ParamRequest, wire.Serialize(r.Element()), relayState)
	p.h.must(err)
	return p.get(to)
}

// posts brings a message from another site: Lax cookies stay at home, but not on
// the way on by GET.
func (p *person) posts(message []byte, relayState string) reply {
	p.h.t.Helper()
	res, err := (&http.Client{CheckRedirect: p.client.CheckRedirect}).PostForm(p.h.server.URL+"/saml/slo", postXML(message, relayState))
	got := read(p.h.t, res, err)
	if to := got.Header.Get("Location"); strings.HasPrefix(to, "/saml/slo/continue?") {
		return p.get(to)
	}
	return got
}

// back is what the CRM reads of the answer, proven as a service provider does.
func (h *house) back(got reply) (wire.LogoutResponse, string) {
	h.t.Helper()
	var req *http.Request
	var err error
	if to := got.Header.Get("Location"); to != "" {
		req, err = http.NewRequest(http.MethodGet, to, nil)
	} else {
		f := got.form()
		form := url.Values{wire.ParamResponse: {wire.EncodePOST(f.message)}, "RelayState": f.relayState}
		if req, err = http.NewRequest(http.MethodPost, f.action, strings.NewReader(form.Encode())); err == nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	}
	h.must(err)
	if to := "https://crm.example/slo/done?tenant=1"; !strings.HasPrefix(req.URL.String(), to) {
		h.t.Fatalf("it leads to %s", req.URL)
	}
	m, err := wire.Decode(req, wire.ParamResponse)
	h.must(err)
	wiretest.Valid(h.t, m.XML)
	if m.Binding == wire.POST {
		wiretest.Signed(h.t, m.XML, ourCerts(h.t)[0])
	}
	el, err := m.Verify(ourCerts(h.t))
	h.must(err)
	answer, err := wire.ParseLogoutResponse(el)
	h.must(err)
	if answer.Issuer != h.provider.EntityID || answer.Destination != "https://crm.example/slo/done?tenant=1" || answer.ID == "" || h.clock.Now().Sub(answer.IssueInstant) > time.Minute {
		h.t.Errorf("answer %+v", answer)
	}
	return answer, m.RelayState
}

// wantBack fails the test unless the CRM is answered so.
func (h *house) wantBack(got reply, r wire.LogoutRequest, code, sub, relayState string) {
	h.t.Helper()
	answer, relay := h.back(got)
	if answer.InResponseTo != r.ID || answer.Status.Code != code || answer.Status.SubCode != sub || relay != relayState {
		h.t.Errorf("answered %+v with RelayState %q", answer, relay)
	}
}

// wantLive fails the test unless the session of that cookie is, or is not, alive.
func (h *house) wantLive(cookie string, want bool) {
	h.t.Helper()
	_, err := h.gate.Session(h.t.Context(), cookie)
	if (err == nil) != want || err != nil && !idp.IsKind(err, idp.Unauthenticated) {
		h.t.Errorf("the session: %v, want alive %v", err, want)
	}
}

// TestKitSingleLogout is the checks of the SAML conformance kit on single logout,
// by their names (docs/conformance.md).
func TestKitSingleLogout(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("r", 1024)
	for _, binding := range []string{"redirect", "post"} {
		for _, c := range []struct {
			name             string
			several, failure bool
			relayState, sub  string
		}{
			{name: "single SP"},
			{name: "multiple SPs", several: true},
			{name: "RelayState, single SP", relayState: "a b&c=<d>é"},
			{name: "RelayState, multiple SPs", several: true, relayState: long},
			{name: "failure at SP2", several: true, failure: true, relayState: "x", sub: wire.StatusPartialLogout},
		} {
			t.Run(binding+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				h := newPartners(t, binding)
				p := h.signedIn(h.ada)
				h.opensCRM(p)
				if c.several {
					h.opensHR(p)
				}
				if c.failure {
					h.broken.Store(true)
					h.provider.Patience = 500 * time.Millisecond
				}
				cookie, g := p.cookie("session"), h.given(h.sessionOf(p), h.crm)
				r := h.wants(g)
				h.wantBack(p.bring(binding, r, crmKey(), c.relayState), r, wire.StatusSuccess, c.sub, c.relayState)
				h.wantLive(cookie, false)
				if p.cookie("session") != "" {
					t.Error("the browser keeps its cookie")
				}
				if told := h.told.Load(); (told > 0) != c.several {
					t.Errorf("SP2 was told %d times", told)
				}
			})
		}
		t.Run(binding+"/SHA-256", func(t *testing.T) {
			t.Parallel()
			h := newPartners(t, binding)
			p := h.signedIn(h.ada)
			h.opensCRM(p)
			got := p.bring(binding, h.wants(h.given(h.sessionOf(p), h.crm)), crmKey(), "")
			_, _ = h.back(got)
			if text := got.Header.Get("Location") + got.body; !strings.Contains(text, "rsa-sha256") && !strings.Contains(string(signatureOf(t, got)), "rsa-sha256") {
				t.Errorf("not by SHA-256: %s", text)
			}
		})
		t.Run(binding+"/RelayState over 1 KiB", func(t *testing.T) {
			t.Parallel()
			h := newPartners(t, binding)
			p := h.signedIn(h.ada)
			h.opensCRM(p)
			message := wire.Serialize(h.wants(h.given(h.sessionOf(p), h.crm)).Element())
			if binding == "post" {
				p.posts(message, long+"r").wantPage(http.StatusBadRequest)
			} else {
				to, err := crmKey().RedirectURL(h.server.URL+"/saml/slo", wire.ParamRequest, message, long)
				h.must(err)
				p.get(strings.Replace(to, "&SigAlg", "r&SigAlg", 1)).wantPage(http.StatusBadRequest)
			}
			h.wantLive(p.cookie("session"), true)
		})
	}
}

// signatureOf is the posted message.
func signatureOf(t *testing.T, got reply) []byte {
	t.Helper()
	if got.Header.Get("Location") != "" {
		return nil
	}
	return got.form().message
}

// TestTheAppThatAsksIsNotTold: its line says that it asked, and it is led nowhere
// by the browser; while its assertion could still land, the line is not final.
func TestTheAppThatAsksIsNotTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		after time.Duration
		state idp.DeliveryState
	}{{0, idp.DeliveryAlive}, {20 * time.Minute, idp.DeliveryAcknowledged}} {
		h := newPartners(t, "redirect")
		p := h.signedIn(h.ada)
		h.opensCRM(p)
		s := h.sessionOf(p)
		h.clock.Advance(c.after)
		r := h.wants(h.given(s, h.crm))
		h.wantBack(p.bring("redirect", r, crmKey(), ""), r, wire.StatusSuccess, "", "")
		receipts, _, err := h.store.Receipts(t.Context(), h.ada.ID, "", 10)
		h.must(err)
		if len(receipts) != 1 || receipts[0].Kind != idp.EndSession || receipts[0].Actor.Kind != "app" || receipts[0].Actor.AppID != h.crm.ID {
			t.Fatalf("receipts %+v", receipts)
		}
		if d := h.crmLine(receipts[0]); d.State != c.state || d.Answer != "It asked for this sign-out itself." || d.Attempts != 0 || d.AckedAt.IsZero() {
			t.Errorf("after %s: %+v", c.after, d)
		}
	}
}

// TestALogoutEndsWhatItNames: by SessionIndex the sessions it names, without one
// all of the person in that app, and of nobody else; the browser that brings it
// keeps a session of its own that is not meant.
func TestALogoutEndsWhatItNames(t *testing.T) {
	t.Parallel()
	h := newPartners(t, "redirect")
	h.grantsBob()
	bob := h.signedIn(h.bob)
	h.opensCRM(bob)
	var ada [5]*person
	var cookies [5]string
	var got [5]idp.Participant
	for i := range ada {
		ada[i] = h.signedIn(h.ada)
		if i < 4 { // the last has not opened the CRM
			h.opensCRM(ada[i])
			got[i] = h.given(h.sessionOf(ada[i]), h.crm)
		}
		cookies[i] = ada[i].cookie("session")
	}
	alive := func(want ...bool) {
		t.Helper()
		for i, w := range want {
			h.wantLive(cookies[i], w)
		}
		h.wantLive(bob.cookie("session"), true)
	}
	// Brought by Bob's browser: it is not led anywhere, and he stays signed in.
	r := h.wants(got[0])
	h.wantBack(bob.bring("redirect", r, crmKey(), ""), r, wire.StatusSuccess, "", "")
	alive(false, true, true, true, true)
	// Two, by a browser of hers that is not meant, whose cookie stays.
	r = h.wants(got[1], func(r *wire.LogoutRequest) { r.SessionIndexes = append(r.SessionIndexes, got[2].SessionIndex) })
	h.wantBack(ada[3].bring("redirect", r, crmKey(), ""), r, wire.StatusSuccess, "", "")
	alive(false, false, false, true, true)
	if ada[3].cookie("session") != cookies[3] {
		t.Error("a browser that was not meant lost its cookie")
	}
	// All in that app, by a browser without a session.
	r = h.wants(got[3], func(r *wire.LogoutRequest) { r.SessionIndexes = nil })
	h.wantBack(h.person().bring("redirect", r, crmKey(), ""), r, wire.StatusSuccess, "", "")
	alive(false, false, false, false, true)
	// Again: it is over already, which is what was wanted.
	r = h.wants(got[3])
	h.wantBack(h.person().bring("redirect", r, crmKey(), ""), r, wire.StatusSuccess, "", "")
}

// grantsBob lets Bob into the CRM, too.
func (h *house) grantsBob() {
	h.commit(idp.Change{Grants: []idp.Grant{{ID: idp.NewGrantID(), AppID: h.crm.ID, UserID: h.bob.ID, CreatedAt: idp.Time(h.clock.Now())}}})
}

// TestTheNameIsComparedAsItWasIssued: what a request leaves out is ours, what it
// says must be so.
func TestTheNameIsComparedAsItWasIssued(t *testing.T) {
	t.Parallel()
	h := newPartners(t, "redirect")
	h.grantsBob()
	bob := h.signedIn(h.bob)
	h.opensCRM(bob)
	bobs := h.given(h.sessionOf(bob), h.crm)
	for name, c := range map[string]struct {
		change func(*wire.LogoutRequest)
		ends   bool
		rule   string
	}{
		"as issued":                     {func(*wire.LogoutRequest) {}, true, ""},
		"without Format and qualifiers": {func(r *wire.LogoutRequest) { r.NameID = wire.NameID{Value: r.NameID.Value} }, true, ""},
		"unspecified Format":            {func(r *wire.LogoutRequest) { r.NameID.Format = wire.NameIDUnspecified }, true, ""},
		"another Format":                {func(r *wire.LogoutRequest) { r.NameID.Format = wire.NameIDEmail }, false, "principal"},
		"another NameQualifier":         {func(r *wire.LogoutRequest) { r.NameID.NameQualifier = "https://other.example" }, false, "principal"},
		"another SPNameQualifier":       {func(r *wire.LogoutRequest) { r.NameID.SPNameQualifier = hrID }, false, "principal"},
		"a value with white space":      {func(r *wire.LogoutRequest) { r.NameID.Value += " " }, false, "principal"},
		"nobody":                        {func(r *wire.LogoutRequest) { r.NameID.Value = "nobody" }, false, "principal"},
		"SessionIndex of another":       {func(r *wire.LogoutRequest) { r.SessionIndexes = []string{bobs.SessionIndex} }, false, "session_index"},
		"SessionIndex of nobody":        {func(r *wire.LogoutRequest) { r.SessionIndexes = []string{"nothing"} }, false, "session_index"},
		"an endless SessionIndex":       {func(r *wire.LogoutRequest) { r.SessionIndexes = append(r.SessionIndexes, strings.Repeat("x", 65)) }, false, "session_index"},
		"too many SessionIndexes": {func(r *wire.LogoutRequest) {
			for range 64 {
				r.SessionIndexes = append(r.SessionIndexes, "x")
			}
		}, false, "session_index"},
	} {
		p := h.signedIn(h.ada)
		h.opensCRM(p)
		cookie := p.cookie("session")
		r := h.wants(h.given(h.sessionOf(p), h.crm), c.change)
		got := p.bring("redirect", r, crmKey(), "")
		if c.ends {
			h.wantBack(got, r, wire.StatusSuccess, "", "")
		} else {
			h.wantBack(got, r, wire.StatusRequester, wire.StatusUnknownPrincipal, "")
			if rule := h.logoutRule(); rule != c.rule {
				t.Errorf("%s: refused by %q", name, rule)
			}
		}
		h.wantLive(cookie, !c.ends)
		h.wantLive(bob.cookie("session"), true)
	}
}

// logoutRule is the rule by which the newest audit line refuses a logout.
func (h *house) logoutRule() string {
	h.t.Helper()
	list, _, err := h.store.Events(h.t.Context(), idp.EventQuery{Limit: 1})
	h.must(err)
	if len(list) == 0 || list[0].Kind != "saml.logout.refuse" {
		return ""
	}
	return list[0].Detail["rule"]
}

// TestSA29ForgedLogoutRequestsEndNothing: by every binding, what the app itself
// did not sign, for us, now and for the first time, ends no session. Who is
// proven to be the app is told, others' words only the person and the log.
func TestSA29ForgedLogoutRequestsEndNothing(t *testing.T) {
	t.Parallel()
	for _, binding := range []string{"redirect", "post", "soap"} {
		t.Run(binding, func(t *testing.T) {
			t.Parallel()
			h := newPartners(t, map[string]string{"soap": "redirect"}[binding]+strings.TrimSuffix(binding, "soap"))
			p := h.signedIn(h.ada)
			h.opensCRM(p)
			h.opensHR(p)
			s := h.sessionOf(p)
			cookie, g, hrs := p.cookie("session"), h.given(s, h.crm), h.given(s, h.hr)
			now := h.clock.Now()
			for _, c := range []struct {
				name, rule string
				sign       *wire.Signer
				told       bool
				change     func(*wire.LogoutRequest)
			}{
				{"unsigned", "signature", nil, false, func(*wire.LogoutRequest) {}},
				{"signed by another app", "signature", hrKey(), false, func(*wire.LogoutRequest) {}},
				{"of another app, for the session of this one", "principal", hrKey(), true, func(r *wire.LogoutRequest) { r.Issuer = hrID }},
				{"of nobody registered", "issuer", crmKey(), false, func(r *wire.LogoutRequest) { r.Issuer = "https://evil.example" }},
				{"for another's name", "principal", crmKey(), true, func(r *wire.LogoutRequest) { r.NameID = wire.NameID(hrs.NameID) }},
				{"for another app's session", "session_index", crmKey(), true, func(r *wire.LogoutRequest) { r.SessionIndexes = []string{hrs.SessionIndex} }},
				{"addressed to another house", "destination", crmKey(), true, func(r *wire.LogoutRequest) { r.Destination = "https://other.example/saml/slo" }},
				{"addressed to another endpoint", "destination", crmKey(), true, func(r *wire.LogoutRequest) { r.Destination = h.server.URL + "/saml/sso" }},
				{"addressed to nobody", "destination", crmKey(), true, func(r *wire.LogoutRequest) { r.Destination = "" }},
				{"old", "issue_instant", crmKey(), true, func(r *wire.LogoutRequest) { r.IssueInstant = now.Add(-6 * time.Minute) }},
				{"of the future", "issue_instant", crmKey(), true, func(r *wire.LogoutRequest) { r.IssueInstant = now.Add(4 * time.Minute) }},
				{"expired", "expired", crmKey(), true, func(r *wire.LogoutRequest) { r.NotOnOrAfter = now.Add(-3 * time.Minute) }},
			} {
				r := h.wants(g, func(r *wire.LogoutRequest) {
					if binding == "soap" {
						r.Destination += "/soap"
					}
				}, c.change)
				if binding == "soap" {
					res := h.overSOAP(r, c.sign)
					if want := map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[c.told]; res.StatusCode != want {
						t.Errorf("%s: %d %s", c.name, res.StatusCode, res.body)
					}
				} else if got := p.bring(binding, r, c.sign, ""); c.told && r.Issuer == crmID {
					if answer, _ := h.back(got); answer.Status.OK() || answer.InResponseTo != r.ID {
						t.Errorf("%s: answered %+v", c.name, answer)
					}
				} else {
					got.wantPage(http.StatusBadRequest)
				}
				if rule := h.logoutRule(); rule != c.rule {
					t.Errorf("%s: refused by %q, want %q", c.name, rule, c.rule)
				}
				h.wantLive(cookie, true)
			}
			if told := h.told.Load(); told != 0 {
				t.Errorf("HR was told %d times", told)
			}
		})
	}
}

// TestSA29ALogoutRequestIsTakenOnce: brought again, also on another way, it ends
// nothing that began since.
func TestSA29ALogoutRequestIsTakenOnce(t *testing.T) {
	t.Parallel()
	h := newPartners(t, "redirect")
	p := h.signedIn(h.ada)
	h.opensCRM(p)
	r := h.wants(h.given(h.sessionOf(p), h.crm), func(r *wire.LogoutRequest) { r.SessionIndexes = nil })
	h.wantBack(p.bring("redirect", r, crmKey(), ""), r, wire.StatusSuccess, "", "")
	p = h.signedIn(h.ada)
	h.opensCRM(p)
	for _, binding := range []string{"redirect", "post"} {
		p.bring(binding, r, crmKey(), "").wantPage(http.StatusBadRequest)
		if rule := h.logoutRule(); rule != "replay" {
			t.Errorf("refused by %q", rule)
		}
		h.wantLive(p.cookie("session"), true)
	}
}

// TestAnEncryptedNameIsRefusedPlainly: we publish no key to encrypt to.
func TestAnEncryptedNameIsRefusedPlainly(t *testing.T) {
	t.Parallel()
	h := newPartners(t, "post")
	p := h.signedIn(h.ada)
	h.opensCRM(p)
	r := h.wants(h.given(h.sessionOf(p), h.crm))
	el := r.Element()
	name := wire.Children(el, wire.NSAssertion, "NameID")[0]
	encrypted := etree.NewElement("saml:EncryptedID")
	encrypted.CreateElement("xenc:EncryptedData").CreateAttr("xmlns:xenc", wire.NSEncrypt)
	el.InsertChildAt(name.Index(), encrypted)
	el.RemoveChild(name)
	h.must(crmKey().Sign(el))
	answer, _ := h.back(p.posts(wire.Serialize(el), ""))
	if answer.Status.Code != wire.StatusRequester || answer.Status.SubCode != wire.StatusRequestUnsupported || !strings.Contains(answer.Status.Message, "no key") {
		t.Errorf("%+v", answer)
	}
	if rule := h.logoutRule(); rule != "encrypted_id" {
		t.Errorf("refused by %q", rule)
	}
	h.wantLive(p.cookie("session"), true)
}

// TestTheBrowserGoesThroughOtherAppsAndThenBack: to the app that asked, with what
// they said.
func TestTheBrowserGoesThroughOtherAppsAndThenBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		answers bool
		sub     string
	}{{"it answers", true, ""}, {"it is dead", false, wire.StatusPartialLogout}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newPartners(t, "redirect")
			h.changeApp(h.hr.ID, func(a *idp.App) {
				a.SAML.SOAPLogoutURL, a.SAML.FrontLogoutURL, a.SAML.FrontLogoutBinding = "", "https://hr.example/slo", "redirect"
			})
			p := h.signedIn(h.ada)
			h.opensCRM(p)
			h.opensHR(p)
			h.clock.Advance(20 * time.Minute)
			cookie, r := p.cookie("session"), h.wants(h.given(h.sessionOf(p), h.crm))
			got := p.bring("redirect", r, crmKey(), "state")
			h.wantLive(cookie, false)
			led, then, ok := strings.Cut(strings.TrimPrefix(got.body, "led to "), "\nthen ")
			if got.StatusCode != http.StatusOK || !ok || !strings.HasPrefix(led, "https://hr.example/slo?") || p.cookie("session") != "" {
				t.Fatalf("%d %s", got.StatusCode, got.body)
			}
			if c.answers {
				asked := h.reads(idp.FrontCall{URL: led})
				if back := h.comesBack(h.answer(asked, func(a *wire.LogoutResponse) { a.Issuer = hrID }), hrKey()); back.StatusCode != http.StatusOK {
					t.Fatalf("%d %s", back.StatusCode, back.body)
				}
			}
			h.wantBack(p.get(then), r, wire.StatusSuccess, c.sub, "state")
			// The way back is what we sealed, and open for a while.
			p.get(then[:len(then)-5] + "AAAAA").wantPage(http.StatusBadRequest)
			h.clock.Advance(11 * time.Minute)
			p.get(then).wantPage(http.StatusBadRequest)
		})
	}
}

// TestAnAppWithoutAnAddressForAnswers signs the person out all the same; what it
// may not do is told to the person.
func TestAnAppWithoutAnAddressForAnswers(t *testing.T) {
	t.Parallel()
	h := newPartners(t, "redirect")
	h.changeApp(h.crm.ID, func(a *idp.App) {
		a.SAML.FrontLogoutURL, a.SAML.FrontLogoutBinding, a.SAML.FrontLogoutResponseURL = "", "", ""
	})
	p := h.signedIn(h.ada)
	h.opensCRM(p)
	cookie, g := p.cookie("session"), h.given(h.sessionOf(p), h.crm)
	p.bring("redirect", h.wants(g, func(r *wire.LogoutRequest) { r.NameID.Value = "nobody" }), crmKey(), "").wantPage(http.StatusBadRequest)
	h.wantLive(cookie, true)
	if got := p.bring("redirect", h.wants(g), crmKey(), ""); got.Header.Get("Location") != "/signed-out" {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	h.wantLive(cookie, false)
}

// overSOAP sends the CRM's request over SOAP.
func (h *house) overSOAP(r wire.LogoutRequest, sign *wire.Signer) reply {
	h.t.Helper()
	el := r.Element()
	if sign != nil {
		h.must(sign.Sign(el))
	}
	return h.postSOAP(wire.SOAPEnvelope(el))
}

func (h *house) postSOAP(body []byte) reply {
	h.t.Helper()
	res, err := http.Post(h.server.URL+"/saml/slo/soap", "text/xml", bytes.NewReader(body))
	return read(h.t, res, err)
}

// saysOverSOAP is the status of a signed answer over SOAP.
func (h *house) saysOverSOAP(got reply, r wire.LogoutRequest) wire.Status {
	h.t.Helper()
	wiretest.Judge(h.t, []byte(got.body), ourCerts(h.t)[0])
	m, err := wire.DecodeSOAP(strings.NewReader(got.body))
	h.must(err)
	el, err := m.Verify(ourCerts(h.t))
	h.must(err)
	answer, err := wire.ParseLogoutResponse(el)
	h.must(err)
	if answer.InResponseTo != r.ID || answer.Issuer != h.provider.EntityID || got.StatusCode != http.StatusOK || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/xml") {
		h.t.Errorf("%d, %+v", got.StatusCode, answer)
	}
	return answer.Status
}

// TestLogoutOverSOAP: all in one exchange, no longer than patience; an app that
// only a browser can tell is not told.
func TestLogoutOverSOAP(t *testing.T) {
	t.Parallel()
	here := func(r *wire.LogoutRequest) { r.Destination += "/soap" }
	for name, c := range map[string]struct {
		set func(*partners)
		sub string
	}{
		"every other app is told": {func(*partners) {}, ""},
		"one is dead":             {func(h *partners) { h.broken.Store(true); h.provider.Patience = 300 * time.Millisecond }, wire.StatusPartialLogout},
		"one cannot be told": {func(h *partners) {
			h.changeApp(h.hr.ID, func(a *idp.App) { a.SAML.SOAPLogoutURL = "" })
		}, wire.StatusPartialLogout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newPartners(t, "redirect")
			c.set(h)
			p := h.signedIn(h.ada)
			h.opensCRM(p)
			h.opensHR(p)
			r := h.wants(h.given(h.sessionOf(p), h.crm), here)
			if s := h.saysOverSOAP(h.overSOAP(r, crmKey()), r); !s.OK() || s.SubCode != c.sub {
				t.Errorf("%+v", s)
			}
			h.wantLive(p.cookie("session"), false)
			if s := h.saysOverSOAP(h.overSOAP(r, crmKey()), r); s.Code != wire.StatusRequester || s.SubCode != wire.StatusRequestDenied {
				t.Errorf("again: %+v", s)
			}
		})
	}
	h := newPartners(t, "redirect")
	for name, body := range map[string]string{
		"nothing": "", "no envelope": "<a/>", "no message": `<e:Envelope xmlns:e="` + wire.NSSOAP + `"><e:Body/></e:Envelope>`,
		"another message": string(wire.SOAPEnvelope(h.ask().Element())),
		"endless":         strings.Repeat("<", wire.MaxMessage+1),
	} {
		got := h.postSOAP([]byte(body))
		wiretest.Valid(t, []byte(got.body))
		if got.StatusCode != http.StatusInternalServerError || !strings.Contains(got.body, "<faultcode>soap:Client</faultcode>") {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
		if rule := h.logoutRule(); rule != "message" {
			t.Errorf("%s: refused by %q", name, rule)
		}
	}
}

// TestALogoutThatCannotBeMadeSaysSo: the app is told by a status, and nothing
// else is said.
func TestALogoutThatCannotBeMadeSaysSo(t *testing.T) {
	t.Parallel()
	h := newPartners(t, "redirect")
	p := h.signedIn(h.ada)
	h.opensCRM(p)
	h.provider.Endings = &stuck{Endings: h.dir}
	r := h.wants(h.given(h.sessionOf(p), h.crm))
	h.wantBack(p.bring("redirect", r, crmKey(), ""), r, wire.StatusResponder, "", "")
	r = h.wants(h.given(h.sessionOf(p), h.crm), func(r *wire.LogoutRequest) { r.Destination += "/soap" })
	if s := h.saysOverSOAP(h.overSOAP(r, crmKey()), r); s.Code != wire.StatusResponder {
		t.Errorf("%+v", s)
	}
}

// stuck is a database that is away.
type stuck struct{ saml.Endings }

func (*stuck) SignOut(context.Context, idp.Session) (idp.Receipt, error) {
	return idp.Receipt{}, idp.Errorf(idp.Unavailable, "The database is away.")
}

// TestWhatEndedBeforeIsWaitedFor: the app is not answered before the end that
// somebody else made is in force, nor told Success when that is not known.
func TestWhatEndedBeforeIsWaitedFor(t *testing.T) {
	t.Parallel()
	h := newPartners(t, "redirect")
	p := h.signedIn(h.ada)
	h.opensCRM(p)
	g := h.given(h.sessionOf(p), h.crm)
	receipt, err := h.dir.EndSession(t.Context(), g.SessionID, "")
	h.must(err)
	away := &notInForce{Endings: h.dir}
	h.provider.Endings = away
	r := h.wants(g)
	h.wantBack(p.bring("redirect", r, crmKey(), ""), r, wire.StatusResponder, "", "")
	if away.n < receipt.N {
		t.Errorf("it waits for row %d, not %d", away.n, receipt.N)
	}
}

// notInForce is a Redis of which nothing is known.
type notInForce struct {
	saml.Endings
	n int64
}

func (f *notInForce) InForce(_ context.Context, n int64) error {
	f.n = n
	return idp.Errorf(idp.Unavailable, "It is committed, and not known to be in force.")
}

// TestSA29AChangedLogoutRequestEndsNothing: a good request of Bob's app session,
// turned into one about Ada.
func TestSA29AChangedLogoutRequestEndsNothing(t *testing.T) {
	t.Parallel()
	h := newPartners(t, "redirect")
	h.grantsBob()
	bob, ada := h.signedIn(h.bob), h.signedIn(h.ada)
	h.opensCRM(bob)
	h.opensCRM(ada)
	bobs, adas := h.given(h.sessionOf(bob), h.crm), h.given(h.sessionOf(ada), h.crm)
	good := h.wants(bobs).Element()
	h.must(crmKey().Sign(good))
	evil := h.wants(adas).Element()

	wrapped := evil.Copy() // the good one stands inside, the signature speaks of it
	inside := etree.NewElement("samlp:Extensions")
	inside.AddChild(good.Copy())
	wrapped.InsertChildAt(1, inside)
	moved := evil.Copy() // the same with the signature outside
	signature := wire.Children(good, wire.NSSignature, "Signature")[0].Copy()
	moved.InsertChildAt(1, signature)
	moved.AddChild(good.Copy())
	renamed := good.Copy()
	wire.Children(renamed, wire.NSAssertion, "NameID")[0].SetText(adas.NameID.Value)
	indexed := good.Copy()
	indexed.CreateElement("samlp:SessionIndex").SetText(adas.SessionIndex)
	for name, el := range map[string]*etree.Element{"wrapped": wrapped, "moved": moved, "renamed": renamed, "one index more": indexed} {
		h.person().posts(wire.Serialize(el), "").wantPage(http.StatusBadRequest)
		if rule := h.logoutRule(); rule != "signature" {
			t.Errorf("%s: refused by %q", name, rule)
		}
		res := h.postSOAP(wire.SOAPEnvelope(el))
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s over SOAP: %d", name, res.StatusCode)
		}
	}
	to, err := crmKey().RedirectURL(h.server.URL+"/saml/slo", wire.ParamRequest, wire.Serialize(h.wants(adas).Element()), "a")
	h.must(err)
	for _, changed := range []string{
		strings.Replace(to, "RelayState=a", "RelayState=b", 1), strings.Replace(to, "&RelayState=a", "", 1), to[:strings.Index(to, "&SigAlg")],
	} {
		ada.get(changed).wantPage(http.StatusBadRequest)
	}
	h.wantLive(ada.cookie("session"), true)
	h.wantLive(bob.cookie("session"), true)
}

// TestALogoutOfVeryManySessions ends all of them, and does not claim to know
// what became of each.
func TestALogoutOfVeryManySessions(t *testing.T) {
	t.Parallel()
	h := newPartners(t, "redirect")
	var cookies []string
	var g idp.Participant
	for range 41 {
		p := h.signedIn(h.ada)
		h.opensCRM(p)
		cookies, g = append(cookies, p.cookie("session")), h.given(h.sessionOf(p), h.crm)
	}
	r := h.wants(g, func(r *wire.LogoutRequest) { r.SessionIndexes = nil })
	got := h.person().bring("redirect", r, crmKey(), "")
	h.wantBack(got, r, wire.StatusSuccess, wire.StatusPartialLogout, "")
	for _, c := range cookies {
		h.wantLive(c, false)
	}
}

// TestATransientNameIsFoundWhereTheAccountHasANewerOne: it is that of one session
// only, also when that session has ended before.
func TestATransientNameIsFoundWhereTheAccountHasANewerOne(t *testing.T) {
	t.Parallel()
	h := newPartners(t, "redirect")
	h.changeApp(h.crm.ID, func(a *idp.App) { a.SAML.NameIDFormat = wire.NameIDTransient })
	older, newer := h.signedIn(h.ada), h.signedIn(h.ada)
	h.opensCRM(older)
	h.opensCRM(newer)
	cookie, g := older.cookie("session"), h.given(h.sessionOf(older), h.crm)
	for range 2 {
		r := h.wants(g, func(r *wire.LogoutRequest) { r.SessionIndexes = nil })
		h.wantBack(older.bring("redirect", r, crmKey(), ""), r, wire.StatusSuccess, "", "")
		h.wantLive(cookie, false)
		h.wantLive(newer.cookie("session"), true)
	}
}
