package storetest

import (
	"time"

	"gatehouse/idp"
)

func testMailCodes(h *house) {
	ada := h.user("ada")
	begun := func() idp.SignIn {
		h.Helper()
		in := idp.SignIn{ID: idp.NewSignInID(), CreatedAt: h.now, ExpiresAt: h.now.Add(time.Hour)}
		h.ok(h.CreateSignIn(h.ctx, in))
		return in
	}
	write := func(in idp.SignIn, mac string) error {
		return h.CreateMailCode(h.ctx, idp.MailCode{SignInID: in.ID, Proof: h.proof(ada), MAC: mac, CreatedAt: h.now, ExpiresAt: h.now.Add(10 * time.Minute)})
	}
	mailed := map[idp.SignInID]bool{} // a code was written for it
	refused := func(in idp.SignInID, mac string, at time.Time) {
		h.Helper()
		whose, err := h.TryMailCode(h.ctx, in, mac, 3, at)
		h.is(err, idp.Unauthenticated)
		// The log is told whose code it would have been, where there was any.
		if mailed[in] {
			h.same(ada.ID, whose.UserID)
		} else {
			h.same(idp.Proof{}, whose)
		}
	}
	in := begun()
	refused(in.ID, "right", h.now) // none was written
	mailed[in.ID] = true
	h.ok(write(in, "older"))
	h.ok(write(in, "right"))
	refused(in.ID, "older", h.now)
	refused(begun().ID, "right", h.now)
	refused(in.ID, "right", h.now.Add(10*time.Minute))
	// A right one is no try, and is spent with what it proves, where that is recorded.
	for range 4 {
		proof, err := h.TryMailCode(h.ctx, in.ID, "right", 3, h.now)
		h.ok(err)
		h.same(h.proof(ada), proof)
	}
	in.Proof, in.Methods, in.AuthTime = h.proof(ada), []string{"mail"}, h.now
	stale := in
	stale.Epoch++
	h.is(h.ProveSignIn(h.ctx, stale, h.now, idp.Witness{MailCode: "right"}), idp.Unauthenticated)
	h.is(h.ProveSignIn(h.ctx, in, h.now, idp.Witness{MailCode: "older"}), idp.Unauthenticated)
	h.is(h.ProveSignIn(h.ctx, in, h.now.Add(10*time.Minute), idp.Witness{MailCode: "right"}), idp.Unauthenticated)
	h.ok(h.ProveSignIn(h.ctx, in, h.now, idp.Witness{MailCode: "right", Events: []idp.Event{h.event("signin.mail.ok", ada.ID)}}))
	h.is(h.ProveSignIn(h.ctx, in, h.now, idp.Witness{MailCode: "right"}), idp.Unauthenticated)
	refused(in.ID, "right", h.now)

	in = begun()
	mailed[in.ID] = true
	h.ok(write(in, "right"))
	h.ok(write(in, "right")) // another one begins anew
	for range 3 {
		refused(in.ID, "wrong", h.now)
	}
	refused(in.ID, "right", h.now)
	h.ok(write(in, "right"))

	// A sign-in that is over, or somebody's, waits for none.
	over := idp.SignIn{ID: idp.NewSignInID(), CreatedAt: h.now.Add(-time.Hour), ExpiresAt: h.now}
	h.ok(h.CreateSignIn(h.ctx, over))
	h.is(write(over, "right"), idp.Unauthenticated)
	h.is(write(idp.SignIn{ID: idp.NewSignInID()}, "right"), idp.Unauthenticated)
	proven := begun()
	proven.Proof, proven.Methods, proven.AuthTime = h.proof(ada), []string{"pwd"}, h.now
	h.ok(h.ProveSignIn(h.ctx, proven, h.now, idp.Witness{}))
	h.is(write(proven, "right"), idp.Unauthenticated)

	// But where one is asked for in it, there is one for its person, and no other's.
	proven.Confirm, proven.Vouched = idp.ConfirmMail, idp.VouchMail
	h.ok(h.ProveSignIn(h.ctx, proven, h.now, idp.Witness{}))
	kept, _, err := h.SignInByID(h.ctx, proven.ID)
	h.ok(err)
	h.same([]int64{1, 1}, []int64{int64(kept.Confirm), int64(kept.Vouched)})
	h.ok(write(proven, "right"))
	bobs := idp.MailCode{SignInID: proven.ID, Proof: h.proof(h.user("bob")), MAC: "bob's", CreatedAt: h.now, ExpiresAt: h.now.Add(time.Minute)}
	h.is(h.CreateMailCode(h.ctx, bobs), idp.Unauthenticated)
	proof, err := h.TryMailCode(h.ctx, proven.ID, "right", 3, h.now)
	h.ok(err)
	h.same(h.proof(ada), proof)
	proven.Confirm = idp.ConfirmNone
	h.ok(h.ProveSignIn(h.ctx, proven, h.now, idp.Witness{}))
	h.is(write(proven, "right"), idp.Unauthenticated)

	fresh := begun()
	h.suspend(ada)
	refused(in.ID, "right", h.now)
	h.is(write(fresh, "right"), idp.Unauthenticated)
	h.ok(h.Purge(h.ctx, h.now.Add(11*time.Minute)))
}
