package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/store"
)

// signedOn is a house on SQLite in which somebody is signed in and may use an app.
type signedOn struct {
	*testing.T
	*store.Store
	now     time.Time
	app     idp.AppID
	session idp.Session
}

func newSignedOn(t *testing.T) *signedOn {
	t.Helper()
	h := &signedOn{T: t, Store: opened(t, "sqlite:"+filepath.Join(t.TempDir(), "house.db")), now: idp.Time(time.Now())}
	generation, err := h.Generation(t.Context())
	h.ok(err)
	u := idp.User{ID: idp.NewUserID(), Username: "ada", Role: idp.RoleEmployee, Status: idp.UserActive, Epoch: 1}
	a := idp.App{ID: idp.NewAppID(), Name: "wiki", Protocol: idp.ProtocolOIDC, Identifier: "wiki", OIDC: &idp.OIDCSettings{}}
	b := idp.App{ID: idp.NewAppID(), Name: "crm", Protocol: idp.ProtocolOIDC, Identifier: "crm", OIDC: &idp.OIDCSettings{}}
	grant := func(a idp.App) idp.Grant {
		return idp.Grant{ID: idp.NewGrantID(), AppID: a.ID, UserID: u.ID, CreatedAt: h.now}
	}
	_, err = h.Commit(t.Context(), idp.Change{Users: []idp.User{u}, Apps: []idp.App{a, b}, Grants: []idp.Grant{grant(a), grant(b)}})
	h.ok(err)
	h.app = a.ID
	h.session = idp.Session{ID: idp.NewSessionID(), Proof: idp.Proof{UserID: u.ID, Epoch: 1, Generation: generation}, CreatedAt: h.now, LastSeenAt: h.now, ExpiresAt: h.now.Add(time.Hour)}
	h.ok(h.StartSession(t.Context(), h.session, "secret", ""))
	// An account of the person in the other app, whose ID is taken.
	f := h.family()
	f.AppID = b.ID
	h.ok(h.SpendCode(t.Context(), f, idp.Participant{NameID: idp.NameID{Value: "x"}}, idp.Account{ID: "taken", Subject: "x"}))
	return h
}

func (h *signedOn) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *signedOn) family() idp.TokenFamily {
	return idp.TokenFamily{ID: idp.NewTokenFamilyID(), Proof: h.session.Proof, AppID: h.app, SessionID: h.session.ID,
		Offline: true, Seq: 1, CreatedAt: h.now, RotatedAt: h.now, ExpiresAt: h.now.Add(time.Hour)}
}

func (h *signedOn) spend(ctx context.Context, f idp.TokenFamily, account idp.AccountID) error {
	return h.SpendCode(ctx, f, idp.Participant{NameID: idp.NameID{Value: "x"}}, idp.Account{ID: account, Subject: "x"})
}

// together has all of this wait for the writer, and returns how each ended and
// how many statements it took.
func (h *signedOn) together(meanwhile func(), write ...func() error) (ended []error, statements uint64) {
	h.Helper()
	release, err := h.HoldWriter(h.Context())
	h.ok(err)
	ends := make([]chan error, len(write))
	for i, fn := range write {
		ends[i] = make(chan error, 1)
		go func() { ends[i] <- fn() }()
		for h.Sharing() <= i { // in this order
			time.Sleep(time.Millisecond)
		}
	}
	meanwhile()
	before := h.Statements()
	release()
	for _, end := range ends {
		ended = append(ended, <-end)
	}
	return ended, h.Statements() - before
}

func nothing() {}

// TestThoseWhoWaitToWriteShareOneCommit: BEGIN and COMMIT are there once, and
// everybody gets an answer of their own.
func TestThoseWhoWaitToWriteShareOneCommit(t *testing.T) {
	t.Parallel()
	h := newSignedOn(t)
	ctx, f, twice, old := t.Context(), h.family(), h.family(), h.family()
	h.ok(h.spend(ctx, old, ""))
	rotate := func() error {
		next, err := h.Rotate(ctx, old.ID, old.Proof, 1, h.now, time.Minute)
		if err == nil && next.Seq != 2 {
			err = errors.New("not the next one")
		}
		return err
	}
	ended, statements := h.together(nothing,
		func() error { return h.spend(ctx, f, "") },
		func() error { return h.spend(ctx, twice, "") },
		func() error { return h.spend(ctx, twice, "") },
		rotate,
		func() error { return h.Spend(ctx, "jti", "x", h.now.Add(time.Hour)) },
		func() error { return h.Spend(ctx, "jti", "x", h.now.Add(time.Hour)) },
	)
	for i, spentBefore := range []bool{false, false, true, false, false, true} {
		if err := ended[i]; idp.IsKind(err, idp.Conflict) != spentBefore || err != nil && !spentBefore {
			t.Errorf("%d: %v", i, err)
		}
	}
	// 3+3+1 of codes and one look at why, 1 of the rotation, 2 of values.
	if want := uint64(2 + 3 + 3 + 1 + 1 + 1 + 2); statements != want {
		t.Errorf("%d statements, want %d", statements, want)
	}
	reopened, err := h.FamilyByID(ctx, old.ID, h.now)
	if err != nil || reopened.Family.Seq != 2 {
		t.Errorf("%+v, %v", reopened.Family, err)
	}
}

// TestAMistakeInASharedTransactionIsItsOwnersAlone: the others' writes are made,
// its own is not, in whatever order they came.
func TestAMistakeInASharedTransactionIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	h := newSignedOn(t)
	ctx, first, wrong, last := t.Context(), h.family(), h.family(), h.family()
	ended, _ := h.together(nothing,
		func() error { return h.spend(ctx, first, "") },
		func() error { return h.spend(ctx, wrong, "taken") },
		func() error { return h.spend(ctx, last, "") },
	)
	if ended[0] != nil || ended[1] == nil || ended[2] != nil {
		t.Errorf("they ended with %v", ended)
	}
	for _, c := range []struct {
		f       idp.TokenFamily
		written bool
	}{{first, true}, {wrong, false}, {last, true}} {
		if _, err := h.FamilyByID(ctx, c.f.ID, h.now); (err == nil) != c.written {
			t.Errorf("family %s: %v", c.f.ID, err)
		}
	}
}

// TestWhoLeavesWhileTheyWaitHasWrittenNothing, and holds nobody up.
func TestWhoLeavesWhileTheyWaitHasWrittenNothing(t *testing.T) {
	t.Parallel()
	h := newSignedOn(t)
	ctx, cancel := context.WithCancel(t.Context())
	gone, stays := h.family(), h.family()
	left := func() {
		cancel()
		for h.Sharing() > 1 {
			time.Sleep(time.Millisecond)
		}
	}
	ended, _ := h.together(left,
		func() error { return h.spend(ctx, gone, "") },
		func() error { return h.spend(t.Context(), stays, "") },
	)
	if !errors.Is(ended[0], context.Canceled) || ended[1] != nil {
		t.Errorf("they ended with %v", ended)
	}
	if err := h.spend(t.Context(), gone, ""); err != nil {
		t.Errorf("the code of who left was spent: %v", err)
	}
}

// TestWhoComesWhileOthersWriteIsWrittenWithThem: before the commit, not after it.
func TestWhoComesWhileOthersWriteIsWrittenWithThem(t *testing.T) {
	t.Parallel()
	h := newSignedOn(t)
	ctx, late := t.Context(), h.family()
	came := make(chan error, 1)
	slow := func() error {
		go func() { came <- h.spend(ctx, late, "") }()
		for h.Sharing() == 0 {
			time.Sleep(time.Millisecond)
		}
		return nil
	}
	ended, statements := h.together(nothing,
		func() error { return h.Share(ctx, slow) },
		func() error { return h.Share(ctx, func() error { return nil }) },
	)
	if err := errors.Join(append(ended, <-came)...); err != nil {
		t.Error(err)
	}
	if statements != 2+3 {
		t.Errorf("%d statements, want one BEGIN and COMMIT for all", statements)
	}
}
