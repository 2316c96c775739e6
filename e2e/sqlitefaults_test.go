package e2e

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the second writer

	"gatehouse/web/api/client"
)

// TestF11SQLiteInTrouble is F-11 and F-12 on a house of one node: its disk is
// full, somebody else writes into its file, its write-ahead log is lost, a page
// of it is damaged. What could not be written is an error, what was answered
// stands, and a file that is not what it was is not served.
func TestF11SQLiteInTrouble(t *testing.T) {
	t.Parallel()
	token := rand.Text()
	node := start(t, []string{"serve"}, map[string]string{"GATEHOUSE_ADMIN_TOKEN": token})
	for _, said := range []string{"The database does not answer right now", "database", "journal"} {
		node.Log.expect(said)
	}
	path := filepath.Join(node.env["GATEHOUSE_DATA"], "gatehouse.db")
	house := &client.Client{URL: node.URL, Token: token}
	n := 0
	person := func() string {
		t.Helper()
		n++
		in, err := house.AddUser(t.Context(), client.Person{Username: fmt.Sprint("person", n)})
		if err != nil {
			t.Fatal(err)
		}
		return in.User.ID
	}
	status := func(id string) string {
		t.Helper()
		u, err := house.User(t.Context(), id)
		if err != nil {
			t.Fatalf("reads do not go on: %v", err)
		}
		return u.Status
	}
	// A suspension that is no success has no effect, and says 503.
	refused := func(when, id string) {
		t.Helper()
		begun := time.Now()
		_, err := house.Suspend(t.Context(), id, "trouble")
		if took := time.Since(begun); took > 10*time.Second { // 2 s are promised
			t.Errorf("%s: the answer took %s", when, took)
		}
		if problem, ok := err.(*client.Problem); !ok || problem.Status != http.StatusServiceUnavailable {
			t.Errorf("%s: %v", when, err)
		}
		if got := status(id); got != "active" {
			t.Errorf("%s: refused, and the person is %s", when, got)
		}
	}
	suspended := func(when, id string) {
		t.Helper()
		if _, err := house.Suspend(t.Context(), id, "trouble"); err != nil {
			t.Errorf("%s: %v", when, err)
		}
		if got := status(id); got != "suspended" {
			t.Errorf("%s: the person is %s", when, got)
		}
	}

	victim := person()
	log, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	limit := func(size string) {
		t.Helper()
		out, err := exec.Command("prlimit", "--pid", fmt.Sprint(node.cmd.Process.Pid), "--fsize="+size+":").CombinedOutput()
		if err != nil {
			t.Fatalf("prlimit: %v\n%s", err, out)
		}
	}
	limit(fmt.Sprint(log.Size()))
	refused("full", victim)
	limit("unlimited")
	suspended("not full any more", victim)

	other, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	victim = person()
	conn, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	tells := func(text string) {
		t.Helper()
		if _, err := conn.ExecContext(context.Background(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	tells("BEGIN IMMEDIATE")
	refused("locked by another writer", victim)
	tells("ROLLBACK")
	suspended("not locked any more", victim)
	conn.Close()
	other.Close()

	// F-12: whatever moment it is killed at, what was answered is there.
	var acknowledged []string
	for range 3 {
		var ids []string
		for range 6 {
			ids = append(ids, person())
		}
		cut := make(chan string, len(ids))
		go func() {
			defer close(cut)
			for _, id := range ids {
				if _, err := house.Suspend(t.Context(), id, "killed"); err == nil {
					cut <- id
				}
			}
		}()
		acknowledged = append(acknowledged, <-cut)
		node.kill()
		for id := range cut {
			acknowledged = append(acknowledged, id)
		}
		node.again(t)
		for _, id := range acknowledged {
			if got := status(id); got != "suspended" {
				t.Errorf("F-12: %s was suspended, and is %s after the kill", id, got)
			}
		}
	}
	t.Logf("%d suspensions were answered and stand after 3 kills", len(acknowledged))

	// It has served before, so that it is not served as what it is now.
	comesBack := func(spoil func(), says string) {
		t.Helper()
		node.kill()
		kept := map[string][]byte{}
		for _, end := range []string{"", "-wal"} {
			if kept[end], err = os.ReadFile(path + end); err != nil {
				t.Fatal(err)
			}
		}
		spoil()
		cmd := exec.Command(node.path, "serve")
		cmd.Dir, cmd.Env = node.Dir, node.cmd.Env
		ctx, cancel := context.WithTimeout(t.Context(), readyWithin)
		defer cancel()
		var out strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case err := <-ended:
			if err == nil || !strings.Contains(out.String(), says) {
				t.Errorf("it ended with %v and says nothing of %q:\n%s", err, says, &out)
			}
		case <-ctx.Done():
			_ = cmd.Process.Kill()
			<-ended
			t.Errorf("it serves what it should refuse (%s)", says)
		}
		if _, err := os.Stat(path); err != nil && !strings.Contains(says, "gone") {
			t.Error(err)
		}
		for end, content := range kept {
			if err := os.WriteFile(path+end, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_ = os.Remove(path + "-shm")
		node.again(t)
		for _, id := range acknowledged {
			if got := status(id); got != "suspended" {
				t.Errorf("%s is %s with the file back", id, got)
			}
		}
	}
	suspended("before the log is lost", person())
	comesBack(func() {
		for _, end := range []string{"-wal", "-shm"} {
			_ = os.Remove(path + end)
		}
	}, "journal")
	comesBack(func() { _ = os.Remove(path) }, "gone")
	// In good order it writes everything into the one file.
	if err := node.stop(); err != nil {
		t.Fatal(err)
	}
	node.again(t)
	comesBack(func() {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		size := len(b)
		for i := min(3*4096, size/4); i < size*3/4; i++ {
			b[i] = 0xaa
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}, "damaged")
}
