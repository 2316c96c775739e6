package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Server is the mail server that takes what the house sends (RFC 6409).
type Server struct {
	host           string
	port           int
	implicit       bool // TLS from the first byte (RFC 8314 §3)
	loopback       bool
	user, password string
	from           *mail.Address
	trust          *tls.Config
}

// ParseServer reads a mail server's address, smtp://USER:PASSWORD@HOST:PORT
// (STARTTLS is demanded but on this machine; port 587) or smtps:// (TLS from the
// start; port 465), and the address that mails come from. Its errors never
// repeat the password.
func ParseServer(raw, from string) (*Server, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, errors.New("a mail server is named like smtp://user:password@mail.example.com:587 or smtps://mail.example.com; signs in the password are written as %40 for @, %3A for :, %2F for /")
	}
	s := &Server{host: u.Hostname(), port: 587, implicit: u.Scheme == "smtps", loopback: loopback(u.Hostname())}
	if s.implicit {
		s.port = 465
	}
	if p := u.Port(); p != "" {
		if s.port, err = strconv.Atoi(p); err != nil || s.port < 1 || s.port > 65535 {
			return nil, fmt.Errorf("%q is no port of a mail server", p)
		}
	}
	s.user = u.User.Username()
	s.password, _ = u.User.Password()
	if s.from, err = mail.ParseAddress(from); err != nil {
		return nil, fmt.Errorf("%q is no address that mails can come from; write it like gatehouse@example.com or Example <gatehouse@example.com>", from)
	}
	s.trust = &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}
	return s, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// patience is for each step of a conversation with the mail server.
const patience = 20 * time.Second

// letter is a mail that is ready to be handed over.
type letter struct {
	id, to, subject, text, html string
	at                          time.Time
}

// conversation is with the mail server.
type conversation struct{ client *gomail.Client }

// dial connects, and authenticates where there is a user.
func (s *Server) dial(ctx context.Context) (*conversation, error) {
	options := []gomail.Option{gomail.WithPort(s.port), gomail.WithTimeout(patience), gomail.WithTLSConfig(s.trust), gomail.WithoutNoop()}
	switch {
	case s.implicit:
		options = append(options, gomail.WithSSL())
	case s.loopback:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.user != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.user), gomail.WithPassword(s.password))
	}
	client, err := gomail.NewClient(s.host, options...)
	if err != nil {
		return nil, fmt.Errorf("set up the mail server: %w", err)
	}
	if err := client.DialWithContext(ctx); err != nil {
		return nil, fmt.Errorf("reach the mail server %s: %w", s.host, err)
	}
	return &conversation{client}, nil
}

// send hands a letter over. A *[refusal] says that trying again is of no use.
func (c *conversation) send(from *mail.Address, l letter) error {
	m := gomail.NewMsg()
	m.FromMailAddress(from)
	if err := m.To(l.to); err != nil {
		return &refusal{err}
	}
	m.Subject(l.subject)
	m.SetDateWithValue(l.at)
	m.SetMessageIDWithValue(l.id)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: no answers of machines
	m.SetBodyString(gomail.TypeTextPlain, l.text)
	m.AddAlternativeString(gomail.TypeTextHTML, l.html)
	err := c.client.Send(m)
	if failed, ok := errors.AsType[*gomail.SendError](err); ok && failed.ErrorCode() >= 500 && !failed.IsTemp() {
		return &refusal{err}
	}
	return err
}

func (c *conversation) close() { _ = c.client.Close() }

// refusal is for good.
type refusal struct{ error }

func (r *refusal) Unwrap() error { return r.error }
