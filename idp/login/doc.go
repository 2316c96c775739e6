// Package login proves who people are. It owns the steps of a sign-in and what comes
// next, the factors that people have and how they add and remove them, the throttles in
// front of all tries, and the ways back: links, codes by mail, "this was not me".
//
// It leaves what a password is kept as to idp/login/password, the pass that a proof
// earns to sessions (the gate), pages and cookies to web, names and roles to
// idp/directory, SQL to store.
//
// The one invariant: every refusal looks the same and costs the same, one
// hash, be the person unknown, without a password, suspended or mistaken; and
// every try is counted before its hash begins, so that no number of tries at
// once gets past the throttle. Why it was refused is in the events alone.
package login
