package saas

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"gatehouse/idp/saml/wire"
)

// How old a LogoutRequest may be, and how far from the future.
const (
	requestAge  = 5 * time.Minute
	requestSkew = 3 * time.Minute
)

// logout answers POST /saml/slo: a signed LogoutRequest over SOAP (SAML Profiles §4.4, Bindings §3.2). The
// answers:
//
//   - not readable as SOAP with one LogoutRequest: 400, no SAML, as nobody is known to answer to;
//   - the identity provider's metadata cannot be read: 503;
//   - the signature does not verify: 403, no SAML (Bindings §3.2.3.3 lets a responder refuse to talk);
//   - verified, but not for us, not now or not for the first time: a signed LogoutResponse with
//     Requester and RequestDenied;
//   - verified: a signed LogoutResponse with Success, also when no session matches: the sender wants no
//     such session to exist, and none does.
func (p *serviceProvider) logout(w http.ResponseWriter, r *http.Request) {
	if byForm(r) {
		p.logoutByBrowser(w, r)
		return
	}
	log := p.app.cfg.Log
	m, err := wire.DecodeSOAP(http.MaxBytesReader(w, r.Body, wire.MaxMessage))
	if err != nil {
		log.WarnContext(r.Context(), "LogoutRequest not readable", "app", p.app.cfg.Name, "error", err)
		http.Error(w, "not a SOAP envelope with one SAML message", http.StatusBadRequest)
		return
	}
	idp, err := p.partner.get()
	if err != nil {
		log.WarnContext(r.Context(), "LogoutRequest not judged", "app", p.app.cfg.Name, "error", err)
		http.Error(w, "the identity provider's metadata cannot be read", http.StatusServiceUnavailable)
		return
	}
	req, err := p.verifyLogout(m, idp)
	if err != nil {
		log.WarnContext(r.Context(), "LogoutRequest refused", "app", p.app.cfg.Name, "error", err)
		http.Error(w, "not a LogoutRequest signed by the identity provider", http.StatusForbidden)
		return
	}
	status := wire.Status{Code: wire.StatusSuccess}
	if err := p.judge(req, p.cfg.SLOURLs...); err != nil {
		log.WarnContext(r.Context(), "LogoutRequest refused", "app", p.app.cfg.Name, "id", req.ID, "error", err)
		status = wire.Status{Code: wire.StatusRequester, SubCode: wire.StatusRequestDenied, Message: err.Error()}
	} else {
		n := p.end(req)
		log.InfoContext(r.Context(), "LogoutRequest accepted", "app", p.app.cfg.Name, "id", req.ID, "sessions_ended", n)
	}
	p.answer(w, r, req, status)
}

// verifyLogout returns the request as it was signed.
func (p *serviceProvider) verifyLogout(m *wire.Message, idp *partner) (wire.LogoutRequest, error) {
	el, err := m.Verify(idp.certs, wire.At(p.app.cfg.Now()))
	if errors.Is(err, wire.ErrSignature) && p.partner.renew() {
		if idp, err = p.partner.get(); err == nil {
			el, err = m.Verify(idp.certs, wire.At(p.app.cfg.Now()))
		}
	}
	if err != nil {
		return wire.LogoutRequest{}, fmt.Errorf("verify the signature: %w", err)
	}
	return wire.ParseLogoutRequest(el)
}

// judge decides whether a verified request is from our identity provider, for one of the addresses here,
// for now and new.
func (p *serviceProvider) judge(req wire.LogoutRequest, here ...string) error {
	now := p.app.cfg.Now()
	switch {
	case req.Issuer != p.cfg.EntityID:
		return errors.New("the Issuer is not our identity provider")
	case !slices.Contains(here, req.Destination):
		return errors.New("the Destination is not this endpoint")
	case req.IssueInstant.After(now.Add(requestSkew)):
		return errors.New("the request is from the future")
	case now.Sub(req.IssueInstant) > requestAge:
		return errors.New("the request is too old")
	case !req.NotOnOrAfter.IsZero() && !now.Before(req.NotOnOrAfter):
		return errors.New("the request has expired")
	case !p.app.spent.spend("logout "+req.ID, now.Add(requestAge+requestSkew)):
		return errors.New("the request was used before")
	}
	return nil
}

// end ends the sessions of the NameID: those of the SessionIndexes, or all when there is none.
func (p *serviceProvider) end(req wire.LogoutRequest) int {
	name := req.NameID
	if name.NameQualifier != "" && name.NameQualifier != p.cfg.EntityID ||
		name.SPNameQualifier != "" && name.SPNameQualifier != p.entityID {
		return 0
	}
	return p.app.book.endMatching(func(s session) bool {
		return s.account.subject == name.Value && sameFormat(s.format, name.Format) &&
			(len(req.SessionIndexes) == 0 || slices.Contains(req.SessionIndexes, s.index))
	}, "LogoutRequest ID="+req.ID)
}

// sameFormat compares NameID formats; one that is unspecified agrees with every other (SAML Core §8.3.1).
func sameFormat(x, y string) bool {
	open := func(f string) bool { return f == "" || f == wire.NameIDUnspecified }
	return x == y || open(x) || open(y)
}

func (p *serviceProvider) answer(w http.ResponseWriter, r *http.Request, req wire.LogoutRequest, status wire.Status) {
	el := wire.LogoutResponse{
		ID: wire.NewID(), InResponseTo: req.ID, Issuer: p.entityID, IssueInstant: p.app.cfg.Now(), Status: status,
	}.Element()
	if err := p.signer.Sign(el); err != nil {
		p.app.cfg.Log.ErrorContext(r.Context(), "sign the LogoutResponse", "app", p.app.cfg.Name, "error", err)
		http.Error(w, "the answer could not be signed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	_, _ = w.Write(wire.SOAPEnvelope(el)) // the client went away: it asks again
}
