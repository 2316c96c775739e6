package directory

import (
	"net/url"
	"slices"

	"gatehouse/idp"
)

// fapiDefaults fills in what the FAPI 2.0 Security Profile leaves no choice in,
// and where there is one, what most of its clients do.
func fapiDefaults(o *idp.OIDCSettings) {
	if !o.FAPI2 {
		return
	}
	o.RequirePAR = true
	if o.AuthMethod == "" {
		o.AuthMethod = "private_key_jwt"
	}
	if o.IDTokenAlg == "" {
		o.IDTokenAlg = "ES256"
	}
	if !o.CertificateBound {
		o.DPoPBound = true
	}
}

// checkFAPI refuses what the FAPI 2.0 Security Profile refuses (§5.3.2, §5.4).
// That a request is pushed, has a challenge, gets its answer with iss and a code
// of at most 60 seconds needs no setting.
func checkFAPI(o *idp.OIDCSettings) error {
	switch {
	case !o.FAPI2:
		return nil
	case !slices.Contains([]string{"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"}, o.AuthMethod):
		return invalid("auth_method", "With FAPI 2.0, a client authenticates by private_key_jwt, tls_client_auth or self_signed_tls_client_auth.")
	case o.IDTokenAlg == "RS256":
		return invalid("id_token_alg", "With FAPI 2.0, ID tokens are not signed with RS256.")
	case o.PKCEExempt:
		return invalid("pkce_exempt", "With FAPI 2.0, no client does without PKCE.")
	}
	for _, raw := range o.RedirectURIs {
		if u, err := url.Parse(raw); err != nil || u.Scheme == "http" && o.ApplicationType != idp.ApplicationNative {
			return invalid("redirect_uris", "With FAPI 2.0, a redirect URI is https; only a native app may use http, on this machine.")
		}
	}
	return nil
}
