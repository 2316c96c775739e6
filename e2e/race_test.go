package e2e

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/e2e/ports"
	"gatehouse/web/api/client"
)

// race is how much happens.
type race struct {
	people  int
	clients int // who act for people at random, each by itself
	admins  int // who suspend and restore them
	load    time.Duration
	pause   time.Duration // at most, between two acts of a client; 15 ms when zero
	finale  int           // people suspended at the end, all of whose passes are then tried
}

// TestNothingGetsPastASuspension is the promise under load: people sign in,
// open apps, refresh, and are asked about, on three nodes at random, while they
// are suspended and restored at random moments, and one misfortune after the
// other befalls the Redis in front. The history of it all shows no pass accepted
// or issued after a cut, none from before it alive after a restore (I1, I2), and
// every receipt true (I6). GATEHOUSE_HISTORY names a file to keep the history
// in.
//
// It has the machine to itself: a test beside it would be slowed down.
func TestNothingGetsPastASuspension(t *testing.T) {
	// A minute, and longer only where Redis takes its time to start again.
	run := race{people: 200, clients: 24, admins: 4, load: 3 * time.Minute, finale: 30}
	c := newCrowd(t, postgresDSN(t))
	redis := startRedis(t)
	c.env["GATEHOUSE_REDIS"] = redis.url()
	var addrs []string
	for range 3 {
		node := start(t, []string{"serve"}, c.env)
		addrs = append(addrs, node.Addr)
		// On a machine as busy as this one, the limits that keep a frozen node
		// from holding up a suspension may end a transaction of a healthy one.
		node.Log.expect("The database does not answer right now")
	}
	if err := c.gather(run.people, addrs...); err != nil {
		t.Fatal(err)
	}
	enough := redis.trouble("")
	stop, epochs := make(chan struct{}), make(chan error, 1)
	go func() { epochs <- c.readEpochs(stop) }()
	begun := time.Now()
	c.live(run, func() bool { return time.Since(begun) > time.Minute && int(redis.befell.Load()) >= len(misfortunes) })
	troubles := enough()
	c.finale(run)
	close(stop)
	if err := <-epochs; err != nil {
		t.Error(err)
	}
	kept, secrets := redis.dump(), map[string]string{}
	for _, p := range c.people {
		if !strings.Contains(kept, p.id) {
			continue // nothing of this one at this moment
		}
		for kind, held := range p.passes {
			for _, pass := range held {
				secrets[pass.secret] = kind
			}
		}
	}
	if len(secrets) == 0 {
		t.Error("Redis holds nothing of anybody")
	}
	for _, leak := range leaks(secrets, map[string]string{"Redis": kept}) {
		t.Errorf("AU-04, SE-05: %s", leak)
	}
	receipts, err := c.receipts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ops := c.log.soFar()
	v := judge(ops)
	v.violations = append(v.violations, judgeReceipts(ops, receipts, c.wholeUser())...)

	lines, acknowledged := 0, 0
	for _, r := range receipts {
		lines += len(r.Lines)
		for _, l := range r.Lines {
			if l.AckedAt != nil {
				acknowledged++
			}
		}
	}
	t.Logf("%d operations in %s:\n%s", len(ops), time.Since(c.log.start).Round(time.Second), totals(ops))
	t.Logf("misfortunes of Redis: %d", troubles)
	t.Logf("called after a suspension had returned: %d; with a pass from before one: %d, of these after the restore: %d",
		v.afterCut, v.deadPasses, v.afterBack)
	t.Logf("%d receipts with %d lines, %d of them acknowledged; %d logout tokens came; violations: %d",
		len(receipts), lines, acknowledged, c.told.Load(), len(v.violations))
	for _, wrong := range v.violations[:min(len(v.violations), 20)] {
		t.Error(wrong)
	}
	if int64(acknowledged) > c.told.Load() {
		t.Errorf("%d lines are acknowledged, and only %d logout tokens came", acknowledged, c.told.Load())
	}
	for _, id := range c.strangers(receipts) {
		t.Errorf("%s was logged out and never suspended", id)
	}
	if troubles < len(misfortunes) {
		t.Errorf("only %d of %d misfortunes came about", troubles, len(misfortunes))
	}
	if v.twice < 20 || v.epochs < 100 || v.ended < 20 {
		t.Errorf("too little was put to the proof: %d passes presented twice, %d pairs of epochs, %d passes after their end",
			v.twice, v.epochs, v.ended)
	}
	if v.afterCut < 100 || v.deadPasses < 500 || v.afterBack < 200 {
		t.Error("too little was put to the proof")
	}
	if path := os.Getenv("GATEHOUSE_HISTORY"); path != "" {
		if err := c.log.keep(path); err != nil {
			t.Error(err)
		}
	}
}

// newCrowd prepares everything around the house: its settings, and where its
// logout tokens go.
func newCrowd(t testing.TB, database string) *crowd {
	c := &crowd{log: newHistory(), hashes: make(chan struct{}, 8)}
	ears := httptest.NewServer(http.HandlerFunc(c.hear))
	t.Cleanup(ears.Close)
	public, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	c.url = "http://localhost" + public[strings.LastIndex(public, ":"):]
	c.token, c.ears = rand.Text(), ears.URL
	c.env = map[string]string{
		"GATEHOUSE_URL": c.url, "GATEHOUSE_DATABASE": database, "GATEHOUSE_SECRET": rand.Text() + rand.Text(),
		"GATEHOUSE_ADMIN_TOKEN": c.token, "GATEHOUSE_OUTBOUND_ALLOW": strings.TrimPrefix(ears.URL, "http://"),
	}
	t.Cleanup(c.leave)
	return c
}

// hear takes logout tokens. Whom they are about is noted: nobody but the
// suspended may be logged out.
func (c *crowd) hear(w http.ResponseWriter, r *http.Request) {
	_, rest, _ := strings.Cut(r.PostFormValue("logout_token"), ".")
	payload, _, _ := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	var claims struct {
		Subject string `json:"sub"`
	}
	if err != nil || json.Unmarshal(raw, &claims) != nil || claims.Subject == "" {
		http.Error(w, "no logout token", http.StatusBadRequest)
		return
	}
	c.loggedOut.Store(claims.Subject, true)
	c.told.Add(1)
}

// gather brings the people and their apps in through the API and has everybody
// set a password with the link they were given.
func (c *crowd) gather(people int, addrs ...string) error {
	for _, addr := range addrs {
		c.nodes = append(c.nodes, wayTo(addr))
	}
	want := client.Desired{Groups: []string{"Everybody"}}
	for i := range people {
		want.Users = append(want.Users, client.DesiredUser{Person: client.Person{Username: fmt.Sprintf("person%03d", i)}, Groups: want.Groups})
	}
	oidc := func(name string, wholeUser bool) client.App {
		return client.App{Name: name, Protocol: "oidc", Identifier: strings.ToLower(name), WholeUserLogout: wholeUser, OIDC: &client.OIDC{
			RedirectURIs: []string{callback}, BackchannelLogoutURI: c.ears + "/" + name, AllowOfflineAccess: !wholeUser,
		}}
	}
	saml := func(name string) client.App {
		return client.App{Name: name, Protocol: "saml", Identifier: "https://" + strings.ToLower(name) + ".example/metadata",
			SAML: &client.SAML{ACS: []client.ACS{{URL: "https://" + strings.ToLower(name) + ".example/acs"}}}}
	}
	want.Apps = []client.App{oidc("Wiki", false), oidc("Chat", true), saml("CRM"), saml("Payroll"), oidc("Desk", false)}
	for i, a := range want.Apps {
		if i != desk {
			want.Grants = append(want.Grants, client.Grant{App: a.Name, Group: "Everybody"})
		}
		c.apps = append(c.apps, relyingApp{name: a.Name, id: a.Identifier, saml: a.SAML != nil, wholeUser: a.WholeUserLogout})
	}
	done, err := c.api(0).Apply(context.Background(), want, false)
	if err != nil {
		return fmt.Errorf("bring the people in: %w", err)
	}
	links := map[string]string{}
	for _, change := range done.Changes {
		switch change.Kind {
		case "user":
			if change.Link != "" {
				links[change.Name] = change.Link
			}
		case "app":
			i := slices.IndexFunc(c.apps, func(a relyingApp) bool { return a.name == change.Name })
			c.apps[i].secret += change.Secret // the line of the grant has none
		}
	}
	users, err := c.api(0).Users(context.Background(), "", "")
	if err != nil {
		return fmt.Errorf("list the people: %w", err)
	}
	// Some use few apps, so that a receipt which names an app too many shows.
	for i, u := range users {
		used := [][]int{{0}, {2}, {0, 1, desk}, {2, 3}, {0, 1, 2, 3}, {desk}}[i%6]
		p := &person{id: u.ID, name: u.Username, apps: used, passes: map[string][]pass{}}
		if slices.Contains(used, desk) {
			given, err := c.api(0).AddGrant(context.Background(), client.Grant{App: c.apps[desk].name, User: p.name})
			if err != nil {
				return fmt.Errorf("give %s the desk: %w", p.name, err)
			}
			p.grant = given.ID
		}
		c.people = append(c.people, p)
	}
	return c.eachPerson(8, func(p *person) error { return c.setPassword(p, links[p.name]) })
}

// eachPerson does something for everybody, a few at a time.
func (c *crowd) eachPerson(atOnce int, do func(*person) error) error {
	next := make(chan *person, len(c.people))
	for _, p := range c.people {
		next <- p
	}
	close(next)
	var workers sync.WaitGroup
	var failed atomic.Pointer[error]
	for range atOnce {
		workers.Go(func() {
			for p := range next {
				if err := do(p); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	workers.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (c *crowd) setPassword(p *person, link string) error {
	node := c.anyNode()
	page, err := c.ask(node, link, nil)
	if err != nil {
		return err
	}
	form := url.Values{"csrf": {fieldIn(csrfField, page.body)}, "password": {crowdPassword}}
	set, err := c.ask(node, link, form, carrying(c, page.cookies))
	if err != nil {
		return err
	}
	if set.status != http.StatusSeeOther {
		return fmt.Errorf("%s set no password: %d", p.name, set.status)
	}
	return nil
}

// live lets everybody act until the time is over, or until enough says so.
func (c *crowd) live(run race, enough func() bool) {
	end := time.Now().Add(run.load)
	over := func() bool { return time.Now().After(end) || enough != nil && enough() }
	var watched spotlight
	var everybody sync.WaitGroup
	for proc := range run.clients {
		everybody.Go(func() {
			for !over() {
				c.act(proc, watched.pick(c.people))
				time.Sleep(mathrand.N(cmp.Or(run.pause, 15*time.Millisecond)))
			}
		})
	}
	for i := range run.admins {
		everybody.Go(func() {
			for !over() {
				c.administer(run.clients+i, &watched)
			}
		})
	}
	everybody.Wait()
}

// spotlight remembers who is being suspended and restored just now: something must
// happen to them while it lasts.
type spotlight struct {
	mu     sync.Mutex
	people []*person
}

func (w *spotlight) add(p *person) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.people = append(w.people, p)
	if len(w.people) > 10 {
		w.people = slices.Clone(w.people[1:])
	}
}

func (w *spotlight) pick(all []*person) *person {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.people); n > 0 && mathrand.IntN(10) < 7 {
		return w.people[mathrand.IntN(n)]
	}
	return all[mathrand.IntN(len(all))]
}

// act does one thing for a person.
func (c *crowd) act(proc int, p *person) {
	switch roll := mathrand.IntN(100); {
	case roll < 15:
		c.signIn(proc, p)
	case roll < 45:
		c.open(proc, p)
	case roll < 52:
		c.exchangeLate(proc, p)
	case roll < 66:
		c.refresh(proc, p)
	case roll < 76:
		c.useAny(proc, p, opUserinfo)
	case roll < 84:
		c.useAny(proc, p, opIntrospect)
	case roll < 94:
		c.useAny(proc, p, opPortal)
	case roll < 95:
		c.invite(proc, p)
	case roll < 96:
		c.signOut(proc, p)
	case roll < 98:
		c.twice(proc, p)
	default:
		c.useAny(proc, p, opLink)
	}
}

// administer suspends somebody at some moment and restores them at another.
// Now and then two admins click at once, each on another node.
func (c *crowd) administer(proc int, watched *spotlight) {
	p := c.people[mathrand.IntN(len(c.people))]
	if !p.admin.TryLock() {
		return
	}
	defer p.admin.Unlock()
	watched.add(p)
	time.Sleep(mathrand.N(300 * time.Millisecond))
	switch mathrand.IntN(8) {
	case 0:
		c.endAll(proc, p)
	case 1:
		c.regrant(proc, p)
	}
	var clicks sync.WaitGroup
	node := c.anyNode()
	if mathrand.IntN(6) == 0 {
		clicks.Go(func() { c.suspend(proc, p, (node+1)%len(c.nodes)) })
	}
	c.suspend(proc, p, node)
	clicks.Wait()
	time.Sleep(mathrand.N(300 * time.Millisecond))
	c.restore(proc, p)
	time.Sleep(mathrand.N(200 * time.Millisecond))
}

// finale suspends people and tries everything they ever held, and restores
// half of them and tries it again. The other half stays suspended.
func (c *crowd) finale(run race) {
	people := slices.SortedFunc(slices.Values(c.people), func(a, b *person) int { return b.holds() - a.holds() })[:run.finale]
	everything := func(p *person) {
		for _, kind := range []string{opUserinfo, opIntrospect, opPortal, opLink} {
			for _, held := range p.all(uses[kind]) {
				c.use(0, p, kind, held)
			}
		}
		for range p.all("refresh") {
			c.refresh(0, p)
		}
	}
	for i, p := range people {
		c.suspend(0, p, c.anyNode())
		everything(p)
		if i%2 == 0 {
			c.restore(0, p)
			everything(p)
		}
	}
}

// wholeUser tells by name which apps get one line for everything.
func (c *crowd) wholeUser() map[string]bool {
	whole := map[string]bool{}
	for _, a := range c.apps {
		whole[a.name] = a.wholeUser
	}
	return whole
}

// receipts waits until all are listed and every app that can be told has
// acknowledged, and reads them. A line of somebody restored has not to wait.
func (c *crowd) receipts(ctx context.Context) ([]client.Receipt, error) {
	return c.receiptsWithin(ctx, time.Minute)
}

func (c *crowd) receiptsWithin(ctx context.Context, patience time.Duration) (read []client.Receipt, err error) {
	heads, err := c.api(0).Receipts(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("list the receipts: %w", err)
	}
	for deadline := time.Now().Add(patience); len(heads) > 0; {
		r, err := c.api(c.anyNode()).Receipt(ctx, heads[0].ID)
		if err != nil {
			return nil, fmt.Errorf("read receipt %s: %w", heads[0].ID, err)
		}
		untold := slices.ContainsFunc(r.Lines, func(l client.Line) bool { return !l.Final && l.Lever != "none" && l.AckedAt == nil })
		switch {
		case !r.Listing && !untold:
			read, heads = append(read, r), heads[1:]
		case time.Now().After(deadline):
			return nil, fmt.Errorf("still on its way: %+v", r)
		default:
			time.Sleep(20 * time.Millisecond)
		}
	}
	return read, nil
}

// strangers are those who were logged out of an app and never suspended.
func (c *crowd) strangers(receipts []client.Receipt) (ids []string) {
	c.loggedOut.Range(func(id, _ any) bool {
		if !slices.ContainsFunc(receipts, func(r client.Receipt) bool { return r.UserID == id }) {
			ids = append(ids, id.(string))
		}
		return true
	})
	return ids
}
