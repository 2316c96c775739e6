package saas

import (
	"crypto"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	"github.com/google/go-cmp/cmp"
	dsig "github.com/russellhaering/goxmldsig"

	"gatehouse/idp/saml/wire"
)

func TestSAMLSignInMakesTheAccountAndSaysWhereEachAttributeCameFrom(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"assertion", "response"} {
		idp := startSAMLIdP(t)
		idp.signWhat = what
		_, base := startCRM(t, idp, new(clock), nil)
		b := newBrowser(t)
		p := b.samlSignIn(base, "?to=/account")
		if p.Request.URL.Path != "/account" {
			t.Fatalf("signed %s: landed on %s: %s", what, p.Request.URL, p.body)
		}
		wantText(t, p, "the SAML attribute <code>urn:oid:0.9.2342.19200300.100.1.3</code>", "the NameID of the assertion, format persistent")
		who := b.mustBe(base, true)
		want := []Attribute{
			{"Name", "displayName", []string{"Grace Hopper"}, FromAttribute},
			{"Email", "urn:oid:0.9.2342.19200300.100.1.3", []string{"grace@example.com"}, FromAttribute},
			{"Groups", "groups", []string{"crew", "admirals"}, FromAttribute},
		}
		if diff := cmp.Diff(want, who.Account.Attributes); diff != "" {
			t.Error(diff)
		}
		b.samlSignIn(base, "")
		if people := accountsOf(t, b, base); len(people) != 1 || people[0].SignIns != 2 || people[0].Live != 1 {
			t.Errorf("after the second sign-in: %+v", people)
		}
	}
}

func TestGivenRSAKeySignsTheRequest(t *testing.T) {
	t.Parallel()
	key, cert := rsaPair(t, strangerKey())
	idp := startSAMLIdP(t)
	_, base := startCRM(t, idp, new(clock), func(s *SAML) { s.Key, s.Certificate = key, cert })
	b := newBrowser(t)
	b.samlSignIn(base, "")
	b.mustBe(base, true)
}

func TestSAMLSignInIsRefused(t *testing.T) {
	t.Parallel()
	change := func(f func(*saml.Response, *saml.Assertion)) func(*samlIdP) {
		return func(i *samlIdP) { i.change = func(r *saml.Response) { f(r, r.Assertion) } }
	}
	confirmation := func(a *saml.Assertion) *saml.SubjectConfirmationData {
		return a.Subject.SubjectConfirmations[0].SubjectConfirmationData
	}
	ago := func() time.Time { return time.Now().Add(-10 * time.Minute) }
	for name, spoil := range map[string]func(*samlIdP){
		"nothing is signed": func(i *samlIdP) { i.signWhat = "nothing" },
		"signed by a stranger's key": func(i *samlIdP) {
			i.signKey = strangerKey()
		},
		"changed after signing": func(i *samlIdP) {
			i.tamper = func(el *etree.Element) { el.FindElement("//NameID").SetText("admin") }
		},
		"a second assertion beside the signed one": func(i *samlIdP) {
			i.tamper = func(el *etree.Element) {
				forged := el.FindElement("./Assertion").Copy()
				forged.RemoveChild(forged.FindElement("./Signature"))
				forged.FindElement("//NameID").SetText("admin")
				forged.CreateAttr("ID", wire.NewID())
				el.InsertChildAt(2, forged)
			}
		},
		"the signed assertion hidden in an extension": func(i *samlIdP) {
			i.tamper = func(el *etree.Element) {
				signed := el.FindElement("./Assertion")
				forged := signed.Copy()
				forged.FindElement("//NameID").SetText("admin")
				forged.FindElement("./Signature").CreateElement("Object").AddChild(signed)
				el.AddChild(forged)
			}
		},
		"a comment in the NameID": func(i *samlIdP) {
			i.tamper = func(el *etree.Element) { el.FindElement("//NameID").CreateComment("x") }
		},
		"no Conditions": change(func(_ *saml.Response, a *saml.Assertion) { a.Conditions = nil }),
		"no Subject":    change(func(_ *saml.Response, a *saml.Assertion) { a.Subject = nil }),
		"no NameID":     change(func(_ *saml.Response, a *saml.Assertion) { a.Subject.NameID = nil }),
		"transient NameID": change(func(_ *saml.Response, a *saml.Assertion) {
			a.Subject.NameID = &saml.NameID{Value: "x", Format: wire.NameIDTransient}
		}),
		"NameID of another service provider": change(func(_ *saml.Response, a *saml.Assertion) {
			a.Subject.NameID = &saml.NameID{Value: "x", SPNameQualifier: "other"}
		}),
		"no SubjectConfirmation": change(func(_ *saml.Response, a *saml.Assertion) { a.Subject.SubjectConfirmations = nil }),
		"confirmation without data": change(func(_ *saml.Response, a *saml.Assertion) {
			a.Subject.SubjectConfirmations[0].SubjectConfirmationData = nil
		}),
		"holder of key instead of bearer": change(func(_ *saml.Response, a *saml.Assertion) {
			a.Subject.SubjectConfirmations[0].Method = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"
		}),
		"confirmation with NotBefore":       change(func(_ *saml.Response, a *saml.Assertion) { confirmation(a).NotBefore = time.Now().Add(-time.Hour) }),
		"confirmation expired":              change(func(_ *saml.Response, a *saml.Assertion) { confirmation(a).NotOnOrAfter = ago() }),
		"confirmation for another endpoint": change(func(_ *saml.Response, a *saml.Assertion) { confirmation(a).Recipient = "http://evil.example/acs" }),
		"confirmation of another request":   change(func(_ *saml.Response, a *saml.Assertion) { confirmation(a).InResponseTo = "_other" }),
		"response to another request":       change(func(r *saml.Response, _ *saml.Assertion) { r.InResponseTo = "_other" }),
		"response to no request":            change(func(r *saml.Response, _ *saml.Assertion) { r.InResponseTo = "" }),
		"response for another endpoint":     change(func(r *saml.Response, _ *saml.Assertion) { r.Destination = "http://evil.example/acs" }),
		"response that is old":              change(func(r *saml.Response, _ *saml.Assertion) { r.IssueInstant = ago() }),
		"assertion that is old":             change(func(_ *saml.Response, a *saml.Assertion) { a.IssueInstant = ago() }),
		"conditions expired":                change(func(_ *saml.Response, a *saml.Assertion) { a.Conditions.NotOnOrAfter = ago() }),
		"another audience": change(func(_ *saml.Response, a *saml.Assertion) {
			a.Conditions.AudienceRestrictions[0].Audience.Value = "other"
		}),
		"no audience":                      change(func(_ *saml.Response, a *saml.Assertion) { a.Conditions.AudienceRestrictions = nil }),
		"issuer of another house":          change(func(_ *saml.Response, a *saml.Assertion) { a.Issuer.Value = "http://evil.example" }),
		"response issuer of another house": change(func(r *saml.Response, _ *saml.Assertion) { r.Issuer.Value = "http://evil.example" }),
		"no AuthnStatement":                change(func(_ *saml.Response, a *saml.Assertion) { a.AuthnStatements = nil }),
		"session that has ended": change(func(_ *saml.Response, a *saml.Assertion) {
			past := ago()
			a.AuthnStatements[0].SessionNotOnOrAfter = &past
		}),
		"success without an assertion": change(func(r *saml.Response, _ *saml.Assertion) { r.Assertion = nil }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := startSAMLIdP(t)
			spoil(idp)
			_, base := startCRM(t, idp, new(clock), nil)
			b := newBrowser(t)
			p := b.samlSignIn(base, "")
			if p.StatusCode != http.StatusBadRequest {
				t.Errorf("status %d", p.StatusCode)
			}
			wantText(t, p, "This sign-in could not be completed", "Reference")
			b.mustBe(base, false)
			if people := accountsOf(t, b, base); len(people) != 0 {
				t.Errorf("an account was made: %+v", people)
			}
		})
	}
}

// TestEncryptedAssertions are opened, whether the signature is inside or around;
// what nobody signed is not taken, encrypted or not, nor what cannot be trusted.
func TestEncryptedAssertions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signed string
		how    wire.Encryption
		ok     bool
	}{
		"signature inside":          {"assertion", wire.Encryption{}, true},
		"signature around":          {"response", wire.Encryption{Cipher: wire.AES128GCM}, true},
		"XML Encryption 1.1":        {"assertion", wire.Encryption{Transport: wire.OAEP, Digest: crypto.SHA256, Mask: crypto.SHA256}, true},
		"no signature":              {"nothing", wire.Encryption{}, false},
		"a cipher that is not read": {"assertion", wire.Encryption{Cipher: wire.AES256CBC}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := startSAMLIdP(t)
			_, base := startCRM(t, idp, new(clock), func(s *SAML) { s.Encrypted = true })
			idp.set(func() { idp.signWhat, idp.encrypt = c.signed, &c.how })
			b := newBrowser(t)
			if p := b.samlSignIn(base, ""); c.ok != (p.StatusCode == http.StatusOK) {
				t.Errorf("%d %s", p.StatusCode, p.body)
			}
			b.mustBe(base, c.ok)
		})
	}
	t.Run("no oracle (SA-23)", theSameIsSaidOfEveryFailure)
	t.Run("to an app without a key", func(t *testing.T) {
		t.Parallel()
		idp := startSAMLIdP(t)
		_, cert := rsaPair(t, ourKey())
		_, base := startCRM(t, idp, new(clock), nil)
		idp.set(func() { idp.encrypt, idp.spKeys = &wire.Encryption{}, []wire.EncryptionKey{{Certificate: cert}} })
		b := newBrowser(t)
		if p := b.samlSignIn(base, ""); p.StatusCode != http.StatusBadRequest {
			t.Errorf("status %d", p.StatusCode)
		}
		b.mustBe(base, false)
	})
}

// TestECDSASignaturesAreRead, though crewjam cannot, and all else is judged as before.
func TestECDSASignaturesAreRead(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"assertion", "response"} {
		idp := startSAMLIdP(t)
		key, cert, err := newKey("idp.example", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		idp.cert, idp.signer, idp.signWhat = cert, &wire.Signer{Key: key, Certificate: cert}, what
		_, base := startCRM(t, idp, new(clock), nil)
		b := newBrowser(t)
		b.samlSignIn(base, "")
		b.mustBe(base, true)
		for name, spoil := range map[string]func(*saml.Response){
			"for another address":  func(r *saml.Response) { r.Destination = "https://elsewhere.example/acs" },
			"of another issuer":    func(r *saml.Response) { r.Assertion.Issuer.Value = "https://other.example" },
			"not valid any more":   func(r *saml.Response) { r.Assertion.Conditions.NotOnOrAfter = time.Now().Add(-time.Hour) },
			"not valid yet":        func(r *saml.Response) { r.Assertion.Conditions.NotBefore = time.Now().Add(time.Hour) },
			"for another audience": func(r *saml.Response) { r.Assertion.Conditions.AudienceRestrictions = nil },
			"confirmed for another app": func(r *saml.Response) {
				r.Assertion.Subject.SubjectConfirmations[0].SubjectConfirmationData.Recipient = "https://elsewhere.example/acs"
			},
		} {
			idp.set(func() { idp.change = spoil })
			stranger := newBrowser(t)
			if p := stranger.samlSignIn(base, ""); p.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: %d", name, p.StatusCode)
			}
			stranger.mustBe(base, false)
		}
	}
}

// theSameIsSaidOfEveryFailure: whoever brings answers of their own making learns
// from the page neither whether the key came out, nor whether the content did, nor
// that only the signature in it was missing.
func theSameIsSaidOfEveryFailure(t *testing.T) {
	t.Parallel()
	idp := startSAMLIdP(t)
	_, base := startCRM(t, idp, new(clock), func(s *SAML) { s.Encrypted = true })
	damage := func(path string, at int) func(*etree.Element) {
		return func(el *etree.Element) {
			value := el.FindElement(path)
			octets, err := base64.StdEncoding.DecodeString(value.Text())
			if err != nil {
				t.Error(err)
				return
			}
			octets[(at+len(octets))%len(octets)] ^= 1
			value.SetText(base64.StdEncoding.EncodeToString(octets))
		}
	}
	const content, key = "//EncryptedData/CipherData/CipherValue", "//EncryptedKey/CipherData/CipherValue"
	said := map[string][]string{}
	for name, c := range map[string]struct {
		signed string
		tamper func(*etree.Element)
	}{
		"the key's first octet":     {"assertion", damage(key, 0)},
		"the key's last octet":      {"assertion", damage(key, -1)},
		"the content's first octet": {"assertion", damage(content, 0)},
		"the content's last octet":  {"assertion", damage(content, -1)},
		"well encrypted, unsigned":  {"nothing", nil},
	} {
		idp.set(func() { idp.signWhat, idp.encrypt, idp.tamper = c.signed, &wire.Encryption{}, c.tamper })
		b := newBrowser(t)
		p := b.samlSignIn(base, "")
		words := regexp.MustCompile(`Reference[^<]*(<[^>]*>)*[^<]*`).ReplaceAllString(p.body, "Reference")
		said[p.Status+words] = append(said[p.Status+words], name)
		b.mustBe(base, false)
	}
	if len(said) != 1 {
		t.Errorf("%d pages tell them apart: %q", len(said), said)
	}
}

func TestSHA1SignatureIsRefused(t *testing.T) {
	t.Parallel()
	idp := startSAMLIdP(t)
	idp.method = dsig.RSASHA1SignatureMethod
	_, base := startCRM(t, idp, new(clock), nil)
	b := newBrowser(t)
	if p := b.samlSignIn(base, ""); p.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d", p.StatusCode)
	}
	b.mustBe(base, false)
}

func TestMalformedResponsesAreRefused(t *testing.T) {
	t.Parallel()
	idp := startSAMLIdP(t)
	_, base := startCRM(t, idp, new(clock), nil)
	b := newBrowser(t)
	for name, form := range map[string]url.Values{
		"no field":           {},
		"not base64":         {"SAMLResponse": {"%%%"}},
		"not XML":            {"SAMLResponse": {"eA=="}},
		"unknown RelayState": func() url.Values { _, f := b.answerOf(base, ""); f.Set("RelayState", newSecret()); return f }(),
		"no RelayState":      func() url.Values { _, f := b.answerOf(base, ""); f.Del("RelayState"); return f }(),
		"too large":          {"SAMLResponse": {strings.Repeat("A", wire.MaxMessage+4)}},
	} {
		if p := b.post(base+ACSPath, form); p.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, p.StatusCode)
		}
	}
	if p := b.open(base + landedPath + "?ticket=" + newSecret()); p.StatusCode != http.StatusBadRequest {
		t.Errorf("unknown ticket: %d", p.StatusCode)
	}
	b.mustBe(base, false)
}

func TestAssertionIsGoodOnceAndInOneBrowser(t *testing.T) {
	t.Parallel()
	idp := startSAMLIdP(t)
	_, base := startCRM(t, idp, new(clock), nil)
	attacker, victim := newBrowser(t), newBrowser(t)
	acs, form := attacker.answerOf(base, "")
	if p := victim.deliver(base, acs, form); p.StatusCode != http.StatusBadRequest {
		t.Errorf("in another browser: %d", p.StatusCode)
	}
	victim.mustBe(base, false)
	acs, form = attacker.answerOf(base, "")
	attacker.deliver(base, acs, form)
	attacker.mustBe(base, true)
	attacker.post(base+"/logout", nil)
	if p := attacker.deliver(base, acs, form); p.StatusCode != http.StatusBadRequest {
		t.Errorf("posted twice: %d", p.StatusCode)
	}
	// The assertion of one sign-in under the RelayState of the next.
	_, second := attacker.answerOf(base, "")
	second["SAMLResponse"] = form["SAMLResponse"]
	if p := attacker.deliver(base, acs, second); p.StatusCode != http.StatusBadRequest {
		t.Errorf("under another RelayState: %d", p.StatusCode)
	}
	attacker.mustBe(base, false)
}

func TestReplayedAssertionIsRefusedEvenForTheSameRequest(t *testing.T) {
	t.Parallel()
	idp := startSAMLIdP(t)
	app, base := startCRM(t, idp, new(clock), nil)
	b := newBrowser(t)
	acs, form := b.answerOf(base, "")
	pending, _ := app.begun.take(form.Get("RelayState"))
	for i, want := range []int{http.StatusOK, http.StatusBadRequest} {
		app.begun.put(pending.state, pending)
		binding := newSecret()
		pending.browser = digest(binding)
		app.begun.put(pending.state, pending)
		u, _ := url.Parse(base)
		b.Jar.SetCookies(u, []*http.Cookie{{Name: "crm_login", Value: binding, Path: "/"}})
		if p := b.deliver(base, acs, form); p.StatusCode != want {
			t.Errorf("delivery %d: %d, want %d", i, p.StatusCode, want)
		}
	}
}

func TestSAMLErrorStatusIsShown(t *testing.T) {
	t.Parallel()
	idp := startSAMLIdP(t)
	idp.signWhat = "response"
	idp.change = func(r *saml.Response) {
		r.Assertion = nil
		r.Status = saml.Status{
			StatusCode:    saml.StatusCode{Value: saml.StatusResponder, StatusCode: &saml.StatusCode{Value: saml.StatusRequestDenied}},
			StatusMessage: &saml.StatusMessage{Value: "no grant for <b>CRM</b>"},
		}
	}
	_, base := startCRM(t, idp, new(clock), nil)
	b := newBrowser(t)
	p := b.samlSignIn(base, "")
	if p.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", p.StatusCode)
	}
	wantText(t, p, "Gatehouse did not let you in", saml.StatusRequestDenied, "no grant for &lt;b&gt;CRM&lt;/b&gt;")
	b.mustBe(base, false)
}

func TestSAMLSessionEndsWithTheAssertion(t *testing.T) {
	t.Parallel()
	idp, c := startSAMLIdP(t), new(clock)
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	idp.end = &end
	_, base := startCRM(t, idp, c, nil)
	b := newBrowser(t)
	b.samlSignIn(base, "")
	b.mustBe(base, true)
	c.forward(time.Hour)
	who := b.mustBe(base, false)
	if who.EndedAt == nil || !who.EndedAt.Equal(end) || who.EndedBy != "SessionNotOnOrAfter of the assertion" {
		t.Errorf("ended %+v", who)
	}
}

func TestNewSigningKeyIsFetchedWhenItIsFirstUsed(t *testing.T) {
	t.Parallel()
	idp, c := startSAMLIdP(t), new(clock)
	_, base := startCRM(t, idp, c, nil)
	b := newBrowser(t)
	b.samlSignIn(base, "")
	b.mustBe(base, true)
	c.forward(lazyRenewal)
	key, cert := rsaPair(t, strangerKey())
	idp.set(func() { idp.key, idp.signKey, idp.cert = key, key, cert })
	b = newBrowser(t)
	b.samlSignIn(base, "")
	b.mustBe(base, true)
}

func TestSAMLProbeAsksByNameID(t *testing.T) {
	t.Parallel()
	idp := startSAMLIdP(t)
	_, base := startCRM(t, idp, new(clock), nil)
	newBrowser(t).samlSignIn(base, "")
	probe := claims{
		"iss": idp.URL, "aud": base + MetadataPath, "name_id": "p-1", "sub": "u-1",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	}
	ask := func() page {
		res, err := http.PostForm(base+ProbePath, url.Values{"token": {signWith(t, idp.key, "RS256", probe, probeTyp)}})
		if err != nil {
			t.Fatal(err)
		}
		return read(t, res)
	}
	if p := ask(); strings.TrimSpace(p.body) != `{"sessions":1}` {
		t.Errorf("%d %s", p.StatusCode, p.body)
	}
	delete(probe, "name_id")
	if p := ask(); p.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a NameID: %d %s", p.StatusCode, p.body)
	}
}

func TestCRMPagesAndMetadata(t *testing.T) {
	t.Parallel()
	idp := startSAMLIdP(t)
	app, base := startCRM(t, idp, new(clock), nil)
	b := newBrowser(t)
	if got := b.open(base + MetadataPath); got.body != string(app.Metadata()) {
		t.Errorf("metadata: %s", got.body)
	}
	b.samlSignIn(base, "")
	wantText(t, b.open(base+"/"), "Marta Oliveira", "8 people at 7 companies")
	wantText(t, b.open(base+"/pages/pipeline"), "€202\u202f000")
	b.post(base+"/logout", nil)
	wantText(t, b.open(base+"/"), "You signed out at", "You may still be signed in at Gatehouse.")
}
