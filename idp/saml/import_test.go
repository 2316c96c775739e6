package saml_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/idp"
	"gatehouse/idp/saml"
	"gatehouse/idp/saml/wire"
)

const redirectBinding, artifactBinding = string(wire.Redirect), "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"

func entity(change ...func(*wire.SP)) wire.SP {
	sp := wire.SP{
		Entity: wire.Entity{
			EntityID: crmID, SigningCerts: nil, NameIDFormats: []string{wire.NameIDTransient, wire.NameIDEmail, wire.NameIDPersistent},
			SLO: []wire.Endpoint{
				{Binding: wire.Redirect, Location: "https://crm.example/slo", ResponseLocation: "https://crm.example/slo/done", Index: -1},
				{Binding: wire.SOAP, Location: "https://crm.example/slo/soap", Index: -1},
			},
		},
		ACS: []wire.Endpoint{
			{Binding: wire.Binding(artifactBinding), Location: "https://crm.example/artifact", Index: 0, Default: true},
			{Binding: wire.POST, Location: crmACS, Index: -1},
			{Binding: wire.POST, Location: crmACS + "/2", Index: 2},
			{Binding: wire.POST, Location: crmACS + "/3", Index: -1, Default: true},
		},
	}
	for _, c := range change {
		c(&sp)
	}
	return sp
}

func TestImportKeepsWhatIsUsed(t *testing.T) {
	t.Parallel()
	sp := entity(func(sp *wire.SP) {
		sp.SigningCerts = append(sp.SigningCerts, crmKey().Certificate)
		sp.AuthnRequestsSigned = true
	})
	document := wire.Serialize(sp.Element())
	id, got, err := saml.Import(document)
	if err != nil {
		t.Fatal(err)
	}
	want := idp.SAMLSettings{
		ACS: []idp.AssertionConsumer{
			{URL: crmACS, Index: 1}, {URL: crmACS + "/2", Index: 2}, {URL: crmACS + "/3", Index: 3, Default: true},
		},
		SOAPLogoutURL: "https://crm.example/slo/soap", FrontLogoutURL: "https://crm.example/slo", FrontLogoutBinding: "redirect", FrontLogoutResponseURL: "https://crm.example/slo/done", SigningCerts: []string{pemOf(crmKey())}, RequireSigned: true,
		NameIDFormat: wire.NameIDEmail, MetadataXML: string(document),
	}
	if diff := cmp.Diff(want, got); diff != "" || id != crmID {
		t.Error(id, diff)
	}
}

func TestImportRefuses(t *testing.T) {
	t.Parallel()
	good := string(wire.Serialize(entity().Element()))
	for name, c := range map[string]struct{ document, words string }{
		"nothing":             {"", "cannot be used"},
		"a page":              {"<!DOCTYPE html><html></html>", "cannot be used"},
		"our own metadata":    {string(wire.Serialize(wire.IdP{Entity: wire.Entity{EntityID: "x"}}.Element())), "no SPSSODescriptor"},
		"too large":           {good + strings.Repeat(" ", 1<<20), "too large"},
		"no HTTP-POST":        {strings.ReplaceAll(good, string(wire.POST), redirectBinding), "HTTP-POST"},
		"signs without a key": {string(wire.Serialize(entity(func(sp *wire.SP) { sp.AuthnRequestsSigned = true }).Element())), "no certificate"},
	} {
		_, _, err := saml.Import([]byte(c.document))
		if !idp.IsKind(err, idp.Invalid) || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSA27MetadataIsNotPoisoned(t *testing.T) {
	t.Parallel()
	one := string(wire.Serialize(entity().Element()))
	group := `<md:EntitiesDescriptor xmlns:md="` + wire.NSMetadata + `">`
	expired := string(wire.Serialize(entity(func(sp *wire.SP) { sp.ValidUntil = time.Now().Add(-time.Minute) }).Element()))
	for name, document := range map[string]string{
		"two of one entityID": group + one + one + `</md:EntitiesDescriptor>`,
		"two providers":       group + one + strings.Replace(one, crmID, hrID, 1) + `</md:EntitiesDescriptor>`,
		"expired":             expired,
		"within an expired":   strings.Replace(group, ">", ` validUntil="2020-01-01T00:00:00Z">`, 1) + one + `</md:EntitiesDescriptor>`,
	} {
		if _, _, err := saml.Import([]byte(document)); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestXS02ScriptAddressesAreRefused(t *testing.T) {
	t.Parallel()
	good := string(wire.Serialize(entity().Element()))
	for _, location := range []string{"javascript:alert(1)", "JavaScript:alert(1)//https://crm.example", "data:text/html,x", "//crm.example", "/acs", " ", ""} {
		addresses := []string{`"` + crmACS + `"`, `"https://crm.example/artifact"`, `"https://crm.example/slo"`, `"https://crm.example/slo/soap"`}
		if strings.TrimSpace(location) != "" { // else it is as if there were none
			addresses = append(addresses, `"https://crm.example/slo/done"`)
		}
		for _, was := range addresses {
			if _, _, err := saml.Import([]byte(strings.Replace(good, was, `"`+location+`"`, 1))); !idp.IsKind(err, idp.Invalid) {
				t.Errorf("%q for %s: %v", location, was, err)
			}
		}
	}
}

func TestImportOfArtifactAloneSaysSo(t *testing.T) {
	t.Parallel()
	_, _, err := saml.Import(wire.Serialize(entity(func(sp *wire.SP) { sp.ACS = sp.ACS[:1] }).Element()))
	if !idp.IsKind(err, idp.Invalid) || !strings.Contains(err.Error(), "Artifact binding alone") {
		t.Errorf("got %v", err)
	}
}

func TestImportKeepsWhichAttributesAreAskedFor(t *testing.T) {
	t.Parallel()
	services := []wire.AttributeService{{Index: 1, Names: []string{"mail", "urn:oid:2.5.4.42"}}, {Index: 7, Names: []string{"mail"}}}
	_, got, err := saml.Import(wire.Serialize(entity(func(sp *wire.SP) { sp.AttributeServices = services }).Element()))
	if err != nil || len(got.AttributeServices) != 2 || got.AttributeServices[1].Index != 7 || len(got.AttributeServices[0].Names) != 2 {
		t.Errorf("kept %+v, %v", got.AttributeServices, err)
	}
	services[1].Index = 1
	if _, _, err := saml.Import(wire.Serialize(entity(func(sp *wire.SP) { sp.AttributeServices = services }).Element())); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("two services have one index: %v", err)
	}
}

func TestImportChoosesANameIDFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		wanted []string
		want   string
	}{
		{nil, wire.NameIDPersistent},
		{[]string{wire.NameIDUnspecified}, wire.NameIDPersistent},
		{[]string{wire.NameIDTransient}, wire.NameIDTransient},
		{[]string{wire.NameIDUnspecified, wire.NameIDTransient, wire.NameIDEmail, wire.NameIDPersistent}, wire.NameIDEmail},
	} {
		_, got, err := saml.Import(wire.Serialize(entity(func(sp *wire.SP) { sp.NameIDFormats = c.wanted }).Element()))
		if err != nil || got.NameIDFormat != c.want {
			t.Errorf("%v: %s, %v", c.wanted, got.NameIDFormat, err)
		}
	}
}
