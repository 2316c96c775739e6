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
	"strings"
	"time"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
	"golang.org/x/net/idna"
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
	s.from.Address = onTheWire(s.from.Address)
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
type conversation struct {
	client *gomail.Client
	line   *smtp.Client
}

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
	line, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("reach the mail server %s: %w", s.host, err)
	}
	return &conversation{client, line}, nil
}

// reachable is an address as this mail server understands it. What stands before the @
// has no such form as its domain: with other letters than ASCII it takes a server that
// has SMTPUTF8 (RFC 6531).
func (c *conversation) reachable(addr string) (string, error) {
	local, _, _ := strings.Cut(addr, "@")
	if strings.ContainsFunc(local, func(r rune) bool { return r >= utf8.RuneSelf }) {
		if can, _ := c.line.Extension("SMTPUTF8"); !can {
			return "", errors.New("the mail server takes no address with other letters than a to z before the @: it does not have SMTPUTF8 (RFC 6531)")
		}
	}
	return onTheWire(addr), nil
}

// onTheWire is an address with its domain in A-labels, which the DNS has (RFC 5890
// §2.3.2.1). One that is none stays as it is: the mail server says what it is.
func onTheWire(addr string) string {
	at := strings.LastIndexByte(addr, '@')
	domain, err := idna.Lookup.ToASCII(addr[at+1:])
	if at < 1 || err != nil {
		return addr
	}
	return addr[:at+1] + domain
}

// send hands a letter over. A *[refusal] says that trying again is of no use.
func (c *conversation) send(from *mail.Address, l letter) error {
	m := gomail.NewMsg()
	m.FromMailAddress(from)
	to, err := c.reachable(l.to)
	if err == nil {
		err = m.To(to)
	}
	if err != nil {
		return &refusal{err}
	}
	m.Subject(l.subject)
	m.SetDateWithValue(l.at)
	m.SetMessageIDWithValue(l.id)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: no answers of machines
	m.SetBodyString(gomail.TypeTextPlain, l.text)
	m.AddAlternativeString(gomail.TypeTextHTML, l.html)
	err = c.client.SendWithSMTPClient(c.line, m)
	if failed, ok := errors.AsType[*gomail.SendError](err); ok && failed.ErrorCode() >= 500 && !failed.IsTemp() {
		return &refusal{err}
	}
	return err
}

func (c *conversation) close() { _ = c.client.CloseWithSMTPClient(c.line) }

// refusal is for good.
type refusal struct{ error }

func (r *refusal) Unwrap() error { return r.error }
