package oidc

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"gatehouse/idp"
)

const (
	// longestObject is how long a request object may be good, and with that how
	// old it may be (FAPI 2.0 Message Signing §5.3.1).
	longestObject = time.Hour

	typeObject           = "oauth-authz-req+jwt" // RFC 9101 §10.8
	invalidRequestObject = "invalid_request_object"
)

// objectClaims are the claims of a request object that are not parameters
// (RFC 9101 §4).
type objectClaims struct {
	Issuer    string          `json:"iss"`
	Subject   json.RawMessage `json:"sub"`
	Audience  json.RawMessage `json:"aud"`
	ClientID  string          `json:"client_id"`
	Expires   numericDate     `json:"exp"`
	NotBefore numericDate     `json:"nbf"`
	IssuedAt  numericDate     `json:"iat"`
}

// readObject returns the parameters in a request object that the app signed.
// What came beside it does not count (RFC 9101 §6.3).
func (p *Provider) readObject(ctx context.Context, app idp.App, object string) (url.Values, error) {
	claims, err := p.verifyBy(ctx, app, object, typeObject)
	if idp.IsKind(err, idp.Unavailable) {
		return nil, fault(err)
	}
	if err != nil {
		return nil, p.refuseObject(ctx, app, reason(err))
	}
	var c objectClaims
	if err := json.Unmarshal(claims, &c); err != nil {
		return nil, p.refuseObject(ctx, app, "a claim of another type than it should be")
	}
	if why := c.wrong(app, p.Issuer, p.now()); why != "" {
		return nil, p.refuseObject(ctx, app, why)
	}
	q, why := parametersOf(claims)
	if why != "" {
		return nil, p.refuseObject(ctx, app, why)
	}
	return q, nil
}

func (p *Provider) refuseObject(ctx context.Context, app idp.App, why string) error {
	p.note(ctx, idp.Event{Kind: "oidc.par.refuse", AppID: app.ID, Detail: map[string]string{
		"error": invalidRequestObject, "reason": why,
	}})
	return (&oidc.Error{ErrorType: invalidRequestObject}).
		WithDescription("The request object is not signed with a registered key, not for this server, or not good at this time.")
}

// wrong says what is not as it must be; "" for nothing. A sub is refused: an
// object with one could be shown as a client assertion (RFC 9101 §10.8).
func (c objectClaims) wrong(app idp.App, issuer string, now time.Time) string {
	switch {
	case c.Issuer != app.Identifier || c.ClientID != app.Identifier:
		return "iss and client_id are not those of the client"
	case c.Subject != nil:
		return "sub has no place in it"
	case !isFor(c.Audience, issuer):
		return "aud is not the issuer"
	case c.Expires == 0 || c.NotBefore == 0:
		return "exp or nbf is missing"
	case c.Expires.time().Sub(c.NotBefore.time()) > longestObject:
		return "it is good for more than an hour"
	}
	return untimely(c.Expires, c.NotBefore, c.IssuedAt, now)
}

// isFor reports whether an aud claim is this text, or an array with it.
func isFor(aud json.RawMessage, want string) bool {
	var many []string
	return onlyFor(aud, want) || json.Unmarshal(aud, &many) == nil && slices.Contains(many, want)
}

// parametersOf returns the claims that are parameters, each as it would stand
// in a query: texts and numbers as they are, objects and arrays as JSON.
func parametersOf(claims []byte) (q url.Values, why string) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(claims, &all); err != nil {
		return nil, "not an object"
	}
	q = url.Values{}
	for name, raw := range all {
		switch name {
		case "iss", "aud", "exp", "nbf", "iat", "jti":
			continue
		case "request", "request_uri": // RFC 9101 §4
			return nil, name + " has no place in it"
		}
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		if text == "" {
			continue // RFC 6749 §3.1: as if it had not been sent
		}
		q.Set(name, text)
	}
	if wellFormed(q) != nil {
		return nil, "a parameter holds characters that are not text"
	}
	return q, ""
}
