package e2e

import "testing"

// fapiModule is one module of the plan fapi2-security-profile-final-test-plan of
// the OpenID Foundation's conformance suite, as a test here.
type fapiModule struct {
	name    string // without fapi2-security-profile-final-
	demands string // what it demands of a provider
	test    func(fapiRun)
	result  string // when it passes here: what that means
	only    string // dpop or jwt: the variants in which the suite has it; empty: all
}

// fapiVariants are the two ends of the plan's choices: client authentication
// and sender constraint, both by keys or both by certificates.
var fapiVariants = []struct {
	name string
	mtls bool
}{
	{"private_key_jwt+dpop", false},
	{"mtls+mtls", true},
}

// What a passed test means, beyond that it passes.
const fapiPasses = "passes"

// fapiModules are the plan's for plain_fapi with OpenID Connect and unsigned
// requests. Left out are those of national profiles and of grant management,
// which are not offered, and test-claims-parameter-identity-claims.
var fapiModules = []fapiModule{
	{"discovery-end-point-verification", "the issuer as it is; https endpoints; PAR; S256; private_key_jwt or certificates; PS256, ES256 or EdDSA for what is signed; `iss` in the answer", fapiDiscovery, fapiPasses, ""},
	{"happy-flow", "two clients get bound tokens; the resource refuses one client's token from the other", fapiHappyFlow, fapiPasses, ""},
	{"user-rejects-authentication", "access_denied comes back to the app, with `iss` and `state`: the person cancels the sign-in, does not consent, or may not use the app", fapiRejects, fapiPasses, ""},
	{"ensure-authorization-request-without-state-success", "no `state` is no error, and none comes back", fapiWithoutState, fapiPasses, ""},
	{"ensure-authorization-request-without-nonce-success", "no `nonce` is no error, and none is in the ID token", fapiWithoutNonce, fapiPasses, ""},
	{"ensure-authorization-request-with-64-char-nonce-success", "a `nonce` of 64 characters comes back", fapiNonce64, fapiPasses, ""},
	{"ensure-other-scope-order-succeeds", "the order of scopes does not matter", fapiScopeOrder, fapiPasses, ""},
	{"access-token-type-header-case-sensitivity", "the scheme of the Authorization header in another case", fapiSchemeCase, fapiPasses, ""},
	{"check-dpop-proof-nbf-exp", "proofs with `nbf` and `exp` are taken", fapiProofNbfExp, fapiPasses, "dpop"},
	{"ensure-dpopproof-with-iat-10seconds-before-succeeds", "proofs 10 seconds old are taken everywhere", fapiProofBefore, fapiPasses, "dpop"},
	{"ensure-dpopproof-with-iat-10seconds-after-succeeds", "proofs 10 seconds ahead are taken everywhere", fapiProofAfter, fapiPasses, "dpop"},
	{"ensure-mismatched-dpop-jkt-fails", "a `dpop_jkt` of another key than the proof at PAR is refused", fapiMismatchedJkt, fapiPasses, "dpop"},
	{"ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt", "a code is not exchanged by another key than that of the proof at PAR", fapiMismatchedProof, fapiPasses, "dpop"},
	{"ensure-token-endpoint-fails-with-mismatched-dpop-jkt", "nor by another than `dpop_jkt`", fapiMismatchedTokenJkt, fapiPasses, "dpop"},
	{"ensure-dpopproof-at-par-endpoint-binding-success", "a code bound by a proof at PAR is exchanged by its key", fapiProofAtPAR, fapiPasses, "dpop"},
	{"ensure-dpop-auth-code-binding-success", "a code bound by `dpop_jkt` is exchanged by its key", fapiCodeBinding, fapiPasses, "dpop"},
	{"ensure-different-nonce-inside-and-outside-request-object", "a `nonce` beside the pushed one is ignored, or refused", fapiNonceOutside, fapiPasses, ""},
	{"ensure-different-state-inside-and-outside-request-object", "a `state` beside the pushed one is ignored, or refused", fapiStateOutside, fapiPasses, ""},
	{"ensure-authorization-request-with-long-nonce", "a `nonce` of 384 characters comes back, or is refused", fapiLongNonce, fapiPasses, ""},
	{"ensure-authorization-request-with-long-state", "a `state` of 1000 characters comes back, or is refused", fapiLongState, fapiPasses, ""},
	{"state-only-outside-request-object-not-used", "a `state` that was not pushed does not come back", fapiStateOnlyOutside, fapiPasses, ""},
	{"ensure-request-object-without-redirect-uri-fails", "without `redirect_uri` nothing is taken", fapiWithoutRedirect, fapiPasses, ""},
	{"ensure-redirect-uri-in-authorization-request", "nor where it stands beside the pushed request alone", fapiRedirectOutside, fapiPasses, ""},
	{"plain-fapi-tolerate-unregistered-redirect-uri", "an address that is not registered may be refused", fapiUnregistered, "passes: refused, as it may be", ""},
	{"ensure-unsigned-authorization-request-without-using-par-fails", "a request that was not pushed is refused", fapiWithoutPAR, fapiPasses, ""},
	{"ensure-response-type-code-idtoken-fails", "unsupported_response_type", fapiCodeIDToken, fapiPasses, ""},
	{"ensure-response-type-token-fails", "unsupported_response_type", fapiToken, fapiPasses, ""},
	{"ensure-client-id-in-token-endpoint", "one client's client_id with the other's key is refused", fapiClientID, fapiPasses, ""},
	{"ensure-holder-of-key-required", "no tokens without a proof or a certificate", fapiHolderOfKey, fapiPasses, ""},
	{"ensure-authorization-code-is-bound-to-client", "one client's code is nothing to the other", fapiCodeOfClient, fapiPasses, ""},
	{"attempt-reuse-authorization-code-after-one-second", "invalid_grant at the second use; what the first gave is revoked", fapiCodeReuse, fapiPasses, ""},
	{"ensure-token-endpoint-fails-with-expired-auth-code", "invalid_grant after 62 seconds", fapiCodeExpired, fapiPasses, ""},
	{"ensure-signed-client-assertion-with-RS256-fails", "invalid_client", fapiRS256, fapiPasses, "jwt"},
	{"ensure-client-assertion-in-token-endpoint", "invalid_client without an assertion", fapiNoAssertion, fapiPasses, "jwt"},
	{"ensure-client-assertion-with-exp-is-5-minutes-in-past-fails", "invalid_client", fapiAssertionExpired, fapiPasses, "jwt"},
	{"ensure-client-assertion-with-wrong-aud-fails", "invalid_client", fapiAssertionAud, fapiPasses, "jwt"},
	{"ensure-client-assertion-with-no-sub-fails", "invalid_client", fapiAssertionNoSub, fapiPasses, "jwt"},
	{"ensure-invalid-client-assertions-fail", "no assertion that lacks a claim, or was used before, is taken", fapiAssertions, fapiPasses, "jwt"},
	{"dpop-negative-tests", "at the resource: each thing that RFC 9449 §4.3 asks for, wrong in turn", fapiDPoPNegative, fapiPasses, "dpop"},
	{"refresh-token", "works for both clients, also repeated after 30 seconds; is bound to its client, and to the holder of a key", fapiRefresh, fapiPasses, ""},
	{"par-ensure-reused-request-uri-prior-to-auth-completion-succeeds", "an address that was opened and left is opened again", fapiReusedBefore, fapiPasses, ""},
	{"par-attempt-reuse-request_uri", "one that led to a code is refused", fapiReuse, fapiPasses, ""},
	{"par-attempt-to-use-expired-request_uri", "one that is too old is refused", fapiExpired, fapiPasses, ""},
	{"par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted", "a clock 8 seconds ahead is forgiven", fapiNbf8, fapiPasses, "jwt"},
	{"par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails", "one over 60 seconds is not", fapiNbf60, fapiPasses, "jwt"},
	{"par-attempt-to-use-request_uri-for-different-client", "an address is of the client that pushed", fapiForeignURI, fapiPasses, ""},
	{"par-authorization-request-containing-request_uri-form-param", "`request_uri` is not pushed", fapiURIPushed, fapiPasses, ""},
	{"par-attempt-invalid-http-method", "PAR takes POST alone", fapiVerb, fapiPasses, ""},
	{"par-ensure-pkce-required", "no request without a challenge", fapiNoPKCE, fapiPasses, ""},
	{"ensure-pkce-code-verifier-required", "invalid_grant without the verifier", fapiNoVerifier, fapiPasses, ""},
	{"incorrect-pkce-code-verifier-rejected", "invalid_grant with another", fapiWrongVerifier, fapiPasses, ""},
	{"par-plain-pkce-rejected", "no challenge that is plain", fapiPlainPKCE, fapiPasses, ""},
	{"par-without-duplicate-parameters", "`client_id` and `request_uri` alone suffice", fapiBare, fapiPasses, ""},
	{"par-test-array-as-audience-fails", "an assertion for us and another is refused", fapiAudArray, fapiPasses, "jwt"},
	{"par-test-par-endpoint-url-as-audience-fails", "one for the PAR endpoint too", fapiAudPAR, fapiPasses, "jwt"},
	{"par-test-token-endpoint-url-as-audience-fails", "one for the token endpoint too", fapiAudToken, fapiPasses, "jwt"},
}

// TestFAPI2 runs every module of the plan, by name, against one house over
// https.
func TestFAPI2(t *testing.T) {
	t.Parallel()
	h := newFAPIHouse(t)
	names := map[string]bool{}
	for _, variant := range fapiVariants {
		t.Run(variant.name, func(t *testing.T) {
			for _, m := range fapiModules {
				if m.only != "" && variant.mtls {
					continue
				}
				names[m.name] = true
				t.Run("fapi2-security-profile-final-"+m.name, func(t *testing.T) { m.test(fapiRun{t, h, variant.mtls}) })
			}
		})
	}
	if len(names) != len(fapiModules) {
		t.Errorf("%d of %d modules were run", len(names), len(fapiModules))
	}
}
