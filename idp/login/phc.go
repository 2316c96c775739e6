package login

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// params are the cost of a hash: KiB of memory, passes over it, lanes.
type params struct {
	memory uint32
	passes uint32
	lanes  uint8
}

// encoded is a hash as stored: a PHC string,
// $argon2id$v=19$m=19456,t=2,p=1$SALT$KEY.
type encoded struct {
	params
	salt, key []byte
}

// What is read is bounded, so that no stored string makes a sign-in cost more
// than a few times today's.
const (
	maxPHC    = 512
	maxMemory = 128 << 10 // KiB
	maxPasses = 8
	maxLanes  = 8
	minSalt   = 8
	minKey    = 16
	maxPart   = 64 // bytes of salt or key
)

func (e encoded) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, e.memory, e.passes, e.lanes, b64(e.salt), b64(e.key))
}

// parsePHC reads what String writes and nothing else.
func parsePHC(s string) (encoded, error) {
	parts := strings.Split(s, "$")
	if len(s) > maxPHC || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return encoded{}, errors.New("the stored hash is not argon2id")
	}
	var e encoded
	costs := strings.Split(parts[3], ",")
	if len(costs) != 3 {
		return encoded{}, errors.New("the stored hash has no parameters")
	}
	memory, errM := cost(costs[0], "m=", maxMemory)
	passes, errT := cost(costs[1], "t=", maxPasses)
	lanes, errP := cost(costs[2], "p=", maxLanes)
	e.params = params{memory: memory, passes: passes, lanes: uint8(lanes)}
	var errS, errK error
	e.salt, errS = part(parts[4], minSalt)
	e.key, errK = part(parts[5], minKey)
	if err := errors.Join(errM, errT, errP, errS, errK); err != nil {
		return encoded{}, fmt.Errorf("read the stored hash: %w", err)
	}
	return e, nil
}

// cost reads one parameter, 1 to limit.
func cost(s, name string, limit uint64) (uint32, error) {
	digits, ok := strings.CutPrefix(s, name)
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || n < 1 || n > limit || digits[0] == '0' {
		return 0, fmt.Errorf("parameter %s is not a number from 1 to %d", name, limit)
	}
	return uint32(n), nil
}

func part(s string, least int) ([]byte, error) {
	b, err := base64.RawStdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < least || len(b) > maxPart || strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("salt or key is not base64 of the right length")
	}
	return b, nil
}
