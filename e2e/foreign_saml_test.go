package e2e

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/idp/saml/wire/wiretest"
	"gatehouse/web/api/client"
)

// foreignSP is a service provider made of a library or server that we did not
// write, set up by the words of its page in docs/apps.
type foreignSP struct {
	name, host string
	person     client.Person // who uses it: what ends for one is not to disturb the others
	signs      bool          // its requests
	start      func(t *testing.T, p foreignPlace, key keyFiles) *foreignProc
	signsOut   func(t *testing.T, v *visitor, app string) *answer // at the app
	// firstAlone: of several sessions of a person it looks at the first alone,
	// and refuses to end what has ended.
	firstAlone bool
}

var foreignSPs = []foreignSP{
	{name: "apache-mellon", host: "archive", person: client.Person{Username: "ada", DisplayName: "Ada Lovelace"}, signs: true, firstAlone: true, start: startMellon, signsOut: signsOutAtMellon},
	{name: "node-saml", host: "orders", person: client.Person{Username: "grace", DisplayName: "Grace Hopper"}, signs: true, start: startSAMLNode("@node-saml/node-saml"), signsOut: signsOutByButton},
	{name: "samlify", host: "stock", person: client.Person{Username: "hedy", DisplayName: "Hedy Lamarr"}, start: startSAMLNode("samlify"), signsOut: signsOutByButton},
}

// keyFiles are the key pair of a service provider and the house's metadata, as
// files.
type keyFiles struct {
	dir, key, cert, metadata string
	of                       *x509.Certificate
}

// TestForeignServiceProviders: each signs in and reads the attributes, is told
// of a sign-out and of a suspension by SOAP, and where it is not told by that,
// by the browser. They share one house, which none of them disturbs.
func TestForeignServiceProviders(t *testing.T) {
	t.Parallel()
	h := newForeignSPHouse(t)
	for _, f := range foreignSPs {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := h.meets(t, f)
			t.Run("signs in, and is told of a sign-out", s.isToldOfASignOut)
			t.Run("signs out", s.signsOutAtTheApp)
			t.Run("is told of a suspension", s.isToldOfASuspension)
			t.Run("is told by the browser", s.isToldByTheBrowser)
		})
	}
}

// foreignSPHouse is a house, and where each service provider is to run.
type foreignSPHouse struct {
	*foreign
	sites    map[string]site
	metadata string
}

func newForeignSPHouse(t *testing.T) *foreignSPHouse {
	t.Helper()
	h := &foreignSPHouse{foreign: &foreign{}, sites: map[string]site{}}
	want := client.Desired{Groups: []string{"Staff"}}
	var reached []string
	for _, f := range foreignSPs {
		// The house calls it by the address that browsers use, as it is in its
		// own words: a LogoutRequest names where it goes.
		s := newSite(t, f.host, func(addr string) string { return addr })
		h.sites[f.name], reached = s, append(reached, s.at)
		f.person.Email = f.person.Username + "@example.com"
		want.Users = append(want.Users, client.DesiredUser{Person: f.person, Groups: []string{"Staff"}})
	}
	token := rand.Text()
	h.house = start(t, []string{"serve"}, map[string]string{"GATEHOUSE_ADMIN_TOKEN": token, "GATEHOUSE_OUTBOUND_ALLOW": strings.Join(reached, ",")})
	h.api = &client.Client{URL: h.house.URL, Token: token}
	done, err := h.api.Apply(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range done.Changes {
		if c.Link != "" {
			choosesPassword(t, c.Link, url.Values{"password": {adasPassword}})
		}
	}
	h.metadata = newVisitor(t).get(t, h.house.URL+"/saml/metadata").Body
	return h
}

// meetingSP is a service provider that runs and trusts the house.
type meetingSP struct {
	foreignSP
	house *foreignSPHouse
	at    site
}

func (h *foreignSPHouse) meets(t *testing.T, f foreignSP) *meetingSP {
	t.Helper()
	s := &meetingSP{foreignSP: f, house: h, at: h.sites[f.name]}
	raw, err := os.ReadFile(filepath.Join("..", "docs", "apps", f.name+".md"))
	if err != nil {
		t.Fatal(err)
	}
	own := newProvider(t, f.host+".example.com")
	page := strings.NewReplacer("https://id.example.com", h.house.URL, "https://"+f.host+".example.com", s.at.url).Replace(string(raw))
	h.apply(t, withCertificate(block(t, page, "yaml"), own.cert))
	s.start(t, foreignPlace{site: s.at, issuer: h.house.URL, page: page}, h.keep(t, own))
	return s
}

// withCertificate fills in what every page leaves to its reader.
func withCertificate(registration string, cert *x509.Certificate) string {
	return strings.Replace(registration, "THE LINES OF SP.CRT", base64.StdEncoding.EncodeToString(cert.Raw), 1)
}

// keep writes the files where whoever runs the app may read them.
func (h *foreignSPHouse) keep(t *testing.T, own provider) keyFiles {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "gatehouse-sp-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(own.key)
	if err != nil {
		t.Fatal(err)
	}
	k := keyFiles{dir, filepath.Join(dir, "sp.key"), filepath.Join(dir, "sp.crt"), filepath.Join(dir, "idp.xml"), own.cert}
	for file, text := range map[string]string{
		k.key: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})), k.cert: own.pem(), k.metadata: h.metadata,
	} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// opens the app with a new browser, to where it greets the person by what the
// assertion says of her.
func (s *meetingSP) opens(t *testing.T) *visitor {
	t.Helper()
	house := s.house.house.URL
	v := comesIn(t, house, s.person.Username, adasPassword)
	v.Header.Set("Accept", "text/html,*/*;q=0.8") // Apache leads browsers alone to a sign-in
	asked := v.get(t, s.at.url+"/").follow(t, house+"/saml/sso").location(t)
	if q := asked.Query(); (q.Get("Signature") != "") != s.signs || q.Get("SAMLRequest") == "" || strings.Contains(q.Get("SigAlg"), "sha1") {
		t.Errorf("it asks with %v", q)
	}
	to, response, relayState := samlAnswer(t, v.get(t, asked.String()))
	form := url.Values{"SAMLResponse": {base64.StdEncoding.EncodeToString([]byte(response))}, "RelayState": relayState}
	got := v.postForm(t, to, form).follow(t)
	if want := "Hello, " + s.person.DisplayName + " <" + s.person.Username + "@example.com>, of Staff"; got.Status != http.StatusOK || !strings.Contains(html.UnescapeString(got.Body), want) {
		t.Fatalf("%d on %s, want %q in\n%s\n%s", got.Status, got.URL, want, got.Body, response)
	}
	return v
}

// isIn reports whether the app greets this browser.
func (s *meetingSP) isIn(t *testing.T, v *visitor) bool {
	t.Helper()
	return v.get(t, s.at.url+"/").Status == http.StatusOK
}

func (s *meetingSP) isOut(t *testing.T, v *visitor) {
	t.Helper()
	until(t, readyWithin, "the app has ended her session", func() bool { return !s.isIn(t, v) })
}

// isToldOfASignOut: only the session that ended there ends in the app.
func (s *meetingSP) isToldOfASignOut(t *testing.T) {
	leaves, stays := s.opens(t), (*visitor)(nil)
	if !s.firstAlone {
		stays = s.opens(t)
	}
	submit(t, leaves.get(t, s.house.house.URL+"/"), "/signout", nil).follow(t)
	s.isOut(t, leaves)
	if stays != nil && !s.isIn(t, stays) {
		t.Error("her other browser was signed out too")
	}
	s.acknowledged(t, 1)
}

// acknowledged waits until the newest receipt says that the app has answered for
// so many sessions, and for all that it knows.
func (s *meetingSP) acknowledged(t *testing.T, sessions int) {
	t.Helper()
	until(t, readyWithin, "the app has acknowledged", func() bool {
		r, acked := s.newest(t), 0
		for _, l := range r.Lines {
			switch {
			case l.Lever == "saml_soap" && l.AckedAt != nil:
				acked++
			case !s.firstAlone:
				return false
			}
		}
		return !r.Listing && acked >= sessions
	}, func() any { return s.newest(t) })
}

func (s *meetingSP) newest(t *testing.T) client.Receipt {
	return newestReceipt(t, s.house.api, s.person.Username)
}

// signsOutAtTheApp: the app ends its session and asks Gatehouse to end its own,
// whose answer brings the browser back.
func (s *meetingSP) signsOutAtTheApp(t *testing.T) {
	v := s.opens(t)
	got := s.signsOut(t, v, s.at.url)
	slo := s.house.house.URL + "/saml/slo?"
	if to := got.location(t); !strings.HasPrefix(to.String(), slo) || to.Query().Get("SAMLRequest") == "" || to.Query().Get("Signature") == "" {
		t.Fatalf("it leads to %s", to)
	}
	back := got.follow(t, s.at.url)
	if to := back.location(t); to.Query().Get("SAMLResponse") == "" || to.Query().Get("Signature") == "" {
		t.Fatalf("Gatehouse answers by %s", to)
	}
	if end := back.follow(t); end.Status != http.StatusOK || end.URL.String() != s.at.url+"/signed-out" {
		t.Errorf("she stands on %s, %d:\n%s", end.URL, end.Status, end.Body)
	}
	if home := v.get(t, s.house.house.URL+"/").follow(t); !strings.HasPrefix(home.URL.Path, "/signin") {
		t.Errorf("she is still in at Gatehouse, on %s", home.URL)
	}
	s.isOut(t, v)
}

// isToldOfASuspension: every session ends, and she does not come back.
func (s *meetingSP) isToldOfASuspension(t *testing.T) {
	one, two := s.opens(t), s.opens(t)
	if _, err := s.house.api.Suspend(t.Context(), s.person.Username, "Left the company"); err != nil {
		t.Fatal(err)
	}
	s.isOut(t, one)
	s.isOut(t, two)
	if s.firstAlone {
		s.acknowledged(t, 2)
	} else {
		s.acknowledged(t, 1) // one request for the whole person
	}
	if got := one.get(t, s.at.url+"/").follow(t); !strings.HasPrefix(got.URL.Path, "/signin") {
		t.Errorf("she stands on %s", got.URL)
	}
	if _, err := s.house.api.Restore(t.Context(), s.person.Username); err != nil {
		t.Fatal(err)
	}
}

// isToldByTheBrowser: where no SOAP reaches the app, the browser that signs out
// at Gatehouse brings it the request, and Gatehouse its answer.
func (s *meetingSP) isToldByTheBrowser(t *testing.T) {
	app, err := s.house.api.App(t.Context(), s.appName())
	if err != nil {
		t.Fatal(err)
	}
	app.ID, app.SAML.SOAPLogoutURL = "", ""
	if _, err := s.house.api.Apply(t.Context(), client.Desired{Apps: []client.App{app}}, false); err != nil {
		t.Fatal(err)
	}
	v := s.opens(t)
	page := submit(t, v.get(t, s.house.house.URL+"/"), "/signout", nil).follow(t)
	frame := frameSource.FindStringSubmatch(page.Body)
	if frame == nil {
		t.Fatalf("she is led nowhere:\n%s", page.Body)
	}
	if !s.isIn(t, v) {
		t.Error("the app had heard of it before")
	}
	to, err := page.URL.Parse(html.UnescapeString(frame[1]))
	if err != nil {
		t.Fatal(err)
	}
	if got := v.get(t, to.String()).follow(t); !strings.Contains(got.Body, "You are signed out of "+app.Name) {
		t.Errorf("the app's answer leads to %s, %d:\n%s", got.URL, got.Status, got.Body)
	}
	s.isOut(t, v)
	var last client.Line
	until(t, readyWithin, "its answer stands on the receipt", func() bool {
		for _, l := range s.newest(t).Lines {
			if last = l; l.Lever == "saml_front" && l.AckedAt != nil && l.Answer == "It answered Success." {
				return true
			}
		}
		return false
	}, func() any { return last })
}

// appName is the app as its page calls it.
func (s *meetingSP) appName() string {
	return strings.ToUpper(s.host[:1]) + s.host[1:]
}

// startMellon runs Debian's Apache with the page's settings, as nobody. The
// address check of the module is on, as it is by default.
func startMellon(t *testing.T, p foreignPlace, k keyFiles) *foreignProc {
	own := withCertificate(block(t, p.page, "xml"), k.of)
	wiretest.Valid(t, []byte(own))
	if err := os.WriteFile(filepath.Join(k.dir, "sp.xml"), []byte(own), 0o644); err != nil {
		t.Fatal(err)
	}
	settings := strings.NewReplacer("/etc/apache2/mellon/", k.dir+"/", "MellonSecureCookie On", "MellonSecureCookie httponly").Replace(block(t, p.page, "apache"))
	return p.runsApache(t, "auth_mellon", settings, "MellonLockFile \"%[1]s/lock\"\nMellonPostDirectory \"%[1]s\"\n",
		`Hello, <!--#echo var="MELLON_displayName" --> &lt;<!--#echo var="MELLON_email" -->&gt;, of <!--#echo var="MELLON_groups" -->.`)
}

func signsOutAtMellon(t *testing.T, v *visitor, app string) *answer {
	t.Helper()
	return v.get(t, app+"/mellon/logout?ReturnTo="+url.QueryEscape(app+"/signed-out"))
}

// startSAMLNode runs the program of a page that is about that package.
func startSAMLNode(about string) func(*testing.T, foreignPlace, keyFiles) *foreignProc {
	return func(t *testing.T, p foreignPlace, k keyFiles) *foreignProc {
		return p.runsNode(t, about, "IDP_URL="+p.issuer, "KEY="+k.key, "CERT="+k.cert)
	}
}
