package saas

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"gatehouse/idp/saml/wire"
)

// leavingLife is how long the identity provider may take to sign somebody out everywhere.
const leavingLife = 10 * time.Minute

// What became of a sign-out at the identity provider, in the words of the first page.
const (
	outEverywhere = " has signed you out, too, and every other app that you opened from it."
	outThere      = " has signed you out, too. Not every other app that you opened from it has confirmed that yet."
)

// signOutURL asks the identity provider to end its session and those of the other apps (SAML Profiles
// §4.4.3.1): by HTTP-Redirect, with the NameID and SessionIndex of the assertion.
func (p *serviceProvider) signOutURL(ctx context.Context, s session) string {
	to, err := p.askToLeave(s)
	if err != nil {
		p.app.cfg.Log.WarnContext(ctx, "the identity provider is not asked to sign out", "app", p.app.cfg.Name, "error", err)
		return ""
	}
	return to
}

func (p *serviceProvider) askToLeave(s session) (string, error) {
	idp, err := p.partner.get()
	if err != nil {
		return "", err
	}
	if idp.sloAsk == "" {
		return "", errors.New("it takes no LogoutRequest over HTTP-Redirect")
	}
	now := p.app.cfg.Now()
	req := wire.LogoutRequest{
		ID: wire.NewID(), Issuer: p.entityID, Destination: idp.sloAsk, IssueInstant: now, NotOnOrAfter: now.Add(requestAge),
		NameID: wire.NameID{Value: s.account.subject, Format: s.format},
	}
	if s.index != "" {
		req.SessionIndexes = []string{s.index}
	}
	state := newSecret()
	p.leaving.put(state, req.ID)
	return p.signer.RedirectURL(idp.sloAsk, wire.ParamRequest, wire.Serialize(req.Element()), state)
}

// byBrowser answers GET /saml/slo: what the identity provider asks, or what it answers.
func (p *serviceProvider) byBrowser(w http.ResponseWriter, r *http.Request) error {
	if !r.URL.Query().Has(wire.ParamResponse) {
		p.logoutByBrowser(w, r)
		return nil
	}
	status, err := p.left(r)
	if err != nil {
		return &problem{
			status: http.StatusBadRequest, title: "You are signed out of " + p.app.cfg.Name,
			detail: "What came back is not an answer of " + p.app.cfg.IdPName + " to a sign-out that was begun here. You may still be signed in there.",
			retry:  "/", cause: err,
		}
	}
	words := outEverywhere
	switch {
	case !status.OK():
		return &problem{
			status: http.StatusBadGateway, title: "You are signed out of " + p.app.cfg.Name,
			detail: p.app.cfg.IdPName + " could not sign you out of the rest. Sign out there.",
			retry:  "/", cause: fmt.Errorf("it answered %s %s", status.Code, status.SubCode),
		}
	case status.SubCode == wire.StatusPartialLogout:
		words = outThere
	}
	p.app.book.note(secretCookie(r, p.app.sessionCookie()), p.app.cfg.IdPName+words)
	http.Redirect(w, r, SignedOutPath, http.StatusSeeOther)
	return nil
}

// left verifies the answer to a LogoutRequest of ours: signed, from our identity provider, for us, to that
// request, once.
func (p *serviceProvider) left(r *http.Request) (wire.Status, error) {
	m, err := wire.Decode(r, wire.ParamResponse)
	if err != nil {
		return wire.Status{}, err
	}
	idp, err := p.partner.get()
	if err != nil {
		return wire.Status{}, err
	}
	el, err := m.Verify(idp.certs, wire.At(p.app.cfg.Now()))
	if errors.Is(err, wire.ErrSignature) && p.partner.renew() {
		if idp, err = p.partner.get(); err == nil {
			el, err = m.Verify(idp.certs, wire.At(p.app.cfg.Now()))
		}
	}
	if err != nil {
		return wire.Status{}, fmt.Errorf("verify the signature: %w", err)
	}
	answer, err := wire.ParseLogoutResponse(el)
	if err != nil {
		return wire.Status{}, err
	}
	id, ours := p.leaving.take(m.RelayState)
	switch {
	case !ours || answer.InResponseTo != id:
		return wire.Status{}, errors.New("it answers no request of ours")
	case answer.Issuer != p.cfg.EntityID:
		return wire.Status{}, errors.New("the Issuer is not our identity provider")
	case answer.Destination != p.frontSLO():
		return wire.Status{}, errors.New("the Destination is not this endpoint")
	}
	return answer.Status, nil
}

// askedAt is where an entity takes requests over HTTP-Redirect; "" when nowhere.
func askedAt(all []wire.Endpoint) string {
	for _, e := range all {
		if e.Binding == wire.Redirect {
			return e.Location
		}
	}
	return ""
}
