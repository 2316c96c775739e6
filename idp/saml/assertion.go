package saml

import (
	"cmp"
	"time"

	"github.com/beevik/etree"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

const (
	confirmedByBearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	xmlSchema         = "http://www.w3.org/2001/XMLSchema"
	xmlSchemaInstance = "http://www.w3.org/2001/XMLSchema-instance"

	// defaultValidity is how long a confirmation holds when the app says
	// nothing; backdate is for apps whose clock is behind.
	defaultValidity = time.Minute
	backdate        = 2 * time.Minute
)

// statement is what an assertion says, once the gate has issued it.
type statement struct {
	app        idp.App
	req        *request
	session    idp.Session
	granted    time.Time // until when the person may use the app; zero: no end
	now        time.Time
	class      string
	name       idp.NameID
	index      string
	attributes []Attribute
	taken      bool // the request was taken with it
}

// assertion writes a statement down, unsigned (SAML Core §2.3.3). All its times
// come from our clock and the session's, none from the request (SA-34).
//
// The elements are built here: crewjam's canonicalise, panic where that fails,
// and cost half as much again. No Address and no SubjectLocality: behind proxies
// and across networks they refuse the right person.
func (p *Provider) assertion(s statement) *etree.Element {
	el := node("saml:Assertion", "xmlns:saml", wire.NSAssertion, "xmlns:xs", xmlSchema, "xmlns:xsi", xmlSchemaInstance,
		"ID", wire.NewID(), "Version", "2.0", "IssueInstant", wire.FormatTime(s.now))
	until := wire.FormatTime(s.now.Add(cmp.Or(s.app.SAML.AssertionValidity, defaultValidity)))
	el.CreateElement("saml:Issuer").SetText(p.EntityID)
	el.AddChild(s.subject(until))
	el.AddChild(s.conditions(until))
	el.AddChild(s.authn())
	if len(s.attributes) > 0 { // the schema wants at least one
		el.AddChild(s.told())
	}
	return el
}

// node makes an element with attributes, name and value in turn, but for those
// without a value.
func node(tag string, attributes ...string) *etree.Element {
	el := etree.NewElement(tag)
	el.Attr = make([]etree.Attr, 0, len(attributes)/2)
	for i := 0; i < len(attributes); i += 2 {
		if attributes[i+1] != "" {
			el.CreateAttr(attributes[i], attributes[i+1])
		}
	}
	return el
}

// subject says who it is about, and who may bring it: whoever has it, to that
// address, as the answer to that request (SAML Profiles §3.3).
func (s statement) subject(until string) *etree.Element {
	el := etree.NewElement("saml:Subject")
	name := node("saml:NameID", "NameQualifier", s.name.NameQualifier, "SPNameQualifier", s.name.SPNameQualifier, "Format", s.name.Format)
	name.SetText(s.name.Value)
	el.AddChild(name)
	confirmation := node("saml:SubjectConfirmation", "Method", confirmedByBearer)
	confirmation.AddChild(node("saml:SubjectConfirmationData", "NotOnOrAfter", until, "Recipient", s.req.ACS, "InResponseTo", s.req.ID))
	el.AddChild(confirmation)
	return el
}

func (s statement) conditions(until string) *etree.Element {
	el := node("saml:Conditions", "NotBefore", wire.FormatTime(s.now.Add(-backdate)), "NotOnOrAfter", until)
	el.CreateElement("saml:AudienceRestriction").CreateElement("saml:Audience").SetText(s.app.Identifier)
	if s.app.SAML.OneTimeUse {
		el.CreateElement("saml:OneTimeUse")
	}
	return el
}

// authn says when and how the person signed in. SessionNotOnOrAfter is what
// bounds the app's own session: it is never later than ours, nor than what lets
// the person use the app.
func (s statement) authn() *etree.Element {
	end := s.session.ExpiresAt
	if ttl := s.app.SAML.SessionTTL; ttl > 0 && s.now.Add(ttl).Before(end) {
		end = s.now.Add(ttl)
	}
	if !s.granted.IsZero() && s.granted.Before(end) {
		end = s.granted
	}
	el := node("saml:AuthnStatement", "AuthnInstant", wire.FormatTime(s.session.AuthTime), "SessionIndex", s.index,
		"SessionNotOnOrAfter", wire.FormatTime(end))
	el.CreateElement("saml:AuthnContext").CreateElement("saml:AuthnContextClassRef").SetText(s.class)
	return el
}

// told is the AttributeStatement (SAML Core §2.7.3). The types of values are in
// a namespace that is only named inside a text: the assertion declares it.
func (s statement) told() *etree.Element {
	told := etree.NewElement("saml:AttributeStatement")
	for _, a := range s.attributes {
		el := node("saml:Attribute", "Name", a.Name, "NameFormat", a.NameFormat, "FriendlyName", a.FriendlyName)
		for _, v := range a.Values {
			value := node("saml:AttributeValue", "xsi:type", a.Type)
			value.SetText(v)
			el.AddChild(value)
		}
		told.AddChild(el)
	}
	return told
}

// response signs and serialises the answer to req: what the app wants signed,
// and always the one without an assertion, which is nil for a status other than
// Success.
func (p *Provider) response(app idp.App, req *request, status wire.Status, assertion *etree.Element) ([]byte, error) {
	sign, err := signer(p.Ring, app)
	if err != nil {
		return nil, err
	}
	el := wire.Response{
		ID: wire.NewID(), InResponseTo: req.ID, Issuer: p.EntityID, Destination: req.ACS, IssueInstant: p.now(), Status: status,
	}.Element()
	if assertion != nil {
		if app.SAML.Sign != idp.SignResponse {
			if err := sign.Sign(assertion); err != nil {
				return nil, err
			}
		}
		// Signed, then encrypted: what is signed again is what anybody can read.
		if assertion, err = encrypt(app, assertion); err != nil {
			return nil, err
		}
		el.AddChild(assertion)
	}
	if assertion == nil || app.SAML.Sign == idp.SignResponse || app.SAML.Sign == idp.SignBoth {
		if err := sign.Sign(el); err != nil {
			return nil, err
		}
	}
	return wire.Serialize(el), nil
}
