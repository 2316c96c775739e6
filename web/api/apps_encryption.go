package api

import (
	"cmp"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

// readEncryption takes in how an app's assertions are encrypted; the metadata
// have said already to whom.
func readEncryption(s *idp.SAMLSettings, in client.SAML) {
	s.EncryptAssertion, s.EncryptionAlg, s.KeyTransport, s.OneTimeUse = in.EncryptAssertion, in.EncryptionAlg, in.KeyTransport, in.OneTimeUse
	s.EncryptionCert = cmp.Or(in.EncryptionCert, s.EncryptionCert)
	if len(in.EncryptionMethods) > 0 {
		s.EncryptionMethods = in.EncryptionMethods
	}
}

// writeEncryption is the way back.
func writeEncryption(out *client.SAML, s *idp.SAMLSettings) {
	out.EncryptAssertion, out.EncryptionAlg, out.KeyTransport, out.OneTimeUse = s.EncryptAssertion, s.EncryptionAlg, s.KeyTransport, s.OneTimeUse
	out.EncryptionCert, out.EncryptionMethods = s.EncryptionCert, s.EncryptionMethods
}
