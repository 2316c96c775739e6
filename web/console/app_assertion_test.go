package console

import (
	"testing"

	"gatehouse/idp"
)

func TestFactsOfAnAssertion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s                 idp.SAMLSettings
		signed, encrypted string
	}{
		{idp.SAMLSettings{}, "The assertion, with rsa-sha256", "Nothing"},
		{idp.SAMLSettings{Sign: idp.SignResponse, SignatureAlg: idp.SignECDSASHA256, EncryptionCert: "x"}, "The response, with ecdsa-sha256", "Nothing; the app has a key for it"},
		{idp.SAMLSettings{Sign: idp.SignBoth, EncryptAssertion: true}, "The response and the assertion, with rsa-sha256", "Assertions, with what the app's metadata name"},
		{idp.SAMLSettings{EncryptAssertion: true, EncryptionAlg: idp.EncryptAES256CBC}, "The assertion, with rsa-sha256", "Assertions, with aes256-cbc"},
	} {
		told := map[string]string{}
		for _, fact := range settings(idp.App{SAML: &c.s}) {
			told[fact.Key] = fact.Value
		}
		if told["Signed"] != c.signed || told["Encrypted"] != c.encrypted {
			t.Errorf("%+v: signed %q, encrypted %q", c.s, told["Signed"], told["Encrypted"])
		}
	}
}
