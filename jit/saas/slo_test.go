package saas

import (
	"bytes"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

// send signs a LogoutRequest, posts it and returns the verified status of the answer.
func (i *samlIdP) send(base string, spCerts []*x509.Certificate, req wire.LogoutRequest) wire.Status {
	i.t.Helper()
	p := postSOAP(i.t, base, wire.SOAPEnvelope(i.sign(req.Element())))
	if p.StatusCode != http.StatusOK {
		i.t.Fatalf("%d %s", p.StatusCode, p.body)
	}
	wiretest.Judge(i.t, []byte(p.body), spCerts[0])
	m, err := wire.DecodeSOAP(strings.NewReader(p.body))
	if err != nil {
		i.t.Fatalf("%v in %s", err, p.body)
	}
	el, err := m.Verify(spCerts)
	if err != nil {
		i.t.Fatalf("the answer: %v", err)
	}
	res, err := wire.ParseLogoutResponse(el)
	if err != nil {
		i.t.Fatal(err)
	}
	if res.InResponseTo != req.ID || res.Issuer != base+MetadataPath {
		i.t.Errorf("answers %s from %s", res.InResponseTo, res.Issuer)
	}
	return res.Status
}

func TestLogoutRequestEndsTheSessionAndThePageSaysSo(t *testing.T) {
	t.Parallel()
	idp := startSAMLIdP(t)
	_, base := startCRM(t, idp, new(clock), nil)
	b := newBrowser(t)
	b.samlSignIn(base, "")
	req := idp.logoutRequest(base)
	if status := idp.send(base, idp.spCerts, req); !status.OK() {
		t.Fatalf("%+v", status)
	}
	who := b.mustBe(base, false)
	if who.EndedKind != EndedByIdP || who.EndedBy != "LogoutRequest ID="+req.ID {
		t.Errorf("ended %+v", who)
	}
	wantText(t, b.open(base+"/"), "You were signed out by Gatehouse at <time", req.ID)
}

func TestLogoutRequestEndsWhatItNames(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change      func(*wire.LogoutRequest, string)
		first, both bool
	}{
		"SessionIndex":                  {func(*wire.LogoutRequest, string) {}, true, false},
		"no SessionIndex":               {func(r *wire.LogoutRequest, _ string) { r.SessionIndexes = nil }, true, true},
		"two SessionIndexes":            {func(r *wire.LogoutRequest, _ string) { r.SessionIndexes = []string{"index-2", "index-1"} }, true, true},
		"SessionIndex of nobody":        {func(r *wire.LogoutRequest, _ string) { r.SessionIndexes = []string{"other"} }, false, false},
		"NameID of somebody else":       {func(r *wire.LogoutRequest, _ string) { r.NameID.Value, r.SessionIndexes = "p-2", nil }, false, false},
		"NameID of another format":      {func(r *wire.LogoutRequest, _ string) { r.NameID.Format = wire.NameIDEmail }, false, false},
		"NameID without a format":       {func(r *wire.LogoutRequest, _ string) { r.NameID.Format = "" }, true, false},
		"our qualifier":                 {func(r *wire.LogoutRequest, base string) { r.NameID.SPNameQualifier = base + MetadataPath }, true, false},
		"qualifier of another app":      {func(r *wire.LogoutRequest, _ string) { r.NameID.SPNameQualifier = "other" }, false, false},
		"qualifier of another house":    {func(r *wire.LogoutRequest, _ string) { r.NameID.NameQualifier = "other" }, false, false},
		"no NotOnOrAfter, fresh enough": {func(r *wire.LogoutRequest, _ string) { r.NotOnOrAfter = time.Time{} }, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := startSAMLIdP(t)
			_, base := startCRM(t, idp, new(clock), nil)
			one, two := newBrowser(t), newBrowser(t)
			one.samlSignIn(base, "")
			req := idp.logoutRequest(base)
			idp.set(func() { idp.index = "index-2" })
			two.samlSignIn(base, "")
			test.change(&req, base)
			if status := idp.send(base, idp.spCerts, req); !status.OK() {
				t.Fatalf("%+v", status)
			}
			one.mustBe(base, !test.first)
			two.mustBe(base, !test.both)
		})
	}
}

func TestVerifiedButWrongLogoutRequestIsAnsweredAndEndsNothing(t *testing.T) {
	t.Parallel()
	idp := startSAMLIdP(t)
	_, base := startCRM(t, idp, new(clock), nil)
	b := newBrowser(t)
	b.samlSignIn(base, "")
	for name, change := range map[string]func(*wire.LogoutRequest){
		"Issuer of another house":    func(r *wire.LogoutRequest) { r.Issuer = "http://evil.example" },
		"Destination of another app": func(r *wire.LogoutRequest) { r.Destination = "http://evil.example/slo" },
		"no Destination":             func(r *wire.LogoutRequest) { r.Destination = "" },
		"from the future":            func(r *wire.LogoutRequest) { r.IssueInstant = time.Now().Add(time.Hour) },
		"long ago":                   func(r *wire.LogoutRequest) { r.IssueInstant = time.Now().Add(-time.Hour) },
		"expired":                    func(r *wire.LogoutRequest) { r.NotOnOrAfter = time.Now().Add(-time.Second) },
	} {
		req := idp.logoutRequest(base)
		change(&req)
		if status := idp.send(base, idp.spCerts, req); status.Code != wire.StatusRequester || status.SubCode != wire.StatusRequestDenied {
			t.Errorf("%s: %+v", name, status)
		}
		b.mustBe(base, true)
	}
}

func TestLogoutRequestIsGoodOnce(t *testing.T) {
	t.Parallel()
	idp := startSAMLIdP(t)
	_, base := startCRM(t, idp, new(clock), nil)
	b := newBrowser(t)
	b.samlSignIn(base, "")
	req := idp.logoutRequest(base)
	if status := idp.send(base, idp.spCerts, req); !status.OK() {
		t.Fatalf("%+v", status)
	}
	b.samlSignIn(base, "")
	if status := idp.send(base, idp.spCerts, req); status.OK() {
		t.Error("a replay was accepted")
	}
	b.mustBe(base, true)
}

func TestRegisteredDestinationsAreAccepted(t *testing.T) {
	t.Parallel()
	idp := startSAMLIdP(t)
	inside := "http://127.0.0.1:8082/saml/slo"
	_, base := startCRM(t, idp, new(clock), func(s *SAML) { s.SLOURLs = []string{inside, "http://crm.localhost:8082/saml/slo"} })
	b := newBrowser(t)
	b.samlSignIn(base, "")
	req := idp.logoutRequest(base)
	if status := idp.send(base, idp.spCerts, req); status.OK() {
		t.Error("a Destination that is not registered was accepted")
	}
	req.ID, req.Destination = wire.NewID(), inside
	if status := idp.send(base, idp.spCerts, req); !status.OK() {
		t.Errorf("%+v", status)
	}
	b.mustBe(base, false)
}

func TestUnverifiedLogoutRequestGetsNoSAMLAnswer(t *testing.T) {
	t.Parallel()
	idp := startSAMLIdP(t)
	_, base := startCRM(t, idp, new(clock), nil)
	b := newBrowser(t)
	b.samlSignIn(base, "")
	good := func() *etree.Element { return idp.sign(idp.logoutRequest(base).Element()) }
	for name, test := range map[string]struct {
		envelope []byte
		status   int
	}{
		"unsigned": {wire.SOAPEnvelope(idp.logoutRequest(base).Element()), 403},
		"signed by a stranger": {func() []byte {
			idp.set(func() { idp.signKey = strangerKey() })
			defer idp.set(func() { idp.signKey = idp.key })
			return wire.SOAPEnvelope(good())
		}(), 403},
		"changed after signing": {func() []byte {
			el := good()
			el.RemoveChild(el.FindElement("./SessionIndex"))
			return wire.SOAPEnvelope(el)
		}(), 403},
		"another message": {wire.SOAPEnvelope(idp.sign(wire.LogoutResponse{
			ID: wire.NewID(), Issuer: idp.entityID(), IssueInstant: time.Now(), Status: wire.Status{Code: wire.StatusSuccess},
		}.Element())), 403},
		"no XML":          {[]byte("x"), 400},
		"nothing":         {nil, 400},
		"no envelope":     {wire.Serialize(good()), 400},
		"a DOCTYPE":       {append([]byte(`<!DOCTYPE x [<!ENTITY a "b">]>`), wire.SOAPEnvelope(good())...), 400},
		"over the limit":  {bytes.Repeat([]byte(" "), wire.MaxMessage+1), 400},
		"two in one Body": {bytes.Replace(wire.SOAPEnvelope(good()), []byte("</soap:Body>"), append(wire.Serialize(good()), []byte("</soap:Body>")...), 1), 400},
	} {
		if p := postSOAP(t, base, test.envelope); p.StatusCode != test.status || strings.Contains(p.body, "LogoutResponse") {
			t.Errorf("%s: %d %s", name, p.StatusCode, p.body)
		}
		b.mustBe(base, true)
	}
}

// leaves signs out of the app and returns what the provider is asked, with its RelayState.
func (b *browser) leaves(idp *samlIdP, base string) (wire.LogoutRequest, string) {
	b.t.Helper()
	there := b.stay().post(base+"/logout", nil).Header.Get("Location")
	req, err := http.NewRequest(http.MethodGet, there, nil)
	if err != nil || !strings.HasPrefix(there, idp.URL+"/saml/slo?") {
		b.t.Fatalf("it leads to %q, %v", there, err)
	}
	m, err := wire.Decode(req, wire.ParamRequest)
	if err != nil {
		b.t.Fatal(err)
	}
	el, err := m.Verify(idp.spCerts)
	if err != nil {
		b.t.Fatal(err)
	}
	asked, err := wire.ParseLogoutRequest(el)
	if err != nil {
		b.t.Fatal(err)
	}
	return asked, m.RelayState
}

// TestSigningOutAsksTheProviderAndTakesItsAnswer, once, and only a good one.
func TestSigningOutAsksTheProviderAndTakesItsAnswer(t *testing.T) {
	t.Parallel()
	idp := startSAMLIdP(t)
	idp.takesLogouts = true
	_, base := startCRM(t, idp, new(clock), nil)
	sign := &wire.Signer{Key: idp.key, Certificate: idp.cert}
	answer := func(asked wire.LogoutRequest, status wire.Status, change ...func(*wire.LogoutResponse)) wire.LogoutResponse {
		a := wire.LogoutResponse{
			ID: wire.NewID(), InResponseTo: asked.ID, Issuer: idp.entityID(), Destination: base + SLOPath, IssueInstant: time.Now(), Status: status,
		}
		for _, c := range change {
			c(&a)
		}
		return a
	}
	back := func(b *browser, a wire.LogoutResponse, relayState string) page {
		to, err := sign.RedirectURL(base+SLOPath, wire.ParamResponse, wire.Serialize(a.Element()), relayState)
		if err != nil {
			t.Fatal(err)
		}
		return b.open(to)
	}
	ok := wire.Status{Code: wire.StatusSuccess}
	for words, status := range map[string]wire.Status{
		"signed you out, too, and every other app": ok,
		"Not every other app":                      {Code: wire.StatusSuccess, SubCode: wire.StatusPartialLogout},
	} {
		b := newBrowser(t)
		b.samlSignIn(base, "")
		asked, state := b.leaves(idp, base)
		if asked.NameID != (wire.NameID{Value: "p-1", Format: wire.NameIDPersistent}) || len(asked.SessionIndexes) != 1 || asked.SessionIndexes[0] != "index-1" ||
			asked.Issuer != base+MetadataPath || asked.Destination != idp.URL+"/saml/slo" {
			t.Errorf("asked %+v", asked)
		}
		b.mustBe(base, false)
		wantText(t, back(b, answer(asked, status), state), "You signed out at", words)
		wantText(t, back(b, answer(asked, status), state), "is not an answer of Gatehouse")
	}
	for name, change := range map[string]func(*wire.LogoutResponse){
		"of another issuer":    func(a *wire.LogoutResponse) { a.Issuer = "https://other.example" },
		"for another app":      func(a *wire.LogoutResponse) { a.Destination = "https://other.example" },
		"to another request":   func(a *wire.LogoutResponse) { a.InResponseTo = wire.NewID() },
		"that says it did not": func(a *wire.LogoutResponse) { a.Status = wire.Status{Code: wire.StatusResponder} },
	} {
		b := newBrowser(t)
		b.samlSignIn(base, "")
		asked, state := b.leaves(idp, base)
		if got := back(b, answer(asked, ok, change), state); got.StatusCode < 400 {
			t.Errorf("%s: %d", name, got.StatusCode)
		}
	}
	b := newBrowser(t)
	b.samlSignIn(base, "")
	asked, state := b.leaves(idp, base)
	stranger, cert := rsaPair(t, strangerKey())
	sign = &wire.Signer{Key: stranger, Certificate: cert}
	if got := back(b, answer(asked, ok), state); got.StatusCode != http.StatusBadRequest {
		t.Errorf("signed by a stranger: %d", got.StatusCode)
	}
}
