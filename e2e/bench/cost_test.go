package main

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"
)

// asking is what docs/performance.md says of an operation on PostgreSQL with Redis.
type asking struct{ statements, scripts int }

var askedRow = regexp.MustCompile(`(?m)^\| ([^|]+?) \| (\d+) \| (\d+) \|$`)

// TestHotPathsAskWhatTheDocsSay counts what the server sends to PostgreSQL and
// to Redis for one operation.
func TestHotPathsAskWhatTheDocsSay(t *testing.T) {
	server := os.Getenv("GATEHOUSE_TEST_POSTGRES")
	if server == "" {
		t.Fatal("GATEHOUSE_TEST_POSTGRES names no PostgreSQL: run the tests as the README says")
	}
	docs, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]asking{}
	for _, m := range askedRow.FindAllStringSubmatch(string(docs), -1) {
		statements, _ := strconv.Atoi(m[2]) // digits
		scripts, _ := strconv.Atoi(m[3])
		said[m[1]] = asking{statements, scripts}
	}
	ctx := t.Context()
	h := counted(t, server)
	nothing := h.asks(t, func(context.Context) error { return nil })
	for what, r := range map[string]row{
		"authorization with a live session, and code to tokens": {do: sso(appES256)},
		"introspection":      {do: introspection},
		"userinfo":           {do: userinfo},
		"refresh":            {do: refresh},
		"client credentials": {do: clientCredentials(machineOpaque)},
		"SAML sign-on with a live session, to an app that it has opened":             {do: samlSSO(entityID, 1)},
		"password sign-in on a known browser, with authorization and code to tokens": {do: passwordLogin},
		"the same, on a new browser":                                                 {do: strangeLogin},
		"passkey sign-in on a known browser: its page, and the passkey":              {do: passkeyLogin, keyed: true},
		"sign-in page": {do: signInPage},
	} {
		want, ok := said[what]
		if !ok {
			t.Errorf("docs/performance.md does not say what this asks: %s", what)
			continue
		}
		delete(said, what)
		ops, err := h.operations(ctx, r)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		got := h.asks(t, ops[0])
		got.statements -= nothing.statements
		got.scripts -= nothing.scripts
		if got != want {
			t.Errorf("%s: %d statements and %d scripts; docs/performance.md says %d and %d", what, got.statements, got.scripts, want.statements, want.scripts)
		}
	}
	for what := range said {
		t.Errorf("docs/performance.md says what nobody counts: %s", what)
	}
}

// counted is a house on PostgreSQL with Redis that counts.
func counted(t *testing.T, server string) *house {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	binary, _, err := build(ctx, dir, "")
	if err != nil {
		t.Fatal(err)
	}
	h, err := onRedis(ctx, dir, server)
	t.Cleanup(func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	h.binary = binary
	if err := h.count(); err != nil {
		t.Fatal(err)
	}
	if err := h.furnish(ctx, options{}); err != nil {
		t.Fatal(err)
	}
	h.waitForRedis(t)
	return h
}

// waitForRedis returns when Redis has applied all that was furnished and is trusted:
// until then SQL is asked.
func (h *house) waitForRedis(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		metrics, err := h.counted(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		trusted, err := seriesOf(metrics, "gatehouse_redis_trusted")
		if err != nil {
			t.Fatal(err)
		}
		lag, err := seriesOf(metrics, "gatehouse_redis_watermark_lag")
		if err != nil {
			t.Fatal(err)
		}
		if trusted == 1 && lag == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("Redis is not trusted 20 s after all was furnished: trusted %v, %v rows behind", trusted, lag)
		}
	}
}

// asks is what an operation asks. The server has things to do of its own, about one
// in a tenth of a second and some at once in each half, so that of many times the least
// counts, where it was seen more than once.
func (h *house) asks(t *testing.T, op operation) asking {
	t.Helper()
	ctx := t.Context()
	var statements, scripts []int
	for i := 0; i < 3+21 || i < 3+84 && (least(statements) < 2 || least(scripts) < 2); i++ {
		before, err := h.worked(ctx)
		if err == nil {
			err = op(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		after, err := h.worked(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if i < 3 {
			continue // it finds its way
		}
		w := after.since(before, 1)
		statements, scripts = append(statements, int(w.statements)), append(scripts, int(w.scripts))
	}
	return asking{slices.Min(statements), slices.Min(scripts)}
}

// least is how often the least of them was seen.
func least(of []int) (n int) {
	for _, v := range of {
		if v == slices.Min(of) {
			n++
		}
	}
	return n
}
