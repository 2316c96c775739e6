package e2e

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/web/api/client"
)

// signIn goes the whole way of a person, mostly with a new browser: from an app
// to the sign-in pages, through both forms, back to the app. Each step may
// meet another node.
func (c *crowd) signIn(proc int, p *person) {
	select {
	case c.hashes <- struct{}{}:
		defer func() { <-c.hashes }()
	default:
		return // enough are at it
	}
	app := p.apps[mathrand.IntN(len(p.apps))]
	prompt, cookies := "", map[string]string{}
	had, again := p.draw("session", false)
	if again = again && mathrand.IntN(4) == 0; again { // in a browser that is signed in already, or was
		prompt, cookies[sessionCookie] = "login", had.secret
	} else {
		had = pass{}
	}
	start, verifier := c.request(app, prompt)
	step := func(path string, form url.Values) *reply {
		r, err := c.ask(c.anyNode(), path, form, carrying(c, cookies))
		if err != nil {
			return &reply{}
		}
		for name, value := range r.cookies {
			cookies[name] = value
		}
		return r
	}
	at := step(start, nil).header.Get("Location")
	form := url.Values{"csrf": {fieldIn(csrfField, step(at, nil).body)}, "username": {p.name}}
	form.Set("csrf", fieldIn(csrfField, step(at+"/identifier", form).body))
	if form.Get("csrf") == "" {
		return // a node was too busy for a page
	}
	form.Set("password", crowdPassword)
	var next string
	node := c.anyNode()
	c.log.record(op{Proc: proc, Op: opSignIn, User: p.id, Replaces: had.id, Node: node}, func(o *op) {
		r, err := c.ask(node, at+"/password", form, carrying(c, cookies))
		if o.end(r, err, err == nil && r.status == http.StatusSeeOther && r.cookies[sessionCookie] != "") {
			made := c.log.pass("session")
			o.Made, next = []string{made}, r.header.Get("Location")
			cookies[sessionCookie] = r.cookies[sessionCookie]
			p.hold("session", pass{id: made, secret: cookies[sessionCookie], session: made})
		}
	})
	if next != "" {
		c.answer(op{Proc: proc, Op: opResume}, p, app, p.newest(cookies[sessionCookie]), next, verifier, carrying(c, cookies))
	}
}

// newest is the session with that secret, which was just made.
func (p *person) newest(secret string) pass {
	for _, held := range p.all("session") {
		if held.secret == secret {
			return held
		}
	}
	return pass{}
}

// request is how an app sends a browser to the house.
func (c *crowd) request(app int, prompt string) (path, verifier string) {
	a := c.apps[app]
	if a.saml {
		return "/saml/sso?" + url.Values{"SAMLRequest": {c.authnRequest(a, prompt)}}.Encode(), ""
	}
	verifier = rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {a.id}, "redirect_uri": {callback}, "scope": {"openid profile offline_access"},
		"state": {rand.Text()}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	if prompt != "" {
		q.Set("prompt", prompt)
	}
	return "/oauth/authorize?" + q.Encode(), verifier
}

func (c *crowd) authnRequest(a relyingApp, prompt string) string {
	text := fmt.Sprintf(`<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"`+
		` ID="_%s" Version="2.0" IssueInstant="%s" Destination="%s/saml/sso" IsPassive="%t" ForceAuthn="%t"><saml:Issuer>%s</saml:Issuer></samlp:AuthnRequest>`,
		rand.Text(), time.Now().UTC().Format(time.RFC3339), c.url, prompt == "none", prompt == "login", a.id)
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err != nil {
		panic(err) // a level that exists
	}
	io.WriteString(w, text)
	w.Close()
	return base64.StdEncoding.EncodeToString(packed.Bytes())
}

// open opens an app from a session that the person may still have.
func (c *crowd) open(proc int, p *person) {
	s, ok := p.draw("session", false)
	if !ok {
		c.signIn(proc, p)
		return
	}
	app := p.apps[mathrand.IntN(len(p.apps))]
	prompt := ""
	if mathrand.IntN(2) == 0 {
		prompt = "none"
	}
	kind := opAuthorize
	if c.apps[app].saml {
		kind = opSSO
	}
	path, verifier := c.request(app, prompt)
	c.answer(op{Proc: proc, Op: kind}, p, app, s, path, verifier, withSession(c, s))
}

// answer asks for the house's answer to an app: an assertion, or a code, which
// most apps exchange at once.
func (c *crowd) answer(o op, p *person, app int, s pass, path, verifier string, with func(*http.Request)) {
	o.User, o.Cred, o.Node, o.For = p.id, s.id, c.anyNode(), c.apps[app].name
	if c.apps[app].saml {
		o.App, o.Session = c.apps[app].name, s.session
	}
	code := pass{app: app, session: s.session, verifier: verifier, madeAt: time.Now()}
	c.log.record(o, func(o *op) {
		r, err := c.ask(o.Node, path, nil, with)
		if c.apps[app].saml {
			if o.end(r, err, err == nil && asserted(r.body)) {
				o.Made = []string{c.log.pass("assertion")}
			}
			return
		}
		if err == nil {
			code.secret = codeIn(r)
		}
		if o.end(r, err, code.secret != "") {
			code.id = c.log.pass("code")
			o.Made = []string{code.id}
		}
	})
	switch {
	case code.id == "":
	case mathrand.IntN(5) == 0:
		p.hold("code", code)
	default:
		c.exchange(o.Proc, p, code)
	}
}

// asserted reports whether the page posts an assertion on to an app.
func asserted(page string) bool {
	response, err := base64.StdEncoding.DecodeString(fieldIn(samlField, page))
	return err == nil && bytes.Contains(response, samlPassed) && bytes.Contains(response, []byte("<saml:Assertion"))
}

func codeIn(r *reply) string {
	to, err := url.Parse(r.header.Get("Location"))
	if err != nil || !strings.HasPrefix(to.String(), callback) {
		return ""
	}
	return to.Query().Get("code")
}

// tokens are what the token endpoint hands out.
func (c *crowd) tokens(o op, p *person, app int, from pass, form url.Values) op {
	o.User, o.Cred, o.Node, o.App, o.Session = p.id, from.id, c.anyNode(), c.apps[app].name, from.session
	o.For = o.App
	return c.log.record(o, func(o *op) {
		r, err := c.ask(o.Node, "/oauth/token", form, c.apps[app].authenticate)
		var got struct {
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
		}
		if err == nil && r.status == http.StatusOK {
			err = json.Unmarshal([]byte(r.body), &got)
		}
		if !o.end(r, err, got.Access != "") {
			o.Said += " " + bodyOf(r)
			return
		}
		access := pass{id: c.log.pass("access"), secret: got.Access, app: app, session: from.session}
		o.Made = []string{access.id}
		p.hold("access", access)
		if got.Refresh != "" {
			refresh := pass{id: c.log.pass("refresh"), secret: got.Refresh, app: app, session: from.session}
			o.Made = append(o.Made, refresh.id)
			p.hold("refresh", refresh)
		}
	})
}

func bodyOf(r *reply) string {
	if r == nil {
		return ""
	}
	return r.body[:min(len(r.body), 200)]
}

func (a relyingApp) authenticate(r *http.Request) {
	r.SetBasicAuth(url.QueryEscape(a.id), url.QueryEscape(a.secret))
}

func (c *crowd) exchange(proc int, p *person, code pass) {
	c.tokens(op{Proc: proc, Op: opExchange}, p, code.app, code, url.Values{
		"grant_type": {"authorization_code"}, "code": {code.secret}, "redirect_uri": {callback}, "code_verifier": {code.verifier},
	})
}

// exchangeLate comes with a code that an app kept lying about.
func (c *crowd) exchangeLate(proc int, p *person) {
	if code, ok := p.draw("code", true); ok && time.Since(code.madeAt) < codeLife {
		c.exchange(proc, p, code)
	}
}

// refresh uses a refresh token. It is nobody else's meanwhile: two at once are
// theft. One that was refused is kept, and tried again some day.
func (c *crowd) refresh(proc int, p *person) {
	token, ok := p.draw("refresh", true)
	if !ok {
		return
	}
	o := c.rotate(proc, p, token)
	if o.Result == saidNo {
		p.hold("refresh", token)
	}
}

func (c *crowd) rotate(proc int, p *person, token pass) op {
	return c.tokens(op{Proc: proc, Op: opRefresh}, p, token.app, token, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.secret}})
}

// use presents a pass that makes no other.
func (c *crowd) use(proc int, p *person, kind string, held pass) {
	c.useAt(c.anyNode(), proc, p, kind, held)
}

func (c *crowd) useAt(node, proc int, p *person, kind string, held pass) op {
	about := ""
	if kind == opUserinfo || kind == opIntrospect {
		about = c.apps[held.app].name
	}
	return c.log.record(op{Proc: proc, Op: kind, User: p.id, Cred: held.id, For: about, Node: node}, func(o *op) {
		var r *reply
		var err error
		switch kind {
		case opUserinfo:
			r, err = c.ask(o.Node, "/oauth/userinfo", nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+held.secret) })
			o.end(r, err, err == nil && r.status == http.StatusOK)
		case opIntrospect:
			r, err = c.ask(o.Node, "/oauth/introspect", url.Values{"token": {held.secret}}, c.apps[held.app].authenticate)
			o.end(r, err, err == nil && r.status == http.StatusOK && strings.Contains(r.body, `"active":true`))
		case opPortal:
			r, err = c.ask(o.Node, "/", nil, withSession(c, held))
			o.end(r, err, err == nil && r.status == http.StatusOK)
		case opLink:
			r, err = c.ask(o.Node, held.secret, nil)
			o.end(r, err, err == nil && r.status == http.StatusOK)
		}
	})
}

// uses says which passes make no other, and where they are good.
var uses = map[string]string{opUserinfo: "access", opIntrospect: "access", opPortal: "session", opLink: "link"}

func (c *crowd) useAny(proc int, p *person, kind string) {
	if held, ok := p.draw(uses[kind], false); ok {
		c.use(proc, p, kind, held)
	}
}

// api is the admin API through a node.
func (c *crowd) api(node int) *client.Client {
	return &client.Client{URL: c.url, Token: c.token, HTTP: &http.Client{Transport: c.nodes[node], Timeout: 20 * time.Second}}
}

// endAPI writes down how a call of the API ended.
func (o *op) endAPI(err error) bool {
	problem, isAnswer := err.(*client.Problem)
	switch {
	case err == nil:
		o.Result = saidYes
		return true
	case isAnswer && problem.Status < 500:
		o.Result = saidNo
	case isAnswer:
		o.Result = tryLater
	default:
		o.Result = noAnswer
	}
	o.Said = err.Error()
	return false
}

func (c *crowd) invite(proc int, p *person) {
	c.log.record(op{Proc: proc, Op: opInvite, User: p.id, Node: c.anyNode()}, func(o *op) {
		made, err := c.api(o.Node).Invite(context.Background(), p.id)
		if o.endAPI(err) {
			link := pass{id: c.log.pass("link"), secret: made.Link}
			o.Made = []string{link.id}
			p.hold("link", link)
		}
	})
}

func (c *crowd) suspend(proc int, p *person, node int) op { return c.suspendFor(proc, p, node, "race") }

func (c *crowd) suspendFor(proc int, p *person, node int, reason string) op {
	return c.log.record(op{Proc: proc, Op: opSuspend, User: p.id, Node: node}, func(o *op) {
		receipt, err := c.api(node).Suspend(context.Background(), p.id, reason)
		o.endAPI(err)
		o.Receipt = receipt.ID
	})
}

// restore insists: a person who stays suspended by an accident would do
// nothing any more.
func (c *crowd) restore(proc int, p *person) {
	for range 10 {
		if c.restoreAt(proc, p, c.anyNode()).Result == saidYes {
			return
		}
	}
}

func (c *crowd) restoreAt(proc int, p *person, node int) op {
	return c.log.record(op{Proc: proc, Op: opRestore, User: p.id, Node: node}, func(o *op) {
		_, err := c.api(node).Restore(context.Background(), p.id)
		o.endAPI(err)
	})
}
