package password

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"golang.org/x/crypto/argon2"
)

// TestKeysAreThoseOfIDKey computes one after the other in the same memory: what
// fills it, what does not, what rounds, and what needs more.
func TestKeysAreThoseOfIDKey(t *testing.T) {
	t.Parallel()
	m := newMemory(1 << 10).memory
	salt := []byte("sixteen bytes of")
	for _, p := range []Cost{
		{Memory: 1 << 10, Passes: 2, Lanes: 1}, {Memory: 64, Passes: 1, Lanes: 1}, {Memory: 1023, Passes: 3, Lanes: 1},
		{Memory: 1 << 10, Passes: 2, Lanes: 4}, {Memory: 1021, Passes: 2, Lanes: 3}, {Memory: 1, Passes: 1, Lanes: 8},
		{Memory: 1 << 11, Passes: 1, Lanes: 1}, {Memory: 1 << 10, Passes: 2, Lanes: 1},
	} {
		for _, size := range []int{16, 32, 64} {
			for _, password := range []string{"", "correct horse battery staple"} {
				got := m.key(encoded{Cost: p, salt: salt, key: make([]byte, size)}, password)
				want := argon2.IDKey([]byte(password), salt, p.Passes, p.Memory, p.Lanes, uint32(size))
				if !bytes.Equal(got, want) {
					t.Errorf("%+v, %d bytes, %q: %x, want %x", p, size, password, got, want)
				}
				for i := range m {
					if m[i] != (block{}) {
						t.Fatalf("%+v leaves something in block %d", p, i)
					}
				}
			}
		}
	}
}

// TestHashesReuseTheirMemory: 19 MiB a hash would be collected, and asked of the
// kernel again.
func TestHashesReuseTheirMemory(t *testing.T) {
	h := New(DefaultCost(), 1, 10)
	if err := h.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := fmt.Sprintf("%p", h.memory.free[0].memory)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 3 {
		if _, err := h.Hash(t.Context(), "correct horse battery"); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("three hashes allocate %d bytes", got)
	}
	if len(h.memory.free) != 1 || fmt.Sprintf("%p", h.memory.free[0].memory) != kept {
		t.Error("another memory was taken")
	}
}
