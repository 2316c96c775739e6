package wiretest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

// witness is a test that only remembers whether it failed.
type witness struct {
	testing.TB
	failed bool
}

func (w *witness) Errorf(string, ...any) { w.failed = true }

func signer(t *testing.T) *wire.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &wire.Signer{Key: key, Certificate: cert}
}

// TestTheJudgesRefuse: each fault that is planted is found, so that a judge that
// is not there, or looks at nothing, passes for no one.
func TestTheJudgesRefuse(t *testing.T) {
	t.Parallel()
	us, other := signer(t), signer(t)
	signed := func(change func(*etree.Element)) string {
		el := wire.LogoutRequest{ID: "_1", Issuer: "https://idp.example", IssueInstant: time.Now(), NameID: wire.NameID{Value: "ada"}, SessionIndexes: []string{"a"}}.Element()
		if change != nil {
			change(el)
		}
		if err := us.Sign(el); err != nil {
			t.Fatal(err)
		}
		return string(wire.Serialize(el))
	}
	good := signed(nil)
	for name, c := range map[string]struct {
		document string
		by       *wire.Signer
		fails    bool
	}{
		"as it is":             {good, us, false},
		"changed":              {strings.Replace(good, ">ada<", ">eve<", 1), us, true},
		"by another key":       {good, other, true},
		"an unknown attribute": {signed(func(el *etree.Element) { el.CreateAttr("Unknown", "x") }), us, true},
		"out of order":         {signed(func(el *etree.Element) { el.AddChild(el.FindElement("./NameID").Copy()) }), us, true},
		"an unknown mdui element": {`<md:EntityDescriptor xmlns:md="` + wire.NSMetadata + `" entityID="x"><md:SPSSODescriptor protocolSupportEnumeration="x"><md:Extensions>` +
			`<mdui:UIInfo xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui"><mdui:Displayed xml:lang="en">x</mdui:Displayed></mdui:UIInfo></md:Extensions>` +
			`<md:AssertionConsumerService index="0" Binding="x" Location="x"/></md:SPSSODescriptor></md:EntityDescriptor>`, us, true},
		"unsigned": {good[:strings.Index(good, "<ds:Signature")] + good[strings.Index(good, "</ds:Signature>")+len("</ds:Signature>"):], us, true},
	} {
		w := &witness{TB: t}
		if strings.Contains(name, "mdui") {
			wiretest.Valid(w, []byte(c.document))
		} else {
			wiretest.Judge(w, []byte(c.document), c.by.Certificate)
		}
		if w.failed != c.fails {
			t.Errorf("%s: failed is %t", name, w.failed)
		}
	}
}
