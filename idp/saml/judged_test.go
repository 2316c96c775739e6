package saml_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"gatehouse/idp"
	"gatehouse/idp/saml"
	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

// TestOthersJudgeWhatTheProviderSays: every Response of these tests is valid by
// the schemas (see form); here xmlsec1 verifies each kind of signature, and our
// metadata are judged.
func TestOthersJudgeWhatTheProviderSays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ours := ourCerts(t)[0]
	p := h.signedIn(h.ada)
	toHR := func(a *wire.AuthnRequest) { a.Issuer = hrID }
	for name, r := range map[string]reply{
		"a signed assertion":            p.get(h.redirect(h.ask(), nil, "state")),
		"assertion and Response signed": p.get(h.redirect(h.ask(toHR), hrKey(), "")),
		"a status":                      h.person().get(h.redirect(h.ask(func(a *wire.AuthnRequest) { a.IsPassive = true }), nil, "")),
		"a status of two codes":         p.get(h.redirect(h.ask(func(a *wire.AuthnRequest) { a.Destination = "https://other.example" }), nil, "")),
	} {
		message := r.form().message
		wiretest.Signed(t, message, ours)
		if both := name == "assertion and Response signed"; both != (strings.Count(string(message), "<ds:SignatureValue>") == 2) {
			t.Errorf("%s: %s", name, message)
		}
	}
	r := p.get("/saml/metadata")
	if r.StatusCode != http.StatusOK {
		t.Fatal(r.StatusCode)
	}
	wiretest.Valid(t, []byte(r.body))
}

// FuzzImport: whatever an admin brings is refused in plain words, or has an
// address for every answer.
func FuzzImport(f *testing.F) {
	f.Add(wire.Serialize(entity().Element()))
	f.Add([]byte(`<md:EntitiesDescriptor xmlns:md="` + wire.NSMetadata + `" validUntil="2020-01-01T00:00:00Z"/>`))
	f.Fuzz(func(t *testing.T, document []byte) {
		id, s, err := saml.Import(document)
		if err != nil {
			if !idp.IsKind(err, idp.Invalid) {
				t.Fatal(err)
			}
			return
		}
		if id == "" || len(s.ACS) == 0 {
			t.Fatalf("imported %q with %+v", id, s)
		}
		for _, acs := range s.ACS {
			if !strings.HasPrefix(acs.URL, "https://") && !strings.HasPrefix(acs.URL, "http://") {
				t.Fatalf("imported %q", acs.URL)
			}
		}
	})
}

// TestNoRequestOfAStrangerAllocatesMuch: from the first octet of a request to
// the audit line, less than 8 MiB, garbage included, whatever was sent to
// whichever address. wire has the same of every kind of message.
func TestNoRequestOfAStrangerAllocatesMuch(t *testing.T) {
	h := newHouse(t)
	honest := string(wire.Serialize(h.ask(func(a *wire.AuthnRequest) { a.Issuer = hrID }).Element()))
	filled := func(part string, n int) string {
		el, err := wire.Parse([]byte(strings.Replace(honest, "</samlp:AuthnRequest>", "<a>"+strings.Repeat(part, n)+"</a></samlp:AuthnRequest>", 1)))
		h.must(err)
		h.must(hrKey().Sign(el)) // so that it is verified to the end
		return string(wire.Serialize(el))
	}
	const most = 8 << 20
	handler := h.provider.Handler()
	for name, xml := range map[string]string{
		"an honest one":            honest,
		"many elements":            filled(`<a b=""></a>`, 2900),
		"a long text":              filled("<a>"+strings.Repeat("x", 100_000)+"</a>", 1),
		"entities":                 `<!DOCTYPE a [<!ENTITY b "` + strings.Repeat("b", 50_000) + `">]><a>&b;</a>`,
		"more than a message":      strings.Repeat("<a>", 1<<20),
		"an app that nobody knows": strings.Replace(honest, hrID, strings.Repeat("u", 100_000), 1),
	} {
		for _, path := range []string{"/saml/sso", "/saml/slo"} {
			for _, param := range []string{wire.ParamRequest, wire.ParamResponse} {
				form := url.Values{param: {wire.EncodePOST([]byte(xml))}}.Encode()
				r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				w := httptest.NewRecorder()
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				handler.ServeHTTP(w, r)
				runtime.ReadMemStats(&after)
				if got := after.TotalAlloc - before.TotalAlloc; got > most || w.Code >= 500 {
					t.Errorf("%s to %s as %s: %d bytes, answered %d", name, path, param, got, w.Code)
				}
			}
		}
	}
}
