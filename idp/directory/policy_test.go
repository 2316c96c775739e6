package directory_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/store"
)

func newRuled(t *testing.T) (*directory.Directory, *store.Store) {
	t.Helper()
	d, s := newDirectory(t)
	d.Sessions.Idle, d.Sessions.Absolute = 2*time.Hour, 12*time.Hour
	return d, s
}

func give(t *testing.T, s *store.Store, u idp.User, kind idp.CredentialKind) idp.Credential {
	t.Helper()
	c := idp.Credential{ID: idp.NewCredentialID(), UserID: u.ID, Kind: kind, Data: "x", CreatedAt: time.Now(), UpdatedAt: time.Now()}
	if _, err := s.Commit(t.Context(), idp.Change{Credentials: []idp.Credential{c}}); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAPolicyIsCheckedFieldByField: what is refused names its field.
func TestAPolicyIsCheckedFieldByField(t *testing.T) {
	t.Parallel()
	d, s := newRuled(t)
	many := make([]idp.PolicyRule, 51)
	for i := range many {
		many[i] = idp.PolicyRule{AppID: "app_x", MaxAge: time.Duration(i+1) * time.Minute}
	}
	for name, c := range map[string]struct {
		field string
		p     idp.Policy
	}{
		"idle too short":         {"idle", idp.Policy{Idle: 10 * time.Minute}},
		"idle over the house's":  {"idle", idp.Policy{Idle: 3 * time.Hour}},
		"absolute too long":      {"absolute", idp.Policy{Absolute: 24 * time.Hour}},
		"asks nothing":           {"rules", idp.Policy{Rules: []idp.PolicyRule{{Owners: true}}}},
		"two kinds of people":    {"rules", idp.Policy{Rules: []idp.PolicyRule{{Owners: true, GroupID: "grp_x", SecondFactor: true}}}},
		"an age for every app":   {"rules", idp.Policy{Rules: []idp.PolicyRule{{MaxAge: time.Hour}}}},
		"an age of seconds":      {"rules", idp.Policy{Rules: []idp.PolicyRule{{AppID: "app_x", MaxAge: time.Second}}}},
		"twice the same":         {"rules", idp.Policy{Rules: []idp.PolicyRule{{SecondFactor: true}, {SecondFactor: true}}}},
		"too many":               {"rules", idp.Policy{Rules: many}},
		"a factor and more":      {"rules", idp.Policy{Rules: []idp.PolicyRule{{SecondFactor: true, Passkey: true}}}},
		"passkeys without any":   {"rules", idp.Policy{Rules: []idp.PolicyRule{{Passkey: true}}}},
		"risk that asks nothing": {"rules", idp.Policy{Rules: []idp.PolicyRule{{Risk: true}}}},
		"risk and an age":        {"rules", idp.Policy{Rules: []idp.PolicyRule{{AppID: "app_x", SecondFactor: true, Risk: true, MaxAge: time.Hour}}}},
		"let in without a risk":  {"rules", idp.Policy{Rules: []idp.PolicyRule{{SecondFactor: true, LetIn: true}}}},
		"remembered for ever":    {"remember", idp.Policy{Remember: 91 * 24 * time.Hour}},
		"remembered for hours":   {"remember", idp.Policy{Remember: 36 * time.Hour}},
		"remembered backwards":   {"remember", idp.Policy{Remember: -24 * time.Hour}},
	} {
		c.p.Version = 1
		_, err := d.SetPolicy(t.Context(), c.p, true)
		if e, ok := err.(*idp.Error); !ok || e.Kind != idp.Invalid || e.Fields[c.field] == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := d.SetPolicy(t.Context(), idp.Policy{Version: 1, Rules: []idp.PolicyRule{{GroupID: idp.NewGroupID(), SecondFactor: true}}}, true)
	if !idp.IsKind(err, idp.NotFound) {
		t.Errorf("a group that there is not: %v", err)
	}
	if p := must[idp.Policy](t)(s.Policy(t.Context())); p.Version != 1 {
		t.Errorf("what was refused is kept: %+v", p)
	}
}

// TestAPolicySaysWhomItLocksOutFirst: it is not set until that is accepted, and
// never where no owner could sign in by it.
func TestAPolicySaysWhomItLocksOutFirst(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newRuled(t)
	var told []idp.Policy
	d.Ruled = func(p idp.Policy) { told = append(told, p) }
	ada, bob := add(t, d, "ada", idp.RoleOwner), add(t, d, "bob", idp.RoleEmployee)
	all := idp.Policy{Version: 1, Rules: []idp.PolicyRule{{SecondFactor: true}}}
	if _, err := d.SetPolicy(ctx, all, true); !idp.IsKind(err, idp.Denied) {
		t.Fatalf("no owner could sign in: %v", err)
	}
	give(t, s, ada, idp.CredentialTOTP)
	out := must[idp.LockedOut](t)(d.LockedOut(ctx, all))
	if out.Count != 1 || out.Users[0].ID != bob.ID {
		t.Errorf("locked out: %+v", out)
	}
	_, err := d.SetPolicy(ctx, all, false)
	if !idp.IsKind(err, idp.Conflict) || !strings.Contains(err.Error(), bob.Name()) {
		t.Fatalf("set before it was accepted: %v", err)
	}
	if len(told) != 0 || len(must[idp.Policy](t)(s.Policy(ctx)).Rules) != 0 {
		t.Fatal("what was refused is in force")
	}
	set := must[idp.Policy](t)(d.SetPolicy(ctx, all, true))
	if set.Version != 2 || len(told) != 1 {
		t.Errorf("set %+v, told %+v", set, told)
	}
	if _, err := d.SetPolicy(ctx, all, true); !idp.IsKind(err, idp.Conflict) {
		t.Errorf("on a version that is gone: %v", err)
	}
	// Whom it locks out already is no news.
	set.Idle = time.Hour
	must[idp.Policy](t)(d.SetPolicy(ctx, set, false))
	events, _, err := s.Events(ctx, idp.EventQuery{})
	if err != nil || events[0].Kind != "house.policy" || events[0].Detail["idle"] != "1h0m0s" || events[1].Detail["locked_out"] != "1" {
		t.Errorf("events %+v, %v", events, err)
	}
}

// TestAFileSetsThePolicyByNames, also of what it adds itself, and the same file
// again is no change; but it locks nobody out.
func TestAFileSetsThePolicyByNames(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newRuled(t)
	ada := add(t, d, "ada", idp.RoleOwner)
	want := directory.Desired{
		Groups: []string{"Finance"},
		Policy: &directory.DesiredPolicy{
			Rules:  []directory.DesiredRule{{Group: "Finance", PolicyRule: idp.PolicyRule{SecondFactor: true}}},
			Policy: idp.Policy{Absolute: 8 * time.Hour, EmailCode: true, MailRecovers: true},
		},
	}
	for i, n := range []int{2, 0} {
		found := must[[]directory.Difference](t)(d.Apply(ctx, want, false))
		if len(found) != n {
			t.Errorf("time %d: %+v", i+1, found)
		}
	}
	p := must[idp.Policy](t)(s.Policy(ctx))
	finance := must[idp.Group](t)(s.GroupByName(ctx, "Finance"))
	if p.Absolute != 8*time.Hour || !p.EmailCode || !p.MailRecovers || len(p.Rules) != 1 || p.Rules[0].GroupID != finance.ID {
		t.Errorf("policy %+v", p)
	}
	add(t, d, "bob", idp.RoleEmployee)
	give(t, s, ada, idp.CredentialPasskey)
	want.Policy.Rules = append(want.Policy.Rules, directory.DesiredRule{PolicyRule: idp.PolicyRule{SecondFactor: true}})
	if _, err := d.Apply(ctx, want, false); !idp.IsKind(err, idp.Conflict) {
		t.Errorf("a file locks somebody out: %v", err)
	}
	want.Policy.Rules[1].App = "Nowhere"
	if _, err := d.Apply(ctx, want, false); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("an app that there is not: %v", err)
	}
}

// TestARuleForPasskeysCountsWhoHasNone: an authenticator app is none, and no owner
// with nothing but that gets into the console by it.
func TestARuleForPasskeysCountsWhoHasNone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newRuled(t)
	d.Passkeys = true
	ada, bob := add(t, d, "ada", idp.RoleOwner), add(t, d, "bob", idp.RoleEmployee)
	give(t, s, ada, idp.CredentialTOTP)
	give(t, s, bob, idp.CredentialPasskey)
	rule := idp.Policy{Version: 1, Rules: []idp.PolicyRule{{Passkey: true}}}
	if _, err := d.SetPolicy(ctx, rule, true); !idp.IsKind(err, idp.Denied) || !strings.Contains(err.Error(), "passkey") {
		t.Errorf("no owner has a passkey: %v", err)
	}
	out := must[idp.LockedOut](t)(d.LockedOut(ctx, rule))
	if out.Count != 1 || out.Users[0].ID != ada.ID || !strings.Contains(out.Sentence(), "a passkey") {
		t.Errorf("locked out: %+v, %s", out, out.Sentence())
	}
	eve := add(t, d, "eve", idp.RoleOwner)
	c := give(t, s, eve, idp.CredentialPasskey)
	must[idp.Policy](t)(d.SetPolicy(ctx, rule, true))
	if c.UserID != eve.ID {
		t.Fatal("whose passkey is it")
	}
}

// TestBrowsersRememberedBeforeItWasOffStayForgotten: turning it on again counts from
// then, by hand and by a file; a change of anything else counts for nothing.
func TestBrowsersRememberedBeforeItWasOffStayForgotten(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newRuled(t)
	add(t, d, "ada", idp.RoleOwner)
	const day = 24 * time.Hour
	for i, c := range []struct {
		p     idp.Policy
		since int64
	}{
		{idp.Policy{Remember: 30 * day}, 2},
		{idp.Policy{Remember: 7 * day, Idle: time.Hour}, 2},
		{idp.Policy{Idle: time.Hour, RememberSince: 2}, 0},
		{idp.Policy{Remember: 7 * day}, 5},
	} {
		c.p.Version = int64(i + 1)
		if set := must[idp.Policy](t)(d.SetPolicy(ctx, c.p, false)); set.RememberSince != c.since {
			t.Errorf("change %d: since %d, want %d", i+1, set.RememberSince, c.since)
		}
		kept := must[idp.Policy](t)(s.Policy(ctx))
		switch since := kept.RememberSinceAt; {
		case c.since == 0:
			if !since.IsZero() {
				t.Errorf("change %d: it is off, since %s", i+1, since)
			}
		case c.since == kept.Version && !since.Equal(kept.UpdatedAt), c.since < kept.Version && !since.Before(kept.UpdatedAt):
			t.Errorf("change %d: on since %s, changed %s", i+1, since, kept.UpdatedAt)
		}
	}
	file := func(remember time.Duration) idp.Policy {
		must[[]directory.Difference](t)(d.Apply(ctx, directory.Desired{Policy: &directory.DesiredPolicy{Policy: idp.Policy{Remember: remember}}}, false))
		return must[idp.Policy](t)(s.Policy(ctx))
	}
	if p := file(7 * day); p.Version != 5 || p.RememberSince != 5 {
		t.Errorf("the same by a file: %+v", p)
	}
	file(0)
	if p := file(7 * day); p.Version != 7 || p.RememberSince != 7 {
		t.Errorf("off and on by a file: %+v", p)
	}
}

// TestARuleByRiskLocksOutWhomNoCodeCanBeMailed, also by a file.
func TestARuleByRiskLocksOutWhomNoCodeCanBeMailed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newRuled(t)
	ada := add(t, d, "ada", idp.RoleOwner)
	give(t, s, ada, idp.CredentialTOTP)
	add(t, d, "bob", idp.RoleEmployee)
	rule := idp.PolicyRule{SecondFactor: true, Risk: true}
	byRisk := idp.Policy{Version: 1, Rules: []idp.PolicyRule{rule}}
	out := must[idp.LockedOut](t)(d.LockedOut(ctx, byRisk))
	if out.Count != 0 || out.Mailed != 0 || out.Unmailed != 1 || !out.Anybody() {
		t.Errorf("in a house without mails: %+v", out)
	}
	if _, err := d.SetPolicy(ctx, byRisk, false); !idp.IsKind(err, idp.Conflict) {
		t.Errorf("set before it was accepted: %v", err)
	}
	file := directory.Desired{Policy: &directory.DesiredPolicy{Rules: []directory.DesiredRule{{PolicyRule: rule}}}}
	if _, err := d.Apply(ctx, file, false); !idp.IsKind(err, idp.Conflict) {
		t.Errorf("set by a file: %v", err)
	}
	letIn := rule
	letIn.LetIn = true
	if out := must[idp.LockedOut](t)(d.LockedOut(ctx, idp.Policy{Rules: []idp.PolicyRule{letIn}})); out.Sentence() != "" {
		t.Errorf("let in, and %s", out.Sentence())
	}
	s.Mails, d.Mails = true, true
	u := must[idp.User](t)(s.UserByName(ctx, "bob"))
	u.Email = "bob@example.org"
	if _, err := s.Commit(ctx, idp.Change{Users: []idp.User{u}}); err != nil {
		t.Fatal(err)
	}
	must[idp.Policy](t)(d.SetPolicy(ctx, byRisk, false))
	if found := must[[]directory.Difference](t)(d.Apply(ctx, file, false)); len(found) != 0 {
		t.Errorf("the same by a file: %+v", found)
	}
}

// TestARuleByRiskLetsSomeOwnerIn: by their second factor, a code by mail, or a browser
// that is known; else it is refused, also where it is accepted, and in a file.
func TestARuleByRiskLetsSomeOwnerIn(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rule := idp.PolicyRule{SecondFactor: true, Risk: true}
	byPasskey := idp.PolicyRule{Passkey: true, Risk: true}
	letIn := rule
	letIn.LetIn = true
	browser := func(t *testing.T, s *store.Store, u idp.User, by idp.Vouch) {
		t.Helper()
		p := idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: must[string](t)(s.Generation(ctx))}
		must[idp.KnownDevice](t)(knows(ctx, s, p, by))
	}
	for name, c := range map[string]struct {
		rule    idp.PolicyRule
		has     func(t *testing.T, d *directory.Directory, s *store.Store, ada idp.User)
		refused bool
	}{
		"a password alone": {rule, func(*testing.T, *directory.Directory, *store.Store, idp.User) {}, true},
		"let in":           {letIn, func(*testing.T, *directory.Directory, *store.Store, idp.User) {}, false},
		"an app": {rule, func(t *testing.T, _ *directory.Directory, s *store.Store, u idp.User) {
			give(t, s, u, idp.CredentialTOTP)
		}, false},
		"a known browser": {rule, func(t *testing.T, _ *directory.Directory, s *store.Store, u idp.User) {
			browser(t, s, u, idp.VouchMail)
		}, false},
		"a browser of which nothing is known": {rule, func(t *testing.T, _ *directory.Directory, s *store.Store, u idp.User) {
			browser(t, s, u, idp.VouchNone)
		}, true},
		"an address": {rule, func(t *testing.T, d *directory.Directory, s *store.Store, u idp.User) {
			s.Mails, d.Mails = true, true
			must[idp.User](t)(d.ChangeUser(ctx, u.ID, directory.Person{Username: "ada", Email: "ada@example.org"}))
		}, false},
		"an address, and no mail": {rule, func(t *testing.T, d *directory.Directory, s *store.Store, u idp.User) {
			must[idp.User](t)(d.ChangeUser(ctx, u.ID, directory.Person{Username: "ada", Email: "ada@example.org"}))
		}, true},
		"a passkey": {byPasskey, func(t *testing.T, _ *directory.Directory, s *store.Store, u idp.User) {
			give(t, s, u, idp.CredentialPasskey)
		}, false},
		"an app, and not the passkey": {byPasskey, func(t *testing.T, _ *directory.Directory, s *store.Store, u idp.User) {
			give(t, s, u, idp.CredentialTOTP)
		}, true},
		"a suspended owner's app": {rule, func(t *testing.T, d *directory.Directory, s *store.Store, _ idp.User) {
			eve := add(t, d, "eve", idp.RoleOwner)
			give(t, s, eve, idp.CredentialTOTP)
			must[idp.Receipt](t)(d.Suspend(ctx, eve.ID, ""))
		}, true},
		"another owner's app": {rule, func(t *testing.T, d *directory.Directory, s *store.Store, _ idp.User) {
			give(t, s, add(t, d, "eve", idp.RoleOwner), idp.CredentialTOTP)
		}, true}, // which opens nothing by itself
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, s := newRuled(t)
			d.Passkeys = true
			ada := add(t, d, "ada", idp.RoleOwner)
			givePassword(t, s, ada)
			c.has(t, d, s, ada)
			_, err := d.SetPolicy(ctx, idp.Policy{Version: 1, Rules: []idp.PolicyRule{c.rule}}, true)
			if idp.IsKind(err, idp.Denied) != c.refused || !c.refused && err != nil {
				t.Errorf("by hand: %v", err)
			}
			if !c.refused {
				return
			}
			_, err = d.Apply(ctx, directory.Desired{Policy: &directory.DesiredPolicy{Rules: []directory.DesiredRule{{PolicyRule: c.rule}}}}, false)
			if !idp.IsKind(err, idp.Denied) {
				t.Errorf("by a file: %v", err)
			}
		})
	}

	// A house in which it is so already goes on to be governed.
	d, s := newRuled(t)
	ada := add(t, d, "ada", idp.RoleOwner)
	givePassword(t, s, ada)
	browser(t, s, ada, idp.VouchMail)
	set := must[idp.Policy](t)(d.SetPolicy(ctx, idp.Policy{Version: 1, Rules: []idp.PolicyRule{rule}}, true))
	if _, err := s.Commit(ctx, idp.Change{Ending: &idp.Ending{Kind: idp.EndPasses, UserID: ada.ID, Key: "x", At: time.Now(), ReceiptID: idp.NewReceiptID()}}); err != nil {
		t.Fatal(err)
	}
	set.Idle = time.Hour
	must[idp.Policy](t)(d.SetPolicy(ctx, set, false))
}

// TestWithoutCodesByMailSomebodyIsLockedOut: who has neither a password nor a passkey.
// That is said first, by hand and in a file, and never done to the only owner who gets in.
func TestWithoutCodesByMailSomebodyIsLockedOut(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newRuled(t)
	s.Mails, d.Mails = true, true
	person := func(name string, role idp.Role) idp.User {
		return must[idp.User](t)(d.AddUser(ctx, directory.Person{Username: name, Email: name + "@example.org", Role: role}))
	}
	ada, bob, cyd := person("ada", idp.RoleOwner), person("bob", idp.RoleEmployee), person("cyd", idp.RoleEmployee)
	give(t, s, cyd, idp.CredentialPasskey)
	on := must[idp.Policy](t)(d.SetPolicy(ctx, idp.Policy{Version: 1, EmailCode: true, MailRecovers: true}, false))
	off := on
	off.EmailCode = false
	if _, err := d.SetPolicy(ctx, off, true); !idp.IsKind(err, idp.Denied) {
		t.Errorf("no owner gets in without: %v", err)
	}
	givePassword(t, s, ada)
	out := must[idp.LockedOut](t)(d.LockedOut(ctx, off))
	if out.Codeless != 1 || out.CodelessUsers[0].ID != bob.ID || !strings.Contains(out.Sentence(), "neither a password nor a passkey") {
		t.Errorf("locked out: %+v, %s", out, out.Sentence())
	}
	if _, err := d.SetPolicy(ctx, off, false); !idp.IsKind(err, idp.Conflict) || !strings.Contains(err.Error(), "bob") {
		t.Errorf("set before it was accepted: %v", err)
	}
	file := directory.Desired{Policy: &directory.DesiredPolicy{Policy: idp.Policy{MailRecovers: true}}}
	if _, err := d.Apply(ctx, file, false); !idp.IsKind(err, idp.Conflict) {
		t.Errorf("set by a file: %v", err)
	}
	set := must[idp.Policy](t)(d.SetPolicy(ctx, off, true))
	if events, _, err := s.Events(ctx, idp.EventQuery{}); err != nil || events[0].Detail["locked_out"] != "1" {
		t.Errorf("events %+v, %v", events[0], err)
	}
	// That links from mails are not enough any more locks nobody out.
	set.MailRecovers = false
	must[idp.Policy](t)(d.SetPolicy(ctx, set, false))
}

func givePassword(t *testing.T, s *store.Store, u idp.User) {
	t.Helper()
	c := idp.Credential{ID: idp.NewCredentialID(), UserID: u.ID, Kind: idp.CredentialPassword, Data: "x", CreatedAt: time.Now(), UpdatedAt: time.Now()}
	if _, err := s.Commit(t.Context(), idp.Change{Passwords: []idp.Credential{c}}); err != nil {
		t.Fatal(err)
	}
}

// knows has a browser known as somebody's, for which this much speaks.
func knows(ctx context.Context, s *store.Store, p idp.Proof, by idp.Vouch) (idp.KnownDevice, error) {
	d := idp.KnownDevice{ID: idp.NewKnownDeviceID(), Proof: p, CreatedAt: idp.Time(time.Now()), Vouched: by}
	e := idp.Event{ID: idp.NewEventID(), At: d.CreatedAt, Kind: "signin.device", UserID: p.UserID}
	return s.KnowDevice(ctx, d, idp.FirstVouch{By: by}, "", string(d.ID), e)
}
