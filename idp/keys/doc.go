// Package keys owns the keys of the house: [Box] seals secrets and passes
// under the root key, [Ring] holds the signing keys, signs and verifies
// compact JWS (RFC 7515) and publishes the public half as a JWK set (RFC
// 7517), and [ReceiptKeys] verifies with nothing but such a set. [PeerKeys] are
// the public keys of somebody else, for what an app signs.
//
// It leaves claims and their times to idp/oidc, XML signatures to
// idp/saml/wire (which takes the [Key]), and rows to store.
//
// The one invariant: a key has exactly one purpose. What was sealed for one
// purpose does not open for another, a signature counts only under the
// algorithm its key was made for, and no header of a token chooses a key that
// is not already on the ring or registered for the app; [VerifyEmbedded], which
// takes the key in the header, proves that the key is held and nothing else.
package keys
