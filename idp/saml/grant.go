package saml

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"

	"github.com/beevik/etree"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// grant answers a request with an assertion about the visitor, or with the
// status that says why not. asked: the request was not taken yet, and is by this.
func (p *Provider) grant(w http.ResponseWriter, r *http.Request, app idp.App, req *request, v *visitor, asked bool) {
	s, err := p.issue(r.Context(), app, req, v, asked)
	if asked && !s.taken && err != nil {
		s, err = p.grantTaken(r, app, req, v, err)
	}
	if err != nil {
		if no, ok := errors.AsType[*refusal](err); ok {
			no.user = v.session.UserID
		}
		p.refuse(w, r, app, req, err)
		return
	}
	p.respond(w, r, app, req, wire.Status{Code: wire.StatusSuccess}, p.assertion(s))
}

// grantTaken goes on where issue, for the reason err, has not taken the request:
// what is refused is taken too, and what somebody has taken before is answered
// only to the browser that has a sign-in for it open.
func (p *Provider) grantTaken(r *http.Request, app idp.App, req *request, v *visitor, err error) (statement, error) {
	_, refused := errors.AsType[*refusal](err)
	before := idp.IsKind(err, idp.Conflict)
	if !refused && !before {
		return statement{}, err
	}
	again, taken := p.take(r.Context(), req, p.Browser.Bound(r))
	if taken == nil && again {
		taken = p.takeAnswer(r.Context(), req)
	}
	switch {
	case taken != nil:
		return statement{}, taken
	case refused:
		return statement{}, err
	}
	return p.issue(r.Context(), app, req, v, false)
}

// issue decides what is asserted, and has the gate issue it: the last thing
// that can refuse, but for the mapping of attributes, which needs the NameID.
// asked: the request is taken with it; idp.Conflict where it was before.
func (p *Provider) issue(ctx context.Context, app idp.App, req *request, v *visitor, asked bool) (statement, error) {
	s := statement{app: app, req: req, session: v.session, granted: v.entry.Until, now: p.now()}
	var ok bool
	if s.class, ok = satisfy(req.Comparison, req.Classes, s.session.Methods); !ok {
		return s, decline("authn_context", wire.StatusResponder, wire.StatusNoAuthnContext,
			"The person signed in in a way that the request does not take.")
	}
	if !v.entry.Granted {
		return s, denied(idp.Errorf(idp.NotFound, "There is no such grant."))
	}
	name, err := p.name(ctx, s, v.entry.Role, v.entry.User)
	if err != nil {
		return s, err
	}
	if err := p.record(ctx, &s, v.entry.N, name, asked); err != nil {
		return s, err
	}
	told, err := p.attributes(app, v.entry, s.name.Value)
	s.attributes = narrowed(app, req.Attributes, told)
	return s, err
}

// record has the gate issue the NameID, and fills in what came of it. That an
// app got one more than the first is written down before the answer that tells
// it: an ending lists either both or none.
func (p *Provider) record(ctx context.Context, s *statement, granted int64, name named, asked bool) error {
	participant := idp.Participant{
		SessionID: s.session.ID, AppID: s.app.ID, UserID: s.session.UserID, SessionIndex: sessionIndex(s.session.ID, s.app.ID),
		NameID: name.NameID, FirstAt: s.now, LastAnswerAt: s.now, AppEpoch: s.app.Epoch, GrantedN: granted,
	}
	account := idp.Account{
		AppID: s.app.ID, UserID: s.session.UserID, Subject: name.Value, Format: name.Format,
		FirstSeenAt: s.now, LastSeenAt: s.now, Follows: name.follows,
	}
	issued, known, err := p.assert(ctx, s, participant, account, asked)
	s.name, s.index = name.NameID, issued.SessionIndex
	s.name.Value = known.Subject
	if err == nil && s.name != issued.NameID {
		if err = p.Store.NameParticipant(ctx, s.session.ID, s.app.ID, s.name, s.now); err == nil {
			_, _, err = p.Gate.Assert(ctx, s.session.Proof, participant, account)
		}
	}
	if idp.IsKind(err, idp.Unauthenticated) {
		return denied(err)
	}
	return err
}

// assert has the gate issue, and take the request with it where that is asked.
func (p *Provider) assert(ctx context.Context, s *statement, g idp.Participant, a idp.Account, asked bool) (idp.Participant, idp.Account, error) {
	if !asked {
		return p.Gate.Assert(ctx, s.session.Proof, g, a)
	}
	once := idp.Once{Kind: spentRequest, Value: s.req.key(), Until: s.req.takenUntil()}
	g, a, err := p.Gate.Answer(ctx, s.session.Proof, once, g, a)
	s.taken = err == nil
	return g, a, err
}

func denied(err error) error {
	return decline("grant", wire.StatusResponder, wire.StatusRequestDenied,
		"The person may not use this app.").because(err)
}

// attributes asks the mapping what the app is told.
func (p *Provider) attributes(app idp.App, e idp.Entry, subject string) ([]Attribute, error) {
	person := Person{User: e.User, Groups: e.Groups, Role: e.Role, Subject: subject}
	told, err := p.Attributes(person, app)
	if idp.IsKind(err, idp.Invalid) {
		return nil, decline("attributes", wire.StatusResponder, wire.StatusInvalidAttrNameOrValue,
			"What the app is to be told about the person cannot be sent. An admin can correct it.").because(err)
	}
	return told, err
}

// serviceOf finds the AttributeConsumingService that a request names, where the
// app has registered any; none where it has not, or none was named. ok is false
// for an index that is not registered.
func serviceOf(app idp.App, index *int) (service *idp.AttributeService, ok bool) {
	all := app.SAML.AttributeServices
	if index == nil || len(all) == 0 {
		return nil, true
	}
	at := slices.IndexFunc(all, func(s idp.AttributeService) bool { return s.Index == *index })
	if at < 0 {
		return nil, false
	}
	return &all[at], true
}

// narrowed keeps the attributes that the request's service asks for. Where there
// is but one service, naming it chooses nothing, and the app's rules stand.
func narrowed(app idp.App, index *int, told []Attribute) []Attribute {
	service, ok := serviceOf(app, index)
	switch {
	case !ok: // it was taken out while the person signed in
		return nil
	case service == nil || len(app.SAML.AttributeServices) < 2:
		return told
	}
	return slices.DeleteFunc(told, func(a Attribute) bool { return !slices.Contains(service.Names, a.Name) })
}

// sessionIndex names a session to one app. Two apps cannot tell that they see
// the same session (SAML Core §2.7.2), and nothing has to be stored to say it
// again.
func sessionIndex(s idp.SessionID, app idp.AppID) string {
	sum := sha256.Sum256([]byte("session index|" + string(s) + "|" + string(app)))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:22]
}

// respond gives the browser the Response for the app (SAML Profiles §4.1.4.2).
// A Response without an assertion is signed always, as nothing else vouches for
// its status.
func (p *Provider) respond(w http.ResponseWriter, r *http.Request, app idp.App, req *request, status wire.Status, assertion *etree.Element) {
	message, err := p.response(app, req, status, assertion)
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	fields := [][2]string{{wire.ParamResponse, wire.EncodePOST(message)}}
	if req.RelayState != "" {
		fields = append(fields, [2]string{"RelayState", req.RelayState})
	}
	p.Browser.PostForm(w, r, app.Name, req.ACS, fields)
}
