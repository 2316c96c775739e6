package signin

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/keys"
	"gatehouse/idp/login"
	"gatehouse/idp/login/password"
	"gatehouse/sessions"
	"gatehouse/store"
	"gatehouse/store/storetest"
	"gatehouse/web/ui"
)

// pocket is where browsers keep a device cookie, or none.
type pocket struct {
	Cookies
	session func() // told of a session
}

func (p *pocket) Device(r *http.Request) string {
	c, err := r.Cookie("device")
	if err != nil {
		return ""
	}
	return c.Value
}
func (p *pocket) SetDevice(http.ResponseWriter, string)                {}
func (p *pocket) People(*http.Request) string                          { return "" }
func (p *pocket) SetPeople(http.ResponseWriter, string, time.Duration) {}
func (p *pocket) SetSession(http.ResponseWriter, string)               { p.session() }

// crowded is a door whose hasher has a crowd in front of it until room is called.
type crowded struct {
	*SignIn
	*testing.T
	store *store.Store
	room  func()
}

const (
	annasBind     = "a raw secret of the browser, long enough"
	annasPassword = "correct horse battery"
)

func newCrowded(t *testing.T) *crowded {
	t.Helper()
	db := storetest.SQLite(t)
	box, err := keys.NewBox([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	gate := &sessions.Gate{Backend: db, Now: time.Now, Idle: time.Hour, Absolute: time.Hour}
	l := &login.Login{Store: db, Gate: gate, Hasher: password.NewHasher(password.DefaultCost()), Spellings: directory.Spellings, Box: box, Now: time.Now}
	return &crowded{SignIn: &SignIn{Gate: gate, Login: l, Directory: &directory.Directory{}, Store: db, Box: box, Now: time.Now}, T: t, store: db}
}

// busy reports whether a stranger's password is refused.
func (c *crowded) busy() bool {
	_, leave, ok := c.Login.Enter(c.Context(), "")
	if ok {
		leave()
	}
	return !ok
}

// fill keeps every slot busy with a hash that takes seconds, and the queue as full as
// strangers may fill it.
func (c *crowded) fill() {
	c.Helper()
	const dear = "$pbkdf2-sha512$2000000$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	ctx, cancel := context.WithCancel(context.Background())
	var crowd sync.WaitGroup
	c.room = func() { cancel(); crowd.Wait() }
	c.Cleanup(c.room)
	h := c.Login.Hasher
	for full := false; !full; {
		before, _, _ := h.Load()
		crowd.Go(func() { _, _, _ = h.Verify(ctx, dear, annasPassword) })
		// Who has come goes on to a slot at once where one is free.
		for waited := 0; ; waited++ {
			time.Sleep(time.Millisecond)
			now, waiting, _ := h.Load()
			if now > before {
				break
			}
			if waiting == 0 {
				waited = 0 // has not come yet
			}
			if full = waited > 200; full {
				break
			}
		}
	}
	for !c.busy() {
		crowd.Go(func() { _, _ = h.Hash(ctx, annasPassword) })
		time.Sleep(100 * time.Microsecond)
	}
}

// somebodyWaitsToBeRefused reports whether somebody waits for those before them who
// are refused.
func somebodyWaitsToBeRefused() bool {
	all := make([]byte, 1<<20)
	all = all[:runtime.Stack(all, true)]
	for one := range strings.SplitSeq(string(all), "\n\n") {
		if state, at, _ := strings.Cut(one, "\n"); strings.Contains(state, "[sync.Mutex.Lock") && strings.Contains(at, "(*SignIn).password(") {
			return true
		}
	}
	return false
}

// types posts the password, in a sign-in of its own, in a browser with this device
// secret.
func (c *crowded) types(device string) func() *httptest.ResponseRecorder {
	c.Helper()
	in, err := c.Login.Begin(c.Context(), idp.SignIn{ResumeURL: "/"}, annasBind)
	if err != nil {
		c.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/signin/"+string(in.ID)+"/password", strings.NewReader(url.Values{"username": {"anna"}, "password": {annasPassword}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetPathValue("id", string(in.ID))
	if device != "" {
		r.AddCookie(&http.Cookie{Name: "device", Value: device})
	}
	r = r.WithContext(ui.WithVisit(r.Context(), ui.Visit{Secret: annasBind, Now: time.Now()}))
	return func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		if err := c.SignIn.password(w, r); err != nil {
			c.Error(err)
		}
		return w
	}
}

// TestACrowdThatIsRefusedWaitsForItself: while the hasher is busy, strangers are
// refused one behind the other, at the price of one read; who is known waits for none
// of them; and whose turn comes when there is room again is tried, and keeps nobody
// waiting meanwhile.
func TestACrowdThatIsRefusedWaitsForItself(t *testing.T) {
	c := newCrowded(t)
	u := idp.User{ID: idp.NewUserID(), Username: "anna", Role: idp.RoleEmployee, Status: idp.UserActive, Epoch: 1, CreatedAt: time.Now(), UpdatedAt: time.Now()}
	hash, err := c.Login.Hasher.Hash(t.Context(), annasPassword)
	if err != nil {
		t.Fatal(err)
	}
	password := idp.Credential{ID: idp.NewCredentialID(), UserID: u.ID, Kind: idp.CredentialPassword, Data: hash, CreatedAt: time.Now(), UpdatedAt: time.Now()}
	if _, err := c.store.Commit(t.Context(), idp.Change{Users: []idp.User{u}, Passwords: []idp.Credential{password}}); err != nil {
		t.Fatal(err)
	}
	generation, err := c.store.Generation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hers, err := c.Gate.KnowDevice(t.Context(), idp.Proof{UserID: u.ID, Epoch: 1, Generation: generation}, "", sessions.Browser{}, idp.VouchNone)
	if err != nil {
		t.Fatal(err)
	}
	entered := 0
	c.Cookies = &pocket{session: func() {
		entered++
		if entered == 1 {
			return // she is known, and the test holds the lock
		}
		if !c.refusing.TryLock() {
			t.Error("who is tried holds up those who are refused")
			return
		}
		c.refusing.Unlock()
	}}
	first, second, known := c.types(""), c.types(""), c.types(hers.Secret)

	c.fill()
	before := c.store.Statements()
	w := first()
	if n := c.store.Statements() - before; w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || n != 1 {
		t.Errorf("a stranger in a crowd: %d, Retry-After %q, %d statements", w.Code, w.Header().Get("Retry-After"), n)
	}

	c.refusing.Lock() // somebody is being refused
	waits := make(chan *httptest.ResponseRecorder, 1)
	go func() { waits <- second() }()
	gets := make(chan *httptest.ResponseRecorder, 1)
	go func() { gets <- known() }()
	for !somebodyWaitsToBeRefused() {
		select {
		case w := <-waits:
			t.Fatalf("a stranger waits for nobody, and gets %d", w.Code)
		case <-time.After(time.Millisecond):
		}
	}
	c.room()
	if w := <-gets; w.Code != http.StatusSeeOther {
		t.Errorf("who is known: %d", w.Code)
	}
	if len(waits) != 0 || c.busy() {
		t.Fatal("the stranger did not wait, or there is no room")
	}
	c.refusing.Unlock()
	if w := <-waits; w.Code != http.StatusSeeOther || entered != 2 {
		t.Errorf("whose turn came when there was room: %d", w.Code)
	}
	if !c.refusing.TryLock() {
		t.Error("the lock is held by nobody, for ever")
	}
}
