package wire

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"strings"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

const (
	transformEnveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
	transformExclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
)

// enveloped is a signature whose shape was found to be the only one SAML allows.
type enveloped struct {
	index  int // of the Signature among its parent's children
	method method
	value  []byte
}

// checkDocument judges the whole document that el stands in.
func checkDocument(el *etree.Element) error {
	seen := map[string]bool{}
	assertions := 0
	return walk(top(el), func(at *etree.Element) error {
		for _, a := range at.Attr {
			if !strings.EqualFold(a.Key, "id") || a.Space == "xmlns" {
				continue
			}
			if seen[a.Value] {
				return refuse(ErrSignature, "an ID is repeated")
			}
			seen[a.Value] = true
		}
		if !Is(at, NSAssertion, "Assertion") && !Is(at, NSAssertion, "EncryptedAssertion") {
			return nil
		}
		if assertions++; assertions > 1 {
			return refuse(ErrSignature, "more than one assertion")
		}
		if up := at.Parent(); up != nil && up.Parent() != nil && !Is(up, NSProtocol, "Response") {
			return refuse(ErrSignature, "an assertion in an unexpected place")
		}
		return nil
	})
}

// OnlyAssertion returns the one Assertion or EncryptedAssertion of a Response, a
// direct child of it. None, several, or one anywhere else is ErrMalformed.
func OnlyAssertion(response *etree.Element) (*etree.Element, error) {
	var found []*etree.Element
	err := walk(response, func(at *etree.Element) error {
		if Is(at, NSAssertion, "Assertion") || Is(at, NSAssertion, "EncryptedAssertion") {
			found = append(found, at)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(found) != 1 || found[0].Parent() != response {
		return nil, refuse(ErrMalformed, "the response does not hold exactly one assertion")
	}
	return found[0], nil
}

// readSignature checks that el has exactly one Signature and that it has the
// profile of SAML Core §5.4: one reference, to el, enveloped and exclusive C14N
// only, algorithms of the allow list, nothing besides.
func readSignature(el *etree.Element, o options) (*enveloped, error) {
	all := Children(el, NSSignature, "Signature")
	switch len(all) {
	case 0:
		return nil, refuse(ErrUnsigned, "the element has no signature")
	case 1:
	default:
		return nil, refuse(ErrSignature, "more than one signature")
	}
	reference, err := ownReference(el)
	if err != nil {
		return nil, err
	}
	if err := onlyReference(el, all[0], reference); err != nil {
		return nil, err
	}
	info, m, value, err := readInfo(all[0], o)
	if err != nil {
		return nil, err
	}
	if err := checkReference(info[2], reference, o); err != nil {
		return nil, err
	}
	return &enveloped{index: all[0].Index(), method: m, value: value}, nil
}

// readInfo checks the parts of a Signature, but for its reference, and returns
// those of its SignedInfo, how it was made, and its value.
func readInfo(signature *etree.Element, o options) (info []*etree.Element, m method, value []byte, err error) {
	parts, err := sequence(signature, "SignedInfo", "SignatureValue", "KeyInfo?")
	if err != nil {
		return nil, m, nil, err
	}
	if info, err = sequence(parts[0], "CanonicalizationMethod", "SignatureMethod", "Reference"); err != nil {
		return nil, m, nil, err
	}
	if Attr(info[0], "Algorithm") != transformExclusive || len(info[0].ChildElements()) != 0 {
		return nil, m, nil, refuse(ErrAlgorithm, "the canonicalization is not exclusive C14N")
	}
	if m, err = signatureMethod(Attr(info[1], "Algorithm"), o.sha1); err != nil {
		return nil, m, nil, err
	}
	value, err = base64Text(parts[1])
	return info, m, value, err
}

// ownReference is the URI that a signature of el must refer to. goxmldsig finds
// the ID by local name alone, so a second one under a prefix is refused.
func ownReference(el *etree.Element) (string, error) {
	count := 0
	for _, a := range el.Attr {
		if a.Key == "ID" && a.Space != "xmlns" {
			count++
		}
	}
	id := Attr(el, "ID")
	if id == "" || count != 1 {
		return "", refuse(ErrSignature, "the signed element has no single ID")
	}
	return "#" + id, nil
}

// onlyReference refuses a second Signature below el that refers to el:
// goxmldsig would take whichever comes first.
func onlyReference(el, own *etree.Element, reference string) error {
	return walk(el, func(at *etree.Element) error {
		if at == own || !Is(at, NSSignature, "Signature") {
			return nil
		}
		return walk(at, func(below *etree.Element) error {
			if !Is(below, NSSignature, "Reference") {
				return nil
			}
			if uri := Attr(below, "URI"); uri == reference || uri == "" {
				return refuse(ErrSignature, "a second signature refers to the element")
			}
			return nil
		})
	})
}

func checkReference(ref *etree.Element, reference string, o options) error {
	if Attr(ref, "URI") != reference {
		return refuse(ErrSignature, "the signature refers to another element")
	}
	parts, err := sequence(ref, "Transforms", "DigestMethod", "DigestValue")
	if err != nil {
		return err
	}
	transforms, err := sequence(parts[0], "Transform", "Transform")
	if err != nil {
		return err
	}
	if Attr(transforms[0], "Algorithm") != transformEnveloped || Attr(transforms[1], "Algorithm") != transformExclusive {
		return refuse(ErrAlgorithm, "the transforms are not enveloped and exclusive C14N")
	}
	if err := checkDigest(Attr(parts[1], "Algorithm"), o.sha1); err != nil {
		return err
	}
	_, err = base64Text(parts[2])
	return err
}

// sequence returns the child elements of el, which must be exactly the named
// ones of the XML Signature namespace, in order; a name ending in ? may be absent.
func sequence(el *etree.Element, names ...string) ([]*etree.Element, error) {
	children := el.ChildElements()
	for i, name := range names {
		name, optional := strings.CutSuffix(name, "?")
		if i >= len(children) {
			if optional {
				return children, nil
			}
			return nil, refuse(ErrSignature, name+" is missing")
		}
		if !Is(children[i], NSSignature, name) {
			return nil, refuse(ErrSignature, name+" is missing or out of place")
		}
	}
	if len(children) > len(names) {
		return nil, refuse(ErrSignature, "the signature holds more than it should")
	}
	return children, nil
}

// base64Text is the whole text of el, decoded; comments inside are refused
// (CVE-2025-29774).
func base64Text(el *etree.Element) ([]byte, error) {
	text, err := Text(el)
	if err != nil {
		return nil, refuse(ErrSignature, "a value holds more than text")
	}
	octets, err := base64.StdEncoding.DecodeString(stripSpace(text))
	if err != nil || len(octets) == 0 {
		return nil, refuse(ErrSignature, "a value is empty or not base64")
	}
	return octets, nil
}

// prepare rewrites the Signature in work, a copy, for goxmldsig: KeyInfo goes,
// so that only cert decides, and an ECDSA value becomes ASN.1. Neither is part
// of what is signed.
func (s *enveloped) prepare(work *etree.Element, cert *x509.Certificate) error {
	signature := work.Child[s.index].(*etree.Element)
	for _, info := range Children(signature, NSSignature, dsig.KeyInfoTag) {
		signature.RemoveChild(info)
	}
	value := s.value
	if key, ok := cert.PublicKey.(*ecdsa.PublicKey); ok {
		if value, ok = toASN1(key, s.value); !ok {
			return refuse(ErrSignature, "an ECDSA signature of the wrong length")
		}
	}
	for _, v := range Children(signature, NSSignature, dsig.SignatureValueTag) {
		v.SetText(base64.StdEncoding.EncodeToString(value))
	}
	return nil
}
