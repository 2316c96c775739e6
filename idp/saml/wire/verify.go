package wire

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// Option widens or fixes what a verification accepts.
type Option func(*options)

type options struct {
	sha1 bool
	now  time.Time
}

// AllowSHA1 also accepts RSA-SHA1 and SHA-1 digests, for one old peer.
func AllowSHA1() Option { return func(o *options) { o.sha1 = true } }

// At checks the validity of certificates at t instead of at the present time.
func At(t time.Time) Option { return func(o *options) { o.now = t } }

func collect(opts []Option) options {
	o := options{now: time.Now()}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// Signed reports whether the message claims a signature: in the query for
// HTTP-Redirect, on its root for the other bindings. One that claims a signature
// has to verify, also where none is required (SAML2int).
func (m *Message) Signed() bool {
	if m.Binding == Redirect {
		return m.query != nil && m.query.signed
	}
	return len(Children(m.Root, NSSignature, "Signature")) != 0
}

// Verify checks the signature of the message against certs, the registered
// signing certificates of its sender; certificates inside the message count for
// nothing. It returns the element to read from now on: never read m.Root after a
// signature was required. Errors: ErrUnsigned, ErrSignature, ErrAlgorithm,
// ErrMalformed.
func (m *Message) Verify(certs []*x509.Certificate, opts ...Option) (*etree.Element, error) {
	if m.Binding != Redirect {
		return VerifyElement(m.Root, certs, opts...)
	}
	if !m.Signed() {
		return nil, refuse(ErrUnsigned, "the query has no signature")
	}
	o := collect(opts)
	alg, err := signatureMethod(m.query.sigAlg, o.sha1)
	if err != nil {
		return nil, err
	}
	signature, err := base64.StdEncoding.DecodeString(m.query.signature)
	if err != nil || len(signature) == 0 {
		return nil, refuse(ErrSignature, "the signature is empty or not base64")
	}
	err = tryCertificates(certs, alg, o, func(cert *x509.Certificate) error {
		// OpenSAML signs queries with ASN.1 ECDSA, others with r||s.
		value := signature
		if key, ok := cert.PublicKey.(*ecdsa.PublicKey); ok {
			if der, ok := toASN1(key, signature); ok {
				value = der
			}
		}
		return cert.CheckSignature(alg.algorithm, []byte(m.query.octets), value)
	})
	if err != nil {
		return nil, err
	}
	return m.Root, nil
}

// VerifyElement checks the enveloped signature of el, a protocol message, an
// Assertion or an EntityDescriptor, against certs, and returns a new element
// parsed from the octets that were signed, without the signature. The document
// around el is judged too: no two equal IDs, no second Assertion, no Signature
// but el's own child may refer to el (signature wrapping, XSW 1 to 8). Errors: as
// Message.Verify.
func VerifyElement(el *etree.Element, certs []*x509.Certificate, opts ...Option) (*etree.Element, error) {
	o := collect(opts)
	if err := checkDocument(el); err != nil {
		return nil, err
	}
	sig, err := readSignature(el, o)
	if err != nil {
		return nil, err
	}
	var verified *etree.Element
	err = tryCertificates(certs, sig.method, o, func(cert *x509.Certificate) error {
		work := detach(el)
		if err := sig.prepare(work, cert); err != nil {
			return err
		}
		ctx := dsig.ValidationContext{
			CertificateStore: &dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{cert}},
			IdAttribute:      "ID",
			Clock:            dsig.NewFakeClockAt(o.now),
		}
		verified, err = ctx.Validate(work)
		return err
	})
	if err != nil {
		return nil, err
	}
	return verified, nil
}

// tryCertificates runs check with each certificate that fits the algorithm and
// is valid now, until one passes.
func tryCertificates(certs []*x509.Certificate, alg method, o options, check func(*x509.Certificate) error) error {
	var cause error
	expired := false
	for _, cert := range certs {
		if cert.PublicKeyAlgorithm != alg.key {
			continue
		}
		if o.now.Before(cert.NotBefore) || o.now.After(cert.NotAfter) {
			expired = true
			continue
		}
		if cause = check(cert); cause == nil {
			return nil
		}
	}
	switch {
	case cause != nil:
		return refuseBecause(ErrSignature, "no registered certificate verifies it", cause)
	case expired:
		return refuse(ErrSignature, "the registered certificate is not valid now")
	}
	return refuse(ErrSignature, "no registered certificate fits its algorithm")
}
