package oidc

import (
	"net/http"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
)

// Error codes the library has no constructor for.
const (
	unsupportedResponseType  = "unsupported_response_type"  // RFC 6749 §4.1.2.1
	requestURINotSupported   = "request_uri_not_supported"  // OIDC Core §3.1.2.6
	registrationNotSupported = "registration_not_supported" // OIDC Core §3.1.2.6
	consentRequired          = "consent_required"           // OIDC Core §3.1.2.6
	temporarilyUnavailable   = "temporarily_unavailable"
	invalidToken             = "invalid_token" // RFC 6750 §3.1
	insufficientScope        = "insufficient_scope"
	// OpenID Connect Core Error Code unmet_authentication_requirements 1.0
	unmetAuthenticationRequirements = "unmet_authentication_requirements"
)

// The texts that an app sees are these constants and no others: never the text
// of an error, never what was sent. They keep to the characters that RFC 6749
// §5.2 allows. The reason is in the audit line and the log.

func invalidRequest(text string) *oidc.Error {
	return oidc.ErrInvalidRequest().WithDescription("%s", text)
}

func invalidGrant(cause error) error {
	return oidc.ErrInvalidGrant().
		WithDescription("It is not valid, has expired, was used or revoked, or was issued to another client.").
		WithParent(cause)
}

func invalidClient(why error) error {
	return op.NewStatusError(oidc.ErrInvalidClient().
		WithDescription("Client authentication failed.").WithParent(why), http.StatusUnauthorized)
}

// refusedBearer is the answer of a protected resource (RFC 6750 §3.1).
func refusedBearer(cause error) error {
	return op.NewStatusError((&oidc.Error{ErrorType: invalidToken}).
		WithDescription("The access token is not valid, has expired or was revoked.").WithParent(cause), http.StatusUnauthorized)
}

// fault answers for what went wrong on our side: 503 while the store cannot be
// reached, so that nothing is taken for a decision, 500 otherwise.
func fault(err error) error {
	if idp.IsKind(err, idp.Unavailable) {
		return op.NewStatusError((&oidc.Error{ErrorType: temporarilyUnavailable}).
			WithDescription("Not reachable right now. Try again.").WithParent(err), http.StatusServiceUnavailable)
	}
	return oidc.ErrServerError().WithDescription("An error on our side. It was logged.").WithParent(err)
}
