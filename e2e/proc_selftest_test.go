package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLogbookKeepsAlarmsThatNobodyExpected(t *testing.T) {
	t.Parallel()
	var log logbook
	log.expect("app.example refused")
	log.Write([]byte("level=INFO msg=started\nlevel=ERROR msg=\"app.example refused\"\nlevel=ER"))
	log.Write([]byte("ROR msg=broken\n{\"level\":\"ERROR\",\"msg\":\"also\"}\npanic: nil map\n"))
	want := []string{"level=ERROR msg=broken", `{"level":"ERROR","msg":"also"}`, "panic: nil map"}
	if diff := cmp.Diff(want, log.alarms()); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
	if line := log.await(t, "started"); line != "level=INFO msg=started" {
		t.Errorf("await found %q", line)
	}
}

// TestProcessThatEndsEarlyIsReported uses a shell script in place of the binary.
func TestProcessThatEndsEarlyIsReported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script := filepath.Join(dir, "gatehouse")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho \"$GATEHOUSE_DATA is full, said $1 ${SHELL:-alone}\"\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := launch(dir, script, []string{"serve"}, nil)
	if err == nil {
		t.Fatal("launch returned no error")
	}
	for _, want := range []string{"exit status 3", filepath.Join(dir, "data") + " is full, said serve alone"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q: %v", want, err)
		}
	}
}
