package saml_test

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	crewjam "github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

// serviceProvider is a service provider that is not ours, which trusts the
// house by its metadata.
func (h *house) serviceProvider(entityID, acs string, sign *wire.Signer) *crewjam.ServiceProvider {
	h.t.Helper()
	var metadata crewjam.EntityDescriptor
	h.must(xml.Unmarshal([]byte(h.person().get("/saml/metadata").body), &metadata))
	at, err := url.Parse(acs)
	h.must(err)
	return &crewjam.ServiceProvider{
		EntityID: entityID, AcsURL: *at, MetadataURL: *at, IDPMetadata: &metadata,
		Key: sign.Key, Certificate: sign.Certificate, SignatureMethod: dsig.RSASHA256SignatureMethod,
		AuthnNameIDFormat: crewjam.UnspecifiedNameIDFormat,
	}
}

func (h *house) asCRM() *crewjam.ServiceProvider { return h.serviceProvider(crmID, crmACS, crmKey()) }

// begin makes the service provider's own request by HTTP-Redirect.
func begin(t testing.TB, sp *crewjam.ServiceProvider, relayState string) (to, id string) {
	t.Helper()
	req, err := sp.MakeAuthenticationRequest(sp.GetSSOBindingLocation(crewjam.HTTPRedirectBinding), crewjam.HTTPRedirectBinding, crewjam.HTTPPostBinding)
	if err != nil {
		t.Fatal(err)
	}
	u, err := req.Redirect(relayState, sp)
	if err != nil {
		t.Fatal(err)
	}
	return u.String(), req.ID
}

func accept(sp *crewjam.ServiceProvider, f posted, id string) (*crewjam.Assertion, error) {
	at, err := url.Parse(f.action)
	if err != nil {
		return nil, err
	}
	return sp.ParseXMLResponse(f.message, []string{id}, *at)
}

func mustAccept(t testing.TB, sp *crewjam.ServiceProvider, f posted, id string) *crewjam.Assertion {
	t.Helper()
	a, err := accept(sp, f, id)
	if err != nil {
		if e, ok := err.(*crewjam.InvalidResponseError); ok {
			err = e.PrivateErr
		}
		t.Fatalf("%v in %s", err, f.message)
	}
	return a
}

func valuesOf(a *crewjam.Assertion) map[string][]string {
	told := map[string][]string{}
	for _, s := range a.AttributeStatements {
		for _, at := range s.Attributes {
			told[at.Name] = []string{}
			for _, v := range at.Values {
				told[at.Name] = append(told[at.Name], v.Value)
			}
		}
	}
	return told
}

func TestLiveSessionIsAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sp := h.asCRM()
	to, id := begin(t, sp, "/cases/17?tab=2")
	answer := h.signedIn(h.ada).get(to)
	f := answer.form()
	if f.action != crmACS || !slices.Equal(f.relayState, []string{"/cases/17?tab=2"}) || answer.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("posts %q to %s, %v", f.relayState, f.action, answer.Header)
	}
	a := mustAccept(t, sp, f, id)
	told := valuesOf(a)
	if told["username"][0] != "ada" || told["email"][0] != "ada@example.com" || told["groups"][0] != "staff" {
		t.Errorf("told %v", told)
	}
	list := h.participants(h.ada)
	if len(list) != 1 {
		t.Fatalf("participants %+v", list)
	}
	p, n, s := list[0], a.Subject.NameID, a.AuthnStatements[0]
	if n.Value != p.NameID.Value || n.Format != wire.NameIDPersistent || n.NameQualifier != h.provider.EntityID || n.SPNameQualifier != crmID {
		t.Errorf("NameID %+v, written down %+v", n, p.NameID)
	}
	if len(n.Value) < 26 || s.SessionIndex != p.SessionIndex || s.SessionIndex == "" {
		t.Errorf("NameID %q, SessionIndex %q", n.Value, s.SessionIndex)
	}
	h.changeApp(h.crm.ID, func(a *idp.App) {
		a.Attributes = []idp.AttributeRule{{Name: "role", Source: "role"}, {Name: "who", Source: "subject"}}
	})
	again := mustAccept(t, sp, h.signedIn(h.ada).get(h.redirect(h.ask(func(r *wire.AuthnRequest) { r.ID = id + "2" }), nil, "")).form(), id+"2")
	if again.Subject.NameID.Value != n.Value || again.AuthnStatements[0].SessionIndex == s.SessionIndex {
		t.Error("a persistent NameID changed with the session, or two sessions have one index")
	}
	if told := valuesOf(again); len(told) != 2 || told["role"][0] != "editor" || told["who"][0] != n.Value {
		t.Errorf("by its rules the app is told %v", told)
	}
}

func TestSignInOnTheWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sp, p := h.asCRM(), h.person()
	to, id := begin(t, sp, "state")
	resume := p.signIn(p.get(to).wantSignIn(), h.ada)
	f := p.get(resume).form()
	mustAccept(t, sp, f, id)
	if f.relayState[0] != "state" {
		t.Errorf("RelayState %q", f.relayState)
	}
	p.get(resume).wantPage(http.StatusBadRequest)
	if h.lastRule() != "sign_in" {
		t.Errorf("rule %q", h.lastRule())
	}
}

func TestPostWithoutLaxCookiesReachesTheSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sp, p := h.asCRM(), h.signedIn(h.ada)
	a := h.ask()
	answer := p.crossPost(h.post(a, crmKey(), "state"))
	if answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %s", answer.StatusCode, answer.body)
	}
	onward := answer.Header.Get("Location")
	f := p.get(onward).form()
	mustAccept(t, sp, f, a.ID)
	if f.relayState[0] != "state" {
		t.Errorf("RelayState %q", f.relayState)
	}
	p.get(onward).wantPage(http.StatusBadRequest) // spent
	h.signedIn(h.ada).get(onward).wantPage(http.StatusBadRequest)
	end := "AA"
	if strings.HasSuffix(onward, end) { // it would be the same
		end = "BB"
	}
	p.get(onward[:len(onward)-2] + end).wantPage(http.StatusBadRequest)
	if h.lastRule() != "continue" {
		t.Errorf("rule %q", h.lastRule())
	}
	late := p.crossPost(h.post(h.ask(), nil, "")).Header.Get("Location")
	h.clock.Advance(11 * time.Minute)
	p.get(late).wantPage(http.StatusBadRequest)
}

func TestEmailNameID(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sp, p := h.serviceProvider(hrID, hrACS, hrKey()), h.signedIn(h.ada)
	ask := func() (*crewjam.Assertion, reply) {
		a := h.ask(func(r *wire.AuthnRequest) { r.Issuer = hrID })
		answer := p.get(h.redirect(a, hrKey(), ""))
		got, _ := accept(sp, answer.form(), a.ID)
		return got, answer
	}
	a, _ := ask()
	if n := a.Subject.NameID; n.Value != "ada@example.com" || n.Format != wire.NameIDEmail || n.NameQualifier != "" || n.SPNameQualifier != "" {
		t.Errorf("NameID %+v", n)
	}
	h.changeUser(h.ada.ID, func(u *idp.User) { u.Email = "ada.lovelace@example.com" })
	if a, _ = ask(); a.Subject.NameID.Value != "ada@example.com" {
		t.Errorf("the account is now %q", a.Subject.NameID.Value)
	}
	// The address goes to somebody else: Ada must not get into their account.
	h.changeUser(h.bob.ID, func(u *idp.User) { u.Email = "ada@example.com" })
	_, answer := ask()
	answer.wantStatus(wire.StatusInvalidNameIDPolicy)
	h.changeUser(h.ada.ID, func(u *idp.User) { u.Email = "" })
	_, answer = ask()
	answer.wantStatus(wire.StatusInvalidNameIDPolicy)
}

func TestForceAuthnAsksAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sp, p := h.asCRM(), h.signedIn(h.ada)
	h.clock.Advance(2 * time.Second)
	a := h.ask(func(r *wire.AuthnRequest) { r.ForceAuthn = true })
	at := p.get(h.redirect(a, nil, "")).wantSignIn()
	in, err := h.gate.SignIn(t.Context(), at.signIn(), p.cookie("bind"))
	h.must(err)
	if in.NotBefore.IsZero() || in.EndOrigin != "https://crm.example" {
		t.Errorf("SignIn %+v", in)
	}
	h.clock.Advance(time.Second)
	got := mustAccept(t, sp, p.get(p.signIn(at, h.ada)).form(), a.ID)
	if instant := got.AuthnStatements[0].AuthnInstant; instant.Before(in.NotBefore.Truncate(time.Millisecond)) {
		t.Errorf("AuthnInstant %s is before the request at %s", instant, in.NotBefore)
	}
}

func TestPassiveIsNeverAsked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	passive := func(r *wire.AuthnRequest) { r.IsPassive = true }
	answer := h.person().get(h.redirect(h.ask(passive), nil, "here"))
	answer.wantStatus(wire.StatusNoPassive)
	if f := answer.form(); f.relayState[0] != "here" {
		t.Errorf("RelayState %q", f.relayState)
	}
	h.signedIn(h.ada).get(h.redirect(h.ask(passive, func(r *wire.AuthnRequest) { r.ForceAuthn = true }), nil, "")).wantStatus(wire.StatusNoPassive)
	a := h.ask(passive)
	mustAccept(t, h.asCRM(), h.signedIn(h.ada).get(h.redirect(a, nil, "")).form(), a.ID)
}

// TestWhoCancelsIsNotSignedIn: the app is told so, once, in the browser in which
// it asked; and that was its answer.
func TestWhoCancelsIsNotSignedIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	at := p.get(h.redirect(h.ask(), nil, "here")).wantSignIn()
	cancel := "/saml/sso/resume?signin=" + string(at.signIn()) + "&cancelled=1"
	h.person().get(cancel).wantPage(http.StatusBadRequest)
	answer := p.get(cancel)
	answer.wantStatus(wire.StatusAuthnFailed)
	if f := answer.form(); f.relayState[0] != "here" {
		t.Errorf("RelayState %q", f.relayState)
	}
	if rule := h.lastRule(); rule != "cancelled" {
		t.Errorf("the audit log says %q", rule)
	}
	p.get(cancel).wantPage(http.StatusBadRequest)
	p.get(p.signIn(at, h.ada)).wantPage(http.StatusBadRequest)
	if list := h.participants(h.ada); len(list) != 0 {
		t.Errorf("participants %+v", list)
	}
}

func TestWithoutGrantTheAppIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.signedIn(h.bob).get(h.redirect(h.ask(), nil, "")).wantStatus(wire.StatusRequestDenied)
	list, _, err := h.store.Events(t.Context(), idp.EventQuery{AppID: h.crm.ID, UserID: h.bob.ID})
	h.must(err)
	if len(list) != 1 || list[0].Detail["rule"] != "grant" || len(h.participants(h.bob)) != 0 {
		t.Errorf("events %+v", list)
	}
	// The grant goes while the person signs in.
	p := h.person()
	resume := p.signIn(p.get(h.redirect(h.ask(), nil, "")).wantSignIn(), h.bob)
	p.get(resume).wantStatus(wire.StatusRequestDenied)
}

func TestSuspendedDuringSignInIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	resume := p.signIn(p.get(h.redirect(h.ask(), nil, "")).wantSignIn(), h.ada)
	live := h.signedIn(h.ada)
	_, err := h.dir.Suspend(t.Context(), h.ada.ID, "left")
	h.must(err)
	p.get(resume).wantPage(http.StatusBadRequest)
	live.get(h.redirect(h.ask(), nil, "")).wantSignIn()
	if list := h.participants(h.ada); len(list) != 0 {
		t.Errorf("participants %+v", list)
	}
}

func TestSignInBelongsToItsBrowserAndSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	resume := p.signIn(p.get(h.redirect(h.ask(), nil, "")).wantSignIn(), h.ada)
	thief := h.signedIn(h.bob)
	thief.get(resume).wantPage(http.StatusBadRequest)
	p.setCookie("session", thief.cookie("session")) // another session took the place
	p.get(resume).wantPage(http.StatusBadRequest)
	if h.lastRule() != "session" {
		t.Errorf("rule %q", h.lastRule())
	}
}

func TestAnAddressThatWasRemovedMeanwhileIsNotUsed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	resume := p.signIn(p.get(h.redirect(h.ask(), nil, "")).wantSignIn(), h.ada)
	h.changeApp(h.crm.ID, func(a *idp.App) { a.SAML.ACS = a.SAML.ACS[:1] })
	p.get(resume).wantPage(http.StatusBadRequest)
}

func TestNameIDPolicyAndSubject(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, sp := h.signedIn(h.ada), h.asCRM()
	no := false
	refuse := func(change func(*wire.AuthnRequest), sub string) {
		t.Helper()
		p.get(h.redirect(h.ask(change), nil, "")).wantStatus(sub)
	}
	take := func(change func(*wire.AuthnRequest)) *crewjam.Assertion {
		t.Helper()
		a := h.ask(change)
		return mustAccept(t, sp, p.get(h.redirect(a, nil, "")).form(), a.ID)
	}
	refuse(func(r *wire.AuthnRequest) { r.NameIDPolicy.AllowCreate = &no }, wire.StatusInvalidNameIDPolicy)
	refuse(func(r *wire.AuthnRequest) { r.NameIDPolicy.Format = wire.NameIDEntity }, wire.StatusInvalidNameIDPolicy)
	refuse(func(r *wire.AuthnRequest) { r.NameIDPolicy.Format = wire.NameIDEmail + "s" }, wire.StatusInvalidNameIDPolicy)
	refuse(func(r *wire.AuthnRequest) { r.NameIDPolicy.SPNameQualifier = hrID }, wire.StatusInvalidNameIDPolicy)
	refuse(func(r *wire.AuthnRequest) { r.Subject = &wire.NameID{Value: "somebody"} }, wire.StatusUnknownPrincipal)
	if len(h.participants(h.ada)) != 0 {
		t.Error("a refused request made an account known")
	}
	known := take(func(r *wire.AuthnRequest) {
		r.NameIDPolicy = wire.NameIDPolicy{Format: wire.NameIDUnspecified, SPNameQualifier: crmID}
	}).Subject.NameID
	take(func(r *wire.AuthnRequest) { r.NameIDPolicy.AllowCreate = &no })
	take(func(r *wire.AuthnRequest) { r.Subject = &wire.NameID{Value: known.Value} })
	take(func(r *wire.AuthnRequest) {
		r.Subject = &wire.NameID{Value: known.Value, Format: known.Format, NameQualifier: known.NameQualifier, SPNameQualifier: known.SPNameQualifier}
	})
	refuse(func(r *wire.AuthnRequest) {
		r.Subject = &wire.NameID{Value: known.Value, NameQualifier: "https://other.example"}
	}, wire.StatusUnknownPrincipal)
	mail := take(func(r *wire.AuthnRequest) {
		r.NameIDPolicy.Format, r.Subject = wire.NameIDEmail, &wire.NameID{Value: "ada@example.com", Format: wire.NameIDEmail}
	})
	if mail.Subject.NameID.Value != "ada@example.com" {
		t.Errorf("NameID %+v", mail.Subject.NameID)
	}
}

func TestRequestedAuthnContext(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, sp := h.signedIn(h.ada), h.asCRM()
	const prefix = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
	ask := func(comparison string, classes ...string) (wire.AuthnRequest, reply) {
		a := h.ask(func(r *wire.AuthnRequest) {
			r.RequestedAuthnContext = wire.RequestedAuthnContext{Comparison: comparison, ClassRefs: classes}
		})
		return a, p.get(h.redirect(a, nil, ""))
	}
	a, answer := ask("exact", prefix+"X509", prefix+"Password")
	if got := mustAccept(t, sp, answer.form(), a.ID).AuthnStatements[0].AuthnContext.AuthnContextClassRef.Value; got != prefix+"Password" {
		t.Errorf("class %s", got)
	}
	_, answer = ask("minimum", prefix+"X509")
	answer.wantStatus(wire.StatusNoAuthnContext)
	if _, answer = ask("minimum", "https://refeds.org/profile/mfa"); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("a second factor is asked for: %d", answer.StatusCode)
	}
	a, answer = ask("")
	if got := mustAccept(t, sp, answer.form(), a.ID).AuthnStatements[0].AuthnContext.AuthnContextClassRef.Value; got != prefix+"PasswordProtectedTransport" {
		t.Errorf("class %s", got)
	}
}

func TestAttributesThatCannotBeSent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeUser(h.ada.ID, func(u *idp.User) { u.DisplayName = "\x0b" })
	h.signedIn(h.ada).get(h.redirect(h.ask(), nil, "")).wantStatus(wire.StatusInvalidAttrNameOrValue)
}

func TestSessionNotOnOrAfterIsTheEarlierEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, sp := h.signedIn(h.ada), h.asCRM()
	session, err := h.gate.Session(t.Context(), p.cookie("session"))
	h.must(err)
	end := func() time.Time {
		t.Helper()
		a := h.ask()
		return *mustAccept(t, sp, p.get(h.redirect(a, nil, "")).form(), a.ID).AuthnStatements[0].SessionNotOnOrAfter
	}
	if got := end(); !got.Equal(session.ExpiresAt.Truncate(time.Millisecond)) {
		t.Errorf("%s, want the session's %s", got, session.ExpiresAt)
	}
	h.changeApp(h.crm.ID, func(a *idp.App) { a.SAML.SessionTTL = time.Hour })
	if got := end(); got.After(h.clock.Now().Add(time.Hour)) {
		t.Errorf("%s is more than an hour away", got)
	}
	// What lets her use the app ends in half an hour, and later in two.
	for until, most := range map[time.Duration]time.Duration{30 * time.Minute: 30 * time.Minute, 2 * time.Hour: time.Hour} {
		granted := idp.Time(h.clock.Now().Add(until))
		h.regrant(h.crm.ID, func(g *idp.Grant) { g.UntilAt = granted })
		if got := end(); got.After(h.clock.Now().Add(most)) || until < most && !got.Equal(granted.Truncate(time.Millisecond)) {
			t.Errorf("granted until %s, told %s", granted, got)
		}
	}
}

// TestOneTimeUse is said where the app wants it.
func TestOneTimeUse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	for _, want := range []bool{false, true} {
		h.changeApp(h.crm.ID, func(a *idp.App) { a.SAML.OneTimeUse = want })
		message := p.get(h.redirect(h.ask(), nil, "")).form().message
		if got := len(elements(t, message, "//Conditions/OneTimeUse")) == 1; got != want {
			t.Errorf("OneTimeUse is %v in %s", got, message)
		}
	}
}

// TestAttributesAreToldAsTheirRulesSay: names, formats, types, several values.
func TestAttributesAreToldAsTheirRulesSay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.commit(idp.Change{Groups: []idp.Group{{ID: "grp_second", Name: "zoo", CreatedAt: idp.Time(h.clock.Now())}}})
	h.commit(idp.Change{Members: []idp.Membership{{GroupID: "grp_second", UserID: h.ada.ID, SinceAt: idp.Time(h.clock.Now())}}})
	h.changeApp(h.crm.ID, func(a *idp.App) {
		a.Attributes = []idp.AttributeRule{
			{Name: "urn:oid:0.9.2342.19200300.100.1.3", NameFormat: "uri", FriendlyName: "mail", Source: "email"},
			{Name: "groups", Source: "groups"},
			{Name: "active", NameFormat: "unspecified", Type: "xs:boolean", Source: "const:true"},
			{Name: "plain", NameFormat: "urn:example:own", Type: "none", Source: "username"},
		}
	})
	a := h.ask()
	f := h.signedIn(h.ada).get(h.redirect(a, nil, "")).form()
	mustAccept(t, h.asCRM(), f, a.ID)
	wiretest.Judge(t, f.message, h.ourCert("RS256"))
	const formats = "urn:oasis:names:tc:SAML:2.0:attrname-format:"
	want := []string{
		"urn:oid:0.9.2342.19200300.100.1.3|" + formats + "uri|mail|xs:string=ada@example.com",
		"groups|" + formats + "basic||xs:string=staff,xs:string=zoo",
		"active|" + formats + "unspecified||xs:boolean=true",
		"plain|urn:example:own||=ada",
	}
	var got []string
	for _, el := range elements(t, f.message, "//Attribute") {
		var values []string
		for _, v := range el.ChildElements() {
			values = append(values, v.SelectAttrValue("xsi:type", "")+"="+v.Text())
		}
		got = append(got, strings.Join([]string{wire.Attr(el, "Name"), wire.Attr(el, "NameFormat"), wire.Attr(el, "FriendlyName"), strings.Join(values, ",")}, "|"))
	}
	if !slices.Equal(got, want) {
		t.Errorf("told %q\nwant %q", got, want)
	}
}

func TestMetadataGolden(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	answer := h.person().get("/saml/metadata")
	got := regexp.MustCompile(`(<ds:X509Certificate>)[^<]+`).ReplaceAllString(answer.body, "${1}CERTIFICATE")
	got = regexp.MustCompile(`<ds:Signature .*</ds:Signature>`).ReplaceAllString(got, "SIGNATURE")
	got = regexp.MustCompile(` ID="_[0-9a-f]{32}"`).ReplaceAllString(got, ` ID="_HASH"`)
	got = regexp.MustCompile(regexp.QuoteMeta(h.server.URL)).ReplaceAllString(got, "https://gatehouse.example")
	golden := filepath.Join("testdata", "metadata.xml")
	want, err := os.ReadFile(golden)
	if err != nil || got != string(want) {
		t.Errorf("%s has other content (%v), metadata is\n%s", golden, err, got)
	}
	if kind := answer.Header.Get("Content-Type"); kind != "application/samlmetadata+xml" {
		t.Errorf("Content-Type %s", kind)
	}
	req, err := http.NewRequest(http.MethodGet, h.server.URL+"/saml/metadata", nil)
	h.must(err)
	req.Header.Set("If-None-Match", answer.Header.Get("ETag"))
	res, err := http.DefaultClient.Do(req)
	if cached := read(t, res, err); cached.StatusCode != http.StatusNotModified || cached.body != "" {
		t.Errorf("%d %q, want 304", cached.StatusCode, cached.body)
	}
}
