package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
	"gatehouse/idp/directory"
)

// presented is how a client authenticates in one request. secret is its
// assertion when it signs one.
type presented struct {
	method     oidc.AuthMethod
	id, secret string
}

// present reads the one way in which a client authenticates (RFC 6749 §2.3:
// not more than one). The library does not tell basic from post.
func present(h http.Header, form url.Values) (presented, error) {
	inBody := form.Has("client_secret")
	switch {
	case len(h.Values("Authorization")) > 1,
		h.Get("Authorization") != "" && (inBody || form.Has("client_assertion")),
		inBody && form.Has("client_assertion"):
		return presented{}, invalidRequest("A client authenticates in one way only.")
	case form.Has("client_assertion"):
		return presentAssertion(form)
	case h.Get("Authorization") != "":
		return presentBasic(h, form)
	case form.Get("client_id") == "":
		return presented{}, invalidClient(errors.New("no client_id"))
	case inBody:
		return presented{oidc.AuthMethodPost, form.Get("client_id"), form.Get("client_secret")}, nil
	}
	return presented{method: oidc.AuthMethodNone, id: form.Get("client_id")}, nil
}

func presentBasic(h http.Header, form url.Values) (presented, error) {
	user, password, ok := (&http.Request{Header: h}).BasicAuth()
	if !ok {
		return presented{}, invalidClient(errors.New("not Basic"))
	}
	// RFC 6749 §2.3.1: both are form-encoded before they are joined.
	id, errID := url.QueryUnescape(user)
	secret, errSecret := url.QueryUnescape(password)
	if err := errors.Join(errID, errSecret); err != nil {
		return presented{}, invalidClient(errors.New("credentials are not form-encoded"))
	}
	if form.Has("client_id") && form.Get("client_id") != id {
		return presented{}, invalidRequest("client_id differs from the one in the Authorization header.")
	}
	if id == "" || secret == "" {
		return presented{}, invalidClient(errors.New("no client_id or no secret"))
	}
	return presented{oidc.AuthMethodBasic, id, secret}, nil
}

// authenticate returns the app that calls, when it authenticates exactly as
// registered.
func (p *Provider) authenticate(ctx context.Context, h http.Header, form url.Values) (idp.App, error) {
	t, err := p.authenticated(ctx, h, form)
	return t.App, err
}

// authenticated returns the same with what the app's own passes hang on.
func (p *Provider) authenticated(ctx context.Context, h http.Header, form url.Values) (idp.AppTruth, error) {
	c, err := present(h, form)
	if err != nil {
		return idp.AppTruth{}, err
	}
	t, err := p.appTruth(ctx, c.id)
	switch {
	case idp.IsKind(err, idp.NotFound):
		return idp.AppTruth{}, p.refuseClient(ctx, idp.App{}, "unknown client")
	case err != nil:
		return idp.AppTruth{}, fault(err)
	}
	return t, p.prove(ctx, c, t.App)
}

// prove answers nil when what was presented is how the app is registered to
// authenticate.
func (p *Provider) prove(ctx context.Context, c presented, app idp.App) error {
	switch {
	case c.method == oidc.AuthMethodNone && byCertificate(app):
		return p.checkCertificate(ctx, app)
	case string(c.method) != app.OIDC.AuthMethod:
		return p.refuseClient(ctx, app, "authenticated by "+string(c.method)+", registered for "+app.OIDC.AuthMethod)
	case c.method == oidc.AuthMethodNone:
		return nil
	case c.method == oidc.AuthMethodPrivateKeyJWT:
		return p.checkAssertion(ctx, app, c.secret)
	}
	hash, ok := matching(c.secret, app.OIDC.SecretHashes)
	if !ok {
		return p.wrongSecret(ctx, app)
	}
	p.secretUses.note(app.ID, hash, p.now())
	return nil
}

func (p *Provider) refuseClient(ctx context.Context, app idp.App, why string) error {
	p.note(ctx, idp.Event{Kind: "oidc.client.refuse", AppID: app.ID, Detail: map[string]string{"reason": why}})
	return invalidClient(errors.New(why))
}

// maxWrongSecrets is how many wrong secrets for one app from one address are
// answered in a minute.
const maxWrongSecrets = 20

// wrongSecret refuses a wrong secret, and soon asks an address that brings many
// to wait. The right one is taken from there all the same: with 256 random bits
// there is nothing to guess, and who is in the way of an app is nobody's to
// decide who knows its client ID.
func (p *Provider) wrongSecret(ctx context.Context, app idp.App) error {
	name, now := "client.secret|"+string(app.ID)+"|"+idp.ActorOf(ctx).Address, p.now()
	if _, shut := p.shut.Until(name, now); shut {
		return tooManySecrets()
	}
	n, until, err := p.Tries.Count(ctx, name, time.Minute, now)
	switch {
	case err != nil:
		return fault(err)
	case n > maxWrongSecrets:
		p.shut.Close(name, until, now)
		return tooManySecrets()
	}
	return p.refuseClient(ctx, app, "wrong secret")
}

func tooManySecrets() error {
	return op.NewStatusError((&oidc.Error{ErrorType: temporarilyUnavailable}).WithDescription("Too many wrong secrets. Wait a minute."), http.StatusTooManyRequests)
}

// matching returns the hash of the app's that is of this secret, compared in
// constant time with each of them. They are 256 random bits, so that one
// SHA-256 is all that is needed.
func matching(secret string, hashes []string) (hash string, ok bool) {
	given := directory.HashSecret(secret)
	for _, h := range hashes {
		if same(given, h) {
			hash, ok = h, true
		}
	}
	return hash, ok
}

// VerifyClient authenticates the client of a token or revocation request.
func (s *server) VerifyClient(ctx context.Context, r *op.Request[op.ClientCredentials]) (op.Client, error) {
	asked := s.p.now()
	t, err := s.p.authenticated(ctx, r.Header, r.Form)
	if err != nil {
		return nil, err
	}
	if g := oidc.GrantType(r.Form.Get("grant_type")); r.URL.Path == pathToken && g != "" && !slices.Contains(grantTypes(*t.App.OIDC), g) {
		return nil, oidc.ErrUnauthorizedClient().WithDescription("This client is not registered for this grant type.")
	}
	return &client{t.App, t, asked}, nil
}

// client shows an App to the library, which asks it for its grant types alone;
// the rest is what is true.
type client struct {
	app   idp.App
	truth idp.AppTruth // of which app is a part
	asked time.Time    // before any of it was read
}

func (c *client) GetID() string                    { return c.app.Identifier }
func (c *client) RedirectURIs() []string           { return c.app.OIDC.RedirectURIs }
func (c *client) PostLogoutRedirectURIs() []string { return c.app.OIDC.PostLogoutRedirectURIs }
func (c *client) AuthMethod() oidc.AuthMethod      { return oidc.AuthMethod(c.app.OIDC.AuthMethod) }
func (c *client) LoginURL(string) string           { return "" }
func (c *client) DevMode() bool                    { return false }
func (c *client) ClockSkew() time.Duration         { return 0 }
func (c *client) IDTokenLifetime() time.Duration {
	return c.app.OIDC.AccessTTL()
}
func (c *client) IDTokenUserinfoClaimsAssertion() bool { return c.app.OIDC.ClaimsInIDToken }
func (c *client) IsScopeAllowed(string) bool           { return false }
func (c *client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeBearer }
func (c *client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c *client) RestrictAdditionalIdTokenScopes() func([]string) []string     { return unchanged }
func (c *client) RestrictAdditionalAccessTokenScopes() func([]string) []string { return unchanged }

func unchanged(scopes []string) []string { return scopes }

// ApplicationType returns the registered type.
func (c *client) ApplicationType() op.ApplicationType {
	switch c.app.OIDC.ApplicationType {
	case idp.ApplicationNative:
		return op.ApplicationTypeNative
	case idp.ApplicationSinglePage:
		return op.ApplicationTypeUserAgent
	}
	return op.ApplicationTypeWeb
}

// GrantTypes returns what the client may ask at the token endpoint.
func (c *client) GrantTypes() []oidc.GrantType { return grantTypes(*c.app.OIDC) }
