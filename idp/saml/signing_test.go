package saml_test

import (
	"crypto/x509"
	"slices"
	"strings"
	"testing"

	"gatehouse/idp"
	"gatehouse/idp/keys"
	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

// ourCert is the certificate of the house's SAML key of that algorithm.
func (h *house) ourCert(alg string) *x509.Certificate {
	h.t.Helper()
	key, err := h.ring.Key(keys.UseSAML, alg)
	h.must(err)
	return key.Certificate
}

// signedParts names what carries a signature of its own in a message.
func signedParts(t *testing.T, message []byte) []string {
	t.Helper()
	var parts []string
	for _, el := range elements(t, message, "//Signature") {
		parts = append(parts, el.Parent().Tag)
	}
	return parts
}

// TestSA26WhatIsSignedAndHow goes through every setting: one signature by
// default, never none, each good in xmlsec1, and all by the schemas.
func TestSA26WhatIsSignedAndHow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	for _, alg := range []string{"", idp.SignRSASHA256, idp.SignRSASHA384, idp.SignRSASHA512, idp.SignECDSASHA256} {
		for sign, parts := range map[string][]string{
			"": {"Assertion"}, idp.SignAssertion: {"Assertion"}, idp.SignResponse: {"Response"}, idp.SignBoth: {"Response", "Assertion"},
		} {
			h.changeApp(h.crm.ID, func(a *idp.App) { a.SAML.Sign, a.SAML.SignatureAlg = sign, alg })
			a := h.ask()
			f := p.get(h.redirect(a, nil, "")).form()
			if got := signedParts(t, f.message); !slices.Equal(got, parts) {
				t.Errorf("sign %q: signed are %q", sign, got)
			}
			key := keys.RS256
			if alg == idp.SignECDSASHA256 {
				key = keys.ES256 // crewjam reads these in a form of its own
			} else {
				mustAccept(t, h.asCRM(), f, a.ID)
			}
			wiretest.Judge(t, f.message, h.ourCert(key))
			for _, m := range elements(t, f.message, "//SignatureMethod") {
				if uri := wire.Attr(m, "Algorithm"); !strings.HasSuffix(uri, "#"+orDefault(alg)) {
					t.Errorf("%q: signed with %s", alg, uri)
				}
			}
		}
		// Nothing but its signature vouches for an answer without an assertion.
		answer := h.signedIn(h.bob).get(h.redirect(h.ask(), nil, ""))
		answer.wantStatus(wire.StatusRequestDenied)
		if m := elements(t, answer.form().message, "//SignatureMethod"); !strings.HasSuffix(wire.Attr(m[0], "Algorithm"), "#"+orDefault(alg)) {
			t.Errorf("%q: a refusal is signed with %s", alg, wire.Attr(m[0], "Algorithm"))
		}
	}
}

func orDefault(alg string) string {
	if alg == "" {
		return idp.SignRSASHA256
	}
	return alg
}

// TestBothCertificatesArePublished, that of RSA first: some apps read no other.
func TestBothCertificatesArePublished(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sp, err := wire.ParseIdPMetadata([]byte(h.person().get("/saml/metadata").body), h.clock.Now())
	h.must(err)
	if got, ours := sp.SigningCerts, ourCerts(t); !slices.EqualFunc(got, ours, (*x509.Certificate).Equal) || got[0].PublicKeyAlgorithm != x509.RSA {
		t.Errorf("%d certificates of %d, the first %s", len(got), len(ours), got[0].PublicKeyAlgorithm)
	}
}
