package jit

import (
	"slices"

	"gatehouse/idp"
)

// Scopes whose claims [Claims] knows.
const (
	ScopeProfile = "profile"
	ScopeEmail   = "email"
	ScopeGroups  = "groups"
)

// protocolClaim: these belong to the tongue. A rule that names one is refused by
// [CheckRules] and ignored by [Claims]. RFC 7519 §4.1, OpenID Connect Core
// 1.0 §2 and §3, RFC 7662 §2.2, RFC 7800 §3.1, RFC 8693 §4, Back-Channel
// Logout 1.0 §2.4, and the claim sources of Core §5.6.2.
func protocolClaim(name string) bool {
	switch name {
	case "iss", "sub", "aud", "exp", "nbf", "iat", "jti",
		"auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash", "s_hash", "sub_jwk",
		"active", "scope", "client_id", "token_type",
		"cnf", "act", "may_act",
		"sid", "events", "sub_id", "session_expiry",
		"_claim_names", "_claim_sources":
		return true
	}
	return false
}

// Claims returns what an OpenID Connect app is told of p: the claims of the
// standard scopes among scopes, then app's rules, which win over a standard
// claim of the same name. Unknown scopes and sources add nothing. It never
// returns a claim of the protocol itself (sub, iss, aud, exp ...). Values are
// strings, booleans, int64 (updated_at, seconds) and []string (groups). The
// map is the caller's to add to.
func Claims(p Person, app idp.App, scopes []string) map[string]any {
	claims := map[string]any{}
	if slices.Contains(scopes, ScopeProfile) {
		addProfile(claims, p.User)
	}
	if slices.Contains(scopes, ScopeEmail) && p.User.Email != "" {
		claims["email"] = p.User.Email
		claims["email_verified"] = true // see the package doc
	}
	if slices.Contains(scopes, ScopeGroups) {
		claims["groups"] = p.groups()
	}
	for _, rule := range app.Attributes {
		applyRule(claims, p, rule)
	}
	return claims
}

func addProfile(claims map[string]any, u idp.User) {
	for _, c := range []struct{ name, value string }{
		{"name", u.Name()},
		{"preferred_username", u.Username},
		{"given_name", u.GivenName},
		{"family_name", u.FamilyName},
	} {
		if c.value != "" {
			claims[c.name] = c.value
		}
	}
	if !u.UpdatedAt.IsZero() {
		claims["updated_at"] = u.UpdatedAt.Unix()
	}
}

func applyRule(claims map[string]any, p Person, rule idp.AttributeRule) {
	values, ok := p.values(rule.Source)
	switch {
	case !ok || rule.Name == "" || protocolClaim(rule.Name):
	case rule.Source == sourceGroups:
		claims[rule.Name] = values
	case len(values) == 0:
		// The rule decides: a standard claim must not show through it.
		delete(claims, rule.Name)
	default:
		claims[rule.Name] = values[0]
	}
}
