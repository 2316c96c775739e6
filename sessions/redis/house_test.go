package redis_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/jit"
	"gatehouse/sessions"
	"gatehouse/sessions/redis"
	"gatehouse/store"
)

// patience is how long something is waited for that comes at once on an idle machine.
const patience = time.Minute

const bind = "the-browser-binding-secret-of-these-tests"

// node is one node of a house with a Redis in front.
type node struct {
	*testing.T
	ctx   context.Context
	store *store.Store
	redis *redis.Redis
	gate  *sessions.Gate
	dir   *directory.Directory
	stop  func()
}

// committed is a store whose commits go through Redis.
type committed struct {
	*store.Store
	redis.Committer
	redis *redis.Redis
}

func (c *committed) Commit(ctx context.Context, ch idp.Change) (idp.Committed, error) {
	return c.Committer.Commit(ctx, ch)
}

func (c *committed) InForce(ctx context.Context, n int64) error { return c.redis.InForceAt(ctx, n) }

func newNode(t *testing.T, name, address string, db *store.Store) *node {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(t.Output(), nil)).With("node", name)
	}
	r, err := redis.New(address, db, name, log)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{T: t, ctx: context.Background(), store: db, redis: r}
	n.gate = &sessions.Gate{Backend: r.Backend(db), Now: time.Now, Idle: time.Hour, Absolute: 10 * time.Hour}
	n.dir = &directory.Directory{Store: &committed{db, r.Commits(db), r}, Passes: n.gate, CheckRules: jit.CheckRules, Now: time.Now}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stopped := false
	n.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(n.stop)
	return n
}

func (n *node) must(err error) {
	n.Helper()
	if err != nil {
		n.Fatal(err)
	}
}

// trusted waits until the node believes its Redis.
func (n *node) trusted() {
	n.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if n.redis.Status().Trusted {
			return
		}
	}
	n.Fatalf("the node does not come to trust its Redis within %s", patience)
}

func (n *node) person() idp.User {
	n.Helper()
	u, err := n.dir.AddUser(n.ctx, directory.Person{Username: string(idp.NewUserID())})
	n.must(err)
	return u
}

// signedIn returns the secret of a new session.
func (n *node) signedIn(id idp.UserID) (string, idp.Session) {
	n.Helper()
	u, err := n.store.User(n.ctx, id)
	n.must(err)
	generation, err := n.store.Generation(n.ctx)
	n.must(err)
	in, err := n.gate.BeginSignIn(n.ctx, idp.SignIn{ResumeURL: "/"}, bind)
	n.must(err)
	in, err = n.gate.Prove(n.ctx, in, idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: generation}, idp.Witness{}, "pwd")
	n.must(err)
	raw, s, err := n.gate.Start(n.ctx, in, "192.0.2.1", "test")
	n.must(err)
	return raw, s
}

// accepts and refuses say what the node must answer now.
func (n *node) accepts(raw string) {
	n.Helper()
	if _, err := n.gate.Session(n.ctx, raw); err != nil {
		n.Fatalf("refused: %v", err)
	}
}

func (n *node) refuses(raw string) {
	n.Helper()
	if s, err := n.gate.Session(n.ctx, raw); !idp.IsKind(err, idp.Unauthenticated) {
		n.Fatalf("accepted session %s (%v)", s.ID, err)
	}
}

// warm has the node keep a copy and answer from it.
func (n *node) warm(raw string) {
	n.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		n.accepts(raw)
		before := n.redis.Status().Fast
		n.accepts(raw)
		if n.redis.Status().Fast > before {
			return
		}
	}
	n.Fatalf("no answer came from a copy within %s", patience)
}

// suspend returns how long it took.
func (n *node) suspend(id idp.UserID) time.Duration {
	n.Helper()
	start := time.Now()
	_, err := n.dir.Suspend(n.ctx, id, "test")
	n.must(err)
	return time.Since(start)
}
