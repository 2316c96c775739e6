package console

import (
	"cmp"

	"gatehouse/idp"
)

// signedWords says what of an answer is signed, and how.
func signedWords(s idp.SAMLSettings) string {
	what := map[string]string{"": "The assertion", idp.SignResponse: "The response", idp.SignBoth: "The response and the assertion"}[s.Sign]
	return what + ", with " + cmp.Or(s.SignatureAlg, idp.SignRSASHA256)
}

// encryptedWords says whether anybody but the app can read an assertion.
func encryptedWords(s idp.SAMLSettings) string {
	switch {
	case s.EncryptAssertion && s.EncryptionAlg != "":
		return "Assertions, with " + s.EncryptionAlg
	case s.EncryptAssertion:
		return "Assertions, with what the app's metadata name"
	case s.EncryptionCert != "":
		return "Nothing; the app has a key for it"
	}
	return "Nothing"
}
