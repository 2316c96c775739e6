package console_test

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/fetch"
	"gatehouse/idp/keys"
	"gatehouse/idp/login"
	"gatehouse/idp/login/password"
	"gatehouse/idp/oidc"
	"gatehouse/idp/outbox"
	"gatehouse/idp/saml"
	"gatehouse/jit"
	"gatehouse/sessions"
	"gatehouse/store"
	"gatehouse/store/storetest"
	"gatehouse/web"
	"gatehouse/web/console"
	"gatehouse/web/portal"
	"gatehouse/web/signin"
	"gatehouse/web/ui"
	"gatehouse/web/ui/uitest"
)

const chosen = "four words in a row"

// house is the real thing on a database in memory, behind a real mux.
type house struct {
	t     *testing.T
	url   string
	gate  *sessions.Gate
	store *store.Store
	dir   *directory.Directory

	console *console.Console
}

func newHouse(t *testing.T) *house {
	t.Helper()
	st := storetest.SQLite(t)
	gate := &sessions.Gate{Backend: st, Now: time.Now, Idle: time.Hour, Absolute: 8 * time.Hour, Policy: func() idp.Policy {
		p, err := st.Policy(context.Background())
		if err != nil {
			t.Error(err)
		}
		return p
	}}
	box, err := keys.NewBox([]byte("a root key for nothing but these tests, of some length"))
	if err != nil {
		t.Fatal(err)
	}
	ring := &keys.Ring{Store: st, Box: box, Now: time.Now, Subject: "console.test"}
	dir := &directory.Directory{Store: st, Passes: gate, Keys: ring, CheckRules: jit.CheckRules, Now: time.Now}
	dir.Sessions.Idle, dir.Sessions.Absolute = 2*time.Hour, 12*time.Hour
	out := &outbox.Worker{Store: st, Now: time.Now, Levers: []outbox.Lever{&oidc.Backchannel{}, &saml.SOAPLogout{}}}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	in := &signin.SignIn{
		Fronts: &outbox.Fronts{Store: st, Worker: out, Now: time.Now, Log: log},
		Gate:   gate, Directory: dir, Store: st, Cookies: web.Cookies{}, Box: box, Now: time.Now,
		Login: &login.Login{Store: st, Gate: gate, Hasher: password.NewHasher(password.DefaultCost()), Spellings: directory.Spellings, Now: time.Now},
	}
	srv := httptest.NewUnstartedServer(nil)
	base := "http://" + srv.Listener.Addr().String()
	reach, err := fetch.New([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	rooms := in.Routes()
	rooms = append(rooms, (&portal.Portal{Store: st, Directory: dir, Login: in.Login, Newcomers: in.Login, Cookies: web.Cookies{}, Launch: func(a idp.App) portal.Launch { return portal.Launch{Href: a.LaunchURL} }}).Routes()...)
	documents := &saml.Documents{Fetch: reach, Now: time.Now}
	refresher := &saml.Refresher{Documents: documents, Store: st, Directory: dir, Log: log}
	desk := &console.Console{Documents: documents, Refresher: refresher, Store: st, Directory: dir, Outbox: out, URL: base, SessionLife: 8 * time.Hour, Explain: explanation, ResetFactors: (&login.Login{Store: st, Now: time.Now}).RemoveSecondFactors, RemoveCredential: (&login.Login{Store: st, Now: time.Now}).RemoveCredential, Connect: func(a idp.App, secret string) []idp.Setting {
		if a.OIDC == nil {
			return saml.Connect(base, a)
		}
		return oidc.Connect(base, nil, a, secret)
	}}
	rooms = append(rooms, desk.Routes()...)
	face := &web.Server{
		Gate: gate, Users: st, Cookies: web.Cookies{}, Pages: &ui.Pages{Log: log}, Routes: rooms,
		API: http.NotFoundHandler(), Ready: st.Ping, Log: log, Now: time.Now,
	}
	handler, err := face.Handler()
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = handler
	srv.Start()
	t.Cleanup(srv.Close)
	return &house{t: t, url: base, gate: gate, store: st, dir: dir, console: desk}
}

// browser is a cookie jar that fills in forms.
type browser struct {
	*house
	client *http.Client
	at     string // path of the page shown
	query  string // of the same
	status int
	page   *html.Node
}

func (h *house) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	// The default transport's connections are closed with the server of any test.
	own := new(http.Transport)
	h.t.Cleanup(own.CloseIdleConnections)
	return &browser{house: h, client: &http.Client{Jar: jar, Transport: own}}
}

func (b *browser) show(res *http.Response, err error) *browser {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	if b.page, err = html.Parse(res.Body); err != nil {
		b.t.Fatal(err)
	}
	b.at, b.query, b.status = res.Request.URL.Path, res.Request.URL.RawQuery, res.StatusCode
	return b
}

func (b *browser) open(path string) *browser {
	b.t.Helper()
	return b.show(b.client.Get(b.url + path))
}

// submit sends the first form whose action ends so, filled in.
func (b *browser) submit(action string, fill ...string) *browser {
	b.t.Helper()
	return b.submitTo(action, "", fill...)
}

// submitTo sends the form to another address, as a button of it may.
func (b *browser) submitTo(action, to string, fill ...string) *browser {
	b.t.Helper()
	for n := range b.page.Descendants() {
		if n.Data != "form" || !strings.HasSuffix(uitest.Attr(n, "action"), action) {
			continue
		}
		form := url.Values{}
		for in := range n.Descendants() {
			if value, sent := sends(in); sent {
				form.Set(uitest.Attr(in, "name"), value)
			}
		}
		for i := 0; i < len(fill); i += 2 {
			if form.Set(fill[i], fill[i+1]); fill[i+1] == unchecked {
				form.Del(fill[i])
			}
		}
		if uitest.Attr(n, "enctype") == "multipart/form-data" {
			return b.upload(n, form)
		}
		return b.show(b.client.PostForm(b.url+cmp.Or(to, uitest.Attr(n, "action")), form))
	}
	b.t.Fatalf("no form to %s on %s: %s", action, b.at, b.text())
	return nil
}

// unchecked is filled into a box to take its tick out.
const unchecked = "\x00"

// sends reports whether a part of a form is sent with it as it stands, and what.
func sends(n *html.Node) (value string, sent bool) {
	if uitest.Attr(n, "name") == "" {
		return "", false
	}
	switch n.Data {
	case "input":
		kind := uitest.Attr(n, "type")
		return uitest.Attr(n, "value"), kind != "checkbox" && kind != "radio" || has(n, "checked")
	case "textarea":
		return strings.ReplaceAll(text(n), "\n", "\r\n"), true
	case "select":
		for o := range n.Descendants() {
			if o.Data == "option" && (!sent || has(o, "selected")) {
				value, sent = uitest.Attr(o, "value"), true
			}
		}
	}
	return value, sent
}

func has(n *html.Node, attribute string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == attribute })
}

func text(n *html.Node) (out string) {
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			out += c.Data
		}
	}
	return out
}

// upload sends a form as a browser does that has files in it: field by field, in
// the order of the page.
func (b *browser) upload(form *html.Node, values url.Values) *browser {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for in := range form.Descendants() {
		name := uitest.Attr(in, "name")
		if name == "" {
			continue
		}
		part, err := w.CreateFormField(name)
		if uitest.Attr(in, "type") == "file" {
			part, err = w.CreateFormFile(name, "metadata.xml")
		}
		if err != nil {
			b.t.Fatal(err)
		}
		_, _ = io.WriteString(part, values.Get(name))
	}
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	return b.show(b.client.Post(b.url+uitest.Attr(form, "action"), w.FormDataContentType(), &body))
}

func (b *browser) text() string { return uitest.Text(b.page) }

func (b *browser) wants(status int, at string, words ...string) *browser {
	b.t.Helper()
	if b.status != status || !strings.HasPrefix(b.at, at) {
		b.t.Fatalf("%d at %s, want %d at %s: %s", b.status, b.at, status, at, b.text())
	}
	for _, w := range words {
		if !strings.Contains(b.text(), w) {
			b.t.Fatalf("%s lacks %q: %s", b.at, w, b.text())
		}
	}
	return b
}

// lacks fails where the page says that.
func (b *browser) lacks(words string) {
	b.t.Helper()
	if strings.Contains(b.text(), words) {
		b.t.Fatalf("%s says %q", b.at, words)
	}
}

func (b *browser) signIn(username string) *browser {
	b.t.Helper()
	b.open("/").wants(200, "/signin/")
	b.submit("/identifier", "username", username).wants(200, "/signin/")
	return b.submit("/password", "password", chosen)
}

// link is the one-time link that the page shows.
func (b *browser) link() string {
	b.t.Helper()
	for n := range b.page.Descendants() {
		if n.Data == "code" && strings.Contains(uitest.Text(n), "/link/") {
			return strings.TrimPrefix(uitest.Text(n), b.url)
		}
	}
	b.t.Fatalf("no link on %s: %s", b.at, b.text())
	return ""
}

// owner makes the first owner, Ada Lovelace, and signs her in.
func (h *house) owner() *browser {
	h.t.Helper()
	generation, err := h.store.Generation(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	raw, _, err := h.gate.NewLink(h.t.Context(), idp.Proof{Generation: generation}, idp.LinkFirstOwner)
	if err != nil {
		h.t.Fatal(err)
	}
	ada := h.browser()
	ada.open("/link/"+raw).wants(200, "/link/", "You are its first owner")
	ada.submit("/link/"+raw, "name", "Ada Lovelace", "username", "ada", "password", "short").wants(400, "/link/", "at least 12")
	ada.submit("/link/"+raw, "name", "Ada Lovelace", "username", "ada", "password", chosen).wants(200, "/signin/")
	ada.open("/link/"+raw).wants(410, "/link/", "no longer works")
	return ada.signIn("ada").wants(200, "/", "Hello, Ada")
}

// TestTheFirstLinkDiesWithTheFirstOwner, also for who types a name that is taken:
// nothing that is typed makes it good.
func TestTheFirstLinkDiesWithTheFirstOwner(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	generation, err := h.store.Generation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw, _, err := h.gate.NewLink(t.Context(), idp.Proof{Generation: generation}, idp.LinkFirstOwner)
	if err != nil {
		t.Fatal(err)
	}
	late := h.browser().open("/link/" + raw)
	h.owner()
	late.submit("/link/"+raw, "name", "Ada", "username", "ada", "password", chosen).wants(410, "/link/", "no longer works")
}

// employee lets the owner add Grace Hopper and signs her in.
func (h *house) employee(ada *browser) (grace *browser, id string) {
	h.t.Helper()
	ada.open("/console/users/new")
	ada.submit("/console/users", "name", "Grace Hopper", "username", "grace", "email", "grace@navy.example", "role", "employee")
	ada.wants(201, "/console/users", "Grace Hopper was added")
	grace = h.browser()
	grace.open(ada.link()).wants(200, "/link/", "Choose a password", "Grace Hopper")
	grace.submit(grace.at, "password", chosen).wants(200, "/signin/")
	grace.signIn("grace").wants(200, "/", "Hello, Grace", "this browser")
	u, err := h.store.UserByName(h.t.Context(), "grace")
	if err != nil {
		h.t.Fatal(err)
	}
	return grace, string(u.ID)
}

func TestSuspensionGoesFromThePreviewToTheReceiptAndBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	grace, id := h.employee(ada)

	ada.open("/console/users?q=hop").wants(200, "/console/users", "Grace Hopper")
	ada.open("/console/users/"+id).wants(200, "/console/users/", "Sessions 1", "If suspended now")
	ada.open("/console/users/"+id+"/suspend").wants(200, "/console/users/", "What will end", "1 session")
	ada.submit("/suspend", "reason", "Left the company").wants(200, "/console/receipts/", "Grace Hopper is out of Gatehouse", "Left the company", "Ada Lovelace")
	receipt := ada.at

	grace.open("/").wants(200, "/signin/")
	grace.signIn("grace").wants(401, "/signin/", "do not match")
	ada.open("/console/users/"+id).wants(200, "/console/users/", "suspended", "Restore Grace Hopper")
	ada.open("/console/receipts").wants(200, "/console/receipts", "Grace Hopper", "Suspension")

	ada.open("/console/users/"+id+"/restore").wants(200, "/console/users/", "Restore Grace Hopper?")
	ada.submit("/restore").wants(200, "/console/users/", "active")
	ada.open(receipt).wants(200, receipt, "was restored since")
	grace.open("/").wants(200, "/signin/")
	grace.signIn("grace").wants(200, "/", "Hello, Grace")
}

func TestEveryConsoleRouteIsClosedToEmployeesAndStrangers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	grace, id := h.employee(h.owner())
	stranger := h.browser()
	for _, rt := range (&console.Console{}).Routes() {
		method, pattern, _ := strings.Cut(rt.Pattern, " ")
		path := strings.ReplaceAll(pattern, "{id}", id)
		if rt.Access != ui.OwnerOnly {
			t.Errorf("%s is open to %s", rt.Pattern, rt.Access)
		}
		if method == http.MethodPost {
			grace.show(grace.client.PostForm(h.url+path, nil)).wants(403, path)
			stranger.show(stranger.client.PostForm(h.url+path, nil)).wants(401, path)
			continue
		}
		grace.open(path).wants(403, path)
		stranger.open(path).wants(200, "/signin/")
	}
}

func TestCS01PostFromAnotherSiteOrWithoutTheFormsTokenChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	_, id := h.employee(ada)
	path := "/console/users/" + id + "/suspend"
	for name, header := range map[string]http.Header{
		"cross-site":     {"Sec-Fetch-Site": {"cross-site"}},
		"null origin":    {"Origin": {"null"}},
		"another origin": {"Origin": {"https://idp.example.evil"}},
		"no token":       {},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+path, strings.NewReader("reason=x"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		ada.show(ada.client.Do(req))
		if ada.status != http.StatusForbidden {
			t.Errorf("%s: status %d, want 403", name, ada.status)
		}
	}
	u, err := h.store.User(t.Context(), idp.UserID(id))
	if err != nil || u.Status != idp.UserActive {
		t.Errorf("the person is %s (%v), want active", u.Status, err)
	}
}

func TestPortalEndsOnlyThePersonsOwnSessions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	grace, id := h.employee(ada)
	phone := h.browser()
	phone.signIn("grace").wants(200, "/")

	live, err := h.store.Sessions(t.Context(), idp.UserID(id), time.Now())
	if err != nil || len(live) != 2 {
		t.Fatalf("%d sessions (%v), want 2", len(live), err)
	}
	grace.open("/").submit("/sessions/end-others").wants(200, "/", "Signed in on 1")
	phone.open("/").wants(200, "/signin/")
	for _, s := range live {
		ada.open("/")
		form := url.Values{"csrf": {csrf(ada.page)}}
		ada.show(ada.client.PostForm(h.url+"/sessions/"+string(s.ID)+"/end", form)).wants(404, "/sessions/")
	}
	grace.open("/").wants(200, "/", "Hello, Grace")
	grace.submit("/signout").wants(200, "/signed-out", "No app was open from it")
	phone.open("/signed-out").wants(200, "/signed-out", "Nobody is signed in to Gatehouse in this browser")
	grace.open("/").wants(200, "/signin/")
}

func csrf(page *html.Node) string {
	for n := range page.Descendants() {
		if n.Data == "input" && uitest.Attr(n, "name") == "csrf" {
			return uitest.Attr(n, "value")
		}
	}
	return ""
}

func TestLiveReceiptTurnsInTheBrowserWithoutAReload(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	_, id := h.employee(ada)
	receipt, err := h.dir.Suspend(t.Context(), idp.UserID(id), "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, complaints := uitest.Browser(t)
	page := h.url + "/console/receipts/" + string(receipt.ID)
	for _, c := range ada.client.Jar.Cookies(&url.URL{Scheme: "http", Host: strings.TrimPrefix(h.url, "http://"), Path: "/"}) {
		cookie := network.SetCookieParams{Name: c.Name, Value: c.Value, URL: h.url}
		if _, err := chromedp.Call(ctx, network.SetCookie, cookie); err != nil {
			t.Fatal(err)
		}
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(page), chromedp.WaitReady("#receipt[data-live]")); err != nil {
		t.Fatal(err)
	}
	marked := chromedp.Evaluate[bool](`window.sameDocument = true`)
	if _, err := chromedp.Run(ctx, marked); err != nil {
		t.Fatal(err)
	}
	h.list(receipt.ID)
	signed := h.sign(receipt.ID)
	turned := chromedp.Poll[bool](
		`window.sameDocument && !document.querySelector("#receipt").dataset.live && document.querySelector("h1").textContent.includes("no app had to be told")
			&& document.querySelector("#receipt a[download]").textContent === "Download signed receipt"`,
		chromedp.WithPollingTimeout(time.Minute))
	if _, err := chromedp.Run(ctx, turned); err != nil {
		t.Errorf("the receipt did not turn: %v", err)
	}
	got, err := ada.client.Get(page + "/signed")
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	file, err := io.ReadAll(got.Body)
	name := `attachment; filename="` + string(receipt.ID) + `-v1.jws"`
	if err != nil || string(file) != signed+"\n" || got.Header.Get("Content-Disposition") != name || got.Header.Get("Content-Type") != "application/jose" {
		t.Errorf("downloaded %q (%v) with %v", file, err, got.Header)
	}
	select {
	case c := <-complaints:
		t.Errorf("complaint: %s", c)
	default:
	}
}

// list does the worker's first step: the receipt's lines, here none.
func (h *house) list(id idp.ReceiptID) {
	h.t.Helper()
	now := idp.Time(time.Now())
	claimed, _, err := h.store.ClaimReceipt(h.t.Context(), "test", now, time.Minute)
	if err != nil || claimed.ID != id {
		h.t.Fatalf("claimed %s (%v), want %s", claimed.ID, err, id)
	}
	if err := h.store.ListPage(h.t.Context(), id, "test", nil, "", true, now); err != nil {
		h.t.Fatal(err)
	}
}

// sign does the notary's: the first version, which it returns.
func (h *house) sign(id idp.ReceiptID) string {
	h.t.Helper()
	now := idp.Time(time.Now())
	if _, err := h.store.ClaimSigning(h.t.Context(), id, "test", now, time.Minute); err != nil {
		h.t.Fatal(err)
	}
	v := idp.SignedReceipt{ReceiptID: id, Version: 1, Hash: "hash", SignedAt: now, Final: true, JWS: "eyJh.eyJi.c2ln"}
	if err := h.store.SaveVersion(h.t.Context(), v, "test", idp.Event{ID: idp.NewEventID(), At: now, Kind: "receipt.sign"}); err != nil {
		h.t.Fatal(err)
	}
	return v.JWS
}

func TestCS03GetOfEveryPageChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	_, id := h.employee(ada)
	before := h.events()
	for _, rt := range append((&console.Console{}).Routes(), (&portal.Portal{}).Routes()...) {
		method, pattern, _ := strings.Cut(rt.Pattern, " ")
		if method == http.MethodGet && !strings.HasSuffix(pattern, "/live") {
			ada.open(strings.NewReplacer("{id}", id, "{$}", "").Replace(pattern))
		}
	}
	if after := h.events(); after != before {
		t.Errorf("%d events after reading, %d before", after, before)
	}
	u, err := h.store.User(t.Context(), idp.UserID(id))
	if err != nil || u.Epoch != 1 || u.Status != idp.UserActive {
		t.Errorf("the person is %s at epoch %d (%v)", u.Status, u.Epoch, err)
	}
}

func (h *house) events() int {
	h.t.Helper()
	events, _, err := h.store.Events(h.t.Context(), idp.EventQuery{Limit: 500})
	if err != nil {
		h.t.Fatal(err)
	}
	return len(events)
}

func TestAllSessionsOfAPersonEndWithOneReceipt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	grace, id := h.employee(ada)
	phone := h.browser()
	phone.signIn("grace").wants(200, "/")
	ada.open("/console/users/"+id).wants(200, "/console/users/", "End all sessions")
	ada.open("/console/users/"+id+"/end-sessions").wants(200, "/console/users/"+id+"/end-sessions", "2 sessions", "may sign in again")
	ada.submit("/end-sessions").wants(200, "/console/receipts/", "End of all sessions", "The sessions of Grace Hopper have ended")
	grace.open("/").wants(200, "/signin/")
	phone.open("/").wants(200, "/signin/")
	grace.signIn("grace").wants(200, "/", "Hello, Grace")
	ada.open("/").wants(200, "/") // nobody else is out
}

func TestTheEmergencyPageEndsThingsOfEverybody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	grace, _ := h.employee(ada)
	key := idp.SigningKey{ID: idp.NewKeyID(), Use: "oidc", Algorithm: "ES256", Sealed: "x", CreatedAt: idp.Time(time.Now())}
	if err := h.store.CreateSigningKey(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	ada.open("/console/emergency").wants(200, "/console/emergency", string(key.ID), "in use")
	ada.open("/console/keys/"+string(key.ID)+"/revoke").wants(200, "/console/keys/", "Revoke this signing key?", "some keep the old set")
	ada.submit("/revoke").wants(200, "/console/receipts/", "Key revoked", "Nothing is signed by the key "+string(key.ID))
	ada.open("/console/emergency").wants(200, "/console/emergency", "revoked")
	ada.open("/console/keys/key_nothing/revoke").wants(404, "/console/keys/")

	for moment, says := range map[string]string{"2999-01-01T00:00": "has not come yet", "soon": "Write the moment"} {
		ada.open("/console/emergency/end-before?before="+moment).wants(422, "/console/emergency/end-before", says)
	}
	ada.open("/console/emergency/end-before?before=2026-01-01T00:00").wants(200, "/console/emergency/end-before", "End everything made before 1 January 2026, 00:00:00 UTC?")
	ada.submit("/end-before?before=2026-01-01T00:00").wants(200, "/console/receipts/", "Everything made before 1 January 2026, 00:00:00 UTC has ended")
	grace.open("/").wants(200, "/") // she is newer

	ada.open("/console/emergency/end-before?before=").wants(200, "/console/emergency/end-before", "Sign everybody out now?")
	ada.submit("/end-before?before=").wants(200, "/signin/")
	grace.open("/").wants(200, "/signin/")
	grace.signIn("grace").wants(200, "/", "Hello, Grace")
}

// TestTheCertificatesPageLeadsFromOneToTheNext: each step stands on the page when
// its time has come, and says in words what it is that stands in its way.
func TestTheCertificatesPageLeadsFromOneToTheNext(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	for _, k := range []string{"RS256", "ES256"} {
		row, err := h.dir.Keys.Replacement("saml", k)
		if err == nil {
			err = h.store.CreateSigningKey(t.Context(), row)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var apps []idp.App
	for _, name := range []string{"CRM", "HR"} {
		a, err := h.dir.AddApp(t.Context(), idp.App{Name: name, Protocol: idp.ProtocolSAML, Identifier: "urn:example:" + name, SAML: &idp.SAMLSettings{
			ACS: []idp.AssertionConsumer{{URL: "https://sp.example/acs"}}, NameIDFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
		}})
		if err != nil {
			t.Fatal(err)
		}
		apps = append(apps, a)
	}
	const page = "/console/certificates"
	ada.open("/console/apps").wants(200, "/console/apps", "Certificates")
	ada.open(page).wants(200, page, "The present", "none comes next")
	ada.submit("/next").wants(200, page, "The next: signs for the apps that are led over", "Not known")
	ada.submit("/had", "app", string(apps[0].ID)).wants(200, page, "An owner said so")
	ada.submit("/switch", "app", string(apps[0].ID)).wants(200, page, "the next")
	ada.submit("/switch", "key", "", "app", string(apps[1].ID)).wants(422, page, "HR is not known to have this certificate")
	ada.open(page)
	ada.submit("/rest", "keep", "").wants(422, page, "Not known to have the next certificate: HR")
	ada.open(page)
	ada.submit("/rest").wants(200, page, "One before: signs for the apps that stayed")
	all, err := h.dir.SAMLKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ada.open(page+"/"+string(all.Apps[1].Signs.ID)+"/retire").wants(200, page, "It still signs for HR")
	ada.submit("/retire").wants(200, page, "The present")
	if text := ada.text(); strings.Contains(text, "One before") || !strings.Contains(text, "Publish the next") {
		t.Error(text)
	}
}

// TestWhoeverSuspendsThemselvesIsAskedTwice: and the last owner is told the way
// out at once, instead of being asked.
func TestWhoeverSuspendsThemselvesIsAskedTwice(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	u, err := h.store.UserByName(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	page := "/console/users/" + string(u.ID)
	ada.open(page+"/suspend").wants(200, page, "This is you")
	ada.submit("/suspend", "reason", "enough").wants(403, page, "Make someone else an owner first")

	grace, err := h.dir.AddUser(t.Context(), directory.Person{Username: "grace", Role: idp.RoleOwner})
	if err != nil {
		t.Fatal(err)
	}
	ada.open(page + "/suspend")
	ada.submit("/suspend", "reason", "enough").wants(200, page, "Suspend yourself?")
	if u, err = h.store.User(t.Context(), u.ID); err != nil || u.Status != idp.UserActive {
		t.Fatalf("suspended by one click: %s, %v", u.Status, err)
	}
	ada.submit("/suspend").wants(200, "/signin/")
	if u, err = h.store.User(t.Context(), u.ID); err != nil || u.Status != idp.UserSuspended {
		t.Fatalf("not suspended by two: %s, %v", u.Status, err)
	}
	r, err := h.store.LastReceipt(t.Context(), u.ID, idp.EndUser)
	if err != nil || r.Reason != "enough" || r.Actor.UserID != u.ID {
		t.Errorf("the receipt is %+v, %v", r, err)
	}
	// Somebody else, twice: the same receipt, and no new ending.
	first, err := h.dir.Suspend(t.Context(), u.ID, "again")
	if err != nil || first.ID != r.ID {
		t.Errorf("suspended already: %+v, %v", first, err)
	}
	if _, err := h.dir.Suspend(t.Context(), grace.ID, ""); !idp.IsKind(err, idp.Denied) {
		t.Errorf("the last owner: %v", err)
	}
}

// TestASecondClickLeadsToTheFirstReceipt: the page of the preview may be open
// in two browsers.
func TestASecondClickLeadsToTheFirstReceipt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	_, id := h.employee(ada)
	other := h.browser()
	other.open("/")
	other.signIn("ada").wants(200, "/")
	ada.open("/console/users/" + id + "/suspend")
	other.open("/console/users/" + id + "/suspend")
	ada.submit("/suspend", "reason", "first").wants(200, "/console/receipts/")
	other.submit("/suspend", "reason", "second").wants(200, ada.at, "first")
	other.open("/console/users/"+id+"/suspend").wants(200, "/console/users/"+id, "suspended")
	all, _, err := h.store.Receipts(t.Context(), idp.UserID(id), "", 10)
	if err != nil || len(all) != 1 {
		t.Errorf("%d receipts, %v", len(all), err)
	}
	ada.open("/console/users/usr_nobody/suspend").wants(404, "/console/users/")
}

func TestASuspensionIsScheduledSeenAndTakenBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	_, id := h.employee(ada)
	page := "/console/users/" + id
	later := page + "/schedule"
	ada.open(page+"/suspend").wants(200, page, "at a minute of a time zone")
	ada.open(later).wants(200, later, "Suspend Grace Hopper later?")
	ada.submit("/schedule", "at", "2030-03-31T02:30", "zone", "Europe/Berlin").wants(400, later, "put forward")
	ada.submit("/schedule", "at", "2035-12-01T17:00", "zone", "Mars").wants(400, later, "IANA name")
	ada.submit("/schedule", "at", "2035-12-01T17:00", "zone", "Europe/Berlin", "reason", "Contract ends").wants(200, page, "Suspensions to come 1", "2035-12-01 17:00 Europe/Berlin", "Contract ends", "active")
	ada.open("/console/scheduled").wants(200, "/console/scheduled", "Grace Hopper", "Ada Lovelace")
	ada.submit("/cancel").wants(200, page, "Scheduled suspension cancelled")
	ada.open("/console/scheduled").wants(200, "/console/scheduled", "None here")
	ada.open("/console/scheduled?state=all").wants(200, "/console/scheduled", "cancelled", "By Ada Lovelace")

	// Oneself, with another owner there: asked once more.
	if _, err := h.dir.AddUser(t.Context(), directory.Person{Username: "olga", Role: idp.RoleOwner}); err != nil {
		t.Fatal(err)
	}
	u, err := h.store.UserByName(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	own := "/console/users/" + string(u.ID)
	ada.open(own + "/schedule")
	ada.submit("/schedule", "at", "2035-12-01T17:00", "zone", "UTC").wants(200, own, "Suspend yourself, later?")
	ada.submit("/schedule").wants(200, own, "Suspensions to come 1")
}

func TestTheMembersOfAGroupAreSuspended(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	ada := h.owner()
	grace, id := h.employee(ada)
	u, err := h.store.UserByName(ctx, "ada")
	if err != nil {
		t.Fatal(err)
	}
	g, err := h.dir.AddGroup(ctx, "Compilers")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []idp.UserID{u.ID, idp.UserID(id)} {
		if err := h.dir.AddMember(ctx, g.ID, m); err != nil {
			t.Fatal(err)
		}
	}
	page := "/console/groups/" + string(g.ID)
	ada.open(page).wants(200, page, "Suspend the members")
	ada.open(page+"/suspend").wants(200, page, "1 of its 2 members", "whoever asked for it", "Suspend 1 person")
	ada.submit("/suspend", "reason", "Project over").wants(200, "/console/batches/bat_", "0 of 2 suspended, 2 to do", "Stop here")
	batch := ada.at
	ada.open(batch+"/cancel").wants(200, batch, "Stop suspending?")
	if _, err := h.dir.WorkBatch(ctx, "node"); err != nil {
		t.Fatal(err)
	}
	ada.open(batch).wants(200, batch, "1 of 2 suspended, 1 refused", "grace suspended Receipt", "Project over")
	ada.open(batch+"/cancel").wants(200, batch, "1 of 2 suspended")
	ada.open("/console/batches").wants(200, "/console/batches", "the members of Compilers")
	grace.open("/").wants(200, "/signin/")
	ada.open("/").wants(200, "/", "Hello, Ada")
}

// explanation is that of either tongue.
func explanation(e idp.Event) (idp.Explanation, bool) {
	if x, ok := oidc.Explain(e); ok {
		return x, true
	}
	return saml.Explain(e)
}
