package e2e

import (
	"context"
	"fmt"
	"html"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	crowdPassword = "four words in a row"
	callback      = "https://app.example/cb" // nobody follows it: the answer is in the redirect
	codeLife      = 45 * time.Second         // well within the life of a code
	keepPasses    = 40                       // of each kind and person
)

// crowd is people with browsers, the apps they use, and an admin, all over
// several nodes of one house. Whatever they do stands in the history.
type crowd struct {
	url    string            // public, the same for all nodes; nobody listens there
	token  string            // of the admin
	env    map[string]string // of every node
	nodes  []*http.Transport // the way to each
	away   atomic.Int32      // the node that nobody is led to, counted from 1
	apps   []relyingApp
	people []*person
	log    *history
	hashes chan struct{} // bounds the sign-ins under way: a hash is slow on purpose

	ears      string // where logout tokens go
	told      atomic.Int64
	loggedOut sync.Map // by subject
}

// relyingApp is an app as far as it speaks to the house: no pages of its own.
type relyingApp struct {
	name, id, secret string
	saml, wholeUser  bool
}

// pass is something that was handed out to a person or their app.
type pass struct {
	id, secret string
	app        int    // of codes and tokens
	session    string // the pass it came from in the end
	verifier   string // of a code
	madeAt     time.Time
}

// person holds every pass they were ever given, dead or alive.
type person struct {
	id, name string
	apps     []int  // those they use
	grant    string // of the desk, while they have it; the holder of admin changes it
	admin    sync.Mutex

	mu     sync.Mutex
	passes map[string][]pass // by kind
}

func (p *person) hold(kind string, held ...pass) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.passes[kind] = append(p.passes[kind], held...)
	if n := len(p.passes[kind]); n > keepPasses {
		i := mathrand.IntN(n)
		p.passes[kind] = append(p.passes[kind][:i:i], p.passes[kind][i+1:]...)
	}
}

// draw picks a pass, every other time the newest; used says that it is worth
// nothing to others any more.
func (p *person) draw(kind string, used bool) (pass, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := p.passes[kind]
	if len(held) == 0 {
		return pass{}, false
	}
	i := len(held) - 1
	if mathrand.IntN(2) == 0 {
		i = mathrand.IntN(len(held))
	}
	drawn := held[i]
	if used {
		p.passes[kind] = append(held[:i:i], held[i+1:]...)
	}
	return drawn, true
}

func (p *person) all(kind string) []pass {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]pass(nil), p.passes[kind]...)
}

func (p *person) holds() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, held := range p.passes {
		n += len(held)
	}
	return n
}

// reply is an answer of the house, redirects not followed.
type reply struct {
	status  int
	header  http.Header
	body    string
	cookies map[string]string
}

// wayTo leads every name to the node on addr.
func wayTo(addr string) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		},
		MaxIdleConnsPerHost: 64,
	}
}

// leave closes the ways.
func (c *crowd) leave() {
	for _, way := range c.nodes {
		way.CloseIdleConnections()
	}
}

// anyNode is where a balancer would lead a request: to none that is away.
func (c *crowd) anyNode() int {
	for {
		if n := mathrand.IntN(len(c.nodes)); !c.isAway(n) {
			return n
		}
	}
}

func (c *crowd) isAway(node int) bool { return c.away.Load() == int32(node+1) }

// ask sends one request as a browser or an app would. form nil: GET.
func (c *crowd) ask(node int, path string, form url.Values, with ...func(*http.Request)) (*reply, error) {
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	target := path
	if strings.HasPrefix(path, "/") {
		target = c.url + path
	}
	req, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, set := range with {
		set(req)
	}
	browser := http.Client{
		Transport: c.nodes[node], Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := browser.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return nil, err
	}
	r := &reply{status: res.StatusCode, header: res.Header, body: string(text), cookies: map[string]string{}}
	for _, cookie := range res.Cookies() {
		r.cookies[cookie.Name] = cookie.Value
	}
	return r, nil
}

const (
	sessionCookie = "gatehouse"
	browserCookie = "gatehouse_browser"
)

// carrying sends cookies along, and the Origin that a browser adds to a form.
func carrying(c *crowd, cookies map[string]string) func(*http.Request) {
	return func(r *http.Request) {
		for name, value := range cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		if r.Method == http.MethodPost {
			r.Header.Set("Origin", c.url)
		}
	}
}

func withSession(c *crowd, p pass) func(*http.Request) {
	return carrying(c, map[string]string{sessionCookie: p.secret})
}

// end writes down how an operation ended, and reports whether it was yes.
func (o *op) end(r *reply, err error, good bool) bool {
	switch {
	case err != nil:
		o.Result, o.Said = noAnswer, err.Error()
	case r.status >= 500 || r.status == http.StatusTooManyRequests:
		o.Result, o.Said = tryLater, fmt.Sprint(r.status)
	case good:
		o.Result = saidYes
	default:
		o.Result, o.Said = saidNo, fmt.Sprint(r.status, " ", r.header.Get("Location"))
	}
	return o.Result == saidYes
}

var (
	csrfField  = regexp.MustCompile(`name="csrf" value="([^"]+)"`)
	samlField  = regexp.MustCompile(`name="SAMLResponse" value="([^"]+)"`)
	samlPassed = []byte("urn:oasis:names:tc:SAML:2.0:status:Success")
)

func fieldIn(pattern *regexp.Regexp, page string) string {
	if m := pattern.FindStringSubmatch(page); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}
