package main

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/crypto/argon2"
)

// What a row is held against: the same work without a house around it.
const (
	bareRSA   = "RSA-2048 signature, SHA-256"
	bareES256 = "ES256 signature"
	bareHash  = "argon2id, 19 MiB, t=2, p=1"
	bareHTTP  = "empty net/http request"
)

// bare measures the primitives and the empty request.
func (r *report) bare(ctx context.Context, o options, m meter, empty *emptyServer) error {
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	short, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte("what is signed"))
	for _, b := range []struct {
		what string
		do   func() error
	}{
		{bareRSA, func() error { _, err := rsa.SignPKCS1v15(rand.Reader, long, crypto.SHA256, digest[:]); return err }},
		{bareES256, func() error { _, err := ecdsa.SignASN1(rand.Reader, short, digest[:]); return err }},
		{bareHash, func() error { argon2.IDKey(digest[:], digest[:16], 2, 19<<10, 1, 32); return nil }},
	} {
		f, err := m.alone(o.each/3, b.do)
		if err != nil {
			return fmt.Errorf("%s: %w", b.what, err)
		}
		r.addBare(b.what, f)
	}
	f, err := m.measure(ctx, o.each/3, func() (time.Duration, error) { return processCPU(empty.cmd.Process.Pid) }, empty.callers())
	r.addBare(bareHTTP, f)
	return err
}

// alone measures a primitive in this process, one after the other.
func (m meter) alone(each time.Duration, do func() error) (figure, error) {
	runtime.GC()
	for range 3 { // warm
		if err := do(); err != nil {
			return figure{}, err
		}
	}
	return m.measure(context.Background(), each, ownCPU, []operation{func(context.Context) error { return do() }})
}

// ownCPU is what this process has used, to the microsecond.
func ownCPU() (time.Duration, error) {
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}

// emptyServer is this program again, answering nothing.
type emptyServer struct {
	cmd *exec.Cmd
	url string
}

func startEmpty(ctx context.Context) (*emptyServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-empty")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &emptyServer{cmd: cmd}
	if _, err := fmt.Fscanln(bufio.NewReader(out), &s.url); err != nil {
		return nil, fmt.Errorf("start the empty server: %w", err)
	}
	return s, nil
}

func (s *emptyServer) stop() {
	s.cmd.Process.Kill()
	s.cmd.Wait() // it was killed: it has nothing to say
}

func (s *emptyServer) callers() []operation {
	ops := make([]operation, workers)
	for i := range ops {
		caller := http.Client{Transport: &http.Transport{}}
		ops[i] = func(ctx context.Context) error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
			if err != nil {
				return err
			}
			res, err := caller.Do(req)
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			return err
		}
	}
	return ops
}

// serveEmpty answers every request with nothing, until it is killed.
func serveEmpty() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	return http.Serve(l, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
}
