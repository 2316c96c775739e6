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
