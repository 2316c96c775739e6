package directory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/store"
)

// TestASessionThatRanOutIsEndedInItsApps: where an app can be told; by one
// ending however often and by how many it is looked for. What something else
// has cut gets no second receipt.
func TestASessionThatRanOutIsEndedInItsApps(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newDirectory(t)
	d.Reaches = func(app idp.App) bool { return app.OIDC.BackchannelLogoutURI != "" }
	wakes := 0
	d.Wake = func() { wakes++ }
	apps := map[string]idp.App{}
	for _, name := range []string{"told", "untold"} {
		app := oidcApp("https://app.example/cb", func(o *idp.OIDCSettings) {
			if name == "told" {
				o.BackchannelLogoutURI = "https://app.example/out"
			}
		})
		app.Name, app.Identifier = name, name
		apps[name] = must[idp.App](t)(d.AddApp(ctx, app))
	}
	generation := must[string](t)(s.Generation(ctx))
	sessions := map[string]idp.Session{}
	begun := idp.Time(time.Now())
	for _, who := range []struct{ name, app string }{{"ada", "told"}, {"grace", "untold"}, {"kurt", ""}, {"max", "told"}} {
		u := add(t, d, who.name, idp.RoleEmployee)
		proof := idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: generation}
		ses := idp.Session{ID: idp.NewSessionID(), Proof: proof, AuthTime: begun, CreatedAt: begun, LastSeenAt: begun, ExpiresAt: begun.Add(time.Hour)}
		if err := s.StartSession(ctx, ses, who.name, ""); err != nil {
			t.Fatal(err)
		}
		sessions[who.name] = ses
		if who.app == "" {
			continue
		}
		app := apps[who.app]
		must[idp.Grant](t)(d.Grant(ctx, idp.Grant{AppID: app.ID, UserID: u.ID}))
		openApp(t, s, app, ses)
	}
	must[idp.Receipt](t)(d.Suspend(ctx, sessions["max"].UserID, "left"))

	if n := must[int](t)(d.EndExpiredSessions(ctx, 10)); n != 0 {
		t.Errorf("%d were looked at before their time", n)
	}
	later := begun.Add(time.Hour + 10*time.Second)
	d.Now, s.Now = func() time.Time { return later }, func() time.Time { return later }
	wakes = 0
	if n := must[int](t)(d.EndExpiredSessions(ctx, 10)); n != 4 || wakes != 1 {
		t.Errorf("%d were looked at and the worker woken %d times, want 4 and 1", n, wakes)
	}
	if n := must[int](t)(d.EndExpiredSessions(ctx, 10)); n != 0 {
		t.Errorf("%d were looked at again", n)
	}
	for name, ses := range sessions {
		got := must[idp.Session](t)(s.SessionByID(ctx, ses.ID))
		if want := map[string]string{"ada": "expired"}[name]; got.EndedBy != want {
			t.Errorf("%s's session was ended by %q, want %q", name, got.EndedBy, want)
		}
	}
	r := must[idp.Receipt](t)(s.LastReceipt(ctx, sessions["ada"].UserID, idp.EndSession))
	if r.SessionID != sessions["ada"].ID || r.Reason != "it had run out" {
		t.Errorf("the receipt says %+v", r)
	}
}

// openApp gives the app tokens of the session.
func openApp(t *testing.T, s *store.Store, app idp.App, ses idp.Session) {
	t.Helper()
	at, user := ses.CreatedAt, ses.UserID
	f := idp.TokenFamily{ID: idp.NewTokenFamilyID(), Proof: ses.Proof, AppID: app.ID, AppEpoch: app.Epoch, SessionID: ses.ID, AuthTime: at, Seq: 1, RotatedAt: at, CreatedAt: at, ExpiresAt: ses.ExpiresAt}
	p := idp.Participant{SessionID: ses.ID, AppID: app.ID, UserID: user, SessionIndex: "sid", FirstAt: at, LastAnswerAt: at, AppEpoch: app.Epoch}
	if err := s.SpendCode(context.Background(), f, p, idp.Account{ID: idp.NewAccountID(), AppID: app.ID, UserID: user, Subject: string(user), FirstSeenAt: at, LastSeenAt: at}); err != nil {
		t.Fatal(err)
	}
}

// renewing is a store in which something happens right after sessions were seen
// to have run out.
type renewing struct {
	directory.Store
	then func()
}

func (r *renewing) ExpiredSessions(ctx context.Context, now time.Time, n int) (whole, cut []idp.Session, err error) {
	whole, cut, err = r.Store.ExpiredSessions(ctx, now, n)
	if len(whole) != 1 {
		return nil, nil, errors.New("the session was not found")
	}
	r.then()
	return whole, cut, err
}

// TestASessionThatIsRenewedLivesOn: one that has run out by the clock of the node
// that looks, and is renewed at another whose clock is behind, before it is ended
// or settled. When it runs out at last it is found again.
func TestASessionThatIsRenewedLivesOn(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{true, false} {
		ctx := context.Background()
		d, s := newDirectory(t)
		d.Reaches = func(idp.App) bool { return told }
		app := must[idp.App](t)(d.AddApp(ctx, oidcApp("https://app.example/cb", func(o *idp.OIDCSettings) { o.BackchannelLogoutURI = "https://app.example/out" })))
		begun := idp.Time(time.Now())
		u := add(t, d, "ada", idp.RoleEmployee)
		must[idp.Grant](t)(d.Grant(ctx, idp.Grant{AppID: app.ID, UserID: u.ID}))
		proof := idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: must[string](t)(s.Generation(ctx))}
		ses := idp.Session{ID: idp.NewSessionID(), Proof: proof, AuthTime: begun, CreatedAt: begun, LastSeenAt: begun, ExpiresAt: begun.Add(time.Hour)}
		if err := s.StartSession(ctx, ses, "h1", ""); err != nil {
			t.Fatal(err)
		}
		openApp(t, s, app, ses)
		in := idp.SignIn{ID: idp.NewSignInID(), Protocol: idp.ProtocolOIDC, AppID: app.ID, CreatedAt: begun, ExpiresAt: begun.Add(2 * time.Hour)}
		if err := s.CreateSignIn(ctx, in); err != nil {
			t.Fatal(err)
		}
		in.Proof, in.Methods, in.AuthTime = proof, []string{"pwd"}, begun
		if err := s.ProveSignIn(ctx, in, begun, idp.Witness{}); err != nil {
			t.Fatal(err)
		}
		looks := begun.Add(time.Hour + 10*time.Second)
		d.Now = func() time.Time { return looks }
		behind := d.Store
		d.Store = &renewing{behind, func() {
			r := ses
			r.LastSeenAt, r.AuthTime, r.ExpiresAt = begun.Add(time.Hour-2*time.Second), begun.Add(time.Hour-2*time.Second), begun.Add(10*time.Hour)
			must[idp.Committed](t)(s.RenewSession(ctx, r, "h2", in.ID))
		}}
		must[int](t)(d.EndExpiredSessions(ctx, 10))
		if now := must[idp.Session](t)(s.SessionByID(ctx, ses.ID)); !now.EndedAt.IsZero() {
			t.Errorf("told %v: a live session that was just renewed was ended (%s)", told, now.EndedBy)
		}
		if _, err := s.LastReceipt(ctx, u.ID, idp.EndSession); !idp.IsKind(err, idp.NotFound) {
			t.Errorf("told %v: there is a receipt of it: %v", told, err)
		}
		d.Store, looks = behind, begun.Add(11*time.Hour)
		if n := must[int](t)(d.EndExpiredSessions(ctx, 10)); n != 1 {
			t.Errorf("told %v: it has run out, and %d were looked at", told, n)
		}
	}
}
