package wire

import (
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// Endpoint is where a partner listens (SAML Metadata §2.2.2). Index is -1 where
// there is none. Location and ResponseLocation are http or https URLs, always.
type Endpoint struct {
	Binding          Binding
	Location         string
	ResponseLocation string
	Index            int
	Default          bool
}

// Entity is what the metadata of either side have in common. ValidUntil is the
// earliest time that the document names, zero for none.
type Entity struct {
	EntityID      string
	SLO           []Endpoint
	SigningCerts  []*x509.Certificate
	NameIDFormats []string
	ValidUntil    time.Time
}

// EncryptionKey is a certificate to encrypt to, with the algorithms that its
// holder takes (md:EncryptionMethod), in its order: each a URI, and right after
// one for the transport of keys the digest and the mask function that it names.
type EncryptionKey struct {
	Certificate *x509.Certificate
	Methods     []string
}

// SP is the metadata of a service provider.
type SP struct {
	Entity
	ACS                                       []Endpoint
	EncryptionKeys                            []EncryptionKey
	AuthnRequestsSigned, WantAssertionsSigned bool
	AttributeServices                         []AttributeService
	// DisplayName is for people; empty where the document has none. It is not
	// written.
	DisplayName string
	// CacheDuration is that of the entity, an xs:duration as it stands there. It
	// is not written.
	CacheDuration string
	// PublishedAt is when the document was published, as the entity or the group
	// around it says (mdrpi:PublicationInfo); zero where neither does. It is not
	// written.
	PublishedAt time.Time
}

// IdP is the metadata of an identity provider.
type IdP struct {
	Entity
	SSO                     []Endpoint
	WantAuthnRequestsSigned bool
	// About and CacheDuration (an xs:duration) are written, and not read.
	About         About
	CacheDuration string
}

// ParseSPMetadata reads the metadata of one service provider, valid at now. The
// document may be an EntitiesDescriptor if one of its entities is a service
// provider. Refused are endpoints that are not http or https (CVE-2023-45683),
// two entities of one entityID, keys without a certificate, a document without
// an assertion consumer service, and what has expired (ErrExpired). The
// signature of the document is not looked at: see VerifyElement. Errors:
// ErrMalformed, ErrTooLarge, ErrExpired.
func ParseSPMetadata(b []byte, now time.Time) (SP, error) {
	d, err := parseDescriptor(b, "SPSSODescriptor", now)
	if err != nil {
		return SP{}, err
	}
	sp := SP{
		Entity: d.Entity, EncryptionKeys: d.encryption,
		DisplayName: displayName(d.role), CacheDuration: Attr(d.role.Parent(), "cacheDuration"), PublishedAt: publishedAt(d.role.Parent()),
	}
	if sp.ACS, err = endpoints(d.role, "AssertionConsumerService"); err != nil {
		return SP{}, err
	}
	if len(sp.ACS) == 0 {
		return SP{}, refuse(ErrMalformed, "no AssertionConsumerService")
	}
	seen := map[int]bool{}
	for _, acs := range sp.ACS {
		if acs.Index >= 0 && seen[acs.Index] {
			return SP{}, refuse(ErrMalformed, "an index is repeated")
		}
		seen[acs.Index] = true
	}
	if sp.AttributeServices, err = attributeServices(d.role); err != nil {
		return SP{}, err
	}
	if sp.AuthnRequestsSigned, err = flag(d.role, "AuthnRequestsSigned"); err != nil {
		return SP{}, err
	}
	sp.WantAssertionsSigned, err = flag(d.role, "WantAssertionsSigned")
	return sp, err
}

// ParseIdPMetadata reads the metadata of one identity provider, valid at now,
// by the rules of ParseSPMetadata. It must name a single sign-on service and a
// signing certificate.
func ParseIdPMetadata(b []byte, now time.Time) (IdP, error) {
	d, err := parseDescriptor(b, "IDPSSODescriptor", now)
	if err != nil {
		return IdP{}, err
	}
	idp := IdP{Entity: d.Entity}
	if idp.SSO, err = endpoints(d.role, "SingleSignOnService"); err != nil {
		return IdP{}, err
	}
	if len(idp.SSO) == 0 || len(idp.SigningCerts) == 0 {
		return IdP{}, refuse(ErrMalformed, "no SingleSignOnService or no signing certificate")
	}
	idp.WantAuthnRequestsSigned, err = flag(d.role, "WantAuthnRequestsSigned")
	return idp, err
}

// descriptor is a role of one entity, read as far as both roles agree.
type descriptor struct {
	Entity
	role       *etree.Element
	encryption []EncryptionKey
}

func parseDescriptor(b []byte, tag string, now time.Time) (*descriptor, error) {
	root, err := parse(b, true)
	if err != nil {
		return nil, err
	}
	role, err := findRole(root, tag)
	if err != nil {
		return nil, err
	}
	d := &descriptor{role: role}
	d.EntityID = Attr(role.Parent(), "entityID")
	for el := role; el != nil; el = el.Parent() {
		if err := d.validity(el, now); err != nil {
			return nil, err
		}
	}
	if d.SLO, err = endpoints(role, "SingleLogoutService"); err != nil {
		return nil, err
	}
	if d.NameIDFormats, err = texts(Children(role, NSMetadata, "NameIDFormat")); err != nil {
		return nil, err
	}
	for _, el := range Children(role, NSMetadata, "KeyDescriptor") {
		if err := d.readKey(el); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// findRole finds the one SAML 2.0 role of that tag among all entities.
func findRole(root *etree.Element, tag string) (*etree.Element, error) {
	var found *etree.Element
	ids := map[string]bool{}
	err := walk(root, func(el *etree.Element) error {
		if !Is(el, NSMetadata, "EntityDescriptor") {
			return nil
		}
		id := Attr(el, "entityID")
		if id == "" || len(id) > 1024 || strings.TrimSpace(id) != id {
			return refuse(ErrMalformed, "an entityID is missing or no URI")
		}
		if ids[id] {
			return refuse(ErrMalformed, "two entities have the same entityID")
		}
		ids[id] = true
		if up := el.Parent(); up.Parent() != nil && !Is(up, NSMetadata, "EntitiesDescriptor") {
			return refuse(ErrMalformed, "an entity in an unexpected place")
		}
		for _, role := range Children(el, NSMetadata, tag) {
			if !slices.Contains(strings.Fields(Attr(role, "protocolSupportEnumeration")), NSProtocol) {
				continue
			}
			if found != nil {
				return refuse(ErrMalformed, "more than one "+tag)
			}
			found = role
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, refuse(ErrMalformed, "no "+tag+" for SAML 2.0")
	}
	return found, nil
}

func (d *descriptor) validity(el *etree.Element, now time.Time) error {
	text, ok := lookupAttr(el, "validUntil")
	if !ok {
		return nil
	}
	until, err := ParseTime(text)
	if err != nil {
		return err
	}
	if !now.Before(until) {
		return refuse(ErrExpired, "validUntil has passed")
	}
	if d.ValidUntil.IsZero() || until.Before(d.ValidUntil) {
		d.ValidUntil = until
	}
	return nil
}

// readKey files a KeyDescriptor; one without a use serves both (§2.4.1.1).
func (d *descriptor) readKey(el *etree.Element) error {
	certs, err := certificates(el)
	if err != nil {
		return err
	}
	use, given := lookupAttr(el, "use")
	if given && use != "signing" && use != "encryption" {
		return refuse(ErrMalformed, "unknown use of a key")
	}
	if use != "encryption" {
		d.SigningCerts = append(d.SigningCerts, certs...)
	}
	if use == "signing" {
		return nil
	}
	var methods []string
	for _, m := range Children(el, NSMetadata, "EncryptionMethod") {
		methods = append(methods, Attr(m, "Algorithm"))
		for _, given := range slices.Concat(Children(m, NSSignature, "DigestMethod"), Children(m, nsEncrypt11, "MGF")) {
			methods = append(methods, Attr(given, "Algorithm"))
		}
	}
	for _, cert := range certs {
		d.encryption = append(d.encryption, EncryptionKey{Certificate: cert, Methods: methods})
	}
	return nil
}

// certificates reads the first certificate of each X509Data: what follows in
// the same X509Data is its chain.
func certificates(key *etree.Element) ([]*x509.Certificate, error) {
	info, err := demand(key, NSSignature, "KeyInfo")
	if err != nil {
		return nil, err
	}
	var out []*x509.Certificate
	for _, data := range Children(info, NSSignature, "X509Data") {
		all := Children(data, NSSignature, "X509Certificate")
		if len(all) == 0 {
			continue
		}
		der, err := base64Text(all[0])
		if err != nil {
			return nil, refuse(ErrMalformed, "a certificate is empty or not base64")
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, refuseBecause(ErrMalformed, "a certificate cannot be read", err)
		}
		out = append(out, cert)
	}
	if len(out) == 0 {
		return nil, refuse(ErrMalformed, "a key without a certificate")
	}
	return out, nil
}

func endpoints(role *etree.Element, tag string) ([]Endpoint, error) {
	var out []Endpoint
	for _, el := range Children(role, NSMetadata, tag) {
		e := Endpoint{
			Binding:          Binding(Attr(el, "Binding")),
			Location:         strings.TrimSpace(Attr(el, "Location")),
			ResponseLocation: strings.TrimSpace(Attr(el, "ResponseLocation")),
			Index:            -1,
		}
		if _, err := webURL(e.Location); err != nil {
			return nil, err
		}
		if e.ResponseLocation != "" {
			if _, err := webURL(e.ResponseLocation); err != nil {
				return nil, err
			}
		}
		index, err := indexAttr(el, "index")
		if err != nil {
			return nil, err
		}
		if index != nil {
			e.Index = *index
		}
		if e.Default, err = flag(el, "isDefault"); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func flag(el *etree.Element, key string) (bool, error) {
	v, err := boolAttr(el, key)
	return v != nil && *v, err
}
