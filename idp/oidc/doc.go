// Package oidc is the OpenID Provider: the tongue in which relying parties
// ask who somebody is.
//
// It owns the protocol (authorization, token, refresh, introspection,
// revocation, userinfo, end of session, discovery) and its lever, the
// back-channel logout. It stands on zitadel/oidc: the library parses and
// dispatches what machines send (op.Server), renders OAuth errors and has the
// types; policy is ours. The browser's endpoints are plain handlers, because
// they need cookies, pages and one redirect only. It leaves sign-in to
// idp/login, accepting and issuing to sessions, cookies and pages to web
// (Browser), mapping of claims to jit.
//
// Nothing is stored while an answer is on its way: codes, access and refresh
// tokens are sealed texts that carry the proof they were made from. What is
// spent once is spent by the gate, in the statement that writes.
//
// The one invariant: no code, token or claim leaves this package that the
// gate did not accept or issue for exactly that user, session and app in the
// same request; and no browser is sent to an address that was not registered,
// byte by byte.
package oidc
