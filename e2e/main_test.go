package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
)

// scratch holds what the tests of one run share, the binary before all.
var scratch string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "gatehouse-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	scratch = dir
	// Some tests wait for minutes that must really pass; one more place lets the
	// others have the machine meanwhile.
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(runtime.GOMAXPROCS(0)+1)); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return m.Run()
}

// builtFaulty is the binary whose clock can be set off: for tests of clocks
// alone, since what people run has no such thing.
var builtFaulty = sync.OnceValues(func() (string, error) {
	if _, err := built(); err != nil { // most of it is the same
		return "", err
	}
	bin := filepath.Join(scratch, "faultclock", "gatehouse")
	cmd := exec.Command("go", "build", "-tags", "faultclock", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", bin, "./cmd/gatehouse")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return bin, nil
})

// built is the directory with the binary, made once for the tests that ask: as
// it is shipped, without cgo and without the race detector, so that what is
// tested is what people run.
var built = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(scratch, "bin")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", dir+"/", "./cmd/gatehouse")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return dir, nil
})

// binary is the path of the built gatehouse.
func binary(t testing.TB) string {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "gatehouse")
}
