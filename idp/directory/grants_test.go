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

var _ directory.Store = (*stubborn)(nil)
