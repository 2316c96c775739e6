//go:build unix

package login

import (
	"syscall"
	"unsafe"
)

const blockSize = int(unsafe.Sizeof(block{}))

// newMemory is zeroed memory outside the heap, or on it where the kernel gives
// none.
func newMemory(blocks uint32) memory {
	b, err := syscall.Mmap(-1, 0, int(blocks)*blockSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return make(memory, blocks)
	}
	return unsafe.Slice((*block)(unsafe.Pointer(&b[0])), blocks)
}

func releaseMemory(m memory) {
	_ = syscall.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(&m[0])), len(m)*blockSize)) // refused: it is on the heap
}
