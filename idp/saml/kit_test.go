package saml_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/idp/saml/wire"
)

// TestTheConformanceKitsChecksOfSSO are the checks of the SAML conformance kit
// (codice CTK) for an identity provider's sign-on, each by both bindings. It
// demands an error for a RelayState over 80 bytes; we carry 1 KiB, as apps do.
// What names no app cannot be answered to one: there the person gets a page.
func TestTheConformanceKitsChecksOfSSO(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, sp := h.signedIn(h.ada), h.asCRM()
	type asking struct {
		change     func(*wire.AuthnRequest)
		sign       *wire.Signer
		relayState string
	}
	nothing := func(*wire.AuthnRequest) {}
	sends := map[string]func(asking) (wire.AuthnRequest, reply){
		"Redirect": func(a asking) (wire.AuthnRequest, reply) {
			r := h.ask(a.change)
			return r, p.get(h.redirect(r, a.sign, a.relayState))
		},
		"POST": func(a asking) (wire.AuthnRequest, reply) {
			r := h.ask(a.change)
			answer := p.crossPost(h.post(r, a.sign, a.relayState))
			if answer.StatusCode == http.StatusSeeOther {
				answer = p.get(answer.Header.Get("Location"))
			}
			return r, answer
		},
	}
	for binding, send := range sends {
		for name, a := range map[string]asking{
			"AuthnRequest":                {func(r *wire.AuthnRequest) { r.ACSURL = crmACS }, nil, ""},
			"with RelayState":             {nothing, nil, "opaque&=<>"},
			"RelayState of 1 KiB":         {nothing, crmKey(), strings.Repeat("r", 1024)},
			"without ACS URL and index":   {nothing, nil, ""},
			"NameIDPolicy emailAddress":   {wants(wire.NameIDEmail), nil, ""},
			"NameIDPolicy transient":      {wants(wire.NameIDTransient), nil, ""},
			"signed with RSA and SHA-256": {nothing, crmKey(), "state"},
			"RequestedAuthnContext": {func(r *wire.AuthnRequest) {
				r.RequestedAuthnContext.ClassRefs = []string{"urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"}
			}, nil, ""},
		} {
			r, answer := send(a)
			f := answer.form()
			got := mustAccept(t, sp, f, r.ID)
			if want := []string{a.relayState}; a.relayState != "" && !slices.Equal(f.relayState, want) || f.action != crmACS {
				t.Errorf("%s, %s: RelayState %q at %s", binding, name, f.relayState, f.action)
			}
			s := got.AuthnStatements[0]
			if s.SessionIndex == "" || s.AuthnInstant.IsZero() || r.NameIDPolicy.Format != "" && got.Subject.NameID.Format != r.NameIDPolicy.Format {
				t.Errorf("%s, %s: %+v %+v", binding, name, s, got.Subject.NameID)
			}
		}
		for name, c := range map[string]struct {
			asking
			sub string
		}{
			"RelayState too long": {asking{nothing, nil, ""}, wire.StatusRequestDenied},
			"Subject with an invalid NameID": {asking{func(r *wire.AuthnRequest) {
				r.Subject = &wire.NameID{Value: "nobody", Format: wire.NameIDPersistent}
			}, nil, ""}, wire.StatusUnknownPrincipal},
			"another Destination": {asking{func(r *wire.AuthnRequest) { r.Destination = "https://other.example/sso" }, nil, ""}, wire.StatusRequestDenied},
		} {
			if name == "RelayState too long" { // the kit's own; a builder of ours refuses it
				form, address := h.post(h.ask(), nil, strings.Repeat("r", 1025)), h.redirect(h.ask(), nil, "")+"&RelayState="+strings.Repeat("r", 1025)
				p.crossPost(form).wantStatus(c.sub)
				p.get(address).wantStatus(c.sub)
				continue
			}
			_, answer := send(c.asking)
			answer.wantStatus(c.sub)
		}
	}
	for _, query := range []string{"", "?", "?SAMLRequest=", "?RelayState=state", "?SigAlg=x&Signature=y"} {
		p.get("/saml/sso" + query).wantPage(http.StatusBadRequest)
	}
	for _, form := range []url.Values{{}, {wire.ParamRequest: {""}}, {"RelayState": {"state"}}} {
		p.crossPost(form).wantPage(http.StatusBadRequest)
	}
}
