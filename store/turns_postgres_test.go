package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"gatehouse/idp"
	"gatehouse/store/storetest"
)

// TestAnIssueThatWaitedSeesWhatItWaitedFor queues the end of a grant and a code
// exchange behind the same turn, in this order.
func TestAnIssueThatWaitedSeesWhatItWaitedFor(t *testing.T) {
	t.Parallel()
	dsn := storetest.PostgresDSN(t)
	s := opened(t, dsn)
	ctx, now := t.Context(), idp.Time(time.Now())
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	commit := func(c idp.Change) {
		t.Helper()
		_, err := s.Commit(ctx, c)
		ok(err)
	}
	generation, err := s.Generation(ctx)
	ok(err)
	u := idp.User{ID: idp.NewUserID(), Username: "ada", Role: idp.RoleEmployee, Status: idp.UserActive, Epoch: 1}
	a := idp.App{ID: idp.NewAppID(), Name: "wiki", Protocol: idp.ProtocolOIDC, Identifier: "wiki", OIDC: &idp.OIDCSettings{}}
	g := idp.Grant{ID: idp.NewGrantID(), AppID: a.ID, UserID: u.ID, CreatedAt: now}
	commit(idp.Change{Users: []idp.User{u}, Apps: []idp.App{a}, Grants: []idp.Grant{g}})
	ses := idp.Session{ID: idp.NewSessionID(), Proof: idp.Proof{UserID: u.ID, Epoch: 1, Generation: generation}, CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(time.Hour)}
	ok(s.StartSession(ctx, ses, "secret", ""))

	conn, err := pgx.Connect(ctx, dsn)
	ok(err)
	defer conn.Close(context.WithoutCancel(ctx))
	tx, err := conn.Begin(ctx)
	ok(err)
	_, err = tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", string(u.ID))
	ok(err)
	queued := func(n int) {
		t.Helper()
		for waiting := 0; waiting < n; time.Sleep(time.Millisecond) {
			ok(tx.QueryRow(ctx, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").Scan(&waiting))
		}
	}
	ended, spent := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := s.Commit(ctx, idp.Change{RemoveGrants: []idp.GrantID{g.ID},
			Ending: &idp.Ending{Kind: idp.EndGrant, UserID: u.ID, AppID: a.ID, Key: "k", ReceiptID: idp.NewReceiptID(), At: now}})
		ended <- err
	}()
	queued(1)
	f := idp.TokenFamily{ID: idp.NewTokenFamilyID(), Proof: ses.Proof, AppID: a.ID, SessionID: ses.ID, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	go func() {
		spent <- s.SpendCode(ctx, f, idp.Participant{NameID: idp.NameID{Value: "x"}}, idp.Account{Subject: "x"})
	}()
	queued(2)
	ok(tx.Rollback(ctx))
	ok(<-ended)
	if err := <-spent; !idp.IsKind(err, idp.Unauthenticated) {
		t.Errorf("the code exchange that came after the end of the grant: %v", err)
	}
}

// TestWhatIsGivenBackComesAfterItsEnd gives an app back, or lets somebody into a
// group again, while the end of it is being committed: what is given back is
// known to be younger than that end.
func TestWhatIsGivenBackComesAfterItsEnd(t *testing.T) {
	t.Parallel()
	dsn := storetest.PostgresDSN(t)
	s := opened(t, dsn)
	ctx, now := t.Context(), idp.Time(time.Now())
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	commit := func(c idp.Change) {
		t.Helper()
		_, err := s.Commit(ctx, c)
		ok(err)
	}
	u := idp.User{ID: idp.NewUserID(), Username: "ada", Role: idp.RoleEmployee, Status: idp.UserActive, Epoch: 1}
	a := idp.App{ID: idp.NewAppID(), Name: "wiki", Protocol: idp.ProtocolOIDC, Identifier: "wiki", OIDC: &idp.OIDCSettings{}}
	staff := idp.Group{ID: idp.NewGroupID(), Name: "staff", CreatedAt: now}
	granted := func() idp.Grant {
		return idp.Grant{ID: idp.NewGrantID(), AppID: a.ID, UserID: u.ID, CreatedAt: now}
	}
	in := []idp.Membership{{GroupID: staff.ID, UserID: u.ID, SinceAt: now}}
	commit(idp.Change{Users: []idp.User{u}, Apps: []idp.App{a}, Groups: []idp.Group{staff}})
	commit(idp.Change{Members: in, Grants: []idp.Grant{granted()}})

	conn, err := pgx.Connect(ctx, dsn)
	ok(err)
	defer conn.Close(context.WithoutCancel(ctx))
	for name, c := range map[string]struct {
		take  string // what is taken away, of ada
		again idp.Change
		since string // of what is given back
	}{
		"a grant":      {"DELETE FROM grants WHERE user_id = $1", idp.Change{Grants: []idp.Grant{granted()}}, "SELECT since_n FROM grants WHERE user_id = $1"},
		"a membership": {"DELETE FROM members WHERE user_id = $1", idp.Change{Members: in}, "SELECT since_n FROM members WHERE user_id = $1"},
	} {
		tx, err := conn.Begin(ctx)
		ok(err)
		_, err = tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", string(u.ID))
		ok(err)
		_, err = tx.Exec(ctx, c.take, string(u.ID))
		ok(err)
		given := make(chan error, 1)
		go func() {
			_, err := s.Commit(ctx, c.again)
			given <- err
		}()
		for waiting := 0; waiting < 1; time.Sleep(time.Millisecond) {
			ok(tx.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting))
		}
		var end, since int64
		ok(tx.QueryRow(ctx, "UPDATE counter SET n = n + 1 RETURNING n").Scan(&end))
		ok(tx.Commit(ctx))
		ok(<-given)
		ok(conn.QueryRow(ctx, c.since, string(u.ID)).Scan(&since))
		if since < end {
			t.Errorf("%s that was given back while its end, %d, was committed is from %d", name, end, since)
		}
	}
}
