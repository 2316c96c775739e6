package idp

import "testing"

func TestKeysNameIsOfAllThatCounts(t *testing.T) {
	t.Parallel()
	base := OIDCSettings{AuthMethod: "private_key_jwt", JWKSURI: "https://bank.example/keys"}
	for what, other := range map[string]OIDCSettings{
		"another place":            {AuthMethod: "private_key_jwt", JWKSURI: "https://bank.example/keys2"},
		"the keys":                 {AuthMethod: "private_key_jwt", JWKS: "https://bank.example/keys"},
		"another way":              {AuthMethod: "self_signed_tls_client_auth", JWKSURI: "https://bank.example/keys"},
		"whom a certificate names": {AuthMethod: "private_key_jwt", JWKSURI: "https://bank.example/keys", TLSSubject: TLSSubject{DN: "CN=bank"}},
		"a secret, named":          {AuthMethod: "client_secret_basic", SecretHashes: []string{"0123456789abcdef0123"}},
	} {
		if other.Keeps(base.KeysName()) {
			t.Errorf("%s: what it came with is taken for kept", what)
		}
	}
	if same := base; !same.Keeps(base.KeysName()) {
		t.Error("what it came with is not kept")
	}
	if base.Keeps("") || (&OIDCSettings{AuthMethod: "client_secret_basic"}).Keeps(string(SecretIDOf("0123456789abcdef0123"))) {
		t.Error("nothing, or a secret that is gone, is taken for kept")
	}
}
