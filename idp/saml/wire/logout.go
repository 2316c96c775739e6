package wire

import (
	"time"

	"github.com/beevik/etree"
)

// LogoutRequest asks a partner to end sessions of a person: those named by
// SessionIndexes, all when there is none (SAML Core §3.7.1). NotOnOrAfter and
// Reason are optional.
type LogoutRequest struct {
	ID, Issuer, Destination    string
	IssueInstant, NotOnOrAfter time.Time
	NameID                     NameID
	SessionIndexes             []string
	Reason                     string
}

// Element builds the samlp:LogoutRequest, unsigned.
func (r LogoutRequest) Element() *etree.Element {
	el := header{ID: r.ID, Issuer: r.Issuer, Destination: r.Destination, IssueInstant: r.IssueInstant}.element("LogoutRequest")
	setAttr(el, "Reason", r.Reason)
	if !r.NotOnOrAfter.IsZero() {
		el.CreateAttr("NotOnOrAfter", FormatTime(r.NotOnOrAfter))
	}
	el.AddChild(r.NameID.Element())
	for _, index := range r.SessionIndexes {
		el.CreateElement("samlp:SessionIndex").SetText(index)
	}
	return el
}

// ParseLogoutRequest reads a samlp:LogoutRequest. It judges no time. Errors:
// ErrMalformed; ErrEncrypted for a person named by an EncryptedID, together with
// who asks.
func ParseLogoutRequest(el *etree.Element) (LogoutRequest, error) {
	h, err := parseHeader(el, "LogoutRequest")
	if err != nil {
		return LogoutRequest{}, err
	}
	r := LogoutRequest{
		ID: h.ID, Issuer: h.Issuer, Destination: h.Destination, IssueInstant: h.IssueInstant,
		Reason: Attr(el, "Reason"),
	}
	if text, ok := lookupAttr(el, "NotOnOrAfter"); ok {
		if r.NotOnOrAfter, err = ParseTime(text); err != nil {
			return LogoutRequest{}, err
		}
	}
	name, err := Child(el, NSAssertion, "NameID")
	if err != nil {
		return LogoutRequest{}, err
	}
	encrypted := len(Children(el, NSAssertion, "EncryptedID")) > 0
	switch {
	case encrypted && name == nil:
		return r, refuse(ErrEncrypted, "the NameID is encrypted")
	case encrypted:
		return LogoutRequest{}, refuse(ErrMalformed, "the person is named twice")
	}
	if r.NameID, err = ParseNameID(name); err != nil {
		return LogoutRequest{}, err
	}
	for _, child := range Children(el, NSProtocol, "SessionIndex") {
		index, err := Text(child)
		if err != nil {
			return LogoutRequest{}, err
		}
		if index == "" {
			return LogoutRequest{}, refuse(ErrMalformed, "an empty SessionIndex")
		}
		r.SessionIndexes = append(r.SessionIndexes, index)
	}
	return r, nil
}

// LogoutResponse answers a LogoutRequest (SAML Core §3.7.2).
type LogoutResponse struct {
	ID, InResponseTo    string
	Issuer, Destination string
	IssueInstant        time.Time
	Status              Status
}

// Element builds the samlp:LogoutResponse, unsigned.
func (r LogoutResponse) Element() *etree.Element {
	el := header{
		ID: r.ID, InResponseTo: r.InResponseTo, Issuer: r.Issuer,
		Destination: r.Destination, IssueInstant: r.IssueInstant,
	}.element("LogoutResponse")
	el.AddChild(r.Status.Element())
	return el
}

// ParseLogoutResponse reads a samlp:LogoutResponse. Error: ErrMalformed.
func ParseLogoutResponse(el *etree.Element) (LogoutResponse, error) {
	h, err := parseHeader(el, "LogoutResponse")
	if err != nil {
		return LogoutResponse{}, err
	}
	status, err := ParseStatus(el)
	if err != nil {
		return LogoutResponse{}, err
	}
	return LogoutResponse{
		ID: h.ID, InResponseTo: h.InResponseTo, Issuer: h.Issuer,
		Destination: h.Destination, IssueInstant: h.IssueInstant, Status: status,
	}, nil
}
