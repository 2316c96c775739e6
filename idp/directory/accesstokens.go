package directory

import (
	"time"

	"gatehouse/idp"
)

// checkTokens puts what an app may have from the token endpoint into its stored
// form.
func checkTokens(o *idp.OIDCSettings) error {
	switch o.AccessTokenFormat {
	case "opaque":
		o.AccessTokenFormat = ""
	case "", idp.AccessTokenJWT:
	default:
		return invalid("access_token_format", "Access tokens are opaque or jwt.")
	}
	if o.AccessTokenFormat == idp.AccessTokenJWT && o.AccessTTL() > idp.MaxJWTTTL {
		return invalid("access_token_ttl", "Nobody can take back a JWT access token before it expires, so it lives 1h at most. Choose a shorter life, or opaque tokens.")
	}
	return nil
}

// keepExposed carries over what tokens handed out under an app's settings of
// before can still do. The caller changes have into want now.
func keepExposed(have idp.App, want *idp.App, now time.Time) {
	if have.OIDC == nil || want.OIDC == nil {
		return
	}
	want.OIDC.JWTUntil = have.JWTsUntil(now)
}
