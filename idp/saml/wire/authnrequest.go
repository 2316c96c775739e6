package wire

import (
	"strconv"
	"time"

	"github.com/beevik/etree"
)

// AuthnRequest asks the identity provider to say who the person is (SAML Core
// §3.4.1). Pointers are nil where the request says nothing.
type AuthnRequest struct {
	ID, Issuer, Destination string
	IssueInstant            time.Time
	ACSURL, ProtocolBinding string
	ACSIndex                *int // AssertionConsumerServiceIndex
	AttributeIndex          *int // AttributeConsumingServiceIndex
	ForceAuthn, IsPassive   bool
	NameIDPolicy            NameIDPolicy
	RequestedAuthnContext   RequestedAuthnContext

	// Subject is the person the request is about. Its Value is empty when the
	// request has a Subject that names nobody we can read.
	Subject *NameID
}

// NameIDPolicy says which kind of NameID is wanted; its zero value, any.
type NameIDPolicy struct {
	Format, SPNameQualifier string
	AllowCreate             *bool
}

// RequestedAuthnContext says how the person must have signed in. Comparison is
// exact, minimum, maximum or better, "" meaning exact; its zero value asks for
// nothing.
type RequestedAuthnContext struct {
	Comparison string
	ClassRefs  []string
	DeclRefs   []string
}

// Element builds the samlp:AuthnRequest, unsigned.
func (r AuthnRequest) Element() *etree.Element {
	el := header{ID: r.ID, Issuer: r.Issuer, Destination: r.Destination, IssueInstant: r.IssueInstant}.element("AuthnRequest")
	setAttr(el, "AssertionConsumerServiceURL", r.ACSURL)
	setAttr(el, "ProtocolBinding", r.ProtocolBinding)
	setIndex(el, "AssertionConsumerServiceIndex", r.ACSIndex)
	setIndex(el, "AttributeConsumingServiceIndex", r.AttributeIndex)
	if r.ForceAuthn {
		el.CreateAttr("ForceAuthn", "true")
	}
	if r.IsPassive {
		el.CreateAttr("IsPassive", "true")
	}
	if r.Subject != nil {
		el.CreateElement("saml:Subject").AddChild(r.Subject.Element())
	}
	if p := r.NameIDPolicy; p != (NameIDPolicy{}) {
		policy := el.CreateElement("samlp:NameIDPolicy")
		setAttr(policy, "Format", p.Format)
		setAttr(policy, "SPNameQualifier", p.SPNameQualifier)
		if p.AllowCreate != nil {
			policy.CreateAttr("AllowCreate", strconv.FormatBool(*p.AllowCreate))
		}
	}
	if c := r.RequestedAuthnContext; len(c.ClassRefs)+len(c.DeclRefs) > 0 {
		context := el.CreateElement("samlp:RequestedAuthnContext")
		setAttr(context, "Comparison", c.Comparison)
		for _, ref := range c.ClassRefs {
			context.CreateElement("saml:AuthnContextClassRef").SetText(ref)
		}
		for _, ref := range c.DeclRefs {
			context.CreateElement("saml:AuthnContextDeclRef").SetText(ref)
		}
	}
	return el
}

// ParseAuthnRequest reads a samlp:AuthnRequest strictly: ID, Version, Issuer and
// IssueInstant are demanded, nothing may be repeated. It judges neither times nor
// addresses. Error: ErrMalformed.
func ParseAuthnRequest(el *etree.Element) (AuthnRequest, error) {
	h, err := parseHeader(el, "AuthnRequest")
	if err != nil {
		return AuthnRequest{}, err
	}
	r := AuthnRequest{
		ID: h.ID, Issuer: h.Issuer, Destination: h.Destination, IssueInstant: h.IssueInstant,
		ACSURL:          Attr(el, "AssertionConsumerServiceURL"),
		ProtocolBinding: Attr(el, "ProtocolBinding"),
	}
	for _, read := range []func(*etree.Element) error{r.readFlags, r.readPolicy, r.readContext, r.readSubject} {
		if err := read(el); err != nil {
			return AuthnRequest{}, err
		}
	}
	return r, nil
}

func (r *AuthnRequest) readFlags(el *etree.Element) error {
	for name, to := range map[string]*bool{"ForceAuthn": &r.ForceAuthn, "IsPassive": &r.IsPassive} {
		v, err := boolAttr(el, name)
		if err != nil {
			return err
		}
		*to = v != nil && *v
	}
	var err error
	if r.ACSIndex, err = indexAttr(el, "AssertionConsumerServiceIndex"); err != nil {
		return err
	}
	r.AttributeIndex, err = indexAttr(el, "AttributeConsumingServiceIndex")
	return err
}

func (r *AuthnRequest) readPolicy(el *etree.Element) error {
	policy, err := Child(el, NSProtocol, "NameIDPolicy")
	if err != nil || policy == nil {
		return err
	}
	r.NameIDPolicy.Format = Attr(policy, "Format")
	r.NameIDPolicy.SPNameQualifier = Attr(policy, "SPNameQualifier")
	r.NameIDPolicy.AllowCreate, err = boolAttr(policy, "AllowCreate")
	return err
}

func (r *AuthnRequest) readContext(el *etree.Element) error {
	context, err := Child(el, NSProtocol, "RequestedAuthnContext")
	if err != nil || context == nil {
		return err
	}
	c := &r.RequestedAuthnContext
	switch c.Comparison = Attr(context, "Comparison"); c.Comparison {
	case "", "exact", "minimum", "maximum", "better":
	default:
		return refuse(ErrMalformed, "unknown Comparison")
	}
	if c.ClassRefs, err = texts(Children(context, NSAssertion, "AuthnContextClassRef")); err != nil {
		return err
	}
	if c.DeclRefs, err = texts(Children(context, NSAssertion, "AuthnContextDeclRef")); err != nil {
		return err
	}
	if len(c.ClassRefs)+len(c.DeclRefs) == 0 {
		return refuse(ErrMalformed, "an empty RequestedAuthnContext")
	}
	return nil
}

func (r *AuthnRequest) readSubject(el *etree.Element) error {
	subject, err := Child(el, NSAssertion, "Subject")
	if err != nil || subject == nil {
		return err
	}
	r.Subject = &NameID{}
	name, err := Child(subject, NSAssertion, "NameID")
	if err != nil || name == nil {
		return err
	}
	// An unreadable name is the provider's to answer with UnknownPrincipal.
	if id, err := ParseNameID(name); err == nil {
		r.Subject = &id
	}
	return nil
}

func setIndex(el *etree.Element, key string, index *int) {
	if index != nil {
		el.CreateAttr(key, strconv.Itoa(*index))
	}
}

// texts are the trimmed texts of els; an empty one is refused.
func texts(els []*etree.Element) ([]string, error) {
	var out []string
	for _, el := range els {
		text, err := trimmedText(el)
		if err != nil {
			return nil, err
		}
		if text == "" {
			return nil, refuse(ErrMalformed, "an empty "+el.Tag)
		}
		out = append(out, text)
	}
	return out, nil
}
