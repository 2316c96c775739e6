package directory_test

import (
	"context"
	"slices"
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

// TestAFileKeepsWhatItCannotSay: how an app registered itself, and its secrets.
func TestAFileKeepsWhatItCannotSay(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newDirectory(t)
	_, hash := directory.NewSecret()
	app := must[idp.App](t)(d.AddApp(ctx, oidcApp("https://app.example/cb", func(o *idp.OIDCSettings) {
		o.AuthMethod, o.SecretHashes = "client_secret_basic", []string{hash}
		o.RegisteredBy, o.RegistrationTokenHash = idp.NewInitialTokenID(), directory.HashSecret("managing")
	})))
	want := oidcApp("https://app.example/cb", func(o *idp.OIDCSettings) { o.AuthMethod, o.ThirdParty = "client_secret_basic", true })
	done := must[[]directory.Difference](t)(d.Apply(ctx, directory.Desired{Apps: []idp.App{want}}, false))
	now := must[idp.App](t)(s.App(ctx, app.ID))
	if len(done) != 1 || done[0].Secret != "" || !now.OIDC.ThirdParty {
		t.Errorf("done %+v, third party %v", done, now.OIDC.ThirdParty)
	}
	if now.OIDC.RegisteredBy != app.OIDC.RegisteredBy || now.OIDC.RegistrationTokenHash != app.OIDC.RegistrationTokenHash || !slices.Equal(now.OIDC.SecretHashes, []string{hash}) {
		t.Errorf("registered by %q, managed with %q, secrets %v", now.OIDC.RegisteredBy, now.OIDC.RegistrationTokenHash, now.OIDC.SecretHashes)
	}
	if again := must[[]directory.Difference](t)(d.Apply(ctx, directory.Desired{Apps: []idp.App{want}}, false)); len(again) != 0 {
		t.Errorf("the second time there was still something to do: %+v", again)
	}
}

// meanwhile is a store in which something happens after an app was read by name.
type meanwhile struct {
	directory.Store
	then func()
}

func (m *meanwhile) AppByName(ctx context.Context, name string) (idp.App, error) {
	a, err := m.Store.AppByName(ctx, name)
	if m.then != nil {
		then := m.then
		m.then = nil
		then()
	}
	return a, err
}

// TestASecretRemovedDuringAFileStaysRemoved: the file decides on the version it
// replaces.
func TestASecretRemovedDuringAFileStaysRemoved(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newDirectory(t)
	want := oidcApp("https://app.example/cb", func(o *idp.OIDCSettings) { o.AuthMethod = "client_secret_basic" })
	done := must[[]directory.Difference](t)(d.Apply(ctx, directory.Desired{Apps: []idp.App{want}}, false))
	app := must[idp.App](t)(s.AppByName(ctx, want.Name))
	leaked := app.OIDC.SecretHashes[0]
	if directory.HashSecret(done[0].Secret) != leaked {
		t.Fatalf("the secret shown is %q", done[0].Secret)
	}
	if _, _, err := d.AddSecret(ctx, app.ID); err != nil {
		t.Fatal(err)
	}
	d.Store = &meanwhile{s, func() {
		if err := d.RemoveSecret(ctx, app.ID, idp.SecretIDOf(leaked)); err != nil {
			t.Error(err)
		}
	}}
	want.OIDC.AllowOfflineAccess = true
	must[[]directory.Difference](t)(d.Apply(ctx, directory.Desired{Apps: []idp.App{want}}, false))
	app = must[idp.App](t)(s.App(ctx, app.ID))
	if len(app.OIDC.SecretHashes) != 1 || app.OIDC.SecretHashes[0] == leaked || !app.OIDC.AllowOfflineAccess {
		t.Errorf("secrets %v, the leaked one is %s", app.OIDC.SecretHashes, leaked)
	}
}

// TestAFileBringsNoRemovedAppBack: nor whom it was granted to.
func TestAFileBringsNoRemovedAppBack(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newDirectory(t)
	app := must[idp.App](t)(d.AddApp(ctx, oidcApp("https://app.example/cb", nil)))
	must[idp.Receipt](t)(d.RemoveApp(ctx, app.ID, "gone"))
	_, err := d.Apply(ctx, directory.Desired{Apps: []idp.App{oidcApp("https://app.example/cb", nil)}}, false)
	if app = must[idp.App](t)(s.App(ctx, app.ID)); !idp.IsKind(err, idp.Conflict) || !app.OIDC.Removed {
		t.Errorf("applied: %v; removed %v", err, app.OIDC.Removed)
	}
}
