//go:build unix

package main

import (
	"os"
	"syscall"
)

// lockFile reports whether the file is this process's now, until it dies.
func lockFile(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
