// Package signin is the narrow column through which people come in: their
// name, their password, the one-time link with which they choose one, and the
// way out.
//
// It owns the sign-in pages and the cookies they set. What a password is worth
// is decided in idp/login, whether a session stands in sessions.
//
// The invariant: a page says the same for an unknown, a wrong and a suspended
// person, and every form is bound to the browser it was shown in.
package signin
