package directory

import (
	"encoding/json"
	"net/url"
	"slices"
	"time"

	"gatehouse/idp"
)

// From when on a reviewer raises an eyebrow.
const (
	longAccess  = time.Hour
	longRefresh = 90 * 24 * time.Hour
	oldSecond   = 7 * 24 * time.Hour // for how long a move to a new secret takes at most
)

func byHTTP(_ reviewed, u *url.URL, _ string) bool { return u.Scheme == "http" }

// hasRS256 reports whether a key of a JWK set is for RS256 alone (RFC 7517 §4.4).
func hasRS256(jwks string) bool {
	var set struct {
		Keys []struct {
			Algorithm string `json:"alg"`
		} `json:"keys"`
	}
	_ = json.Unmarshal([]byte(jwks), &set) // what cannot be read was refused as it was registered
	for _, k := range set.Keys {
		if k.Algorithm == "RS256" {
			return true
		}
	}
	return false
}

// checksOfMachines are those about a client itself.
var checksOfMachines = []check{
	{"no_secret", is(func(r reviewed) bool { return NeedsSecret(*r.app.OIDC) && len(r.app.OIDC.SecretHashes) == 0 }),
		"It is confidential and has no secret", "It cannot authenticate, so nobody can sign in to it.",
		"Add a secret, or register it anew as public."},
	{"fapi_rs256", is(func(r reviewed) bool { return r.app.OIDC.FAPI2 && hasRS256(r.app.OIDC.JWKS) }),
		"It is of FAPI 2.0, and one of its keys is for RS256 (alg)", "Nothing signed with RS256 is taken from it (FAPI 2.0 Security Profile §5.4), and with another algorithm such a key is not used.",
		"Register the key with alg PS256, or without alg."},
	{"two_secrets", is(func(r reviewed) bool {
		return len(r.secrets) > 1 && !slices.ContainsFunc(r.secrets, func(s idp.ClientSecret) bool { return r.now.Sub(s.MadeAt) < oldSecond })
	}),
		"It has had two secrets for more than a week", "A move to a new secret was not finished: the old one, perhaps the leaked one, still works.",
		"See which one it uses (gatehouse app secret list) and remove the other."},
	{"client_secret_post", is(func(r reviewed) bool { return r.app.OIDC.AuthMethod == "client_secret_post" }),
		"It sends its secret in the body (client_secret_post)", "Bodies end up in logs and traces more easily than the Authorization header (RFC 6749 §2.3.1 recommends against it).",
		"If the app can, register it for client_secret_basic."},
	{"long_access", func(r reviewed) (string, bool) {
		return r.app.OIDC.AccessTokenTTL.String(), r.app.OIDC.AccessTokenTTL > longAccess
	},
		"Its access tokens live long", "A stolen one works as long wherever the app's own services do not ask us.",
		"Set access_token_ttl to 5m to 1h; the app refreshes without anybody noticing."},
}

// checksOfOIDC are those about sign-ons by OpenID Connect.
var checksOfOIDC = []check{
	{"pkce_exempt", is(func(r reviewed) bool { return r.app.OIDC.PKCEExempt }),
		"It may leave PKCE out", "A stolen or injected code can then be redeemed in somebody else's session (RFC 9700 §2.1.1), unless the app always sends a nonce and checks it.",
		"Have the app send code_challenge with S256, then take pkce_exempt out."},
	{"no_lever", is(func(r reviewed) bool { return r.app.OIDC.BackchannelLogoutURI == "" }),
		"Nothing can tell it that somebody is out (no back-channel logout)", "After a suspension a person stays signed in there until the app's own session ends; only their own browser could tell it.",
		"Register backchannel_logout_uri, or have the app honour session_expiry and say so (honours_session_expiry)."},
	{"whole_user_logout", is(func(r reviewed) bool {
		return r.app.OIDC.BackchannelLogoutURI != "" && !r.app.WholeUserLogout && r.use.ManySessions
	}),
		"People have it open in several sessions, and it is told of each session alone", "An ending then takes one message for each; a session that the app started without us is never named.",
		"If it ends all sessions of a subject on a logout token with sub alone, set whole_user_logout."},
	{"backchannel_elsewhere", func(r reviewed) (string, bool) {
		return r.app.OIDC.BackchannelLogoutURI, elsewhere(r.app.OIDC.BackchannelLogoutURI, hosts(r.app.OIDC.RedirectURIs))
	},
		"Its back-channel logout goes to another host than its sign-ons", "Who answers there may not hold the sessions: its 200 would then end nothing.",
		"See that this host can end the app's sessions; an end tried once shows it."},
	{"redirect_http", anyURI(func(r reviewed, u *url.URL, raw string) bool {
		return r.app.OIDC.ApplicationType != idp.ApplicationNative && byHTTP(r, u, raw)
	}),
		"A web app is answered over http, on the machine of whoever signs in", "It is a developer's address: any program on a person's machine can listen there and take the code.",
		"Register the developer's copy as an app of its own."},
	{"redirect_localhost", anyURI(func(r reviewed, u *url.URL, _ string) bool {
		return r.app.OIDC.ApplicationType == idp.ApplicationNative && u.Scheme == "http" && !isIP(u.Hostname())
	}),
		"A native app is answered at a name of this machine instead of its address", "The name may lead elsewhere (RFC 8252 §8.3), and the port is not free to choose.",
		"Register http://127.0.0.1 and http://[::1] with the same path."},
	{"offline_browser", is(func(r reviewed) bool {
		return r.app.OIDC.AllowOfflineAccess && r.app.OIDC.ApplicationType == idp.ApplicationSinglePage
	}),
		"An app in the browser may have refresh tokens that outlive the session", "They lie where any script of the page can read them.",
		"Take allow_offline_access out: with a live session a new sign-on needs no hand."},
	{"offline_unused", is(func(r reviewed) bool {
		return r.app.OIDC.AllowOfflineAccess && r.app.OIDC.ApplicationType != idp.ApplicationSinglePage && r.use.Used && !r.use.Offline
	}),
		"It may act for people who have signed out, and does not", "It is a right that nobody uses and a thief would.",
		"Take allow_offline_access out."},
	{"long_refresh", func(r reviewed) (string, bool) {
		return r.app.OIDC.RefreshTTL.String(), r.app.OIDC.AllowOfflineAccess && r.app.OIDC.RefreshTTL > longRefresh
	},
		"Its refresh tokens live long", "Access that nobody renewed by hand for months is access that nobody remembers.",
		"Set refresh_ttl to 90 days or less."},
	{"claims_in_id_token", is(func(r reviewed) bool { return r.app.OIDC.ClaimsInIDToken }),
		"Its ID tokens carry what is known of the person", "ID tokens pass through browsers, logs and hints; names and addresses go with them.",
		"If the app can call userinfo, take claims_in_id_token out."},
}
