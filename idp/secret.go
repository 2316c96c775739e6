package idp

import "time"

// SecretID names a client secret of an app without saying it.
type SecretID string

// SecretIDOf returns the ID of the secret with this hash: 64 bits of the hash,
// of a secret with 256 random ones, so it says nothing that helps to find it.
func SecretIDOf(hash string) SecretID { return SecretID("sec_" + hash[:min(len(hash), 16)]) }

// MaxSecrets is how many secrets an app has at most: the one that is in use and
// the one that takes its place.
const MaxSecrets = 2

// ClientSecret is what is known of one secret of an app.
type ClientSecret struct {
	ID     SecretID
	MadeAt time.Time // zero: before this was written down
	UsedAt time.Time // to the minute or so; zero: never, as far as is known
}
