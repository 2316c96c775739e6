package wire

import (
	"crypto/x509"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// maxName bounds a name for people, in bytes.
const maxName = 256

// displayName is what an entity calls itself for people: mdui:DisplayName of
// the role, else the OrganizationDisplayName; English before another language.
// Empty where it says nothing that can be shown.
func displayName(role *etree.Element) string {
	var named []*etree.Element
	for _, extensions := range Children(role, NSMetadata, "Extensions") {
		for _, info := range Children(extensions, NSUI, "UIInfo") {
			named = append(named, Children(info, NSUI, "DisplayName")...)
		}
	}
	if name := inEnglish(named); name != "" {
		return name
	}
	named = nil
	for _, organization := range Children(role.Parent(), NSMetadata, "Organization") {
		named = append(named, Children(organization, NSMetadata, "OrganizationDisplayName")...)
	}
	return inEnglish(named)
}

// nsRPI is the namespace of how metadata came to be published (SAML V2.0 Metadata
// Extensions for Registration and Publication Information 1.0).
const nsRPI = "urn:oasis:names:tc:SAML:metadata:rpi"

// publishedAt is when an entity, or else the group around it, says that it was
// published (§2.2); zero where neither does.
func publishedAt(entity *etree.Element) time.Time {
	for el := entity; el != nil; el = el.Parent() {
		for _, extensions := range Children(el, NSMetadata, "Extensions") {
			for _, info := range Children(extensions, nsRPI, "PublicationInfo") {
				if at, err := ParseTime(Attr(info, "creationInstant")); err == nil {
					return at
				}
			}
		}
	}
	return time.Time{}
}

func inEnglish(named []*etree.Element) string {
	best := ""
	for _, el := range named {
		text, err := trimmedText(el)
		if err != nil || text == "" || len(text) > maxName {
			continue
		}
		language := ""
		for _, a := range el.Attr {
			if a.Space == "xml" && a.Key == "lang" {
				language = strings.ToLower(a.Value)
			}
		}
		if language == "en" || strings.HasPrefix(language, "en-") {
			return text
		}
		if best == "" {
			best = text
		}
	}
	return best
}

// VerifyMetadata checks the enveloped signature on the root of a metadata
// document against certs, and returns a document of the octets that were signed,
// without the signature: the one to read from now on. The root is an
// EntityDescriptor or an EntitiesDescriptor of at most MaxMessage bytes. Errors:
// as VerifyElement, ErrTooLarge.
func VerifyMetadata(b []byte, certs []*x509.Certificate, opts ...Option) ([]byte, error) {
	root, err := parse(b, true)
	if err != nil {
		return nil, err
	}
	if len(Children(root, NSSignature, "Signature")) == 0 {
		return nil, refuse(ErrUnsigned, "the document has no signature of its root")
	}
	verified, err := VerifyElement(root, certs, opts...)
	if err != nil {
		return nil, err
	}
	return Serialize(verified), nil
}

// On returns the document of an entity that stood in groups, with what they say of
// it: it ends when they do at the latest, and was published when they were unless
// it says so itself.
func (g Around) On(document []byte) ([]byte, error) {
	if g == (Around{}) {
		return document, nil
	}
	root, err := parse(document, true)
	if err != nil {
		return nil, err
	}
	own, err := ParseTime(Attr(root, "validUntil"))
	ends := !g.ValidUntil.IsZero() && (err != nil || g.ValidUntil.Before(own))
	published := !g.PublishedAt.IsZero() && publishedAt(root).IsZero()
	if ends {
		root.CreateAttr("validUntil", FormatTime(g.ValidUntil))
	}
	if published {
		info := extensions(root).CreateElement("mdrpi:PublicationInfo")
		info.CreateAttr("xmlns:mdrpi", nsRPI)
		info.CreateAttr("publisher", "")
		info.CreateAttr("creationInstant", g.PublishedAt.Format(time.RFC3339Nano))
	}
	if !ends && !published {
		return document, nil
	}
	return Serialize(root), nil
}

// extensions are those of an entity, which gets some where it has none: after its
// signature, before all else (SAML Metadata §2.3.2).
func extensions(entity *etree.Element) *etree.Element {
	if all := Children(entity, NSMetadata, "Extensions"); len(all) > 0 {
		return all[0]
	}
	at := 0
	for _, s := range Children(entity, NSSignature, "Signature") {
		at = s.Index() + 1
	}
	el := etree.NewElement("Extensions")
	el.Space = entity.Space
	entity.InsertChildAt(at, el)
	return el
}
