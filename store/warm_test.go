package store

import (
	"testing"
	"time"

	"gatehouse/idp"
)

// TestNothingIsPreparedAtTheFirstSignIn: what a sign-in by password in a new browser
// asks is prepared before.
func TestNothingIsPreparedAtTheFirstSignIn(t *testing.T) {
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(ctx, "sqlite::memory:")
	must(err)
	t.Cleanup(func() { must(s.Close()) })
	must(s.Migrate(ctx))
	now := idp.Time(time.Now())
	u := idp.User{ID: idp.NewUserID(), Username: "ada", Role: idp.RoleEmployee, Status: idp.UserActive, Epoch: 1, CreatedAt: now, UpdatedAt: now}
	_, err = s.Commit(ctx, idp.Change{Users: []idp.User{u}})
	must(err)
	generation, err := s.Generation(ctx)
	must(err)
	must(s.Warm(ctx))
	d := s.db.(*sqliteDB)
	prepared := func() int { return len(d.writer.prepared) + len(d.readers.idle[0].prepared) }
	before := prepared()

	proof := idp.Proof{UserID: u.ID, Epoch: 1, Generation: generation}
	in := idp.SignIn{ID: idp.NewSignInID(), CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	must(s.CreateSignIn(ctx, in))
	_, _, err = s.SignInByID(ctx, in.ID)
	must(err)
	_, _, err = s.Candidate(ctx, "ada", "")
	must(err)
	_, _, err = s.CountTwo(ctx, idp.Limit{Name: "short", Most: 10, Window: time.Minute}, idp.Limit{Name: "long", Most: 10, Window: time.Hour}, now)
	must(err)
	_, err = s.Credentials(ctx, u.ID)
	must(err)
	must(s.Uncount(ctx, "short", "long"))
	in.Proof, in.Methods, in.AuthTime = proof, []string{"pwd"}, now
	e := idp.Event{ID: idp.NewEventID(), At: now, Kind: "signin.password.ok", UserID: u.ID}
	must(s.ProveSignIn(ctx, in, now, idp.Witness{Events: []idp.Event{e}}))
	e.ID, e.Kind = idp.NewEventID(), "signin.device"
	browser := idp.KnownDevice{ID: idp.NewKnownDeviceID(), Proof: proof, CreatedAt: now, FirstAt: now, LastSeenAt: now}
	_, err = s.KnowDevice(ctx, browser, idp.FirstVouch{}, "", "hash", e)
	must(err)
	_, _, err = s.KnownDevice(ctx, "hash", u.ID)
	must(err)
	_, err = s.User(ctx, u.ID)
	must(err)
	session := idp.Session{ID: idp.NewSessionID(), Proof: proof, CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(time.Hour)}
	must(s.StartSession(ctx, session, "secret", in.ID))
	_, _, err = s.SessionByHash(ctx, "secret")
	must(err)
	_, err = s.SpendSignIn(ctx, in.ID, "", now)
	must(err)
	if after := prepared(); after != before {
		t.Errorf("%d statements were prepared at the first sign-in", after-before)
	}
}
