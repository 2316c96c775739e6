package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"gatehouse/idp"
)

const (
	// markLife is longer than any copy lives: a copy without a mark is one
	// that nothing happened to.
	markLife = 48 * time.Hour
	copyLife = 12 * time.Hour
	// raiseRows is how many rows one call applies at most.
	raiseRows = 500
	// failuresAllowed before requests leave Redis alone until the next poll
	// has found it well.
	failuresAllowed = 2
)

// process is a registered Redis process, as this node sees it: every
// connection of its client has been checked to lead there.
type process struct {
	registration idp.Registration
	client       goredis.UniversalClient
	prefix       string       // of all keys of this generation
	failures     atomic.Int32 // in a row
	highest      atomic.Int64 // watermark ever seen
	since        time.Time    // when this node learned of the registration
	asked        bool         // the one attempt at the first watermark was made here

	// What the polling goroutine knows of its memory.
	counted bool  // evicted was read
	evicted int64 // keys, in all its life
	forgot  bool  // it may have forgotten something under this registration
}

// identity is what a process says of itself.
type identity struct{ runID, replID string }

// elseError is the refusal of a process that is not the registered one.
type elseError struct{ identity }

func (e *elseError) Error() string { return "this is not the registered Redis process" }

var errSentinel = errors.New("it is a Sentinel")

// identify asks a process who it is, and refuses one that could not keep the
// promise.
func identify(ctx context.Context, c goredis.Cmdable) (identity, error) {
	info, err := infoOf(ctx, c, "everything")
	if err != nil {
		return identity{}, err
	}
	major, _, _ := strings.Cut(info["redis_version"], ".")
	version, _ := strconv.Atoi(major)
	switch {
	case info["redis_mode"] == "sentinel":
		return identity{}, errSentinel
	case info["cluster_enabled"] == "1":
		return identity{}, cluster()
	case info["role"] != "master":
		return identity{}, fmt.Errorf("it is a %s, not the master", info["role"])
	case version < 7:
		return identity{}, idp.Errorf(idp.Invalid, "Gatehouse needs Redis 7 or later, and this is %s.", info["redis_version"])
	case info["maxmemory_policy"] != neverForget:
		return identity{}, forgets(info["maxmemory_policy"])
	case info["loading"] == "1" || info["async_loading"] == "1":
		return identity{}, errors.New("it is still loading its data")
	case info["run_id"] == "":
		return identity{}, errors.New("it does not say its run_id")
	}
	return identity{info["run_id"], info["master_replid"]}, nil
}

// neverForget is the one maxmemory-policy under which an ending that was applied
// stays applied.
const neverForget = "noeviction"

func forgets(policy string) error {
	return idp.Errorf(idp.Invalid, "Redis forgets keys when its memory is full (maxmemory-policy %s). Set maxmemory-policy noeviction.", policy)
}

// infoOf is what a process says of itself in these sections.
func infoOf(ctx context.Context, c goredis.Cmdable, sections ...string) (map[string]string, error) {
	raw, err := c.Info(ctx, sections...).Result()
	if err != nil {
		return nil, err
	}
	info := map[string]string{}
	for line := range strings.Lines(raw) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info, nil
}

// keeps asks the process whether it still keeps what it is told. One that may
// have forgotten something since it was registered is lost (errLost) also when
// it forgets nothing any more: what it forgot may be that a session has ended.
// Only the polling goroutine asks.
func (p *process) keeps(ctx context.Context) error {
	info, err := infoOf(ctx, p.client, "memory", "stats")
	if p.seen(0, err) != nil {
		return err
	}
	evicted, err := strconv.ParseInt(info["evicted_keys"], 10, 64)
	if err != nil {
		return fmt.Errorf("read how many keys were evicted: %w", err)
	}
	policy := info["maxmemory_policy"]
	p.forgot = p.forgot || policy != neverForget || p.counted && evicted > p.evicted
	p.counted, p.evicted = true, evicted
	switch {
	case policy != neverForget:
		return forgets(policy)
	case p.forgot:
		return errLost
	}
	return nil
}

// connect returns the process of a registration: its connections lead to that
// process, or they are none.
func connect(o goredis.UniversalOptions, reg idp.Registration) *process {
	o.OnConnect = func(ctx context.Context, c *goredis.Conn) error {
		who, err := identify(ctx, c)
		if errors.Is(err, errSentinel) {
			return nil // asked for the master's address, never for a copy
		}
		if err == nil && who != (identity{reg.RunID, reg.ReplID}) {
			err = &elseError{who}
		}
		return err
	}
	return &process{
		registration: reg, client: goredis.NewUniversalClient(&o), prefix: reg.Generation + ":", since: time.Now(),
	}
}

// seen notes how a call went, and answers its error.
func (p *process) seen(watermark int64, err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return err // the caller went away, which says nothing of Redis
	case err != nil:
		p.failures.Add(1)
		return err
	}
	p.failures.Store(0)
	for {
		high := p.highest.Load()
		if watermark <= high || p.highest.CompareAndSwap(high, watermark) {
			return nil
		}
	}
}

// well reports whether requests may ask it.
func (p *process) well() bool { return p.failures.Load() < failuresAllowed }

func (p *process) key(name string) string { return p.prefix + name }

// check reads copies, "" where there is none that counts, and the watermark of
// the same moment: -1 without one.
func (p *process) check(ctx context.Context, names ...string) (values []string, watermark int64, err error) {
	of := make([]string, 1, 1+len(names))
	of[0] = p.key("n")
	for _, name := range names {
		of = append(of, p.key(name))
	}
	answer, err := checkScript.Run(ctx, p.client, of, p.key("m:")).Slice()
	values = make([]string, len(names))
	if err == nil {
		watermark, err = checked(answer, values)
	}
	return values, watermark, p.seen(watermark, err)
}

func checked(answer []any, values []string) (watermark int64, err error) {
	ok := len(answer) > 0
	if ok {
		watermark, ok = answer[0].(int64)
	}
	if ok = ok && (watermark < 0 || len(answer) == 1+len(values)); ok && watermark >= 0 {
		for i := range values {
			said, is := answer[1+i].(string)
			values[i], ok = said, ok && is
		}
	}
	if !ok {
		err = fmt.Errorf("an answer of %d parts", len(answer))
	}
	return watermark, err
}

// write writes a copy that was read at number n, where nothing younger was
// applied since.
func (p *process) write(ctx context.Context, name string, n int64, value string, life time.Duration) error {
	err := writeScript.Run(ctx, p.client, []string{p.key("n"), p.key(name)}, n, value, max(1, min(life, copyLife).Milliseconds())).Err()
	return p.seen(0, err)
}

// forget removes a copy.
func (p *process) forget(ctx context.Context, name string) error {
	return p.seen(0, p.client.Del(ctx, p.key(name)).Err())
}

// raise applies those of the rows that come next and answers the watermark.
func (p *process) raise(ctx context.Context, rows []idp.Ending) (int64, error) {
	args := make([]any, 0, 2+2*len(rows))
	args = append(args, p.key("m:"), markLife.Milliseconds())
	for _, e := range rows {
		args = append(args, e.N, scopeOf(e))
	}
	n, err := raiseScript.Run(ctx, p.client, []string{p.key("n")}, args...).Int64()
	return n, p.seen(n, err)
}

// begin sets the first watermark of the generation, once and where there is
// none.
func (p *process) begin(ctx context.Context) error {
	return p.seen(0, p.client.SetNX(ctx, p.key("n"), p.registration.N, 0).Err())
}

// The scopes that marks and copies have in common. IDs hold no spaces.
const house = "h"

func ofUser(id idp.UserID) string          { return "u:" + string(id) }
func ofSession(id idp.SessionID) string    { return "s:" + string(id) }
func ofFamily(id idp.TokenFamilyID) string { return "f:" + string(id) }
func ofApp(id idp.AppID) string            { return "a:" + string(id) }

// scopeOf is what a row of the log is about: "" for nothing that is copied.
func scopeOf(e idp.Ending) string {
	switch {
	case e.Kind == idp.LogRegistration:
		return ""
	case e.SessionID != "":
		return ofSession(e.SessionID)
	case e.FamilyID != "":
		return ofFamily(e.FamilyID)
	case e.UserID != "":
		return ofUser(e.UserID)
	case e.AppID != "":
		return ofApp(e.AppID)
	}
	return house
}
