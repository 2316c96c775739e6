package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// tokens is the answer of the token endpoint.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
}

// relying is an app's side of one authorization.
type relying struct {
	client, state, nonce, verifier string
	scope                          string
}

func newRelying(client, scope string) relying {
	return relying{client, rand.Text(), rand.Text(), rand.Text() + rand.Text(), scope}
}

func (a relying) request(h *house) string {
	challenge := sha256.Sum256([]byte(a.verifier))
	return h.url + "/oauth/authorize?" + form(
		"response_type", "code", "client_id", a.client, "redirect_uri", callback, "scope", a.scope,
		"state", a.state, "nonce", a.nonce, "code_challenge_method", "S256",
		"code_challenge", base64.RawURLEncoding.EncodeToString(challenge[:]),
	).Encode()
}

// exchange checks the answer that the browser brought, and turns its code into
// tokens.
func (a relying) exchange(ctx context.Context, p *person, answer *url.URL) (tokens, error) {
	q := answer.Query()
	switch {
	case !strings.HasPrefix(answer.String(), callback+"?"):
		return tokens{}, fmt.Errorf("the answer went to %s", answer.Path)
	case q.Get("state") != a.state || q.Get("iss") != p.house.url:
		return tokens{}, errors.New("state or issuer of the answer is wrong")
	}
	t, err := a.ask(ctx, p, form("grant_type", "authorization_code", "code", q.Get("code"),
		"redirect_uri", callback, "code_verifier", a.verifier))
	if err != nil {
		return t, err
	}
	return t, a.check(t)
}

// check looks into the ID token; the tests verify signatures.
func (a relying) check(t tokens) error {
	parts := strings.Split(t.ID, ".")
	if len(parts) != 3 {
		return errors.New("no ID token")
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return err
	}
	var claims struct{ Nonce, Aud string }
	if err := json.Unmarshal(raw, &claims); err != nil {
		return err
	}
	if claims.Nonce != a.nonce || claims.Aud != a.client {
		return errors.New("nonce or audience of the ID token is wrong")
	}
	return nil
}

func (a relying) ask(ctx context.Context, p *person, fields url.Values) (t tokens, err error) {
	return t, a.call(ctx, p, "/oauth/token", fields, &t)
}

// call posts to an endpoint as the app and reads its JSON.
func (a relying) call(ctx context.Context, p *person, path string, fields url.Values, out any) error {
	basic := base64.StdEncoding.EncodeToString([]byte(a.client + ":" + url.QueryEscape(secret)))
	return p.json(ctx, http.MethodPost, path, fields, "Basic "+basic, out)
}

func (p *person) json(ctx context.Context, method, path string, fields url.Values, authorization string, out any) error {
	g, err := p.send(ctx, method, p.house.url+path, fields, http.Header{"Authorization": {authorization}})
	if err != nil {
		return err
	}
	if g.status != http.StatusOK {
		return fmt.Errorf("%s answered %d: %.300s", path, g.status, g.body)
	}
	return json.Unmarshal([]byte(g.body), out)
}

// sso is authorization code with PKCE while a session is alive: two requests.
func sso(client string) scenario {
	return func(ctx context.Context, p *person) (operation, error) {
		if err := p.beSignedIn(ctx); err != nil {
			return nil, err
		}
		return func(ctx context.Context) error {
			_, err := p.authorize(ctx, newRelying(client, "openid profile email"))
			return err
		}, nil
	}
}

func (p *person) authorize(ctx context.Context, a relying) (tokens, error) {
	g, err := p.get(ctx, a.request(p.house))
	if err != nil {
		return tokens{}, err
	}
	answer, err := g.location()
	if err != nil {
		return tokens{}, err
	}
	return a.exchange(ctx, p, answer)
}

// beSignedIn gives the person a session.
func (p *person) beSignedIn(ctx context.Context) error {
	p.forget()
	_, err := p.signIn(ctx, p.house.url+"/signin")
	return err
}

func introspection(ctx context.Context, p *person) (operation, error) {
	a, t, err := p.tokens(ctx)
	return func(ctx context.Context) error {
		var says struct{ Active bool }
		if err := a.call(ctx, p, "/oauth/introspect", form("token", t.Access), &says); err != nil {
			return err
		}
		if !says.Active {
			return errors.New("the token is not active")
		}
		return nil
	}, err
}

func userinfo(ctx context.Context, p *person) (operation, error) {
	_, t, err := p.tokens(ctx)
	return func(ctx context.Context) error {
		var says struct{ Sub, Email string }
		if err := p.json(ctx, http.MethodGet, "/oauth/userinfo", nil, "Bearer "+t.Access, &says); err != nil {
			return err
		}
		if says.Sub == "" || !strings.HasPrefix(says.Email, p.name+"@") {
			return errors.New("userinfo speaks of somebody else")
		}
		return nil
	}, err
}

// clientCredentials is an app's token for itself: a JWT has three parts, the
// other kind can be read by the house alone.
func clientCredentials(client string) scenario {
	return func(_ context.Context, p *person) (operation, error) {
		a := relying{client: client}
		return func(ctx context.Context) error {
			t, err := a.ask(ctx, p, form("grant_type", "client_credentials", "scope", machineScope))
			if err != nil {
				return err
			}
			if t.Access == "" || strings.Count(t.Access, ".") == 2 != (client == machineJWT) {
				return errors.New("the access token is not of the format that the app is registered for")
			}
			return nil
		}, nil
	}
}

// refresh rotates one family for ever.
func refresh(ctx context.Context, p *person) (operation, error) {
	a, t, err := p.tokens(ctx)
	return func(ctx context.Context) error {
		next, err := a.ask(ctx, p, form("grant_type", "refresh_token", "refresh_token", t.Refresh))
		if err != nil {
			return err
		}
		if next.Refresh == "" || next.Refresh == t.Refresh || next.ID == "" {
			return errors.New("the refresh token was not rotated")
		}
		t = next
		return nil
	}, err
}

func (p *person) tokens(ctx context.Context) (relying, tokens, error) {
	a := newRelying(appES256, "openid profile email offline_access")
	if err := p.beSignedIn(ctx); err != nil {
		return a, tokens{}, err
	}
	t, err := p.authorize(ctx, a)
	return a, t, err
}

// passwordLogin is a sign-in with a password in a browser that the person has
// signed in with before, and the code.
func passwordLogin(_ context.Context, p *person) (operation, error) {
	return func(ctx context.Context) error {
		p.leave()
		return p.passwordAndCode(ctx)
	}, nil
}

// strangeLogin is the same in a browser that nobody has signed in with.
func strangeLogin(_ context.Context, p *person) (operation, error) {
	return func(ctx context.Context) error {
		p.forget()
		return p.passwordAndCode(ctx)
	}, nil
}

func (p *person) passwordAndCode(ctx context.Context) error {
	a := newRelying(appES256, "openid profile email")
	resume, err := p.signIn(ctx, a.request(p.house))
	if err != nil {
		return err
	}
	g, err := p.get(ctx, resume.String())
	if err != nil {
		return err
	}
	answer, err := g.location()
	if err != nil {
		return err
	}
	_, err = a.exchange(ctx, p, answer)
	return err
}
