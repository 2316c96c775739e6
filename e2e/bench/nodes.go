package main

import (
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"gatehouse/e2e/ports"
	"gatehouse/web/api/client"
)

// node is one server of a house with several, and the way to it: every node
// knows the house by the same public URL.
type node struct {
	addr string
	way  *http.Transport
	cmd  *exec.Cmd // nil: the house's own
}

func wayTo(addr string) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		},
		MaxIdleConnsPerHost: 64,
	}
}

// grow starts nodes until there are n.
func (r *rig) grow(ctx context.Context, n int) error {
	for len(r.nodes) < n {
		addr, err := ports.Free()
		if err != nil {
			return err
		}
		further, err := newHouse(r.storage, filepath.Join(r.dir, fmt.Sprintf("node%d", len(r.nodes))))
		if err != nil {
			return err
		}
		further.env = append(append([]string{}, r.env...), "GATEHOUSE_LISTEN="+addr, "GATEHOUSE_DATA="+further.dir)
		further.binary, further.url, further.addr = r.binary, "http://"+addr, addr
		if _, err := further.start(ctx); err != nil {
			return err
		}
		r.nodes = append(r.nodes, &node{addr, wayTo(addr), further.cmd})
	}
	// A node is trusted with Redis from its first poll on.
	time.Sleep(time.Second)
	return nil
}

// leave ends all nodes but the first.
func (r *rig) leave() (err error) {
	for _, n := range r.nodes {
		n.way.CloseIdleConnections()
		if n.cmd != nil {
			err = errors.Join(err, n.cmd.Process.Signal(syscall.SIGTERM), n.cmd.Wait())
		}
	}
	r.nodes = r.nodes[:min(1, len(r.nodes))]
	return err
}

// on is the person's browser with one node at its other end, with the same
// cookies.
func (p *person) on(n *node) *person {
	q, h := *p, *p.http
	h.Transport = n.way
	q.http = &h
	return &q
}

// anywhere leads each request to a node that nobody chooses.
type anywhere struct{ nodes []*node }

func (a anywhere) RoundTrip(r *http.Request) (*http.Response, error) {
	return a.nodes[mathrand.IntN(len(a.nodes))].way.RoundTrip(r)
}

// anywhere is the admin API at any node.
func (r *rig) anywhere() *client.Client {
	return &client.Client{URL: r.url, Token: r.token, HTTP: &http.Client{Transport: anywhere{r.nodes}, Timeout: 30 * time.Second}}
}
