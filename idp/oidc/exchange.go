package oidc

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
)

const (
	// purposeExchanged seals what came of an exchange: it is good for its
	// audience to ask about, and for nothing that other tokens are good for.
	purposeExchanged = "oidc.exchanged"
	// maxActors bounds how often what came of an exchange is exchanged again.
	maxActors = 4
)

// exchanged is what a token carries that came of an exchange: the pass of the
// token that was exchanged, for another audience, and who acts. It hangs on the
// same family and the same proof, so that it ends with them.
type exchanged struct {
	pass
	Audience idp.AppID `json:"to"`
	Actors   []actor   `json:"by"` // the newest first
}

// actor is an app that acts for the person, by a token.
type actor struct {
	App   idp.AppID   `json:"a"`
	Name  string      `json:"n"` // its client_id
	Epoch int64       `json:"e"`
	Token idp.TokenID `json:"i"`
}

// tokens are t itself, and what of an exchange it was made of.
func (t exchanged) tokens() (all []idp.TokenID) {
	for _, a := range t.Actors {
		all = append(all, a.Token)
	}
	return all
}

// holder is the app whose token t is.
func (t exchanged) holder() idp.AppID {
	if len(t.Actors) > 0 {
		return t.Actors[0].App
	}
	return t.App
}

// act is the claim of who acts for whom (RFC 8693 §4.1).
func (t exchanged) act() map[string]any {
	var act map[string]any
	for _, a := range slices.Backward(t.Actors) {
		next := map[string]any{"sub": a.Name}
		if act != nil {
			next["act"] = act
		}
		act = next
	}
	return act
}

// TokenExchange is grant_type token-exchange at the token endpoint (RFC 8693): an
// app trades a person's access token for one by which it acts for them at
// another app. Its own registration must allow it. The token that comes of it is
// opaque, so that whoever gets it asks, and says nothing that the other did not;
// it has no refresh token.
func (s *server) TokenExchange(ctx context.Context, r *op.ClientRequest[oidc.TokenExchangeRequest]) (*op.Response, error) {
	p, app := s.p, r.Client.(*client).app
	switch q := r.Data; {
	case q.SubjectTokenType != oidc.AccessTokenType:
		return nil, invalidRequest("Only access tokens are exchanged.")
	case q.RequestedTokenType != "" && q.RequestedTokenType != oidc.AccessTokenType:
		return nil, invalidRequest("Only access tokens come of an exchange.")
	case q.ActorToken != "" || q.ActorTokenType != "":
		return nil, invalidRequest("Whoever exchanges is the actor. There is no actor_token.")
	case len(q.Resource) > 0:
		return nil, targetRefused()
	}
	bound, err := p.confirm(ctx, app, r.Header)
	if err != nil {
		return nil, err
	}
	t, err := p.openSubject(r.Data.SubjectToken)
	if err == nil {
		_, err = p.standing(ctx, t)
	}
	switch {
	case idp.IsKind(err, idp.Invalid), idp.IsKind(err, idp.Unauthenticated):
		return nil, p.refuseExchange(ctx, app, t, "the token is not good", invalidRequest("The subject_token is not valid, has expired or was revoked.").WithParent(err))
	case err != nil:
		return nil, fault(err)
	}
	return p.exchange(ctx, app, t, bound, r.Data)
}

// exchange judges by the app's own policy, and issues. What comes of it is bound
// to the key of who acts, not of whose token it was.
func (p *Provider) exchange(ctx context.Context, app idp.App, t exchanged, bound confirmation, q *oidc.TokenExchangeRequest) (*op.Response, error) {
	from, err := p.Store.App(ctx, t.holder())
	if err != nil {
		return nil, fault(err)
	}
	if len(q.Audience) != 1 || !slices.Contains(app.OIDC.Exchanges, idp.Exchange{From: from.Identifier, To: q.Audience[0]}) {
		return nil, p.refuseExchange(ctx, app, t, "its registration does not allow it", targetRefused())
	}
	to, err := p.app(ctx, q.Audience[0])
	if err == nil {
		_, err = p.Store.Access(ctx, t.User, to.ID, p.now())
	}
	switch {
	case idp.IsKind(err, idp.NotFound):
		return nil, p.refuseExchange(ctx, app, t, "the person may not use the audience", targetRefused())
	case err != nil:
		return nil, fault(err)
	}
	scopes, ok := narrowed(t.scopes(), q.Scopes)
	if !ok || len(t.Actors) >= maxActors {
		return nil, p.refuseExchange(ctx, app, t, "more was asked than the token has", oidc.ErrInvalidScope().WithDescription("More was asked for than the subject_token has."))
	}
	now := p.now()
	out := t
	out.Audience, out.Scope, out.IssuedAt = to.ID, strings.Join(scopes, " "), now.Unix()
	out.Actors = slices.Insert(slices.Clone(t.Actors), 0, actor{app.ID, app.Identifier, app.Epoch, idp.NewTokenID()})
	out.Confirm = bound
	out.Until = min(t.Until, now.Add(app.OIDC.AccessTTL()).UnixMicro())
	token, err := p.seal(purposeExchanged, out)
	if err != nil {
		return nil, fault(err)
	}
	p.note(ctx, idp.Event{Kind: "oidc.exchange", UserID: t.User, AppID: app.ID, Detail: map[string]string{"from": from.Identifier, "to": to.Identifier}})
	return op.NewResponse(&oidc.TokenExchangeResponse{
		AccessToken: token, IssuedTokenType: oidc.AccessTokenType, TokenType: bound.tokenType(),
		ExpiresIn: uint64(time.UnixMicro(out.Until).Sub(now) / time.Second), Scopes: scopes,
	}), nil
}

func targetRefused() *oidc.Error {
	return (&oidc.Error{ErrorType: oidc.InvalidTarget}).WithDescription("This client may not exchange this token for this audience.")
}

func (p *Provider) refuseExchange(ctx context.Context, app idp.App, t exchanged, why string, answer *oidc.Error) error {
	p.note(ctx, idp.Event{Kind: "oidc.exchange.refuse", UserID: t.User, AppID: app.ID, Detail: map[string]string{"reason": why}})
	return answer
}

// openSubject opens what may be exchanged: an access token, or what came of an
// exchange.
func (p *Provider) openSubject(token string) (exchanged, error) {
	t, err := p.openAccess(token)
	if err == nil || idp.IsKind(err, idp.Unavailable) {
		return exchanged{pass: t}, err
	}
	return p.openExchanged(token)
}

// openExchanged opens what may have come of an exchange; idp.Invalid if not, or
// too old.
func (p *Provider) openExchanged(token string) (exchanged, error) {
	var t exchanged
	if err := p.unseal(purposeExchanged, token, &t); err != nil {
		return exchanged{}, err
	}
	if slices.Contains(t.tokens(), "") || !p.now().Before(time.UnixMicro(t.Until)) {
		return exchanged{}, idp.Errorf(idp.Invalid, "the token has expired")
	}
	return t, nil
}

// standing asks the gate about the token that was exchanged, and whether those
// who act since may still. idp.Unauthenticated where anything has ended.
func (p *Provider) standing(ctx context.Context, t exchanged) (idp.FamilyTruth, error) {
	var truth idp.FamilyTruth
	var err error
	if len(t.Actors) == 0 {
		truth, err = p.Gate.Family(ctx, t.Family, t.proof())
	} else {
		truth, err = p.Gate.Exchanged(ctx, t.Family, t.tokens(), t.proof())
	}
	if err != nil {
		return idp.FamilyTruth{}, err
	}
	for _, a := range t.Actors {
		app, err := p.Store.App(ctx, a.App)
		if err == nil && app.Epoch != a.Epoch {
			err = ended("everything an actor held was ended")
		}
		if err != nil {
			return idp.FamilyTruth{}, gone(err)
		}
	}
	if t.Audience != "" {
		if _, err := p.Store.Access(ctx, t.User, t.Audience, p.now()); err != nil {
			return idp.FamilyTruth{}, gone(err)
		}
	}
	return truth, nil
}

func ended(why string) error {
	return idp.Errorf(idp.Unauthenticated, "This has ended.").Because(errors.New(why))
}

// gone turns what is not found any more into a refusal.
func gone(err error) error {
	if idp.IsKind(err, idp.NotFound) {
		return ended("an app or a grant is gone")
	}
	return err
}

// introspectExchanged answers about what came of an exchange: to the app that
// it is meant for and to the one that acts. Each is told the subject by which it
// knows the person itself.
func (p *Provider) introspectExchanged(ctx context.Context, asker idp.App, token string) (introspection, error) {
	t, err := p.openExchanged(token)
	if err != nil || asker.ID != t.Audience && asker.ID != t.holder() {
		return introspection{}, nil
	}
	truth, err := p.standing(ctx, t)
	if idp.IsKind(err, idp.Unauthenticated) {
		return introspection{}, nil
	}
	to := asker
	if err == nil && asker.ID != t.Audience {
		to, err = p.Store.App(ctx, t.Audience)
	}
	if err != nil {
		return introspection{}, fault(err)
	}
	return introspection{
		Active: true, Scope: t.Scope, ClientID: t.Actors[0].Name, Username: truth.User.Username, TokenType: t.Confirm.tokenType(), Confirm: t.Confirm.pointer(),
		Expires: time.UnixMicro(t.Until).Unix(), IssuedAt: t.IssuedAt, AuthTime: truth.Family.AuthTime.Unix(),
		Subject: p.subject(asker, t.User), Audience: to.Identifier, Issuer: p.Issuer, Act: t.act(),
	}, nil
}
