package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/e2e/ports"
)

// TestDemoKeepsItsWordAndLeavesNothing: what it prints is true, Ctrl-C is a good
// end, and the machine is as it was before.
func TestDemoKeepsItsWordAndLeavesNothing(t *testing.T) {
	t.Parallel()
	tmp := t.TempDir()
	port, err := ports.Row(3)
	if err != nil {
		t.Fatal(err)
	}
	binary(t) // its making is not the start
	begun := time.Now()
	p := start(t, []string{"demo", "--port", fmt.Sprint(port)}, map[string]string{
		"TMPDIR": tmp, "GATEHOUSE_LISTEN": fmt.Sprintf("127.0.0.1:%d", port), "GATEHOUSE_URL": fmt.Sprintf("http://localhost:%d", port),
	})
	t.Logf("ready after %s", time.Since(begun).Round(time.Millisecond))
	if kept, err := os.ReadDir(tmp); err != nil || len(kept) != 1 {
		t.Errorf("the data is not in the directory for temporary files: %v, %v", kept, err)
	}

	said := p.Log.String()
	wiki, crm := fmt.Sprintf("http://wiki.localhost:%d", port+1), fmt.Sprintf("http://crm.localhost:%d", port+2)
	for _, words := range []string{"nothing is kept", p.URL, wiki, crm, "grace (owner), ada or alan", "Ctrl-C"} {
		if !strings.Contains(said, words) {
			t.Errorf("it does not say %q:\n%s", words, said)
		}
	}
	_, password, found := strings.Cut(p.Log.await(t, "Password of all three: "), ": ")
	if !found {
		t.Fatalf("it tells no password:\n%s", said)
	}
	b := browser(t)
	b.open(wiki)
	b.press("Sign in with Gatehouse")
	signIn(b, "ada", password)
	b.sees("Good to see you, Ada Lovelace")
	b.open(crm)
	b.press("Sign in with Gatehouse")
	b.sees("Contacts")

	grace := browser(t)
	grace.open(p.URL + "/console")
	signIn(grace, "grace", password)
	grace.sees("Ada Lovelace")
	grace.press("Ada Lovelace")
	grace.sees("If suspended now: out of 2 apps")
	grace.press("Suspend Ada Lovelace")
	grace.sees("Suspend Ada Lovelace?")
	grace.press("Suspend Ada Lovelace")
	grace.sees("Ada Lovelace is out of Gatehouse")
	grace.sees("0 sessions are open")
	for _, app := range []string{wiki, crm} {
		b.open(app)
		b.sees("You were signed out by Gatehouse at ")
	}
	grace.open(p.URL + "/console") // away from the page that listens

	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(stopWithin):
		t.Fatalf("still there %s after Ctrl-C", stopWithin)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("ended with %d", code)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
