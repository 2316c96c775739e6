package e2e

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	crewjam "github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"

	"gatehouse/idp/saml/wire/wiretest"
	"gatehouse/web/api/client"
)

// relying is that provider as another vendor's library plays it.
func (h samlHouse) relying(t testing.TB, p provider) *crewjam.ServiceProvider {
	t.Helper()
	var metadata crewjam.EntityDescriptor
	if err := xml.Unmarshal([]byte(h.call(t, http.MethodGet, "/saml/metadata", nil, "").Body), &metadata); err != nil {
		t.Fatal(err)
	}
	acs, err := url.Parse(p.ACS)
	if err != nil {
		t.Fatal(err)
	}
	return &crewjam.ServiceProvider{EntityID: p.ID, AcsURL: *acs, MetadataURL: *acs, IDPMetadata: &metadata, Key: p.key, Certificate: p.cert, SignatureMethod: dsig.RSASHA256SignatureMethod}
}

// takes is what that library makes of a response that arrives at acs.
func takes(t testing.TB, sp *crewjam.ServiceProvider, response, acs, id string) (*crewjam.Assertion, error) {
	t.Helper()
	at, err := url.Parse(acs)
	if err != nil {
		t.Fatal(err)
	}
	a, err := sp.ParseXMLResponse([]byte(response), []string{id}, *at)
	if refusal, ok := err.(*crewjam.InvalidResponseError); ok {
		err = refusal.PrivateErr
	}
	return a, err
}

func TestSecurityOfAssertions(t *testing.T) {
	t.Parallel()
	h := newSAMLHouse(t)
	respond := func(t testing.TB, p provider, change ...func(*asking)) (response, id string) {
		t.Helper()
		a := p.ask(change...)
		return h.asserts(t, p.ACS, h.v.get(t, p.redirected(t, a.xml(), ""))), a.ID
	}
	t.Run("SA-21 every signature", func(t *testing.T) {
		crm, _ := respond(t, h.crm)
		hr, _ := respond(t, h.hr)
		passive := h.crm.ask(func(a *asking) { a.attributes = ` IsPassive="true"` })
		_, status, _ := samlAnswer(t, h.visitor(t).get(t, unsigned.redirected(t, passive.xml(), "")))
		for name, xml := range map[string]string{"assertion": crm, "both": hr, "status": status} {
			doc := document(t, xml)
			for path, want := range map[string]string{"//SignatureMethod": dsig.RSASHA256SignatureMethod, "//DigestMethod": "http://www.w3.org/2001/04/xmlenc#sha256"} {
				all := doc.FindElements(path)
				if len(all) == 0 {
					t.Errorf("%s: no %s in %s", name, path, xml)
				}
				for _, el := range all {
					if got := el.SelectAttrValue("Algorithm", ""); got != want {
						t.Errorf("%s: %s is %s", name, path, got)
					}
				}
			}
		}
		if metadata := h.call(t, http.MethodGet, "/saml/metadata", nil, "").Body; strings.Contains(metadata, "sha1") {
			t.Errorf("the metadata speaks of SHA-1: %s", metadata)
		}
	})
	t.Run("SA-23 what is encrypted is for one app", func(t *testing.T) {
		vault := newProvider(t, "vault.example")
		app := client.App{Name: "vault", Protocol: "saml", Identifier: vault.ID, SAML: &client.SAML{
			ACS: []client.ACS{{URL: vault.ACS}}, SigningCerts: []string{vault.pem()}, EncryptAssertion: true,
		}}
		if _, err := h.admin.AddApp(t.Context(), app); err == nil {
			t.Fatal("an app is encrypted to that has no key for it")
		}
		app.SAML.EncryptionCert = vault.pem()
		if _, err := h.admin.AddApp(t.Context(), app); err != nil {
			t.Fatal(err)
		}
		if _, err := h.admin.AddGrant(t.Context(), client.Grant{App: "vault", Group: "staff"}); err != nil {
			t.Fatal(err)
		}
		_, response, _ := samlAnswer(t, h.v.get(t, vault.redirected(t, vault.ask().xml(), "")))
		for path, want := range map[string]string{
			"//EncryptedData/EncryptionMethod": "http://www.w3.org/2009/xmlenc11#aes256-gcm",
			"//EncryptedKey/EncryptionMethod":  "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
		} {
			if el := document(t, response).FindElement(path); el == nil || el.SelectAttrValue("Algorithm", "") != want {
				t.Errorf("%s is not %s in %s", path, want, response)
			}
		}
		plain := wiretest.Decrypt(t, []byte(response), vault.key)
		if strings.Contains(response, "<saml:Assertion ") || document(t, string(plain)).FindElement("//EncryptedAssertion/Assertion/Signature") == nil {
			t.Errorf("sent %s\nopened %s", response, plain)
		}
	})
	t.Run("SA-25 an answer is for one app only", func(t *testing.T) {
		response, id := respond(t, h.crm)
		got, err := takes(t, h.relying(t, h.crm), response, h.crm.ACS, id)
		if err != nil {
			t.Fatalf("its own app refuses it: %v", err)
		}
		confirmed := got.Subject.SubjectConfirmations[0].SubjectConfirmationData
		if got.Conditions.AudienceRestrictions[0].Audience.Value != h.crm.ID || confirmed.Recipient != h.crm.ACS || confirmed.InResponseTo != id ||
			confirmed.NotOnOrAfter.After(time.Now().Add(5*time.Minute)) || document(t, response).SelectAttrValue("Destination", "") != h.crm.ACS {
			t.Errorf("%+v %+v", got.Conditions, confirmed)
		}
		for _, at := range []string{h.crm.ACS, h.hr.ACS} {
			if _, err := takes(t, h.relying(t, h.hr), response, at, id); err == nil {
				t.Errorf("HR takes the CRM's answer at %s", at)
			}
		}
		if _, err := takes(t, h.relying(t, h.crm), response, h.crm.ACS, "_another"); err == nil {
			t.Error("it answers a request that it does not name")
		}
	})
	t.Run("SA-34 nothing is dated ahead", func(t *testing.T) {
		before := time.Now()
		response, id := respond(t, h.crm, func(a *asking) { a.Instant = time.Now().Add(2 * time.Minute).UTC().Format(time.RFC3339) })
		got, err := takes(t, h.relying(t, h.crm), response, h.crm.ACS, id)
		if err != nil {
			t.Fatal(err)
		}
		if c := got.Conditions; c.NotBefore.After(before) || c.NotOnOrAfter.After(time.Now().Add(time.Minute+time.Second)) || got.IssueInstant.After(time.Now()) {
			t.Errorf("issued %s, valid %s to %s", got.IssueInstant, c.NotBefore, c.NotOnOrAfter)
		}
	})
	t.Run("SA-26 two libraries verify what is signed", func(t *testing.T) {
		key := document(t, h.call(t, http.MethodGet, "/saml/metadata", nil, "").Body).FindElement("//X509Certificate")
		if key == nil {
			t.Fatal("no certificate in the metadata")
		}
		der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(key.Text()), ""))
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		response, id := respond(t, h.crm)
		if n := strings.Count(response, "<ds:SignatureValue>"); n != 1 {
			t.Errorf("%d signatures, the assertion's is the default", n)
		}
		wiretest.Signed(t, []byte(response), cert)
		if _, err := takes(t, h.relying(t, h.crm), response, h.crm.ACS, id); err != nil {
			t.Error(err)
		}
		response, id = respond(t, h.hr)
		if n := strings.Count(response, "<ds:SignatureValue>"); n != 2 {
			t.Errorf("%d signatures, want those of Response and Assertion", n)
		}
		wiretest.Signed(t, []byte(response), cert)
		if _, err := takes(t, h.relying(t, h.hr), response, h.hr.ACS, id); err != nil {
			t.Error(err)
		}
	})
}
