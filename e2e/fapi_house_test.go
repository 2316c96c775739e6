package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/e2e/ports"
	"gatehouse/web/api/client"
)

// fapiHouse is one house over https, with its door for certificates, for all
// modules of the FAPI 2.0 plan. Its clock can be set forward, so that nobody
// waits for a minute.
type fapiHouse struct {
	*proc
	roots    *x509.CertPool
	ada, bob *visitor      // signed in
	rp       *conformParty // where a browser is answered
	metadata map[string]any
	clients  map[string]*fapiClient

	clock string
	off   time.Duration
}

// fapiClient is a client of the plan: its key, and its certificate.
type fapiClient struct {
	id   string
	key  *ecdsa.PrivateKey
	rsa  *rsa.PrivateKey
	cert tls.Certificate
	dpop *ecdsa.PrivateKey
}

const fapiCallback = "https://bank.example/cb"

func newFAPIHouse(t *testing.T) *fapiHouse {
	t.Helper()
	bin, err := builtFaulty()
	if err != nil {
		t.Fatal(err)
	}
	serverKey := newKey(t)
	server := certificateOf(t, serverKey, "localhost", "mtls.localhost")
	cert, key := pemFiles(t, server, serverKey)
	rp := newConformParty(t, cert, key)
	doors := [2]string{}
	for i := range doors {
		if doors[i], err = ports.Free(); err != nil {
			t.Fatal(err)
		}
	}
	h := &fapiHouse{rp: rp, roots: x509.NewCertPool(), clients: map[string]*fapiClient{}, clock: filepath.Join(t.TempDir(), "clock")}
	h.roots.AddCert(server)
	h.ahead(t, 0)
	token := rand.Text()
	h.proc = startAs(t, bin, []string{"serve"}, map[string]string{
		"GATEHOUSE_LISTEN": doors[0], "GATEHOUSE_URL": "https://localhost:" + portOf(doors[0]), "GATEHOUSE_ADMIN_TOKEN": token,
		"GATEHOUSE_TLS_CERT": cert, "GATEHOUSE_TLS_KEY": key, "GATEHOUSE_MTLS_LISTEN": doors[1],
		"GATEHOUSE_MTLS_URL": "https://mtls.localhost:" + portOf(doors[1]), "FAULT_CLOCK": h.clock,
	})
	h.Log.expect("the clock of this node is wrong")
	h.furnish(t, &client.Client{URL: h.URL, Token: token, HTTP: h.caller(nil)})
	return h
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// furnish registers Ada and Bob, who may not use an app, and the clients: two
// of each variant, as the plan has them, and one of somebody else's.
func (h *fapiHouse) furnish(t *testing.T, api *client.Client) {
	t.Helper()
	want := client.Desired{Users: []client.DesiredUser{
		{Person: client.Person{Username: "ada", Email: "ada@example.com", DisplayName: "Ada Lovelace"}},
		{Person: client.Person{Username: "bob", Email: "bob@example.com", DisplayName: "Bob"}},
	}}
	for _, name := range []string{"dpop", "dpop2", "dpop-other", "mtls", "mtls2", "mtls-other"} {
		c := newFAPIClient(t, name)
		h.clients[name] = c
		settings := client.OIDC{FAPI2: true, JWKS: c.jwks(t), RedirectURIs: []string{fapiCallback, h.rp.URL + "/cb"}, AllowOfflineAccess: true, ThirdParty: strings.HasSuffix(name, "-other")}
		if strings.HasPrefix(name, "mtls") {
			settings.AuthMethod, settings.CertificateBound = "self_signed_tls_client_auth", true
		}
		want.Apps = append(want.Apps, client.App{Name: name, Protocol: "oidc", Identifier: name, OIDC: &settings})
		want.Grants = append(want.Grants, client.Grant{App: name, User: "ada"})
	}
	done, err := api.Apply(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := api.Apply(t.Context(), want, false); err != nil || len(again.Changes) != 0 {
		t.Errorf("applied again, these change: %+v, %v", again.Changes, err)
	}
	people := map[string]*visitor{}
	for _, c := range done.Changes {
		if c.Link == "" {
			continue
		}
		if got := submit(t, h.visitor(t).get(t, c.Link), "/link/", url.Values{"password": {adasPassword}}); got.Status != http.StatusSeeOther {
			t.Fatalf("the link answered %d:\n%s", got.Status, got.Body)
		}
		v := h.visitor(t)
		page := submit(t, v.get(t, h.URL+"/signin").follow(t), "/identifier", url.Values{"username": {c.Name}})
		if got := submit(t, page, "/password", url.Values{"password": {adasPassword}}).follow(t); got.Status != http.StatusOK || got.URL.Path != "/" {
			t.Fatalf("%s did not get in: %d\n%s", c.Name, got.Status, got.Body)
		}
		people[c.Name] = v
	}
	h.ada, h.bob = people["ada"], people["bob"]
	got := h.visitor(t).get(t, h.URL+"/.well-known/openid-configuration")
	if err := json.Unmarshal([]byte(got.Body), &h.metadata); err != nil || got.Status != http.StatusOK {
		t.Fatalf("discovery: %d, %v", got.Status, err)
	}
}

func newFAPIClient(t testing.TB, name string) *fapiClient {
	t.Helper()
	c := &fapiClient{id: name, key: newKey(t), dpop: newKey(t)}
	var err error
	if c.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	c.cert = tls.Certificate{Certificate: [][]byte{certificateOf(t, c.key, name).Raw}, PrivateKey: c.key}
	return c
}

// jwks is the set of the client's public keys, with its certificate.
func (c *fapiClient) jwks(t testing.TB) (set map[string]any) {
	t.Helper()
	cert, err := x509.ParseCertificate(c.cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: c.key.Public(), KeyID: "ec", Certificates: []*x509.Certificate{cert}}, {Key: c.rsa.Public(), KeyID: "rsa"},
	}})
	if err == nil {
		err = json.Unmarshal(raw, &set)
	}
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// certificateOf is a certificate that a key has signed for itself.
func certificateOf(t testing.TB, key *ecdsa.PrivateKey, names ...string) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
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

func pemFiles(t testing.TB, of *x509.Certificate, signer *ecdsa.PrivateKey) (cert, key string) {
	t.Helper()
	private, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: of.Raw}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// visitor is a browser without a session.
func (h *fapiHouse) visitor(t testing.TB) *visitor {
	t.Helper()
	v := newVisitor(t)
	v.http.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: h.roots}
	return v
}

// caller is a program that comes with a certificate, or without.
func (h *fapiHouse) caller(cert *tls.Certificate) *http.Client {
	var dialer net.Dialer
	config := &tls.Config{RootCAs: h.roots}
	if cert != nil {
		config.Certificates = []tls.Certificate{*cert}
	}
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig: config, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, "127.0.0.1:"+portOf(addr))
		},
	}}
}

// now is the house's time.
func (h *fapiHouse) now() time.Time { return time.Now().Add(h.off) }

// ahead sets the house's clock forward by this much more.
func (h *fapiHouse) ahead(t testing.TB, by time.Duration) {
	t.Helper()
	h.off += by
	if err := os.WriteFile(h.clock+".next", []byte(h.off.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(h.clock+".next", h.clock); err != nil {
		t.Fatal(err)
	}
}

// signJWT signs claims; with jwk the public key stands in the header.
func signJWT(t testing.TB, alg, kid, typ string, key any, claims map[string]any, jwk bool) string {
	t.Helper()
	opts := (&jose.SignerOptions{EmbedJWK: jwk}).WithType(jose.ContentType(typ))
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: jose.JSONWebKey{Key: key, KeyID: kid}}, opts)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := s.Sign(body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
