package oidc

import (
	"context"
	"net/http"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"gatehouse/idp"
)

// confirmation names the keys that whoever shows a token must prove to hold
// (RFC 7800 §3.1); none: whoever has the token may use it.
type confirmation struct {
	JKT string `json:"jkt,omitempty"`      // of a proof's key, RFC 9449 §6.1
	X5T string `json:"x5t#S256,omitempty"` // of a client certificate, RFC 8705 §3.1
}

func (c confirmation) bound() bool { return c != confirmation{} }

// tokenType is what the answer calls a token so bound (RFC 9449 §5).
func (c confirmation) tokenType() string {
	if c.JKT != "" {
		return typeDPoP
	}
	return oidc.BearerToken
}

// pointer is nil for a confirmation of nothing: it is then not said at all.
func (c confirmation) pointer() *confirmation {
	if !c.bound() {
		return nil
	}
	return &c
}

// tell puts it into the claims of a JWT access token (RFC 9449 §6.1); nothing
// for a confirmation of nothing.
func (c confirmation) tell(claims map[string]any) {
	if c.bound() {
		claims["cnf"] = c
	}
}

// held is what the caller of a protected resource has proven to hold besides
// the token.
type held struct {
	jkt string // of a proof for this token; empty: it came as a bearer token
	x5t string // of the caller's certificate; empty: none
}

type heldKey struct{}

func withHeld(r *http.Request, h held) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), heldKey{}, h))
}

func heldIn(ctx context.Context) held {
	h, _ := ctx.Value(heldKey{}).(held)
	h.x5t = certificateHash(ctx)
	return h
}

// satisfies says what a caller lacks to use a token so bound; "" for nothing.
// A token that is bound to a proof is no bearer token, and the other way round
// (RFC 9449 §7.2): else a downgrade would go unseen.
func (h held) satisfies(c confirmation) string {
	switch {
	case c.X5T != "" && !same(c.X5T, h.x5t):
		return "the token is bound to another certificate"
	case same(c.JKT, h.jkt):
		return ""
	case c.JKT == "":
		return "the token is not bound to a proof"
	case h.jkt == "":
		return "the token is bound to a proof, and none came"
	}
	return "the proof is of another key"
}

// confirm returns what the tokens of this call are bound to: the key of its
// proof, where one came or the app's registration demands it, and the app's
// certificate, where the registration demands that. The proof is spent: this is
// for apps that authenticate.
func (p *Provider) confirm(ctx context.Context, app idp.App, h http.Header) (confirmation, error) {
	bound, got, err := p.confirmUnspent(ctx, app, h)
	if err == nil {
		err = p.spendAt(ctx, app, got)
	}
	return bound, err
}

// confirmUnspent is confirm for a call that anybody may make: the proof is to be
// spent with spendAt once it is known that the call brings something of ours.
func (p *Provider) confirmUnspent(ctx context.Context, app idp.App, h http.Header) (confirmation, proof, error) {
	got, err := p.proofAt(ctx, app, h, pathToken)
	switch {
	case err != nil:
		return confirmation{}, proof{}, err
	case got.jkt == "" && app.OIDC.DPoPBound:
		p.note(ctx, idp.Event{Kind: "oidc.proof.refuse", AppID: app.ID, Detail: map[string]string{"reason": "no proof, and the app's tokens are bound to one"}})
		return confirmation{}, proof{}, invalidRequest("A DPoP proof is needed (RFC 9449).")
	}
	if !app.OIDC.CertificateBound {
		return confirmation{JKT: got.jkt}, got, nil
	}
	x5t := certificateHash(ctx)
	if x5t == "" {
		p.note(ctx, idp.Event{Kind: "oidc.proof.refuse", AppID: app.ID, Detail: map[string]string{"reason": "no certificate, and the app's tokens are bound to one"}})
		return confirmation{}, proof{}, invalidRequest("A client certificate is needed (RFC 8705).")
	}
	return confirmation{JKT: got.jkt, X5T: x5t}, got, nil
}

// holds reports whether by has proven everything that c asks for.
func (c confirmation) holds(by confirmation) bool {
	return (c.JKT == "" || same(c.JKT, by.JKT)) && (c.X5T == "" || same(c.X5T, by.X5T))
}
