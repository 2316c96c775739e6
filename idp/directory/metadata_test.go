package directory_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/idp"
	"gatehouse/idp/directory"
)

func pemCertificate(t *testing.T) string {
	t.Helper()
	k := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, form, form, k.Public(), k))
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func crmApp() idp.App {
	return idp.App{Name: "CRM", Protocol: idp.ProtocolSAML, Identifier: "https://crm.example/saml", SAML: &idp.SAMLSettings{
		ACS:           []idp.AssertionConsumer{{URL: "https://crm.example/acs"}, {URL: "https://crm.example/acs2", Index: 1}},
		SOAPLogoutURL: "https://crm.example/slo",
	}}
}

// TestAServiceProviderIsRemovedForGood, and what comes in its place by the
// same entityID is another app.
func TestAServiceProviderIsRemovedForGood(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newDirectory(t)
	app := must[idp.App](t)(d.AddApp(ctx, crmApp()))
	u := add(t, d, "ada", idp.RoleEmployee)
	must[idp.Grant](t)(d.Grant(ctx, idp.Grant{AppID: app.ID, UserID: u.ID}))
	again := crmApp()
	again.Name = "CRM of 2027"
	if _, err := d.AddApp(ctx, again); !idp.IsKind(err, idp.Conflict) {
		t.Errorf("two apps of one entityID: %v", err)
	}
	r := must[idp.Receipt](t)(d.RemoveApp(ctx, app.ID, "gone"))
	gone := must[idp.App](t)(s.App(ctx, app.ID))
	if !gone.Removed() || r.AppID != app.ID || gone.SAML.SOAPLogoutURL == "" || gone.Epoch == app.Epoch {
		t.Errorf("removed %v with receipt of %s, told at %q", gone.Removed(), r.AppID, gone.SAML.SOAPLogoutURL)
	}
	if _, err := s.Access(ctx, u.ID, app.ID, time.Now()); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("it may be used: %v", err)
	}
	if _, err := d.ApplyMetadata(ctx, app.ID, 0, idp.Metadata{EntityID: app.Identifier, Settings: *app.SAML}, "test"); !idp.IsKind(err, idp.Conflict) {
		t.Errorf("new metadata: %v", err)
	}
	again = must[idp.App](t)(d.AddApp(ctx, again))
	gone = must[idp.App](t)(s.App(ctx, app.ID))
	found := must[idp.App](t)(s.AppByIdentifier(ctx, idp.ProtocolSAML, "https://crm.example/saml"))
	if found.ID != again.ID || !gone.Removed() || gone.KnownAs() != "https://crm.example/saml" {
		t.Errorf("%s has the entityID, the removed one was known as %q", found.Name, gone.KnownAs())
	}
	must[idp.Receipt](t)(d.RemoveApp(ctx, again.ID, ""))
	third := crmApp()
	third.Name = "CRM of 2028"
	must[[]directory.Difference](t)(d.Apply(ctx, directory.Desired{Apps: []idp.App{third}}, false))
}

// TestSA27MetadataChangesWhatWasSeen: setting by setting, and nothing that is the
// owner's decision.
func TestSA27MetadataChangesWhatWasSeen(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newDirectory(t)
	want := crmApp()
	want.SAML.NameIDFormat, want.SAML.RequireSigned = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", true
	want.SAML.SigningCerts = []string{pemCertificate(t)}
	app := must[idp.App](t)(d.AddApp(ctx, want))
	told := crmApp().SAML
	told.ACS = []idp.AssertionConsumer{{URL: "https://crm.example/acs", Default: true}}
	told.FrontLogoutURL, told.FrontLogoutBinding = "https://crm.example/out", "redirect"
	told.SigningCerts, told.MetadataXML = want.SAML.SigningCerts, "<new/>"
	m := idp.Metadata{EntityID: app.Identifier, Settings: *told}
	changes := must[[]idp.SettingChange](t)(d.ApplyMetadata(ctx, app.ID, app.Version, m, "a file"))
	if diff := cmp.Diff([]idp.SettingChange{
		{Setting: "Assertion consumer", Old: "https://crm.example/acs2 (index 1)"},
		{Setting: "Logout by browser", New: "https://crm.example/out redirect"},
	}, changes); diff != "" {
		t.Error(diff)
	}
	now := must[idp.App](t)(s.App(ctx, app.ID))
	if now.SAML.NameIDFormat != want.SAML.NameIDFormat || !now.SAML.RequireSigned || now.SAML.MetadataXML != "<new/>" {
		t.Errorf("registered is %+v", now.SAML)
	}
	events, _, err := s.Events(ctx, idp.EventQuery{Limit: 1})
	if err != nil || events[0].Kind != "app.metadata.apply" || events[0].Detail["by"] != "a file" || !strings.Contains(events[0].Detail["changes"], "acs2 (index 1) -> none") {
		t.Errorf("written down: %+v, %v", events, err)
	}
	if changes := must[[]idp.SettingChange](t)(d.ApplyMetadata(ctx, app.ID, 0, m, "a file")); len(changes) != 0 {
		t.Errorf("the same again changes %v", changes)
	}
	other := m
	other.EntityID = "https://evil.example"
	unsigned := m
	unsigned.Settings.SigningCerts = nil
	for what, err := range map[string]error{
		"another entityID":      second(d.ApplyMetadata(ctx, app.ID, 0, other, "x")),
		"the key it must have":  second(d.ApplyMetadata(ctx, app.ID, 0, unsigned, "x")),
		"what was seen earlier": second(d.ApplyMetadata(ctx, app.ID, app.Version, unsigned, "x")),
	} {
		if want := map[bool]idp.Kind{true: idp.Conflict, false: idp.Invalid}[what == "what was seen earlier"]; !idp.IsKind(err, want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestSA27AnotherDefaultIsAChange: where no service is said to be the default, the
// first is, and which that is may not change without a word.
func TestSA27AnotherDefaultIsAChange(t *testing.T) {
	t.Parallel()
	app := crmApp()
	turned := *app.SAML
	turned.ACS = []idp.AssertionConsumer{app.SAML.ACS[1], app.SAML.ACS[0]}
	changes := must[[]idp.SettingChange](t)(directory.MetadataChanges(app, idp.Metadata{EntityID: app.Identifier, Settings: turned}))
	if len(changes) == 0 {
		t.Error("sign-ons are answered at another address, and that is no change")
	}
}
