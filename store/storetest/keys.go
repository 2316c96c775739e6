package storetest

import (
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/idp"
)

func testKeysTurn(h *house) {
	old := idp.SigningKey{ID: idp.NewKeyID(), Use: "oidc", Algorithm: "ES256", Sealed: "x", CreatedAt: h.now, SignsAt: h.now}
	h.ok(h.CreateSigningKey(h.ctx, old))
	retires := h.now.Add(48 * time.Hour)
	rotate := func() (idp.SigningKey, error) {
		next := idp.SigningKey{ID: idp.NewKeyID(), Use: "oidc", Algorithm: "ES256", Sealed: "y", CreatedAt: h.now.Add(time.Second), SignsAt: h.now.Add(24 * time.Hour)}
		_, err := h.Commit(h.ctx, idp.Change{
			TurnKeys:    []idp.KeyTurn{{Was: old, SignsAt: old.SignsAt, RetiredAt: retires}},
			SigningKeys: []idp.SigningKey{next}, Events: []idp.Event{h.event("key.rotate", "")},
		})
		return next, err
	}
	var won atomic.Pointer[idp.SigningKey]
	var nodes sync.WaitGroup
	for range 6 {
		nodes.Go(func() {
			next, err := rotate()
			switch {
			case err == nil && !won.CompareAndSwap(nil, &next):
				h.Error("two nodes have rotated")
			case err != nil && !idp.IsKind(err, idp.Conflict):
				h.Error(err)
			}
		})
	}
	nodes.Wait()
	first, next := old, won.Load()
	if next == nil {
		h.Fatal("no node has rotated")
	}
	first.RetiredAt = retires
	keys, err := h.SigningKeys(h.ctx)
	h.ok(err)
	h.same([]idp.SigningKey{first, *next}, keys)

	// What was revoked meanwhile is not moved.
	h.endAll(idp.Ending{Kind: idp.EndKey, KeyID: first.ID})
	_, err = h.Commit(h.ctx, idp.Change{TurnKeys: []idp.KeyTurn{{Was: first, RetiredAt: retires.Add(time.Hour)}}})
	h.is(err, idp.Conflict)
}

// testKeyReads: what was read first and last for an app, and what an owner says
// of it, stand beside each other; a node that writes late takes nothing back.
func testKeyReads(h *house) {
	key := idp.SigningKey{ID: idp.NewKeyID(), Use: "saml", Algorithm: "RS256", Sealed: "x", CreatedAt: h.now, SignsAt: h.now, RetiredAt: idp.Someday()}
	next := idp.SigningKey{ID: idp.NewKeyID(), Use: "saml", Algorithm: "RS256", Sealed: "y", CreatedAt: h.now.Add(1), SignsAt: idp.Someday()}
	h.ok(h.CreateSigningKey(h.ctx, key))
	h.ok(h.CreateSigningKey(h.ctx, next))
	a := h.app("crm")
	read := func(after time.Duration, agent string, keys ...idp.KeyID) {
		h.ok(h.ReadKeys(h.ctx, keys, idp.KeyRead{AppID: a.ID, LastAt: h.now.Add(after), Address: "192.0.2.7", Agent: agent}))
	}
	read(time.Minute, "early", key.ID)
	h.commit(idp.Change{KeysHad: []idp.KeyRead{{AppID: a.ID, KeyID: next.ID, SaidAt: h.now}}})
	read(time.Hour, "later", key.ID, next.ID)
	read(2*time.Minute, "late", key.ID, next.ID)
	want := map[idp.KeyID]idp.KeyRead{
		key.ID:  {AppID: a.ID, KeyID: key.ID, FirstAt: h.now.Add(time.Minute), LastAt: h.now.Add(time.Hour), Address: "192.0.2.7", Agent: "later"},
		next.ID: {AppID: a.ID, KeyID: next.ID, FirstAt: h.now.Add(time.Hour), LastAt: h.now.Add(time.Hour), Address: "192.0.2.7", Agent: "later", SaidAt: h.now},
	}
	reads, err := h.KeyReads(h.ctx)
	h.ok(err)
	got := map[idp.KeyID]idp.KeyRead{}
	for _, r := range reads {
		if r.AppID == a.ID {
			got[r.KeyID] = r
		}
	}
	h.same(want, got)
	// Someday is kept to the microsecond, and is the same moment again.
	keys, err := h.SigningKeys(h.ctx)
	h.ok(err)
	for _, k := range keys {
		if k.ID == next.ID && (!k.Waits() || !idp.Dated(k.SignsAt).IsZero()) {
			h.Errorf("it waits until %s", k.SignsAt)
		}
	}
}

// testReminders: of nodes that give the same reminder at once, one does, and its
// audit line stands alone.
func testReminders(h *house) {
	given := idp.Reminder{Subject: "app_x:signing:00", Days: 14, At: h.now}
	var won atomic.Int32
	var nodes sync.WaitGroup
	for range 6 {
		nodes.Go(func() {
			_, err := h.Commit(h.ctx, idp.Change{Reminders: []idp.Reminder{given}, Events: []idp.Event{h.event("certificate.expiring", "")}})
			switch {
			case err == nil:
				won.Add(1)
			case !idp.IsKind(err, idp.Conflict):
				h.Error(err)
			}
		})
	}
	nodes.Wait()
	if won.Load() != 1 {
		h.Errorf("given %d times", won.Load())
	}
	h.commit(idp.Change{Reminders: []idp.Reminder{{Subject: given.Subject, Days: 7, At: h.now}}})
	all, err := h.Reminders(h.ctx)
	h.ok(err)
	h.same([]idp.Reminder{{Subject: given.Subject, Days: 7, At: h.now}, given}, all)
}
