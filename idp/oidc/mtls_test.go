package oidc_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/idp"
	"gatehouse/idp/oidc"
)

// certified makes certificates: of itself, or of an authority.
type certified struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func certify(t testing.TB, key *ecdsa.PrivateKey, by *certified, change func(*x509.Certificate)) certified {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		Subject:     pkix.Name{CommonName: "bank", Organization: []string{"Bank, Inc"}, Country: []string{"DE"}},
		DNSNames:    []string{"Bank.example"},
		IPAddresses: []net.IP{net.ParseIP("192.0.2.7")},
		URIs:        []*url.URL{{Scheme: "urn", Opaque: "bank"}}, EmailAddresses: []string{"bank@example.com"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certified{cert, key}
}

func authority(t testing.TB) certified {
	return certify(t, held().ec2, nil, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
}

// mtlsHouse is a house whose provider also answers at a door that asks for
// certificates, as cmd opens it.
type mtlsHouse struct {
	*house
	door *httptest.Server
}

func newMTLSHouse(t *testing.T, roots *x509.CertPool) mtlsHouse {
	t.Helper()
	door := httptest.NewUnstartedServer(nil)
	door.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	h := newHouse(t, func(p *oidc.Provider) {
		p.MTLS = &oidc.MTLS{URL: "https://" + door.Listener.Addr().String(), Roots: roots}
	})
	door.Config.Handler = h.server.Config.Handler
	door.StartTLS()
	t.Cleanup(door.Close)
	return mtlsHouse{h, door}
}

// call calls the door with a certificate, or without when it is none.
func (h mtlsHouse) call(by *certified, method, path string, form url.Values, header http.Header) answer {
	h.t.Helper()
	transport := h.door.Client().Transport.(*http.Transport).Clone()
	if by != nil {
		transport.TLSClientConfig.Certificates = []tls.Certificate{{Certificate: [][]byte{by.cert.Raw}, PrivateKey: by.key}}
	}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequest(method, h.door.URL+path, strings.NewReader(form.Encode()))
	h.must(err)
	for name, values := range header {
		req.Header[name] = values
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := (&http.Client{Transport: transport}).Do(req)
	h.must(err)
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	b, err := io.ReadAll(res.Body)
	h.must(err)
	if len(b) > 0 {
		h.must(json.Unmarshal(b, &a.body))
	}
	return a
}

func (h mtlsHouse) comesIn(t *testing.T, name string, by *certified, b bank, want bool) {
	t.Helper()
	a := h.call(by, http.MethodPost, "/oauth/introspect", url.Values{"client_id": {b.app.Identifier}, "token": {"x"}}, nil)
	if want && a.status != http.StatusOK || !want && (a.status != http.StatusUnauthorized || a.text("error") != "invalid_client") {
		t.Errorf("%s: %d %v", name, a.status, a.body)
	}
}

func withCertificate(t testing.TB, c certified) string {
	t.Helper()
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: c.key.Public(), Certificates: []*x509.Certificate{c.cert}}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(set)
}

func TestSelfSignedCertificateAuthenticates(t *testing.T) {
	t.Parallel()
	h := newMTLSHouse(t, nil)
	ours := certify(t, held().ec, nil, nil)
	b := h.newBank(func(o *idp.OIDCSettings) {
		o.AuthMethod, o.JWKS = "self_signed_tls_client_auth", withCertificate(t, ours)
	})
	h.comesIn(t, "its own", &ours, b, true)
	same := certify(t, held().ec, nil, nil)
	h.comesIn(t, "another of the same key", &same, b, false)
	other := certify(t, held().ec2, nil, nil)
	h.comesIn(t, "another's", &other, b, false)
	h.comesIn(t, "none", nil, b, false)
	h.comesIn(t, "its own, for a client with a secret", &ours, bank{caller{h: h.house}, h.wiki}, false)
	h.comesIn(t, "its own, for a public client", &ours, bank{caller{h: h.house}, h.phone}, false)
	b.proves(t, "an assertion instead", b.assertion(nil), false)
	caller{h.house, false, "bank", ""}.exchange("x").wants(t, http.StatusUnauthorized, "invalid_client")
	// What nobody asked for in the handshake is not believed in a header.
	value := ":" + base64.StdEncoding.EncodeToString(ours.cert.Raw) + ":"
	h.call(nil, http.MethodPost, "/oauth/introspect", url.Values{"client_id": {"bank"}, "token": {"x"}}, http.Header{"Client-Cert": {value}}).
		wants(t, http.StatusUnauthorized, "invalid_client")
	h.clock.Advance(2 * time.Hour)
	h.comesIn(t, "expired", &ours, b, false)
}

func TestCertificateOfAnAuthorityAuthenticates(t *testing.T) {
	t.Parallel()
	ca := authority(t)
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	h := newMTLSHouse(t, roots)
	good, self := certify(t, held().ec, &ca, nil), certify(t, held().ec, nil, nil)
	server := certify(t, held().ec, &ca, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	for name, c := range map[string]struct {
		subject idp.TLSSubject
		by      *certified
		want    bool
	}{
		"by subject":             {idp.TLSSubject{DN: `CN=bank,O=Bank\, Inc,C=DE`}, &good, true},
		"another subject":        {idp.TLSSubject{DN: `CN=bank,O=Other,C=DE`}, &good, false},
		"a part of the subject":  {idp.TLSSubject{DN: `CN=bank`}, &good, false},
		"by DNS":                 {idp.TLSSubject{DNS: "bank.EXAMPLE"}, &good, true},
		"another DNS":            {idp.TLSSubject{DNS: "other.example"}, &good, false},
		"by URI":                 {idp.TLSSubject{URI: "urn:bank"}, &good, true},
		"another URI":            {idp.TLSSubject{URI: "urn:bank2"}, &good, false},
		"by IP":                  {idp.TLSSubject{IP: "192.0.2.7"}, &good, true},
		"another IP":             {idp.TLSSubject{IP: "192.0.2.8"}, &good, false},
		"by email":               {idp.TLSSubject{Email: "bank@example.com"}, &good, true},
		"another email":          {idp.TLSSubject{Email: "x@example.com"}, &good, false},
		"nothing named":          {idp.TLSSubject{}, &good, false},
		"of no authority":        {idp.TLSSubject{DNS: "bank.example"}, &self, false},
		"a server's certificate": {idp.TLSSubject{DNS: "bank.example"}, &server, false},
		"none":                   {idp.TLSSubject{DNS: "bank.example"}, nil, false},
	} {
		b := h.newBankOf(name, func(o *idp.OIDCSettings) { o.AuthMethod, o.JWKS, o.TLSSubject = "tls_client_auth", "", c.subject })
		h.comesIn(t, name, c.by, b, c.want)
	}
}

func TestTokensAreBoundToACertificate(t *testing.T) {
	t.Parallel()
	h := newMTLSHouse(t, nil)
	ours, others := certify(t, held().ec, nil, nil), certify(t, held().ec2, nil, nil)
	b := h.newBank(func(o *idp.OIDCSettings) {
		o.AuthMethod, o.JWKS, o.CertificateBound = "self_signed_tls_client_auth", withCertificate(t, ours), true
		o.FAPI2, o.RequirePAR = true, true
	})
	form := b.asks("scope=openid offline_access")
	pushed := h.call(&ours, http.MethodPost, "/oauth/par", form, nil)
	_, q := h.signedIn(h.ada).get(b.opens(pushed.text("request_uri"))).location(t)
	a := h.call(&ours, http.MethodPost, "/oauth/token", exchange(q.Get("code"), "client_id=bank", "redirect_uri="+bankCallback), nil)
	if a.status != http.StatusOK || a.text("token_type") != "Bearer" {
		t.Fatalf("%d %v", a.status, a.body)
	}
	token := a.text("access_token")
	bearer := http.Header{"Authorization": {"Bearer " + token}}
	if got := h.call(&ours, http.MethodGet, "/oauth/userinfo", nil, bearer); got.status != http.StatusOK {
		t.Errorf("userinfo: %d %v", got.status, got.body)
	}
	h.call(&others, http.MethodGet, "/oauth/userinfo", nil, bearer).wants(t, http.StatusUnauthorized, "invalid_token")
	h.call(nil, http.MethodGet, "/oauth/userinfo", nil, bearer).wants(t, http.StatusUnauthorized, "invalid_token")
	h.userinfo(token).wants(t, http.StatusUnauthorized, "invalid_token")
	sum := sha256.Sum256(ours.cert.Raw)
	asked := h.call(&ours, http.MethodPost, "/oauth/introspect", url.Values{"client_id": {"bank"}, "token": {token}}, nil)
	cnf, _ := asked.body["cnf"].(map[string]any)
	if cnf["x5t#S256"] != base64.RawURLEncoding.EncodeToString(sum[:]) || asked.text("token_type") != "Bearer" {
		t.Errorf("introspection: %v", asked.body)
	}
	refresh := url.Values{"client_id": {"bank"}, "grant_type": {"refresh_token"}, "refresh_token": {a.text("refresh_token")}}
	if got := h.call(&ours, http.MethodPost, "/oauth/token", refresh, nil); got.status != http.StatusOK {
		t.Errorf("refresh: %d %v", got.status, got.body)
	}
	h.call(&others, http.MethodPost, "/oauth/token", refresh, nil).wants(t, http.StatusUnauthorized, "invalid_client")

	// An app that proves who it is by a secret is held to its certificate too.
	h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.CertificateBound = true })
	h.asWiki().exchange(h.signedIn(h.ada).code()).wants(t, http.StatusBadRequest, "invalid_request")
	// And a refresh token of a public client to the one it began with.
	h.changeApp(h.phone.ID, func(a *idp.App) { a.OIDC.CertificateBound = true })
	const at = "redirect_uri=http://127.0.0.1:4711/cb"
	code := h.signedIn(h.ada).code("client_id=phone", at, "scope=openid offline_access")
	a = h.call(&ours, http.MethodPost, "/oauth/token", exchange(code, "client_id=phone", at), nil)
	refresh = url.Values{"client_id": {"phone"}, "grant_type": {"refresh_token"}, "refresh_token": {a.text("refresh_token")}}
	h.call(&others, http.MethodPost, "/oauth/token", refresh, nil).wants(t, http.StatusBadRequest, "invalid_grant")
	if got := h.call(&ours, http.MethodPost, "/oauth/token", refresh, nil); got.status != http.StatusOK {
		t.Errorf("a public client's refresh: %d %v", got.status, got.body)
	}
}

// TestADeviceComesWithItsCertificate, from the first call on, at the door that asks
// for it.
func TestADeviceComesWithItsCertificate(t *testing.T) {
	t.Parallel()
	h := newMTLSHouse(t, nil)
	ours, others := certify(t, held().ec, nil, nil), certify(t, held().ec2, nil, nil)
	h.newBank(func(o *idp.OIDCSettings) {
		o.AuthMethod, o.JWKS, o.CertificateBound, o.DeviceGrant = "self_signed_tls_client_auth", withCertificate(t, ours), true, true
	})
	ask := url.Values{"client_id": {"bank"}, "scope": {"openid"}}
	h.call(&others, http.MethodPost, "/oauth/device_authorization", ask, nil).wants(t, http.StatusUnauthorized, "invalid_client")
	h.call(nil, http.MethodPost, "/oauth/device_authorization", ask, nil).wants(t, http.StatusUnauthorized, "invalid_client")
	d := tv{h.house, h.call(&ours, http.MethodPost, "/oauth/device_authorization", ask, nil)}
	if d.asks.status != http.StatusOK {
		t.Fatalf("%d %v", d.asks.status, d.asks.body)
	}
	h.must(d.decide(h.person().newSession(h.ada), true))
	h.clock.Advance(6 * time.Second)
	form := d.form()
	form.Set("client_id", "bank")
	h.call(&others, http.MethodPost, "/oauth/token", form, nil).wants(t, http.StatusUnauthorized, "invalid_client")
	a := h.call(&ours, http.MethodPost, "/oauth/token", form, nil)
	if a.status != http.StatusOK {
		t.Fatalf("%d %v", a.status, a.body)
	}
	bearer := http.Header{"Authorization": {"Bearer " + a.text("access_token")}}
	if got := h.call(&ours, http.MethodGet, "/oauth/userinfo", nil, bearer); got.status != http.StatusOK {
		t.Errorf("userinfo: %d %v", got.status, got.body)
	}
	h.call(&others, http.MethodGet, "/oauth/userinfo", nil, bearer).wants(t, http.StatusUnauthorized, "invalid_token")
}

// TestCertificateSaidByAProxy: in a header, from a proxy that is trusted alone
// (RFC 9440).
func TestCertificateSaidByAProxy(t *testing.T) {
	t.Parallel()
	ca := authority(t)
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	h := newHouse(t, func(p *oidc.Provider) {
		p.MTLS = &oidc.MTLS{URL: "https://mtls.example", Roots: roots, FromProxy: func(r *http.Request) bool { return r.Host == "mtls.example" }}
	})
	between := certify(t, held().ec2, &ca, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		c.Subject = pkix.Name{CommonName: "between"}
	})
	leaf := certify(t, held().ec, &between, nil)
	b := h.newBank(func(o *idp.OIDCSettings) {
		o.AuthMethod, o.JWKS, o.TLSSubject = "tls_client_auth", "", idp.TLSSubject{DNS: "bank.example"}
	})
	item := func(c certified) string { return ":" + base64.StdEncoding.EncodeToString(c.cert.Raw) + ":" }
	call := func(host string, header http.Header) answer {
		form := url.Values{"client_id": {b.app.Identifier}, "token": {"x"}}
		req, err := http.NewRequest(http.MethodPost, h.server.URL+"/oauth/introspect", strings.NewReader(form.Encode()))
		h.must(err)
		req.Host, req.Header = host, header.Clone()
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		a, err := do(req)
		h.must(err)
		return a
	}
	good := http.Header{"Client-Cert": {item(leaf)}, "Client-Cert-Chain": {item(between) + ", " + item(ca)}}
	if a := call("mtls.example", good); a.status != http.StatusOK {
		t.Errorf("%d %v", a.status, a.body)
	}
	call("elsewhere.example", good).wants(t, http.StatusUnauthorized, "invalid_client")
	call("mtls.example", http.Header{"Client-Cert": {item(leaf)}}).wants(t, http.StatusUnauthorized, "invalid_client")
	call("mtls.example", http.Header{}).wants(t, http.StatusUnauthorized, "invalid_client")
	for name, header := range map[string]http.Header{
		"two":        {"Client-Cert": {item(leaf), item(leaf)}},
		"no colons":  {"Client-Cert": {strings.Trim(item(leaf), ":")}},
		"no base64":  {"Client-Cert": {":!:"}},
		"no cert":    {"Client-Cert": {":AAAA:"}},
		"long chain": {"Client-Cert": {item(leaf)}, "Client-Cert-Chain": {strings.Repeat(item(between)+",", 20)}},
	} {
		if a := call("mtls.example", header); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %v", name, a.status, a.body)
		}
	}
	doc, err := http.Get(h.server.URL + "/.well-known/openid-configuration")
	r := read(t, doc, err)
	for _, want := range []string{
		`"tls_client_certificate_bound_access_tokens":true`, `"mtls_endpoint_aliases":{"token_endpoint":"https://mtls.example/oauth/token"`,
		`"private_key_jwt","none","tls_client_auth","self_signed_tls_client_auth"]`,
	} {
		if !strings.Contains(r.body, want) {
			t.Errorf("discovery lacks %s: %s", want, r.body)
		}
	}
}
