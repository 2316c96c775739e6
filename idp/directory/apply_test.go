package directory_test

import (
	"context"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/store"
)

// held gives the person a token family of the app that outlives its session.
func held(t *testing.T, s *store.Store, u idp.User, a idp.App) idp.TokenFamily {
	t.Helper()
	ctx, now := context.Background(), idp.Time(time.Now())
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	proof := idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: must[string](t)(s.Generation(ctx))}
	ses := idp.Session{ID: idp.NewSessionID(), Proof: proof, CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(time.Hour)}
	ok(s.StartSession(ctx, ses, string(ses.ID), ""))
	access := must[idp.Access](t)(s.Access(ctx, u.ID, a.ID, now))
	f := idp.TokenFamily{ID: idp.NewTokenFamilyID(), Proof: proof, AppID: a.ID, GrantedN: access.N, SessionID: ses.ID, Offline: true, Seq: 1, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	ok(s.SpendCode(ctx, f, idp.Participant{NameID: idp.NameID{Value: "x"}}, idp.Account{Subject: "x"}))
	return f
}

// TestAnAppThatAFileTakesAwayEnds: whichever end of a grant a file moves.
func TestAnAppThatAFileTakesAwayEnds(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newDirectory(t)
	u := add(t, d, "ada", idp.RoleEmployee)
	a := must[idp.App](t)(d.AddApp(ctx, oidcApp("https://app.example/cb", func(*idp.OIDCSettings) {})))
	apply := func(g idp.Grant, verb string) {
		t.Helper()
		want := directory.Desired{Grants: []directory.DesiredGrant{{App: a.Name, User: "ada", Grant: g}}}
		planned := must[[]directory.Difference](t)(d.Apply(ctx, want, true))
		done := must[[]directory.Difference](t)(d.Apply(ctx, want, false))
		if len(planned) != 1 || len(done) != 1 || planned[0] != done[0] || done[0].Verb != verb {
			t.Fatalf("planned %+v, done %+v, want one %q", planned, done, verb)
		}
		if again := must[[]directory.Difference](t)(d.Apply(ctx, want, false)); len(again) != 0 {
			t.Errorf("the second time there was still something to do: %+v", again)
		}
		if n := must[int](t)(d.EndDueGrants(ctx, 10)); n != 0 {
			t.Errorf("%d grants were due after it", n)
		}
	}
	receipts := func(want int) {
		t.Helper()
		list, _, err := s.Receipts(ctx, u.ID, "", 50)
		if err != nil || len(list) != want {
			t.Errorf("%d receipts, %v; want %d", len(list), err, want)
		}
	}
	alive := func(f idp.TokenFamily) bool {
		t.Helper()
		truth := must[idp.FamilyTruth](t)(s.FamilyByID(ctx, f.ID, idp.Time(time.Now())))
		return truth.Granted && truth.Family.RevokedAt.IsZero()
	}
	apply(idp.Grant{}, "grant")
	past := time.Now().Add(-time.Minute)
	for n, c := range []struct {
		name   string
		narrow idp.Grant
	}{
		{"it is to begin tomorrow", idp.Grant{FromAt: time.Now().Add(24 * time.Hour)}},
		{"it is over", idp.Grant{UntilAt: past}},
		{"it is over as it was before", idp.Grant{UntilAt: past}},
	} {
		f := held(t, s, u, a)
		apply(idp.Grant{Role: "editor", UntilAt: time.Now().Add(time.Hour)}, "grant")
		if !alive(f) {
			t.Errorf("%s: a grant that goes on ended something", c.name)
		}
		apply(c.narrow, "end")
		receipts(n + 1)
		apply(idp.Grant{}, "grant")
		if alive(f) {
			t.Errorf("%s: what had ended lives again", c.name)
		}
	}
}
