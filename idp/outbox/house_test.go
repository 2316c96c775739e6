package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/fetch"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

// clock runs as time does, ahead of it by what the test has moved it.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time       { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) move(d time.Duration) { c.ahead.Add(int64(d)) }

// house is a real store with people who sign in to apps.
type house struct {
	*testing.T
	*clock
	store *store.Store
	fetch *fetch.Client
	proof string // the generation
}

func newHouse(t *testing.T) *house {
	t.Helper()
	return newHouseOn(t, storetest.SQLite(t))
}

func newHouseOn(t *testing.T, s *store.Store) *house {
	t.Helper()
	c := &clock{}
	s.Now = c.now
	h := &house{T: t, clock: c, store: s}
	var err error
	h.fetch, err = fetch.New([]string{"127.0.0.1"})
	h.must(err)
	h.proof, err = s.Generation(t.Context())
	h.must(err)
	return h
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) commit(c idp.Change) {
	h.Helper()
	_, err := h.store.Commit(h.Context(), c)
	h.must(err)
}

// person adds someone who may use these apps.
func (h *house) person(name string, apps ...idp.App) idp.User {
	h.Helper()
	u := idp.User{ID: idp.NewUserID(), Username: name, Role: idp.RoleEmployee, Status: idp.UserActive, CreatedAt: idp.Time(h.now())}
	c := idp.Change{Users: []idp.User{u}}
	for _, a := range apps {
		c.Grants = append(c.Grants, idp.Grant{ID: idp.NewGrantID(), AppID: a.ID, UserID: u.ID, CreatedAt: u.CreatedAt})
	}
	h.commit(c)
	return u
}

// app registers an app whose logout URL and, if it says so, probe are at
// base. Its windows close at once, so that lines are final without a wait.
func (h *house) app(name, base string, change ...func(*idp.App)) idp.App {
	h.Helper()
	a := idp.App{
		ID: idp.NewAppID(), Name: name, Identifier: "https://" + name + ".example", Protocol: idp.ProtocolSAML, CreatedAt: idp.Time(h.now()),
		SAML: &idp.SAMLSettings{SOAPLogoutURL: base + "/logout", AssertionValidity: time.Nanosecond},
	}
	for _, f := range change {
		f(&a)
	}
	h.commit(idp.Change{Apps: []idp.App{a}})
	return a
}

// speaksOIDC makes a an OIDC app with the same logout URL.
func speaksOIDC(a *idp.App) {
	a.Protocol, a.OIDC = idp.ProtocolOIDC, &idp.OIDCSettings{BackchannelLogoutURI: a.SAML.SOAPLogoutURL}
	a.SAML = nil
}

func slowly(a *idp.App)   { a.SAML.AssertionValidity = time.Minute }
func wholly(a *idp.App)   { a.WholeUserLogout = true }
func leverOff(a *idp.App) { a.SAML.SOAPLogoutURL = "" }
func probing(a *idp.App)  { a.ProbeURL = strings.TrimSuffix(a.SAML.SOAPLogoutURL, "/logout") + "/probe" }

// signIn starts a session of u that has been in these apps.
func (h *house) signIn(u idp.User, apps ...idp.App) idp.Session {
	h.Helper()
	now := idp.Time(h.now())
	proof := idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: h.proof}
	s := idp.Session{
		ID: idp.NewSessionID(), Proof: proof, AuthTime: now, Methods: []string{"pwd"},
		CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(12 * time.Hour),
	}
	h.must(h.store.StartSession(h.Context(), s, "hash of "+string(s.ID), ""))
	for _, a := range apps {
		p, account := h.known(s, u, a)
		_, _, err := h.store.RecordAssertion(h.Context(), proof, p, account)
		h.must(err)
	}
	return s
}

// known is what is written down when u gets an answer for a.
func (h *house) known(s idp.Session, u idp.User, a idp.App) (idp.Participant, idp.Account) {
	now := idp.Time(h.now())
	return idp.Participant{SessionID: s.ID, AppID: a.ID, UserID: u.ID, SessionIndex: "_" + string(s.ID),
			NameID: idp.NameID{Value: u.Username}, FirstAt: now, LastAnswerAt: now},
		idp.Account{ID: idp.NewAccountID(), AppID: a.ID, UserID: u.ID, Subject: u.Username, FirstSeenAt: now, LastSeenAt: now}
}

// offline spends a code for refresh tokens that outlive the session.
func (h *house) offline(s idp.Session, u idp.User, a idp.App) {
	h.Helper()
	now := idp.Time(h.now())
	p, account := h.known(s, u, a)
	h.must(h.store.SpendCode(h.Context(), idp.TokenFamily{
		ID: idp.NewTokenFamilyID(), Proof: s.Proof, AppID: a.ID, SessionID: s.ID, Offline: true, Seq: 1,
		AuthTime: now, CreatedAt: now, ExpiresAt: now.Add(30 * 24 * time.Hour),
	}, p, account))
}

func (h *house) end(e idp.Ending) idp.ReceiptID {
	h.Helper()
	e.ReceiptID, e.At = idp.NewReceiptID(), idp.Time(h.now())
	e.Key = string(e.ReceiptID)
	h.commit(idp.Change{Ending: &e})
	return e.ReceiptID
}

func (h *house) suspend(u idp.User) idp.ReceiptID {
	h.Helper()
	return h.end(idp.Ending{Kind: idp.EndUser, UserID: u.ID})
}

func (h *house) restore(id idp.UserID) {
	h.Helper()
	u, err := h.store.User(h.Context(), id)
	h.must(err)
	u.Status, u.SuspendedAt = idp.UserActive, time.Time{}
	h.commit(idp.Change{Users: []idp.User{u}, Supersede: []idp.UserID{id}})
}

func (h *house) lines(id idp.ReceiptID) []idp.Delivery {
	h.Helper()
	lines, err := h.store.Deliveries(h.Context(), id)
	h.must(err)
	return lines
}

// line is the only line of the receipt in app.
func (h *house) line(id idp.ReceiptID, app idp.App) idp.Delivery {
	h.Helper()
	var found []idp.Delivery
	for _, d := range h.lines(id) {
		if d.AppID == app.ID {
			found = append(found, d)
		}
	}
	if len(found) != 1 {
		h.Fatalf("%d lines for %s, want 1: %+v", len(found), app.Name, found)
	}
	return found[0]
}

// eventually waits until the receipt is listed and ok holds for every line.
func (h *house) eventually(id idp.ReceiptID, what string, ok func(idp.Delivery) bool) []idp.Delivery {
	h.Helper()
	for end := time.Now().Add(time.Minute); ; {
		r, err := h.store.Receipt(h.Context(), id)
		h.must(err)
		lines, good := h.lines(id), true
		for _, d := range lines {
			good = good && ok(d)
		}
		if good && !r.Listing() {
			return lines
		}
		if time.Now().After(end) {
			h.Fatalf("not %s in time: listing %v, %s", what, r.Listing(), states(lines))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func final(d idp.Delivery) bool { return d.State.Final() }

func in(states ...idp.DeliveryState) func(idp.Delivery) bool {
	return func(d idp.Delivery) bool {
		for _, s := range states {
			if d.State == s {
				return true
			}
		}
		return false
	}
}

func states(lines []idp.Delivery) string {
	var b strings.Builder
	for _, d := range lines {
		fmt.Fprintf(&b, "\n%s %s attempts=%d %q", d.AppID, d.State, d.Attempts, d.Answer)
	}
	return b.String()
}

// worker is one over the real store, with levers and a probe over real HTTP.
func (h *house) worker(name string) *Worker {
	return &Worker{
		Store: h.store, Name: name, Now: h.now, Log: slog.New(slog.DiscardHandler),
		Levers: posters(h.fetch),
		Probe:  &Probe{Issuer: "https://id.example", Signer: unsigned{}, Fetch: h.fetch, Now: h.now},
		Poll:   20 * time.Millisecond, Skew: time.Nanosecond, CodeWindow: time.Nanosecond,
	}
}

// run starts w and returns what stops it and waits for its end.
func (h *house) run(w *Worker) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			h.Errorf("worker %s: %v", w.Name, err)
		}
		ended <- nil
	}
	h.Cleanup(stop)
	return stop
}

// poster is a lever with the manners of the true ones.
type poster struct {
	name  idp.Lever
	fetch *fetch.Client
}

func posters(f *fetch.Client) []Lever {
	return []Lever{poster{idp.LeverBackchannel, f}, poster{idp.LeverSOAP, f}}
}

func (p poster) Name() idp.Lever { return p.name }
func (p poster) Destroys() bool  { return false }
func (p poster) Reaches(app idp.App) bool {
	if p.name == idp.LeverSOAP {
		return app.SAML != nil && app.SAML.SOAPLogoutURL != ""
	}
	return app.OIDC != nil && app.OIDC.BackchannelLogoutURI != ""
}

func (p poster) Send(ctx context.Context, app idp.App, d idp.Delivery) (string, error) {
	form := url.Values{"subject": {d.NameID.Value}, "session": d.SessionIndexes}
	to := ""
	if app.OIDC != nil {
		to = app.OIDC.BackchannelLogoutURI
	} else {
		to = app.SAML.SOAPLogoutURL
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := p.fetch.Do(req)
	if err != nil {
		return "", err
	}
	err = idp.Errorf(idp.Unavailable, "It answered %d.", res.Status)
	switch res.Status {
	case http.StatusOK:
		return "It answered 200.", nil
	case http.StatusGone:
		return "", Permanent(err)
	}
	seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
	return "", RetryAfter(err, time.Duration(seconds)*time.Second)
}

// unsigned is a Signer for apps that do not check.
type unsigned struct{}

func (unsigned) Sign(_, _ string, claims any) (string, error) {
	b, err := json.Marshal(claims)
	return string(b), err
}

// remote is an app: it counts what it is told and answers as answer says.
type remote struct {
	*httptest.Server
	told, probes, open atomic.Int64
	sessions           chan []string // of each logout
}

func newRemote(t *testing.T, answer http.HandlerFunc) *remote {
	r := &remote{sessions: make(chan []string, 1<<16)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, req *http.Request) {
		req.ParseForm()
		r.sessions <- req.Form["session"]
		r.told.Add(1)
		if answer != nil {
			answer(w, req)
		}
	})
	mux.HandleFunc("POST /probe", func(w http.ResponseWriter, req *http.Request) {
		r.probes.Add(1)
		if n := r.open.Load(); n >= 0 {
			fmt.Fprintf(w, `{"sessions": %d}`, n)
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
	})
	r.Server = httptest.NewServer(mux)
	t.Cleanup(func() { r.CloseClientConnections(); r.Close() })
	return r
}

// status answers every logout with this status.
func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

// hang does not answer before the caller has gone.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
