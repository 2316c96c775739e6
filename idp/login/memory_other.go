//go:build !unix

package login

// newMemory is memory on the heap.
func newMemory(blocks uint32) held { return held{make(memory, blocks), func() {}} }
