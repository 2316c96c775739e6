package saas

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/idp/saml/wire"
)

// FuzzResponse posts any XML as the answer to a sign-in: none may sign anybody in or cause a panic.
func FuzzResponse(f *testing.F) {
	key, cert, err := newKey("idp", time.Now())
	if err != nil {
		f.Fatal(err)
	}
	idp := &samlIdP{URL: "http://idp.example", key: key, cert: cert, signKey: key, signWhat: "nothing"}
	app, err := New(Config{BaseURL: "http://crm.example", SAML: &SAML{EntityID: idp.entityID()}})
	if err != nil {
		f.Fatal(err)
	}
	p := app.protocol.(*serviceProvider)
	p.partner.fetch = func() (*partner, error) {
		return partnerOf(wire.Serialize(wire.IdP{
			Entity: wire.Entity{EntityID: idp.entityID(), SigningCerts: []*x509.Certificate{cert}},
			SSO:    []wire.Endpoint{{Binding: wire.Redirect, Location: "http://idp.example/sso", Index: -1}},
		}.Element()), idp.entityID(), time.Now())
	}
	answer, err := base64.StdEncoding.DecodeString(idp.respond(wire.AuthnRequest{ID: "_r", Issuer: p.entityID, ACSURL: p.acs.String()}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(answer)
	f.Add([]byte("<samlp:Response/>"))
	f.Fuzz(func(t *testing.T, xml []byte) {
		form := url.Values{"SAMLResponse": {base64.StdEncoding.EncodeToString(xml)}}
		r := httptest.NewRequest(http.MethodPost, ACSPath, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		m, err := wire.Decode(r, wire.ParamResponse)
		if err != nil {
			return
		}
		if id, err := p.accept(m, "_r"); err == nil {
			t.Errorf("signed in %+v", id)
		}
	})
}

// FuzzClaims turns any JSON object into attributes: bounded, and never without a value.
func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"name":"Grace","groups":["a",1,null,{"x":[]}],"ok":true,"n":1e9,"sub":"x"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var c map[string]any
		if json.Unmarshal(raw, &c) != nil {
			return
		}
		attrs := mergeClaims(nil, c, FromIDToken)
		if len(attrs) > maxAttributes {
			t.Fatalf("%d attributes", len(attrs))
		}
		for _, at := range attrs {
			if len(at.Values) == 0 || len(at.Values) > maxValues || at.Field == "" || isProtocolClaim(at.Name) {
				t.Errorf("%+v", at)
			}
		}
		new(Account).update(identity{attributes: attrs}, time.Now())
	})
}

// FuzzReturnPath checks that a return path never leaves the app.
func FuzzReturnPath(f *testing.F) {
	f.Add("/pages/x")
	f.Add("//evil.example")
	f.Add(`/\evil.example`)
	base, err := url.Parse("http://wiki.localhost:8081/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, to string) {
		there, err := base.Parse(localPath(to))
		if err == nil && there.Host != base.Host {
			t.Errorf("%q leads to %s", to, there)
		}
	})
}
