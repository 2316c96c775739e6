package password

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strings"

	"gatehouse/idp"
)

// Until its person signs in, a hash that another program made takes the time of its own
// settings. So that a refusal tells nobody by its time whether somebody has a name, a
// name that is nobody's costs what somebody's of this house does: it is taken for one of
// them, always for the same, as often as there are people of that shape.

// MostShapes bounds how many shapes of hashes are told apart.
const MostShapes = 32

// shape is a made-up hash that costs what those of some people do.
type shape struct {
	stored string
	people int64
}

// SeeShapes is told of what shapes the hashes are that the house holds, and returns how
// many of them it can read.
func (h *Hasher) SeeShapes(held []idp.HashShape) (read int) {
	var all []shape
	for _, s := range held {
		if stored, ok := h.madeUp(s); ok {
			all = append(all, shape{stored, s.People})
		}
	}
	h.population.Store(&all)
	return len(all)
}

// madeUp is a hash of a shape that is of no password; "" for today's.
func (h *Hasher) madeUp(s idp.HashShape) (stored string, ok bool) {
	salt := base64.RawStdEncoding.EncodeToString(make([]byte, saltSize)) + "$"
	if strings.HasPrefix(s.Prefix, "$2") {
		salt = ""
	}
	stored = s.Prefix + salt + strings.Repeat("A", s.Key)
	if !strings.HasPrefix(stored, "$argon2id$") {
		_, err := parseForeign(stored)
		return stored, err == nil
	}
	e, err := parsePHC(stored)
	if err == nil && e.Cost == h.cost {
		return "", true
	}
	return stored, err == nil
}

// Nobodys is the hash that is computed for who has none, by whatever name they are
// called: one that costs what somebody's does. It draws by weighted rendezvous hashing
// under a key of the house: in proportion to the people of each shape, and where these
// become fewer, only names that were taken for one of them are taken for another.
func (h *Hasher) Nobodys(key []byte, who string) (stored string) {
	all := h.population.Load()
	if all == nil {
		return ""
	}
	best := math.Inf(1)
	for _, s := range *all {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(s.stored + "\x00" + who))
		u := (float64(binary.BigEndian.Uint64(mac.Sum(nil))>>11) + 1) / (1 << 53)
		if score := -math.Log(u) / float64(s.people); score < best {
			best, stored = score, s.stored
		}
	}
	return stored
}
