package password

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Cost is what a hash of argon2id costs (RFC 9106 §3.1): KiB of memory, passes over it,
// lanes.
type Cost struct {
	Memory uint32
	Passes uint32
	Lanes  uint8
}

// What is read is bounded, so that no stored string makes a sign-in cost more
// than a few times the default.
const (
	maxMemory = 128 << 10 // KiB
	maxPasses = 8
	maxLanes  = 8
)

// DefaultCost is 19 MiB, 2 passes and one lane (OWASP Password Storage Cheat Sheet).
func DefaultCost() Cost { return Cost{Memory: 19 << 10, Passes: 2, Lanes: 1} }

// ParseCost reads what new hashes are to cost, as a PHC string says it:
// m=19456,t=2,p=1. It refuses less than [DefaultCost], in memory or in memory times
// passes, and more than is read of a stored hash.
func ParseCost(s string) (Cost, error) {
	c, err := readCost(s)
	if err != nil {
		return Cost{}, err
	}
	least := DefaultCost()
	if c.Memory < least.Memory || c.work() < least.work() {
		return Cost{}, fmt.Errorf("weaker than %s, the least that a hash may cost here", least)
	}
	return c, nil
}

func (c Cost) String() string { return fmt.Sprintf("m=%d,t=%d,p=%d", c.Memory, c.Passes, c.Lanes) }

// work is what the time of a hash is in proportion to.
func (c Cost) work() uint64 { return uint64(c.Memory) * uint64(c.Passes) }

func readCost(s string) (Cost, error) {
	parts := strings.Split(s, ",")
	if len(parts) != 3 {
		return Cost{}, errors.New("not of the form m=19456,t=2,p=1")
	}
	memory, okM := parameter(parts[0], "m=", maxMemory)
	passes, okT := parameter(parts[1], "t=", maxPasses)
	lanes, okP := parameter(parts[2], "p=", maxLanes)
	if !okM || !okT || !okP {
		return Cost{}, fmt.Errorf("not of the form m=19456,t=2,p=1, with at most %s", Cost{maxMemory, maxPasses, maxLanes})
	}
	return Cost{Memory: memory, Passes: passes, Lanes: uint8(lanes)}, nil
}

// parameter reads a number from 1 to limit.
func parameter(s, name string, limit uint64) (n uint32, ok bool) {
	digits, named := strings.CutPrefix(s, name)
	all, err := strconv.ParseUint(digits, 10, 32)
	return uint32(all), named && err == nil && all >= 1 && all <= limit && digits[0] != '0'
}
