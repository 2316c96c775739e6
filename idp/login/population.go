package login

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"gatehouse/idp"
)

// Until its person signs in, a hash that another program made takes the time of its own
// settings. So that a refusal tells nobody by its time whether somebody has a name, a
// name that is nobody's costs what somebody's of this house does: it is taken for one of
// them, always for the same, as often as there are people of that shape.

// mostShapes bounds how many shapes of hashes are told apart.
const mostShapes = 32

// shape is a made-up hash that costs what those of some people do.
type shape struct {
	stored string
	people int64
}

// SeeHashes looks of what shapes the hashes are that the house holds, to be called at
// start and every minute or so: it reads all of them.
func (l *Login) SeeHashes(ctx context.Context) error {
	held, err := l.Store.HashShapes(ctx, mostShapes)
	if err != nil {
		return fmt.Errorf("look of what shapes the hashes are: %w", err)
	}
	var all []shape
	for _, h := range held {
		if stored, ok := l.Hasher.madeUp(h); ok {
			all = append(all, shape{stored, h.People})
		}
	}
	l.Hasher.population.Store(&all)
	return nil
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
	if err == nil && e.params == h.params {
		return "", true
	}
	return stored, err == nil
}

// hashOf is the hash that is computed for a try: the person's own, or, where there is
// none, one that costs what somebody's does.
func (l *Login) hashOf(a attempt) string {
	all := l.Hasher.population.Load()
	if a.phc != "" || all == nil {
		return a.phc
	}
	who := a.typed
	if a.user.ID != "" {
		who = string(a.user.ID)
	}
	return l.likeSomebody(*all, who)
}

// likeSomebody draws the shape for a name by weighted rendezvous hashing: in proportion
// to its people, and where these become fewer, only names that were taken for one of
// them are taken for another.
func (l *Login) likeSomebody(all []shape, who string) (stored string) {
	best := math.Inf(1)
	for _, s := range all {
		mac := hmac.New(sha256.New, l.NobodyKey)
		mac.Write([]byte(s.stored + "\x00" + who))
		u := (float64(binary.BigEndian.Uint64(mac.Sum(nil))>>11) + 1) / (1 << 53)
		if score := -math.Log(u) / float64(s.people); score < best {
			best, stored = score, s.stored
		}
	}
	return stored
}
