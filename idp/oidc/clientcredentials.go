package oidc

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
	"gatehouse/idp/directory"
)

const (
	purposeApp    = "oidc.app"
	purposeAppJWT = "oidc.app.jwt" // in the jti of a JWT
)

// appPass is what an access token carries that stands for an app itself.
type appPass struct {
	App        idp.AppID   `json:"a"`
	Epoch      int64       `json:"e"` // of the app
	Generation string      `json:"g"`
	Token      idp.TokenID `json:"i"`
	Secret     string      `json:"k,omitempty"` // the name of what the app came with
	Scope      string      `json:"s"`           // space-separated
	Audience   []string    `json:"u"`
	MadeAt     int64       `json:"ia"` // microseconds
	Until      int64       `json:"x"`  // microseconds
	// Confirm names the key that must be proven to be held to use it.
	Confirm confirmation `json:"cnf,omitzero"`
}

func (t appPass) proof() idp.AppProof {
	return idp.AppProof{AppID: t.App, Epoch: t.Epoch, Generation: t.Generation, Secret: t.Secret, MadeAt: idp.Time(time.UnixMicro(t.MadeAt)), Token: t.Token}
}

// ClientCredentialsExchange is grant_type client_credentials at the token
// endpoint (RFC 6749 §4.4): a token for the app itself, without an ID token and
// without a refresh token. The client is authenticated.
func (s *server) ClientCredentialsExchange(ctx context.Context, r *op.ClientRequest[oidc.ClientCredentialsRequest]) (*op.Response, error) {
	p, by := s.p, r.Client.(*client)
	app := by.app
	scopes, ok := narrowed(app.OIDC.Scopes, r.Data.Scope)
	if !ok {
		p.note(ctx, idp.Event{Kind: "oidc.app.refuse", AppID: app.ID, Detail: map[string]string{"reason": "a scope that is not registered for it"}})
		return nil, oidc.ErrInvalidScope().WithDescription("A scope was asked for that is not registered for this client.")
	}
	bound, err := p.confirm(ctx, app, r.Header)
	if err != nil {
		return nil, err
	}
	c, err := present(r.Header, r.Form)
	if err != nil {
		return nil, err
	}
	proof, err := p.Gate.NewApp(by.truth, c.nameOf(app), by.asked)
	switch {
	case idp.IsKind(err, idp.Unauthenticated):
		return nil, p.refuseClient(ctx, app, "its secret, its keys or its registration is gone")
	case err != nil:
		return nil, fault(err)
	}
	resp, err := p.issueApp(app, proof, scopes, bound)
	if err != nil {
		return nil, fault(err)
	}
	return op.NewResponse(resp), nil
}

// nameOf names what the app authenticated with. An assertion is of one moment:
// what stays is the registration of the keys.
func (c presented) nameOf(app idp.App) string {
	if len(app.OIDC.SecretHashes) == 0 {
		return app.OIDC.KeysName()
	}
	return string(idp.SecretIDOf(directory.HashSecret(c.secret)))
}

// issueApp seals or signs the token of an app itself.
func (p *Provider) issueApp(app idp.App, proof idp.AppProof, scopes []string, bound confirmation) (*oidc.AccessTokenResponse, error) {
	audience := app.OIDC.Audiences
	if len(audience) == 0 {
		audience = []string{app.Identifier}
	}
	life := app.OIDC.AccessTTL()
	t := appPass{
		App: app.ID, Epoch: proof.Epoch, Generation: proof.Generation, Token: proof.Token, Secret: proof.Secret,
		Scope: strings.Join(scopes, " "), Audience: audience,
		MadeAt: proof.MadeAt.UnixMicro(), Until: proof.MadeAt.Add(life).UnixMicro(), Confirm: bound,
	}
	token, err := p.appToken(app, t)
	return &oidc.AccessTokenResponse{
		AccessToken: token, TokenType: bound.tokenType(), ExpiresIn: uint64(life / time.Second), Scope: scopes,
	}, err
}

func (p *Provider) appToken(app idp.App, t appPass) (string, error) {
	if app.OIDC.AccessTokenFormat != idp.AccessTokenJWT {
		return p.seal(purposeApp, t)
	}
	jti, err := p.seal(purposeAppJWT, t)
	if err != nil {
		return "", err
	}
	claims := map[string]any{
		"iss": p.Issuer, "sub": app.Identifier, "aud": oneOrMore(t.Audience), "client_id": app.Identifier, "scope": t.Scope, "jti": jti,
		"iat": time.UnixMicro(t.MadeAt).Unix(), "exp": time.UnixMicro(t.Until).Unix(),
	}
	t.Confirm.tell(claims)
	return p.Ring.Sign(algOf(app), typeAccess, claims)
}

// openApp opens what may be an app's own token; idp.Invalid if not, or too old.
func (p *Provider) openApp(token string) (t appPass, err error) {
	purpose := purposeApp
	if isJWT(token) {
		purpose = purposeAppJWT
		if token, err = p.jti(token); err != nil {
			return appPass{}, err
		}
	}
	if err := p.unseal(purpose, token, &t); err != nil {
		return appPass{}, err
	}
	if t.Token == "" || !p.now().Before(time.UnixMicro(t.Until)) {
		return appPass{}, idp.Errorf(idp.Invalid, "the token has expired")
	}
	return t, nil
}

// introspectApp answers about an app's own token: to the app, and to those that
// the token is meant for. Anybody else learns no more than that it is not good.
func (p *Provider) introspectApp(ctx context.Context, asker idp.App, token string) (introspection, error) {
	t, err := p.openApp(token)
	if idp.IsKind(err, idp.Unavailable) {
		return introspection{}, fault(err)
	}
	if err != nil || t.App != asker.ID && !slices.Contains(t.Audience, asker.Identifier) {
		return introspection{}, nil
	}
	app, err := p.Gate.App(ctx, t.proof())
	switch {
	case idp.IsKind(err, idp.Unauthenticated):
		return introspection{}, nil
	case err != nil:
		return introspection{}, fault(err)
	}
	return introspection{
		Active: true, Scope: t.Scope, ClientID: app.Identifier, TokenType: t.Confirm.tokenType(), Confirm: t.Confirm.pointer(),
		Expires: time.UnixMicro(t.Until).Unix(), IssuedAt: time.UnixMicro(t.MadeAt).Unix(),
		Subject: app.Identifier, Audience: oneOrMore(t.Audience), Issuer: p.Issuer,
	}, nil
}

// oneOrMore is an audience as a claim: a string where there is one (RFC 7519
// §4.1.3).
func oneOrMore(audience []string) any {
	if len(audience) == 1 {
		return audience[0]
	}
	return audience
}
