package console

import (
	"gatehouse/idp"
	"gatehouse/web/ui"
)

// tokenSettings adds what an app may have from the token endpoint.
func tokenSettings(o *idp.OIDCSettings, add func(key, value string, copyable bool)) {
	format := "Opaque"
	if o.AccessTokenFormat == idp.AccessTokenJWT {
		format = "JWT (RFC 9068)"
	}
	add("Access tokens", format+", for "+ui.Span(o.AccessTTL()), false)
}
