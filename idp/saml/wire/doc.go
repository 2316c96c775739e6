// Package wire is SAML 2.0 on the wire: it decodes, verifies, signs, encrypts
// and decrypts messages and reads metadata. It decides nothing: who may sign in,
// which service provider is known, whether a time is acceptable and whether a
// message was seen before belong to idp/saml on the identity provider's side and
// to the service providers (jit/saas) on theirs.
//
// The one invariant: what a caller reads is what was verified. Parse is the only
// door for foreign bytes, one parser serves verification and reading, and Verify
// returns an element built from the very octets whose digest was signed.
package wire
