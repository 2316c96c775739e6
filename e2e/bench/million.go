package main

import (
	"cmp"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	fewCopies = 1_000
	batch     = 2_000
	fillings  = 3
	settling  = 2 * time.Second // in which Redis grows its tables after many writes
	asked     = 5_000           // checks of one kind that are timed
)

// copies writes the copies of sessions that a node would write, from the one
// that it did write: the same fields, the secret and the session another.
type copies struct {
	*goredis.Client
	prefix string // of the generation's keys
	own    string // the name of the copy that the node wrote
	value  string
	life   time.Duration
}

// secretOf is the secret of session i.
func secretOf(i int) string { return fmt.Sprintf("the-secret-of-session-number-%08d", i) }

// nameOf is the key of a session's copy, without the generation.
func nameOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return "s:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// million fills the Redis with copies of live sessions and looks what they
// weigh, and what it does to the time of a check. A node writes the first when
// its session comes; the rest are made from it, byte for byte as long, because
// a million sign-ins would take hours. A node is then asked with their secrets
// and answers from them: there are no such rows in the database.
func (r *rig) million(ctx context.Context, o options) error {
	if err := r.leave(); err != nil {
		return err
	}
	c, err := r.firstCopy(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	few := min(fewCopies, o.million)
	if err := c.fill(ctx, 0, few); err != nil {
		return err
	}
	if _, err := r.checkTimes(ctx, c, few); err != nil { // warm
		return err
	}
	var small, large [2][]spread
	var each []float64
	for range fillings {
		if err := r.filling(ctx, c, few, o.million, &small, &large, &each); err != nil {
			return err
		}
	}
	bytes := slices.Max(each)
	r.find(fmt.Sprintf("Redis memory of a live session, %d of them, with keys and expiry", o.million), fmt.Sprintf("%.0f bytes", bytes), "<= 400 bytes", bytes <= 400)
	r.tell("of it the copy itself, name and value", fmt.Sprintf("%d bytes", len(c.prefix)+len(c.own)+len(c.value)))
	for i, what := range []string{"check in Redis (the house's own script)", "request answered by that check (GET /signin, through a node)"} {
		one, many := middle(small[i]), middle(large[i])
		r.tell(what+fmt.Sprintf(", %d sessions", few), one.String())
		r.tell(what+fmt.Sprintf(", %d sessions", o.million), many.String())
		r.find(what+", ratio of medians", fmt.Sprintf("%.2f (p99: %.2f)", ratio(many.p50, one.p50), ratio(many.p99, one.p99)),
			"<= 1.5", ratio(many.p50, one.p50) <= 1.5)
	}
	return nil
}

// filling measures with few, fills up, measures, and is back at few.
func (r *rig) filling(ctx context.Context, c *copies, few, many int, small, large *[2][]spread, each *[]float64) error {
	note := func(n int, to *[2][]spread) error {
		s, err := r.checkTimes(ctx, c, n)
		for i := range s {
			to[i] = append(to[i], s[i])
		}
		return err
	}
	if err := note(few, small); err != nil {
		return err
	}
	before, err := c.memory(ctx)
	if err != nil {
		return err
	}
	if err := c.fill(ctx, few, many); err != nil {
		return err
	}
	after, err := c.memory(ctx)
	if err != nil {
		return err
	}
	*each = append(*each, float64(after-before)/float64(max(1, many-few)))
	if err := note(many, large); err != nil {
		return err
	}
	return c.empty(ctx, few, many)
}

// checkTimes times a check among n sessions, in Redis and by way of a node.
func (r *rig) checkTimes(ctx context.Context, c *copies, n int) (s [2]spread, err error) {
	time.Sleep(settling)
	if s[0], err = r.inRedis(ctx, c, n); err != nil {
		return s, err
	}
	s[1], err = r.byRequest(ctx, n)
	return s, err
}

// middle is the one whose median is the median.
func middle(list []spread) spread {
	slices.SortFunc(list, func(a, b spread) int { return cmp.Compare(a.p50, b.p50) })
	return list[len(list)/2]
}

// firstCopy signs somebody in, and finds the copy that a node made of it.
func (r *rig) firstCopy(ctx context.Context) (*copies, error) {
	p := r.load[0]
	if err := p.beSignedIn(ctx); err != nil {
		return nil, err
	}
	house, err := url.Parse(r.url)
	if err != nil {
		return nil, err
	}
	c := &copies{Client: goredis.NewClient(&goredis.Options{
		Addr: strings.TrimPrefix(r.setting("GATEHOUSE_REDIS"), "redis://"), ReadTimeout: 30 * time.Second,
	})}
	for _, cookie := range p.http.Jar.Cookies(house) {
		if cookie.Name != "gatehouse" {
			continue
		}
		c.own = nameOf(cookie.Value)
		return c, r.copied(ctx, p, c)
	}
	return nil, errors.New("the browser has no session cookie")
}

// copied waits until a node, which first has to trust its Redis, has made a copy
// of the person's session.
func (r *rig) copied(ctx context.Context, p *person, c *copies) error {
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if _, err := p.get(ctx, r.url+"/signin"); err != nil {
			return err
		}
		if err := r.db.QueryRowContext(ctx, "SELECT redis_generation || ':' FROM counter").Scan(&c.prefix); err != nil {
			return err
		}
		var err error
		if c.value, err = c.Get(ctx, c.prefix+c.own).Result(); err == nil {
			c.life, err = c.PTTL(ctx, c.prefix+c.own).Result()
			return err
		}
		if !errors.Is(err, goredis.Nil) || time.Now().After(until) {
			return fmt.Errorf("a node made no copy of the session: %w", err)
		}
	}
}

// fill writes the copies from one number to another.
func (c *copies) fill(ctx context.Context, from, to int) error {
	head, body, _ := strings.Cut(c.value, "\n")
	at := strings.LastIndex(head, " s:ses_")
	_, rest, ok := strings.Cut(body, "\n")
	if at < 0 || !ok {
		return errors.New("the copy of a session looks otherwise than this bench knows it")
	}
	session := head[at+len(" s:"):]
	for from < to {
		next := min(from+batch, to)
		_, err := c.Pipelined(ctx, func(p goredis.Pipeliner) error {
			for i := from; i < next; i++ {
				name := nameOf(secretOf(i))
				id := session[:len(session)-8] + fmt.Sprintf("%08d", i)
				p.Set(ctx, c.prefix+name, head[:at]+" s:"+id+"\n"+name[len("s:"):][:16]+"\n"+rest, c.life)
			}
			return nil
		})
		if err != nil {
			return err
		}
		from = next
	}
	return nil
}

// empty removes the copies from one number to another.
func (c *copies) empty(ctx context.Context, from, to int) error {
	for from < to {
		next := min(from+batch, to)
		names := make([]string, 0, batch)
		for i := from; i < next; i++ {
			names = append(names, c.prefix+nameOf(secretOf(i)))
		}
		if err := c.Del(ctx, names...).Err(); err != nil {
			return err
		}
		from = next
	}
	return nil
}

// memory is what Redis uses for data, in bytes.
func (c *copies) memory(ctx context.Context) (int64, error) {
	info, err := c.Info(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory:"); ok {
			return strconv.ParseInt(value, 10, 64)
		}
	}
	return 0, errors.New("no word from Redis on how much memory it uses")
}

// inRedis times the house's own script on copies of sessions below n. The
// script is named by its digest: Redis knows it from the nodes, and refuses
// one that no node uses.
func (r *rig) inRedis(ctx context.Context, c *copies, n int) (spread, error) {
	where, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return spread{}, err
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(where)), "sessions", "redis", "check.lua"))
	if err != nil {
		return spread{}, err
	}
	digest := sha1.Sum(text)
	sha := hex.EncodeToString(digest[:])
	took := make([]time.Duration, 0, asked)
	for range asked {
		name := nameOf(secretOf(mathrand.IntN(n)))
		began := time.Now()
		found, err := c.EvalSha(ctx, sha, []string{c.prefix + "n", c.prefix + name}, c.prefix+"m:").Slice()
		took = append(took, time.Since(began))
		if err != nil {
			return spread{}, err
		}
		if len(found) != 2 {
			return spread{}, fmt.Errorf("%s is no copy that counts", name)
		}
	}
	return percentiles(took), nil
}

// byRequest times requests with the secrets of sessions below n, which a node
// answers from their copies: there are no such rows.
func (r *rig) byRequest(ctx context.Context, n int) (spread, error) {
	p := newPerson(r.house, "")
	p.http.Jar = nil
	took := make([]time.Duration, 0, asked)
	for range asked {
		cookie := http.Header{"Cookie": {"gatehouse=" + secretOf(mathrand.IntN(n))}}
		began := time.Now()
		g, err := p.send(ctx, http.MethodGet, r.url+"/signin", nil, cookie)
		took = append(took, time.Since(began))
		if err != nil {
			return spread{}, err
		}
		if to, err := g.location(); err != nil || to.Path != "/" {
			return spread{}, fmt.Errorf("a live session was not known: %d %v", g.status, err)
		}
	}
	return percentiles(took), nil
}
