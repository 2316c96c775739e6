package directory_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"gatehouse/idp"
)

func oidcApp(redirect string, change func(*idp.OIDCSettings)) idp.App {
	o := &idp.OIDCSettings{AuthMethod: "none", RedirectURIs: []string{redirect}}
	if change != nil {
		change(o)
	}
	return idp.App{Name: "App", Protocol: idp.ProtocolOIDC, Identifier: "app", OIDC: o}
}

// TestRU06SchemesThatRunCodeAreRefused and RU-14: what may be registered as a
// redirect URI.
func TestRU06SchemesThatRunCodeAreRefused(t *testing.T) {
	d, _ := newDirectory(t)
	native := func(o *idp.OIDCSettings) { o.ApplicationType = "native" }
	for _, c := range []struct {
		uri    string
		change func(*idp.OIDCSettings)
		ok     bool
	}{
		{"https://app.example/cb", nil, true},
		{"https://app.example/cb?x=1", nil, true},
		{"http://127.0.0.1/cb", native, true},
		{"http://[::1]:8000/cb", native, true},
		{"http://wiki.localhost:8081/cb", nil, true},
		{"com.example.app:/cb", native, true},
		{"com.example.app:/cb", nil, false},
		{"myapp:/cb", native, false},
		{"myapp.:/cb", native, false},
		{"com..app:/cb", native, false},
		{"http://192.0.2.7/cb", native, false},
		{"javascript:alert(1)", native, false},
		{"JaVaScRiPt:alert(1)", nil, false},
		{"data:text/html,x", native, false},
		{"vbscript:x", native, false},
		{"file:///etc/passwd", native, false},
		{"http://app.example/cb", nil, false},
		{"https://app.example/cb#frag", nil, false},
		{"https://user@app.example/cb", nil, false},
		{"https://app.example/a/../cb", nil, false},
		{"https://app.example\\@evil.example/cb", nil, false},
		{"//app.example/cb", nil, false},
		{"/cb", nil, false},
		{"", nil, false},
	} {
		a := oidcApp(c.uri, c.change)
		a.Name, a.Identifier = a.Name+c.uri, a.Identifier+string(idp.NewAppID())
		if len(a.Name) > 100 {
			a.Name = a.Name[:100]
		}
		_, err := d.AddApp(context.Background(), a)
		if c.ok != (err == nil) || (err != nil && !idp.IsKind(err, idp.Invalid)) {
			t.Errorf("%q: %v, want accepted %v", c.uri, err, c.ok)
		}
	}
}

func TestRU14WildcardsAreRefused(t *testing.T) {
	d, _ := newDirectory(t)
	for _, uri := range []string{"https://*.example/cb", "https://app.example/*", "*"} {
		if _, err := d.AddApp(context.Background(), oidcApp(uri, nil)); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%q: %v", uri, err)
		}
	}
}

// TestAddressesOfASignOn: where a sign-on from the portal begins is a web
// address, https but on this machine; a resource is any absolute URI.
func TestAddressesOfASignOn(t *testing.T) {
	d, _ := newDirectory(t)
	for uri, ok := range map[string]bool{
		"https://app.example/begin?tenant=7": true, "http://app.localhost:8081/begin": true, "http://app.example/begin": false,
		"javascript:alert(1)": false, "https://u:p@app.example/begin": false, "https://app.example/begin#x": false, "/begin": false,
	} {
		a := oidcApp("https://app.example/cb", func(o *idp.OIDCSettings) { o.InitiateLoginURI = uri })
		a.Name, a.Identifier = string(idp.NewAppID()), string(idp.NewAppID())
		if _, err := d.AddApp(context.Background(), a); ok != (err == nil) || err != nil && !idp.IsKind(err, idp.Invalid) {
			t.Errorf("initiate_login_uri %q: %v", uri, err)
		}
	}
	for uri, ok := range map[string]bool{
		"https://api.example/v1?x": true, "urn:example:files": true, "api.example": false, "https://api.example/#x": false, "https://api.example/ x": false, "": false,
	} {
		a := oidcApp("https://app.example/cb", func(o *idp.OIDCSettings) { o.Resources = []string{uri} })
		a.Name, a.Identifier = string(idp.NewAppID()), string(idp.NewAppID())
		if _, err := d.AddApp(context.Background(), a); ok != (err == nil) || err != nil && !idp.IsKind(err, idp.Invalid) {
			t.Errorf("resource %q: %v", uri, err)
		}
	}
}

// TestXS02ConsumerAddressesAreWebAddresses: a form is posted there.
func TestXS02ConsumerAddressesAreWebAddresses(t *testing.T) {
	d, _ := newDirectory(t)
	for _, url := range []string{"javascript:alert(1)", "data:text/html,x", "http://app.example/acs", "https://u:p@app.example/acs", ""} {
		a := idp.App{Name: "App", Protocol: idp.ProtocolSAML, Identifier: "urn:app", SAML: &idp.SAMLSettings{ACS: []idp.AssertionConsumer{{URL: url}}}}
		if _, err := d.AddApp(context.Background(), a); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestARegistrationThatContradictsItselfIsRefused(t *testing.T) {
	d, _ := newDirectory(t)
	for name, a := range map[string]idp.App{
		"public client with a secret":    oidcApp("https://a.example/cb", func(o *idp.OIDCSettings) { o.SecretHashes = []string{"x"} }),
		"confidential client without":    oidcApp("https://a.example/cb", func(o *idp.OIDCSettings) { o.AuthMethod = "client_secret_basic" }),
		"public client without PKCE":     oidcApp("https://a.example/cb", func(o *idp.OIDCSettings) { o.PKCEExempt = true }),
		"unknown algorithm":              oidcApp("https://a.example/cb", func(o *idp.OIDCSettings) { o.IDTokenAlg = "none" }),
		"tokens of an unknown format":    oidcApp("https://a.example/cb", func(o *idp.OIDCSettings) { o.AccessTokenFormat = "saml" }),
		"JWTs nobody can take back":      oidcApp("https://a.example/cb", func(o *idp.OIDCSettings) { o.AccessTokenFormat, o.AccessTokenTTL = "jwt", 2*time.Hour }),
		"no settings":                    {Name: "App", Protocol: idp.ProtocolOIDC, Identifier: "app"},
		"settings of the other protocol": {Name: "App", Protocol: idp.ProtocolSAML, Identifier: "app", OIDC: &idp.OIDCSettings{}},
		"signature demanded, no key": {Name: "App", Protocol: idp.ProtocolSAML, Identifier: "urn:app", SAML: &idp.SAMLSettings{
			ACS: []idp.AssertionConsumer{{URL: "https://a.example/acs"}}, RequireSigned: true,
		}},
		"nothing signed":               samlApp(func(s *idp.SAMLSettings) { s.Sign = "neither" }),
		"signed with SHA-1":            samlApp(func(s *idp.SAMLSettings) { s.SignatureAlg = "rsa-sha1" }),
		"encrypted with 3DES":          samlApp(func(s *idp.SAMLSettings) { s.EncryptionAlg = "tripledes-cbc" }),
		"key by RSA 1.5":               samlApp(func(s *idp.SAMLSettings) { s.KeyTransport = "rsa-1_5" }),
		"encrypted to nobody":          samlApp(func(s *idp.SAMLSettings) { s.EncryptAssertion = true }),
		"encrypted to something":       samlApp(func(s *idp.SAMLSettings) { s.EncryptionCert = "x" }),
		"encrypted to a short key":     samlApp(encryptedTo(pemOf(t, rsaKey(t, 1024)))),
		"encrypted to a key of no use": samlApp(encryptedTo(pemOf(t, ecKey(t)))),
		"methods without an end":       samlApp(func(s *idp.SAMLSettings) { s.EncryptionMethods = make([]string, 51) }),
		"unknown source": {Name: "App", Protocol: idp.ProtocolOIDC, Identifier: "app", OIDC: oidcApp("https://a.example/cb", nil).OIDC,
			Attributes: []idp.AttributeRule{{Name: "x", Source: "password"}}},
	} {
		if _, err := d.AddApp(context.Background(), a); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func samlApp(change func(*idp.SAMLSettings)) idp.App {
	s := &idp.SAMLSettings{ACS: []idp.AssertionConsumer{{URL: "https://a.example/acs"}}}
	change(s)
	return idp.App{Name: "App", Protocol: idp.ProtocolSAML, Identifier: "urn:app", SAML: s}
}

func encryptedTo(cert string) func(*idp.SAMLSettings) {
	return func(s *idp.SAMLSettings) { s.EncryptAssertion, s.EncryptionCert = true, cert }
}

// TestTheDefaultsOfAssertionsAreStoredAsNothing, so that a file which says them
// changes no app from before there was a choice.
func TestTheDefaultsOfAssertionsAreStoredAsNothing(t *testing.T) {
	t.Parallel()
	d, _ := newDirectory(t)
	a := samlApp(encryptedTo(pemOf(t, rsaKey(t, 2048))))
	a.SAML.Sign, a.SAML.SignatureAlg, a.SAML.EncryptionAlg, a.SAML.KeyTransport = idp.SignAssertion, idp.SignRSASHA256, idp.EncryptAES128GCM, idp.TransportOAEPSHA256
	a, err := d.AddApp(context.Background(), a)
	if err != nil || a.SAML.Sign != "" || a.SAML.SignatureAlg != "" || a.SAML.EncryptionAlg != idp.EncryptAES128GCM {
		t.Errorf("%+v, %v", a.SAML, err)
	}
}

func rsaKey(t *testing.T, bits int) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func ecKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func pemOf(t *testing.T, key crypto.Signer) string {
	t.Helper()
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
