//go:build unix && !linux

package password

func preferHuge([]byte) {}
