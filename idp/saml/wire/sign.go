package wire

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha512" // SHA-384 and SHA-512
	"crypto/x509"
	"encoding/base64"
	"io"
	"net/url"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// Signer signs with one key: with RSA, or with ECDSA where it is a P-256 key, and
// ErrAlgorithm for any other. Hash is of the digest too: SHA-256 where it is zero,
// with RSA also SHA-384 and SHA-512. Certificate is sent along in KeyInfo and must
// belong to Key. It is safe for concurrent use if Key is.
type Signer struct {
	Key         crypto.Signer
	Certificate *x509.Certificate
	Hash        crypto.Hash
}

// Sign puts an enveloped signature (exclusive C14N) into el, right
// after its Issuer as the SAML schemas demand. el must have an ID and no
// signature yet; it is not to be changed afterwards, and to be sent as Serialize
// writes it.
func (s *Signer) Sign(el *etree.Element) error {
	uri, err := s.method()
	if err != nil {
		return err
	}
	if Attr(el, "ID") == "" {
		return refuse(ErrMalformed, "an element without an ID cannot be signed")
	}
	if len(Children(el, NSSignature, "Signature")) != 0 {
		return refuse(ErrMalformed, "the element is already signed")
	}
	signature, err := s.signature(el, uri)
	if err != nil {
		return err
	}
	at := 0
	if issuer := Children(el, NSAssertion, "Issuer"); len(issuer) > 0 {
		at = issuer[0].Index() + 1
	}
	el.InsertChildAt(at, signature)
	return nil
}

// signature makes the ds:Signature of el (XML Signature §3.1).
func (s *Signer) signature(el *etree.Element, method string) (*etree.Element, error) {
	signature := element("ds", NSSignature, "Signature")
	info := signature.CreateElement("ds:SignedInfo")
	algorithm(info, "ds:CanonicalizationMethod", transformExclusive)
	algorithm(info, "ds:SignatureMethod", method)
	reference := info.CreateElement("ds:Reference")
	reference.CreateAttr("URI", "#"+Attr(el, "ID"))
	transforms := reference.CreateElement("ds:Transforms")
	algorithm(transforms, "ds:Transform", transformEnveloped)
	algorithm(transforms, "ds:Transform", transformExclusive)
	algorithm(reference, "ds:DigestMethod", digestMethod(s.hash()))
	reference.CreateElement("ds:DigestValue").SetText(base64.StdEncoding.EncodeToString(s.digest(canonical(el))))

	value, err := xmlKey{s.Key}.Sign(rand.Reader, s.digest(canonical(info)), s.hash())
	if err != nil {
		return nil, err
	}
	signature.CreateElement("ds:SignatureValue").SetText(base64.StdEncoding.EncodeToString(value))
	certificate := signature.CreateElement("ds:KeyInfo").CreateElement("ds:X509Data").CreateElement("ds:X509Certificate")
	certificate.SetText(base64.StdEncoding.EncodeToString(s.Certificate.Raw))
	return signature, nil
}

// algorithm adds an element that names one.
func algorithm(el *etree.Element, tag, uri string) *etree.Element {
	named := el.CreateElement(tag)
	named.CreateAttr("Algorithm", uri)
	return named
}

func (s *Signer) digest(octets []byte) []byte {
	h := s.hash().New()
	h.Write(octets)
	return h.Sum(nil)
}

// RedirectURL is the URL that carries xml, signed over the query, to endpoint by
// HTTP-Redirect (SAML Bindings §3.4.4.1).
func (s *Signer) RedirectURL(endpoint, param string, xml []byte, relayState string) (string, error) {
	uri, err := s.method()
	if err != nil {
		return "", err
	}
	q, err := encodeQuery(param, xml, relayState)
	if err != nil {
		return "", err
	}
	q += "&" + paramSigAlg + "=" + url.QueryEscape(uri)
	signature, err := xmlKey{s.Key}.Sign(rand.Reader, s.digest([]byte(q)), s.hash())
	if err != nil {
		return "", err
	}
	q += "&" + paramSignature + "=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature))
	return joinQuery(endpoint, q)
}

func (s *Signer) method() (string, error) {
	switch key := s.Key.Public().(type) {
	case *rsa.PublicKey:
		switch s.hash() {
		case crypto.SHA256:
			return dsig.RSASHA256SignatureMethod, nil
		case crypto.SHA384:
			return dsig.RSASHA384SignatureMethod, nil
		case crypto.SHA512:
			return dsig.RSASHA512SignatureMethod, nil
		}
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() && s.hash() == crypto.SHA256 {
			return dsig.ECDSASHA256SignatureMethod, nil
		}
	}
	return "", refuse(ErrAlgorithm, "the key is neither RSA nor P-256, or its digest is none of ours")
}

func (s *Signer) hash() crypto.Hash { return cmp.Or(s.Hash, crypto.SHA256) }

// xmlKey makes ECDSA signatures in the form of XML Signature: goxmldsig would
// write ASN.1, which no other implementation accepts.
type xmlKey struct{ crypto.Signer }

func (k xmlKey) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	signature, err := k.Signer.Sign(random, digest, opts)
	if err != nil {
		return nil, err
	}
	if key, ok := k.Public().(*ecdsa.PublicKey); ok {
		return fromASN1(signature, (key.Params().BitSize+7)/8)
	}
	return signature, nil
}
