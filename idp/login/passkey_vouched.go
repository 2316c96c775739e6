package login

import (
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
)

// maxChain is how many certificates of an attestation are looked at.
const maxChain = 8

// vouched reports whether a maker whose certificate the house has vouches for the
// authenticator that made a passkey (WebAuthn L3 §7.1 step 24); every one is where
// the house has none. That the statement is signed by the first certificate of its
// chain, and names the model in it, has been verified.
func (p *Passkeys) vouched(o protocol.AttestationObject, now time.Time) bool {
	if p.roots == nil {
		return true
	}
	chain, _ := o.AttStatement["x5c"].([]any)
	if len(chain) == 0 || len(chain) > maxChain {
		return false
	}
	var parsed []*x509.Certificate
	for _, raw := range chain {
		der, _ := raw.([]byte)
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return false
		}
		parsed = append(parsed, c)
	}
	maker, between := parsed[0], x509.NewCertPool()
	for _, c := range parsed[1:] {
		between.AddCert(c)
	}
	// A TPM names its model in a critical alternative name of a kind that Go does not
	// know (§8.3.1); the library has read it.
	alternative := asn1.ObjectIdentifier{2, 5, 29, 17}
	maker.UnhandledCriticalExtensions = slices.DeleteFunc(maker.UnhandledCriticalExtensions, alternative.Equal)
	_, err := maker.Verify(x509.VerifyOptions{
		Roots: p.roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	return err == nil
}
