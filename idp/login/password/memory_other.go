//go:build !unix

package password

// newMemory is memory on the heap.
func newMemory(blocks uint32) held { return held{make(memory, blocks), func() {}} }
