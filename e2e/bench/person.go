package main

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// person is somebody with a browser that keeps cookies and follows nothing by
// itself. Its connection is its own and stays open.
type person struct {
	name  string
	house *house
	http  *http.Client
	key   *softKey // of a passkey; nil: none
}

func newPerson(h *house, name string) *person {
	p := &person{name: name, house: h, http: &http.Client{
		Timeout:       30 * time.Second,
		Transport:     wayTo(h.addr),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	p.forget()
	return p
}

// forget throws the cookies away.
func (p *person) forget() { p.http.Jar, _ = cookiejar.New(nil) } // it never fails

// leave throws the session away, and what binds a sign-in to the browser, which
// is known all the same: as it is next morning.
func (p *person) leave() {
	at, err := url.Parse(p.house.url)
	if err != nil {
		return
	}
	kept := p.http.Jar.Cookies(at)
	p.forget()
	p.http.Jar.SetCookies(at, slices.DeleteFunc(kept, func(c *http.Cookie) bool { return c.Name != "gatehouse_device" && c.Name != "gatehouse_people" }))
}

// page is an answer, read to its end.
type page struct {
	status int
	header http.Header
	body   string
	url    *url.URL
}

func (p *person) get(ctx context.Context, address string) (page, error) {
	return p.send(ctx, http.MethodGet, address, nil, nil)
}

func (p *person) post(ctx context.Context, address string, fields url.Values) (page, error) {
	return p.send(ctx, http.MethodPost, address, fields, nil)
}

func (p *person) send(ctx context.Context, method, address string, fields url.Values, header http.Header) (page, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(fields.Encode()))
	if err != nil {
		return page{}, err
	}
	if header != nil {
		req.Header = header
	}
	if fields != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := p.http.Do(req)
	if err != nil {
		return page{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	return page{res.StatusCode, res.Header, string(body), req.URL}, err
}

// location is where a page redirects to.
func (g page) location() (*url.URL, error) {
	if g.status < 300 || g.status > 399 {
		return nil, fmt.Errorf("%s answered %d and no redirect: %.300s", g.url.Path, g.status, g.body)
	}
	return g.url.Parse(g.header.Get("Location"))
}

var (
	csrfField  = regexp.MustCompile(`name="csrf" value="([^"]*)"`)
	formAction = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
)

// submit posts the form of a page with its hidden token.
func (p *person) submit(ctx context.Context, g page, fields url.Values) (page, error) {
	action, token := formAction.FindStringSubmatch(g.body), csrfField.FindStringSubmatch(g.body)
	if g.status != http.StatusOK || action == nil || token == nil {
		return page{}, fmt.Errorf("%s answered %d and no form: %.300s", g.url.Path, g.status, g.body)
	}
	to, err := g.url.Parse(html.UnescapeString(action[1]))
	if err != nil {
		return page{}, err
	}
	fields.Set("csrf", html.UnescapeString(token[1]))
	return p.post(ctx, to.String(), fields)
}

// setPassword uses the one-time link.
func (p *person) setPassword(ctx context.Context, link string) error {
	shown, err := p.get(ctx, link)
	if err != nil {
		return err
	}
	done, err := p.submit(ctx, shown, form("password", password))
	if err != nil {
		return err
	}
	_, err = done.location()
	return err
}

// toPassword begins anywhere that leads to the sign-in page, and goes on until
// the password is asked for.
func (p *person) toPassword(ctx context.Context, begin string) (page, error) {
	g, err := p.toSignIn(ctx, begin)
	if err != nil {
		return page{}, err
	}
	return p.submit(ctx, g, form("username", p.name))
}

// toSignIn begins anywhere that leads to the sign-in page, and gets it.
func (p *person) toSignIn(ctx context.Context, begin string) (page, error) {
	g, err := p.get(ctx, begin)
	if err != nil {
		return page{}, err
	}
	to, err := g.location()
	if err != nil {
		return page{}, err
	}
	return p.get(ctx, to.String())
}

// signIn begins anywhere that leads to the sign-in page, and returns where the
// sign-in leads on to.
func (p *person) signIn(ctx context.Context, begin string) (*url.URL, error) {
	g, err := p.toPassword(ctx, begin)
	if err != nil {
		return nil, err
	}
	if g, err = p.submit(ctx, g, form("username", p.name, "password", password)); err != nil {
		return nil, err
	}
	return g.location()
}
