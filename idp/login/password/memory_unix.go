//go:build unix

package password

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	blockSize = uintptr(unsafe.Sizeof(block{}))
	hugePage  = 2 << 20
)

// newMemory is memory outside the heap, or on it where the kernel gives none. It
// begins where a huge page can: a hash reads all over it, and a processor knows
// fewer small pages than it has.
func newMemory(blocks uint32) held {
	page := uintptr(os.Getpagesize())
	size := (uintptr(blocks)*blockSize + page - 1) &^ (page - 1)
	given, err := unix.MmapPtr(-1, 0, nil, size+hugePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return held{make(memory, blocks), func() {}}
	}
	before := -uintptr(given) % hugePage
	start := unsafe.Add(given, before)
	// What is refused here stays mapped, and is never touched.
	_ = unix.MunmapPtr(given, before)
	_ = unix.MunmapPtr(unsafe.Add(start, size), hugePage-before)
	preferHuge(unsafe.Slice((*byte)(start), size))
	return held{unsafe.Slice((*block)(start), blocks), func() { _ = unix.MunmapPtr(start, size) }}
}
