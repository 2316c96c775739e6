package wire_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/idp/saml/wire"
)

func instant() time.Time { return time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC) }

func ptr[T any](v T) *T { return &v }

func TestAuthnRequestRoundTrip(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]wire.AuthnRequest{
		"smallest": {ID: "_1", Issuer: "https://sp.example", IssueInstant: instant()},
		"everything": {
			ID: "_1", Issuer: "https://sp.example", Destination: "https://idp.example/saml/sso", IssueInstant: instant(),
			ACSURL: "https://sp.example/acs", ProtocolBinding: string(wire.POST), ACSIndex: ptr(0), AttributeIndex: ptr(7),
			ForceAuthn: true, IsPassive: true,
			NameIDPolicy:          wire.NameIDPolicy{Format: wire.NameIDPersistent, SPNameQualifier: "q", AllowCreate: ptr(false)},
			RequestedAuthnContext: wire.RequestedAuthnContext{Comparison: "minimum", ClassRefs: []string{"urn:a", "urn:b"}, DeclRefs: []string{"urn:c"}},
			Subject:               &wire.NameID{Value: "ada", Format: wire.NameIDEmail},
		},
	} {
		got, err := wire.ParseAuthnRequest(reparsed(t, want.Element()))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAuthnRequestIsReadStrictly(t *testing.T) {
	t.Parallel()
	if _, err := wire.ParseAuthnRequest(mustParse(t, requestXML)); err != nil {
		t.Fatal(err)
	}
	const issuer = "<saml:Issuer>https://sp.example/metadata</saml:Issuer>"
	for name, change := range map[string][2]string{
		"no Issuer":           {issuer, ""},
		"empty Issuer":        {issuer, "<saml:Issuer/>"},
		"blank Issuer":        {issuer, "<saml:Issuer> </saml:Issuer>"},
		"two Issuers":         {issuer, issuer + issuer},
		"Issuer elsewhere":    {issuer, "<samlp:Issuer>x</samlp:Issuer>"},
		"Issuer with element": {"https://sp.example/metadata", "<saml:b/>"},
		"no ID":               {`ID="_request"`, ""},
		"ID of digits":        {`ID="_request"`, `ID="1"`},
		"ID with markup":      {`ID="_request"`, `ID="_&lt;b&gt;"`},
		"SAML 1.1":            {`Version="2.0"`, `Version="1.1"`},
		"no version":          {`Version="2.0"`, ""},
		"no time":             {`IssueInstant="2026-11-22T10:00:00Z"`, ""},
		"time without zone":   {"10:00:00Z", "10:00:00"},
		"two policies":        {"<samlp:NameIDPolicy", "<samlp:NameIDPolicy/><samlp:NameIDPolicy"},
		"bad boolean":         {`AllowCreate="true"`, `AllowCreate="yes"`},
		"bad flag":            {`Version="2.0"`, `Version="2.0" ForceAuthn="maybe"`},
		"bad index":           {`Version="2.0"`, `Version="2.0" AssertionConsumerServiceIndex="-1"`},
		"huge index":          {`Version="2.0"`, `Version="2.0" AssertionConsumerServiceIndex="65536"`},
		"empty context":       {"</samlp:AuthnRequest>", "<samlp:RequestedAuthnContext/></samlp:AuthnRequest>"},
		"unknown comparison":  {"</samlp:AuthnRequest>", `<samlp:RequestedAuthnContext Comparison="x"><saml:AuthnContextClassRef>a</saml:AuthnContextClassRef></samlp:RequestedAuthnContext></samlp:AuthnRequest>`},
		"another message":     {"samlp:AuthnRequest", "samlp:LogoutRequest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := wire.ParseAuthnRequest(mustParse(t, strings.ReplaceAll(requestXML, change[0], change[1])))
			wantKind(t, err, wire.ErrMalformed)
		})
	}
}

func TestAuthnRequestSubjectThatNamesNobody(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{"<saml:Subject/>", "<saml:Subject><saml:NameID/></saml:Subject>", "<saml:Subject><saml:BaseID/></saml:Subject>"} {
		r, err := wire.ParseAuthnRequest(mustParse(t, strings.Replace(requestXML, "</saml:Issuer>", "</saml:Issuer>"+subject, 1)))
		if err != nil || r.Subject == nil || r.Subject.Value != "" {
			t.Errorf("%s: %+v, %v", subject, r.Subject, err)
		}
	}
}

func TestLogoutRequestRoundTrip(t *testing.T) {
	t.Parallel()
	want := wire.LogoutRequest{
		ID: "_1", Issuer: "https://idp.example", Destination: "https://sp.example/slo", IssueInstant: instant(),
		NotOnOrAfter:   instant().Add(time.Minute),
		NameID:         wire.NameID{Value: " ada ", Format: wire.NameIDPersistent, NameQualifier: "a", SPNameQualifier: "b"},
		SessionIndexes: []string{"one", "two"}, Reason: "urn:oasis:names:tc:SAML:2.0:logout:admin",
	}
	el := want.Element()
	if err := rsaSigner().Sign(el); err != nil {
		t.Fatal(err)
	}
	verified, err := wire.VerifyElement(reparsed(t, el), certs(rsaSigner()))
	if err != nil {
		t.Fatal(err)
	}
	got, err := wire.ParseLogoutRequest(verified)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLogoutRequestIsReadStrictly(t *testing.T) {
	t.Parallel()
	const text = `<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1" Version="2.0" IssueInstant="2026-11-22T10:00:00Z" NotOnOrAfter="2026-11-22T10:01:00Z"><saml:Issuer>i</saml:Issuer><saml:NameID>ada</saml:NameID><samlp:SessionIndex>x</samlp:SessionIndex></samlp:LogoutRequest>`
	for name, change := range map[string][2]string{
		"no name":       {"<saml:NameID>ada</saml:NameID>", ""},
		"empty name":    {"ada", ""},
		"two names":     {"<saml:NameID>", "<saml:NameID>eve</saml:NameID><saml:NameID>"},
		"named twice":   {"<saml:NameID>", "<saml:EncryptedID/><saml:NameID>"},
		"empty session": {"<samlp:SessionIndex>x", "<samlp:SessionIndex>"},
		"bad time":      {`10:01:00Z"`, `10:01"`},
	} {
		_, err := wire.ParseLogoutRequest(mustParse(t, strings.Replace(text, change[0], change[1], 1)))
		if err == nil {
			t.Errorf("%s was accepted", name)
			continue
		}
		wantKind(t, err, wire.ErrMalformed)
	}
	got, err := wire.ParseLogoutRequest(mustParse(t, strings.Replace(text, "<saml:NameID>ada</saml:NameID>", "<saml:EncryptedID/>", 1)))
	wantKind(t, err, wire.ErrEncrypted)
	if got.ID != "_1" || got.Issuer != "i" || got.NameID.Value != "" {
		t.Errorf("of an encrypted name: %+v", got)
	}
}

func TestLogoutResponseRoundTrip(t *testing.T) {
	t.Parallel()
	want := wire.LogoutResponse{
		ID: "_2", InResponseTo: "_1", Issuer: "https://sp.example", Destination: "https://idp.example/saml/slo", IssueInstant: instant(),
		Status: wire.Status{Code: wire.StatusSuccess, SubCode: wire.StatusPartialLogout, Message: "one app is away"},
	}
	got, err := wire.ParseLogoutResponse(reparsed(t, want.Element()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	el := want.Element()
	el.RemoveChild(wire.Children(el, wire.NSProtocol, "Status")[0])
	_, err = wire.ParseLogoutResponse(el)
	wantKind(t, err, wire.ErrMalformed)
}
