package wire

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/xml"
	"hash"
	"strings"

	"github.com/beevik/etree"
)

// whole checks the enveloped signature of a document's root while the document
// goes by: the signature comes first (SAML Metadata §2.3.1 has it before all else
// in an EntitiesDescriptor), is checked itself as soon as it is there, and says
// what the rest has to be. What stands before it is held until then.
type whole struct {
	certs []*x509.Certificate
	o     options
	root  xml.StartElement
	scope map[string]string // what it declares
	text  []byte            // between its start and the signature
	id    string            // of it; may be empty

	signature []byte // as it came, while it is read
	within    int    // elements that are open of it

	c14n *stream // nil until the signature was found good
	sum  hash.Hash
	want []byte
}

func newWhole(root xml.StartElement, scope map[string]string, certs []*x509.Certificate, o options) (*whole, error) {
	w := &whole{certs: certs, o: o, root: root, scope: scope}
	for _, a := range root.Attr {
		if a.Name.Space == "xmlns" || !strings.EqualFold(a.Name.Local, "id") {
			continue
		}
		if a.Name.Space != "" || a.Name.Local != "ID" || w.id != "" {
			return nil, refuse(ErrSignature, "the signed element has no single ID")
		}
		w.id = a.Value
	}
	return w, nil
}

// next takes a token after the root's start, and raw, as it came.
func (w *whole) next(token xml.Token, raw []byte) error {
	if w.within > 0 || w.begins(token) {
		return w.collect(token, raw)
	}
	if start, ok := token.(xml.StartElement); ok {
		if w.c14n == nil {
			return refuse(ErrUnsigned, "the root has no signature before everything else in it")
		}
		for _, a := range start.Attr {
			if a.Value == w.id && w.id != "" && a.Name.Space != "xmlns" && strings.EqualFold(a.Name.Local, "id") {
				return refuse(ErrSignature, "an ID is repeated")
			}
		}
	}
	if w.c14n != nil {
		return w.c14n.token(token)
	}
	switch t := token.(type) {
	case xml.EndElement:
		return refuse(ErrUnsigned, "the root has no signature")
	case xml.CharData:
		if w.text = append(w.text, t...); len(w.text) > MaxMessage {
			return refuse(ErrTooLarge, "too much stands before the signature")
		}
	}
	return nil
}

// begins reports whether token is the start of a Signature of the root.
func (w *whole) begins(token xml.Token) bool {
	start, ok := token.(xml.StartElement)
	if !ok || start.Name.Local != "Signature" || w.c14n != nil && len(w.c14n.open) != 1 {
		return false
	}
	ns, ok := declaration(start, start.Name.Space)
	if !ok {
		ns = w.scope[start.Name.Space]
	}
	return ns == NSSignature
}

// collect takes a token of the signature.
func (w *whole) collect(token xml.Token, raw []byte) error {
	switch t := token.(type) {
	case xml.StartElement:
		if w.within == 0 {
			if w.c14n != nil {
				return refuse(ErrSignature, "more than one signature")
			}
			var out bytes.Buffer
			if err := standAlone(&out, t, w.scope, raw); err != nil {
				return err
			}
			raw = out.Bytes()
		}
		w.within++
	case xml.EndElement:
		w.within--
	}
	if w.signature = append(w.signature, raw...); len(w.signature) > MaxMessage {
		return refuse(ErrTooLarge, "the signature is over the limit")
	}
	if w.within > 0 {
		return nil
	}
	return w.begin()
}

// begin checks the signature, and digests from the root's start on.
func (w *whole) begin() error {
	el, err := Parse(w.signature)
	if err != nil {
		return err
	}
	w.signature = nil
	said, err := readSignedRoot(el, w.id, w.o)
	if err != nil {
		return err
	}
	octets := canonical(said.info)
	err = tryCertificates(w.certs, said.method, w.o, func(cert *x509.Certificate) error {
		value := said.value
		if key, ok := cert.PublicKey.(*ecdsa.PublicKey); ok {
			if value, ok = toASN1(key, said.value); !ok {
				return refuse(ErrSignature, "an ECDSA signature of the wrong length")
			}
		}
		return cert.CheckSignature(said.method.algorithm, octets, value)
	})
	if err != nil {
		return err
	}
	w.sum, w.want = said.digest.New(), said.sum
	w.c14n = newStream(w.sum, said.inclusive)
	if err := w.c14n.token(w.root); err != nil {
		return err
	}
	return w.c14n.token(xml.CharData(w.text))
}

// end says whether what went by is what was signed.
func (w *whole) end() error {
	if w.c14n == nil || len(w.c14n.open) != 0 {
		return refuse(ErrUnsigned, "the root has no signature")
	}
	if !bytes.Equal(w.sum.Sum(nil), w.want) {
		return refuseBecause(ErrSignature, "the document is not the one that was signed", ErrChanged)
	}
	return nil
}

// signedRoot is what the signature of a root says.
type signedRoot struct {
	info      *etree.Element // the SignedInfo
	method    method
	value     []byte
	digest    crypto.Hash
	sum       []byte
	inclusive []string
}

// readSignedRoot demands of a Signature what readSignature does, of an element
// that need not have an ID: the reference may be to the document as a whole (URI
// empty). Transforms hold a PrefixList and nothing else.
func readSignedRoot(signature *etree.Element, id string, o options) (signedRoot, error) {
	var out signedRoot
	if err := walk(signature, func(at *etree.Element) error {
		for _, a := range at.Attr {
			if id != "" && a.Value == id && a.Space != "xmlns" && strings.EqualFold(a.Key, "id") {
				return refuse(ErrSignature, "an ID is repeated")
			}
		}
		return nil
	}); err != nil {
		return out, err
	}
	info, m, value, err := readInfo(signature, o)
	if err != nil {
		return out, err
	}
	reference := ""
	if id != "" && Attr(info[2], "URI") != "" {
		reference = "#" + id
	}
	if _, ok := lookupAttr(info[2], "URI"); !ok {
		return out, refuse(ErrSignature, "the signature refers to nothing")
	}
	if err := checkReference(info[2], reference, o); err != nil {
		return out, err
	}
	parts := info[2].ChildElements()
	transforms := parts[0].ChildElements()
	if out.inclusive, err = prefixList(transforms); err != nil {
		return out, err
	}
	out.info, out.method, out.value = info[0].Parent(), m, value
	out.digest = digestOf(Attr(parts[1], "Algorithm"))
	out.sum, err = base64Text(parts[2])
	return out, err
}

// prefixList is the PrefixList of the last of the transforms (Exclusive XML
// Canonicalization §2.1); the default namespace is the empty prefix.
func prefixList(transforms []*etree.Element) ([]string, error) {
	if len(transforms[0].ChildElements()) != 0 {
		return nil, refuse(ErrAlgorithm, "a transform holds more than it should")
	}
	held := transforms[1].ChildElements()
	if len(held) == 0 {
		return nil, nil
	}
	if len(held) > 1 || !Is(held[0], transformExclusive, "InclusiveNamespaces") {
		return nil, refuse(ErrAlgorithm, "a transform holds more than it should")
	}
	prefixes := strings.Fields(Attr(held[0], "PrefixList"))
	if len(prefixes) > maxAttributes {
		return nil, refuse(ErrTooLarge, "too many prefixes in a transform")
	}
	for i, p := range prefixes {
		if p == "#default" {
			prefixes[i] = ""
		}
	}
	return prefixes, nil
}
