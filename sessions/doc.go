// Package sessions is the gate: the one place where a pass (SignIn, session,
// code, access or refresh token, assertion, one-time link, API token) is
// accepted or issued. It owns the epoch rule, the life of sessions, and
// [Backend], what it asks of the store (and later of Redis in front of it).
//
// It leaves SQL to store, proof of identity to idp/login, formats and sealing
// of tokens to the tongues, cookies to web.
//
// The one invariant (DESIGN section 4): once a suspension has returned
// success, no method of [Gate] accepts or issues anything for that user.
// Accepting compares the pass with the truth read in the same statement;
// issuing repeats the comparison inside the statement that writes the pass,
// with the epoch that the proof carried.
package sessions
