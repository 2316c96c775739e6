package storetest

import (
	"sync"
	"time"

	"gatehouse/idp"
)

// links reads the whole chain and demands that each place leads to the next.
func (h *house) links() []idp.ChainLink {
	h.Helper()
	var all []idp.ChainLink
	for after := int64(0); ; {
		page, err := h.Links(h.ctx, after, 3)
		h.ok(err)
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
		after = page[len(page)-1].Position
	}
	previous := ""
	for i, l := range all {
		if l.Row == nil || l.Row.ID != l.EventID || l.Row.Position != l.Position || l.Position != int64(i+1) || l.Hash != l.Row.Hash(previous, l.Position) {
			h.Fatalf("place %d holds %+v", i+1, l)
		}
		previous = l.Hash
	}
	return all
}

func testChain(h *house) {
	end, err := h.ChainEnd(h.ctx)
	h.ok(err)
	h.same(idp.Place{}, end)
	n, err := h.Seal(h.ctx, h.now, 10)
	h.ok(err)
	h.same(0, n)

	write := func(kind string, at time.Time) idp.EventID {
		h.Helper()
		e := h.event(kind, "usr_x")
		e.At, e.Detail = at, map[string]string{"k": "a \"<&>\u2028ü"}
		h.ok(h.Record(h.ctx, e))
		return e.ID
	}
	second, first := write("second", h.now), write("first", h.now.Add(-time.Hour))
	n, err = h.Seal(h.ctx, h.now, 10)
	h.ok(err)
	h.same(2, n)
	// What is committed late with an earlier time gets the next place.
	late := write("late", h.now.Add(-24*time.Hour))
	for _, want := range []int{1, 0} {
		n, err = h.Seal(h.ctx, h.now, 10)
		h.ok(err)
		h.same(want, n)
	}
	for range 7 {
		write("more", h.now)
	}
	for _, want := range []int{4, 3, 0} {
		n, err = h.Seal(h.ctx, h.now, 4)
		h.ok(err)
		h.same(want, n)
	}
	all := h.links()
	h.same(10, len(all))
	h.same([]idp.EventID{first, second, late}, []idp.EventID{all[0].EventID, all[1].EventID, all[2].EventID})
	end, err = h.ChainEnd(h.ctx)
	h.ok(err)
	h.same(idp.Place{Position: 10, Hash: all[9].Hash}, end)
	strange, next, err := h.Unchained(h.ctx, "")
	h.ok(err)
	if len(strange) != 0 || next != "" {
		h.Errorf("lines that nobody sealed: %v, next %q", strange, next)
	}

	_, err = h.LastCheckpoint(h.ctx)
	h.is(err, idp.NotFound)
	c := idp.Checkpoint{Place: end, SignedAt: h.now, JWS: "a.b.c"}
	h.ok(h.SaveCheckpoint(h.ctx, c))
	other := c
	other.JWS = "d.e.f"
	h.ok(h.SaveCheckpoint(h.ctx, other)) // another node, at the same place
	last, err := h.LastCheckpoint(h.ctx)
	h.ok(err)
	h.same(c, last)
	kept, err := h.Checkpoints(h.ctx, 0, 5)
	h.ok(err)
	h.same([]idp.Checkpoint{c}, kept)
	kept, err = h.Checkpoints(h.ctx, 10, 5)
	h.ok(err)
	h.same(0, len(kept))
}

// testSealRace has many nodes seal what many write.
func testSealRace(h *house) {
	const writers, lines, sealers = 4, 25, 3
	var writing, sealing sync.WaitGroup
	for range writers {
		writing.Go(func() {
			for range lines {
				if err := h.Record(h.ctx, h.event("race", "usr_x")); err != nil {
					h.Error(err)
				}
			}
		})
	}
	written := make(chan struct{})
	for range sealers {
		sealing.Go(func() {
			for over := false; ; {
				n, err := h.Seal(h.ctx, h.now, 10)
				switch {
				case idp.IsKind(err, idp.Conflict):
				case err != nil:
					h.Error(err)
					return
				case n == 0 && over:
					return
				}
				select {
				case <-written:
					over = true
				default:
				}
			}
		})
	}
	writing.Wait()
	close(written)
	sealing.Wait()
	h.same(writers*lines, len(h.links()))
}
