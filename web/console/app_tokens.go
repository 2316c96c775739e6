package console

import (
	"strings"

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
	add("Subjects", o.SubjectType, false)
	if o.DeviceGrant {
		add("Devices without a browser", "May ask for a person (RFC 8628)", false)
	}
	for _, e := range o.Exchanges {
		add("May act for people", "With tokens of "+e.From+", at "+e.To, false)
	}
	add("Scopes of its own", strings.Join(o.Scopes, " "), false)
	add("Its tokens are meant for", strings.Join(o.Audiences, " "), false)
}
