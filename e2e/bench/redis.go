package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"gatehouse/e2e/ports"
)

// onRedis is a house on PostgreSQL with a Redis in front, whose CPU time counts
// as the house's.
func onRedis(ctx context.Context, dir, server string) (*house, error) {
	h, err := onPostgres(ctx, filepath.Join(dir, "redis"), server)
	if err != nil {
		return h, err
	}
	h.storage = "PostgreSQL+Redis"
	addr, err := ports.Free()
	if err != nil {
		return h, err
	}
	h.redis = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", addr[len("127.0.0.1:"):], "--dir", h.dir,
		"--save", "", "--appendonly", "no", "--logfile", filepath.Join(h.dir, "redis.log"))
	h.redis.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := h.redis.Start(); err != nil {
		return h, fmt.Errorf("redis-server: %w", err)
	}
	h.env = append(h.env, "GATEHOUSE_REDIS=redis://"+addr)
	return h, nil
}

// stopRedis ends the Redis of the house, where it has one.
func (h *house) stopRedis() error {
	if h.redis == nil || h.redis.Process == nil {
		return nil
	}
	if err := h.redis.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	_ = h.redis.Wait() // it ends with the signal's status
	return nil
}
