// Package password is what is kept of a password and how it is compared: argon2id, in
// memory that is kept, as many at once as leave a core free; the hashes of other
// programs, until their person signs in; and which passwords nobody may set.
//
// It leaves whose it is, how often it may be tried and what is written down about that
// to idp/login, and where it is kept to store.
//
// The one invariant: a comparison costs one hash, also with nobody's, which is never
// right; and no stored string makes it cost many times as much.
package password
