package oidc

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/text/language"

	"gatehouse/idp"
	"gatehouse/idp/keys"
)

// documentTTL bounds how long an app may believe a key that was withdrawn.
const documentTTL = 300 // seconds

// metadata is the library's document with what it cannot say. A false that it
// would leave out is said: for request_uri the default is true (OIDC Discovery
// §3), and the others should not be guessed.
type metadata struct {
	oidc.DiscoveryConfiguration
	RequestParameterSupported                  bool         `json:"request_parameter_supported"`
	ClaimsParameterSupported                   bool         `json:"claims_parameter_supported"`
	PromptValuesSupported                      []string     `json:"prompt_values_supported"`                              // Initiating User Registration 1.0
	AuthorizationResponseIssParameterSupported bool         `json:"authorization_response_iss_parameter_supported"`       // RFC 9207 §3
	DPoPSigningAlgValuesSupported              []string     `json:"dpop_signing_alg_values_supported"`                    // RFC 9449 §5.1
	TLSClientCertificateBoundAccessTokens      bool         `json:"tls_client_certificate_bound_access_tokens,omitempty"` // RFC 8705 §3.3
	MTLSEndpointAliases                        *mtlsAliases `json:"mtls_endpoint_aliases,omitempty"`                      // RFC 8705 §5
	PushedAuthorizationRequestEndpoint         string       `json:"pushed_authorization_request_endpoint"`                // RFC 9126 §5
	FrontChannelLogoutSupported                bool         `json:"frontchannel_logout_supported"`                        // Front-Channel Logout 1.0 §3
	FrontChannelLogoutSessionSupported         bool         `json:"frontchannel_logout_session_supported"`
}

// discovery returns the provider's metadata. It says what is enabled and
// nothing else: no implicit, no hybrid, no plain PKCE.
func (p *Provider) discovery() []byte {
	clients := []oidc.AuthMethod{oidc.AuthMethodBasic, oidc.AuthMethodPost, oidc.AuthMethodPrivateKeyJWT, oidc.AuthMethodNone}
	confidential := clients[:3]
	var aliases *mtlsAliases
	if p.MTLS != nil {
		aliases = p.MTLS.aliases()
		confidential = slices.Concat(confidential, p.MTLS.methods())
		clients = slices.Concat(clients, p.MTLS.methods())
	}
	doc, err := json.Marshal(metadata{
		DiscoveryConfiguration: oidc.DiscoveryConfiguration{
			Issuer:                                             p.Issuer,
			AuthorizationEndpoint:                              p.Issuer + pathAuthorize,
			TokenEndpoint:                                      p.Issuer + pathToken,
			IntrospectionEndpoint:                              p.Issuer + pathIntrospect,
			UserinfoEndpoint:                                   p.Issuer + pathUserinfo,
			RevocationEndpoint:                                 p.Issuer + pathRevoke,
			EndSessionEndpoint:                                 p.Issuer + pathEndSession,
			DeviceAuthorizationEndpoint:                        p.Issuer + pathDevice,
			JwksURI:                                            p.Issuer + pathKeys,
			RegistrationEndpoint:                               p.RegistrationEndpoint(),
			ScopesSupported:                                    scopes(),
			ResponseTypesSupported:                             []string{string(oidc.ResponseTypeCode)},
			ResponseModesSupported:                             []string{string(oidc.ResponseModeQuery), string(oidc.ResponseModeFormPost)},
			GrantTypesSupported:                                grantTypesSupported(),
			ACRValuesSupported:                                 p.acrValues(),
			DisplayValuesSupported:                             []oidc.Display{oidc.DisplayPage},
			UILocalesSupported:                                 []language.Tag{language.English, language.German},
			SubjectTypesSupported:                              []string{"public", idp.SubjectPairwise},
			IDTokenSigningAlgValuesSupported:                   []string{keys.RS256, keys.ES256},
			TokenEndpointAuthMethodsSupported:                  clients,
			RevocationEndpointAuthMethodsSupported:             clients,
			IntrospectionEndpointAuthMethodsSupported:          confidential,
			TokenEndpointAuthSigningAlgValuesSupported:         assertionAlgs(),
			RevocationEndpointAuthSigningAlgValuesSupported:    assertionAlgs(),
			IntrospectionEndpointAuthSigningAlgValuesSupported: assertionAlgs(),
			ClaimTypesSupported:                                []string{"normal"},
			ClaimsSupported:                                    claimsSupported(),
			RequestObjectSigningAlgValuesSupported:             assertionAlgs(),
			CodeChallengeMethodsSupported:                      []oidc.CodeChallengeMethod{oidc.CodeChallengeMethodS256},
			BackChannelLogoutSupported:                         true,
			BackChannelLogoutSessionSupported:                  true,
		},
		ClaimsParameterSupported:                   true,
		PromptValuesSupported:                      prompts(),
		AuthorizationResponseIssParameterSupported: true,
		DPoPSigningAlgValuesSupported:              proofAlgs(),
		TLSClientCertificateBoundAccessTokens:      p.MTLS != nil,
		MTLSEndpointAliases:                        aliases,
		PushedAuthorizationRequestEndpoint:         p.Issuer + pathPAR,
		FrontChannelLogoutSupported:                true,
		FrontChannelLogoutSessionSupported:         true,
	})
	if err != nil {
		panic(err) // strings and booleans only
	}
	return doc
}

// claimsSupported is the table of docs/claims.md.
func claimsSupported() []string {
	return []string{
		"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash", "session_expiry",
		"name", "preferred_username", "given_name", "family_name", "updated_at", "email", "email_verified", "groups",
	}
}

// document serves bytes that are public and made before they are asked for.
func document(get func() []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			refuseMethod(w, r, "GET, HEAD")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", documentTTL))
		_, _ = w.Write(get()) // an error here means that the client went away
	})
}
