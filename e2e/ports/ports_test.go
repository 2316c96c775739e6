package ports

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"
)

const each = 300

// TestNoPortIsHandedOutTwice asks in this process and in three others, which
// live until all have answered.
func TestNoPortIsHandedOutTwice(t *testing.T) {
	seen := map[string]bool{}
	note := func(addr string) {
		if seen[addr] {
			t.Errorf("%s was handed out twice", addr)
		}
		seen[addr] = true
	}
	var answers []*bufio.Scanner
	for range 3 {
		other := exec.Command(os.Args[0], "-test.run=^TestAnotherAsks$")
		other.Env = append(os.Environ(), "PORTS_ASK=1")
		other.Stderr = os.Stderr
		out, err := other.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		lives, err := other.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { lives.Close(); _ = other.Wait() }()
		answers = append(answers, bufio.NewScanner(out))
	}
	for range each {
		addr, err := Free()
		if err != nil {
			t.Fatal(err)
		}
		note(addr)
	}
	for _, lines := range answers {
		for range each {
			if !lines.Scan() {
				t.Fatal("another process did not answer")
			}
			note(lines.Text())
		}
	}
}

// TestAnotherAsks is the other process.
func TestAnotherAsks(t *testing.T) {
	if os.Getenv("PORTS_ASK") == "" {
		return // it is TestNoPortIsHandedOutTwice that runs it
	}
	for range each {
		addr, err := Free()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(addr)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func TestAServerCanListenOnWhatIsFree(t *testing.T) {
	port, err := Row(3)
	if err != nil {
		t.Fatal(err)
	}
	for p := port; p < port+3; p++ {
		for range 2 { // a server that starts again finds it free
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
			if err != nil {
				t.Fatal(err)
			}
			l.Close()
		}
	}
}
