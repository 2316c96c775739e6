//go:build torture

package e2e

import (
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFaultsAtLength is TestFaults with three nodes, more people, and faults of
// ten seconds, and what happens there once happens here often: a hundred kills
// of nodes at random moments, fifty of PostgreSQL. A fault that lasts
// GATEHOUSE_FAULT_LASTS is another length.
func TestFaultsAtLength(t *testing.T) {
	lasts := 10 * time.Second
	if given := os.Getenv("GATEHOUSE_FAULT_LASTS"); given != "" {
		var err error
		if lasts, err = time.ParseDuration(given); err != nil {
			t.Fatal(err)
		}
	}
	h := newRig(t, binary(t), 3, lasts, race{people: 60, clients: 12, admins: 2, pause: 60 * time.Millisecond})
	for _, b := range append(h.blows(), h.lagging()) {
		t.Run(b.name, func(t *testing.T) { h.suffers(t, b) })
	}
	t.Run("F-09 the answer to a COMMIT is lost", func(t *testing.T) { h.losesAnAnswer(t) })
	t.Run("RV-10 a suspension between check and write", func(t *testing.T) { h.slipsBetween(t) })
	t.Run("F-17 overload", func(t *testing.T) { h.isOverrun(t) })
	t.Run("F-01 a hundred kills", func(t *testing.T) {
		h.suffers(t, h.often("F-01 a hundred kills", 100, func(int) {
			node := h.servers[mathrand.IntN(len(h.servers))]
			time.Sleep(mathrand.N(100 * time.Millisecond))
			node.kill()
			node.again(t)
		}))
	})
	t.Run("F-12 fifty kills of PostgreSQL", func(t *testing.T) {
		h.suffers(t, h.often("F-12 fifty kills of PostgreSQL", 50, func(int) {
			time.Sleep(mathrand.N(300 * time.Millisecond))
			h.db.stop(syscall.SIGKILL)
			h.db.start()
		}))
	})
	h.settles(t)
}

// often lets something happen many times in a row.
func (h *rig) often(name string, times int, happen func(int)) blow {
	return blow{name: name, strike: func() {
		for i := range times {
			happen(i)
		}
	}, heal: func() {}}
}

// lagging is F-05: a replica that missed a suspension is promoted, and all
// nodes but one are led to it while the old master still answers that one.
func (h *rig) lagging() blow {
	var replica *redisServer
	return blow{
		name: "F-05 a lagging replica is promoted", served: true, suspends: true,
		strike: func() {
			replica = startRedis(h.t)
			_, port, _ := strings.Cut(h.redis.addr, ":")
			tell := func(command ...string) {
				if out, err := replica.tell(command...); err != nil || out != "OK\n" {
					h.t.Fatalf("%s: %s%v", fmt.Sprint(command), out, err)
				}
			}
			tell("REPLICAOF", "127.0.0.1", port)
			until(h.t, readyWithin, "the replica has caught up", func() bool {
				info, _ := replica.tell("INFO", "replication")
				return strings.Contains(info, "master_link_status:up")
			})
			p := h.warm()
			replica.signal(syscall.SIGSTOP)
			h.suspend(0, p, 0)
			replica.signal(syscall.SIGCONT)
			tell("REPLICAOF", "NO", "ONE")
			for _, c := range h.toRedis[1:] {
				c.leads(replica.addr)
				c.reset()
			}
			h.tries(p)
			h.restore(0, p)
			h.tries(p)
			p.admin.Unlock()
		},
		heal: func() {
			for _, c := range h.toRedis {
				c.leads(h.redis.addr)
				c.reset()
			}
			replica.kill()
		},
	}
}
