// Package saml is the SAML 2.0 identity provider: the tongue in which service
// providers ask who somebody is.
//
// It owns the Web Browser SSO profile (SAML Profiles §4.1) as the identity
// provider: our metadata, the AuthnRequest by HTTP-Redirect and HTTP-POST, the
// judgement over it, the assertion; what a service provider's metadata say
// ([Import]), read again when it is time ([Refresher]); sign-ons that are only
// played ([Rehearsals]); its levers, the LogoutRequest over SOAP and by the
// person's browser; and single logout that an app asks for (SAML Profiles §4.4). Octets belong to idp/saml/wire:
// decoding, signatures, encryption, metadata. crewjam/saml is not used: its
// handlers have no policy, its serialisers may panic and cost a multiple (its
// service provider is a judge of ours in tests, and in jit/saas). It leaves sign-in to
// idp/login, accepting and issuing to sessions, cookies and pages to web
// (Browser), mapping of attributes to jit.
//
// # What a request is told
//
// A request is judged in one order, and the first rule it breaks is the answer
// and the audit line (saml.request.refuse, detail rule). Until the app, its
// signature and the address of the answer are proven, the person is told, by a
// page; from then on the app is, by a signed Response with a status. A request
// that was answered before is never answered again: the person is told to
// start again from the app.
//
// The one invariant: no assertion leaves this package that the gate did not
// issue for exactly that user, session and app in the same request, nor to an
// address that was not registered, nor with a time that is not from our own
// clock.
package saml
