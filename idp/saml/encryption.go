package saml

import (
	"crypto"
	"crypto/rsa"
	"slices"
	"time"

	"github.com/beevik/etree"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// encrypt makes assertion readable by app alone, where its settings say so.
func encrypt(app idp.App, assertion *etree.Element) (*etree.Element, error) {
	if !app.SAML.EncryptAssertion {
		return assertion, nil
	}
	certs, err := certificates([]string{app.SAML.EncryptionCert})
	if err != nil {
		return nil, err
	}
	return wire.Encrypt(assertion, certs[0], encryption(app.SAML))
}

// encryption is how an app wants to be encrypted to: as its settings say, else
// as its metadata do.
func encryption(s *idp.SAMLSettings) wire.Encryption {
	how := transport(s)
	how.Cipher = contentCipher(s)
	return how
}

// contentCipher is the first of the methods that is authenticated, else the first
// that is not: with CBC alone, somebody who sends the app damaged answers and
// watches may read what is in one.
func contentCipher(s *idp.SAMLSettings) string {
	switch s.EncryptionAlg {
	case idp.EncryptAES256GCM:
		return wire.AES256GCM
	case idp.EncryptAES128GCM:
		return wire.AES128GCM
	case idp.EncryptAES256CBC:
		return wire.AES256CBC
	case idp.EncryptAES128CBC:
		return wire.AES128CBC
	}
	for _, known := range [][]string{
		{wire.AES256GCM, wire.AES192GCM, wire.AES128GCM},
		{wire.AES256CBC, wire.AES192CBC, wire.AES128CBC},
	} {
		for _, method := range s.EncryptionMethods {
			if slices.Contains(known, method) {
				return method
			}
		}
	}
	return wire.AES256GCM
}

// transport is how the content's key travels. Where the methods leave a choice
// it is rsa-oaep-mgf1p, which every implementation has.
func transport(s *idp.SAMLSettings) wire.Encryption {
	switch s.KeyTransport {
	case idp.TransportMGF1P:
		return wire.Encryption{}
	case idp.TransportMGF1PSHA256:
		return wire.Encryption{Digest: crypto.SHA256}
	case idp.TransportOAEPSHA256:
		return wire.Encryption{Transport: wire.OAEP, Digest: crypto.SHA256, Mask: crypto.SHA256}
	}
	for _, known := range []string{wire.OAEPMGF1P, wire.OAEP} {
		if at := slices.Index(s.EncryptionMethods, known); at >= 0 {
			return withParameters(known, s.EncryptionMethods[at+1:])
		}
	}
	return wire.Encryption{}
}

// withParameters reads the digest and mask function that stand behind a
// transport; SHA-1 is what it means to say nothing (XML Encryption 1.1 §5.5.2).
func withParameters(transport string, behind []string) wire.Encryption {
	how := wire.Encryption{Transport: transport}
	for _, uri := range behind {
		switch {
		case uri == wire.DigestSHA1, uri == wire.MGF1SHA1:
		case uri == wire.DigestSHA256:
			how.Digest = crypto.SHA256
		case uri == wire.MGF1SHA256 && transport == wire.OAEP:
			how.Mask = crypto.SHA256
		default:
			return how
		}
	}
	return how
}

// encryptionKey is the one of a provider's keys to encrypt to: the first of RSA
// that has not expired, else the first of RSA; none leaves s as it is.
func encryptionKey(s *idp.SAMLSettings, keys []wire.EncryptionKey, now time.Time) {
	usable := slices.DeleteFunc(slices.Clone(keys), func(k wire.EncryptionKey) bool {
		_, ok := k.Certificate.PublicKey.(*rsa.PublicKey)
		return !ok
	})
	if len(usable) == 0 {
		return
	}
	at := max(0, slices.IndexFunc(usable, func(k wire.EncryptionKey) bool { return now.Before(k.Certificate.NotAfter) }))
	s.EncryptionCert, s.EncryptionMethods = encodeCertificate(usable[at].Certificate), usable[at].Methods
}
