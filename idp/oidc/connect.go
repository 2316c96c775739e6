package oidc

import (
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"gatehouse/idp"
)

// Connect returns what a relying party has to be told so that it can be
// connected: the issuer, which is enough for most, and what stands in its
// discovery document for the others. secret is the raw client secret, where it
// is known: it is once. An app that comes with a certificate is sent where m asks
// for it (RFC 8705 §5); m may be nil.
func Connect(issuer string, m *MTLS, a idp.App, secret string) []idp.Setting {
	called := issuer
	if m != nil && (byCertificate(a) || a.OIDC.CertificateBound) {
		called = m.URL
	}
	all := []idp.Setting{
		{Name: "OIDC_ISSUER", Value: issuer},
		{Name: "OIDC_CLIENT_ID", Value: a.Identifier},
		{Name: "OIDC_CLIENT_SECRET", Value: secret},
		{Name: "OIDC_CLIENT_AUTH_METHOD", Value: a.OIDC.AuthMethod},
	}
	if a.OIDC.ApplicationType != idp.ApplicationMachine {
		asked := []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail}
		if a.OIDC.AllowOfflineAccess {
			asked = append(asked, oidc.ScopeOfflineAccess)
		}
		all = append(all,
			idp.Setting{Name: "OIDC_SCOPES", Value: strings.Join(asked, " ")},
			idp.Setting{Name: "OIDC_REDIRECT_URI", Value: a.OIDC.RedirectURIs[0]},
			idp.Setting{Name: "OIDC_CODE_CHALLENGE_METHOD", Value: string(oidc.CodeChallengeMethodS256)},
			idp.Setting{Name: "OIDC_AUTHORIZATION_ENDPOINT", Value: issuer + pathAuthorize},
			idp.Setting{Name: "OIDC_USERINFO_ENDPOINT", Value: called + pathUserinfo},
			idp.Setting{Name: "OIDC_END_SESSION_ENDPOINT", Value: issuer + pathEndSession},
		)
	}
	if a.OIDC.RequirePAR {
		all = append(all, idp.Setting{Name: "OIDC_PUSHED_AUTHORIZATION_REQUEST_ENDPOINT", Value: called + pathPAR})
	}
	if a.OIDC.DeviceGrant {
		all = append(all, idp.Setting{Name: "OIDC_DEVICE_AUTHORIZATION_ENDPOINT", Value: called + pathDevice})
	}
	all = append(all,
		idp.Setting{Name: "OIDC_TOKEN_ENDPOINT", Value: called + pathToken},
		idp.Setting{Name: "OIDC_JWKS_URI", Value: issuer + pathKeys},
		idp.Setting{Name: "OIDC_DISCOVERY_URL", Value: issuer + pathDiscovery},
	)
	said := all[:0]
	for _, s := range all {
		if s.Value != "" {
			said = append(said, s)
		}
	}
	return said
}
