package storetest

import (
	"context"
	"time"

	"gatehouse/idp"
)

func testSignIns(h *house) {
	u := h.user("ada")
	in := idp.SignIn{ID: idp.NewSignInID(), Protocol: idp.ProtocolOIDC, AppID: "app_x", Request: []byte{0, 0xff, 'x'},
		ResumeURL: "/r", BindHash: "b", UILocales: []string{"de-AT", "en"}, CreatedAt: h.now, ExpiresAt: h.now.Add(time.Minute)}
	h.ok(h.CreateSignIn(h.ctx, in))
	got, st, err := h.SignInByID(h.ctx, in.ID)
	h.ok(err)
	h.same(in, got)
	h.same(idp.Standing{}, st)

	in.Proof, in.Methods, in.AuthTime = h.proof(u), []string{"pwd"}, h.now
	wrong := in
	wrong.Epoch++
	h.is(h.ProveSignIn(h.ctx, wrong, h.now, idp.Witness{}), idp.Unauthenticated)
	h.is(h.ProveSignIn(h.ctx, in, h.now.Add(time.Hour), idp.Witness{}), idp.Unauthenticated)
	_, err = h.SpendSignIn(h.ctx, in.ID, in.BindHash, h.now)
	h.is(err, idp.Unauthenticated)
	h.ok(h.ProveSignIn(h.ctx, in, h.now, idp.Witness{}))
	other := in
	other.Proof = h.proof(h.user("eve"))
	h.is(h.ProveSignIn(h.ctx, other, h.now, idp.Witness{}), idp.Unauthenticated)
	got, st, err = h.SignInByID(h.ctx, in.ID)
	h.ok(err)
	h.same(in, got)
	h.same(idp.Standing{Status: idp.UserActive, Epoch: 1, Generation: h.generation}, st)

	s := h.newSession(other.Proof)
	h.is(h.StartSession(h.ctx, s, "foreign", in.ID), idp.Unauthenticated)
	s = h.newSession(in.Proof)
	h.ok(h.StartSession(h.ctx, s, "hash", in.ID))
	h.is(h.StartSession(h.ctx, h.newSession(in.Proof), "again", in.ID), idp.Unauthenticated)
	_, err = h.SpendSignIn(h.ctx, in.ID, "another", h.now)
	h.is(err, idp.Unauthenticated)
	spent, err := h.SpendSignIn(h.ctx, in.ID, in.BindHash, h.now)
	h.ok(err)
	in.DoneAt, in.SpentAt, in.SessionID = s.CreatedAt, h.now, s.ID
	h.same(in, spent)
	_, err = h.SpendSignIn(h.ctx, in.ID, in.BindHash, h.now)
	h.is(err, idp.Conflict)
	_, err = h.SpendSignIn(h.ctx, in.ID, "another", h.now)
	h.is(err, idp.Unauthenticated)
	read, st, err := h.SessionByHash(h.ctx, "hash")
	h.ok(err)
	h.same(s, read)
	h.same(idp.Standing{Status: idp.UserActive, Epoch: 1, Generation: h.generation}, st)
	_, _, err = h.SessionByHash(h.ctx, "again")
	h.is(err, idp.NotFound)

	h.ok(h.TouchSession(h.ctx, "hash", h.now.Add(time.Minute)))
	h.ok(h.TouchSession(h.ctx, "hash", h.now))
	read, err = h.SessionByID(h.ctx, s.ID)
	h.ok(err)
	h.same(h.now.Add(time.Minute), read.LastSeenAt)

	ends, err := h.SessionEnds(h.ctx, []idp.SessionID{s.ID, "ses_nobodys", s.ID})
	h.ok(err)
	h.same(map[idp.SessionID]time.Time{s.ID: s.ExpiresAt}, ends)
	ends, err = h.SessionEnds(h.ctx, nil)
	h.ok(err)
	h.same(map[idp.SessionID]time.Time{}, ends)
}

func testNothingIsIssuedOnADeadProof(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	h.grant(u, a)
	s := h.session(u)
	f := h.family(s, a, false)
	in := idp.SignIn{ID: idp.NewSignInID(), CreatedAt: h.now, ExpiresAt: h.now.Add(time.Hour)}
	h.ok(h.CreateSignIn(h.ctx, in))
	in.Proof, in.Methods, in.AuthTime = s.Proof, []string{"pwd"}, h.now
	h.ok(h.ProveSignIn(h.ctx, in, h.now, idp.Witness{}))
	done := idp.SignIn{ID: idp.NewSignInID(), CreatedAt: h.now, ExpiresAt: h.now.Add(time.Hour)}
	h.ok(h.CreateSignIn(h.ctx, done))
	done.Proof, done.Methods, done.AuthTime = s.Proof, []string{"pwd"}, h.now
	h.ok(h.ProveSignIn(h.ctx, done, h.now, idp.Witness{}))
	h.ok(h.StartSession(h.ctx, h.newSession(s.Proof), "done", done.ID))
	l := idp.Link{ID: idp.NewLinkID(), Proof: s.Proof, Purpose: idp.LinkPassword, CreatedAt: h.now, ExpiresAt: h.now.Add(time.Hour)}
	h.ok(h.CreateLink(h.ctx, l, "link", idp.Change{}))

	refused := func(when string) {
		h.Helper()
		p, acc := h.participant(s, a)
		_, _, assert := h.RecordAssertion(h.ctx, s.Proof, p, acc)
		_, _, answer := h.RecordAnswer(h.ctx, s.Proof, h.once("one more "+when), p, acc)
		_, rotate := h.Rotate(h.ctx, f.ID, f.Proof, 1, h.now, time.Minute)
		_, spend := h.SpendSignIn(h.ctx, done.ID, done.BindHash, h.now)
		_, use := h.UseLink(h.ctx, l.ID, h.now, idp.Change{Events: []idp.Event{h.event("link.use", u.ID)}})
		fresh := l
		fresh.ID = idp.NewLinkID()
		for what, err := range map[string]error{
			"ProveSignIn":     h.ProveSignIn(h.ctx, in, h.now, idp.Witness{}),
			"StartSession":    h.StartSession(h.ctx, h.newSession(s.Proof), "new"+when, ""),
			"SpendSignIn":     spend,
			"SpendCode":       h.SpendCode(h.ctx, h.newFamily(s, a), p, acc),
			"RecordAssertion": assert,
			"RecordAnswer":    answer,
			"Rotate":          rotate,
			"CreateLink":      h.CreateLink(h.ctx, fresh, "fresh"+when, idp.Change{}),
			"UseLink":         use,
			"CreateAPIToken":  h.CreateAPIToken(h.ctx, idp.APIToken{ID: idp.NewAPITokenID(), Proof: s.Proof, CreatedAt: h.now}, "tok"+when),
		} {
			if !idp.IsKind(err, idp.Unauthenticated) {
				h.Errorf("%s: %s answered %v", when, what, err)
			}
		}
	}
	h.suspend(u)
	refused("suspended")
	restored := h.restore(u.ID)
	if restored.Epoch != 2 || restored.Status != idp.UserActive || !restored.SuspendedAt.IsZero() {
		h.Errorf("restored as %+v", restored)
	}
	refused("restored")
	h.session(restored)
}

func testCodes(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	s := h.session(u)
	f := h.newFamily(s, a)
	p, acc := h.participant(s, a)
	h.is(h.SpendCode(h.ctx, f, p, acc), idp.Unauthenticated) // no grant
	g := h.grant(u, a)
	h.ok(h.SpendCode(h.ctx, f, p, acc))
	h.is(h.SpendCode(h.ctx, f, p, acc), idp.Conflict)
	truth, err := h.FamilyByID(h.ctx, f.ID, h.now)
	h.ok(err)
	beside, of, err := h.FamilyAndApp(h.ctx, f.ID, a.ID, h.now)
	h.ok(err)
	h.same(truth, beside)
	h.same(a, of)
	_, _, err = h.FamilyAndApp(h.ctx, idp.NewTokenFamilyID(), a.ID, h.now)
	h.is(err, idp.NotFound)
	h.same(idp.FamilyTruth{Family: f, User: u, Standing: idp.Standing{Status: idp.UserActive, Epoch: 1, Generation: h.generation, N: 1},
		SessionAlive: true, Granted: true, Role: g.Role, Until: s.ExpiresAt}, truth)

	later := p
	later.SessionIndex, later.LastAnswerAt = "another", h.now.Add(time.Minute)
	known := acc
	known.ID, known.Subject = idp.NewAccountID(), "renamed"
	gotP, gotA, err := h.RecordAssertion(h.ctx, s.Proof, later, known)
	h.ok(err)
	if gotP.SessionIndex != p.SessionIndex || gotP.NameID.Value != acc.Subject || gotP.FirstAt != h.now ||
		!gotP.LastAnswerAt.Equal(h.now.Add(time.Minute)) || gotA.Subject != acc.Subject || gotA.ID != acc.ID {
		h.Errorf("a known participant and account became %+v %+v", gotP, gotA)
	}
	stored, err := h.Participants(h.ctx, u.ID, h.now)
	h.ok(err)
	h.same([]idp.Participant{gotP}, stored)
	other := h.app("other")
	for _, find := range []func(context.Context, idp.AppID, string) ([]idp.Participant, error){h.ParticipantsKnown, h.ParticipantsNamed} {
		found, err := find(h.ctx, a.ID, acc.Subject)
		h.ok(err)
		h.same([]idp.Participant{gotP}, found)
		none, err := find(h.ctx, a.ID, "renamed")
		h.ok(err)
		h.same(0, len(none))
		none, err = find(h.ctx, other.ID, acc.Subject)
		h.ok(err)
		h.same(0, len(none))
	}
	accounts, err := h.Accounts(h.ctx, u.ID)
	h.ok(err)
	h.same(1, len(accounts))

	// A subject that follows is replaced in the account, never in what a
	// session's participant was told first.
	known.Follows, later.NameID = true, idp.NameID{Value: known.Subject, Format: "another"}
	afterwards, gotA, err := h.RecordAssertion(h.ctx, s.Proof, later, known)
	h.ok(err)
	h.same(gotP, afterwards)
	h.same("renamed", gotA.Subject)
	h.same(acc.ID, gotA.ID)
	bySubject, err := h.AccountBySubject(h.ctx, a.ID, "renamed")
	h.ok(err)
	h.same(acc.ID, bySubject.ID)

	next, err := h.Rotate(h.ctx, f.ID, f.Proof, 1, h.now.Add(time.Second), 10*time.Second)
	h.ok(err)
	h.same(int64(2), next.Seq)
	again, err := h.Rotate(h.ctx, f.ID, f.Proof, 1, h.now.Add(11*time.Second), 10*time.Second)
	h.ok(err)
	h.same(next, again)
	_, err = h.Rotate(h.ctx, f.ID, f.Proof, 1, h.now.Add(12*time.Second), 10*time.Second)
	h.is(err, idp.Conflict)
	_, err = h.Rotate(h.ctx, f.ID, f.Proof, 3, h.now, time.Second)
	h.is(err, idp.Unauthenticated)
	h.commit(idp.Change{RemoveGrants: []idp.GrantID{g.ID}})
	_, err = h.Rotate(h.ctx, f.ID, f.Proof, 2, h.now, time.Second)
	h.is(err, idp.Unauthenticated)
}

func testOfflineFamilies(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	h.grant(u, a)
	s := h.session(u)
	bound, offline := h.family(s, a, false), h.family(s, a, true)
	e := h.ending(idp.EndSession, u.ID)
	e.SessionID, e.SignedOut = s.ID, true
	h.commit(idp.Change{Ending: e})
	_, err := h.Rotate(h.ctx, bound.ID, bound.Proof, 1, h.now, time.Second)
	h.is(err, idp.Unauthenticated)
	_, err = h.Rotate(h.ctx, offline.ID, offline.Proof, 1, h.now, time.Second)
	h.ok(err)
	live, err := h.Families(h.ctx, u.ID, h.now)
	h.ok(err)
	h.same(1, len(live))
	r, err := h.Receipt(h.ctx, e.ReceiptID)
	h.ok(err)
	cut, err := h.CutFamilies(h.ctx, r)
	h.ok(err)
	h.same(0, len(cut))

	admin := h.ending(idp.EndSession, "")
	admin.SessionID = s.ID
	h.commit(idp.Change{Ending: admin})
	_, err = h.Rotate(h.ctx, offline.ID, offline.Proof, 2, h.now, time.Second)
	h.is(err, idp.Unauthenticated)
	r, err = h.Receipt(h.ctx, admin.ReceiptID)
	h.ok(err)
	cut, err = h.CutFamilies(h.ctx, r)
	h.ok(err)
	h.same(1, len(cut))
	h.same(u.ID, r.UserID)
}

func testOwnerLinks(h *house) {
	owner := idp.User{ID: idp.NewUserID(), Username: "owner", Role: idp.RoleOwner, Status: idp.UserActive, Epoch: 1, CreatedAt: h.now, UpdatedAt: h.now}
	h.commit(idp.Change{Users: []idp.User{owner}})
	link := func(generation string) idp.Link {
		return idp.Link{ID: idp.NewLinkID(), Proof: idp.Proof{Generation: generation}, Purpose: idp.LinkOwner, CreatedAt: h.now, ExpiresAt: h.now.Add(time.Hour)}
	}
	h.is(h.CreateLink(h.ctx, link("old"), "old", idp.Change{}), idp.Unauthenticated)
	l := link(h.generation)
	h.ok(h.CreateLink(h.ctx, l, "machine", idp.Change{Events: []idp.Event{h.event("admin.recover", "")}}))
	second := owner
	second.ID, second.Username = idp.NewUserID(), "second"
	_, err := h.UseLink(h.ctx, l.ID, h.now, idp.Change{Users: []idp.User{second}})
	h.ok(err)
	_, err = h.UseLink(h.ctx, l.ID, h.now, idp.Change{})
	h.is(err, idp.Unauthenticated)
	h.same(1, h.eventsOf("admin.recover"))
	// Refused as a whole: neither the link nor what goes with it.
	h.is(h.CreateLink(h.ctx, link("old"), "other", idp.Change{Events: []idp.Event{h.event("admin.recover", "")}}), idp.Unauthenticated)
	h.same(1, h.eventsOf("admin.recover"))
}

func testLinks(h *house) {
	link := func(purpose idp.LinkPurpose, p idp.Proof) idp.Link {
		return idp.Link{ID: idp.NewLinkID(), Proof: p, Purpose: purpose, CreatedAt: h.now, ExpiresAt: h.now.Add(time.Hour)}
	}
	first, second := link(idp.LinkFirstOwner, idp.Proof{Generation: h.generation}), link(idp.LinkFirstOwner, idp.Proof{Generation: h.generation})
	h.ok(h.CreateLink(h.ctx, first, "first", idp.Change{}))
	h.ok(h.CreateLink(h.ctx, second, "second", idp.Change{}))
	h.is(h.CreateLink(h.ctx, link(idp.LinkFirstOwner, idp.Proof{Generation: "old"}), "old", idp.Change{}), idp.Unauthenticated)
	owner := idp.User{ID: idp.NewUserID(), Username: "owner", Role: idp.RoleOwner, Status: idp.UserActive, Epoch: 1, CreatedAt: h.now, UpdatedAt: h.now}
	_, err := h.UseLink(h.ctx, first.ID, h.now.Add(2*time.Hour), idp.Change{Users: []idp.User{owner}})
	h.is(err, idp.Unauthenticated)
	_, err = h.UseLink(h.ctx, first.ID, h.now, idp.Change{Users: []idp.User{owner}})
	h.ok(err)
	_, err = h.UseLink(h.ctx, first.ID, h.now, idp.Change{})
	h.is(err, idp.Unauthenticated)
	_, err = h.UseLink(h.ctx, second.ID, h.now, idp.Change{})
	h.is(err, idp.Conflict)
	h.is(h.CreateLink(h.ctx, link(idp.LinkFirstOwner, idp.Proof{Generation: h.generation}), "third", idp.Change{}), idp.Unauthenticated)

	owner.Version = 1
	l := link(idp.LinkPassword, h.proof(owner))
	h.ok(h.CreateLink(h.ctx, l, "password", idp.Change{}))
	got, st, err := h.LinkByHash(h.ctx, "password")
	h.ok(err)
	h.same(l, got)
	h.same(int64(1), st.Epoch)
	s := h.session(owner)
	e := h.ending(idp.EndPasses, owner.ID)
	done, err := h.UseLink(h.ctx, l.ID, h.now, idp.Change{Ending: e, Passwords: []idp.Credential{{ID: idp.NewCredentialID(), UserID: owner.ID, Data: "phc"}}})
	h.ok(err)
	h.same([]int64{1, 2}, []int64{done.N, done.Epoch})
	_, st, err = h.SessionByHash(h.ctx, string(s.ID))
	h.ok(err)
	if s.Stands(st, s.CreatedAt) {
		h.Error("a session outlived the ending that its user's new password made")
	}
}

func testAPITokens(h *house) {
	u := h.user("ada")
	tok := idp.APIToken{ID: idp.NewAPITokenID(), Proof: h.proof(u), Name: "ci", CreatedAt: h.now}
	h.ok(h.CreateAPIToken(h.ctx, tok, "hash"))
	got, who, st, err := h.APITokenByHash(h.ctx, "hash")
	h.ok(err)
	h.same(tok, got)
	h.same(u, who)
	h.same(true, tok.Stands(st, tok.CreatedAt))
	h.is(h.RevokeAPIToken(h.ctx, tok.ID, "usr_other", h.now, h.event("token.revoke", "usr_other")), idp.NotFound)
	h.ok(h.RevokeAPIToken(h.ctx, tok.ID, u.ID, h.now, h.event("token.revoke", u.ID)))
	tokens, err := h.APITokens(h.ctx, u.ID)
	h.ok(err)
	h.same(h.now, tokens[0].RevokedAt)
}

func testSpentThrottlesAndPurge(h *house) {
	soon := h.now.Add(time.Minute)
	h.ok(h.Spend(h.ctx, "jti", "v", soon))
	h.is(h.Spend(h.ctx, "jti", "v", soon), idp.Conflict)
	h.ok(h.Spend(h.ctx, "request", "v", soon))
	h.ok(h.Spend(h.ctx, "jti", "w", h.now.Add(-time.Minute)))
	h.ok(h.Spend(h.ctx, "jti", "w", soon))
	for i := 1; i <= 3; i++ {
		n, reset, err := h.Count(h.ctx, "user:ada", time.Minute, h.now)
		h.ok(err)
		h.same(i, n)
		h.same(soon, reset)
	}
	n, _, err := h.Count(h.ctx, "user:ada", time.Minute, soon)
	h.ok(err)
	h.same(1, n)
	for i, want := range []int{16, 33} {
		n, reset, err := h.CountBy(h.ctx, "user:ben", 16+i, time.Minute, h.now)
		h.ok(err)
		h.same(want, n)
		h.same(soon, reset)
	}
	short, long := idp.Limit{Name: "user:eve short", Most: 2, Window: time.Minute}, idp.Limit{Name: "user:eve long", Most: 3, Window: time.Hour}
	two := func(now time.Time, n, m int) {
		one, two, err := h.CountTwo(h.ctx, short, long, now)
		h.ok(err)
		h.same([]int{n, m}, []int{one.N, two.N})
		h.same(true, one.ResetAt.After(now) && !one.ResetAt.After(now.Add(short.Window)))
		h.same(m > 0, two.ResetAt.After(now) && !two.ResetAt.After(now.Add(long.Window)))
	}
	two(h.now, 1, 1)
	two(h.now, 2, 2)
	two(h.now, 3, 0) // what the first refuses, the second does not count
	two(h.now, 4, 0)
	two(soon, 1, 3)
	two(soon, 2, 4)
	h.ok(h.Uncount(h.ctx, short.Name, long.Name))
	two(soon, 1, 1)
	h.ok(h.Uncount(h.ctx, "user:ada"))
	for range 3 {
		h.ok(h.CreateSignIn(h.ctx, idp.SignIn{ID: idp.NewSignInID(), ExpiresAt: soon}))
	}
	kept := idp.SignIn{ID: idp.NewSignInID(), ExpiresAt: h.now.Add(48 * time.Hour)}
	h.ok(h.CreateSignIn(h.ctx, kept))
	h.ok(h.Purge(h.ctx, h.now.Add(time.Hour)))
	_, _, err = h.SignInByID(h.ctx, kept.ID)
	h.ok(err)
}
