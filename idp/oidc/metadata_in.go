package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"gatehouse/idp"
	"gatehouse/idp/directory"
)

// Error codes of RFC 7591 §3.2.2.
const (
	invalidRedirectURI    = "invalid_redirect_uri"
	invalidClientMetadata = "invalid_client_metadata"
)

// clientMetadata is what a client says of itself (RFC 7591 §2 and OpenID
// Connect Dynamic Client Registration 1.0 §2), as far as it means something
// here; other names are ignored (RFC 7591 §2).
type clientMetadata struct {
	RedirectURIs            []string `json:"redirect_uris,omitempty"`
	TokenEndpointAuthMethod string   `json:"token_endpoint_auth_method,omitempty"`
	GrantTypes              []string `json:"grant_types,omitempty"`
	ResponseTypes           []string `json:"response_types,omitempty"`
	ApplicationType         string   `json:"application_type,omitempty"`
	ClientName              string   `json:"client_name,omitempty"`
	PostLogoutRedirectURIs  []string `json:"post_logout_redirect_uris,omitempty"`
	BackchannelLogoutURI    string   `json:"backchannel_logout_uri,omitempty"`
	FrontchannelLogoutURI   string   `json:"frontchannel_logout_uri,omitempty"`
	Scope                   string   `json:"scope,omitempty"`
	IDTokenSignedAlg        string   `json:"id_token_signed_response_alg,omitempty"`
	InitiateLoginURI        string   `json:"initiate_login_uri,omitempty"`
	DPoPBound               bool     `json:"dpop_bound_access_tokens,omitempty"`              // RFC 9449 §5.2
	RequirePAR              bool     `json:"require_pushed_authorization_requests,omitempty"` // RFC 9126 §6
}

// presentedMetadata is the body of a registration request: metadata, what is
// refused by name, and what an update must repeat or leave out (RFC 7592 §2.2).
type presentedMetadata struct {
	clientMetadata
	SoftwareStatement json.RawMessage `json:"software_statement"`
	JWKS              json.RawMessage `json:"jwks"`
	JWKSURI           json.RawMessage `json:"jwks_uri"`
	SectorIdentifier  json.RawMessage `json:"sector_identifier_uri"`
	RequestURIs       json.RawMessage `json:"request_uris"`
	SubjectType       string          `json:"subject_type"`
	// What a client would rely on, and does not get.
	SignedRequests   json.RawMessage `json:"require_signed_request_object"`
	MaxAge           json.RawMessage `json:"default_max_age"`
	Classes          json.RawMessage `json:"default_acr_values"`
	CertificateBound json.RawMessage `json:"tls_client_certificate_bound_access_tokens"`
	SignedUserInfo   json.RawMessage `json:"userinfo_signed_response_alg"`
	SignedAnswers    json.RawMessage `json:"authorization_signed_response_alg"`
	EncryptedIDToken json.RawMessage `json:"id_token_encrypted_response_alg"`
	EncryptedInfo    json.RawMessage `json:"userinfo_encrypted_response_alg"`
	EncryptedAnswers json.RawMessage `json:"authorization_encrypted_response_alg"`

	ClientID                string          `json:"client_id"`
	ClientSecret            string          `json:"client_secret"`
	RegistrationAccessToken json.RawMessage `json:"registration_access_token"`
	RegistrationClientURI   json.RawMessage `json:"registration_client_uri"`
	ClientSecretExpiresAt   json.RawMessage `json:"client_secret_expires_at"`
	ClientIDIssuedAt        json.RawMessage `json:"client_id_issued_at"`
}

func badMetadata(text string) *oidc.Error {
	return (&oidc.Error{ErrorType: invalidClientMetadata}).WithDescription("%s", text)
}

// readMetadata reads a registration request strictly: one JSON object, and
// nothing that would be silently without effect though it promises protection.
func readMetadata(body []byte) (presentedMetadata, error) {
	var m presentedMetadata
	dec := json.NewDecoder(bytes.NewReader(body))
	if err := dec.Decode(&m); err != nil {
		return m, badMetadata("The body is not a JSON object of client metadata.").WithParent(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return m, badMetadata("The body holds more than one JSON value.")
	}
	for _, refused := range []struct {
		there bool
		text  string
	}{
		{says(m.SoftwareStatement), "software_statement is not supported: nobody's statements are trusted here."},
		{says(m.JWKS) || says(m.JWKSURI), "jwks and jwks_uri are for an owner to register; a client that registers itself gets a secret."},
		{says(m.SectorIdentifier) || m.SubjectType != "" && m.SubjectType != "public", "Only the subject_type public is supported."},
		{says(m.RequestURIs), "request_uris are not supported."},
		{says(m.SignedRequests), "require_signed_request_object is not supported."},
		{says(m.MaxAge), "default_max_age is not supported: ask by max_age, or have an owner set it in the policy."},
		{says(m.Classes), "default_acr_values is not supported: ask by acr_values, or have an owner set it in the policy."},
		{says(m.CertificateBound), "tls_client_certificate_bound_access_tokens is for an owner to register, with the certificate."},
		{says(m.SignedUserInfo) || says(m.SignedAnswers), "Answers are not signed: userinfo_signed_response_alg and authorization_signed_response_alg are not supported."},
		{says(m.EncryptedIDToken) || says(m.EncryptedInfo) || says(m.EncryptedAnswers), "Nothing is encrypted to a client: there is no encrypted_response_alg."},
	} {
		if refused.there {
			return m, badMetadata(refused.text)
		}
	}
	return m, m.complete()
}

// says reports whether a member asks for something: null, false and what is empty
// do not (RFC 7592 §2.2).
func says(raw json.RawMessage) bool {
	return raw != nil && !slices.Contains([]string{`null`, `false`, `""`, `[]`}, string(raw))
}

// complete fills in defaults and holds the words against what is served.
func (m *clientMetadata) complete() error {
	if len(m.ResponseTypes) == 0 {
		m.ResponseTypes = []string{string(oidc.ResponseTypeCode)}
	}
	if len(m.GrantTypes) == 0 {
		m.GrantTypes = []string{string(oidc.GrantTypeCode)}
	}
	if m.ApplicationType == "" {
		m.ApplicationType = idp.ApplicationWeb
	}
	switch {
	case len(m.ResponseTypes) != 1 || m.ResponseTypes[0] != string(oidc.ResponseTypeCode):
		return badMetadata("Only the response type code is supported.")
	case !slices.Contains(m.GrantTypes, string(oidc.GrantTypeCode)),
		slices.ContainsFunc(m.GrantTypes, func(g string) bool {
			return g != string(oidc.GrantTypeCode) && g != string(oidc.GrantTypeRefreshToken)
		}):
		return badMetadata("Only the grant types authorization_code and, with it, refresh_token are supported.")
	case m.ApplicationType != idp.ApplicationWeb && m.ApplicationType != idp.ApplicationNative:
		return badMetadata("An application_type is web or native.")
	case len(m.RedirectURIs) == 0:
		return (&oidc.Error{ErrorType: invalidRedirectURI}).WithDescription("redirect_uris are missing.")
	case len(m.ClientName) > 100:
		return badMetadata("A client_name has at most 100 bytes.")
	}
	return nil
}

// settings are the app's settings by this metadata, secrets apart.
func (m clientMetadata) settings() idp.OIDCSettings {
	o := idp.OIDCSettings{
		ApplicationType: m.ApplicationType, AuthMethod: m.TokenEndpointAuthMethod, RedirectURIs: m.RedirectURIs,
		PostLogoutRedirectURIs: m.PostLogoutRedirectURIs, BackchannelLogoutURI: m.BackchannelLogoutURI,
		FrontchannelLogoutURI: m.FrontchannelLogoutURI, IDTokenAlg: m.IDTokenSignedAlg,
		InitiateLoginURI: m.InitiateLoginURI, DPoPBound: m.DPoPBound, RequirePAR: m.RequirePAR,
		AllowOfflineAccess: slices.Contains(m.GrantTypes, string(oidc.GrantTypeRefreshToken)) &&
			(m.Scope == "" || slices.Contains(strings.Fields(m.Scope), oidc.ScopeOfflineAccess)),
	}
	directory.OIDCDefaults(&o)
	return o
}

// update returns settings with what a client says of itself anew (RFC 7592
// §2.2); what it cannot say stays as it is. Whoever has its registration access
// token may give something up, and gets nothing that an owner did not see when
// they granted the app, or has taken away since: neither offline access nor a
// weaker way to authenticate, nor a way out of what its tokens are bound to.
func (m presentedMetadata) update(o idp.OIDCSettings) (idp.OIDCSettings, error) {
	next := m.settings()
	switch {
	case next.AuthMethod == o.AuthMethod:
	case m.TokenEndpointAuthMethod == "" && !registrable(o.AuthMethod):
		next.AuthMethod = o.AuthMethod
	case !registrable(o.AuthMethod), !registrable(next.AuthMethod), next.AuthMethod == string(oidc.AuthMethodNone):
		return o, badMetadata("token_endpoint_auth_method is " + o.AuthMethod + ": another is an owner's to set, not an update's.")
	}
	switch {
	case o.ApplicationType != idp.ApplicationWeb && o.ApplicationType != idp.ApplicationNative:
		return o, badMetadata("An owner has made this client a " + o.ApplicationType + ": its registration is theirs to change.")
	case next.AllowOfflineAccess && !o.AllowOfflineAccess:
		return o, badMetadata("The client has no grant type refresh_token: offline access is an owner's to give, not an update's.")
	}
	o.ApplicationType, o.AuthMethod, o.IDTokenAlg = next.ApplicationType, next.AuthMethod, next.IDTokenAlg
	o.RedirectURIs, o.PostLogoutRedirectURIs = next.RedirectURIs, next.PostLogoutRedirectURIs
	o.BackchannelLogoutURI, o.FrontchannelLogoutURI = next.BackchannelLogoutURI, next.FrontchannelLogoutURI
	o.AllowOfflineAccess, o.InitiateLoginURI = next.AllowOfflineAccess, next.InitiateLoginURI
	o.DPoPBound, o.RequirePAR = o.DPoPBound || next.DPoPBound, o.RequirePAR || next.RequirePAR
	return o, nil
}

// registrable reports whether a client can choose this way to authenticate.
func registrable(method string) bool {
	return directory.NeedsSecret(idp.OIDCSettings{AuthMethod: method}) || method == string(oidc.AuthMethodNone)
}

// metadataOf is what a client is told that it is registered with.
func metadataOf(a idp.App) clientMetadata {
	m := clientMetadata{
		RedirectURIs: a.OIDC.RedirectURIs, TokenEndpointAuthMethod: a.OIDC.AuthMethod, ResponseTypes: []string{string(oidc.ResponseTypeCode)},
		ApplicationType: a.OIDC.ApplicationType, ClientName: a.Name,
		PostLogoutRedirectURIs: a.OIDC.PostLogoutRedirectURIs, BackchannelLogoutURI: a.OIDC.BackchannelLogoutURI,
		FrontchannelLogoutURI: a.OIDC.FrontchannelLogoutURI, IDTokenSignedAlg: algOf(a),
		InitiateLoginURI: a.OIDC.InitiateLoginURI, DPoPBound: a.OIDC.DPoPBound, RequirePAR: a.OIDC.RequirePAR,
	}
	for _, t := range grantTypes(*a.OIDC) {
		m.GrantTypes = append(m.GrantTypes, string(t))
	}
	m.Scope = strings.Join(offered(scopes(), *a.OIDC), " ")
	return m
}
