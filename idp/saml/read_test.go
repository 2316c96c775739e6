package saml_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"
	"time"

	"gatehouse/idp/saml"
	"gatehouse/idp/saml/wire"
)

// TestReadSaysWhatAnAdminShouldKnow, and nothing of what is well.
func TestReadSaysWhatAnAdminShouldKnow(t *testing.T) {
	t.Parallel()
	now := time.Now()
	cert := lasting(t, now.Add(40*24*time.Hour))
	sound := entity(func(sp *wire.SP) {
		sp.SigningCerts = append(sp.SigningCerts, cert)
		sp.AuthnRequestsSigned, sp.ACS = true, sp.ACS[1:]
	})
	for name, c := range map[string]struct {
		change func(*wire.SP)
		now    time.Time
		words  string
	}{
		"all is well":        {func(*wire.SP) {}, now, ""},
		"no certificate":     {func(sp *wire.SP) { sp.SigningCerts, sp.AuthnRequestsSigned = nil, false }, now, "cannot prove its requests"},
		"does not sign":      {func(sp *wire.SP) { sp.AuthnRequestsSigned = false }, now, "unsigned ones are taken too"},
		"ends soon":          {func(*wire.SP) {}, now.Add(11 * 24 * time.Hour), "Get the next one"},
		"has ended":          {func(*wire.SP) {}, now.Add(41 * 24 * time.Hour), "ended on"},
		"not yet":            {func(*wire.SP) {}, now.Add(-2 * time.Hour), "begins on"},
		"artifact":           {func(sp *wire.SP) { sp.ACS[0].Binding = wire.Binding(artifactBinding) }, now, "HTTP-POST only: 1 of its"},
		"another NameID":     {func(sp *wire.SP) { sp.NameIDFormats = []string{wire.NameIDEntity} }, now, "and gets persistent"},
		"cannot be told":     {func(sp *wire.SP) { sp.SLO = nil }, now, "nothing can tell it"},
		"the document ends":  {func(sp *wire.SP) { sp.ValidUntil = now.Add(time.Hour) }, now, "(validUntil)"},
		"it ends later":      {func(sp *wire.SP) { sp.ValidUntil = now.Add(31 * 24 * time.Hour) }, now, ""},
		"it asks for emails": {func(sp *wire.SP) { sp.NameIDFormats = []string{wire.NameIDEmail} }, now, ""},
	} {
		sp := sound
		sp.ACS, sp.SigningCerts = append([]wire.Endpoint(nil), sound.ACS...), append(sound.SigningCerts[:0:0], sound.SigningCerts...)
		c.change(&sp)
		m, err := saml.Read(wire.Serialize(sp.Element()), c.now)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if said := strings.Join(m.Warnings, "\n"); c.words == "" && said != "" || !strings.Contains(said, c.words) || len(m.Warnings) > 1 {
			t.Errorf("%s: %q", name, said)
		}
	}
}

// lasting is a certificate of the CRM from an hour ago on.
func lasting(t testing.TB, until time.Time) *x509.Certificate {
	t.Helper()
	return lastingOf(t, crmKey().Key, until)
}

func lastingOf(t testing.TB, key crypto.Signer, until time.Time) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an app"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// TestReadTakesTheNameForPeople, in English where there are several.
func TestReadTakesTheNameForPeople(t *testing.T) {
	t.Parallel()
	document := string(wire.Serialize(entity().Element()))
	role := strings.Index(document, "<md:SingleLogoutService")
	ui := func(names string) string {
		return `<md:Extensions><mdui:UIInfo xmlns:mdui="` + wire.NSUI + `">` + names + `</mdui:UIInfo></md:Extensions>`
	}
	organisation := `<md:Organization><md:OrganizationDisplayName xml:lang="de">Firma</md:OrganizationDisplayName></md:Organization></md:EntityDescriptor>`
	for name, c := range map[string]struct{ names, want string }{
		"of the role": {ui(`<mdui:DisplayName xml:lang="de">Kunden</mdui:DisplayName><mdui:DisplayName xml:lang="en-GB"> Customers </mdui:DisplayName>`), "Customers"},
		"the only":    {ui(`<mdui:DisplayName xml:lang="de">Kunden</mdui:DisplayName>`), "Kunden"},
		"too long":    {ui(`<mdui:DisplayName xml:lang="en">` + strings.Repeat("x", 300) + `</mdui:DisplayName>`), "Firma"},
		"of the firm": {"", "Firma"},
	} {
		text := strings.Replace(document[:role]+c.names+document[role:], "</md:EntityDescriptor>", organisation, 1)
		m, err := saml.Read([]byte(strings.Replace(text, "<md:EntityDescriptor", `<md:EntityDescriptor cacheDuration="PT6H"`, 1)), time.Now())
		if err != nil || m.Name != c.want || m.CacheFor != 6*time.Hour {
			t.Errorf("%s: %q for %s, %v", name, m.Name, m.CacheFor, err)
		}
	}
}

// TestARemovedAppIsUnknown: nobody signs in to it, whoever may still be granted it.
func TestARemovedAppIsUnknown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sp := h.asCRM()
	to, _ := begin(t, sp, "")
	h.person().get(to).wantSignIn()
	if _, err := h.dir.RemoveApp(t.Context(), h.crm.ID, "gone"); err != nil {
		t.Fatal(err)
	}
	to, _ = begin(t, sp, "")
	if res := h.person().get(to); res.StatusCode < 400 || h.lastRule() != "issuer" {
		t.Errorf("%d, rule %q", res.StatusCode, h.lastRule())
	}
}
