package api_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/fetch"
	"gatehouse/idp/login"
	"gatehouse/idp/oidc"
	"gatehouse/idp/outbox"
	"gatehouse/idp/saml"
	"gatehouse/idp/saml/wire/wiretest"
	"gatehouse/jit"
	"gatehouse/sessions"
	"gatehouse/store"
	"gatehouse/store/storetest"
	"gatehouse/web/api"
	"gatehouse/web/api/client"
)

const bootstrap = "bootstrap-token-of-these-tests"

type house struct {
	t      *testing.T
	url    string
	store  *store.Store
	gate   *sessions.Gate
	dir    *directory.Directory
	routes []string
}

func newHouse(t *testing.T) *house {
	t.Helper()
	s := storetest.SQLite(t)
	gate := &sessions.Gate{Backend: s, Now: time.Now, Idle: time.Hour, Absolute: 12 * time.Hour}
	dir := &directory.Directory{Store: s, Passes: gate, CheckRules: jit.CheckRules, Now: time.Now}
	dir.Sessions.Idle, dir.Sessions.Absolute = 2*time.Hour, 12*time.Hour
	public, err := url.Parse("https://idp.example")
	if err != nil {
		t.Fatal(err)
	}
	reach, err := fetch.New([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	out := &outbox.Worker{Store: s, Now: time.Now, Levers: []outbox.Lever{&oidc.Backchannel{}, &saml.SOAPLogout{}}}
	a := &api.API{
		Outbox:    out,
		Directory: dir, Store: s, Gate: gate, URL: public, Bootstrap: bootstrap, Documents: &saml.Documents{Fetch: reach, Now: time.Now},
		Explain: oidc.Explain, ResetFactors: (&login.Login{Store: s, Now: time.Now}).RemoveSecondFactors,
		Connect: func(a idp.App, secret string) []idp.Setting {
			if a.SAML != nil {
				return saml.Connect("https://idp.example", a)
			}
			return oidc.Connect("https://idp.example", nil, a, secret)
		},
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: time.Now,
	}
	h, err := a.Handler()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return &house{t: t, url: server.URL, store: s, gate: gate, dir: dir, routes: a.Patterns()}
}

func (h *house) client(token string) *client.Client {
	return &client.Client{URL: h.url, Token: token}
}

// token adds a person of this role and returns an API token of theirs.
func (h *house) token(name string, role idp.Role) (idp.User, string) {
	h.t.Helper()
	ctx := context.Background()
	u, err := h.dir.AddUser(ctx, directory.Person{Username: name, Role: role})
	if err != nil {
		h.t.Fatal(err)
	}
	generation, err := h.store.Generation(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	raw, _, err := h.dir.AddToken(ctx, idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: generation}, "test", 0)
	if err != nil {
		h.t.Fatal(err)
	}
	return u, raw
}

func status(err error) int {
	if p, ok := errors.AsType[*client.Problem](err); ok {
		return p.Status
	}
	return 0
}

// sent is a body of {} before which something happens.
type sent func()

func (f sent) Read(b []byte) (int, error) {
	f()
	return copy(b, "{}"), io.EOF
}

// TestASlowBodyDoesNotOutliveItsToken: an owner is suspended while the body of
// their request is on the way, which would have restored them.
func TestASlowBodyDoesNotOutliveItsToken(t *testing.T) {
	h := newHouse(t)
	h.token("grace", idp.RoleOwner)
	leaver, raw := h.token("leaver", idp.RoleOwner)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/api/v1/users/leaver/restore", sent(func() {
		if _, err := h.dir.Suspend(context.WithoutCancel(t.Context()), leaver.ID, ""); err != nil {
			t.Error(err)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+raw)
	// The server asks for the body once it has let the token in.
	r.Header.Set("Expect", "100-continue")
	answer, err := (&http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	u, err := h.store.User(t.Context(), leaver.ID)
	if err != nil || u.Status != idp.UserSuspended || answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("answered %d, the person is %s (%v)", answer.StatusCode, u.Status, err)
	}
}

// TestTE02EveryRouteRefusesWhoeverIsNoOwner runs over the table of routes
// itself, so that a new one is in it.
func TestTE02EveryRouteRefusesWhoeverIsNoOwner(t *testing.T) {
	h := newHouse(t)
	h.token("grace", idp.RoleOwner)
	_, employee := h.token("ada", idp.RoleEmployee)
	gone, suspended := h.token("leaver", idp.RoleOwner)
	if _, err := h.dir.Suspend(context.Background(), gone.ID, ""); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range h.routes {
		method, path, _ := strings.Cut(pattern, " ")
		if path == "/api/v1/openapi.json" {
			continue
		}
		for token, want := range map[string]int{"": 401, "nonsense-nonsense-nonsense": 401, employee: 403, suspended: 401, bootstrap: 401} {
			req, err := http.NewRequest(method, h.url+path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			if token != "" {
				req.Header.Set("Authorization", "Bearer "+token)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != want {
				t.Errorf("%s with token %.4q: %d, want %d", pattern, token, res.StatusCode, want)
			}
			if got := res.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("%s: refused as %s", pattern, got)
			}
			if got := res.Header.Get("WWW-Authenticate"); want == 401 && got == "" {
				t.Errorf("%s: 401 without WWW-Authenticate", pattern)
			}
		}
	}
}

// TestTE02RefusalLeavesAnAuditLine: with whom it was, where that is known.
func TestTE02RefusalLeavesAnAuditLine(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	ada, employee := h.token("ada", idp.RoleEmployee)
	if _, err := h.client(employee).Suspend(ctx, "ada", ""); status(err) != 403 {
		t.Fatal(err)
	}
	found, _, err := h.store.Events(ctx, idp.EventQuery{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if e := found[0]; e.Kind != "api.refuse" || e.Actor.UserID != ada.ID || e.Detail["action"] != "POST /api/v1/users/{user}/suspend" {
		t.Errorf("the newest audit line is %+v", e)
	}
}

// TestBootstrapTokenWorksUntilThereIsAnOwner: and not one request longer.
func TestBootstrapTokenWorksUntilThereIsAnOwner(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	c := h.client(bootstrap)
	if _, err := c.AddUser(ctx, client.Person{Username: "ada"}); err != nil {
		t.Fatalf("before there is an owner: %v", err)
	}
	if _, err := c.AddToken(ctx, "mine", ""); status(err) != 401 {
		t.Errorf("nobody got an API token: %v", err)
	}
	if _, err := c.AddUser(ctx, client.Person{Username: "grace", Role: "owner"}); err != nil {
		t.Fatalf("the first owner: %v", err)
	}
	if _, err := c.Users(ctx, "", ""); status(err) != 401 {
		t.Errorf("with an owner: %v", err)
	}
}

// TestTheWholeDayOfAnAdmin walks the verbs with the Go client.
func TestTheWholeDayOfAnAdmin(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	_, token := h.token("grace", idp.RoleOwner)
	c := h.client(token)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	in, err := c.AddUser(ctx, client.Person{Username: "Ada", DisplayName: "Ada Lovelace"})
	check(err)
	if in.User.Username != "ada" || !strings.HasPrefix(in.Link, "https://idp.example/link/") {
		t.Errorf("added %+v", in)
	}
	app, err := c.AddApp(ctx, client.App{Name: "Wiki", Protocol: "oidc", Identifier: "wiki", OIDC: &client.OIDC{RedirectURIs: []string{"https://wiki.example/cb"}, AccessTokenTTL: "2m"}})
	check(err)
	if len(app.Secret) < 40 || app.OIDC.AccessTokenTTL != "2m0s" {
		t.Errorf("registered %+v", app)
	}
	shown, err := c.App(ctx, "Wiki")
	check(err)
	if shown.Secret != "" || len(shown.OIDC.SecretHashes) != 0 {
		t.Errorf("the secret, or its hash, is shown again: %+v", shown)
	}
	_, err = c.AddGroup(ctx, "Engineering")
	check(err)
	check(c.Join(ctx, "Engineering", "ada"))
	g, err := c.AddGrant(ctx, client.Grant{App: "Wiki", Group: "Engineering"})
	check(err)
	if _, err := c.AddGrant(ctx, client.Grant{App: "Wiki", Group: "Engineering"}); status(err) != 409 {
		t.Errorf("the same grant twice: %v", err)
	}
	u, err := c.User(ctx, "ADA")
	check(err)
	if len(u.Groups) != 1 || u.Groups[0] != "Engineering" {
		t.Errorf("groups %v", u.Groups)
	}
	first, err := c.Suspend(ctx, "ada", "left")
	check(err)
	again, err := c.Suspend(ctx, "ada", "left")
	check(err)
	if first.ID != again.ID || first.Kind != "user" || first.Reason != "left" {
		t.Errorf("receipts %+v and %+v", first, again)
	}
	if _, err := c.Invite(ctx, "ada"); status(err) != 409 {
		t.Errorf("a link for a suspended person: %v", err)
	}
	_, err = c.Restore(ctx, "ada")
	check(err)
	ungranted, err := c.RemoveGrant(ctx, "Wiki", g.ID)
	check(err)
	left, err := c.Leave(ctx, "Engineering", "ada")
	check(err)
	ended, err := c.EndSessions(ctx, "ada", "lost her laptop")
	check(err)
	if ungranted.Kind != "grant" || left.Kind != "grant" || ended.Kind != "passes" || ended.Reason != "lost her laptop" {
		t.Errorf("receipts %+v, %+v and %+v", ungranted, left, ended)
	}
	receipts, err := c.Receipts(ctx, "ada")
	check(err)
	if want := []string{ended.ID, left.ID, first.ID}; len(receipts) < 3 || receipts[0].ID != want[0] || receipts[1].ID != want[1] || receipts[len(receipts)-1].ID != want[2] {
		t.Errorf("receipts %+v, want among them %v", receipts, want)
	}
	events, err := c.Events(ctx, "ada")
	check(err)
	if len(events) < 4 {
		t.Errorf("%d audit lines", len(events))
	}
	if _, err := c.User(ctx, "nobody"); status(err) != 404 {
		t.Errorf("nobody: %v", err)
	}
	mine, err := c.AddToken(ctx, "pipeline", "1h")
	check(err)
	check(c.RevokeToken(ctx, mine.ID))
	if _, err := h.client(mine.Secret).Users(ctx, "", ""); status(err) != 401 {
		t.Errorf("a revoked token: %v", err)
	}
}

// TestRequestsAreReadStrictly: nothing is half understood.
func TestRequestsAreReadStrictly(t *testing.T) {
	h := newHouse(t)
	_, token := h.token("grace", idp.RoleOwner)
	for name, body := range map[string]string{
		"unknown field": `{"username":"x","admin":true}`,
		"two values":    `{"username":"x"}{"username":"y"}`,
		"not JSON":      `username=x`,
		"wrong type":    `{"username":7}`,
		"too large":     `{"username":"` + strings.Repeat("x", 2<<20) + `"}`,
	} {
		req, err := http.NewRequest(http.MethodPost, h.url+"/api/v1/users", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
}

// TestAMethodThatIsNoneIsNamed: whoever has the address and not the method is told
// which there are (RFC 9110 §15.5.6), and whoever has neither, that there is nothing.
func TestAMethodThatIsNoneIsNamed(t *testing.T) {
	h := newHouse(t)
	for asked, want := range map[string]struct {
		status int
		allow  string
		kind   idp.Kind
	}{
		"PUT /api/v1/users":                 {http.StatusMethodNotAllowed, "GET, HEAD, POST", idp.Invalid},
		"GET /api/v1/end-before":            {http.StatusMethodNotAllowed, "POST", idp.Invalid},
		"POST /api/v1/policy":               {http.StatusMethodNotAllowed, "GET, HEAD, PUT", idp.Invalid},
		"OPTIONS /api/v1/policy":            {http.StatusMethodNotAllowed, "GET, HEAD, PUT", idp.Invalid},
		"GET /api/v1/tokens/tok_1":          {http.StatusMethodNotAllowed, "DELETE", idp.Invalid},
		"DELETE /api/v1/openapi.json":       {http.StatusMethodNotAllowed, "GET, HEAD", idp.Invalid},
		"GET /api/v1/nothing-at-this-place": {http.StatusNotFound, "", idp.NotFound},
		"PUT /api/":                         {http.StatusNotFound, "", idp.NotFound},
	} {
		method, path, _ := strings.Cut(asked, " ")
		req, err := http.NewRequest(method, h.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var p client.Problem
		err = json.NewDecoder(res.Body).Decode(&p)
		res.Body.Close()
		if err != nil {
			t.Errorf("%s: %v", asked, err)
		}
		if res.StatusCode != want.status || p.Status != want.status || p.Title != http.StatusText(want.status) || p.Kind != string(want.kind) ||
			res.Header.Get("Allow") != want.allow || !strings.Contains(p.Detail, want.allow) ||
			res.Header.Get("Content-Type") != "application/problem+json" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, Allow %q, %+v", asked, res.StatusCode, res.Header.Get("Allow"), p)
		}
	}
}

// TestOpenAPINamesEveryRoute: the document is made from the table, and its
// references lead somewhere.
func TestOpenAPINamesEveryRoute(t *testing.T) {
	h := newHouse(t)
	var doc struct {
		Paths      map[string]map[string]any `json:"paths"`
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := h.client("").Do(context.Background(), http.MethodGet, "/openapi.json", nil, &doc); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range h.routes {
		method, path, _ := strings.Cut(pattern, " ")
		if doc.Paths[path][strings.ToLower(method)] == nil {
			t.Errorf("%s is not in the document", pattern)
		}
	}
	for _, name := range []string{"User", "UserPage", "Receipt", "Line", "DesiredUser", "Problem"} {
		if len(doc.Components.Schemas[name].Properties) == 0 {
			t.Errorf("shape %s is missing or empty", name)
		}
	}
	if doc.Components.Schemas["DesiredUser"].Properties["username"] == nil {
		t.Error("an embedded field is missing")
	}
}

// TestSuspendingOneselfTakesAWordMore: and whom it cannot be is said in words.
func TestSuspendingOneselfTakesAWordMore(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	grace, token := h.token("grace", idp.RoleOwner)
	c := h.client(token)
	if _, err := c.Suspend(ctx, "nobody", ""); status(err) != 404 || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("who does not exist: %v", err)
	}
	if _, err := c.Suspend(ctx, string(idp.NewUserID()), ""); status(err) != 404 {
		t.Errorf("an ID that does not exist: %v", err)
	}
	for _, suspend := range []func(context.Context, string, string) (client.Receipt, error){c.Suspend, c.SuspendMyself} {
		if _, err := suspend(ctx, "grace", ""); status(err) != 403 || !strings.Contains(err.Error(), "Make someone else an owner first") {
			t.Errorf("the last owner: %v", err)
		}
	}
	h.token("ada", idp.RoleOwner)
	if _, err := c.Suspend(ctx, "grace", ""); status(err) != 400 || !strings.Contains(err.Error(), `"myself": true`) {
		t.Errorf("oneself: %v", err)
	}
	if u, err := h.store.User(ctx, grace.ID); err != nil || u.Status != idp.UserActive {
		t.Fatalf("suspended: %v, %v", u.Status, err)
	}
	r, err := c.SuspendMyself(ctx, "grace", "enough")
	if err != nil || r.Kind != "user" {
		t.Errorf("oneself, surely: %+v, %v", r, err)
	}
	if u, err := h.store.User(ctx, grace.ID); err != nil || u.Status != idp.UserSuspended {
		t.Errorf("not suspended: %v, %v", u.Status, err)
	}
}

// TestAnAppIsRemovedByAnOwner: one that registered itself too.
func TestAnAppIsRemovedByAnOwner(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	_, token := h.token("grace", idp.RoleOwner)
	c := h.client(token)
	made, err := h.dir.AddApp(ctx, idp.App{Name: "wiki", Protocol: idp.ProtocolOIDC, OIDC: &idp.OIDCSettings{
		AuthMethod: "none", RedirectURIs: []string{"https://wiki.example/cb"},
		RegisteredBy: "iat_x", RegistrationTokenHash: directory.HashSecret("managing"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	is := func(itself, removed bool) {
		t.Helper()
		a, err := c.App(ctx, string(made.ID))
		if err != nil || a.RegisteredBy != "iat_x" || a.ManagesItself != itself || a.Removed != removed {
			t.Errorf("it is %+v, %v", a, err)
		}
	}
	is(true, false)
	if err := c.RevokeRegistration(ctx, "wiki"); err != nil {
		t.Error(err)
	}
	is(false, false)
	if err := c.RevokeRegistration(ctx, "wiki"); status(err) != 404 {
		t.Errorf("taken away twice: %v", err)
	}
	if _, err := c.RemoveApp(ctx, "wiki", strings.Repeat("x", 501)); status(err) != 400 {
		t.Errorf("for a reason without end: %v", err)
	}
	is(false, false)
	r, err := c.RemoveApp(ctx, "wiki", "gone & away")
	if err != nil || r.Kind != "app" || r.Reason != "gone & away" {
		t.Errorf("removed with %+v, %v", r, err)
	}
	is(false, true)
	if _, err := c.RemoveApp(ctx, "nobody", ""); status(err) != 404 {
		t.Errorf("nobody's app: %v", err)
	}
}

// TestSA27TheAPITakesOfAFederationWhatItSigned: read, registered and applied.
func TestSA27TheAPITakesOfAFederationWhatItSigned(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	_, token := h.token("grace", idp.RoleOwner)
	c := h.client(token)
	key, cert := wiretest.Key(t)
	pin := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	entity := func(name string) string {
		return `<md:EntityDescriptor entityID="urn:` + name + `"><md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` +
			`<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://` + name + `.example/acs" index="0"/></md:SPSSODescriptor></md:EntityDescriptor>`
	}
	text := `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + wiretest.Unsigned("") + entity("crm") + entity("desk") + `</md:EntitiesDescriptor>`
	signed := string(wiretest.Sign(t, []byte(text), key, cert, "urn:oasis:names:tc:SAML:2.0:metadata:EntitiesDescriptor"))
	published := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, signed) }))
	t.Cleanup(published.Close)
	for name, from := range map[string]client.MetadataSource{"text": {Metadata: signed}, "address": {URL: published.URL}} {
		from.Pin = pin
		if _, err := c.ReadMetadata(ctx, from); status(err) != 400 || !strings.Contains(err.Error(), "holds 2 service providers") {
			t.Errorf("%s: %v", name, err)
		}
		from.EntityID = "urn:desk"
		if m, err := c.ReadMetadata(ctx, from); err != nil || m.SAML.ACS[0].URL != "https://desk.example/acs" {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	for words, from := range map[string]client.MetadataSource{
		"not signed, and a certificate is pinned": {Metadata: strings.Replace(text, wiretest.Unsigned(""), "", 1), Pin: pin},
		"was changed after":                       {Metadata: strings.Replace(signed, "desk.example", "evil.example", 1), Pin: pin},
		"one PEM block":                           {Metadata: signed, Pin: "none"},
	} {
		if _, err := c.ReadMetadata(ctx, from); status(err) != 400 || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", words, err)
		}
	}
	// Without a pin, which one is said all the same, and nothing vouches for it.
	if m, err := c.ReadMetadata(ctx, client.MetadataSource{URL: published.URL, EntityID: "urn:crm"}); err != nil || m.EntityID != "urn:crm" {
		t.Errorf("%+v, %v", m, err)
	}
	desk := client.App{Name: "Desk", Protocol: "saml", Identifier: "urn:desk", SAML: &client.SAML{MetadataURL: published.URL, MetadataPin: pin}}
	good := signed
	signed = strings.Replace(good, "crm.example", "evil.example", 1)
	if _, err := c.AddApp(ctx, desk); status(err) != 400 || !strings.Contains(err.Error(), "was changed after") {
		t.Errorf("registered of what the pin has not signed: %v", err)
	}
	signed = good
	if a, err := c.AddApp(ctx, desk); err != nil || a.SAML.ACS[0].URL != "https://desk.example/acs" {
		t.Fatalf("%+v, %v", a, err)
	}
	if done, err := c.ApplyMetadata(ctx, "Desk", client.MetadataSource{Metadata: good, Pin: pin}, false); err != nil || len(done.Changes) != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if _, err := c.ApplyMetadata(ctx, "Desk", client.MetadataSource{Metadata: strings.Replace(good, "desk.example", "evil.example", 1), Pin: pin}, false); status(err) != 400 {
		t.Errorf("applied: %v", err)
	}
}

// TestSA27MetadataOfAnAppIsChangedByTheAPI: read, compared, then changed.
func TestSA27MetadataOfAnAppIsChangedByTheAPI(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	_, token := h.token("grace", idp.RoleOwner)
	c := h.client(token)
	document := `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="urn:crm"><md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` +
		`<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://crm.example/acs" index="0"/></md:SPSSODescriptor></md:EntityDescriptor>`
	read, err := c.ReadMetadata(ctx, client.MetadataSource{Metadata: document})
	if err != nil || read.EntityID != "urn:crm" || len(read.Warnings) == 0 || read.Changes != nil {
		t.Fatalf("read %+v, %v", read, err)
	}
	if _, err := c.AddApp(ctx, client.App{Name: "CRM", Protocol: "saml", SAML: &client.SAML{Metadata: document}}); err != nil {
		t.Fatal(err)
	}
	moved := client.MetadataSource{Metadata: strings.Replace(document, "/acs", "/v2", 1)}
	if read, err = c.ReadMetadata(ctx, moved); err != nil || len(read.Changes) != 1 {
		t.Errorf("read %+v, %v", read, err)
	}
	for _, dryRun := range []bool{true, false} {
		done, err := c.ApplyMetadata(ctx, "CRM", moved, dryRun)
		if err != nil || done.DryRun != dryRun || len(done.Changes) != 1 || done.Changes[0].New != "https://crm.example/v2 (index 0)" {
			t.Errorf("applied %+v, %v", done, err)
		}
		if a, err := c.App(ctx, "CRM"); err != nil || (a.SAML.ACS[0].URL == "https://crm.example/acs") != dryRun {
			t.Errorf("it is %+v, %v", a.SAML, err)
		}
	}
	for name, from := range map[string]client.MetadataSource{
		"nothing": {}, "both": {Metadata: document, URL: "https://crm.example"}, "another": {Metadata: strings.Replace(document, "urn:crm", "urn:evil", 1)},
	} {
		if _, err := c.ApplyMetadata(ctx, "CRM", from, false); status(err) != 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r, err := c.RemoveApp(ctx, "CRM", "gone"); err != nil || r.Kind != "app" {
		t.Errorf("removed with %+v, %v", r, err)
	}
	if a, err := c.App(ctx, "CRM"); err != nil || !a.Removed {
		t.Errorf("it is %+v, %v", a, err)
	}
}
