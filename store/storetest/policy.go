package storetest

import (
	"time"

	"gatehouse/idp"
)

func testPolicy(h *house) {
	was, err := h.Policy(h.ctx)
	h.ok(err)
	h.same(idp.Policy{Version: 1}, was)
	p := idp.Policy{
		Rules: []idp.PolicyRule{{Owners: true, SecondFactor: true}, {GroupID: "grp_x", AppID: "app_x", MaxAge: time.Minute}},
		Idle:  time.Hour, Absolute: 8 * time.Hour, EmailCode: true, MailRecovers: true, UpdatedAt: h.now, Version: 1,
	}
	h.commit(idp.Change{Policy: &p})
	got, err := h.Policy(h.ctx)
	h.ok(err)
	p.Version = 2
	h.same(p, got)

	late := idp.Policy{Version: 1}
	_, err = h.Commit(h.ctx, idp.Change{Policy: &late, Events: []idp.Event{h.event("house.policy", "")}})
	h.is(err, idp.Conflict)
	got, err = h.Policy(h.ctx)
	h.ok(err)
	h.same(p, got)
}

// testLockedOut: of those whom rules ask for a second factor, who has none; a
// recovery code is none, nobody is counted twice, and none who was asked before.
func testLockedOut(h *house) {
	ada, bob, cyd, eve := h.user("ada"), h.user("bob"), h.user("cyd"), h.owner("eve")
	finance, wiki := idp.Group{ID: idp.NewGroupID(), Name: "finance", CreatedAt: h.now}, h.app("wiki")
	h.commit(idp.Change{Groups: []idp.Group{finance}, Members: []idp.Membership{{GroupID: finance.ID, UserID: ada.ID}, {GroupID: finance.ID, UserID: bob.ID}}})
	h.grant(bob, wiki)
	h.commit(idp.Change{Grants: []idp.Grant{
		{ID: idp.NewGrantID(), AppID: wiki.ID, UserID: cyd.ID, UntilAt: h.now.Add(-time.Hour), CreatedAt: h.now},
	}})
	has := func(u idp.User, kind idp.CredentialKind) {
		h.Helper()
		h.commit(idp.Change{Credentials: []idp.Credential{{ID: idp.NewCredentialID(), UserID: u.ID, Kind: kind, Data: "x", CreatedAt: h.now, UpdatedAt: h.now}}})
	}
	is := func(rules, before []idp.PolicyRule, want ...idp.User) {
		h.Helper()
		got, err := h.LockedOut(h.ctx, idp.Policy{Rules: rules}, idp.Policy{Rules: before}, 2)
		h.ok(err)
		if got.Count != len(want) {
			h.Errorf("%+v: %d locked out, want %d", rules, got.Count, len(want))
		}
		for i, u := range got.Users {
			h.same(want[i].ID, u.ID)
		}
		h.same(min(2, len(want)), len(got.Users))
	}
	everybody, owners := idp.PolicyRule{SecondFactor: true}, idp.PolicyRule{Owners: true, SecondFactor: true}
	inFinance := idp.PolicyRule{GroupID: finance.ID, SecondFactor: true}
	forWiki := idp.PolicyRule{AppID: wiki.ID, SecondFactor: true}
	rules := func(r ...idp.PolicyRule) []idp.PolicyRule { return r }

	is(nil, nil)
	is(rules(everybody), nil, ada, bob, cyd, eve)
	is(rules(owners), nil, eve)
	is(rules(owners, inFinance, owners), nil, ada, bob, eve)
	is(rules(forWiki), nil, bob)
	is(rules(idp.PolicyRule{GroupID: finance.ID, AppID: wiki.ID, SecondFactor: true}), nil, bob)
	is(rules(everybody), rules(inFinance), cyd, eve)
	is(rules(idp.PolicyRule{AppID: wiki.ID, MaxAge: time.Minute}), nil)

	has(ada, idp.CredentialTOTP)
	has(bob, idp.CredentialRecovery)
	has(eve, idp.CredentialPasskey)
	is(rules(everybody), nil, bob, cyd)
	h.suspend(cyd)
	is(rules(everybody), nil, bob)

	// Of whom a passkey is asked, an authenticator app is not enough.
	byPasskey := idp.PolicyRule{Passkey: true}
	is(rules(byPasskey), nil, ada, bob)
	is(rules(byPasskey), rules(everybody), ada)
	is(rules(everybody), rules(byPasskey))

	// A rule by risk locks nobody out who has a second factor, or can be mailed a code.
	byRisk, letIn := everybody, everybody
	byRisk.Risk, letIn.Risk, letIn.LetIn = true, true, true
	onRisk := func(rules, before []idp.PolicyRule, mailed int, unmailed ...idp.UserID) {
		h.Helper()
		got, err := h.LockedOut(h.ctx, idp.Policy{Rules: rules}, idp.Policy{Rules: before}, 2)
		h.ok(err)
		var first []idp.UserID
		for _, u := range got.UnmailedUsers {
			first = append(first, u.ID)
		}
		h.same(unmailed, first)
		h.same([]int{0, mailed, len(unmailed)}, []int{got.Count, got.Mailed, got.Unmailed})
	}
	onRisk(rules(byRisk), nil, 0, bob.ID) // no mail leaves the house
	h.Mails = true
	onRisk(rules(byRisk), nil, 1)
	h.commit(idp.Change{Users: []idp.User{{ID: idp.NewUserID(), Username: "dan", Role: idp.RoleEmployee, Status: idp.UserActive, Epoch: 1, CreatedAt: h.now}}})
	dan, err := h.UserByName(h.ctx, "dan")
	h.ok(err)
	onRisk(rules(byRisk), nil, 1, dan.ID)
	onRisk(rules(byRisk), rules(byRisk), 0)
	onRisk(rules(byRisk), rules(letIn), 1, dan.ID)
	onRisk(rules(letIn), nil, 0)
	byRiskPasskey := idp.PolicyRule{Passkey: true, Risk: true, LetIn: true}
	is(rules(byRiskPasskey), nil, ada) // has another
	// Without codes by mail, who has an address, and neither a password nor a passkey.
	h.commit(idp.Change{Passwords: []idp.Credential{{ID: idp.NewCredentialID(), UserID: bob.ID, Kind: idp.CredentialPassword, Data: "x", CreatedAt: h.now, UpdatedAt: h.now}}})
	codeless := func(was, is bool, want ...idp.UserID) {
		h.Helper()
		got, err := h.LockedOut(h.ctx, idp.Policy{EmailCode: is}, idp.Policy{EmailCode: was}, 1)
		h.ok(err)
		h.same(len(want), got.Codeless)
		h.same(min(1, len(want)), len(got.CodelessUsers))
		for i, u := range got.CodelessUsers {
			h.same(want[i], u.ID)
		}
		h.same(len(want) > 0, got.Anybody())
	}
	codeless(true, true)
	codeless(false, false)
	codeless(false, true)
	codeless(true, false, ada.ID)
	fay := h.user("fay")
	codeless(true, false, ada.ID, fay.ID)
	h.Mails = false // none was ever mailed
	codeless(true, false)
}
