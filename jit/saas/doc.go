// Package saas is a small, honest SaaS app: a wiki or a CRM that has no passwords of its own and trusts
// an identity provider through OpenID Connect or SAML 2.0. The demo runs two of them, `gatehouse
// sample-app` runs one against any issuer, and the end-to-end tests watch their sessions end.
//
// It owns the far side of every promise Gatehouse makes to an app: an account that comes to be just in
// time from the ID token or the assertion (and says which attribute came from where), a session of its
// own behind a cookie, and the three doors through which the identity provider may ask about that session
// or end it: POST /backchannel-logout (OpenID Connect Back-Channel Logout 1.0), POST /saml/slo
// (LogoutRequest over SOAP) and POST /probe (how many sessions has this person here?). Whoever signs out
// here is signed out of the provider, too: by RP-initiated logout, or by a LogoutRequest of the app's own.
//
// It leaves the decoding, verifying and signing of SAML messages to idp/saml/wire where go-oidc and
// crewjam/saml have nothing to offer, and knows nothing else of Gatehouse: to this package the identity
// provider is a stranger with a published key, so that it checks the provider rather than agreeing with
// it.
//
// The invariant: a session is alive only between a verified sign-in that began in the same browser and
// the first of these: its own sign-out, a verified logout message that names it, the end the identity
// provider stated for it, the app's own limit. An ended session never comes alive again.
//
// Like most apps it does not remember a logout for a session it has not yet seen: an assertion that
// arrives after the logout starts a session again, and the identity provider has to send a second one.
package saas
