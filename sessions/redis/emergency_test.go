package redis_test

import (
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
)

// An ending of everybody is in force on every node when it returns, whatever
// copies they had.
func TestAnEndingOfEverybodyIsInForceOnEveryNodeWhenItReturns(t *testing.T) {
	t.Parallel()
	_, _, nodes := town(t)
	a := nodes[0]
	app, err := a.dir.AddApp(a.ctx, idp.App{Name: "wiki", Protocol: idp.ProtocolOIDC, Identifier: "wiki",
		OIDC: &idp.OIDCSettings{AuthMethod: "none", RedirectURIs: []string{"https://app.example/cb"}}})
	a.must(err)
	for round := range 10 {
		u := a.person()
		_, err := a.dir.Grant(a.ctx, idp.Grant{AppID: app.ID, UserID: u.ID})
		a.must(err)
		app, err = a.store.App(a.ctx, app.ID)
		a.must(err)
		raw, s := a.signedIn(u.ID)
		now := idp.Time(time.Now())
		f := idp.TokenFamily{ID: idp.NewTokenFamilyID(), Proof: s.Proof, AppID: app.ID, AppEpoch: app.Epoch, SessionID: s.ID, Scopes: []string{"openid"},
			AuthTime: s.AuthTime, Methods: s.Methods, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
		a.must(a.gate.SpendCode(a.ctx, f,
			idp.Participant{SessionID: s.ID, AppID: app.ID, UserID: u.ID, NameID: idp.NameID{Value: string(u.ID)}, FirstAt: now, LastAnswerAt: now},
			idp.Account{ID: idp.NewAccountID(), AppID: app.ID, UserID: u.ID, Subject: string(u.ID), FirstSeenAt: now, LastSeenAt: now}))
		for _, n := range nodes {
			n.warm(raw)
			for range 3 {
				_, err := n.gate.Family(n.ctx, f.ID, f.Proof)
				n.must(err)
			}
		}
		_, err = nodes[round%3].dir.EndApp(a.ctx, app.ID, "test")
		a.must(err)
		for _, n := range nodes {
			if _, err := n.gate.Family(n.ctx, f.ID, f.Proof); !idp.IsKind(err, idp.Unauthenticated) {
				t.Errorf("a token of the app after its end: %v", err)
			}
			n.accepts(raw)
		}
		var before time.Time
		if round%2 == 0 {
			before = time.Now()
		}
		_, err = nodes[(round+1)%3].dir.EndBefore(a.ctx, before, "test")
		a.must(err)
		for _, n := range nodes {
			n.refuses(raw)
		}
	}
}

// Whoever asks for a suspension that somebody else has just committed is
// answered when it is in force on every node, and not a moment earlier.
func TestASuspensionThatStandsIsAnsweredWhenItIsInForce(t *testing.T) {
	t.Parallel()
	_, _, nodes := town(t)
	a := nodes[0]
	for range 5 {
		u := a.person()
		raw, _ := a.signedIn(u.ID)
		for _, n := range nodes {
			n.warm(raw)
		}
		e := idp.Ending{Kind: idp.EndUser, UserID: u.ID, Key: "somebody:" + string(u.ID), At: idp.Time(time.Now()), ReceiptID: idp.NewReceiptID()}
		done, err := a.store.Commit(a.ctx, idp.Change{Ending: &e}) // who asked has not waited yet
		a.must(err)
		r, err := nodes[1].dir.Suspend(a.ctx, u.ID, "again")
		a.must(err)
		if r.ID != done.ReceiptID {
			t.Errorf("receipt %s, want %s", r.ID, done.ReceiptID)
		}
		for _, n := range nodes {
			n.refuses(raw)
		}
	}
}

// Who is counted by a suspension of many is out on every node, also when the
// node that works it off no longer reaches Redis and the others do.
func TestWhoIsCountedInABatchIsOutOnEveryNode(t *testing.T) {
	t.Parallel()
	_, lines, nodes := town(t)
	a := nodes[0]
	raws := map[string]string{}
	var names []string
	for range 12 {
		u := a.person()
		raw, _ := a.signedIn(u.ID)
		for _, n := range nodes {
			n.warm(raw)
		}
		raws[u.Username], names = raw, append(names, u.Username)
	}
	for i, page := range [][]string{names[:6], names[6:]} {
		if i == 1 {
			lines[1].silent.Store(true)
		}
		b, err := a.dir.SuspendMany(a.ctx, directory.Many{Users: page})
		a.must(err)
		_, err = nodes[1].dir.WorkBatch(a.ctx, "node")
		a.must(err)
		b, err = a.store.Batch(a.ctx, b.ID)
		a.must(err)
		if b.State != idp.BatchDone || b.Done != len(page) {
			t.Errorf("round %d: %+v", i, b)
		}
		for _, name := range page {
			for _, n := range nodes {
				n.refuses(raws[name])
			}
		}
	}
}
