package saml_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/beevik/etree"
	"golang.org/x/net/html"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/keys"
	"gatehouse/idp/login"
	"gatehouse/idp/outbox"
	"gatehouse/idp/saml"
	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
	"gatehouse/jit"
	"gatehouse/sessions"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

const (
	crmID  = "https://crm.example/saml/metadata"
	crmACS = "https://crm.example/saml/acs"
	hrID   = "urn:example:hr"
	hrACS  = "https://hr.example/acs"
)

// clock is a clock that the test can move.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time           { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) Advance(by time.Duration) { c.ahead.Add(int64(by)) }

// house is a provider on its real store, gate, keys and directory, served over
// HTTP, with two apps and two people. The CRM has a signing certificate and
// may sign; HR must sign, and has another key.
type house struct {
	t        testing.TB
	clock    *clock
	store    *store.Store
	gate     *sessions.Gate
	dir      *directory.Directory
	ring     *keys.Ring
	provider *saml.Provider
	fronts   *outbox.Fronts
	browser  *pages
	server   *httptest.Server

	crm, hr  idp.App
	ada, bob idp.User
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, clock: &clock{}, store: storetest.SQLite(t)}
	h.store.Now = h.clock.Now
	h.gate = &sessions.Gate{Backend: h.store, Now: h.clock.Now, Idle: 24 * time.Hour, Absolute: 30 * 24 * time.Hour}
	h.dir = &directory.Directory{Store: h.store, Passes: h.gate, CheckRules: jit.CheckRules, Now: h.clock.Now}
	h.people()
	h.serve()
	return h
}

func (h *house) serve() {
	box, err := keys.NewBox(make([]byte, 32))
	h.must(err)
	rows, err := signingKeys()
	h.must(err)
	for _, row := range rows {
		h.must(h.store.CreateSigningKey(h.t.Context(), row))
	}
	h.ring = &keys.Ring{Store: h.store, Box: box, Now: h.clock.Now, Subject: "gatehouse.test"}
	h.must(h.ring.Load(h.t.Context()))
	h.browser = &pages{gate: h.gate}
	h.server = httptest.NewUnstartedServer(nil)
	base := "http://" + h.server.Listener.Addr().String()
	h.provider = &saml.Provider{
		EntityID: base + "/saml/metadata", BaseURL: base, Store: h.store, Gate: h.gate,
		SignIns: &login.Login{Store: h.store, Gate: h.gate, Now: h.clock.Now},
		Ring:    h.ring, Box: box, Salt: make([]byte, 32), Browser: h.browser, Attributes: attributes,
		Endings: h.dir, Patience: time.Minute,
		Log: slog.New(slog.DiscardHandler), Now: h.clock.Now,
	}
	h.fronts = &outbox.Fronts{
		Store: h.store, Now: h.clock.Now, Log: h.provider.Log,
		Worker: &outbox.Worker{
			Store: h.store, Now: h.clock.Now, Levers: []outbox.Lever{&saml.SOAPLogout{}},
		},
		Fronts: []outbox.Front{&saml.FrontLogout{EntityID: h.provider.EntityID, Ring: h.ring, Box: box, Now: h.clock.Now}},
	}
	h.provider.Answered, h.browser.fronts = h.fronts.Answered, h.fronts
	h.server.Config.Handler = h.provider.Handler()
	h.server.Start()
	h.t.Cleanup(h.server.Close)
}

func attributes(p saml.Person, app idp.App) ([]saml.Attribute, error) {
	all, err := jit.Attributes(jit.Person(p), app)
	told := make([]saml.Attribute, len(all))
	for i, a := range all {
		told[i] = saml.Attribute(a)
	}
	return told, err
}

func (h *house) people() {
	now := idp.Time(h.clock.Now())
	user := func(name string) idp.User {
		return idp.User{
			ID: idp.NewUserID(), Username: name, Email: name + "@example.com", DisplayName: strings.ToUpper(name), GivenName: name,
			Role: idp.RoleEmployee, Status: idp.UserActive, CreatedAt: now, UpdatedAt: now,
		}
	}
	app := func(name, entityID string, s idp.SAMLSettings) idp.App {
		return idp.App{
			ID: idp.NewAppID(), Name: name, Protocol: idp.ProtocolSAML, Identifier: entityID, SAML: &s, CreatedAt: now, UpdatedAt: now,
		}
	}
	h.crm = app("CRM", crmID, idp.SAMLSettings{
		ACS:          []idp.AssertionConsumer{{URL: crmACS + "/old", Index: 3}, {URL: crmACS, Index: 7, Default: true}},
		SigningCerts: []string{pemOf(crmKey())}, NameIDFormat: wire.NameIDPersistent,
	})
	h.hr = app("HR", hrID, idp.SAMLSettings{
		ACS:          []idp.AssertionConsumer{{URL: hrACS}},
		SigningCerts: []string{pemOf(hrKey())}, NameIDFormat: wire.NameIDEmail, RequireSigned: true, Sign: idp.SignBoth,
	})
	h.ada, h.bob = user("ada"), user("bob")
	staff := idp.Group{ID: idp.NewGroupID(), Name: "staff", CreatedAt: now}
	grant := func(a idp.App, u idp.UserID, g idp.GroupID) idp.Grant {
		return idp.Grant{ID: idp.NewGrantID(), AppID: a.ID, UserID: u, GroupID: g, Role: "editor", CreatedAt: now}
	}
	h.commit(idp.Change{Users: []idp.User{h.ada, h.bob}, Apps: []idp.App{h.crm, h.hr}, Groups: []idp.Group{staff}})
	h.commit(idp.Change{
		Members: []idp.Membership{{GroupID: staff.ID, UserID: h.ada.ID, SinceAt: now}},
		Grants:  []idp.Grant{grant(h.crm, "", staff.ID), grant(h.hr, h.ada.ID, "")},
	})
}

// changeApp registers an app anew with some settings changed.
func (h *house) changeApp(id idp.AppID, change func(*idp.App)) {
	h.t.Helper()
	app, err := h.store.App(h.t.Context(), id)
	h.must(err)
	change(&app)
	h.commit(idp.Change{Apps: []idp.App{app}})
}

// regrant changes the grants of an app.
func (h *house) regrant(id idp.AppID, change func(*idp.Grant)) {
	h.t.Helper()
	grants, err := h.store.Grants(h.t.Context(), id)
	h.must(err)
	for i := range grants {
		change(&grants[i])
	}
	h.commit(idp.Change{Grants: grants})
}

func (h *house) changeUser(id idp.UserID, change func(*idp.User)) {
	h.t.Helper()
	u, err := h.store.User(h.t.Context(), id)
	h.must(err)
	change(&u)
	h.commit(idp.Change{Users: []idp.User{u}})
}

func (h *house) commit(c idp.Change) {
	h.t.Helper()
	_, err := h.store.Commit(h.t.Context(), c)
	h.must(err)
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// lastRule is the rule of the newest audit line.
func (h *house) lastRule() string {
	h.t.Helper()
	list, _, err := h.store.Events(h.t.Context(), idp.EventQuery{Limit: 1})
	h.must(err)
	if len(list) == 0 || list[0].Kind != "saml.request.refuse" {
		return ""
	}
	return list[0].Detail["rule"]
}

func (h *house) participants(u idp.User) []idp.Participant {
	h.t.Helper()
	list, err := h.store.Participants(h.t.Context(), u.ID, h.clock.Now())
	h.must(err)
	return list
}

// person is a browser.
type person struct {
	h      *house
	client *http.Client
}

func (h *house) person() *person {
	jar, _ := cookiejar.New(nil) // never fails without options
	return &person{h, &http.Client{
		Transport:     h.server.Client().Transport, // the default one is closed with the server of any test
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// signedIn is a browser with a session of u.
func (h *house) signedIn(u idp.User) *person {
	h.t.Helper()
	p := h.person()
	in, err := h.gate.BeginSignIn(h.t.Context(), idp.SignIn{}, "a secret that binds a browser of the portal")
	h.must(err)
	p.finish(in, u)
	return p
}

// finish proves u in a SignIn and starts the session.
func (p *person) finish(in idp.SignIn, u idp.User) idp.Session {
	t := p.h.t
	t.Helper()
	generation, err := p.h.store.Generation(t.Context())
	p.h.must(err)
	u, err = p.h.store.User(t.Context(), u.ID)
	p.h.must(err)
	in, err = p.h.gate.Prove(t.Context(), in, idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: generation}, idp.Witness{}, "pwd")
	p.h.must(err)
	raw, s, err := p.h.gate.Start(t.Context(), in, "127.0.0.1", "test")
	p.h.must(err)
	p.setCookie("session", raw)
	return s
}

// signIn does what the sign-in pages do, up to the resume URL.
func (p *person) signIn(at reply, u idp.User) (resume string) {
	p.h.t.Helper()
	id := at.signIn()
	in, err := p.h.gate.SignIn(p.h.t.Context(), id, p.cookie("bind"))
	p.h.must(err)
	p.finish(in, u)
	return in.ResumeURL + "?signin=" + string(id)
}

func (p *person) setCookie(name, value string) {
	u, _ := url.Parse(p.h.server.URL)
	p.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

func (p *person) cookie(name string) string {
	u, _ := url.Parse(p.h.server.URL)
	for _, c := range p.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// reply is an answer, read.
type reply struct {
	*http.Response
	t    testing.TB
	body string
}

func (p *person) get(path string) reply {
	p.h.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = p.h.server.URL + path
	}
	res, err := p.client.Get(path)
	return read(p.h.t, res, err)
}

// crossPost posts to the SSO service as another site would: Lax cookies stay
// at home.
func (p *person) crossPost(form url.Values) reply {
	p.h.t.Helper()
	res, err := (&http.Client{CheckRedirect: p.client.CheckRedirect}).PostForm(p.h.server.URL+"/saml/sso", form)
	return read(p.h.t, res, err)
}

func read(t testing.TB, res *http.Response, err error) reply {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res, t, string(body)}
}

// signIn is the SignIn that the answer leads to; "" when to none.
func (r reply) signIn() idp.SignInID {
	id, _ := strings.CutPrefix(r.Header.Get("Location"), "/signin/")
	return idp.SignInID(id)
}

// wantSignIn fails the test unless the browser is sent to sign in.
func (r reply) wantSignIn() reply {
	r.t.Helper()
	if r.StatusCode != http.StatusSeeOther || !idp.ValidID("sin", string(r.signIn())) {
		r.t.Fatalf("got %d %s %s, want a sign-in", r.StatusCode, r.Header.Get("Location"), r.body)
	}
	return r
}

// wantPage fails the test unless the person is told, and not the app.
func (r reply) wantPage(status int) {
	r.t.Helper()
	if r.StatusCode != status || strings.Contains(r.body, "<form") || r.Header.Get("Location") != "" {
		r.t.Errorf("got %d %q, want the page of a refusal with %d", r.StatusCode, r.body, status)
	}
}

// wantStatus fails the test unless the CRM is told this status below the top
// one, in a signed Response.
func (r reply) wantStatus(sub string) {
	r.t.Helper()
	f := r.form()
	el, err := wire.Parse(f.message)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := wire.VerifyElement(el, ourCerts(r.t)); err != nil {
		r.t.Errorf("the Response: %v", err)
	}
	status, err := wire.ParseStatus(el)
	if err != nil {
		r.t.Fatal(err)
	}
	if status.SubCode != sub || status.OK() || len(wire.Children(el, wire.NSAssertion, "Assertion")) != 0 {
		r.t.Errorf("got %+v, want %s and no assertion", status, sub)
	}
	if wire.Attr(el, "InResponseTo") == "" || wire.Attr(el, "Destination") != f.action {
		r.t.Errorf("InResponseTo %q, Destination %q", wire.Attr(el, "InResponseTo"), wire.Attr(el, "Destination"))
	}
}

// posted is the self-posting form, as a browser's parser sees it.
type posted struct {
	action     string
	message    []byte
	relayState []string
}

func (r reply) form() posted {
	r.t.Helper()
	if r.StatusCode != http.StatusOK {
		r.t.Fatalf("got %d %s %s, want a form", r.StatusCode, r.Header.Get("Location"), r.body)
	}
	doc, err := html.Parse(strings.NewReader(r.body))
	if err != nil {
		r.t.Fatal(err)
	}
	var f posted
	for n := range doc.Descendants() {
		at := map[string]string{}
		for _, a := range n.Attr {
			at[a.Key] = a.Val
		}
		switch {
		case n.Data == "form":
			f.action = at["action"]
		case n.Data == "script":
			r.t.Error("the page has a script in it")
		case n.Data == "input" && at["name"] == "RelayState":
			f.relayState = append(f.relayState, at["value"])
		case n.Data == "input" && at["name"] == wire.ParamResponse:
			if f.message, err = base64.StdEncoding.DecodeString(at["value"]); err != nil {
				r.t.Fatal(err)
			}
			wiretest.Valid(r.t, f.message)
		}
	}
	return f
}

// ask is an AuthnRequest of the CRM; change may make it worse.
func (h *house) ask(change ...func(*wire.AuthnRequest)) wire.AuthnRequest {
	a := wire.AuthnRequest{ID: wire.NewID(), Issuer: crmID, Destination: h.server.URL + "/saml/sso", IssueInstant: h.clock.Now()}
	for _, c := range change {
		c(&a)
	}
	return a
}

// redirect is the URL that carries a by HTTP-Redirect, signed where sign is
// not nil.
func (h *house) redirect(a wire.AuthnRequest, sign *wire.Signer, relayState string) string {
	h.t.Helper()
	build := wire.RedirectURL
	if sign != nil {
		build = sign.RedirectURL
	}
	to, err := build(h.server.URL+"/saml/sso", wire.ParamRequest, wire.Serialize(a.Element()), relayState)
	h.must(err)
	return to
}

// post is the form that carries a by HTTP-POST.
func (h *house) post(a wire.AuthnRequest, sign *wire.Signer, relayState string) url.Values {
	h.t.Helper()
	el := a.Element()
	if sign != nil {
		h.must(sign.Sign(el))
	}
	return postXML(wire.Serialize(el), relayState)
}

func postXML(message []byte, relayState string) url.Values {
	form := url.Values{wire.ParamRequest: {wire.EncodePOST(message)}}
	if relayState != "" {
		form.Set("RelayState", relayState)
	}
	return form
}

// Keys are made once for all houses: RSA keys take their time.
var (
	crmKey      = sync.OnceValue(newSigner)
	hrKey       = sync.OnceValue(newSigner)
	signingKeys = sync.OnceValues(func() ([]idp.SigningKey, error) {
		box, err := keys.NewBox(make([]byte, 32))
		if err != nil {
			return nil, err
		}
		drawer := &drawer{}
		err = (&keys.Ring{Store: drawer, Box: box, Now: time.Now, Subject: "gatehouse.test"}).Load(context.Background())
		return drawer.rows, err
	})
)

func newSigner() *wire.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "an app"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &wire.Signer{Key: key, Certificate: cert}
}

func pemOf(s *wire.Signer) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate.Raw}))
}

// ourCerts are the certificates of the house.
func ourCerts(t testing.TB) []*x509.Certificate {
	t.Helper()
	rows, err := signingKeys()
	if err != nil {
		t.Fatal(err)
	}
	var certs []*x509.Certificate
	for _, row := range rows {
		if block, _ := pem.Decode([]byte(row.Certificate)); block != nil {
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			certs = append(certs, cert)
		}
	}
	return certs
}

type drawer struct{ rows []idp.SigningKey }

func (d *drawer) SigningKeys(context.Context) ([]idp.SigningKey, error) { return d.rows, nil }

func (d *drawer) CreateSigningKey(_ context.Context, k idp.SigningKey) error {
	d.rows = append(d.rows, k)
	return nil
}

// pages is the smallest Browser: real cookies, pages of one line.
type pages struct {
	gate   *sessions.Gate
	fronts *outbox.Fronts
}

func (b *pages) Session(r *http.Request) (idp.Session, error) {
	return b.gate.Session(r.Context(), b.value(r, "session"))
}

func (b *pages) value(r *http.Request, name string) string {
	if c, err := r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}

func (b *pages) Bind(w http.ResponseWriter, r *http.Request) string {
	if raw := b.value(r, "bind"); raw != "" {
		return raw
	}
	raw := rand.Text()
	http.SetCookie(w, &http.Cookie{Name: "bind", Value: raw, Path: "/"})
	return raw
}

func (b *pages) Bound(r *http.Request) string { return b.value(r, "bind") }

// OwnForm is web's: a token of the session stands in the form. It looks at a
// copy, as web does: the body is read once.
func (b *pages) OwnForm(r *http.Request) bool {
	r = r.Clone(r.Context())
	secret := b.value(r, "session")
	return secret != "" && r.PostFormValue("csrf") == "of "+secret
}

func (b *pages) SignIn(w http.ResponseWriter, r *http.Request, id idp.SignInID) {
	http.Redirect(w, r, "/signin/"+string(id), http.StatusSeeOther)
}

func (b *pages) PostForm(w http.ResponseWriter, _ *http.Request, app, action string, fields [][2]string) {
	fmt.Fprintf(w, `<!DOCTYPE html><title>To %s</title><form method="post" action="%s">`, html.EscapeString(app), html.EscapeString(action))
	for _, f := range fields {
		fmt.Fprintf(w, `<input type="hidden" name="%s" value="%s">`, html.EscapeString(f[0]), html.EscapeString(f[1]))
	}
	fmt.Fprint(w, `</form>`)
}

func (b *pages) Leave(w http.ResponseWriter, r *http.Request, receipt idp.Receipt, to string) (bool, error) {
	http.SetCookie(w, &http.Cookie{Name: "session", Path: "/", MaxAge: -1})
	calls := b.fronts.Calls(r.Context(), receipt)
	for _, c := range calls {
		fmt.Fprintf(w, "led to %s\n", c.URL)
	}
	if len(calls) > 0 {
		fmt.Fprintf(w, "then %s", to)
	} else if to == "" {
		http.Redirect(w, r, "/signed-out", http.StatusSeeOther)
	}
	return len(calls) > 0 || to == "", nil
}

func (b *pages) SignedOut(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "signed out") }

func (b *pages) LogoutAnswered(w http.ResponseWriter, _ *http.Request, done bool, words string) {
	if !done {
		w.WriteHeader(http.StatusBadRequest)
	}
	fmt.Fprint(w, words)
}

func (b *pages) Problem(w http.ResponseWriter, _ *http.Request, err error) {
	detail := "internal"
	if e, ok := err.(*idp.Error); ok {
		detail = e.Detail // not escaped: no text of the request may get here
	}
	http.Error(w, detail, idp.KindOf(err).Status())
}

// elements returns every element named tag, by the parser of wire.
func elements(t testing.TB, message []byte, path string) []*etree.Element {
	t.Helper()
	el, err := wire.Parse(message)
	if err != nil {
		t.Fatal(err)
	}
	return el.FindElements(path)
}
