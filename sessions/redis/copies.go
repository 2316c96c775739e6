package redis

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// tally counts how questions were answered.
type tally struct {
	fast, missed, strict, waited atomic.Uint64
}

// read returns the copy of this name, where there is one that counts: what it
// hangs on, and what it says.
func (r *Redis) read(ctx context.Context, name string) (scopes []string, body string, ok bool) {
	values := r.readAll(ctx, name)
	if values == nil {
		return nil, "", false
	}
	head, body, _ := strings.Cut(values[0], "\n")
	return strings.Fields(head)[1:], body, true
}

// readAll returns the copies of these names as they were written, of one moment
// and in one round trip: all, or none.
func (r *Redis) readAll(ctx context.Context, names ...string) []string {
	l := r.lease.Load()
	if l == nil || !l.valid() || !l.well() {
		r.tally.strict.Add(1)
		return nil
	}
	values, watermark, err := l.check(ctx, names...)
	switch {
	case err != nil, watermark < l.n, !l.valid(): // also after the answer: it may have been long on the way
		r.tally.strict.Add(1)
		return nil
	case slices.Contains(values, ""):
		r.tally.missed.Add(1)
		return nil
	}
	r.tally.fast.Add(1)
	return values
}

// bodyOf is what a copy says.
func bodyOf(value string) string {
	_, body, _ := strings.Cut(value, "\n")
	return body
}

// keeps reports whether a copy would be kept now: encoding one that would not
// is work for nobody, and all that a node without Redis would do for it.
func (r *Redis) keeps() bool {
	l := r.lease.Load()
	return l != nil && l.valid() && l.well()
}

// write keeps a copy that SQL answered with at number n. That it may fail is
// no matter: the next question asks SQL again.
func (r *Redis) write(ctx context.Context, name string, n int64, body string, life time.Duration, scopes ...string) {
	l := r.lease.Load()
	if life <= 0 || !r.keeps() {
		return
	}
	head := strconv.FormatInt(n, 10) + " " + strings.Join(scopes, " ")
	_ = l.write(ctx, name, n, head+"\n"+body, life)
}

// forget removes a copy that has become useless, not wrong.
func (r *Redis) forget(ctx context.Context, name string) {
	if l := r.lease.Load(); l != nil && l.valid() && l.well() {
		_ = l.forget(ctx, name)
	}
}
