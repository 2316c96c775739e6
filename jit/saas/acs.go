package saas

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"

	"gatehouse/idp/saml/wire"
)

// landedPath is where the browser fetches the result of a Response that was posted.
const landedPath = "/saml/landed"

// landing is what a posted Response came to.
type landing struct {
	begun begun
	id    identity
	err   error // the answer instead of a sign-in
}

// consume is the assertion consumer service. A Response comes as a cross-site POST, which carries no
// cookie of ours: what it came to waits under a one-time ticket, and the browser fetches it by a GET that
// shows who it is.
func (p *serviceProvider) consume(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, wire.MaxMessage)
	m, err := wire.Decode(r, wire.ParamResponse)
	if err != nil {
		return p.app.refused(err)
	}
	b, ok := p.app.begun.take(m.RelayState)
	if !ok {
		return p.app.refused(errors.New("unknown, used or old RelayState"))
	}
	l := landing{begun: b}
	if l.id, err = p.accept(m, b.requestID); err != nil {
		var said *problem
		if l.err = err; !errors.As(err, &said) {
			l.err = p.app.refused(err)
		}
	}
	ticket := newSecret()
	p.landed.put(ticket, l)
	http.Redirect(w, r, landedPath+"?"+url.Values{"ticket": {ticket}}.Encode(), http.StatusSeeOther)
	return nil
}

// land finishes a sign-in in the browser that began it.
func (p *serviceProvider) land(w http.ResponseWriter, r *http.Request) error {
	l, ok := p.landed.take(r.URL.Query().Get("ticket"))
	if !ok {
		return p.app.refused(errors.New("unknown, used or old ticket"))
	}
	if err := p.app.sameBrowser(r, l.begun); err != nil {
		return err
	}
	if l.err != nil {
		return l.err
	}
	return p.app.enter(w, r, l.id, l.begun.to)
}

// accept verifies a Response by wire, and where crewjam's service provider can read it by that too, and
// reads the assertion from the octets that wire verified.
func (p *serviceProvider) accept(m *wire.Message, requestID string) (identity, error) {
	idp, err := p.partner.get()
	if err != nil {
		return identity{}, err
	}
	if !wire.Is(m.Root, wire.NSProtocol, "Response") || wire.Attr(m.Root, "InResponseTo") != requestID {
		return identity{}, errors.New("not a Response to the request of this sign-in")
	}
	status, err := wire.ParseStatus(m.Root)
	if err != nil {
		return identity{}, err
	}
	if !status.OK() {
		return identity{}, p.denied(status)
	}
	verified, err := p.verify(m.Root, idp)
	if errors.Is(err, wire.ErrSignature) && p.partner.renew() {
		if idp, err = p.partner.get(); err == nil {
			verified, err = p.verify(m.Root, idp)
		}
	}
	if err != nil {
		return identity{}, fmt.Errorf("verify the signature: %w", err)
	}
	if err := precheck(verified); err != nil {
		return identity{}, err
	}
	if legible(m.Root) {
		if err := p.secondOpinion(idp, m.XML, requestID); err != nil {
			return identity{}, err
		}
	}
	assertion, err := readAssertion(verified)
	if err != nil {
		return identity{}, err
	}
	if err := p.addressed(m.Root, assertion); err != nil {
		return identity{}, err
	}
	return p.identity(assertion, requestID)
}

// verify returns the Assertion of a Response as its signature covers it: its own, or that of the
// Response. One that is encrypted is opened in between.
func (p *serviceProvider) verify(response *etree.Element, idp *partner) (*etree.Element, error) {
	covered := false
	if len(wire.Children(response, wire.NSSignature, "Signature")) != 0 {
		var err error
		if response, err = wire.VerifyElement(response, idp.certs, wire.At(p.app.cfg.Now())); err != nil {
			return nil, err
		}
		covered = true
	}
	assertion, err := wire.OnlyAssertion(response)
	if err != nil {
		return nil, err
	}
	if wire.Is(assertion, wire.NSAssertion, "EncryptedAssertion") {
		if p.cfg.DecryptionKey == nil {
			return nil, errors.New("an encrypted assertion, though no key to encrypt to is published")
		}
		if assertion, err = wire.Decrypt(assertion, p.cfg.DecryptionKey, wire.Decryption{}); err != nil {
			return nil, err
		}
	}
	if covered && len(wire.Children(assertion, wire.NSSignature, "Signature")) == 0 {
		return assertion, nil
	}
	return wire.VerifyElement(assertion, idp.certs, wire.At(p.app.cfg.Now()))
}

// legible: crewjam reads ECDSA signatures in a form that nobody else writes, and no AES of 256 bits.
func legible(response *etree.Element) bool {
	if len(wire.Children(response, wire.NSAssertion, "EncryptedAssertion")) != 0 {
		return false
	}
	for _, method := range response.FindElements("//SignatureMethod") {
		if strings.Contains(wire.Attr(method, "Algorithm"), "#ecdsa-") {
			return false
		}
	}
	return true
}

// precheck holds an assertion to the shape that crewjam reads without a panic.
func precheck(assertion *etree.Element) error {
	for _, tag := range []string{"Issuer", "Subject", "Conditions"} {
		if el, err := wire.Child(assertion, wire.NSAssertion, tag); err != nil || el == nil {
			return fmt.Errorf("the assertion has not exactly one %s", tag)
		}
	}
	subject, _ := wire.Child(assertion, wire.NSAssertion, "Subject")
	for _, confirmation := range wire.Children(subject, wire.NSAssertion, "SubjectConfirmation") {
		data, err := wire.Child(confirmation, wire.NSAssertion, "SubjectConfirmationData")
		if err != nil || data == nil {
			return errors.New("a SubjectConfirmation without data")
		}
	}
	return nil
}

// addressed checks from whom to whom, and from when until when (SAML Core §2.5.1, SAML Bindings §3.5.5.2).
func (p *serviceProvider) addressed(response *etree.Element, a *saml.Assertion) error {
	now, skew := p.app.cfg.Now(), saml.MaxClockSkew
	switch {
	case wire.Attr(response, "Destination") != p.acs.String():
		return errors.New("the Response is for another address")
	case a.Issuer.Value != p.cfg.EntityID:
		return errors.New("the assertion is of another issuer")
	case now.Before(a.Conditions.NotBefore.Add(-skew)), !now.Before(a.Conditions.NotOnOrAfter.Add(skew)):
		return errors.New("the assertion is not valid now")
	}
	return nil
}

// secondOpinion asks crewjam's service provider, which judges by the real clock. It panics on some broken
// documents; precheck refuses the known ones, and this stands for the rest.
func (p *serviceProvider) secondOpinion(idp *partner, response []byte, requestID string) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the response cannot be read")
		}
	}()
	if _, err = p.provider(idp).ParseXMLResponse(response, []string{requestID}, p.acs); err != nil {
		var invalid *saml.InvalidResponseError
		if errors.As(err, &invalid) {
			err = invalid.PrivateErr
		}
		return fmt.Errorf("check the response: %w", err)
	}
	return nil
}

// readAssertion reads a verified Assertion.
func readAssertion(el *etree.Element) (*saml.Assertion, error) {
	assertion := new(saml.Assertion)
	if err := xml.Unmarshal(wire.Serialize(el), assertion); err != nil {
		return nil, fmt.Errorf("read the assertion: %w", err)
	}
	if assertion.Subject == nil || assertion.Conditions == nil {
		return nil, errors.New("the assertion has no Subject or no Conditions")
	}
	return assertion, nil
}

// bearer is the confirmation method of the browser profile (SAML Profiles §3.3).
const bearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer"

// identity makes the checks of the browser profile that crewjam leaves out (SAML Profiles §4.1.4.3),
// spends the assertion and reads it.
func (p *serviceProvider) identity(a *saml.Assertion, requestID string) (identity, error) {
	until, err := p.confirmed(a, requestID)
	if err != nil {
		return identity{}, err
	}
	if a.ID == "" || !p.app.spent.spend("assertion "+a.ID, until) {
		return identity{}, errors.New("this assertion was used before")
	}
	name := a.Subject.NameID
	switch {
	case name == nil || name.Value == "":
		return identity{}, errors.New("the assertion names nobody")
	case name.Format == wire.NameIDTransient:
		return identity{}, errors.New("a transient NameID cannot be the key of an account")
	case name.SPNameQualifier != "" && name.SPNameQualifier != p.entityID:
		return identity{}, errors.New("the NameID is another service provider's")
	}
	id := identity{
		issuer: p.cfg.EntityID, subject: name.Value, nameIDFormat: name.Format, attributes: attributes(a),
		subjectIs: "the NameID of the assertion, format " + formatName(name.Format),
	}
	if err := p.bound(&id, a); err != nil {
		return identity{}, err
	}
	return id, nil
}

// confirmed finds a bearer confirmation for this request and audience, and returns until when the
// assertion has to be remembered.
func (p *serviceProvider) confirmed(a *saml.Assertion, requestID string) (time.Time, error) {
	ours := false
	for _, restriction := range a.Conditions.AudienceRestrictions {
		ours = ours || restriction.Audience.Value == p.entityID
	}
	if !ours {
		return time.Time{}, errors.New("the assertion is not restricted to this audience")
	}
	now := p.app.cfg.Now()
	for _, c := range a.Subject.SubjectConfirmations {
		data := c.SubjectConfirmationData
		if c.Method != bearer || data == nil || !data.NotBefore.IsZero() || data.Recipient != p.acs.String() || data.InResponseTo != requestID {
			continue
		}
		if until := data.NotOnOrAfter.Add(saml.MaxClockSkew); now.Before(until) {
			return until, nil
		}
	}
	return time.Time{}, errors.New("no bearer confirmation for this request")
}

// bound takes SessionIndex and SessionNotOnOrAfter from the AuthnStatements.
func (p *serviceProvider) bound(id *identity, a *saml.Assertion) error {
	if len(a.AuthnStatements) == 0 {
		return errors.New("the assertion has no AuthnStatement")
	}
	id.index = a.AuthnStatements[0].SessionIndex
	for _, s := range a.AuthnStatements {
		if end := s.SessionNotOnOrAfter; end != nil && (id.until.IsZero() || end.Before(id.until)) {
			id.until, id.untilIs = *end, "SessionNotOnOrAfter of the assertion"
		}
	}
	if !id.until.IsZero() && !p.app.cfg.Now().Before(id.until) {
		return errors.New("the session it speaks of has already ended")
	}
	return nil
}

// attributes lists the assertion's attributes in the order they came.
func attributes(a *saml.Assertion) []Attribute {
	var list []Attribute
	for _, statement := range a.AttributeStatements {
		for _, sent := range statement.Attributes {
			values := make([]string, len(sent.Values))
			for i, v := range sent.Values {
				values[i] = v.Value
			}
			at, ok := attribute(sent.Name, values, FromAttribute)
			if ok && at.Field == at.Name && sent.FriendlyName != "" {
				at.Field = fieldOf(sent.FriendlyName)
			}
			if ok && len(list) < maxAttributes {
				list = append(list, at)
			}
		}
	}
	return list
}

func formatName(format string) string {
	switch format {
	case wire.NameIDPersistent:
		return "persistent"
	case wire.NameIDEmail:
		return "emailAddress"
	}
	return "unspecified"
}

// denied shows a Response whose status is not Success. It need not be signed: nothing follows from it
// but a page that says so.
func (p *serviceProvider) denied(status wire.Status) error {
	said := []fact{{"Status", clip(status.Code, 256)}}
	if status.SubCode != "" {
		said = append(said, fact{"Second status", clip(status.SubCode, 256)})
	}
	if status.Message != "" {
		said = append(said, fact{"Message", clip(status.Message, 512)})
	}
	title := "You were not signed in"
	if status.SubCode == wire.StatusRequestDenied {
		title = p.app.cfg.IdPName + " did not let you in"
	}
	return &problem{
		status: http.StatusForbidden, title: title,
		detail: p.app.cfg.IdPName + " ended this sign-in without saying who you are. You may not have access to " +
			p.app.cfg.Name + ", or the sign-in was cancelled. No account was created or changed.",
		said: said, retry: LoginPath, cause: errors.New("SAML status is not Success"),
	}
}
