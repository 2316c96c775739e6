package wire

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/asn1"
	"math/big"

	dsig "github.com/russellhaering/goxmldsig"
)

const (
	digestSHA384 = "http://www.w3.org/2001/04/xmldsig-more#sha384"
	digestSHA512 = "http://www.w3.org/2001/04/xmlenc#sha512"
)

// method is a signature algorithm of the allow list.
type method struct {
	algorithm x509.SignatureAlgorithm
	key       x509.PublicKeyAlgorithm
}

// signatureMethod looks uri up in the allow list: RSA and ECDSA with SHA-256,
// SHA-384, SHA-512; with SHA-1 only on request.
func signatureMethod(uri string, sha1 bool) (method, error) {
	switch uri {
	case dsig.RSASHA256SignatureMethod:
		return method{x509.SHA256WithRSA, x509.RSA}, nil
	case dsig.RSASHA384SignatureMethod:
		return method{x509.SHA384WithRSA, x509.RSA}, nil
	case dsig.RSASHA512SignatureMethod:
		return method{x509.SHA512WithRSA, x509.RSA}, nil
	case dsig.ECDSASHA256SignatureMethod:
		return method{x509.ECDSAWithSHA256, x509.ECDSA}, nil
	case dsig.ECDSASHA384SignatureMethod:
		return method{x509.ECDSAWithSHA384, x509.ECDSA}, nil
	case dsig.ECDSASHA512SignatureMethod:
		return method{x509.ECDSAWithSHA512, x509.ECDSA}, nil
	case dsig.RSASHA1SignatureMethod:
		if sha1 {
			return method{x509.SHA1WithRSA, x509.RSA}, nil
		}
		return method{}, refuse(ErrAlgorithm, "a signature with SHA-1")
	}
	return method{}, refuse(ErrAlgorithm, "unknown signature algorithm")
}

func checkDigest(uri string, sha1 bool) error {
	switch uri {
	case DigestSHA256, digestSHA384, digestSHA512:
		return nil
	case DigestSHA1:
		if sha1 {
			return nil
		}
		return refuse(ErrAlgorithm, "a digest with SHA-1")
	}
	return refuse(ErrAlgorithm, "unknown digest algorithm")
}

// digestOf is the digest that checkDigest took.
func digestOf(uri string) crypto.Hash {
	switch uri {
	case digestSHA384:
		return crypto.SHA384
	case digestSHA512:
		return crypto.SHA512
	case DigestSHA1:
		return crypto.SHA1
	}
	return crypto.SHA256
}

// digestMethod is the URI of a digest that we make.
func digestMethod(h crypto.Hash) string {
	switch h {
	case crypto.SHA384:
		return digestSHA384
	case crypto.SHA512:
		return digestSHA512
	}
	return DigestSHA256
}

// ecdsaPair is the ASN.1 form of an ECDSA signature. XML signatures carry r and
// s side by side instead (RFC 6931 §2.3.6), which crypto/x509 and goxmldsig do
// not know.
type ecdsaPair struct{ R, S *big.Int }

// toASN1 turns r||s into ASN.1 for a check with key. ok is false when sig does
// not have the length that the key's curve demands.
func toASN1(key *ecdsa.PublicKey, sig []byte) (der []byte, ok bool) {
	n := (key.Params().BitSize + 7) / 8
	if len(sig) != 2*n {
		return nil, false
	}
	der, err := asn1.Marshal(ecdsaPair{new(big.Int).SetBytes(sig[:n]), new(big.Int).SetBytes(sig[n:])})
	return der, err == nil
}

// fromASN1 is the way back, each half n bytes wide.
func fromASN1(der []byte, n int) ([]byte, error) {
	var pair ecdsaPair
	if rest, err := asn1.Unmarshal(der, &pair); err != nil || len(rest) != 0 {
		return nil, refuse(ErrAlgorithm, "the key did not make an ECDSA signature")
	}
	out := make([]byte, 2*n)
	pair.R.FillBytes(out[:n])
	pair.S.FillBytes(out[n:])
	return out, nil
}
