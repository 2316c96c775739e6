package saml

import (
	"context"
	"net/http"

	"gatehouse/idp"
)

// visitor is who sits at the browser, and what their sign-on to the app that
// asks goes by.
type visitor struct {
	session idp.Session
	in      bool // there is a live session
	entry   idp.Entry
}

// visitor reads the browser's session, if there is one.
func (p *Provider) visitor(r *http.Request) (*visitor, error) {
	s, err := p.Browser.Session(r)
	if idp.IsKind(err, idp.Unauthenticated) {
		return new(visitor), nil
	}
	return &visitor{session: s, in: err == nil}, err
}

// app finds a SAML app by its entityID, with what the visitor may do there: one
// read for both, as nearly every request comes from the browser of somebody who
// is signed in.
func (v *visitor) app(ctx context.Context, p *Provider, entityID string) (idp.App, error) {
	if !v.in || !identifies(entityID) {
		return p.app(ctx, entityID)
	}
	e, err := p.Store.Entry(ctx, idp.ProtocolSAML, entityID, v.session.UserID, p.now())
	v.entry = e
	return registered(e.App, err)
}
