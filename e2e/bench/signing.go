package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"net/http"
	"regexp"

	"github.com/descope/virtualwebauthn"
)

// softKey is an authenticator in software, with one key. The tests of passkeys
// have Chromium's own; here the server is measured.
type softKey struct {
	virtualwebauthn.Authenticator
	key   virtualwebauthn.Credential
	party virtualwebauthn.RelyingParty
}

// newSoftKey makes its key as devices do: the library leaves the zeros in front
// of a coordinate away, which RFC 9053 §7.1.1 forbids.
func newSoftKey(origin string) *softKey {
	const whole = 77 // bytes of a COSE key on P-256
	k := &softKey{
		Authenticator: virtualwebauthn.NewAuthenticator(),
		party:         virtualwebauthn.RelyingParty{ID: "localhost", Name: "Gatehouse", Origin: origin},
	}
	for len(k.key.ID) == 0 || len(k.key.Key.AttestationData()) != whole {
		k.key = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	return k
}

// make answers a ceremony in which a passkey is made.
func (k *softKey) make(options string) (string, error) {
	o, err := virtualwebauthn.ParseAttestationOptions(options)
	if err != nil {
		return "", err
	}
	if k.Options.UserHandle, err = base64.RawURLEncoding.DecodeString(o.UserID); err != nil {
		k.Options.UserHandle = []byte(o.UserID)
	}
	return virtualwebauthn.CreateAttestationResponse(k.party, k.Authenticator, k.key, *o), nil
}

// use answers one in which somebody signs in.
func (k *softKey) use(options string) (string, error) {
	o, err := virtualwebauthn.ParseAssertionOptions(options)
	if err != nil {
		return "", err
	}
	k.key.Counter++
	return virtualwebauthn.CreateAssertionResponse(k.party, k.Authenticator, k.key, *o), nil
}

var (
	passkeyForm  = regexp.MustCompile(`<form[^>]* action="([^"]*)"[^>]* data-passkey="([^"]*)"`)
	passkeyState = regexp.MustCompile(`name="state" value="([^"]*)"`)
)

// answerPasskey posts the form of a page that asks for a passkey, with the
// answer of a key.
func (p *person) answerPasskey(ctx context.Context, g page, answer func(options string) (string, error)) (page, error) {
	asked, state, token := passkeyForm.FindStringSubmatch(g.body), passkeyState.FindStringSubmatch(g.body), csrfField.FindStringSubmatch(g.body)
	if g.status != http.StatusOK || asked == nil || state == nil || token == nil {
		return page{}, fmt.Errorf("%s answered %d and asks for no passkey: %.300s", g.url.Path, g.status, g.body)
	}
	to, err := g.url.Parse(html.UnescapeString(asked[1]))
	if err != nil {
		return page{}, err
	}
	response, err := answer(html.UnescapeString(asked[2]))
	if err != nil {
		return page{}, err
	}
	return p.post(ctx, to.String(), form("csrf", html.UnescapeString(token[1]), "state", html.UnescapeString(state[1]), "response", response))
}

// makePasskey adds a passkey on the person's own page.
func (p *person) makePasskey(ctx context.Context) error {
	if err := p.beSignedIn(ctx); err != nil {
		return err
	}
	g, err := p.get(ctx, p.house.url+"/passkeys")
	if err != nil {
		return err
	}
	p.key = newSoftKey(p.house.url)
	if g, err = p.answerPasskey(ctx, g, p.key.make); err != nil {
		return err
	}
	_, err = g.location()
	return err
}

// passkeyLogin is a sign-in with a passkey, in a browser that the person has
// signed in with before: its page, and what its form leads on to.
func passkeyLogin(_ context.Context, p *person) (operation, error) {
	return func(ctx context.Context) error {
		p.leave()
		g, err := p.toSignIn(ctx, p.house.url+"/signin")
		if err != nil {
			return err
		}
		if g, err = p.answerPasskey(ctx, g, p.key.use); err != nil {
			return err
		}
		on, err := g.location()
		if err == nil && on.Path != "/" {
			err = fmt.Errorf("the passkey leads to %s", on.Path)
		}
		return err
	}, nil
}

// signInPage is the page on which one sign-in begins, again and again.
func signInPage(ctx context.Context, p *person) (operation, error) {
	p.forget()
	g, err := p.toSignIn(ctx, newRelying(appES256, "openid").request(p.house))
	if err != nil {
		return nil, err
	}
	address := g.url.String()
	return func(ctx context.Context) error {
		g, err := p.get(ctx, address)
		if err != nil {
			return err
		}
		if g.status != http.StatusOK || passkeyForm.FindString(g.body) == "" {
			return errors.New("the sign-in page asks for no passkey")
		}
		return nil
	}, nil
}
