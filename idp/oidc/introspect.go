package oidc

import (
	"context"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
)

// introspection is the answer of RFC 7662 §2.2.
type introspection struct {
	Active    bool   `json:"active"`
	Scope     string `json:"scope,omitempty"`
	ClientID  string `json:"client_id,omitempty"`
	Username  string `json:"username,omitempty"`
	TokenType string `json:"token_type,omitempty"`
	Expires   int64  `json:"exp,omitempty"`
	IssuedAt  int64  `json:"iat,omitempty"`
	AuthTime  int64  `json:"auth_time,omitempty"`
	ACR       string `json:"acr,omitempty"` // RFC 9470 §6.2
	Subject   string `json:"sub,omitempty"`
	Audience  any    `json:"aud,omitempty"` // one name, or several (RFC 8707 §2.2)
	Issuer    string `json:"iss,omitempty"`
	SessionID string `json:"sid,omitempty"`
	// Confirm is what the API must see proven (RFC 9449 §6.2).
	Confirm *confirmation  `json:"cnf,omitempty"`
	Act     map[string]any `json:"act,omitempty"` // who acts for the subject, RFC 8693 §4.1
}

// Introspect tells a confidential client whether one of its own tokens is
// good at this moment. Of any other token it says no more than that it is not.
func (s *server) Introspect(ctx context.Context, r *op.Request[op.IntrospectionRequest]) (*op.Response, error) {
	p := s.p
	app, err := p.authenticate(ctx, r.Header, r.Form)
	if err != nil {
		return nil, err
	}
	t, refresh, err := p.openAny(r.Data.Token)
	switch {
	case idp.IsKind(err, idp.Unavailable):
		return nil, fault(err)
	case err != nil:
		answer, err := p.introspectApp(ctx, app, r.Data.Token)
		if err == nil && !answer.Active {
			answer, err = p.introspectExchanged(ctx, app, r.Data.Token)
		}
		return op.NewResponse(answer), err
	}
	if t.App != app.ID {
		return op.NewResponse(introspection{}), nil
	}
	accept := p.Gate.Family
	if refresh {
		accept = p.Gate.RefreshFamily
	}
	truth, err := accept(ctx, t.Family, t.proof())
	f, u := truth.Family, truth.User
	switch {
	case idp.IsKind(err, idp.Unauthenticated):
		p.witness(ctx, f, "it asked about a token and was told that it is over", true)
		return op.NewResponse(introspection{}), nil
	case err != nil:
		return nil, fault(err)
	case refresh && t.Seq != f.Seq:
		return op.NewResponse(introspection{}), nil
	}
	answer := introspection{
		Active: true, Scope: t.Scope, ClientID: app.Identifier, Username: u.Username,
		Expires: time.UnixMicro(t.Until).Unix(), IssuedAt: t.IssuedAt, AuthTime: f.AuthTime.Unix(), ACR: acrOf(f.Methods),
		Subject: p.subject(app, u.ID), Audience: app.Identifier, Issuer: p.Issuer, SessionID: sid(f.SessionID, f.AppID),
	}
	if !refresh {
		answer.TokenType = t.Confirm.tokenType()
		answer.Confirm = t.Confirm.pointer()
		if len(t.Resources) > 0 {
			answer.Audience = oneOrMore(t.Resources)
		}
	}
	return op.NewResponse(answer), nil
}
