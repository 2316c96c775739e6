package directory

import (
	"crypto/rand"
	"encoding/base32"
	"slices"
	"strings"

	"gatehouse/idp"
)

// OIDCDefaults fills in what a registration leaves out with what is right for
// its kind of app.
func OIDCDefaults(o *idp.OIDCSettings) {
	fapiDefaults(o)
	if o.ApplicationType == "" {
		o.ApplicationType = idp.ApplicationWeb
	}
	if o.AuthMethod == "" {
		o.AuthMethod = "client_secret_basic"
		if o.ApplicationType == idp.ApplicationSinglePage || o.ApplicationType == idp.ApplicationNative {
			o.AuthMethod = "none"
		}
	}
	if o.IDTokenAlg == "" {
		o.IDTokenAlg = "RS256"
	}
}

// checkType holds a registration against what its kind of app can do.
func checkType(o *idp.OIDCSettings) error {
	switch o.ApplicationType {
	case idp.ApplicationWeb:
	case idp.ApplicationSinglePage, idp.ApplicationNative:
		// A key pair may be made on each device (RFC 8252 §8.5).
		if NeedsSecret(*o) || o.ApplicationType == idp.ApplicationSinglePage && o.AuthMethod != "none" {
			return invalid("auth_method", "An app in a browser or on a device cannot keep a secret (RFC 8252 §8.5): its auth_method is none. PKCE protects it.")
		}
	case idp.ApplicationMachine:
		return checkMachine(o)
	default:
		return invalid("application_type", "An application type is web, single_page, native or machine.")
	}
	if len(o.RedirectURIs) == 0 || len(o.RedirectURIs) > 50 {
		return invalid("redirect_uris", "An app has 1 to 50 redirect URIs.")
	}
	return nil
}

// checkMachine: nobody signs in to a machine, so nothing of a sign-in is said.
func checkMachine(o *idp.OIDCSettings) error {
	switch {
	case o.AuthMethod == "none":
		return invalid("auth_method", "A machine proves itself with a secret or a key: its auth_method is not none.")
	case len(o.RedirectURIs)+len(o.PostLogoutRedirectURIs) > 0:
		return invalid("redirect_uris", "Nobody signs in to a machine: it has no redirect URIs.")
	case o.BackchannelLogoutURI != "" || o.FrontchannelLogoutURI != "":
		return invalid("backchannel_logout_uri", "Nobody signs in to a machine: there is no logout to tell it of.")
	case o.AllowOfflineAccess || o.PKCEExempt || o.ClaimsInIDToken:
		return invalid("allow_offline_access", "Nobody signs in to a machine: offline access, PKCE and ID tokens are not for it.")
	}
	return nil
}

// reverseDomain reports whether a private-use scheme is a domain name in
// reverse, at least two labels (RFC 8252 §7.1), so that its owner can be told.
func reverseDomain(scheme string) bool {
	labels := strings.Split(scheme, ".")
	return len(labels) > 1 && !slices.Contains(labels, "")
}

func isHash(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// NewClientID returns a client_id that nobody has: 128 random bits.
func NewClientID() string {
	var b [16]byte
	rand.Read(b[:])
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}
