package redis_test

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/sessions"
	"gatehouse/sessions/redis"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

// town is three nodes with a line each to the one Redis, on PostgreSQL.
func town(t *testing.T, args ...string) (*server, []*line, []*node) {
	t.Helper()
	s := startRedis(t, args...)
	dsn := storetest.PostgresDSN(t)
	var lines []*line
	var nodes []*node
	for i := range 3 {
		db, err := store.Open(context.Background(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Migrate(context.Background()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		l := newLine(t, s.addr())
		lines = append(lines, l)
		nodes = append(nodes, newNode(t, fmt.Sprint("node", i), "redis://"+l.addr(), db))
	}
	for _, n := range nodes {
		n.trusted()
	}
	return s, lines, nodes
}

func TestACheckFromACopyAsksNoSQL(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	n := newNode(t, "a", "redis://"+startRedis(t).addr(), db)
	n.trusted()
	raw, want := n.signedIn(n.person().ID)
	n.warm(raw)
	n.asksNoSQL(func() {
		got, err := n.gate.Session(n.ctx, raw)
		n.must(err)
		want.Address, want.UserAgent = "", ""
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("the copy says\n%+v, want\n%+v", got, want)
		}
	})
}

// asksNoSQL runs f until no statement was made meanwhile. The polls make some,
// four in a second; an f that makes one itself makes it every time.
func (n *node) asksNoSQL(f func()) {
	n.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		before := n.store.Statements()
		f()
		if n.store.Statements() == before {
			return
		}
	}
	n.Error("SQL was asked every time")
}

func TestAnEndingIsInForceOnEveryNodeWhenItReturns(t *testing.T) {
	t.Parallel()
	_, _, nodes := town(t)
	a := nodes[0]
	var longest time.Duration
	for i := range 60 {
		u := a.person()
		raw, s := a.signedIn(u.ID)
		for _, n := range nodes {
			n.warm(raw)
		}
		by := nodes[i%3]
		if i%2 == 0 {
			longest = max(longest, by.suspend(u.ID))
		} else {
			_, err := by.dir.EndSession(by.ctx, s.ID, "test")
			by.must(err)
		}
		for _, n := range nodes {
			n.refuses(raw)
		}
		if i%2 == 0 {
			_, err := by.dir.Restore(by.ctx, u.ID)
			by.must(err)
			for _, n := range nodes {
				n.refuses(raw) // also after a restore
			}
		}
	}
	for _, n := range nodes {
		if w := n.redis.Status().Waited; w != 0 {
			t.Errorf("%d endings waited for leases although Redis was well", w)
		}
	}
	t.Logf("longest suspension %v", longest)
}

// fault is what happens to Redis while a session is known to all nodes by a
// copy; heal makes it well again.
type fault struct {
	name    string
	args    []string
	prepare func(s *server, l []*line) any
	happen  func(t *testing.T, s *server, l []*line, kept any)
	heal    func(t *testing.T, s *server, l []*line)
}

func faults() []fault {
	nothing := func(*testing.T, *server, []*line) {}
	restart := func(_ *testing.T, s *server, _ []*line) { s.kill(); s.start() }
	return []fault{
		{"F02 killed", nil, nil,
			func(_ *testing.T, s *server, _ []*line, _ any) { s.kill() },
			func(_ *testing.T, s *server, _ []*line) { s.start() }},
		{"F03 restarted empty", nil, nil,
			func(t *testing.T, s *server, l []*line, _ any) { restart(t, s, l) }, nothing},
		{"F04 restarted from an old snapshot", []string{"--dbfilename", "dump.rdb"},
			func(s *server, _ []*line) any { return s.snapshot() },
			func(t *testing.T, s *server, l []*line, kept any) { s.kill(); s.put(kept.([]byte)); s.start() }, nothing},
		{"F06 cut from one node", nil, nil,
			func(_ *testing.T, _ *server, l []*line, _ any) { l[0].silent.Store(true) },
			func(_ *testing.T, _ *server, l []*line) { l[0].silent.Store(false); l[0].reset() }},
		{"F06 cut from another node", nil, nil,
			func(_ *testing.T, _ *server, l []*line, _ any) { l[1].silent.Store(true) },
			func(_ *testing.T, _ *server, l []*line) { l[1].silent.Store(false); l[1].reset() }},
		{"F07 frozen", nil, nil,
			func(_ *testing.T, s *server, _ []*line, _ any) { s.signal(syscall.SIGSTOP) },
			func(_ *testing.T, s *server, _ []*line) { s.signal(syscall.SIGCONT) }},
		{"F08 out of memory", nil, nil,
			func(_ *testing.T, s *server, _ []*line, _ any) { s.do("CONFIG SET maxmemory 1") },
			func(_ *testing.T, s *server, _ []*line) { s.do("CONFIG SET maxmemory 0") }},
		{"F08 demoted to a replica of nobody", nil, nil,
			func(_ *testing.T, s *server, _ []*line, _ any) { s.do("REPLICAOF 127.0.0.1 1") },
			func(_ *testing.T, s *server, _ []*line) { s.do("REPLICAOF NO ONE") }},
		{"F08 wants another password", nil, nil,
			func(_ *testing.T, s *server, l []*line, _ any) {
				s.do("CONFIG SET requirepass another")
				for _, one := range l {
					one.reset()
				}
			},
			func(t *testing.T, s *server, _ []*line) { s.kill(); s.start() }},
		{"RV04 emptied", nil, nil,
			func(_ *testing.T, s *server, _ []*line, _ any) { s.do("FLUSHALL") }, nothing},
		{"evicts when full", nil, nil,
			func(_ *testing.T, s *server, l []*line, _ any) {
				s.do("CONFIG SET maxmemory-policy allkeys-lru")
				for _, one := range l {
					one.reset()
				}
			},
			func(_ *testing.T, s *server, _ []*line) { s.do("CONFIG SET maxmemory-policy noeviction") }},
	}
}

func TestFaultsOfRedisReviveNobodyAndSignNobodyOut(t *testing.T) {
	t.Parallel()
	for _, f := range faults() {
		t.Run(strings.ReplaceAll(f.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			s, lines, nodes := town(t, f.args...)
			a := nodes[0]
			gone, gone2, stays := a.person(), a.person(), a.person()
			rawGone, _ := a.signedIn(gone.ID)
			rawGone2, _ := a.signedIn(gone2.ID)
			rawStays, _ := a.signedIn(stays.ID)
			for _, n := range nodes {
				for _, raw := range []string{rawGone, rawGone2, rawStays} {
					n.warm(raw)
				}
			}
			var kept any
			if f.prepare != nil {
				kept = f.prepare(s, lines)
			}
			everywhere := func(when string, dead ...string) {
				t.Helper()
				for _, n := range nodes {
					for _, raw := range dead {
						n.refuses(raw)
					}
					n.accepts(rawStays)
				}
			}
			// One is suspended right before the fault, one right after it.
			if took := a.suspend(gone.ID); took > 10*time.Second { // 2 s are promised
				t.Errorf("a suspension took %v", took)
			}
			f.happen(t, s, lines, kept)
			everywhere("after the fault", rawGone)
			if took := a.suspend(gone2.ID); took > 10*time.Second { // 2 s are promised
				t.Errorf("a suspension took %v during the fault", took)
			}
			end := time.Now().Add(700 * time.Millisecond)
			for time.Now().Before(end) {
				everywhere("during the fault", rawGone, rawGone2)
			}
			f.heal(t, s, lines)
			end = time.Now().Add(700 * time.Millisecond)
			for time.Now().Before(end) {
				everywhere("after it", rawGone, rawGone2)
			}
			for _, n := range nodes {
				n.trusted() // back on the fast path
				n.warm(rawStays)
			}
			everywhere("when all is well", rawGone, rawGone2)
		})
	}
}

// TestARedisThatForgetsIsNotBelieved lets a Redis evict keys after it was
// registered, for a while or for a moment: what it forgot may be that a session
// has ended. It is believed again under another generation, and answers are right
// all the while.
func TestARedisThatForgetsIsNotBelieved(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	n := newNode(t, "a", "redis://"+s.addr(), storetest.SQLite(t))
	n.trusted()
	raw, _ := n.signedIn(n.person().ID)
	ended, over := n.signedIn(n.person().ID)
	n.warm(raw)
	n.warm(ended)
	_, err := n.dir.EndSession(n.ctx, over.ID, "test")
	n.must(err)
	until := func(what string, reached func() bool) {
		t.Helper()
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			n.accepts(raw)
			n.refuses(ended)
			if reached() {
				return
			}
		}
		t.Fatalf("%s: not within %s", what, patience)
	}
	was := n.redis.Status().Generation
	s.do("CONFIG SET maxmemory-policy allkeys-lru")
	until("not believed while it may forget", func() bool { return !n.redis.Status().Trusted })
	if got := n.redis.Status().Generation; got != was {
		t.Errorf("a Redis that may forget was registered again, under %s", got)
	}
	s.do("CONFIG SET maxmemory-policy noeviction")
	until("believed again, anew", func() bool { st := n.redis.Status(); return st.Trusted && st.Generation != was })

	was = n.redis.Status().Generation
	n.warm(raw)
	s.do("CONFIG SET maxmemory-policy volatile-lru maxmemory 1")
	for s.info("evicted_keys") == 0 {
		time.Sleep(time.Millisecond)
	}
	s.do("CONFIG SET maxmemory-policy noeviction maxmemory 0")
	until("believed again after a moment", func() bool { st := n.redis.Status(); return st.Trusted && st.Generation != was })
}

// F05: the lagging replica is promoted while the old master still answers some
// of the nodes.
func TestF05ALaggingReplicaIsPromoted(t *testing.T) {
	t.Parallel()
	s, lines, nodes := town(t)
	a := nodes[0]
	u, stays := a.person(), a.person()
	raw, _ := a.signedIn(u.ID)
	rawStays, _ := a.signedIn(stays.ID)
	for _, n := range nodes {
		n.warm(raw)
		n.warm(rawStays)
	}
	replica := startRedis(t, "--replicaof", "127.0.0.1", s.port)
	for end := time.Now().Add(patience); replica.do("DBSIZE") != s.do("DBSIZE") || s.info("connected_slaves") != 1; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the replica does not catch up")
		}
	}
	time.Sleep(1200 * time.Millisecond)
	replica.signal(syscall.SIGSTOP)
	a.suspend(u.ID)
	replica.signal(syscall.SIGCONT)
	replica.do("REPLICAOF NO ONE")
	for _, l := range lines[1:] {
		l.lead(replica.addr()) // node 0 still talks to the old master
	}
	end := time.Now().Add(3 * time.Second)
	for time.Now().Before(end) {
		for _, n := range nodes {
			n.refuses(raw)
			n.accepts(rawStays)
		}
	}
}

// slow is SQL whose answer is long on the way.
type slow struct {
	sessions.Backend
	mu          sync.Mutex
	read, go_on chan struct{}
	armed       bool
}

func (s *slow) SessionByHash(ctx context.Context, hash string) (idp.Session, idp.Standing, error) {
	ses, standing, err := s.Backend.SessionByHash(ctx, hash)
	s.mu.Lock()
	mine := s.armed
	s.armed = false
	s.mu.Unlock()
	if mine {
		close(s.read)
		<-s.go_on
	}
	return ses, standing, err
}

func TestALateRefillBringsNobodyBack(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	n := newNode(t, "a", "redis://"+startRedis(t).addr(), db)
	n.trusted()
	u := n.person()
	raw, s := n.signedIn(u.ID)
	late := &slow{Backend: db, armed: true, read: make(chan struct{}), go_on: make(chan struct{})}
	gate := *n.gate
	gate.Backend = n.redis.Backend(late)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		_, _ = gate.Session(n.ctx, raw) // begun before the end: either answer is right
	}()
	<-late.read
	_, err := n.dir.EndSession(n.ctx, s.ID, "test")
	n.must(err)
	close(late.go_on)
	<-answered
	n.refuses(raw)
	if _, err := gate.Session(n.ctx, raw); err == nil {
		t.Error("the late copy was believed")
	}
}

func TestAnEndingLostOnTheWayIsNotHiddenByTheNext(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	n := newNode(t, "a", "redis://"+startRedis(t).addr(), db)
	n.trusted()
	for range 20 {
		first, second := n.person(), n.person()
		rawFirst, _ := n.signedIn(first.ID)
		n.warm(rawFirst)
		// Committed by a node that died before it told Redis.
		_, err := db.Commit(n.ctx, idp.Change{Ending: &idp.Ending{
			Kind: idp.EndUser, UserID: first.ID, Key: string(first.ID), ReceiptID: idp.NewReceiptID(), At: time.Now(),
		}})
		n.must(err)
		n.suspend(second.ID)
		n.refuses(rawFirst)
	}
}

func TestTheOldSecretOfARenewedSessionIsDead(t *testing.T) {
	t.Parallel()
	_, _, nodes := town(t)
	a := nodes[0]
	u := a.person()
	raw, s := a.signedIn(u.ID)
	for _, n := range nodes {
		n.warm(raw)
	}
	in, err := a.gate.BeginSignIn(a.ctx, idp.SignIn{ResumeURL: "/"}, bind)
	a.must(err)
	in, err = a.gate.Prove(a.ctx, in, s.Proof, idp.Witness{}, "pwd")
	a.must(err)
	fresh, _, err := a.gate.Renew(a.ctx, in, s)
	a.must(err)
	for _, n := range nodes {
		n.refuses(raw)
		n.accepts(fresh)
	}
}

func TestAFamilysCopyFollowsPeopleAppsAndGrants(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	n := newNode(t, "a", "redis://"+startRedis(t).addr(), db)
	n.trusted()
	u := n.person()
	app, err := n.dir.AddApp(n.ctx, idp.App{Name: "wiki", Protocol: idp.ProtocolOIDC, Identifier: "wiki",
		OIDC: &idp.OIDCSettings{AuthMethod: "none", RedirectURIs: []string{"https://app.example/cb"}}})
	n.must(err)
	g, err := n.dir.Grant(n.ctx, idp.Grant{AppID: app.ID, UserID: u.ID, Role: "reader"})
	n.must(err)
	_, s := n.signedIn(u.ID)
	now := idp.Time(time.Now())
	f := idp.TokenFamily{ID: idp.NewTokenFamilyID(), Proof: s.Proof, AppID: app.ID, SessionID: s.ID, Scopes: []string{"openid"},
		AuthTime: s.AuthTime, Methods: s.Methods, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	n.must(n.gate.SpendCode(n.ctx, f,
		idp.Participant{SessionID: s.ID, AppID: app.ID, UserID: u.ID, NameID: idp.NameID{Value: string(u.ID)}, FirstAt: now, LastAnswerAt: now},
		idp.Account{ID: idp.NewAccountID(), AppID: app.ID, UserID: u.ID, Subject: string(u.ID), FirstSeenAt: now, LastSeenAt: now}))
	// says compares what the copy, kept by the question before, and SQL say.
	says := func(want func(idp.FamilyTruth) bool) {
		t.Helper()
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if got, err := n.gate.Family(n.ctx, f.ID, f.Proof); err == nil && want(got) {
				fast := n.redis.Status().Fast
				got, err := n.gate.Family(n.ctx, f.ID, f.Proof)
				if n.redis.Status().Fast > fast && err == nil && want(got) {
					return
				}
			}
		}
		t.Fatalf("the copy does not come to say so within %s", patience)
	}
	says(func(f idp.FamilyTruth) bool { return f.Role == "reader" && len(f.Groups) == 0 })
	_, err = n.dir.ChangeUser(n.ctx, u.ID, directory.Person{Username: u.Username, DisplayName: "Another Name"})
	n.must(err)
	says(func(f idp.FamilyTruth) bool { return f.User.DisplayName == "Another Name" })
	group, err := n.dir.AddGroup(n.ctx, "staff")
	n.must(err)
	n.must(n.dir.AddMember(n.ctx, group.ID, u.ID))
	says(func(f idp.FamilyTruth) bool { return len(f.Groups) == 1 && f.Groups[0] == "staff" })
	app.LaunchURL = "https://app.example/launch"
	_, err = db.Commit(n.ctx, idp.Change{Apps: []idp.App{app}})
	n.must(err)
	says(func(idp.FamilyTruth) bool {
		_, of, err := n.gate.FamilyAndApp(n.ctx, f.ID, app.ID, f.Proof)
		return err == nil && of.ID == app.ID && of.LaunchURL == app.LaunchURL
	})
	n.asksNoSQL(func() {
		if _, of, err := n.gate.FamilyAndApp(n.ctx, f.ID, app.ID, f.Proof); err != nil || of.LaunchURL != app.LaunchURL {
			t.Errorf("the copies say %+v, %v", of, err)
		}
	})
	_, err = n.dir.Ungrant(n.ctx, g)
	n.must(err)
	if _, err := n.gate.Family(n.ctx, f.ID, f.Proof); err == nil {
		t.Error("the grant was removed, and a token of it is accepted")
	}
	if _, _, err := n.gate.FamilyAndApp(n.ctx, f.ID, app.ID, f.Proof); err == nil {
		t.Error("the grant was removed, and a token of it is accepted with its app")
	}
}

func TestAppsAreKnownByCopyAndFollowTheirSettings(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	n := newNode(t, "a", "redis://"+startRedis(t).addr(), db)
	n.trusted()
	apps := &redis.Apps{SQL: db, Redis: n.redis}
	app, err := n.dir.AddApp(n.ctx, idp.App{Name: "wiki", Protocol: idp.ProtocolOIDC, Identifier: "wiki:a",
		OIDC: &idp.OIDCSettings{AuthMethod: "none", RedirectURIs: []string{"https://app.example/cb"}}})
	n.must(err)
	read := func() idp.App {
		t.Helper()
		got, err := apps.AppByIdentifier(n.ctx, idp.ProtocolOIDC, "wiki:a")
		n.must(err)
		return got
	}
	read()
	want, err := db.AppTruth(n.ctx, app.ID, "")
	n.must(err)
	n.asksNoSQL(func() {
		truth, err := apps.AppTruthByIdentifier(n.ctx, idp.ProtocolOIDC, "wiki:a")
		if err != nil || truth.Generation != want.Generation || !truth.CutBefore.Equal(want.CutBefore) {
			t.Errorf("the copy says %+v, %v, the truth is %+v", truth, err, want)
		}
	})
	n.asksNoSQL(func() {
		if got := read(); got.ID != app.ID || got.OIDC.RedirectURIs[0] != "https://app.example/cb" {
			t.Errorf("the copy says %+v", got)
		}
	})
	app.OIDC.RedirectURIs = []string{"https://app.example/other"}
	_, err = db.Commit(n.ctx, idp.Change{Apps: []idp.App{app}})
	n.must(err)
	time.Sleep(1100 * time.Millisecond)
	if got := read(); got.OIDC.RedirectURIs[0] != "https://app.example/other" {
		t.Errorf("a second after the change the copy says %v", got.OIDC.RedirectURIs)
	}
}

// TestNoNodeGoesByWhatAnAppWasBefore: an address that was taken out of an app's
// registration is known to no node when that is answered.
func TestNoNodeGoesByWhatAnAppWasBefore(t *testing.T) {
	t.Parallel()
	db, address := storetest.SQLite(t), "redis://"+startRedis(t).addr()
	a, b := newNode(t, "a", address, db), newNode(t, "b", address, db)
	a.trusted()
	b.trusted()
	apps := &redis.Apps{SQL: db, Redis: b.redis}
	app, err := a.dir.AddApp(a.ctx, idp.App{Name: "wiki", Protocol: idp.ProtocolOIDC, Identifier: "wiki",
		OIDC: &idp.OIDCSettings{AuthMethod: "none", RedirectURIs: []string{"https://app.example/cb"}}})
	a.must(err)
	knows := func() string {
		t.Helper()
		known, err := apps.AppByIdentifier(b.ctx, idp.ProtocolOIDC, "wiki")
		b.must(err)
		return known.OIDC.RedirectURIs[0]
	}
	for i := range 20 {
		knows()
		want := fmt.Sprintf("https://app.example/%d", i)
		app.OIDC = &idp.OIDCSettings{AuthMethod: "none", RedirectURIs: []string{want}}
		if i%2 == 0 {
			app, err = a.dir.ChangeApp(a.ctx, app)
		} else {
			_, err = a.dir.Apply(a.ctx, directory.Desired{Apps: []idp.App{app}}, false)
			app.Version++
		}
		a.must(err)
		if is := knows(); is != want {
			t.Fatalf("%s is changed to %s, and another node knows %s", app.Name, want, is)
		}
	}
}

// TestAnAdmissionsCopyGoesWithItsGrant: that somebody may use an app is known
// without SQL, and not for a moment longer than they may.
func TestAnAdmissionsCopyGoesWithItsGrant(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	n := newNode(t, "a", "redis://"+startRedis(t).addr(), db)
	n.trusted()
	apps := &redis.Apps{SQL: db, Redis: n.redis}
	u := n.person()
	app, err := n.dir.AddApp(n.ctx, idp.App{Name: "wiki", Protocol: idp.ProtocolOIDC, Identifier: "wiki",
		OIDC: &idp.OIDCSettings{AuthMethod: "none", RedirectURIs: []string{"https://app.example/cb"}}})
	n.must(err)
	asked := func(at time.Time) idp.Admission {
		t.Helper()
		adm, err := apps.Admission(n.ctx, idp.ProtocolOIDC, "wiki", u.ID, at)
		n.must(err)
		return adm
	}
	warm := func(want idp.Admission) {
		t.Helper()
		_, err := apps.AppByIdentifier(n.ctx, idp.ProtocolOIDC, "wiki")
		n.must(err)
		asked(time.Now())
		n.asksNoSQL(func() {
			if _, err := apps.AppByIdentifier(n.ctx, idp.ProtocolOIDC, "wiki"); err != nil {
				t.Error(err)
			}
			if adm := asked(time.Now()); adm.App.ID != app.ID || !adm.Granted || !adm.Until.Equal(want.Until) || adm.N == 0 {
				t.Errorf("the copy says %+v", adm)
			}
		})
	}
	if adm := asked(time.Now()); adm.Granted || adm.App.ID != app.ID {
		t.Errorf("without a grant: %+v", adm)
	}
	until := idp.Time(time.Now().Add(time.Hour))
	g, err := n.dir.Grant(n.ctx, idp.Grant{AppID: app.ID, UserID: u.ID, UntilAt: until})
	n.must(err)
	warm(idp.Admission{Until: until})
	if adm := asked(until); adm.Granted {
		t.Errorf("when the grant has ended by itself: %+v", adm)
	}
	_, err = n.dir.Ungrant(n.ctx, g)
	n.must(err)
	if adm := asked(time.Now()); adm.Granted {
		t.Errorf("after the grant was taken away: %+v", adm)
	}
	group, err := n.dir.AddGroup(n.ctx, "staff")
	n.must(err)
	n.must(n.dir.AddMember(n.ctx, group.ID, u.ID))
	_, err = n.dir.Grant(n.ctx, idp.Grant{AppID: app.ID, GroupID: group.ID})
	n.must(err)
	warm(idp.Admission{})
	_, err = n.dir.RemoveMember(n.ctx, group.ID, u.ID)
	n.must(err)
	if adm := asked(time.Now()); adm.Granted {
		t.Errorf("after they left the group: %+v", adm)
	}
}

// TestAnEntrysCopySaysWhatSQLSays: what a sign-on goes by (role and groups too)
// is known without SQL, and until the moment at which any of it changes.
func TestAnEntrysCopySaysWhatSQLSays(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	n := newNode(t, "a", "redis://"+startRedis(t).addr(), db)
	n.trusted()
	apps := &redis.Apps{SQL: db, Redis: n.redis}
	u := n.person()
	app, err := n.dir.AddApp(n.ctx, idp.App{Name: "wiki", Protocol: idp.ProtocolOIDC, Identifier: "wiki",
		OIDC: &idp.OIDCSettings{AuthMethod: "none", RedirectURIs: []string{"https://app.example/cb"}}})
	n.must(err)
	group, err := n.dir.AddGroup(n.ctx, "staff")
	n.must(err)
	n.must(n.dir.AddMember(n.ctx, group.ID, u.ID))
	// same asks twice, the second time without SQL where there is something to
	// keep, and compares with SQL.
	same := func(what string, at time.Time, kept bool) {
		t.Helper()
		want, err := db.Entry(n.ctx, idp.ProtocolOIDC, "wiki", u.ID, at)
		n.must(err)
		want.N = 0
		asked := func() idp.Entry {
			e, err := apps.Entry(n.ctx, idp.ProtocolOIDC, "wiki", u.ID, at)
			n.must(err)
			e.N = 0 // of a copy: of then
			return e
		}
		// A change that ends nothing is raised beside its answer.
		for e, until := asked(), time.Now().Add(patience); !reflect.DeepEqual(e, want); e = asked() {
			if time.Now().After(until) {
				t.Fatalf("%s: %+v\nand SQL says %+v", what, e, want)
			}
			time.Sleep(time.Millisecond)
		}
		if kept {
			n.asksNoSQL(func() {
				if e := asked(); !reflect.DeepEqual(e, want) {
					t.Errorf("%s, by the copy: %+v\nand SQL says %+v", what, e, want)
				}
			})
		}
	}
	same("without a grant", time.Now(), false)
	_, err = n.dir.Grant(n.ctx, idp.Grant{AppID: app.ID, GroupID: group.ID, Role: "reader"})
	n.must(err)
	same("by the group", time.Now(), true)
	soon := idp.Time(time.Now().Add(time.Minute))
	own, err := n.dir.Grant(n.ctx, idp.Grant{AppID: app.ID, UserID: u.ID, Role: "editor", FromAt: soon})
	n.must(err)
	same("before their own begins", time.Now(), true)
	same("when it has begun", soon, false)
	_, err = n.dir.Ungrant(n.ctx, own)
	n.must(err)
	same("after it was taken away", time.Now(), true)
	_, err = n.dir.ChangeUser(n.ctx, u.ID, directory.Person{Username: u.Username, DisplayName: "Somebody Else"})
	n.must(err)
	same("by another name", time.Now(), true)
	second, err := n.dir.AddGroup(n.ctx, "admins")
	n.must(err)
	n.must(n.dir.AddMember(n.ctx, second.ID, u.ID))
	same("in one more group", time.Now(), true)
	_, err = n.dir.RemoveMember(n.ctx, group.ID, u.ID)
	n.must(err)
	same("out of the group of the grant", time.Now(), false)
}

// RV-03 for a node that has no Redis while the house has one.
func TestRV03ANodeWithoutRedisWaitsForTheLeasesOfOthers(t *testing.T) {
	t.Parallel()
	_, _, nodes := town(t)
	bare := newNode(t, "bare", "", nodes[0].store)
	u := bare.person()
	raw, _ := nodes[1].signedIn(u.ID)
	nodes[1].warm(raw)
	bare.suspend(u.ID)
	nodes[1].refuses(raw)
	if bare.redis.Status().Waited != 1 {
		t.Error("it did not wait")
	}
}

func TestTheLastNodeWithoutRedisRegistersNone(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	first := newNode(t, "a", "redis://"+startRedis(t).addr(), db)
	first.trusted()
	first.stop()
	second := newNode(t, "a", "", db)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		at, err := db.Position(second.ctx, "a", false)
		second.must(err)
		if at.RunID == "" {
			u := second.person()
			if took := second.suspend(u.ID); second.redis.Status().Waited != 0 {
				t.Errorf("nobody can hold a lease, and the suspension waited %v", took)
			}
			return
		}
	}
	t.Fatalf("the Redis is registered still after %s", patience)
}

func TestF07AHangingRedisHoldsUpNobody(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	s := startRedis(t)
	n := newNode(t, "a", "redis://"+s.addr(), db)
	n.trusted()
	raw, _ := n.signedIn(n.person().ID)
	n.warm(raw)
	before := runtime.NumGoroutine()
	s.signal(syscall.SIGSTOP)
	var asking sync.WaitGroup
	var counting sync.Mutex
	var all []time.Duration
	for range 50 {
		asking.Go(func() {
			for range 40 {
				start := time.Now()
				n.accepts(raw)
				took := time.Since(start)
				if took > 20*time.Second { // some steps of 150 ms each, and SQL
					t.Errorf("a check took %v", took)
				}
				counting.Lock()
				all = append(all, took)
				counting.Unlock()
			}
		})
	}
	asking.Wait()
	slices.Sort(all)
	if half := all[len(all)/2]; half > 5*150*time.Millisecond { // after the first few, nobody asks it any more
		t.Errorf("half of the checks took more than %v", half)
	}
	// Other tests run beside this one: far less than one each for 2,000 checks.
	if now := runtime.NumGoroutine(); now > before+500 {
		t.Errorf("%d goroutines became %d", before, now)
	}
}

func TestTriesAreCountedInRedisAndInSQLWithoutIt(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	s := startRedis(t)
	n := newNode(t, "a", "redis://"+s.addr(), db)
	n.trusted()
	c := &redis.Counts{SQL: db, Redis: n.redis}
	count := func(want int) {
		t.Helper()
		now := time.Now()
		got, reset, err := c.Count(n.ctx, "x", time.Minute, now)
		n.must(err)
		if got != want || reset.Before(now.Add(30*time.Second)) || reset.After(now.Add(61*time.Second)) {
			t.Errorf("counted %d until %v, want %d", got, reset.Sub(now), want)
		}
	}
	count(1)
	count(2)
	n.must(c.Uncount(n.ctx, "x"))
	count(1)
	for i, want := range []int{16, 33} { // by so many at once
		if got, _, err := c.CountBy(n.ctx, "many", 16+i, time.Minute, time.Now()); err != nil || got != want {
			t.Errorf("counted %d, %v, want %d", got, err, want)
		}
	}
	short, long := idp.Limit{Name: "short", Most: 1, Window: time.Minute}, idp.Limit{Name: "long", Most: 9, Window: time.Hour}
	dead := false
	two := func(first, second int) {
		t.Helper()
		now := time.Now()
		one, two, err := c.CountTwo(n.ctx, short, long, now)
		n.must(err)
		if one.Anew != dead || two.Anew != dead || one.N != first || two.N != second || one.ResetAt.After(now.Add(61*time.Second)) || second > 0 && two.ResetAt.Before(now.Add(59*time.Minute)) {
			t.Errorf("counted %+v and %+v, want %d and %d", one, two, first, second)
		}
	}
	two(1, 1)
	two(2, 0) // what the first refuses, the second does not count
	n.must(c.Uncount(n.ctx, short.Name, long.Name))
	two(1, 1)
	s.kill()
	dead = true
	two(1, 1)
	two(2, 0)
	count(1) // the tries are counted anew, and still counted
	count(2)
}

func TestASessionTakesAtMost400Bytes(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	s := startRedis(t)
	n := newNode(t, "a", "redis://"+s.addr(), db)
	n.trusted()
	const many = 2000
	var raws []string
	u := n.person()
	for range many {
		raw, _ := n.signedIn(u.ID)
		raws = append(raws, raw)
	}
	n.warm(raws[0])
	before := s.info("used_memory_dataset") + s.info("mem_overhead_db_hashtable_rehashing") + s.info("used_memory_overhead")
	for _, raw := range raws[1:] {
		n.accepts(raw)
	}
	after := s.info("used_memory_dataset") + s.info("mem_overhead_db_hashtable_rehashing") + s.info("used_memory_overhead")
	per := (after - before) / (many - 1)
	t.Logf("%d bytes a session", per)
	if per > 400 || per < 100 {
		t.Errorf("%d bytes a session", per)
	}
}
