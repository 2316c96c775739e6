package wire

import (
	"time"

	"github.com/beevik/etree"
)

// Status is the outcome that a response carries (SAML Core §3.2.2): one of the
// top-level codes, an optional code below it, an optional text.
type Status struct {
	Code, SubCode, Message string
}

// OK reports whether the status is Success.
func (s Status) OK() bool { return s.Code == StatusSuccess }

// Element builds the samlp:Status.
func (s Status) Element() *etree.Element {
	el := element("samlp", NSProtocol, "Status")
	code := el.CreateElement("samlp:StatusCode")
	code.CreateAttr("Value", s.Code)
	if s.SubCode != "" {
		code.CreateElement("samlp:StatusCode").CreateAttr("Value", s.SubCode)
	}
	if s.Message != "" {
		el.CreateElement("samlp:StatusMessage").SetText(s.Message)
	}
	return el
}

// Response answers an AuthnRequest (SAML Core §3.3.3).
type Response struct {
	ID, InResponseTo    string
	Issuer, Destination string
	IssueInstant        time.Time
	Status              Status
}

// Element builds the samlp:Response, unsigned, without an assertion: that comes
// last.
func (r Response) Element() *etree.Element {
	el := header{
		ID: r.ID, InResponseTo: r.InResponseTo, Issuer: r.Issuer,
		Destination: r.Destination, IssueInstant: r.IssueInstant,
	}.element("Response")
	el.AddChild(r.Status.Element())
	return el
}

// ParseStatus reads the samlp:Status child of a response. Error: ErrMalformed.
func ParseStatus(response *etree.Element) (Status, error) {
	el, err := Child(response, NSProtocol, "Status")
	if err != nil {
		return Status{}, err
	}
	if el == nil {
		return Status{}, refuse(ErrMalformed, "the Status is missing")
	}
	code, err := Child(el, NSProtocol, "StatusCode")
	if err != nil {
		return Status{}, err
	}
	if code == nil || Attr(code, "Value") == "" {
		return Status{}, refuse(ErrMalformed, "the StatusCode is missing")
	}
	s := Status{Code: Attr(code, "Value")}
	sub, err := Child(code, NSProtocol, "StatusCode")
	if err != nil {
		return Status{}, err
	}
	if sub != nil {
		s.SubCode = Attr(sub, "Value")
	}
	s.Message, err = childText(el, NSProtocol, "StatusMessage")
	return s, err
}
