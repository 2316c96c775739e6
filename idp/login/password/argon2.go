package password

import (
	"encoding/binary"
	"sync"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/blake2b"

	_ "unsafe" // for go:linkname
)

// block is RFC 9106's: 1 KiB.
type block [128]uint64

// memory is what a hash is computed in, zeroed. argon2.IDKey makes it anew for
// every hash: 19 MiB, of which a process that was idle asks the kernel page by
// page, which can cost more than the hash itself, and which are garbage after it.
type memory []block

// held is memory, and how it is given back.
type held struct {
	memory
	release func()
}

// memories are those that were taken once and are kept. They lie outside the
// heap: there, the collector would let the rest of it grow to a multiple of
// them.
type memories struct {
	blocks uint32 // of each
	mu     sync.Mutex
	free   []held
}

// take prefers the one that was used last, whose pages are the warmest.
func (s *memories) take() held {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.free) - 1
	if last < 0 {
		return newMemory(s.blocks)
	}
	m := s.free[last]
	s.free = s.free[:last]
	return m
}

func (s *memories) give(m held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, m)
}

// release gives all of it back: nobody is left who would take it.
func (s *memories) release() {
	for _, m := range s.free {
		m.release()
	}
}

// key computes argon2id's key for a password, as argon2.IDKey does; where that
// needs more memory than there is, by it. It leaves nothing of the password in
// the memory.
func (m memory) key(c encoded, password string) []byte {
	lanes := uint32(c.Lanes)
	n := max(2, c.Memory/(4*lanes)) * 4 * lanes // RFC 9106 §3.2 step 2, at least 8 blocks a lane
	if n > uint32(len(m)) {
		return argon2.IDKey([]byte(password), c.salt, c.Passes, c.Memory, c.Lanes, uint32(len(c.key)))
	}
	m = m[:n]
	defer clear(m)
	h0 := initHash([]byte(password), c.salt, nil, nil, c.Passes, c.Memory, lanes, uint32(len(c.key)), argon2id)
	for lane := range lanes {
		m.begin(&h0, lane, lane*(n/lanes))
	}
	processBlocks(m, c.Passes, n, lanes, argon2id)
	return extractKey(m, n, lanes, uint32(len(c.key)))
}

// begin writes the first two blocks of a lane, RFC 9106 §3.2 steps 3 and 4.
func (m memory) begin(h0 *[blake2b.Size + 8]byte, lane, at uint32) {
	for i := range uint32(2) {
		binary.LittleEndian.PutUint32(h0[blake2b.Size:], i)
		binary.LittleEndian.PutUint32(h0[blake2b.Size+4:], lane)
		var b [1024]byte
		blake2bHash(b[:], h0[:])
		for j := range m[at+i] {
			m[at+i][j] = binary.LittleEndian.Uint64(b[j*8:])
		}
	}
}

// Those parts of golang.org/x/crypto/argon2 of which its IDKey consists, but for
// the one that makes the memory. It has no function that is given memory
// (golang/go#36634), and a copy of it would be three thousand lines of assembly
// that nobody tends. Where an upgrade changes one of these, the binary does not
// link, or TestKeysAreThoseOfIDKey fails.

const argon2id = 2

//go:linkname initHash golang.org/x/crypto/argon2.initHash
func initHash(password, salt, key, data []byte, time, memory, threads, keyLen uint32, mode int) [blake2b.Size + 8]byte

//go:linkname blake2bHash golang.org/x/crypto/argon2.blake2bHash
func blake2bHash(out, in []byte)

//go:linkname processBlocks golang.org/x/crypto/argon2.processBlocks
func processBlocks(blocks []block, time, memory, threads uint32, mode int)

//go:linkname extractKey golang.org/x/crypto/argon2.extractKey
func extractKey(blocks []block, memory, threads, keyLen uint32) []byte
