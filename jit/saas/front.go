package saas

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/idp/saml/wire"
)

// framed lets the identity provider's page frame this answer: single logout by the browser goes through
// hidden frames.
func (a *App) framed(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"),
		"frame-ancestors 'none'", "frame-ancestors "+a.protocol.origin(), 1))
}

// frontchannelLogout answers GET /frontchannel-logout: the session of the sid has ended, or there was none
// (OIDC Front-Channel Logout 1.0 §2). It believes whoever says iss and sid, and looks at no cookie: a frame
// of another site has none.
func (p *relyingParty) frontchannelLogout(w http.ResponseWriter, r *http.Request) {
	p.app.framed(w)
	iss, sid := r.URL.Query().Get("iss"), r.URL.Query().Get("sid")
	if iss != p.cfg.Issuer || sid == "" {
		http.Error(w, "iss and sid are needed", http.StatusBadRequest)
		return
	}
	n := p.app.book.endMatching(func(s session) bool { return s.index == sid }, "front-channel logout sid="+sid)
	p.app.cfg.Log.InfoContext(r.Context(), "front-channel logout", "app", p.app.cfg.Name, "sessions_ended", n)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("signed out\n")) // nobody looks into the frame
}

// logoutByBrowser answers /saml/slo by HTTP-Redirect or HTTP-POST (SAML Profiles §4.4): the signed answer
// goes back by redirect to the identity provider's single logout service. What it refuses it says to the
// browser only: nobody is known to answer to.
func (p *serviceProvider) logoutByBrowser(w http.ResponseWriter, r *http.Request) {
	p.app.framed(w)
	to, err := p.endByBrowser(r)
	if err != nil {
		p.app.cfg.Log.WarnContext(r.Context(), "LogoutRequest by browser refused", "app", p.app.cfg.Name, "error", err)
		http.Error(w, "not a LogoutRequest of the identity provider", http.StatusForbidden)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (p *serviceProvider) endByBrowser(r *http.Request) (answerTo string, err error) {
	m, err := wire.Decode(r, wire.ParamRequest)
	if err != nil {
		return "", err
	}
	idp, err := p.partner.get()
	if err != nil {
		return "", err
	}
	req, err := p.verifyLogout(m, idp)
	if err == nil {
		err = p.judge(req, p.frontSLO())
	}
	if err != nil {
		return "", err
	}
	if idp.slo == "" {
		return "", errors.New("the identity provider takes no answer over HTTP-Redirect")
	}
	n := p.end(req)
	p.app.cfg.Log.InfoContext(r.Context(), "LogoutRequest by browser accepted", "app", p.app.cfg.Name, "id", req.ID, "sessions_ended", n)
	return p.signer.RedirectURL(idp.slo, wire.ParamResponse, wire.Serialize(wire.LogoutResponse{
		ID: wire.NewID(), InResponseTo: req.ID, Issuer: p.entityID, Destination: idp.slo, IssueInstant: p.app.cfg.Now(),
		Status: wire.Status{Code: wire.StatusSuccess},
	}.Element()), m.RelayState)
}

// byForm reports whether a posted LogoutRequest came in a form, by a browser, and not over SOAP.
func byForm(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

// redirectService is where an entity takes answers over HTTP-Redirect; "" when nowhere.
func redirectService(all []wire.Endpoint) string {
	for _, e := range all {
		if e.Binding != wire.Redirect {
			continue
		}
		if _, err := url.Parse(e.ResponseLocation); err == nil && e.ResponseLocation != "" {
			return e.ResponseLocation
		}
		return e.Location
	}
	return ""
}
