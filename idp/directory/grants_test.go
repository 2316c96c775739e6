package directory_test

import (
	"context"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/store"
)

// stubborn is a store in which one app's grants cannot be ended.
type stubborn struct {
	*store.Store
	app idp.AppID
}

func (s *stubborn) Commit(ctx context.Context, c idp.Change) (idp.Committed, error) {
	if c.Ending != nil && c.Ending.AppID == s.app {
		return idp.Committed{}, idp.Errorf(idp.Unavailable, "The database takes too long.")
	}
	return s.Store.Commit(ctx, c)
}

func TestAGrantThatCannotBeEndedHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newDirectory(t)
	u := add(t, d, "ada", idp.RoleEmployee)
	var apps []idp.App
	for i, name := range []string{"wiki", "crm", "mail"} {
		app := oidcApp("https://app.example/cb", func(*idp.OIDCSettings) {})
		app.Name, app.Identifier = name, name
		app = must[idp.App](t)(d.AddApp(ctx, app))
		must[idp.Grant](t)(d.Grant(ctx, idp.Grant{AppID: app.ID, UserID: u.ID, UntilAt: time.Now().Add(time.Duration(i-60) * time.Second)}))
		apps = append(apps, app)
	}
	d.Store = &stubborn{s, apps[0].ID}
	n, err := d.EndDueGrants(ctx, 10)
	if n != 2 || !idp.IsKind(err, idp.Unavailable) {
		t.Errorf("%d ended, %v; want the other two, and why one was not", n, err)
	}
	d.Store = s
	if n := must[int](t)(d.EndDueGrants(ctx, 10)); n != 1 {
		t.Errorf("%d ended afterwards, want the one", n)
	}
	if n := must[int](t)(d.EndDueGrants(ctx, 10)); n != 0 {
		t.Errorf("%d are still due", n)
	}
}

// TestNothingIsGivenToARemovedApp: it is shown to nobody, and stays as it is.
func TestNothingIsGivenToARemovedApp(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newDirectory(t)
	_, hash := directory.NewSecret()
	app := oidcApp("https://app.example/cb", func(o *idp.OIDCSettings) {
		o.AuthMethod, o.SecretHashes, o.InitiateLoginURI = "client_secret_basic", []string{hash}, "https://app.example/login"
	})
	app.LaunchURL = "https://app.example/"
	app = must[idp.App](t)(d.AddApp(ctx, app))
	u := add(t, d, "ada", idp.RoleEmployee)
	must[idp.Grant](t)(d.Grant(ctx, idp.Grant{AppID: app.ID, UserID: u.ID}))
	must[idp.Receipt](t)(d.RemoveApp(ctx, app.ID, "gone"))
	app = must[idp.App](t)(s.App(ctx, app.ID))
	if !app.Removed() || app.LaunchURL+app.OIDC.InitiateLoginURI != "" {
		t.Errorf("removed %v, begins at %q and %q", app.Removed(), app.LaunchURL, app.OIDC.InitiateLoginURI)
	}
	if access := must[[]idp.Access](t)(s.AccessOf(ctx, u.ID, time.Now())); len(access) != 0 {
		t.Errorf("it may be used by %+v", access[0].Grant)
	}
	if a, err := s.Access(ctx, u.ID, app.ID, time.Now()); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("it may be used by %+v, %v", a.Grant, err)
	}
	bob := add(t, d, "bob", idp.RoleEmployee)
	changed := app
	changed.OIDC = new(*app.OIDC)
	changed.OIDC.AuthMethod = "none"
	for what, err := range map[string]error{
		"a grant":           second(d.Grant(ctx, idp.Grant{AppID: app.ID, UserID: bob.ID})),
		"a grant of a file": second(d.Apply(ctx, directory.Desired{Grants: []directory.DesiredGrant{{App: app.Name, User: "bob"}}}, false)),
		"a change":          second(d.ChangeApp(ctx, changed)),
		"no secret":         d.RemoveSecret(ctx, app.ID, idp.SecretIDOf(hash)),
	} {
		if !idp.IsKind(err, idp.Conflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, _, err := d.AddSecret(ctx, app.ID); !idp.IsKind(err, idp.Conflict) {
		t.Errorf("a secret: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestASecretIsForWhoAuthenticatesByOne: an app with keys would be left with a
// registration that contradicts itself.
func TestASecretIsForWhoAuthenticatesByOne(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newDirectory(t)
	for method, change := range map[string]func(*idp.OIDCSettings){
		"private_key_jwt": func(o *idp.OIDCSettings) { o.JWKSURI = "https://app.example/jwks" },
		"tls_client_auth": func(o *idp.OIDCSettings) { o.TLSSubject.DNS = "app.example" },
		"none":            func(*idp.OIDCSettings) {},
	} {
		app := oidcApp("https://app.example/cb", change)
		app.Name, app.Identifier, app.OIDC.AuthMethod = method, method, method
		app = must[idp.App](t)(d.AddApp(ctx, app))
		if _, _, err := d.AddSecret(ctx, app.ID); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("a secret for %s: %v", method, err)
		}
		if _, err := d.ChangeApp(ctx, must[idp.App](t)(s.App(ctx, app.ID))); err != nil {
			t.Errorf("%s cannot be changed any more: %v", method, err)
		}
	}
}

var _ directory.Store = (*stubborn)(nil)
