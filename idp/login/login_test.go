package login

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/keys"
	"gatehouse/idp/login/password"
	"gatehouse/sessions"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

const (
	bind   = "a raw secret of the browser, long enough"
	secret = "correct horse battery"
)

// house is Login on the real store and the real gate, under a clock.
type house struct {
	*testing.T
	*Login
	store *store.Store
	gate  *sessions.Gate
	clock *clock
}

// Log is the test's, not Login's.
func (h *house) Log(args ...any) { h.Helper(); h.T.Log(args...) }

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) pass(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

func newHouse(t *testing.T) *house {
	t.Helper()
	return newNode(t, storetest.SQLite(t), &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)})
}

// newNode is a house on what other nodes may stand on too.
func newNode(t *testing.T, s *store.Store, c *clock) *house {
	t.Helper()
	s.Now = c.now
	gate := &sessions.Gate{Backend: s, Now: c.now, Idle: time.Hour, Absolute: 12 * time.Hour}
	box, err := keys.NewBox(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	l := &Login{Store: s, Gate: gate, Hasher: password.New(cheap(), 2, 1000), Spellings: directory.Spellings, Box: box, Log: slog.New(slog.DiscardHandler), Now: c.now}
	return &house{T: t, Login: l, store: s, gate: gate, clock: c}
}

// from is a request from this address.
func (h *house) from(address string) context.Context {
	return idp.WithActor(h.Context(), idp.Actor{Kind: "anonymous", Address: address, CorrelationID: "req-1"})
}

func (h *house) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) is(err error, kind idp.Kind) {
	h.Helper()
	if !idp.IsKind(err, kind) {
		h.Fatalf("got %v, want an error of kind %s", err, kind)
	}
}

// user adds an active person with this password; "" for none.
func (h *house) user(name, password string) idp.User {
	h.Helper()
	u := idp.User{ID: idp.NewUserID(), Username: name, Email: name + "@example.org", Role: idp.RoleEmployee,
		Status: idp.UserActive, Epoch: 1, CreatedAt: idp.Time(h.clock.now()), UpdatedAt: idp.Time(h.clock.now())}
	change := idp.Change{Users: []idp.User{u}}
	if password != "" {
		c, err := h.credential(h.Context(), u.ID, password)
		h.ok(err)
		change.Passwords = []idp.Credential{c}
	}
	_, err := h.store.Commit(h.Context(), change)
	h.ok(err)
	u.Version = 1
	return u
}

// set sets a password by a link, in a browser that is nobody's.
func (h *house) set(ctx context.Context, link idp.Link, password, code string) error {
	_, err := h.SetPassword(ctx, link, "", password, code)
	return err
}

// mailRecovers has a link from a mail be enough for who has nothing but a password.
func (h *house) mailRecovers() {
	h.Policy = func() idp.Policy { return idp.Policy{MailRecovers: true} }
}

func (h *house) suspend(u idp.User) {
	h.Helper()
	_, err := h.store.Commit(h.Context(), idp.Change{Ending: &idp.Ending{Kind: idp.EndUser, UserID: u.ID,
		Key: "suspend/" + string(idp.NewEventID()), At: idp.Time(h.clock.now()), ReceiptID: idp.NewReceiptID()}})
	h.ok(err)
}

func (h *house) begin() idp.SignIn {
	h.Helper()
	in, err := h.Begin(h.Context(), idp.SignIn{ResumeURL: "/resume"}, bind)
	h.ok(err)
	return in
}

// try tries a password in a sign-in of its own.
func (h *house) try(address, username, password string) error {
	h.Helper()
	_, err := h.Password(h.from(address), h.begin(), username, password)
	return err
}

// hashes returns how many hashes f cost.
func (h *house) hashes(f func()) int64 {
	before := h.computed()
	f()
	return h.computed() - before
}

// events returns the events of a kind, newest first.
func (h *house) events(kind string) []idp.Event {
	h.Helper()
	all, _, err := h.store.Events(h.Context(), idp.EventQuery{Limit: 500})
	h.ok(err)
	var found []idp.Event
	for _, e := range all {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

// cheap lets tests compute many hashes.
func cheap() password.Cost { return password.Cost{Memory: 64, Passes: 1, Lanes: 1} }

// todays is how a hash of that cost begins.
const todays = "$argon2id$v=19$m=64,t=1,p=1$"
