//go:build unix && !linux

package login

func preferHuge([]byte) {}
