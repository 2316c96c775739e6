package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"gatehouse/idp"
	"gatehouse/sessions"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

// sink is a mail server that keeps what it is given.
type sink struct {
	*testing.T
	addr string

	mu      sync.Mutex
	letters []received
	users   []string // who authenticated
	refuse  error    // said to every recipient
	secured int      // letters that came under TLS
}

type received struct{ from, to, raw string }

// newSink serves in the clear with STARTTLS where it has a certificate, or under
// TLS from the start.
func newSink(t *testing.T, certificate *tls.Config, implicit bool, with ...func(*smtp.Server)) *sink {
	t.Helper()
	s := &sink{T: t}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &talk{sink: s, conn: c}, nil }))
	server.Domain, server.AllowInsecureAuth, server.TLSConfig = "sink", true, certificate
	server.ErrorLog = discard{}
	for _, set := range with {
		set(server)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	if implicit {
		l = tls.NewListener(l, certificate)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

type discard struct{}

func (discard) Printf(string, ...any) {}
func (discard) Println(...any)        {}

type talk struct {
	sink *sink
	conn *smtp.Conn
	mail received
}

func (t *talk) AuthMechanisms() []string { return []string{sasl.Plain} }

func (t *talk) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "s3cret@sink" {
			return smtp.ErrAuthFailed
		}
		t.sink.mu.Lock()
		defer t.sink.mu.Unlock()
		t.sink.users = append(t.sink.users, user)
		return nil
	}), nil
}

func (t *talk) Mail(from string, _ *smtp.MailOptions) error {
	t.mail = received{from: from}
	return nil
}

func (t *talk) Rcpt(to string, _ *smtp.RcptOptions) error {
	t.sink.mu.Lock()
	defer t.sink.mu.Unlock()
	t.mail.to += to
	return t.sink.refuse
}

func (t *talk) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	t.mail.raw = string(raw)
	t.sink.mu.Lock()
	defer t.sink.mu.Unlock()
	t.sink.letters = append(t.sink.letters, t.mail)
	if _, secured := t.conn.TLSConnectionState(); secured {
		t.sink.secured++
	}
	return nil
}

func (t *talk) Reset()        { t.mail = received{} }
func (t *talk) Logout() error { return nil }

func (s *sink) got() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.letters...)
}

// server is the sink as the house names it.
func (s *sink) server(scheme, user string) *Server {
	s.Helper()
	server, err := ParseServer(scheme+"://"+user+s.addr, "Example <gatehouse@example.com>")
	if err != nil {
		s.Fatal(err)
	}
	return server
}

// certificate is one for this machine, and who trusts it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	t.Cleanup(s.Close)
	trusted := x509.NewCertPool()
	trusted.AddCert(s.Certificate())
	client = &tls.Config{RootCAs: trusted, ServerName: "127.0.0.1"}
	return &tls.Config{Certificates: s.TLS.Certificates}, client
}

// house is a Worker on the real store and the real gate, under a clock.
type house struct {
	*testing.T
	*Worker
	store *store.Store
	gate  *sessions.Gate
	at    time.Time
}

func newHouse(t *testing.T, server *Server) *house {
	t.Helper()
	h := &house{T: t, store: storetest.SQLite(t), at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	now := func() time.Time { return h.at }
	h.store.Now, h.store.Mails = now, true
	h.gate = &sessions.Gate{Backend: h.store, Now: now, Idle: time.Hour, Absolute: 12 * time.Hour}
	h.Worker = &Worker{
		Store: h.store, Links: h.gate, Server: server, URL: "https://id.example.com", House: "Example",
		Now: now, Log: slog.New(slog.DiscardHandler),
	}
	return h
}

func (h *house) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) user(name, email string) idp.User {
	h.Helper()
	u := idp.User{ID: idp.NewUserID(), Username: name, Email: email, DisplayName: "Anna Example", Role: idp.RoleEmployee,
		Status: idp.UserActive, Epoch: 1, CreatedAt: idp.Time(h.at), UpdatedAt: idp.Time(h.at)}
	_, err := h.store.Commit(h.Context(), idp.Change{Users: []idp.User{u}})
	h.ok(err)
	u.Version = 1
	return u
}

func (h *house) queue(kind idp.MailKind, u idp.User) idp.Mail {
	h.Helper()
	m := idp.NewMail(kind, u, idp.Time(h.at))
	_, err := h.store.Commit(h.Context(), idp.Change{Mails: []idp.Mail{m}})
	h.ok(err)
	return m
}

// became is how the newest mail to u stands.
func (h *house) became(u idp.User) idp.Mail {
	h.Helper()
	all, err := h.store.MailsOf(h.Context(), u.ID, 1)
	h.ok(err)
	if len(all) == 0 {
		h.Fatal("there is no mail to " + u.Username)
	}
	return all[0]
}

// events counts audit lines of a kind.
func (h *house) events(kind string) int {
	h.Helper()
	all, _, err := h.store.Events(context.Background(), idp.EventQuery{Limit: 500})
	h.ok(err)
	n := 0
	for _, e := range all {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// read parses a letter, its plain text first.
func read(t *testing.T, raw string) (header netmail.Header, body string) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(m.Body)
	if err != nil {
		t.Fatal(err)
	}
	return m.Header, string(b)
}
