package e2e

import (
	"fmt"
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"gatehouse/web/api/client"
)

func TestSecurityOfSignedRequests(t *testing.T) {
	t.Parallel()
	h := newSAMLHouse(t)
	original := func() string { return h.hr.signed(t, h.hr.ask().xml()) }
	// The forged one asks for the same, under another ID.
	forged := func() *etree.Element { return document(t, h.hr.ask().xml()) }
	signatureOf := func(el *etree.Element) *etree.Element { return el.FindElement("./Signature") }
	without := func(el *etree.Element) *etree.Element {
		el = el.Copy()
		el.RemoveChild(signatureOf(el))
		return el
	}
	t.Run("the honest request is answered", func(t *testing.T) {
		h.asserts(t, h.hr.ACS, h.byPost(t, original())())
		h.asserts(t, h.hr.ACS, h.v.get(t, h.hr.redirected(t, h.hr.ask().xml(), "state")))
		h.asserts(t, h.crm.ACS, h.v.get(t, unsigned.redirected(t, h.crm.ask().xml(), "")))
	})
	wrap := map[string]func() *etree.Element{
		"SA-01 XSW1 the original inside the signature": func() *etree.Element {
			was, root := document(t, original()), forged()
			signature := signatureOf(was).Copy()
			signature.CreateElement("ds:Object").AddChild(without(was))
			root.InsertChildAt(1, signature)
			return root
		},
		"SA-01 XSW2 the original beside the signature": func() *etree.Element {
			was, root := document(t, original()), forged()
			root.InsertChildAt(1, signatureOf(was).Copy())
			root.AddChild(without(was))
			return root
		},
		"SA-02 XSW3 the original as a child": func() *etree.Element {
			root := forged()
			root.AddChild(document(t, original()))
			return root
		},
		"SA-02 XSW4 the original in an extension": func() *etree.Element {
			root := forged()
			root.CreateElement("samlp:Extensions").AddChild(document(t, original()))
			return root
		},
		"SA-02 a forged child in the original": func() *etree.Element {
			root := document(t, original())
			root.AddChild(forged())
			return root
		},
		"SA-03 XSW5 the signature in the forged one, the original after it": func() *etree.Element {
			was, root := document(t, original()), forged()
			root.InsertChildAt(1, signatureOf(was).Copy())
			root.CreateElement("samlp:Extensions").AddChild(without(was))
			return root
		},
		"SA-03 XSW6 the original inside the moved signature": func() *etree.Element {
			was, root := document(t, original()), forged()
			moved := signatureOf(was).Copy()
			moved.AddChild(without(was))
			root.InsertChildAt(1, moved)
			return root
		},
		"SA-03 XSW7 the whole original in an extension, the signature in the forged one too": func() *etree.Element {
			was, root := document(t, original()), forged()
			root.InsertChildAt(1, signatureOf(was).Copy())
			root.CreateElement("samlp:Extensions").AddChild(was)
			return root
		},
		"SA-03 XSW8 the original in an object of the moved signature": func() *etree.Element {
			was, root := document(t, original()), forged()
			moved := signatureOf(was).Copy()
			moved.CreateElement("ds:Object").AddChild(without(was))
			root.InsertChildAt(1, moved)
			return root
		},
		"SA-03 the forged one takes the ID of the original": func() *etree.Element {
			was, root := document(t, original()), forged()
			root.CreateAttr("ID", was.SelectAttrValue("ID", ""))
			root.CreateAttr("ForceAuthn", "false")
			root.InsertChildAt(1, signatureOf(was).Copy())
			return root
		},
	}
	for name, build := range wrap {
		t.Run(name, func(t *testing.T) { h.refuses(t, name, "signature message", h.byPost(t, serialized(t, build()))) })
	}
	t.Run("SA-06 only a registered key signs", func(t *testing.T) {
		was := original()
		from, to := strings.Index(was, "<ds:Signature"), strings.Index(was, "</ds:Signature>")+len("</ds:Signature>")
		for name, xml := range map[string]string{
			"removed":                 was[:from] + was[to:],
			"empty":                   was[:from] + `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>` + was[to:],
			"the attacker's own key":  h.foe.signed(t, h.hr.ask().xml()),
			"another app's key":       h.crm.signed(t, h.hr.ask().xml()),
			"another app's, unforced": h.hr.signed(t, h.crm.ask().xml()),
		} {
			h.refuses(t, name, "signature", h.byPost(t, xml))
		}
		h.refuses(t, "redirect by the attacker", "signature", h.byGet(t, h.foe.redirected(t, h.hr.ask().xml(), "")))
		good := h.crm.redirected(t, h.crm.ask().xml(), "state")
		h.refuses(t, "another RelayState", "signature", h.byGet(t, strings.Replace(good, "RelayState=state", "RelayState=other", 1)))
		h.refuses(t, "no RelayState", "signature", h.byGet(t, strings.Replace(good, "&RelayState=state", "", 1)))
		h.asserts(t, h.crm.ACS, h.v.get(t, good))
	})
	t.Run("SA-07 a comment in the values", func(t *testing.T) {
		for _, tag := range []string{"<ds:DigestValue>", "<ds:SignatureValue>"} {
			h.refuses(t, tag, "message signature", h.byPost(t, strings.Replace(original(), tag, tag+"<!-- x -->", 1)))
			h.refuses(t, tag+" behind", "message signature", h.byPost(t, strings.Replace(original(), strings.Replace(tag, "<", "</", 1), "<!-- x -->"+strings.Replace(tag, "<", "</", 1), 1)))
		}
	})
	t.Run("SA-16 Destination", func(t *testing.T) {
		for _, destination := range []string{"https://other.example/saml/sso", ssoURL + "/", ssoURL + "?x=1", ""} {
			change := func(a *asking) { a.Destination = destination }
			h.refuses(t, destination, "destination", h.byPost(t, h.hr.signed(t, h.hr.ask(change).xml())))
			h.refuses(t, destination, "destination", h.byGet(t, h.hr.redirected(t, h.hr.ask(change).xml(), "")))
		}
		h.refuses(t, "unsigned", "destination", h.byGet(t, unsigned.redirected(t, h.crm.ask(func(a *asking) { a.Destination = "https://other.example/saml/sso" }).xml(), "")))
	})
	t.Run("SA-17 a request is answered once", func(t *testing.T) {
		to := h.hr.redirected(t, h.hr.ask().xml(), "")
		h.asserts(t, h.hr.ACS, h.v.get(t, to))
		for range 3 { // at each node
			h.refuses(t, "again", "replay", h.byGet(t, to))
		}
		xml := original()
		h.asserts(t, h.hr.ACS, h.byPost(t, xml)())
		h.refuses(t, "again by POST", "replay", h.byPost(t, xml))
		// The same browser, its sign-in unfinished, begins again; another one not.
		v, again := h.visitor(t), h.hr.redirected(t, h.hr.ask().xml(), "")
		first := v.get(t, again).location(t)
		if second := v.get(t, again).location(t); !strings.HasPrefix(second.Path, "/signin/") || second.Path == first.Path {
			t.Errorf("the same browser is sent to %s, before to %s", second, first)
		}
		h.refuses(t, "another browser", "replay", h.byGet(t, again))
	})
	t.Run("SA-18 SA-34 IssueInstant", func(t *testing.T) {
		for _, off := range []time.Duration{-10 * time.Minute, 10 * time.Minute, 240 * time.Hour} {
			change := func(a *asking) { a.Instant = time.Now().Add(off).UTC().Format(time.RFC3339) }
			h.refuses(t, off.String(), "issue_instant", h.byPost(t, h.hr.signed(t, h.hr.ask(change).xml())))
			h.refuses(t, off.String(), "issue_instant", h.byGet(t, unsigned.redirected(t, h.crm.ask(change).xml(), "")))
		}
		now := time.Now().UTC()
		for _, instant := range []string{now.Format("2006-01-02T15:04:05"), "9999-12-31T23:59:59Z", now.Format("2006-01-02T15:04:05.") + strings.Repeat("1", 40) + "Z", "yesterday", ""} {
			h.refuses(t, instant, "message issue_instant", h.byPost(t, h.hr.signed(t, h.hr.ask(func(a *asking) { a.Instant = instant }).xml())))
		}
	})
	t.Run("SA-19 unsigned where signed is demanded", func(t *testing.T) {
		h.refuses(t, "POST", "signature", h.byPost(t, h.hr.ask().xml()))
		h.refuses(t, "redirect", "signature", h.byGet(t, unsigned.redirected(t, h.hr.ask().xml(), "")))
		good := h.hr.redirected(t, h.hr.ask().xml(), "")
		h.refuses(t, "no SigAlg", "signature message", h.byGet(t, good[:strings.Index(good, "&SigAlg")]))
		h.refuses(t, "no Signature", "signature message", h.byGet(t, good[:strings.Index(good, "&Signature")]))
	})
}

func TestSecurityOfXML(t *testing.T) {
	t.Parallel()
	h := newSAMLHouse(t)
	bad := func(t *testing.T, name, xml string) {
		t.Helper()
		h.refuses(t, name, "message", h.byPost(t, xml))
		h.refuses(t, name, "message", h.byGet(t, unsigned.redirected(t, xml, "")))
	}
	t.Run("SA-08 the whole text or none", func(t *testing.T) {
		for _, issuer := range []string{"<!-- -->.evil.example", "<?x?>", "<b/>"} {
			bad(t, issuer, h.crm.ask(func(a *asking) { a.Issuer += issuer }).xml())
		}
		for _, issuer := range []string{"<![CDATA[" + h.crm.ID + "]]>.evil.example", h.crm.ID + ".evil.example"} {
			h.refuses(t, issuer, "message issuer", h.byPost(t, h.crm.ask(func(a *asking) { a.Issuer = issuer }).xml()))
		}
		name := `<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">ada@example.com<!-- -->.evil.example</saml:NameID></saml:Subject>`
		bad(t, "NameID", h.crm.ask(func(a *asking) { a.inside = name }).xml())
	})
	t.Run("SA-09 a document type", func(t *testing.T) {
		for _, doctype := range []string{
			`<!DOCTYPE a>`, `<!DOCTYPE a [<!ENTITY b "c">]>`, `<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x">`, `<!DOCTYPE a [<!ENTITY % b SYSTEM "file:///etc/passwd"> %b;]>`,
			`<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;">]>`,
		} {
			bad(t, doctype, doctype+h.crm.ask().xml())
		}
	})
	t.Run("SA-11 what two parsers read differently", func(t *testing.T) {
		for _, inside := range []string{
			`<:a/>`, `<a:/>`, `<a:b:c xmlns:a="x"/>`, `<a :b="c"/>`, `<a xmlns:b="x" b:c:d="e"/>`, `<a ID="1" ID="2"/>`, `<a xmlns:p="x" xmlns:q="x" p:ID="1" q:ID="2"/>`, `<p:a/>`, `<a p:b="c"/>`,
			`<a xmlns:xmlns="x"/>`, `<a xmlns:xml="x"/>`, `<a xmlns:p=""/>`, `<!x<!-- -->y>`, `<!ELEMENT b>`, `<?p x?>`, "\xff", "\x01", `<b></a></b>`, `<p:a xmlns:p="x" xmlns:q="x"></q:a>`, `<a b=c/>`, `<!-- -->`,
		} {
			bad(t, inside, h.crm.ask(func(a *asking) { a.inside = inside }).xml())
		}
		for _, attributes := range []string{` ID="_x"`, ` :x="y"`, ` xmlns:saml="` + nsAssertion + `"`, ` p:ID="_x"`} {
			bad(t, attributes, h.crm.ask(func(a *asking) { a.attributes = attributes }).xml())
		}
		for _, around := range []string{`<?xml version="1.0" encoding="UTF-7"?>%s`, `<?xml version="1.0"?><?xml version="1.0"?>%s`, `x%s`, `%sx`, `%[1]s%[1]s`, `</a>%s`} {
			bad(t, around, fmt.Sprintf(around, h.crm.ask().xml()))
		}
	})
	t.Run("SA-13 only registered addresses", func(t *testing.T) {
		for _, attributes := range []string{
			` AssertionConsumerServiceURL="https://evil.example/acs"`, ` AssertionConsumerServiceURL="` + h.crm.ACS + `/"`, ` AssertionConsumerServiceURL="` + h.hr.ACS + `"`,
			` AssertionConsumerServiceIndex="99"`, ` AssertionConsumerServiceURL="` + h.crm.ACS + `" AssertionConsumerServiceIndex="7"`, ` AssertionConsumerServiceURL="javascript:alert(1)"`,
		} {
			change := func(a *asking) { a.attributes = attributes }
			h.refuses(t, attributes, "acs", h.byGet(t, unsigned.redirected(t, h.crm.ask(change).xml(), "")))
			h.refuses(t, attributes, "acs", h.byPost(t, h.crm.ask(change).xml()))
		}
		h.asserts(t, h.crm.ACS+"/old", h.v.get(t, unsigned.redirected(t, h.crm.ask(func(a *asking) { a.attributes = ` AssertionConsumerServiceIndex="3"` }).xml(), "")))
		h.refuses(t, "unknown app", "issuer", h.byGet(t, h.foe.redirected(t, h.foe.ask().xml(), "")))
	})
	h.relayStates(t)
	h.volumes(t)
}

// relayStates is XS-01, XS-02 and OR-03.
func (h samlHouse) relayStates(t *testing.T) {
	t.Run("XS-01 RelayState is text in the form", func(t *testing.T) {
		for _, state := range []string{`"><script>alert(1)</script>`, `' onload='alert(1)`, "</form><form action=https://evil.example>", "&quot;&#34;", "ä 漢 😀"} {
			for _, page := range []*answer{
				h.v.get(t, unsigned.redirected(t, h.crm.ask().xml(), state)),
				h.v.postForm(t, ssoURL, posted(h.crm.ask().xml(), state)).follow(t),
			} {
				to, _, got := samlAnswer(t, page)
				if to != h.crm.ACS || len(got) != 1 || got[0] != state {
					t.Errorf("%q became %q at %s", state, got, to)
				}
				harmless(t, page)
				if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action https://crm.example;") || !strings.Contains(policy, "script-src 'sha256-") {
					t.Errorf("XS-07: the page has the policy %s", policy)
				}
			}
		}
	})
	t.Run("XS-02 script addresses in metadata", func(t *testing.T) {
		for _, location := range []string{"javascript:alert(1)", "JavaScript:alert(1)//https://x.example", "data:text/html,x", "//x.example/acs", "/acs", ""} {
			for _, binding := range []string{"HTTP-POST", "HTTP-Redirect"} {
				metadata := `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://x.example"><md:SPSSODescriptor protocolSupportEnumeration="` + nsProtocol + `">` +
					`<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:` + binding + `" Location="` + html.EscapeString(location) + `" index="0"/></md:SPSSODescriptor></md:EntityDescriptor>`
				h.leaves(t, nil, nil, func() {
					_, err := h.admin.AddApp(t.Context(), client.App{Name: "x", Protocol: "saml", SAML: &client.SAML{Metadata: metadata}})
					if p, ok := err.(*client.Problem); !ok || p.Status != http.StatusBadRequest {
						t.Errorf("%q imported: %v", location, err)
					}
					_, err = h.admin.AddApp(t.Context(), client.App{Name: "x", Protocol: "saml", Identifier: "https://x.example", SAML: &client.SAML{ACS: []client.ACS{{URL: location}}}})
					if p, ok := err.(*client.Problem); !ok || p.Status != http.StatusBadRequest {
						t.Errorf("%q registered: %v", location, err)
					}
				})
			}
		}
	})
	t.Run("OR-03 RelayState is opaque, up to 1 KiB", func(t *testing.T) {
		for _, state := range []string{"https://evil.example/", "//evil.example", strings.Repeat("é", 512)} {
			page := h.v.get(t, unsigned.redirected(t, h.crm.ask().xml(), state))
			if to, _, got := samlAnswer(t, page); to != h.crm.ACS || got[0] != state || page.Header.Get("Location") != "" {
				t.Errorf("%q became %q at %s", state, got, to)
			}
		}
		long := strings.Repeat("r", 1025)
		h.refuses(t, "long", "relay_state", h.byGet(t, unsigned.redirected(t, h.crm.ask().xml(), long)))
		h.refuses(t, "long", "relay_state", func() *answer { return h.v.postForm(t, ssoURL, posted(h.crm.ask().xml(), long)) })
	})
}
