package storetest

import (
	"encoding/base64"
	"slices"
	"time"

	"gatehouse/idp"
)

// endAll commits an ending of everybody and returns its receipt.
func (h *house) endAll(e idp.Ending, keys ...idp.SigningKey) idp.Receipt {
	h.Helper()
	e.At, e.Key, e.ReceiptID = h.now, string(idp.NewReceiptID()), idp.NewReceiptID()
	r, err := h.Receipt(h.ctx, h.commit(idp.Change{Ending: &e, SigningKeys: keys}).ReceiptID)
	h.ok(err)
	return r
}

func testAllOfAnAppEnds(h *house) {
	ada, bob := h.user("ada"), h.user("bob")
	wiki, crm := h.app("wiki"), h.app("crm")
	for _, u := range []idp.User{ada, bob} {
		h.grant(u, wiki)
		h.grant(u, crm)
	}
	atWiki, atCRM, bobs := h.family(h.session(ada), wiki, false), h.family(h.session(ada), crm, false), h.family(h.session(bob), wiki, true)
	r := h.endAll(idp.Ending{Kind: idp.EndApp, AppID: wiki.ID})
	h.same([]any{wiki.ID, idp.UserID(""), int64(1)}, []any{r.AppID, r.UserID, r.Epoch})
	h.same(slices.Sorted(slices.Values([]string{door(ada, wiki), door(bob, wiki)})), h.doors(r))
	stands := func(f idp.TokenFamily) bool {
		t, err := h.FamilyByID(h.ctx, f.ID, h.now)
		h.ok(err)
		return t.Family.AppEpoch == t.AppEpoch
	}
	h.same([]bool{false, true, false}, []bool{stands(atWiki), stands(atCRM), stands(bobs)})
	_, err := h.Rotate(h.ctx, bobs.ID, bobs.Proof, bobs.Seq, h.now, time.Minute)
	h.is(err, idp.Unauthenticated)
	live, err := h.Families(h.ctx, bob.ID, h.now)
	h.ok(err)
	h.same(0, len(live))

	// A cursor of an older version begins again.
	page, _, err := h.CutParticipants(h.ctx, r, base64.RawURLEncoding.EncodeToString([]byte("ses_zzz\napp_zzz")), 10)
	h.ok(err)
	h.same(2, len(page))

	// Whoever comes again is not told twice, and the ending is not undone.
	again, err := h.App(h.ctx, wiki.ID)
	h.ok(err)
	h.same(int64(1), again.Epoch)
	h.family(h.session(bob), again, false)
	h.same(slices.Sorted(slices.Values([]string{door(ada, wiki), door(bob, wiki)})), h.doors(r))

	e := idp.Ending{Kind: idp.EndApp, AppID: idp.NewAppID(), Key: "nobody", ReceiptID: idp.NewReceiptID()}
	_, err = h.Commit(h.ctx, idp.Change{Ending: &e})
	h.is(err, idp.NotFound)
}

func testAllOlderEnds(h *house) {
	ada, bob := h.user("ada"), h.user("bob")
	wiki := h.app("wiki")
	h.grant(ada, wiki)
	h.grant(bob, wiki)
	old := h.session(ada)
	h.family(old, wiki, false)
	h.now = h.now.Add(time.Minute)
	young := h.session(bob)
	h.family(young, wiki, false)
	h.now = h.now.Add(time.Second)

	standing := func(s idp.Session) bool {
		found, st, err := h.SessionByHash(h.ctx, string(s.ID))
		h.ok(err)
		return found.Stands(st, found.CreatedAt)
	}
	r := h.endAll(idp.Ending{Kind: idp.EndBefore, Before: young.CreatedAt})
	h.same([]string{door(ada, wiki)}, h.doors(r))
	h.same([]bool{false, true}, []bool{standing(old), standing(young)})
	live, err := h.Sessions(h.ctx, ada.ID, h.now)
	h.ok(err)
	h.same(0, len(live))

	// An earlier moment takes nothing back.
	h.endAll(idp.Ending{Kind: idp.EndBefore, Before: old.CreatedAt.Add(-time.Hour)})
	h.same(false, standing(old))

	r = h.endAll(idp.Ending{Kind: idp.EndBefore})
	h.same(true, slices.Contains(h.doors(r), door(bob, wiki)))
	h.same(false, standing(young))
	h.generation, err = h.Generation(h.ctx)
	h.ok(err)
	h.same(true, standing(h.session(bob)))
}

func testAKeyEnds(h *house) {
	ada := h.user("ada")
	wiki := h.app("wiki")
	h.grant(ada, wiki)
	key := idp.SigningKey{ID: idp.NewKeyID(), Use: "oidc", Algorithm: "ES256", Sealed: "x", CreatedAt: h.now}
	h.ok(h.CreateSigningKey(h.ctx, key))
	h.family(h.session(ada), wiki, false)
	next := key
	next.ID = idp.NewKeyID()
	r := h.endAll(idp.Ending{Kind: idp.EndKey, KeyID: key.ID}, next)
	h.same([]string{door(ada, wiki)}, h.doors(r))
	keys, err := h.SigningKeys(h.ctx)
	h.ok(err)
	for _, k := range keys {
		switch k.ID {
		case key.ID:
			h.same(true, !k.RevokedAt.IsZero() && k.RetiredAt.Equal(k.RevokedAt))
		case next.ID:
			h.same(true, k.RetiredAt.IsZero() && k.RevokedAt.IsZero())
		}
	}
	h.same(2, len(keys))
	e := idp.Ending{Kind: idp.EndKey, KeyID: idp.NewKeyID(), Key: "no key", ReceiptID: idp.NewReceiptID()}
	_, err = h.Commit(h.ctx, idp.Change{Ending: &e})
	h.is(err, idp.NotFound)
}
