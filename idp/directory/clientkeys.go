package directory

import (
	"errors"
	"slices"

	"gatehouse/idp"
)

// authMethods are the ways in which a client may authenticate (OIDC Core §9,
// RFC 7591 §2).
func authMethods() []string {
	return []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth", "none"}
}

// NeedsSecret reports whether a client so registered authenticates by a secret.
func NeedsSecret(o idp.OIDCSettings) bool {
	OIDCDefaults(&o)
	return slices.Contains([]string{"client_secret_basic", "client_secret_post"}, o.AuthMethod)
}

// checkClientKeys: keys are registered as they are or by where they are
// published, and are there where something must be signed with them.
func (d *Directory) checkClientKeys(o *idp.OIDCSettings) error {
	switch {
	case o.JWKS != "" && o.JWKSURI != "":
		return invalid("jwks", "Give the app's keys or where it publishes them, not both.")
	case o.AuthMethod == "private_key_jwt" && o.JWKS == "" && o.JWKSURI == "":
		return invalid("jwks", "To authenticate by private_key_jwt, the app's public keys must be known: jwks or jwks_uri.")
	case o.AuthMethod == "self_signed_tls_client_auth" && o.JWKS == "" && o.JWKSURI == "":
		return invalid("jwks", "To authenticate by a certificate of its own, the app's keys must be known with their certificates (x5c): jwks or jwks_uri.")
	case o.AuthMethod == "tls_client_auth" && subjects(o.TLSSubject) != 1:
		return invalid("tls_client_auth_subject_dn", "To authenticate by tls_client_auth, say whom the certificate names, by one of tls_client_auth_subject_dn, _san_dns, _san_uri, _san_ip and _san_email.")
	case o.AuthMethod != "tls_client_auth" && subjects(o.TLSSubject) != 0:
		return invalid("tls_client_auth_subject_dn", "Whom a certificate names counts for tls_client_auth alone.")
	case o.JWKS != "" && d.CheckKeys != nil:
		if err := d.CheckKeys([]byte(o.JWKS)); err != nil {
			return invalid("jwks", wordsOf(err, "These keys could not be read.")).Because(err)
		}
	}
	return d.called("jwks_uri", o.JWKSURI)
}

// subjects counts in how many ways a certificate is named.
func subjects(s idp.TLSSubject) (n int) {
	for _, name := range []string{s.DN, s.DNS, s.URI, s.IP, s.Email} {
		if name != "" {
			n++
		}
	}
	return n
}

// wordsOf returns what err says to people, or otherwise.
func wordsOf(err error, otherwise string) string {
	if e, ok := errors.AsType[*idp.Error](err); ok {
		return e.Detail
	}
	return otherwise
}
