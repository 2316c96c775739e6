package e2e

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the command line as the scripts in testdata/script tell it:
// each .txtar file is a story with the files it needs. Beside testscript's own
// commands there are
//
//	serve                 a node of its own for the script; sets GATEHOUSE_URL,
//	                      GATEHOUSE_TOKEN (the bootstrap token) and FIRST_OWNER
//	                      (the link it prints)
//	owner                 grace becomes the first owner; GATEHOUSE_TOKEN is hers
//	signin USERNAME LINK  a person sets a password by a one-time link and signs in;
//	                      with !, the link no longer works
//	waits COMMAND...      runs the command again until it succeeds
//	fetch PATH FILE       writes what the node answers at PATH, without a token
//	refused PATH          asks for PATH, which must be refused; sets CORRELATION to
//	                      the ID of the refusal
//	grab NAME PATTERN     sets NAME to what the group of PATTERN matches in stdout
func TestScripts(t *testing.T) {
	t.Parallel()
	bin := filepath.Dir(binary(t))
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			env.Setenv("HOME", env.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": func(ts *testscript.TestScript, neg bool, args []string) {
				usage(ts, neg, args, 0, "serve")
				serve(t, ts)
			},
			"owner": func(ts *testscript.TestScript, neg bool, args []string) {
				usage(ts, neg, args, 0, "owner")
				owner(scripted{t, ts}, ts)
			},
			"signin": func(ts *testscript.TestScript, neg bool, args []string) {
				usage(ts, false, args, 2, "[!] signin USERNAME LINK")
				s := scripted{t, ts}
				if neg {
					if got := newVisitor(s).get(s, args[1]); got.Status != http.StatusGone {
						ts.Fatalf("the link answers %d", got.Status)
					}
					return
				}
				choosesPassword(s, args[1], url.Values{"password": {adasPassword}})
				comesIn(s, ts.Getenv("GATEHOUSE_URL"), args[0], adasPassword)
			},
			"waits": func(ts *testscript.TestScript, neg bool, args []string) {
				for deadline := time.Now().Add(readyWithin); ; time.Sleep(50 * time.Millisecond) {
					if err := ts.Exec(args[0], args[1:]...); err == nil || time.Now().After(deadline) {
						ts.Check(err)
						return
					}
				}
			},
			"fetch": func(ts *testscript.TestScript, neg bool, args []string) {
				usage(ts, neg, args, 2, "fetch PATH FILE")
				s := scripted{t, ts}
				got := newVisitor(s).get(s, ts.Getenv("GATEHOUSE_URL")+args[0])
				if got.Status != http.StatusOK {
					ts.Fatalf("%s answered %d", args[0], got.Status)
				}
				ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(got.Body), 0o644))
			},
			"refused": func(ts *testscript.TestScript, neg bool, args []string) {
				usage(ts, neg, args, 1, "refused PATH")
				s := scripted{t, ts}
				got := newVisitor(s).get(s, ts.Getenv("GATEHOUSE_URL")+args[0])
				if got.Status < 400 {
					ts.Fatalf("%s answered %d", args[0], got.Status)
				}
				ts.Setenv("CORRELATION", got.Header.Get("X-Correlation-ID"))
			},
			"grab": func(ts *testscript.TestScript, neg bool, args []string) {
				usage(ts, neg, args, 2, "grab NAME PATTERN")
				pattern, err := regexp.Compile("(?m)" + args[1])
				ts.Check(err)
				found := pattern.FindStringSubmatch(ts.ReadFile("stdout"))
				if len(found) != 2 {
					ts.Fatalf("nothing, or more than one group, for %s in stdout", args[1])
				}
				ts.Setenv(args[0], found[1])
			},
		},
	})
}

func usage(ts *testscript.TestScript, neg bool, args []string, want int, words string) {
	if neg || len(args) != want {
		ts.Fatalf("usage: %s", words)
	}
}

// scripted lets a script use what tests use: a failure ends the script alone.
type scripted struct {
	testing.TB
	ts *testscript.TestScript
}

func (s scripted) Helper()                           {}
func (s scripted) Fatal(args ...any)                 { s.ts.Fatalf("%v", args) }
func (s scripted) Fatalf(format string, args ...any) { s.ts.Fatalf(format, args...) }
func (s scripted) Cleanup(f func())                  { s.ts.Defer(f) }
func (s scripted) Context() context.Context          { return context.Background() }

func serve(t *testing.T, ts *testscript.TestScript) {
	bin, err := built()
	ts.Check(err)
	token := rand.Text() + rand.Text()
	p, err := launch(ts.MkAbs("."), filepath.Join(bin, "gatehouse"), []string{"serve"}, map[string]string{"GATEHOUSE_ADMIN_TOKEN": token})
	ts.Check(err)
	ts.Defer(func() { // on t: testscript panics when a script fails at its end
		if err := p.stop(); err != nil {
			t.Errorf("%s: %v", ts.Name(), err)
		}
		for _, line := range p.Log.alarms() {
			t.Errorf("%s: serve logged: %s", ts.Name(), line)
		}
		if t.Failed() {
			t.Logf("%s: log of serve:\n%s", ts.Name(), p.Log)
		}
	})
	ts.Setenv("GATEHOUSE_URL", p.URL)
	ts.Setenv("GATEHOUSE_TOKEN", token)
	ts.Setenv("FIRST_OWNER", p.Log.await(scripted{t, ts}, "/link/"))
}

// owner makes Grace the first owner, and a token in the console.
func owner(t testing.TB, ts *testscript.TestScript) {
	house := ts.Getenv("GATEHOUSE_URL")
	choosesPassword(t, ts.Getenv("FIRST_OWNER"), url.Values{
		"name": {"Grace Hopper"}, "username": {"grace"}, "email": {"grace@example.com"}, "password": {gracesPassword},
	})
	v := comesIn(t, house, "grace", gracesPassword)
	made := submit(t, v.get(t, house+"/console/tokens"), "/console/tokens", url.Values{"name": {"scripts"}})
	secret := regexp.MustCompile(`(?s)class="handover">.*?<code[^>]*>\s*([^<\s]+)`).FindStringSubmatch(made.Body)
	if made.Status != http.StatusCreated || len(secret) != 2 {
		t.Fatalf("the console showed no token: %d\n%s", made.Status, made.Body)
	}
	ts.Setenv("GATEHOUSE_TOKEN", secret[1])
}
