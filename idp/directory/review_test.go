package directory

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
)

var reviewedAt = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// soundOIDC is a registration that a reviewer has nothing to say of.
func soundOIDC() reviewed {
	hash := strings.Repeat("a", 64)
	return reviewed{
		now: reviewedAt,
		app: idp.App{Protocol: idp.ProtocolOIDC, WholeUserLogout: true, OIDC: &idp.OIDCSettings{
			ApplicationType: idp.ApplicationWeb, AuthMethod: "client_secret_basic", SecretHashes: []string{hash}, IDTokenAlg: "ES256",
			RedirectURIs: []string{"https://wiki.example/cb"}, BackchannelLogoutURI: "https://wiki.example:8443/out",
		}},
		secrets: []idp.ClientSecret{{ID: idp.SecretIDOf(hash), MadeAt: reviewedAt.Add(-9000 * time.Hour)}},
		grants:  []idp.Grant{{GroupID: "grp_a"}},
		use:     idp.AppUse{Looked: 20, May: 7, Used: true, ManySessions: true},
	}
}

func soundSAML(t *testing.T) reviewed {
	return reviewed{
		now: reviewedAt,
		app: idp.App{Protocol: idp.ProtocolSAML, WholeUserLogout: true, SAML: &idp.SAMLSettings{
			ACS: []idp.AssertionConsumer{{URL: "https://crm.example/acs"}}, SOAPLogoutURL: "https://crm.example/slo", RequireSigned: true,
			SigningCerts: []string{certificate(t, 0, 31*24*time.Hour)}, NameIDFormat: nameIDPersistent,
		}},
		grants: []idp.Grant{{GroupID: "grp_a", UntilAt: reviewedAt.Add(time.Hour)}},
		use:    idp.AppUse{Looked: 20, May: 7, Used: true, ManySessions: true},
	}
}

func machine() reviewed {
	r := soundOIDC()
	r.app.OIDC = &idp.OIDCSettings{ApplicationType: idp.ApplicationMachine, AuthMethod: "client_secret_basic", SecretHashes: r.app.OIDC.SecretHashes}
	r.grants, r.use = nil, idp.AppUse{}
	return r
}

// certificate has an RSA key of so many bits; 0: one on P-256.
func certificate(t *testing.T, bits int, lasts time.Duration) string {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: reviewedAt.Add(-time.Hour), NotAfter: reviewedAt.Add(lasts)}
	var raw []byte
	var err error
	if bits > 0 {
		k, err2 := rsa.GenerateKey(rand.Reader, bits)
		if err2 != nil {
			t.Fatal(err2)
		}
		raw, err = x509.CreateCertificate(rand.Reader, form, form, k.Public(), k)
	} else {
		k, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err2 != nil {
			t.Fatal(err2)
		}
		raw, err = x509.CreateCertificate(rand.Reader, form, form, k.Public(), k)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))
}

// TestAReviewerSaysWhatIsWrongAndNothingElse: each rule has a registration that
// is sound but for what the rule is about.
func TestAReviewerSaysWhatIsWrongAndNothingElse(t *testing.T) {
	for name, sound := range map[string]reviewed{"oidc": soundOIDC(), "saml": soundSAML(t), "machine": machine()} {
		if found := sound.findings(); len(found) > 0 {
			t.Errorf("%s is sound, and it is said %+v", name, found)
		}
	}
	short, ending := certificate(t, 1024, 31*24*time.Hour), certificate(t, 2048, 29*24*time.Hour)
	o := func(change func(r *reviewed, o *idp.OIDCSettings)) reviewed {
		r := soundOIDC()
		change(&r, r.app.OIDC)
		return r
	}
	s := func(change func(r *reviewed, s *idp.SAMLSettings)) reviewed {
		r := soundSAML(t)
		change(&r, r.app.SAML)
		return r
	}
	week := reviewedAt.Add(-8 * 24 * time.Hour)
	tried := map[string]bool{}
	for _, c := range []struct {
		rule, shows string
		r           reviewed
	}{
		{"pkce_exempt", "", o(func(_ *reviewed, o *idp.OIDCSettings) { o.PKCEExempt = true })},
		{"no_secret", "", o(func(_ *reviewed, o *idp.OIDCSettings) { o.SecretHashes = nil })},
		{"fapi_rs256", "", o(func(_ *reviewed, o *idp.OIDCSettings) {
			o.FAPI2, o.AuthMethod, o.SecretHashes, o.JWKS = true, "private_key_jwt", nil, `{"keys":[{"kty":"RSA","alg":"PS256"},{"kty":"RSA","alg":"RS256"}]}`
		})},
		{"two_secrets", "", o(func(r *reviewed, _ *idp.OIDCSettings) { r.secrets = []idp.ClientSecret{{MadeAt: week}, {}} })},
		{"client_secret_post", "", o(func(_ *reviewed, o *idp.OIDCSettings) { o.AuthMethod = "client_secret_post" })},
		{"long_access", "1h1m", o(func(_ *reviewed, o *idp.OIDCSettings) { o.AccessTokenTTL = 61 * time.Minute })},
		{"no_lever", "", o(func(_ *reviewed, o *idp.OIDCSettings) { o.BackchannelLogoutURI = "" })},
		{"whole_user_logout", "", o(func(r *reviewed, _ *idp.OIDCSettings) { r.app.WholeUserLogout = false })},
		{"backchannel_elsewhere", "https://other.example/out", o(func(_ *reviewed, o *idp.OIDCSettings) { o.BackchannelLogoutURI = "https://other.example/out" })},
		{"redirect_http", "http://wiki.localhost/cb", o(func(_ *reviewed, o *idp.OIDCSettings) {
			o.RedirectURIs = append(o.RedirectURIs, "http://wiki.localhost/cb")
		})},
		{"redirect_localhost", "http://localhost/cb", o(func(_ *reviewed, o *idp.OIDCSettings) {
			o.ApplicationType, o.RedirectURIs = idp.ApplicationNative, append(o.RedirectURIs, "http://127.0.0.1/cb", "http://localhost/cb")
		})},
		{"offline_browser", "", o(func(r *reviewed, o *idp.OIDCSettings) {
			o.ApplicationType, o.AllowOfflineAccess, r.use.Offline = idp.ApplicationSinglePage, true, true
		})},
		{"offline_unused", "", o(func(_ *reviewed, o *idp.OIDCSettings) { o.AllowOfflineAccess = true })},
		{"long_refresh", "2184h", o(func(r *reviewed, o *idp.OIDCSettings) {
			o.AllowOfflineAccess, r.use.Offline, o.RefreshTTL = true, true, 91*24*time.Hour
		})},
		{"claims_in_id_token", "", o(func(_ *reviewed, o *idp.OIDCSettings) { o.ClaimsInIDToken = true })},
		{"nobody_granted", "", o(func(r *reviewed, _ *idp.OIDCSettings) { r.grants[0].UntilAt = reviewedAt })},
		{"everybody_granted", "", o(func(r *reviewed, _ *idp.OIDCSettings) { r.use.May = 20 })},
		{"many_hosts", "b.example", o(func(_ *reviewed, o *idp.OIDCSettings) {
			o.RedirectURIs = append(o.RedirectURIs, "https://a.example/cb", "https://b.example/cb", "https://c.example/cb")
		})},
		{"address_ip", "https://192.0.2.7/cb", o(func(_ *reviewed, o *idp.OIDCSettings) {
			o.RedirectURIs = append(o.RedirectURIs, "https://192.0.2.7/cb")
		})},
		{"address_pattern", "https://wiki.example/%2A", o(func(_ *reviewed, o *idp.OIDCSettings) {
			o.RedirectURIs = append(o.RedirectURIs, "https://wiki.example/%2A")
		})},
		{"unsigned_requests", "", s(func(_ *reviewed, s *idp.SAMLSettings) { s.RequireSigned = false })},
		{"cert_ends", "2026-12-27", s(func(_ *reviewed, s *idp.SAMLSettings) { s.SigningCerts = append(s.SigningCerts, ending) })},
		{"metadata_ends", "2026-12-27", s(func(_ *reviewed, s *idp.SAMLSettings) { s.Metadata.Until = reviewedAt.Add(29 * 24 * time.Hour) })},
		{"pin_ends", "2026-12-27", s(func(_ *reviewed, s *idp.SAMLSettings) { s.Metadata.Pin = ending })},
		{"cert_weak", "", s(func(_ *reviewed, s *idp.SAMLSettings) { s.SigningCerts = append(s.SigningCerts, short) })},
		{"acs_http", "http://127.0.0.1:9/acs", s(func(_ *reviewed, s *idp.SAMLSettings) {
			s.ACS = append(s.ACS, idp.AssertionConsumer{URL: "http://127.0.0.1:9/acs"})
		})},
		{"no_lever", "", s(func(_ *reviewed, s *idp.SAMLSettings) { s.SOAPLogoutURL = "" })},
		{"whole_user_logout", "", s(func(r *reviewed, _ *idp.SAMLSettings) { r.app.WholeUserLogout = false })},
		{"logout_elsewhere", "https://x.example/slo", s(func(_ *reviewed, s *idp.SAMLSettings) { s.SOAPLogoutURL = "https://x.example/slo" })},
		{"name_id_changes", "username", s(func(_ *reviewed, s *idp.SAMLSettings) { s.NameIDSource = "username" })},
		{"idp_initiated", "", s(func(_ *reviewed, s *idp.SAMLSettings) { s.IdPInitiated = true })},
		{"name_id_email", "", s(func(_ *reviewed, s *idp.SAMLSettings) { s.NameIDFormat = nameIDEmail })},
		{"long_assertion", "6m", s(func(_ *reviewed, s *idp.SAMLSettings) { s.AssertionValidity = 6 * time.Minute })},
	} {
		tried[c.rule] = true
		found := c.r.findings()
		if len(found) != 1 || found[0].Rule != c.rule || !strings.Contains(found[0].What, c.shows) {
			t.Errorf("%s: found %+v", c.rule, found)
		}
	}
	for _, c := range slices.Concat(checksOfAll, checksOfMachines, checksOfOIDC, checksOfSAML) {
		if !tried[c.rule] {
			t.Errorf("no registration here is wrong by %s", c.rule)
		}
		for _, words := range []string{c.what, c.why, c.change} {
			if len(words) < 20 {
				t.Errorf("%s says %q, which helps nobody", c.rule, words)
			}
		}
	}
}
