package saml

import (
	"errors"
	"net/http"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// sloBySOAP takes a LogoutRequest from an app itself (SAML Profiles §4.4.3.1,
// SAML Bindings §3.2) and answers it in the same exchange:
//
//   - what is not one SAML message in a SOAP envelope: a SOAP fault;
//   - who is not registered or has not signed it: 403 (Bindings §3.2.3.3);
//   - else a signed LogoutResponse with its status.
//
// No browser is there: apps that only a browser can tell are not told, and the
// answer is then PartialLogout.
func (p *Provider) sloBySOAP(w http.ResponseWriter, r *http.Request) {
	m, err := wire.DecodeSOAP(r.Body)
	if err != nil {
		p.refusedStatus(r.Context(), idp.App{}, &logout{}, unreadable(err))
		soapFault(w, true, "Not a SOAP envelope with one SAML message.")
		return
	}
	app, l, err := p.receiveLogout(r.Context(), m, p.sloSOAPURL())
	var d departure
	if err == nil {
		receipts, user, ended := p.end(r.Context(), app, l)
		d, err = p.departs(l, user, receipts), ended
	}
	if err != nil {
		p.refuseBySOAP(w, r, app, l, err)
		return
	}
	p.respondBySOAP(w, app, l.ID, p.outcome(r.Context(), app, d))
}

func (p *Provider) refuseBySOAP(w http.ResponseWriter, r *http.Request, app idp.App, l *logout, err error) {
	status, told := p.refusedStatus(r.Context(), app, l, err)
	switch _, refused := errors.AsType[*refusal](err); {
	case l.proven && !told: // it was used before
		p.respondBySOAP(w, app, l.ID, wire.Status{Code: wire.StatusRequester, SubCode: wire.StatusRequestDenied, Message: "The request cannot be taken, or not again."})
	case told:
		p.respondBySOAP(w, app, l.ID, status)
	case refused && l.Issuer == "":
		soapFault(w, true, "Not a LogoutRequest.")
	case refused:
		http.Error(w, "not a LogoutRequest that a registered service provider has signed", http.StatusForbidden)
	default:
		p.Log.ErrorContext(r.Context(), "a LogoutRequest was not judged", "correlation", idp.ActorOf(r.Context()).CorrelationID, "error", err)
		soapFault(w, false, "The request cannot be judged at this moment.")
	}
}

func (p *Provider) respondBySOAP(w http.ResponseWriter, app idp.App, request string, status wire.Status) {
	el := p.logoutResponse(request, "", status).Element()
	sign, err := signer(p.Ring, app)
	if err == nil {
		err = sign.Sign(el)
	}
	if err != nil {
		p.Log.Error("a LogoutResponse was not signed", "error", err)
		soapFault(w, false, "The answer could not be signed.")
		return
	}
	w.Header().Set("Content-Type", soapType)
	_, _ = w.Write(wire.SOAPEnvelope(el)) // the app went away
}

const soapType = "text/xml; charset=utf-8"

func soapFault(w http.ResponseWriter, client bool, text string) {
	w.Header().Set("Content-Type", soapType)
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write(wire.SOAPFault(client, text)) // the app went away
}
