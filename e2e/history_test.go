package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// What a history tells of. Every kind down to the link presents a pass, makes
// one, or both.
const (
	opSignIn     = "sign-in"    // a password makes a session
	opResume     = "resume"     // a session and its sign-in make a code or an assertion
	opAuthorize  = "authorize"  // a session makes a code
	opSSO        = "sso"        // a session makes an assertion
	opExchange   = "exchange"   // a code makes tokens
	opRefresh    = "refresh"    // a refresh token makes tokens
	opUserinfo   = "userinfo"   // an access token is accepted
	opIntrospect = "introspect" // so it is
	opPortal     = "portal"     // a session is accepted
	opInvite     = "invite"     // an admin makes a one-time link
	opLink       = "link"       // a one-time link is accepted
	opSuspend    = "suspend"
	opRestore    = "restore"
	opSignOut    = "sign-out" // a session ends itself
	opEndAll     = "end-all"  // an admin ends what a person holds
	opUngrant    = "ungrant"  // an app is taken from a person
	opGrant      = "grant"    // and given back
	opEpoch      = "epoch"    // the database is asked for it
)

// How an operation ended, for who asked for it.
const (
	saidYes  = "accepted"
	saidNo   = "refused"
	tryLater = "unavailable" // told to come again: it may yet have had an effect
	noAnswer = "lost"        // no answer
)

// forever is the end of an operation whose effect may still be to come.
const forever = math.MaxInt64

// op is one operation on one person, with the interval in which it took place.
type op struct {
	Proc int      `json:"proc"`
	Op   string   `json:"op"`
	User string   `json:"user"`
	Cred string   `json:"cred,omitempty"` // the pass that was presented
	Made []string `json:"made,omitempty"` // the passes that were handed out
	// Replaces is the session that the browser had when somebody signed in
	// anew: the same session may go on under the new secret.
	Replaces string `json:"replaces,omitempty"`
	Node     int    `json:"node"`
	Call     int64  `json:"call"` // nanoseconds on the clock of the history
	Return   int64  `json:"return"`
	Result   string `json:"result"`
	// For is the app that it was about.
	For   string `json:"for,omitempty"`
	Epoch int64  `json:"epoch,omitempty"` // that was read
	// App got to know the person by it, through the session of this pass.
	App     string `json:"app,omitempty"`
	Session string `json:"session,omitempty"`
	Receipt string `json:"receipt,omitempty"` // of a suspension
	Said    string `json:"said,omitempty"`    // what was answered, when it was no
}

func (o op) String() string {
	line, err := json.Marshal(o)
	if err != nil {
		return err.Error()
	}
	return string(line)
}

// history collects operations on one monotonic clock: everybody in it lives in
// this process.
type history struct {
	start time.Time

	mu     sync.Mutex
	ops    []op
	passes int
}

func newHistory() *history { return &history{start: time.Now()} }

func (h *history) now() int64 { return int64(time.Since(h.start)) }

// record does an operation and writes down when. do fills in how it ended.
func (h *history) record(o op, do func(*op)) op {
	o.Call = h.now()
	do(&o)
	o.Return = h.now()
	if o.Result == noAnswer || o.Result == tryLater {
		o.Return = forever
	}
	h.add(o)
	return o
}

func (h *history) add(ops ...op) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, ops...)
}

// pass names a new pass of a kind.
func (h *history) pass(kind string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.passes++
	return fmt.Sprintf("%s-%d", kind, h.passes)
}

func (h *history) soFar() []op {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.ops)
}

// keep writes the history to a file, one line of JSON for each operation.
func (h *history) keep(path string) error {
	var lines strings.Builder
	for _, o := range h.soFar() {
		lines.WriteString(o.String() + "\n")
	}
	return os.WriteFile(path, []byte(lines.String()), 0o644)
}

// totals says how many operations of each kind ended how.
func totals(ops []op) string {
	counts := map[string]map[string]int{}
	for _, o := range ops {
		if counts[o.Op] == nil {
			counts[o.Op] = map[string]int{}
		}
		counts[o.Op][o.Result]++
	}
	ends := []string{saidYes, saidNo, tryLater, noAnswer}
	var out strings.Builder
	fmt.Fprintf(&out, "%-12s", "operation")
	for _, end := range ends {
		fmt.Fprintf(&out, "%12s", end)
	}
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&out, "\n%-12s", kind)
		for _, end := range ends {
			fmt.Fprintf(&out, "%12d", counts[kind][end])
		}
	}
	return out.String()
}
