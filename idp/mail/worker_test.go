package mail

import (
	"context"
	"io"
	"mime/quotedprintable"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/html"

	"gatehouse/idp"
)

var link = regexp.MustCompile(`https://id\.example\.com/link/([\w-]+)`)

// text undoes the encoding that a body travels in.
func text(t *testing.T, body string) string {
	t.Helper()
	b, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAMailGoesOutOnceWithALinkThatWorks(t *testing.T) {
	t.Parallel()
	ours, trust := certificate(t)
	s := newSink(t, ours, false)
	server := s.server("smtp", "house:s3cret%40sink@")
	server.trust = trust
	h := newHouse(t, server)
	anna := h.user("anna", "anna@example.org")
	h.queue(idp.MailRecovery, anna)
	// Two nodes.
	other := *h.Worker
	var nodes sync.WaitGroup
	for _, w := range []*Worker{h.Worker, &other} {
		nodes.Go(func() {
			if _, err := w.Send(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	nodes.Wait()
	got := s.got()
	if len(got) != 1 || got[0].to != "anna@example.org" || got[0].from != "gatehouse@example.com" || len(s.users) != 1 {
		t.Fatalf("%d letters, authenticated %v: %+v", len(got), s.users, got)
	}
	header, body := read(t, got[0].raw)
	body = text(t, body)
	for name, want := range map[string]string{"Subject": "Choose a new password for Example", "Auto-Submitted": "auto-generated",
		"From": `"Example" <gatehouse@example.com>`, "To": "<anna@example.org>"} {
		if header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, header.Get(name), want)
		}
	}
	for _, want := range []string{"text/plain", "text/html", "Hello Anna Example,", "1 March 2026 at 12:15 UTC"} {
		if !strings.Contains(body, want) {
			t.Errorf("the mail does not say %q:\n%s", want, body)
		}
	}
	found := link.FindAllStringSubmatch(body, -1)
	if len(found) != 3 { // text, button, and in full
		t.Fatalf("%d links in\n%s", len(found), body)
	}
	l, err := h.gate.Link(t.Context(), found[0][1])
	h.ok(err)
	if l.UserID != anna.ID || l.Purpose != idp.LinkRecovery || !l.ExpiresAt.Equal(h.at.Add(15*time.Minute)) {
		t.Errorf("the link is %+v", l)
	}
	if m := h.became(anna); m.State != idp.MailSent || h.events("mail.sent") != 1 || h.events("link.mail") != 1 {
		t.Errorf("%+v; %d and %d events", m, h.events("mail.sent"), h.events("link.mail"))
	}
}

// TestUN01AddressesOfEveryScriptAreMailed: the domain goes out as the DNS has it, to any
// mail server; what stands before the @ goes to one that understands it, and else the
// mail has failed, and says why.
func TestUN01AddressesOfEveryScriptAreMailed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		able                    bool
		addr, to, header, fails string
	}{
		"a domain":                    {false, "ivan@пример.рф", "ivan@xn--e1afmkfd.xn--p1ai", "<ivan@xn--e1afmkfd.xn--p1ai>", ""},
		"letters to who knows them":   {true, "josé@exämple.org", "josé@xn--exmple-cua.org", "<josé@xn--exmple-cua.org>", ""},
		"letters to who does not":     {false, "josé@example.org", "", "", "SMTPUTF8"},
		"a domain that is none, kept": {false, "ada@foo_bar.org", "ada@foo_bar.org", "<ada@foo_bar.org>", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSink(t, nil, false, func(s *smtp.Server) { s.EnableSMTPUTF8 = c.able })
			h := newHouse(t, s.server("smtp", ""))
			u := h.user("ivan", c.addr)
			h.queue(idp.MailRecovery, u)
			_, err := h.Send(t.Context())
			h.ok(err)
			m, got := h.became(u), s.got()
			if c.fails != "" {
				if m.State != idp.MailFailed || !strings.Contains(m.Answer, c.fails) || len(got) != 0 || h.events("mail.fail") != 1 {
					t.Errorf("%+v, %d letters", m, len(got))
				}
				return
			}
			if m.State != idp.MailSent || len(got) != 1 || got[0].to != c.to {
				t.Fatalf("%+v: %+v", m, got)
			}
			if header, _ := read(t, got[0].raw); header.Get("To") != c.header {
				t.Errorf("To: %s", header.Get("To"))
			}
		})
	}
}

func TestNobodyGetsAMailAfterACut(t *testing.T) {
	t.Parallel()
	s := newSink(t, nil, false)
	h := newHouse(t, s.server("smtp", ""))
	end := func(u idp.User, kind idp.EndingKind) {
		_, err := h.store.Commit(t.Context(), idp.Change{Ending: &idp.Ending{Kind: kind, UserID: u.ID, Key: string(u.ID) + string(kind), At: idp.Time(h.at), ReceiptID: idp.NewReceiptID()}})
		h.ok(err)
	}
	for name, c := range map[string]struct {
		kind idp.MailKind
		cut  func(idp.User)
	}{
		"suspended":          {idp.MailInvitation, func(u idp.User) { end(u, idp.EndUser) }},
		"suspended, noticed": {idp.MailPasswordChanged, func(u idp.User) { end(u, idp.EndUser) }},
		"suspended and restored": {idp.MailRecovery, func(u idp.User) {
			end(u, idp.EndUser)
			u, err := h.store.User(t.Context(), u.ID)
			h.ok(err)
			u.Status, u.SuspendedAt = idp.UserActive, time.Time{}
			_, err = h.store.Commit(t.Context(), idp.Change{Users: []idp.User{u}})
			h.ok(err)
		}},
		"all passes ended": {idp.MailInvitation, func(u idp.User) { end(u, idp.EndPasses) }},
	} {
		u := h.user(strings.ReplaceAll(name, " ", "-"), strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), ",", "")+"@example.org")
		h.queue(c.kind, u)
		c.cut(u)
		_, err := h.Send(t.Context())
		h.ok(err)
		if m := h.became(u); m.State != idp.MailDropped || len(s.got()) != 0 {
			t.Errorf("%s: %+v, and %d letters left", name, m, len(s.got()))
		}
	}
	// A notice of what an ending brought is sent all the same.
	u := h.user("bert", "bert@example.org")
	h.queue(idp.MailPasswordChanged, u)
	end(u, idp.EndPasses)
	_, err := h.Send(t.Context())
	h.ok(err)
	if len(s.got()) != 1 {
		t.Errorf("%d letters, want the notice: %+v", len(s.got()), h.became(u))
	}
}

// A mail that was sent takes a link with it, and a cut after that ends the link.
func TestALinkInAMailIsDeadAfterACut(t *testing.T) {
	t.Parallel()
	s := newSink(t, nil, false)
	h := newHouse(t, s.server("smtp", ""))
	u := h.user("anna", "anna@example.org")
	h.queue(idp.MailInvitation, u)
	_, err := h.Send(t.Context())
	h.ok(err)
	_, body := read(t, s.got()[0].raw)
	raw := link.FindStringSubmatch(text(t, body))[1]
	_, err = h.gate.Link(t.Context(), raw)
	h.ok(err)
	_, err = h.store.Commit(t.Context(), idp.Change{Ending: &idp.Ending{Kind: idp.EndUser, UserID: u.ID, Key: "x", At: idp.Time(h.at), ReceiptID: idp.NewReceiptID()}})
	h.ok(err)
	if _, err := h.gate.Link(t.Context(), raw); !idp.IsKind(err, idp.Unauthenticated) {
		t.Errorf("the link is still good: %v", err)
	}
}

func TestWhatTheMailServerSays(t *testing.T) {
	t.Parallel()
	s := newSink(t, nil, false)
	h := newHouse(t, s.server("smtp", ""))
	anna := h.user("anna", "anna@example.org")
	say := func(err error) { s.mu.Lock(); defer s.mu.Unlock(); s.refuse = err }

	say(&smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "try again later"})
	h.queue(idp.MailPasswordChanged, anna)
	n, err := h.Send(t.Context())
	h.ok(err)
	m := h.became(anna)
	if n != 0 || m.State != idp.MailWaiting || m.Attempts != 1 || !m.NextAt.After(h.at) || !strings.Contains(m.Answer, "try again later") {
		t.Errorf("after a passing trouble: %d, %+v", n, m)
	}
	say(nil)
	h.at = h.at.Add(time.Minute)
	if n, err := h.Send(t.Context()); n != 1 || err != nil {
		t.Errorf("sent %d, %v", n, err)
	}

	say(&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"})
	h.at = h.at.Add(time.Minute)
	h.queue(idp.MailPasswordChanged, anna)
	if _, err := h.Send(t.Context()); err != nil {
		t.Error(err)
	}
	if m := h.became(anna); m.State != idp.MailFailed || h.events("mail.fail") != 1 {
		t.Errorf("after a refusal: %+v", m)
	}
}

func TestAMailWaitsForItsServerADay(t *testing.T) {
	t.Parallel()
	nobody, err := ParseServer("smtp://127.0.0.1:1", "gatehouse@example.com")
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, nobody)
	anna := h.user("anna", "anna@example.org")
	h.queue(idp.MailInvitation, anna)
	if _, err := h.Send(t.Context()); err == nil {
		t.Error("nobody says that the mail server is away")
	}
	if m := h.became(anna); m.State != idp.MailWaiting || h.events("link.mail") != 0 {
		t.Errorf("%+v; a link was made %d times for a mail that was not sent", m, h.events("link.mail"))
	}
	h.at = h.at.Add(24 * time.Hour)
	_, _ = h.Send(t.Context())
	if m := h.became(anna); m.State != idp.MailFailed {
		t.Errorf("after a day: %+v", m)
	}
}

func TestNamesWriteNoHeaders(t *testing.T) {
	t.Parallel()
	s := newSink(t, nil, false)
	h := newHouse(t, s.server("smtp", ""))
	h.House = "Example\r\nBcc: eve@example.org"
	u := h.user("anna", "anna@example.org")
	u.DisplayName = "<b>Anna</b>\r\n\r\nSend your password to eve@example.org"
	_, err := h.store.Commit(t.Context(), idp.Change{Users: []idp.User{u}})
	h.ok(err)
	h.queue(idp.MailRecovery, u)
	_, err = h.Send(t.Context())
	h.ok(err)
	got := s.got()
	if len(got) != 1 || got[0].to != "anna@example.org" {
		t.Fatalf("%+v", got)
	}
	header, body := read(t, got[0].raw)
	if header.Get("Bcc") != "" || strings.Contains(text(t, body), "<b>Anna") && !strings.Contains(text(t, body), "&lt;b&gt;Anna") {
		t.Errorf("%v\n%s", header, body)
	}
	if strings.Contains(text(t, body), "\nSend your password") {
		t.Errorf("a name wrote a paragraph:\n%s", text(t, body))
	}
}

// TestXS04HostileNamesAreTextInMails: of each kind, whatever in it somebody else has
// named, a person, a house, a browser, a passkey.
func TestXS04HostileNamesAreTextInMails(t *testing.T) {
	t.Parallel()
	hostile := func(what string) string { return `"><img src=x onerror=alert(1)><script>` + what + `</script>` }
	shown := map[string]bool{}
	whats := []string{"house", "person", "device", "passkey"}
	for kind := range english() {
		for _, lang := range languages {
			m := idp.NewMail(kind, idp.User{Username: "anna"}, time.Now())
			m.Data = map[string]string{"device": hostile("device"), "passkey": hostile("passkey"), "address": "203.0.113.7", "left": "9", "code": "1234 5678"}
			u := idp.User{Username: "anna", DisplayName: hostile("person"), Email: "anna@example.org"}
			l, err := render(m, u, idp.Look{Name: hostile("house")}, lang, "https://id.example.com/link/x", time.Now())
			if err != nil {
				t.Fatalf("%s in %s: %v", kind, lang, err)
			}
			root, err := html.Parse(strings.NewReader(l.html))
			if err != nil {
				t.Fatal(err)
			}
			for n := range root.Descendants() {
				if n.Type == html.ElementNode && (n.Data == "img" || n.Data == "script") {
					t.Errorf("%s in %s has a <%s> of a name:\n%s", kind, lang, n.Data, l.html)
				}
				for _, what := range whats {
					shown[what] = shown[what] || n.Type == html.TextNode && strings.Contains(n.Data, hostile(what))
				}
			}
		}
	}
	for _, what := range whats {
		if !shown[what] {
			t.Errorf("no mail shows the name of a %s as it is", what)
		}
	}
}

func TestTLSIsDemandedButHere(t *testing.T) {
	t.Parallel()
	ours, trust := certificate(t)
	for name, c := range map[string]struct {
		implicit, away bool
		trusted, clear bool
		want           bool
	}{
		"STARTTLS":                  {trusted: true, want: true},
		"from the start":            {implicit: true, trusted: true, want: true},
		"a certificate of nobody":   {want: false},
		"from the start, of nobody": {implicit: true, want: false},
		"elsewhere, without TLS":    {away: true, clear: true, want: false},
		"elsewhere, with TLS":       {away: true, trusted: true, want: true},
		"here, without TLS":         {clear: true, want: true},
	} {
		with, scheme := ours, "smtp"
		if c.clear {
			with = nil
		}
		if c.implicit {
			scheme = "smtps"
		}
		s := newSink(t, with, c.implicit)
		server := s.server(scheme, "")
		server.loopback = !c.away
		if c.trusted {
			server.trust = trust
		}
		h := newHouse(t, server)
		h.queue(idp.MailPasswordChanged, h.user("anna", "anna@example.org"))
		n, err := h.Send(t.Context())
		if sent := n == 1; sent != c.want || (err == nil) != c.want {
			t.Errorf("%s: sent %v, %v", name, sent, err)
		}
		if c.want && !c.clear && s.secured != 1 {
			t.Errorf("%s: went in the clear", name)
		}
	}
}

func TestServersAreNamedByURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]*Server{
		"smtp://mail.example.com":                    {host: "mail.example.com", port: 587},
		"smtps://mail.example.com":                   {host: "mail.example.com", port: 465, implicit: true},
		"smtp://u:p%40ss@localhost:2525":             {host: "localhost", port: 2525, loopback: true, user: "u", password: "p@ss"},
		"smtp://[::1]:25":                            {host: "::1", port: 25, loopback: true},
		"https://mail.example.com":                   nil,
		"mail.example.com:25":                        nil,
		"smtp://":                                    nil,
		"smtp://mail.example.com:0":                  nil,
		"smtp://u:secretword@mail.example.com/x":     nil,
		"smtp://u:secretword@mail.example.com:99999": nil,
	} {
		got, err := ParseServer(raw, "gatehouse@example.com")
		if want == nil {
			if err == nil || strings.Contains(err.Error(), "secretword") {
				t.Errorf("%s: %v", raw, err)
			}
			continue
		}
		if err != nil || got.host != want.host || got.port != want.port || got.implicit != want.implicit || got.loopback != want.loopback ||
			got.user != want.user || got.password != want.password {
			t.Errorf("%s: %+v, %v", raw, got, err)
		}
	}
}

// Every kind is said in every language, with the same things in it.
func TestEveryMailIsWrittenInEveryLanguage(t *testing.T) {
	t.Parallel()
	braces := regexp.MustCompile(`\{\w+\}`)
	for kind, en := range english() {
		for _, lang := range languages {
			said, ok := sayings(lang)[kind]
			if !ok {
				t.Errorf("%s is not said in %s", kind, lang)
				continue
			}
			whole := func(w words) map[string]bool {
				found := map[string]bool{}
				for _, s := range append(append([]string{w.Subject}, w.Body...), w.After...) {
					for _, b := range braces.FindAllString(s, -1) {
						found[b] = true
					}
				}
				return found
			}
			if a, b := whole(en), whole(said); len(a) != len(b) {
				t.Errorf("%s in %s has %v, in English %v", kind, lang, b, a)
			}
			_, linked := purposes()[kind]
			if (said.Button != "") != linked {
				t.Errorf("%s in %s: button %q, link %v", kind, lang, said.Button, linked)
			}
			m := idp.NewMail(kind, idp.User{Username: "anna"}, time.Now())
			m.Data = map[string]string{"device": "Firefox on Linux", "address": "203.0.113.7", "passkey": "Laptop", "left": "9", "code": "1234 5678"}
			l, err := render(m, idp.User{Username: "anna", Email: "anna@example.org"}, idp.Look{Name: "Example"}, lang, "", time.Now())
			if err != nil || braces.MatchString(l.subject+l.text) {
				t.Errorf("%s in %s: %v\n%s", kind, lang, err, l.text)
			}
		}
	}
}

// moving is a store in which the person's address is changed right after it was
// read for the first time.
type moving struct {
	Store
	move func()
}

func (m *moving) User(ctx context.Context, id idp.UserID) (idp.User, error) {
	u, err := m.Store.User(ctx, id)
	if move := m.move; move != nil {
		m.move = nil
		move()
	}
	return u, err
}

// TestNoLinkGoesToAnAddressOfBefore, not even where it was changed while the mail was
// written; that it was, the address of before is told.
func TestNoLinkGoesToAnAddressOfBefore(t *testing.T) {
	t.Parallel()
	s := newSink(t, nil, false)
	h := newHouse(t, s.server("smtp", ""))
	u := h.user("anna", "old@example.org")
	h.queue(idp.MailRecovery, u)
	h.Worker.Store = &moving{Store: h.Worker.Store, move: func() {
		u.Email = "new@example.org"
		_, err := h.store.Commit(t.Context(), idp.Change{Users: []idp.User{u}, EndLinks: []idp.UserID{u.ID}})
		h.ok(err)
	}}
	_, _ = h.Send(t.Context())
	if got := s.got(); len(got) != 0 {
		t.Fatalf("sent to %s", got[0].to)
	}
	h.at = h.at.Add(time.Minute)
	_, err := h.Send(t.Context())
	h.ok(err)
	if got := s.got(); len(got) != 1 || got[0].to != "new@example.org" {
		t.Fatalf("sent %+v", got)
	}
	m := idp.NewMail(idp.MailAddressChanged, u, idp.Time(h.at))
	m.Data = map[string]string{"old": "old@example.org"}
	_, err = h.store.Commit(t.Context(), idp.Change{Mails: []idp.Mail{m}})
	h.ok(err)
	_, err = h.Send(t.Context())
	h.ok(err)
	if got := s.got(); len(got) != 2 || got[1].to != "old@example.org" {
		t.Errorf("sent %+v", got)
	}
}

// TestMailsHaveTheColourOfTheHouse, and no rule of the template's is left behind by
// what a house has set.
func TestMailsHaveTheColourOfTheHouse(t *testing.T) {
	t.Parallel()
	m := idp.Mail{Kind: idp.MailRecovery}
	for accent, want := range map[string]string{"": ownAccent, "#7a1fa2": "#7a1fa2", "#ffff00": ownAccent, "red;x:y": ownAccent} {
		l, err := render(m, idp.User{Username: "anna", Email: "anna@example.org"}, idp.Look{Name: "Example", Accent: accent}, "en", "https://id.example.com/link/x", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(l.html, want); n != 2 || strings.Count(l.html, "#ffffff") != 2 || strings.Contains(l.html, "ZgotmplZ") {
			t.Errorf("with %q, %s stands there %d times:\n%s", accent, want, n, l.html)
		}
	}
}
