package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"gatehouse/idp"
)

// The limits of one call, unless an [Option] says otherwise.
const (
	DefaultMaxBody = 64 << 10
	DefaultTimeout = 5 * time.Second
)

const maxHeader = 32 << 10

// Client makes outbound calls. Make one with [New] and share it: it owns the
// pool of connections. Safe for concurrent use.
type Client struct {
	allow     allowList
	addresses addresses
	http      *http.Client
}

// New returns a Client. allow lists what may be reached although it is not on
// the public internet, and over plain http: host names (exact, and of any
// address), host:port, IP addresses, networks in CIDR notation. It answers
// idp.Invalid for an entry that is none of these.
func New(allow []string) (*Client, error) { return newClient(allow, net.DefaultResolver) }

func newClient(allow []string, resolver *net.Resolver) (*Client, error) {
	list, err := newAllowList(allow)
	if err != nil {
		return nil, err
	}
	c := &Client{allow: list, addresses: newAddresses()}
	free := &net.Dialer{Timeout: DefaultTimeout, Resolver: resolver}
	guarded := &net.Dialer{Timeout: DefaultTimeout, Resolver: resolver, Control: c.control}
	transport := &http.Transport{
		Proxy: nil, // the environment does not say where we go
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if host, port, err := net.SplitHostPort(addr); err == nil && c.allow.named(host, port) {
				return free.DialContext(ctx, network, addr)
			}
			return guarded.DialContext(ctx, network, addr)
		},
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    DefaultTimeout,
		DisableCompression:     true, // what was not asked for cannot inflate
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    4,
		MaxConnsPerHost:        16,
		IdleConnTimeout:        30 * time.Second,
	}
	c.http = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// control is asked with the resolved address just before connecting to it.
func (c *Client) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("read the address to dial: %w", err)
	}
	if c.allow.address(at) || c.addresses.public(at.Addr()) {
		return nil
	}
	// The address is for the log: whoever named the host may not be meant to
	// know where it leads inside.
	return idp.Errorf(idp.Denied, "The host resolves to an address that is not on the public internet. If it should be reached, the operator allows it in GATEHOUSE_OUTBOUND_ALLOW.").
		Because(fmt.Errorf("dial %s", at.Addr()))
}

// Response is an answer, read whole.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Option changes a limit of one call.
type Option func(*limits)

type limits struct {
	body    int64
	timeout time.Duration
}

// MaxBody bounds the body of the answer in bytes.
func MaxBody(n int64) Option { return func(l *limits) { l.body = n } }

// Timeout bounds the whole call, from resolving to the last byte.
func Timeout(d time.Duration) Option { return func(l *limits) { l.timeout = d } }

// Do makes one call and reads the answer; a redirect is an answer like any
// other. Every refusal is an [idp.Error] whose Detail says in plain words what
// happened: idp.Invalid for a URL that [Client.CheckURL] refuses or an answer
// beyond the limit, idp.Denied for a name that resolves to an address that is
// not public, idp.Unavailable for what may work another time.
func (c *Client) Do(req *http.Request, opts ...Option) (*Response, error) {
	out := &Response{}
	err := c.Read(req, func(status int, header http.Header, body io.Reader) (err error) {
		out.Status, out.Header = status, header
		out.Body, err = io.ReadAll(body)
		return err
	}, opts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Read is Do of an answer that is read as it comes: take reads from its body, whose
// errors are those of Do, and what take returns is returned. What take leaves is
// not read.
func (c *Client) Read(req *http.Request, take func(status int, header http.Header, body io.Reader) error, opts ...Option) error {
	l := limits{body: DefaultMaxBody, timeout: DefaultTimeout}
	for _, o := range opts {
		o(&l)
	}
	if err := c.check(req.URL); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(req.Context(), l.timeout)
	defer cancel()
	req = req.Clone(ctx)
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "Gatehouse")
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return explain(req, err)
	}
	defer answer.Body.Close()
	return take(answer.StatusCode, answer.Header, &body{req: req, from: answer.Body, most: l.body})
}

// body is that of an answer, up to the limit.
type body struct {
	req  *http.Request
	from io.Reader
	most int64
	read int64
}

func (b *body) Read(p []byte) (int, error) {
	// One byte more than the limit says that there is more.
	n, err := b.from.Read(p[:min(int64(len(p)), b.most-b.read+1)])
	if b.read += int64(n); b.read > b.most {
		return 0, idp.Errorf(idp.Invalid, "%s answered with more than %d bytes.", b.req.URL.Host, b.most)
	}
	if err != nil && err != io.EOF {
		err = explain(b.req, err)
	}
	return n, err
}

// explain says in plain words why a call failed. The cause, for the log, is
// without the URL: its path may hold a secret of the app.
func explain(req *http.Request, err error) error {
	if e, ok := errors.AsType[*idp.Error](err); ok {
		return e
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return idp.Errorf(idp.Unavailable, "%s %s.", req.URL.Host, why(err)).Because(err)
}

func why(err error) string {
	if errors.Is(err, context.Canceled) {
		return "was not waited for"
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return "did not answer in time"
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "is a name that does not resolve"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "has no certificate that we trust for this name"
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "refused the connection"
	}
	return "could not be reached"
}
