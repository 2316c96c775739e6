package directory_test

import (
	"context"
	"testing"
	"time"

	"gatehouse/idp"
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
		f := idp.TokenFamily{ID: idp.NewTokenFamilyID(), Proof: proof, AppID: app.ID, AppEpoch: app.Epoch, SessionID: ses.ID, AuthTime: begun, Seq: 1, RotatedAt: begun, CreatedAt: begun, ExpiresAt: ses.ExpiresAt}
		p := idp.Participant{SessionID: ses.ID, AppID: app.ID, UserID: u.ID, SessionIndex: "sid", FirstAt: begun, LastAnswerAt: begun, AppEpoch: app.Epoch}
		if err := s.SpendCode(ctx, f, p, idp.Account{ID: idp.NewAccountID(), AppID: app.ID, UserID: u.ID, Subject: string(u.ID), FirstSeenAt: begun, LastSeenAt: begun}); err != nil {
			t.Fatal(err)
		}
	}
	must[idp.Receipt](t)(d.Suspend(ctx, sessions["max"].UserID, "left"))

	if n := must[int](t)(d.EndExpiredSessions(ctx, 10)); n != 0 {
		t.Errorf("%d were looked at before their time", n)
	}
	later := begun.Add(time.Hour)
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
