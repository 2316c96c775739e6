package e2e

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/e2e/ports"
	"gatehouse/web/api/client"
)

// conformHouse is one house over https for all modules of all plans, with Ada,
// the clients that the plans ask for, and the server of their relying party.
// Its clock can be set forward, so that nobody waits for 30 seconds.
type conformHouse struct {
	*proc
	API     *client.Client
	roots   *x509.CertPool
	web     *http.Client
	rp      *conformParty
	clients map[string]party
	issued  conformKeys

	clock string
	off   time.Duration

	ada    *visitor // signed in
	chrome *tab
}

// conformParty is the relying party as the house and browsers see it: what they
// brought to it, by path.
type conformParty struct {
	URL string

	mu   sync.Mutex
	came map[string][]brought
	begs func(r *http.Request) string // where initiate_login_uri sends the browser
}

// brought is one request that reached the relying party.
type brought struct {
	Method, ContentType string
	Query, Form         url.Values
	TLS                 uint16
}

func newConformHouse(t *testing.T) *conformHouse {
	t.Helper()
	bin, err := builtFaulty()
	if err != nil {
		t.Fatal(err)
	}
	cert, key := selfSigned(t)
	roots, err := rootsOf(cert)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr)
	h := &conformHouse{roots: roots, rp: newConformParty(t, cert, key), clients: map[string]party{}, clock: filepath.Join(t.TempDir(), "clock")}
	h.ahead(t, 0)
	token := rand.Text()
	h.proc = startAs(t, bin, []string{"serve"}, map[string]string{
		"GATEHOUSE_LISTEN": addr, "GATEHOUSE_URL": "https://localhost:" + port, "GATEHOUSE_ADMIN_TOKEN": token,
		"GATEHOUSE_TLS_CERT": cert, "GATEHOUSE_TLS_KEY": key, "SSL_CERT_FILE": cert, "GATEHOUSE_OUTBOUND_ALLOW": "localhost,127.0.0.0/8",
		"FAULT_CLOCK": h.clock,
	})
	h.Log.expect("the clock of this node is wrong")
	h.web = h.visitor(t).http
	h.API = &client.Client{URL: h.URL, Token: token, HTTP: h.web}
	h.furnish(t)
	h.ada = h.signedIn(t)
	h.issued = h.keys(t)
	return h
}

// furnish registers Ada and the clients. They send no PKCE but where a module
// says so, as those of the certification do.
func (h *conformHouse) furnish(t *testing.T) {
	t.Helper()
	want := client.Desired{Users: []client.DesiredUser{{Person: client.Person{
		Username: "ada", Email: "ada@example.com", DisplayName: "Ada Lovelace", GivenName: "Ada", FamilyName: "Lovelace",
	}}}}
	settings := func(change func(*client.App)) client.App {
		a := client.App{Protocol: "oidc", OIDC: &client.OIDC{
			AuthMethod: "client_secret_basic", RedirectURIs: []string{h.rp.URL + "/cb"}, PostLogoutRedirectURIs: []string{h.rp.URL + "/post_logout_redirect"},
			PKCEExempt: true, AllowOfflineAccess: true,
		}}
		change(&a)
		return a
	}
	for name, a := range map[string]client.App{
		"client":             settings(func(*client.App) {}),
		"client2":            settings(func(*client.App) {}),
		"client_secret_post": settings(func(a *client.App) { a.OIDC.AuthMethod = "client_secret_post" }),
		"backchannel":        settings(func(a *client.App) { a.OIDC.BackchannelLogoutURI = h.rp.URL + "/backchannel_logout" }),
		"frontchannel":       settings(func(a *client.App) { a.OIDC.FrontchannelLogoutURI = h.rp.URL + "/frontchannel_logout" }),
		"initiated": settings(func(a *client.App) {
			a.LaunchURL, a.OIDC.InitiateLoginURI = h.rp.URL+"/reports?of=june", h.rp.URL+"/initiate_login"
		}),
	} {
		a.Name, a.Identifier = name, name
		want.Apps = append(want.Apps, a)
		want.Grants = append(want.Grants, client.Grant{App: name, User: "ada"})
	}
	done, err := h.API.Apply(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range done.Changes {
		switch {
		case c.Link != "":
			if got := submit(t, h.visitor(t).get(t, c.Link), "/link/", url.Values{"password": {adasPassword}}); got.Status != http.StatusSeeOther {
				t.Fatalf("the link answered %d:\n%s", got.Status, got.Body)
			}
		case c.Secret != "":
			h.clients[c.Name] = party{ID: c.Name, Secret: c.Secret, Redirect: h.rp.URL + "/cb", post: c.Name == "client_secret_post"}
		}
	}
}

// visitor is a browser without a session.
func (h *conformHouse) visitor(t testing.TB) *visitor {
	t.Helper()
	v := newVisitor(t)
	v.http.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: h.roots}
	return v
}

// signedIn is a browser in which Ada has signed in to the house itself.
func (h *conformHouse) signedIn(t testing.TB) *visitor {
	t.Helper()
	v := h.visitor(t)
	if got := proveAda(t, v.get(t, h.URL+"/signin").follow(t)).follow(t); got.Status != http.StatusOK || got.URL.Path != "/" {
		t.Fatalf("Ada did not get in: %d\n%s", got.Status, got.Body)
	}
	return v
}

// proveAda fills in the pages of a sign-in, beginning with the first.
func proveAda(t testing.TB, page *answer) *answer {
	t.Helper()
	page = submit(t, page, "/identifier", url.Values{"username": {"ada"}})
	return submit(t, page, "/password", url.Values{"password": {adasPassword}})
}

// now is the house's time.
func (h *conformHouse) now() time.Time { return time.Now().Add(h.off) }

// ahead sets the house's clock forward by this much more.
func (h *conformHouse) ahead(t testing.TB, by time.Duration) {
	t.Helper()
	h.off += by
	if err := os.WriteFile(h.clock+".next", []byte(h.off.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(h.clock+".next", h.clock); err != nil {
		t.Fatal(err)
	}
}

// document reads a JSON document of the house.
func (h *conformHouse) document(t testing.TB, path string, into any) *answer {
	t.Helper()
	got := h.visitor(t).get(t, h.URL+path)
	if got.Status != http.StatusOK || got.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s answered %d, %s", path, got.Status, got.Header.Get("Content-Type"))
	}
	if err := json.Unmarshal([]byte(got.Body), into); err != nil {
		t.Fatal(err)
	}
	return got
}

// metadata is the discovery document.
func (h *conformHouse) metadata(t testing.TB) map[string]any {
	t.Helper()
	var doc map[string]any
	h.document(t, "/.well-known/openid-configuration", &doc)
	return doc
}

// browser is the one Chromium of all modules, without cookies.
func (h *conformHouse) browser(t *testing.T) *tab {
	t.Helper()
	h.chrome.t = t
	return h.chrome
}

// selfSigned makes a certificate for this machine that is its own root.
func selfSigned(t testing.TB) (cert, key string) {
	t.Helper()
	signer := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &signer.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func newConformParty(t testing.TB, cert, key string) *conformParty {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	rp := &conformParty{came: map[string][]brought{}}
	server := httptest.NewUnstartedServer(rp)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	rp.URL = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	return rp
}

// ServeHTTP writes down what came and shows a page that says where.
func (rp *conformParty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.ParseForm() // what cannot be read is missing then
	rp.mu.Lock()
	defer rp.mu.Unlock()
	rp.came[r.URL.Path] = append(rp.came[r.URL.Path], brought{r.Method, r.Header.Get("Content-Type"), r.URL.Query(), r.PostForm, r.TLS.Version})
	if r.URL.Path == "/initiate_login" && rp.begs != nil {
		http.Redirect(w, r, rp.begs(r), http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "text/html")
	io.WriteString(w, `<!DOCTYPE html><link rel="icon" href="data:,"><p>Relying party: `+r.URL.Path[1:]+`</p>`)
}

// next waits for the next request to a path, and forgets it.
func (rp *conformParty) next(t testing.TB, path string) (b brought) {
	t.Helper()
	until(t, readyWithin, "the relying party is called at "+path, func() bool {
		rp.mu.Lock()
		defer rp.mu.Unlock()
		if len(rp.came[path]) == 0 {
			return false
		}
		b, rp.came[path] = rp.came[path][0], rp.came[path][1:]
		return true
	})
	return b
}
