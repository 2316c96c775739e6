// Package ports finds addresses for the servers that tests start.
//
// Asking the kernel for a port and giving it back is a race: from then until the
// server listens there, or while it is down between two starts, any connection
// or any other test may get the same one. So the ports are from below the range
// that the kernel gives to clients, and each is kept for the life of the process
// by a UDP socket of the same number, which no server here uses.
package ports

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// Where the ports are from: e2e/with-services.sh takes those from 20000 on, and
// clients get 32768 and above.
const first, end = 10000, 20000

// kept are the sockets that keep what was handed out from other processes, and
// from the collector, which would close them.
var kept struct {
	sync.Mutex
	sockets []net.PacketConn
}

// Free is a loopback address on which nobody listens, as host:port. Nobody else
// who asks this package gets it while the process lives.
func Free() (string, error) {
	port, err := Row(1)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("127.0.0.1:%d", port), nil
}

// Row is the first of n ports in a row, each free as in Free.
func Row(n int) (int, error) {
	for range 1000 {
		port := first + rand.IntN(end-first-n)
		if keep(port, n) {
			return port, nil
		}
	}
	return 0, errors.New("find a free port: none in a thousand tries")
}

func keep(port, n int) bool {
	var row []net.PacketConn
	for p := port; p < port+n; p++ {
		addr := fmt.Sprintf("127.0.0.1:%d", p)
		socket, err := net.ListenPacket("udp", addr)
		if err == nil {
			row = append(row, socket)
			err = nobodyListens(addr)
		}
		if err != nil {
			for _, s := range row {
				s.Close()
			}
			return false
		}
	}
	kept.Lock()
	defer kept.Unlock()
	kept.sockets = append(kept.sockets, row...)
	return true
}

func nobodyListens(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return l.Close()
}
