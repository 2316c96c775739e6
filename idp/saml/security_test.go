package saml_test

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"gatehouse/idp"
	"gatehouse/idp/saml"
	"gatehouse/idp/saml/wire"
)

// The tests are named after their numbers in the catalogue of security cases.

func TestSA06OnlyARegisteredKeySigns(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	asHR := func(r *wire.AuthnRequest) { r.Issuer = hrID }
	signed := string(wire.Serialize(func() *etree.Element { el := h.ask(asHR).Element(); h.must(hrKey().Sign(el)); return el }()))
	from, to := strings.Index(signed, "<ds:Signature"), strings.Index(signed, "</ds:Signature>")+len("</ds:Signature>")
	for name, message := range map[string]string{
		"removed": signed[:from] + signed[to:],
		"empty":   signed[:from] + `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>` + signed[to:],
		"changed": strings.Replace(signed, hrID, crmID, 1),
	} {
		p.crossPost(postXML([]byte(message), "")).wantPage(http.StatusBadRequest)
		if h.lastRule() != "signature" {
			t.Errorf("%s: rule %q", name, h.lastRule())
		}
	}
	// The certificate inside is that of the key that signed: not the app's.
	p.crossPost(h.post(h.ask(asHR), crmKey(), "")).wantPage(http.StatusBadRequest)
	p.get(h.redirect(h.ask(asHR), crmKey(), "")).wantPage(http.StatusBadRequest)
	// A signature has to be good also where none is demanded.
	p.get(h.redirect(h.ask(), hrKey(), "")).wantPage(http.StatusBadRequest)
	p.get(h.redirect(h.ask(), crmKey(), "state") + "x").wantPage(http.StatusBadRequest)
	good := h.redirect(h.ask(), crmKey(), "state")
	p.get(strings.Replace(good, "RelayState=state", "RelayState=other", 1)).wantPage(http.StatusBadRequest)
	p.get(strings.Replace(good, "&RelayState=state", "", 1)).wantPage(http.StatusBadRequest)
	p.get(good).form()
	h.changeApp(h.crm.ID, func(a *idp.App) { a.SAML.SigningCerts = nil })
	p.get(h.redirect(h.ask(), crmKey(), "")).wantPage(http.StatusBadRequest)
}

func TestBothKeysOfARolloverSign(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.crm.ID, func(a *idp.App) { a.SAML.SigningCerts = []string{pemOf(crmKey()), pemOf(hrKey())} })
	p := h.signedIn(h.ada)
	for _, key := range []*wire.Signer{crmKey(), hrKey()} {
		p.get(h.redirect(h.ask(), key, "")).form()
		if answer := p.crossPost(h.post(h.ask(), key, "")); answer.StatusCode != http.StatusSeeOther {
			t.Errorf("%d %s", answer.StatusCode, answer.body)
		}
	}
}

func TestSA08TextIsReadWholeOrRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	message := string(wire.Serialize(h.ask().Element()))
	for _, issuer := range []string{
		crmID + "<!-- -->.evil.example", "<!-- -->" + crmID, crmID + "<?x?>", "<![CDATA[" + crmID + "]]>.evil.example",
		crmID + "<b/>",
	} {
		p.crossPost(postXML([]byte(strings.Replace(message, ">"+crmID+"<", ">"+issuer+"<", 1)), "")).wantPage(http.StatusBadRequest)
	}
	subject := h.ask(func(r *wire.AuthnRequest) {
		r.Subject = &wire.NameID{Value: "ada@example.com", Format: wire.NameIDEmail}
	})
	text := strings.Replace(string(wire.Serialize(subject.Element())), ">ada@example.com<", ">ada@example.com<!-- -->.evil.example<", 1)
	p.crossPost(postXML([]byte(text), "")).wantPage(http.StatusBadRequest)
}

func TestSA09DoctypeIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	message := string(wire.Serialize(h.ask().Element()))
	for _, doctype := range []string{
		`<!DOCTYPE a>`, `<!DOCTYPE a [<!ENTITY b "c">]>`, `<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x">`,
		`<!DOCTYPE a [<!ENTITY % b SYSTEM "file:///etc/passwd"> %b;]>`,
		`<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;">]>`,
	} {
		p.crossPost(postXML([]byte(doctype+message), "")).wantPage(http.StatusBadRequest)
		if h.lastRule() != "message" {
			t.Errorf("rule %q", h.lastRule())
		}
	}
}

// deflated is the URL of a request by HTTP-Redirect with any octets in it.
func deflated(octets []byte) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression) // the level is valid
	_, _ = w.Write(octets)                             // a Buffer takes everything
	_ = w.Close()
	return "/saml/sso?" + url.Values{wire.ParamRequest: {base64.StdEncoding.EncodeToString(b.Bytes())}}.Encode()
}

// TestSA10InflationIsBounded is not parallel: it looks at the whole heap.
func TestSA10InflationIsBounded(t *testing.T) {
	h := newHouse(t)
	bomb := deflated(bytes.Repeat([]byte{' '}, 10<<20))
	if len(bomb) > 32<<10 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	handle := func() int {
		w := httptest.NewRecorder()
		h.server.Config.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, bomb, nil))
		return w.Code
	}
	handle()
	before := heap()
	for range 1000 {
		if code := handle(); code != http.StatusBadRequest {
			t.Fatalf("status %d", code)
		}
	}
	if after := heap(); after > before+4<<20 {
		t.Errorf("the heap grew by %d bytes", after-before)
	}
	h.person().crossPost(url.Values{wire.ParamRequest: {strings.Repeat("A", 512<<10)}}).wantPage(http.StatusBadRequest)
}

func TestSA12DepthAndWidthAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	wide := strings.Builder{}
	for i := range 100_000 {
		fmt.Fprintf(&wide, ` a%d=""`, i)
	}
	for name, text := range map[string]string{
		"deep":              strings.Repeat("<a>", 100_000) + strings.Repeat("</a>", 100_000),
		"deep within size":  strings.Repeat("<a>", 30_000) + strings.Repeat("</a>", 30_000),
		"wide":              "<a" + wide.String() + "/>",
		"wide within size":  "<a" + wide.String()[:200_000] + `x=""/>`,
		"a large attribute": `<a b="` + strings.Repeat("c", 1<<20) + `"/>`,
	} {
		if answer := p.get(deflated([]byte(text))); answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, answer.StatusCode)
		}
		p.crossPost(postXML([]byte(text), "")).wantPage(http.StatusBadRequest)
	}
}

func TestSA13OnlyRegisteredAddressesAreAnswered(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	at := func(n int) *int { return &n }
	for name, c := range map[string]struct {
		change func(*wire.AuthnRequest)
		want   string // "": refused
	}{
		"default":              {func(*wire.AuthnRequest) {}, crmACS},
		"registered":           {func(r *wire.AuthnRequest) { r.ACSURL = crmACS + "/old" }, crmACS + "/old"},
		"registered index":     {func(r *wire.AuthnRequest) { r.ACSIndex = at(3) }, crmACS + "/old"},
		"unknown":              {func(r *wire.AuthnRequest) { r.ACSURL = "https://evil.example/acs" }, ""},
		"one letter more":      {func(r *wire.AuthnRequest) { r.ACSURL = crmACS + "/" }, ""},
		"another app's":        {func(r *wire.AuthnRequest) { r.ACSURL = hrACS }, ""},
		"unknown index":        {func(r *wire.AuthnRequest) { r.ACSIndex = at(99) }, ""},
		"index and URL":        {func(r *wire.AuthnRequest) { r.ACSURL, r.ACSIndex = crmACS, at(7) }, ""},
		"unknown app":          {func(r *wire.AuthnRequest) { r.Issuer = "https://evil.example" }, ""},
		"an app that is a URL": {func(r *wire.AuthnRequest) { r.Issuer = crmACS }, ""},
	} {
		for _, answer := range []reply{p.get(h.redirect(h.ask(c.change), nil, "")), p.crossPost(h.post(h.ask(c.change), nil, ""))} {
			switch {
			case c.want == "":
				answer.wantPage(http.StatusBadRequest)
			case answer.StatusCode == http.StatusSeeOther:
				answer = p.get(answer.Header.Get("Location"))
				fallthrough
			default:
				if f := answer.form(); f.action != c.want {
					t.Errorf("%s: answers %s, want %s", name, f.action, c.want)
				}
			}
		}
	}
	artifact := func(r *wire.AuthnRequest) { r.ProtocolBinding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact" }
	p.get(h.redirect(h.ask(artifact), nil, "")).wantStatus(wire.StatusUnsupportedBinding)
}

func TestSA16DestinationIsOurs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	for _, destination := range []string{"https://other.example/saml/sso", h.server.URL + "/saml/sso/", h.server.URL + "/saml/sso?x=1"} {
		change := func(r *wire.AuthnRequest) { r.Destination = destination }
		p.get(h.redirect(h.ask(change), nil, "")).wantStatus(wire.StatusRequestDenied)
		p.get(h.redirect(h.ask(change), crmKey(), "")).wantStatus(wire.StatusRequestDenied)
		p.crossPost(h.post(h.ask(change), crmKey(), "")).wantStatus(wire.StatusRequestDenied)
	}
	absent := func(r *wire.AuthnRequest) { r.Destination = "" }
	p.get(h.redirect(h.ask(absent), crmKey(), "")).wantStatus(wire.StatusRequestDenied)
	if h.lastRule() != "destination" {
		t.Errorf("rule %q", h.lastRule())
	}
	p.get(h.redirect(h.ask(absent), nil, "")).form()
}

func TestSA17ARequestIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	to := h.redirect(h.ask(), crmKey(), "")

	p := h.person()
	p.get(h.redirect(h.ask(), nil, "")).wantSignIn() // so that the browser is bound before
	first := p.get(to).wantSignIn()
	second := p.get(to).wantSignIn() // the same browser, unfinished
	for _, other := range []*person{h.person(), h.signedIn(h.ada)} {
		other.get(to).wantPage(http.StatusBadRequest)
		other.get(to).wantPage(http.StatusBadRequest) // and trying makes it no better
		if h.lastRule() != "replay" {
			t.Errorf("rule %q", h.lastRule())
		}
	}
	resume := p.signIn(second, h.ada)
	p.get(resume).form()
	p.get(to).wantPage(http.StatusBadRequest)
	p.get(p.signIn(first, h.ada)).wantPage(http.StatusBadRequest) // its twin was answered
	p.get(to).wantPage(http.StatusBadRequest)

	// Answered at once, it is spent for everybody.
	live, to := h.signedIn(h.ada), h.redirect(h.ask(), nil, "")
	live.get(to).form()
	live.get(to).wantPage(http.StatusBadRequest)

	// A session that came to be meanwhile answers it, once.
	p, to = h.person(), h.redirect(h.ask(), nil, "")
	at := p.get(to).wantSignIn()
	resume = p.signIn(at, h.ada)
	p.get(to).form()
	p.get(resume).wantPage(http.StatusBadRequest)

	// The same ID from another app is another request.
	a := h.ask()
	live.get(h.redirect(a, nil, "")).form()
	a.Issuer = hrID
	live.get(h.redirect(a, hrKey(), "")).form()
	if n := len(h.participants(h.ada)); n == 0 {
		t.Error("nobody was written down")
	}
}

func TestSA18TimesAreOurs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	for _, off := range []time.Duration{-10 * time.Minute, -5*time.Minute - time.Second, 3*time.Minute + 5*time.Second, 10 * time.Minute} {
		p.get(h.redirect(h.ask(func(r *wire.AuthnRequest) { r.IssueInstant = h.clock.Now().Add(off) }), crmKey(), "")).wantStatus(wire.StatusRequestDenied)
		if h.lastRule() != "issue_instant" {
			t.Errorf("rule %q", h.lastRule())
		}
	}
	message := string(wire.Serialize(h.ask().Element()))
	from := strings.Index(message, `IssueInstant="`) + len(`IssueInstant="`)
	to := from + strings.Index(message[from:], `"`)
	for _, instant := range []string{"2026-11-22T10:00:00", "9999-01-01T00:00:00Z", "2026-11-22T10:00:00." + strings.Repeat("1", 40) + "Z", "yesterday", ""} {
		p.crossPost(postXML([]byte(message[:from]+instant+message[to:]), "")).wantPage(http.StatusBadRequest)
	}
	p.get(h.redirect(h.ask(func(r *wire.AuthnRequest) { r.IssueInstant = h.clock.Now().Add(-4 * time.Minute) }), nil, "")).form()
}

func TestSA34NothingIsPostDated(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	p.get(h.redirect(h.ask(func(r *wire.AuthnRequest) { r.IssueInstant = h.clock.Now().AddDate(0, 0, 10) }), nil, "")).wantStatus(wire.StatusRequestDenied)
	before := h.clock.Now()
	a := h.ask(func(r *wire.AuthnRequest) { r.IssueInstant = h.clock.Now().Add(2 * time.Minute) })
	got := mustAccept(t, h.asCRM(), p.get(h.redirect(a, nil, "")).form(), a.ID)
	if c := got.Conditions; c.NotBefore.After(before) || c.NotOnOrAfter.After(h.clock.Now().Add(time.Minute)) || got.IssueInstant.After(h.clock.Now()) {
		t.Errorf("issued %s, valid %s to %s, now %s", got.IssueInstant, c.NotBefore, c.NotOnOrAfter, h.clock.Now())
	}
}

func TestSA19UnsignedIsRefusedWhereSignedIsDemanded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	asHR := func(r *wire.AuthnRequest) { r.Issuer = hrID }
	p.get(h.redirect(h.ask(asHR), nil, "")).wantPage(http.StatusBadRequest)
	p.crossPost(h.post(h.ask(asHR), nil, "")).wantPage(http.StatusBadRequest)
	if h.lastRule() != "signature" {
		t.Errorf("rule %q", h.lastRule())
	}
	good := h.redirect(h.ask(asHR), hrKey(), "")
	p.get(good[:strings.Index(good, "&SigAlg")]).wantPage(http.StatusBadRequest)
	p.get(good[:strings.Index(good, "&Signature")]).wantPage(http.StatusBadRequest)
	p.get(good).form()
}

func TestSA21EverySignatureIsRSASHA256(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	for _, answer := range []reply{
		p.get(h.redirect(h.ask(), nil, "")),
		p.get(h.redirect(h.ask(func(r *wire.AuthnRequest) { r.Issuer = hrID }), hrKey(), "")),
		h.person().get(h.redirect(h.ask(func(r *wire.AuthnRequest) { r.IsPassive = true }), nil, "")),
	} {
		message := answer.form().message
		for path, want := range map[string]string{
			"//SignatureMethod": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
			"//DigestMethod":    "http://www.w3.org/2001/04/xmlenc#sha256",
		} {
			all := elements(t, message, path)
			if len(all) == 0 {
				t.Errorf("no %s in %s", path, message)
			}
			for _, el := range all {
				if got := wire.Attr(el, "Algorithm"); got != want {
					t.Errorf("%s is %s", path, got)
				}
			}
		}
	}
}

func TestSA25AnAnswerIsForOneAppOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.ask()
	f := h.signedIn(h.ada).get(h.redirect(a, nil, "")).form()
	got := mustAccept(t, h.asCRM(), f, a.ID)
	confirmation := got.Subject.SubjectConfirmations[0].SubjectConfirmationData
	if got.Conditions.AudienceRestrictions[0].Audience.Value != crmID || confirmation.Recipient != crmACS || confirmation.InResponseTo != a.ID ||
		confirmation.NotOnOrAfter.After(h.clock.Now().Add(5*time.Minute)) || !confirmation.NotBefore.IsZero() || confirmation.Address != "" {
		t.Errorf("%+v %+v", got.Conditions, confirmation)
	}
	hr := h.serviceProvider(hrID, hrACS, hrKey())
	for _, at := range []string{crmACS, hrACS} {
		f.action = at
		if _, err := accept(hr, f, a.ID); err == nil {
			t.Errorf("HR took the CRM's answer at %s", at)
		}
	}
}

// TestSA33NoOctetMakesItFail: mutations of signed requests, in the message and
// in the query.
func TestSA33NoOctetMakesItFail(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	el := h.ask().Element()
	h.must(crmKey().Sign(el))
	message := wire.Serialize(el)
	_, query, _ := strings.Cut(h.redirect(h.ask(), crmKey(), "state"), "?")
	random := rand.New(rand.NewPCG(1, 2))
	mutate := func(b []byte) []byte {
		b = slices.Clone(b)
		if random.IntN(2) == 0 {
			return b[:random.IntN(len(b))]
		}
		b[random.IntN(len(b))] ^= 1 << random.IntN(8)
		return b
	}
	for i := range 5000 {
		r := httptest.NewRequest(http.MethodGet, "/saml/sso", nil)
		if r.URL.RawQuery = string(mutate([]byte(query))); i%2 == 0 {
			r = httptest.NewRequest(http.MethodPost, "/saml/sso", strings.NewReader(postXML(mutate(message), "state").Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		w := httptest.NewRecorder()
		h.server.Config.Handler.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Fatalf("status %d for %s", w.Code, r.URL.RawQuery)
		}
	}
}

func TestXS01RelayStateIsTextInTheForm(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	for _, relayState := range []string{
		`"><script>alert(1)</script>`, `' onload='alert(1)`, "</form><form action=https://evil.example>", "&quot;&#34;", "ä 漢 😀",
	} {
		f := p.get(h.redirect(h.ask(), nil, relayState)).form()
		if !slices.Equal(f.relayState, []string{relayState}) || f.action != crmACS {
			t.Errorf("%q became %q at %s", relayState, f.relayState, f.action)
		}
		onward := p.crossPost(h.post(h.ask(), nil, relayState)).Header.Get("Location")
		if f := p.get(onward).form(); !slices.Equal(f.relayState, []string{relayState}) {
			t.Errorf("%q became %q by POST", relayState, f.relayState)
		}
	}
	for _, relayState := range []string{"a\nb", "a\x00b", "a\xffb", "a\r"} { // a form would change them
		answer := p.get(h.redirect(h.ask(), nil, relayState))
		answer.wantStatus(wire.StatusRequestDenied)
		if f := answer.form(); len(f.relayState) != 0 {
			t.Errorf("%q came back as %q", relayState, f.relayState)
		}
	}
}

func TestOR03RelayStateIsOpaqueUpTo1KiB(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	for _, relayState := range []string{"https://evil.example/", "//evil.example", strings.Repeat("é", 512)} {
		answer := p.get(h.redirect(h.ask(), nil, relayState))
		if f := answer.form(); f.action != crmACS || f.relayState[0] != relayState || answer.Header.Get("Location") != "" {
			t.Errorf("%q at %s", f.relayState, f.action)
		}
	}
	// The app is told that its RelayState is too long, and not what it was.
	long := strings.Repeat("r", 1025)
	for _, sign := range []*wire.Signer{nil, crmKey()} {
		p.crossPost(h.post(h.ask(), sign, long)).wantStatus(wire.StatusRequestDenied)
	}
	answer := p.get(h.redirect(h.ask(), nil, "") + "&RelayState=" + long)
	answer.wantStatus(wire.StatusRequestDenied)
	if f := answer.form(); len(f.relayState) != 0 || h.lastRule() != "relay_state" {
		t.Errorf("RelayState %q, rule %q", f.relayState, h.lastRule())
	}
	// Only who is known is told.
	p.get(h.redirect(h.ask(func(r *wire.AuthnRequest) { r.Issuer = "https://evil.example" }), nil, "") + "&RelayState=" + long).wantPage(http.StatusBadRequest)
	p.get(h.redirect(h.ask(), hrKey(), "") + "&RelayState=" + long).wantPage(http.StatusBadRequest)
}

func TestRefusalsNameTheirRequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.ask(func(r *wire.AuthnRequest) { r.ACSURL = "https://evil.example/<b>acs" })
	r := httptest.NewRequest(http.MethodGet, h.redirect(a, nil, ""), nil)
	r = r.WithContext(idp.WithActor(r.Context(), idp.Actor{Kind: "anonymous", CorrelationID: "c0ffee"}))
	h.server.Config.Handler.ServeHTTP(httptest.NewRecorder(), r)
	list, _, err := h.store.Events(t.Context(), idp.EventQuery{AppID: h.crm.ID})
	h.must(err)
	if len(list) != 1 || list[0].Actor.CorrelationID != "c0ffee" || list[0].Detail["rule"] != "acs" ||
		list[0].Detail["request"] != a.ID || list[0].Detail["issuer"] != crmID {
		t.Errorf("events %+v", list)
	}
}

func TestASilentStoreIsNoDecision(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	onward := p.crossPost(h.post(h.ask(), nil, "")).Header.Get("Location")
	resume := p.signIn(p.get(h.redirect(h.ask(func(r *wire.AuthnRequest) { r.ForceAuthn = true }), nil, "")).wantSignIn(), h.ada)
	to := h.redirect(h.ask(), nil, "")
	silent := errors.New("connection refused")
	h.provider.Store = muteStore{h.provider.Store, (&idp.Error{Kind: idp.Unavailable, Detail: "Later."}).Because(silent)}
	for _, path := range []string{to, onward, resume} {
		p.get(path).wantPage(http.StatusServiceUnavailable)
	}
	p.crossPost(h.post(h.ask(), nil, "")).wantPage(http.StatusServiceUnavailable)
	if rule := h.lastRule(); rule != "" {
		t.Errorf("a decision was written down: %s", rule)
	}
}

// muteStore is a store that no longer answers for apps.
type muteStore struct {
	saml.Store
	err error
}

func (s muteStore) AppByIdentifier(context.Context, idp.Protocol, string) (idp.App, error) {
	return idp.App{}, s.err
}

func (s muteStore) Entry(context.Context, idp.Protocol, string, idp.UserID, time.Time) (idp.Entry, error) {
	return idp.Entry{}, s.err
}

func TestASignInOfAnotherTongueIsNotAnswered(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	p.get(h.redirect(h.ask(), nil, "")).wantSignIn()
	in, err := h.gate.BeginSignIn(t.Context(), idp.SignIn{Protocol: idp.ProtocolOIDC, ResumeURL: "/"}, p.cookie("bind"))
	h.must(err)
	p.finish(in, h.ada)
	p.get("/saml/sso/resume?signin=" + string(in.ID)).wantPage(http.StatusBadRequest)
	p.get("/saml/sso/resume").wantPage(http.StatusBadRequest)
}
