package saml

import (
	"cmp"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"

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
}

// assertion writes a statement down, unsigned. All its times come from our
// clock and the session's, none from the request (SA-34).
//
// The element itself is built here: crewjam's own canonicalises and panics
// where that fails. No Address and no SubjectLocality: behind proxies and
// across networks they refuse the right person.
func (p *Provider) assertion(s statement) *etree.Element {
	el := etree.NewElement("saml:Assertion")
	el.CreateAttr("xmlns:saml", wire.NSAssertion)
	el.CreateAttr("xmlns:xs", xmlSchema)
	el.CreateAttr("xmlns:xsi", xmlSchemaInstance)
	el.CreateAttr("ID", wire.NewID())
	el.CreateAttr("Version", "2.0")
	el.CreateAttr("IssueInstant", wire.FormatTime(s.now))
	el.CreateElement("saml:Issuer").SetText(p.EntityID)
	until := s.now.Add(cmp.Or(s.app.SAML.AssertionValidity, defaultValidity))
	el.AddChild((&saml.Subject{
		NameID: &saml.NameID{
			Value: s.name.Value, Format: s.name.Format,
			NameQualifier: s.name.NameQualifier, SPNameQualifier: s.name.SPNameQualifier,
		},
		SubjectConfirmations: []saml.SubjectConfirmation{{
			Method: confirmedByBearer,
			SubjectConfirmationData: &saml.SubjectConfirmationData{
				NotOnOrAfter: until, Recipient: s.req.ACS, InResponseTo: s.req.ID,
			},
		}},
	}).Element())
	conditions := &saml.Conditions{
		NotBefore: s.now.Add(-backdate), NotOnOrAfter: until,
		AudienceRestrictions: []saml.AudienceRestriction{{Audience: saml.Audience{Value: s.app.Identifier}}},
	}
	if s.app.SAML.OneTimeUse {
		conditions.OneTimeUse = &saml.OneTimeUse{}
	}
	el.AddChild(conditions.Element())
	el.AddChild(s.authn().Element())
	if len(s.attributes) > 0 { // the schema wants at least one
		el.AddChild(s.told())
	}
	return el
}

// authn says when and how the person signed in. SessionNotOnOrAfter is what
// bounds the app's own session: it is never later than ours, nor than what lets
// the person use the app.
func (s statement) authn() *saml.AuthnStatement {
	end := s.session.ExpiresAt
	if ttl := s.app.SAML.SessionTTL; ttl > 0 && s.now.Add(ttl).Before(end) {
		end = s.now.Add(ttl)
	}
	if !s.granted.IsZero() && s.granted.Before(end) {
		end = s.granted
	}
	end = end.UTC()
	return &saml.AuthnStatement{
		AuthnInstant: s.session.AuthTime.UTC(), SessionIndex: s.index, SessionNotOnOrAfter: &end,
		AuthnContext: saml.AuthnContext{AuthnContextClassRef: &saml.AuthnContextClassRef{Value: s.class}},
	}
}

// told is the AttributeStatement (SAML Core §2.7.3). The types of values are in
// a namespace that is only named inside a text: the assertion declares it.
func (s statement) told() *etree.Element {
	told := etree.NewElement("saml:AttributeStatement")
	for _, a := range s.attributes {
		el := told.CreateElement("saml:Attribute")
		el.CreateAttr("Name", a.Name)
		el.CreateAttr("NameFormat", a.NameFormat)
		if a.FriendlyName != "" {
			el.CreateAttr("FriendlyName", a.FriendlyName)
		}
		for _, v := range a.Values {
			value := el.CreateElement("saml:AttributeValue")
			if a.Type != "" {
				value.CreateAttr("xsi:type", a.Type)
			}
			value.SetText(v)
		}
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
	el := (&saml.Response{
		ID: wire.NewID(), InResponseTo: req.ID, Version: "2.0", IssueInstant: p.now(), Destination: req.ACS,
		Issuer: &saml.Issuer{Value: p.EntityID}, Status: statusOf(status),
	}).Element()
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

func statusOf(s wire.Status) saml.Status {
	status := saml.Status{StatusCode: saml.StatusCode{Value: s.Code}}
	if s.SubCode != "" {
		status.StatusCode.StatusCode = &saml.StatusCode{Value: s.SubCode}
	}
	if s.Message != "" {
		status.StatusMessage = &saml.StatusMessage{Value: s.Message}
	}
	return status
}
