package directory

import (
	"net/url"
	"slices"
	"strings"
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
	if err := checkSubject(o); err != nil {
		return err
	}
	if err := checkExchanges(o); err != nil {
		return err
	}
	return checkOwn(o)
}

// checkSubject puts the kind of sub that an app gets into its stored form. A
// sector is one host (OIDC Core §8.1): a document that joins several is not read.
func checkSubject(o *idp.OIDCSettings) error {
	const field = "subject_type"
	switch o.SubjectType {
	case "public":
		o.SubjectType = ""
	case "", idp.SubjectPairwise:
	default:
		return invalid(field, "A subject type is public or pairwise.")
	}
	if o.SubjectType == "" {
		return nil
	}
	hosts := map[string]bool{}
	for _, u := range o.RedirectURIs {
		hosts[host(u)] = true
	}
	if len(hosts) != 1 || hosts[""] {
		return invalid(field, "An app with pairwise subjects has redirect URIs at one host, which is its sector.")
	}
	return nil
}

func host(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// keepSubjects refuses a change by which everybody would be a stranger to the
// app.
func keepSubjects(have, want idp.App) error {
	if have.OIDC == nil || want.OIDC == nil {
		return nil
	}
	if have.OIDC.SubjectType != want.OIDC.SubjectType {
		return invalid("subject_type", "The app knows its people by the subjects it has. For others, register another app.")
	}
	if have.OIDC.SubjectType == idp.SubjectPairwise && host(have.OIDC.RedirectURIs[0]) != host(want.OIDC.RedirectURIs[0]) {
		return invalid("redirect_uris", "The app knows its people by subjects of its host. For another host, register another app.")
	}
	return nil
}

// checkExchanges: who exchanges acts for people, so it must be who it says.
func checkExchanges(o *idp.OIDCSettings) error {
	const field = "exchanges"
	switch {
	case len(o.Exchanges) > 0 && o.AuthMethod == "none":
		return invalid(field, "A public client exchanges no tokens: anybody could do it in its name.")
	case len(o.Exchanges) > 50:
		return invalid(field, "An app makes at most 50 kinds of exchange.")
	}
	for _, e := range o.Exchanges {
		if e.From == "" || e.To == "" || len(e.From)+len(e.To) > 2048 || strings.ContainsFunc(e.From+e.To, unprintable) {
			return invalid(field, "An exchange names two apps by client_id: whose token (from), and what for (to).")
		}
	}
	return nil
}

// checkOwn: what an app asks for itself is its own and not a person's.
func checkOwn(o *idp.OIDCSettings) error {
	if o.ApplicationType != idp.ApplicationMachine {
		switch {
		case len(o.Scopes) > 0:
			return invalid("scopes", "Scopes are registered for a machine, which asks for itself.")
		case len(o.Audiences) > 0:
			return invalid("audiences", "Audiences are registered for a machine, which asks for itself.")
		}
		return nil
	}
	if o.DeviceGrant {
		return invalid("device_grant", "Nobody signs in to a machine, on a device or elsewhere.")
	}
	if len(o.Scopes) > 100 || len(o.Audiences) > 20 {
		return invalid("scopes", "A machine has at most 100 scopes and 20 audiences.")
	}
	for _, s := range o.Scopes {
		if !isScope(s) || slices.Contains([]string{"openid", "profile", "email", "groups", "offline_access"}, s) {
			return invalid("scopes", "A scope of a machine is a word of its own, like stock.read: no space, quote or backslash, and none of those that tell about a person.")
		}
	}
	for _, a := range o.Audiences {
		if a == "" || len(a) > 1024 || strings.ContainsFunc(a, unprintable) {
			return invalid("audiences", "An audience is the client_id of the API that a token is meant for.")
		}
	}
	return nil
}

// isScope: RFC 6749 §3.3.
func isScope(s string) bool {
	return s != "" && len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || r == '"' || r == '\\'
	})
}

// keepExposed carries over what tokens handed out under an app's settings of
// before can still do. The caller changes have into want now.
func keepExposed(have idp.App, want *idp.App, now time.Time) {
	if have.OIDC == nil || want.OIDC == nil {
		return
	}
	want.OIDC.JWTUntil = have.JWTsUntil(now)
}
