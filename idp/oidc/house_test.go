package oidc_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/keys"
	"gatehouse/idp/login"
	"gatehouse/idp/oidc"
	"gatehouse/jit"
	"gatehouse/sessions"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

// Secrets of the confidential clients, and a verifier with its challenge
// (RFC 7636 appendix B).
const (
	secret    = "the secret of an app, long enough to be random"
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	callback  = "https://app.example/cb"
	goodbye   = "https://app.example/bye"
)

// clock is a clock that the test can move.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time           { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) Advance(by time.Duration) { c.ahead.Add(int64(by)) }

// house is a provider on its real store, gate, keys and directory, served over
// HTTP, with three apps and two people.
type house struct {
	t        testing.TB
	clock    *clock
	store    *store.Store
	gate     *sessions.Gate
	dir      *directory.Directory
	provider *oidc.Provider
	browser  *pages
	server   *httptest.Server
	evidence chan string

	wiki, other, phone idp.App // basic; post; native and public
	ada, bob           idp.User
}

func newHouse(t testing.TB, settings ...func(*oidc.Provider)) *house {
	t.Helper()
	h := &house{t: t, clock: &clock{}, store: storetest.SQLite(t), evidence: make(chan string, 16)}
	h.store.Now = h.clock.Now
	h.gate = &sessions.Gate{Backend: h.store, Now: h.clock.Now, Idle: time.Hour * 24, Absolute: 30 * 24 * time.Hour}
	h.dir = &directory.Directory{Store: h.store, Passes: h.gate, CheckRules: jit.CheckRules, Now: h.clock.Now}
	h.people()
	h.serve(settings)
	return h
}

func (h *house) serve(settings []func(*oidc.Provider)) {
	box, err := keys.NewBox(make([]byte, 32))
	h.must(err)
	rows, err := signingKeys()
	h.must(err)
	for _, row := range rows {
		h.must(h.store.CreateSigningKey(h.t.Context(), row))
	}
	ring := &keys.Ring{Store: h.store, Box: box, Now: h.clock.Now, Subject: "gatehouse.test"}
	h.must(ring.Load(h.t.Context()))
	h.browser = &pages{gate: h.gate, dir: h.dir}
	h.server = httptest.NewUnstartedServer(nil)
	h.provider = &oidc.Provider{
		Issuer: "http://" + h.server.Listener.Addr().String(),
		Store:  h.store, Gate: h.gate, Endings: h.dir, Consents: h.dir, Tries: h.store,
		SignIns: &login.Login{Store: h.store, Gate: h.gate, Now: h.clock.Now},
		Ring:    ring, Box: box, Salt: []byte("a salt of the house, of its tests"), Browser: h.browser, Now: h.clock.Now,
		Log: slog.New(slog.DiscardHandler),
		Claims: func(p oidc.Person, app idp.App, scopes []string) map[string]any {
			return jit.Claims(jit.Person(p), app, scopes)
		},
		Evidence: func(_ context.Context, app idp.AppID, s idp.SessionID, what string, byApp bool) error {
			h.evidence <- fmt.Sprint(app, " ", s, " ", what, " ", byApp)
			return nil
		},
	}
	for _, set := range settings {
		set(h.provider)
	}
	h.server.Config.Handler = h.provider.Handler()
	h.server.Start()
	h.t.Cleanup(h.server.Close)
}

func (h *house) people() {
	now := idp.Time(h.clock.Now())
	user := func(name string) idp.User {
		return idp.User{
			ID: idp.NewUserID(), Username: name, Email: name + "@example.com", DisplayName: strings.ToUpper(name), GivenName: name,
			Role: idp.RoleEmployee, Status: idp.UserActive, CreatedAt: now, UpdatedAt: now,
		}
	}
	sum := sha256.Sum256([]byte(secret))
	app := func(name, kind, method string, uris ...string) idp.App {
		a := idp.App{
			ID: idp.NewAppID(), Name: name, Protocol: idp.ProtocolOIDC, Identifier: name, CreatedAt: now, UpdatedAt: now,
			OIDC: &idp.OIDCSettings{
				ApplicationType: kind, AuthMethod: method, RedirectURIs: uris, PostLogoutRedirectURIs: []string{goodbye},
				IDTokenAlg: "ES256", AllowOfflineAccess: true,
			},
		}
		if method != "none" {
			a.OIDC.SecretHashes = []string{hex.EncodeToString(sum[:])}
		}
		return a
	}
	h.wiki = app("wiki", "web", "client_secret_basic", callback, "https://app.example/cb?tenant=7")
	h.other = app("other", "web", "client_secret_post", "https://other.example/cb")
	h.phone = app("phone", "native", "none", "http://127.0.0.1/cb", "com.example.phone:/cb")
	h.ada, h.bob = user("ada"), user("bob")
	staff := idp.Group{ID: idp.NewGroupID(), Name: "staff", CreatedAt: now}
	grant := func(a idp.App, u idp.UserID, g idp.GroupID) idp.Grant {
		return idp.Grant{ID: idp.NewGrantID(), AppID: a.ID, UserID: u, GroupID: g, Role: "editor", CreatedAt: now}
	}
	h.commit(idp.Change{
		Users: []idp.User{h.ada, h.bob}, Apps: []idp.App{h.wiki, h.other, h.phone}, Groups: []idp.Group{staff},
	})
	h.commit(idp.Change{
		Members: []idp.Membership{{GroupID: staff.ID, UserID: h.ada.ID, SinceAt: now}},
		Grants: []idp.Grant{
			grant(h.wiki, "", staff.ID), grant(h.other, h.ada.ID, ""), grant(h.phone, h.ada.ID, ""), grant(h.other, h.bob.ID, ""),
		},
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

// events returns the kinds of all audit lines, newest first.
func (h *house) events() []string {
	h.t.Helper()
	list, _, err := h.store.Events(h.t.Context(), idp.EventQuery{Limit: 500})
	h.must(err)
	kinds := make([]string, len(list))
	for i, e := range list {
		kinds[i] = e.Kind
	}
	return kinds
}

func (h *house) wantEvent(kind string) {
	h.t.Helper()
	if got := h.events(); !slices.Contains(got, kind) {
		h.t.Errorf("no %s among the events %v", kind, got)
	}
}

// signingKeys are made once for all houses: RSA keys take their time.
var signingKeys = sync.OnceValues(func() ([]idp.SigningKey, error) {
	box, err := keys.NewBox(make([]byte, 32))
	if err != nil {
		return nil, err
	}
	drawer := &drawer{}
	err = (&keys.Ring{Store: drawer, Box: box, Now: time.Now, Subject: "gatehouse.test"}).Load(context.Background())
	return drawer.rows, err
})

type drawer struct{ rows []idp.SigningKey }

func (d *drawer) SigningKeys(context.Context) ([]idp.SigningKey, error) { return d.rows, nil }

func (d *drawer) CreateSigningKey(_ context.Context, k idp.SigningKey) error {
	d.rows = append(d.rows, k)
	return nil
}

// log keeps what the library writes through slog's default.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// TestMain demands of all tests together that no secret gets into the log.
func TestMain(m *testing.M) {
	written := &log{}
	slog.SetDefault(slog.New(slog.NewTextHandler(written, &slog.HandlerOptions{Level: slog.LevelDebug})))
	code := m.Run()
	for _, word := range []string{secret, url.QueryEscape(secret), verifier, "eyJ"} {
		if strings.Contains(written.text.String(), word) {
			fmt.Fprintf(os.Stderr, "FAIL: the log holds %q\n", word)
			code = 1
		}
	}
	os.Exit(code)
}
