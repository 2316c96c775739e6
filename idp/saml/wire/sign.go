package wire

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net/url"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// Signer signs with one key: RSA-SHA256 for an RSA key, ECDSA-SHA256 for a P-256
// key, ErrAlgorithm for any other. Certificate is sent along in KeyInfo and must
// belong to Key. It is safe for concurrent use if Key is.
type Signer struct {
	Key         crypto.Signer
	Certificate *x509.Certificate
}

// Sign puts an enveloped signature (exclusive C14N, SHA-256) into el, right
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
	ctx, err := dsig.NewSigningContext(xmlKey{s.Key}, [][]byte{s.Certificate.Raw})
	if err != nil {
		return err
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if err := ctx.SetSignatureMethod(uri); err != nil {
		return err
	}
	// The canonicalizer rewrites what it is given, hence a copy.
	signature, err := ctx.ConstructSignature(detach(el), true)
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
	sum := sha256.Sum256([]byte(q))
	signature, err := xmlKey{s.Key}.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return "", err
	}
	q += "&" + paramSignature + "=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature))
	return joinQuery(endpoint, q)
}

func (s *Signer) method() (string, error) {
	switch key := s.Key.Public().(type) {
	case *rsa.PublicKey:
		return dsig.RSASHA256SignatureMethod, nil
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return dsig.ECDSASHA256SignatureMethod, nil
		}
	}
	return "", refuse(ErrAlgorithm, "the key is neither RSA nor P-256")
}

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
