// Package login proves who people are. It owns the steps of a sign-in (for
// now: the password), the hashing of passwords and its bound, the throttle in
// front of it, and the setting of passwords by one-time links.
//
// It leaves the pass that a proof earns to sessions (the gate), pages and
// cookies to web, names and roles to idp/directory, SQL to store.
//
// The one invariant: every refusal looks the same and costs the same, one
// hash, be the person unknown, without a password, suspended or mistaken; and
// every try is counted before its hash begins, so that no number of tries at
// once gets past the throttle. Why it was refused is in the events alone.
package login
