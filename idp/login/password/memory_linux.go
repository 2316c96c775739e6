package password

import "golang.org/x/sys/unix"

// preferHuge asks for huge pages, which are given where the kernel has some.
func preferHuge(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }
