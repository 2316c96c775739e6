package saas

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// OIDC makes the app a relying party.
type OIDC struct {
	Issuer       string
	ClientID     string
	ClientSecret string // empty: a public client
	Offline      bool   // also ask for a refresh token (offline_access)
}

// relyingParty is the app's OpenID Connect half: authorization code with PKCE, ID token and userinfo.
type relyingParty struct {
	app      *App
	cfg      OIDC
	issuer   *url.URL
	metadata *lazy[*metadata]
}

// metadata is what discovery says, with the key set that belongs to it.
type metadata struct {
	provider   *oidc.Provider
	verifier   *oidc.IDTokenVerifier
	endSession string
	userInfo   bool
	issInReply bool // RFC 9207: every answer carries iss
}

func newRelyingParty(a *App, cfg OIDC) (*relyingParty, error) {
	issuer, err := url.Parse(cfg.Issuer)
	if err != nil || issuer.Host == "" {
		return nil, fmt.Errorf("issuer %q is not a URL", cfg.Issuer)
	}
	if cfg.ClientID == "" {
		return nil, errors.New("a client ID is needed")
	}
	p := &relyingParty{app: a, cfg: cfg, issuer: issuer}
	p.metadata = &lazy[*metadata]{now: a.cfg.Now, fetch: p.discover}
	return p, nil
}

func (p *relyingParty) register(mux *http.ServeMux) {
	mux.Handle("GET "+CallbackPath, p.app.page(p.callback))
	mux.HandleFunc("POST "+BackchannelLogoutPath, p.backchannelLogout)
	mux.HandleFunc("GET "+FrontchannelPath, p.frontchannelLogout)
}

func (p *relyingParty) origin() string { return p.issuer.Scheme + "://" + p.issuer.Host }

// with puts the app's HTTP client where go-oidc and oauth2 look for it.
func (p *relyingParty) with(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.app.cfg.HTTP)
}

func (p *relyingParty) discover() (*metadata, error) {
	provider, err := oidc.NewProvider(p.with(context.Background()), p.cfg.Issuer)
	if err != nil {
		return nil, fmt.Errorf("discover %s: %w", p.cfg.Issuer, err)
	}
	var more struct {
		EndSession string `json:"end_session_endpoint"`
		UserInfo   string `json:"userinfo_endpoint"`
		IssInReply bool   `json:"authorization_response_iss_parameter_supported"`
	}
	if err := provider.Claims(&more); err != nil {
		return nil, fmt.Errorf("read discovery of %s: %w", p.cfg.Issuer, err)
	}
	return &metadata{
		provider:   provider,
		verifier:   provider.Verifier(&oidc.Config{ClientID: p.cfg.ClientID, Now: p.app.cfg.Now}),
		endSession: more.EndSession, userInfo: more.UserInfo != "", issInReply: more.IssInReply,
	}, nil
}

func (p *relyingParty) oauth2(m *metadata) *oauth2.Config {
	endpoint := m.provider.Endpoint()
	// Left to find out by itself, oauth2 would send the code twice, and a code sent twice ends the
	// tokens it bought.
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if p.cfg.ClientSecret == "" {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	scopes := []string{oidc.ScopeOpenID, "profile", "email", "groups"}
	if p.cfg.Offline {
		scopes = append(scopes, oidc.ScopeOfflineAccess)
	}
	return &oauth2.Config{
		ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret, Endpoint: endpoint,
		RedirectURL: p.app.cfg.BaseURL + CallbackPath, Scopes: scopes,
	}
}

func (p *relyingParty) begin(_ context.Context, b *begun) (string, error) {
	m, err := p.metadata.get()
	if err != nil {
		return "", err
	}
	b.nonce, b.verifier = newSecret(), oauth2.GenerateVerifier()
	return p.oauth2(m).AuthCodeURL(b.state, oidc.Nonce(b.nonce), oauth2.S256ChallengeOption(b.verifier)), nil
}

// callback is the redirect URI. Nothing in the answer is believed before the state is found and belongs
// to this browser, and iss names the issuer that was asked (RFC 9207 §2.4).
func (p *relyingParty) callback(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	for name, values := range q {
		if len(values) > 1 { // RFC 6749 §3.1: no parameter twice
			return p.app.refused(fmt.Errorf("parameter %q came twice", clip(name, 64)))
		}
	}
	b, ok := p.app.begun.take(q.Get("state"))
	if !ok {
		return p.app.refused(errors.New("unknown, used or old state"))
	}
	if err := p.app.sameBrowser(r, b); err != nil {
		return err
	}
	m, err := p.metadata.get()
	if err != nil {
		return p.app.refused(err)
	}
	if iss := q.Get("iss"); iss != p.cfg.Issuer && (iss != "" || m.issInReply) {
		return p.app.refused(fmt.Errorf("iss is %q, asked was %q", clip(iss, 256), p.cfg.Issuer))
	}
	if q.Get("error") != "" {
		return p.denied(q)
	}
	id, err := p.exchange(p.with(r.Context()), m, q.Get("code"), b)
	if err != nil {
		return p.app.refused(err)
	}
	return p.app.enter(w, r, id, b.to)
}

// denied shows an error answer (OIDC Core §3.1.2.6).
func (p *relyingParty) denied(q url.Values) error {
	title, detail := "You were not signed in", p.app.cfg.IdPName+" ended this sign-in without saying who you are. "
	if q.Get("error") == "access_denied" {
		title = p.app.cfg.IdPName + " did not let you in"
		detail = "You may not have access to " + p.app.cfg.Name + ", or the sign-in was cancelled. "
	}
	said := []fact{{"error", clip(q.Get("error"), 128)}}
	for _, name := range []string{"error_description", "error_uri"} {
		if v := q.Get(name); v != "" {
			said = append(said, fact{name, clip(v, 512)})
		}
	}
	return &problem{
		status: http.StatusForbidden, title: title, detail: detail + "No account was created or changed.",
		said: said, retry: LoginPath, cause: errors.New("error answer of the identity provider"),
	}
}

// exchange redeems the code and verifies everything that comes for it (OIDC Core §3.1.3.7, §5.3.2).
func (p *relyingParty) exchange(ctx context.Context, m *metadata, code string, b begun) (identity, error) {
	token, err := p.oauth2(m).Exchange(ctx, code, oauth2.VerifierOption(b.verifier))
	if err != nil {
		return identity{}, fmt.Errorf("redeem the code: %w", withoutBody(err))
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return identity{}, errors.New("the token answer has no ID token")
	}
	idToken, err := m.verifier.Verify(ctx, raw)
	if err != nil {
		return identity{}, fmt.Errorf("verify the ID token: %w", err)
	}
	if !typIs(raw, "", "JWT") {
		return identity{}, errors.New("the ID token is a token of another type")
	}
	if subtle.ConstantTimeCompare([]byte(idToken.Nonce), []byte(b.nonce)) != 1 {
		return identity{}, errors.New("the nonce is not ours")
	}
	if idToken.AccessTokenHash != "" {
		if err := idToken.VerifyAccessToken(token.AccessToken); err != nil {
			return identity{}, fmt.Errorf("match the access token: %w", err)
		}
	}
	id, err := p.identity(idToken, raw)
	if err != nil || !m.userInfo {
		return id, err
	}
	info, err := m.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return identity{}, fmt.Errorf("ask userinfo: %w", err)
	}
	if info.Subject != idToken.Subject { // OIDC Core §5.3.2: else it is somebody else's
		return identity{}, errors.New("userinfo speaks of another subject")
	}
	var claims map[string]any
	if err := info.Claims(&claims); err != nil {
		return identity{}, fmt.Errorf("read userinfo: %w", err)
	}
	id.attributes = mergeClaims(id.attributes, claims, FromUserInfo)
	return id, nil
}

// identity reads the verified ID token.
func (p *relyingParty) identity(t *oidc.IDToken, raw string) (identity, error) {
	var own struct {
		AZP    string `json:"azp"`
		SID    string `json:"sid"`
		Expiry int64  `json:"session_expiry"` // Gatehouse: when the session there ends, in Unix seconds
	}
	var claims map[string]any
	if err := errors.Join(t.Claims(&own), t.Claims(&claims)); err != nil {
		return identity{}, fmt.Errorf("read the ID token: %w", err)
	}
	if own.AZP != "" && own.AZP != p.cfg.ClientID || own.AZP == "" && len(t.Audience) > 1 {
		return identity{}, errors.New("the ID token was issued to another client")
	}
	if t.IssuedAt.After(p.app.cfg.Now().Add(clockSkew)) {
		return identity{}, errors.New("the ID token is from the future")
	}
	id := identity{
		issuer: t.Issuer, subject: t.Subject, subjectIs: "the claim sub of the ID token", index: own.SID,
		idToken: raw, attributes: mergeClaims(nil, claims, FromIDToken),
	}
	if own.Expiry != 0 {
		id.until, id.untilIs = time.Unix(own.Expiry, 0), "session_expiry of the ID token"
		if !p.app.cfg.Now().Before(id.until) {
			return identity{}, errors.New("the session it speaks of has already ended")
		}
	}
	return id, nil
}

// clockSkew is how far the identity provider's clock may be ahead of ours.
const clockSkew = time.Minute

// signOutURL asks the provider to end its session too (OpenID Connect RP-Initiated Logout 1.0 §2).
func (p *relyingParty) signOutURL(_ context.Context, s session) string {
	m, err := p.metadata.get()
	if err != nil || m.endSession == "" {
		return ""
	}
	u, err := url.Parse(m.endSession)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("id_token_hint", s.idToken)
	q.Set("client_id", p.cfg.ClientID)
	q.Set("post_logout_redirect_uri", p.app.cfg.BaseURL+SignedOutPath)
	u.RawQuery = q.Encode()
	return u.String()
}

// withoutBody keeps the code of a token endpoint's error and drops the body it came with.
func withoutBody(err error) error {
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) {
		return fmt.Errorf("the token endpoint answered %q", clip(answer.ErrorCode, 64))
	}
	return err
}

// isProtocolClaim tells the claims that speak of the token from those that speak of the person.
func isProtocolClaim(name string) bool {
	return slices.Contains([]string{
		"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "nonce", "azp", "sid", "typ", "amr", "acr", "at_hash", "c_hash",
		"s_hash", "auth_time", "session_expiry", "client_id", "updated_at",
	}, name)
}
