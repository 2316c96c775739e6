// Package oidc is the OpenID Provider: the tongue in which relying parties
// ask who somebody is.
//
// It owns the protocol (authorization, pushed requests, token, refresh,
// introspection, revocation, userinfo, end of session, discovery), what apps
// prove with keys and certificates of their own, and its lever, the
// back-channel logout. It stands on zitadel/oidc: the library parses and
// dispatches what machines send (op.Server), renders OAuth errors and has the
// types; policy is ours. The browser's endpoints are plain handlers, because
// they need cookies, pages and one redirect only. It leaves sign-in to
// idp/login, accepting and issuing to sessions, cookies and pages to web
// (Browser), mapping of claims to jit.
//
// Nothing is stored while an answer is on its way: pushed requests, codes,
// access and refresh tokens are sealed texts that carry what they were made
// from, and the key they are bound to. What is spent once is spent by the gate.
//
// The one invariant: no code, token or claim leaves this package that the
// gate did not accept or issue for exactly that user, session and app in the
// same request; and no browser is sent to an address that was not registered,
// byte by byte.
package oidc
