package wire

import (
	"time"

	"github.com/beevik/etree"
)

// NameID names a person to a partner (SAML Core §2.2.3). The value is exact:
// white space counts.
type NameID struct {
	Value           string
	Format          string
	NameQualifier   string
	SPNameQualifier string
}

// Element builds the saml:NameID.
func (n NameID) Element() *etree.Element {
	el := element("saml", NSAssertion, "NameID")
	setAttr(el, "NameQualifier", n.NameQualifier)
	setAttr(el, "SPNameQualifier", n.SPNameQualifier)
	setAttr(el, "Format", n.Format)
	el.SetText(n.Value)
	return el
}

// ParseNameID reads a saml:NameID. Error: ErrMalformed, also for an empty one.
func ParseNameID(el *etree.Element) (NameID, error) {
	if !Is(el, NSAssertion, "NameID") {
		return NameID{}, refuse(ErrMalformed, "not a NameID")
	}
	value, err := Text(el)
	if err != nil {
		return NameID{}, err
	}
	if value == "" {
		return NameID{}, refuse(ErrMalformed, "an empty NameID")
	}
	return NameID{
		Value:           value,
		Format:          Attr(el, "Format"),
		NameQualifier:   Attr(el, "NameQualifier"),
		SPNameQualifier: Attr(el, "SPNameQualifier"),
	}, nil
}

// header is what every protocol message carries (SAML Core §3.2).
type header struct {
	ID, InResponseTo    string
	Issuer, Destination string
	IssueInstant        time.Time
}

func (h header) element(tag string) *etree.Element {
	el := element("samlp", NSProtocol, tag)
	el.CreateAttr("xmlns:saml", NSAssertion)
	el.CreateAttr("ID", h.ID)
	setAttr(el, "InResponseTo", h.InResponseTo)
	el.CreateAttr("Version", "2.0")
	el.CreateAttr("IssueInstant", FormatTime(h.IssueInstant))
	setAttr(el, "Destination", h.Destination)
	if h.Issuer != "" {
		el.CreateElement("saml:Issuer").SetText(h.Issuer)
	}
	return el
}

// parseHeader reads and demands ID, Version 2.0, IssueInstant and Issuer.
func parseHeader(el *etree.Element, tag string) (header, error) {
	if !Is(el, NSProtocol, tag) {
		return header{}, refuse(ErrMalformed, "not a "+tag)
	}
	if Attr(el, "Version") != "2.0" {
		return header{}, refuse(ErrMalformed, "not SAML 2.0")
	}
	h := header{
		ID:           Attr(el, "ID"),
		InResponseTo: Attr(el, "InResponseTo"),
		Destination:  Attr(el, "Destination"),
	}
	if !validID(h.ID) {
		return header{}, refuse(ErrMalformed, "the ID is missing or not an xs:ID")
	}
	var err error
	if h.IssueInstant, err = ParseTime(Attr(el, "IssueInstant")); err != nil {
		return header{}, err
	}
	if h.Issuer, err = childText(el, NSAssertion, "Issuer"); err != nil {
		return header{}, err
	}
	if h.Issuer == "" {
		return header{}, refuse(ErrMalformed, "the Issuer is missing")
	}
	return h, nil
}

// validID reports whether id is an xs:ID of sane length. Only ASCII is taken:
// nobody makes others, and an ID ends up in logs and keys.
func validID(id string) bool {
	if id == "" || len(id) > 256 {
		return false
	}
	for i, c := range []byte(id) {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c != '-' && c != '.' && (c < '0' || c > '9')) {
			return false
		}
	}
	return true
}
