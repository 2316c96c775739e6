package storetest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"sync"
	"time"

	"gatehouse/idp"
)

// version is one that was signed, as far as the store can tell.
func version(t idp.ReceiptText, final bool, now time.Time) idp.SignedReceipt {
	jws := "head." + base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("the same again ", 1000)+now.String())) + ".signature"
	sum := sha256.Sum256([]byte(jws))
	return idp.SignedReceipt{ReceiptID: t.ID, Version: t.Version + 1, Hash: hex.EncodeToString(sum[:]), SignedAt: now, Final: final, JWS: jws,
		NextAfter: now.Add(time.Minute)}
}

func (h *house) toSign(now time.Time) []idp.ReceiptID {
	h.Helper()
	due, _, err := h.ReceiptsToSign(h.ctx, "", now, 10)
	h.ok(err)
	return due
}

// sign makes the next version of the receipt.
func (h *house) sign(id idp.ReceiptID, now time.Time) (idp.ReceiptText, idp.SignedReceipt) {
	h.Helper()
	by := string(idp.NewEventID())
	text, err := h.ClaimSigning(h.ctx, id, by, now, 30*time.Second)
	h.ok(err)
	final := true
	for _, l := range text.Lines {
		final = final && l.State.Final()
	}
	v := version(text, final, now)
	h.ok(h.SaveVersion(h.ctx, v, by, h.event("receipt.sign", "")))
	return text, v
}

func testVersions(h *house) {
	ada, wiki := h.user("ada"), h.app("wiki")
	session := h.session(ada)
	receipt := h.suspend(ada).ID
	h.same(0, len(h.toSign(h.now))) // it is not listed yet

	r, _, err := h.ClaimReceipt(h.ctx, "w", h.now, time.Minute)
	h.ok(err)
	line := idp.Delivery{ID: idp.NewDeliveryID(), UserID: ada.ID, AppID: wiki.ID, Lever: idp.LeverBackchannel, SessionID: session.ID,
		State: idp.DeliveryPending, CreatedAt: h.now, NextAt: h.now}
	h.ok(h.ListPage(h.ctx, r.ID, "w", []idp.Delivery{line}, "", true, h.now))
	h.same(0, len(h.toSign(h.now))) // most apps answer within a second
	now := h.now.Add(time.Second)
	h.same([]idp.ReceiptID{receipt}, h.toSign(now))

	// One is about it, nobody else; and what the lease left behind is anybody's.
	_, err = h.ClaimSigning(h.ctx, receipt, "first", now, 30*time.Second)
	h.ok(err)
	_, err = h.ClaimSigning(h.ctx, receipt, "second", now, 30*time.Second)
	h.is(err, idp.NotFound)
	h.same(0, len(h.toSign(now)))
	now = now.Add(31 * time.Second)
	h.same([]idp.ReceiptID{receipt}, h.toSign(now))
	text, one := h.sign(receipt, now)
	if text.Username != "ada" || text.Previous != "" || text.Era == "" || len(text.Lines) != 1 || text.Lines[0].App != "wiki" ||
		text.Lines[0].Username != "ada" || text.Lines[0].State != idp.DeliveryPending {
		h.Errorf("to be signed: %+v", text)
	}
	late := version(text, false, now)
	late.Hash = "another"
	h.is(h.SaveVersion(h.ctx, late, "first", h.event("receipt.sign", "")), idp.Conflict)

	stored, err := h.SignedReceipt(h.ctx, receipt, 0)
	h.ok(err)
	one.NextAfter = time.Time{}
	h.same(one, stored)
	head, err := h.Receipt(h.ctx, receipt)
	h.ok(err)
	if head.Version != 1 || !head.SignedAt.Equal(now) || head.SignedFinal {
		h.Errorf("the head says %+v", head)
	}
	_, err = h.SignedReceipt(h.ctx, receipt, 2)
	h.is(err, idp.NotFound)

	// Nothing turned: nothing to sign. A line that turns is signed when the
	// pause is over, and at once (but for a second) when all are final.
	now = now.Add(2 * time.Hour)
	h.same(0, len(h.toSign(now)))
	turn := func(final bool, now time.Time) {
		h.Helper()
		claimed, err := h.ClaimDeliveries(h.ctx, "w", now, time.Minute, 1, 1)
		h.ok(err)
		h.same(1, len(claimed))
		d := claimed[0]
		d.Attempts++
		d.State, d.NextAt = idp.DeliveryRetrying, now
		if final {
			d.State, d.FinishedAt = idp.DeliveryAcknowledged, now
		}
		h.ok(h.SaveDelivery(h.ctx, d, "w"))
	}
	turn(false, now)
	text, two := h.sign(receipt, now)
	h.same(one.Hash, text.Previous)
	now = now.Add(2 * time.Second)
	turn(false, now)
	h.same(0, len(h.toSign(now))) // within the minute that was asked for
	// A version that was begun and never made is made by the next, although its
	// lines were taken.
	now = now.Add(time.Minute)
	_, err = h.ClaimSigning(h.ctx, receipt, "killed", now, 30*time.Second)
	h.ok(err)
	h.same(0, len(h.toSign(now.Add(29*time.Second))))
	now = now.Add(30 * time.Second)
	h.same([]idp.ReceiptID{receipt}, h.toSign(now))
	// What turns while a version is being made is not in it, and not forgotten.
	text, err = h.ClaimSigning(h.ctx, receipt, "slow", now, 30*time.Second)
	h.ok(err)
	turn(true, now)
	three := version(text, false, now)
	h.ok(h.SaveVersion(h.ctx, three, "slow", h.event("receipt.sign", "")))
	h.same(0, len(h.toSign(now.Add(time.Second/2))))
	text, four := h.sign(receipt, now.Add(time.Second))
	if text.Lines[0].State != idp.DeliveryAcknowledged || !four.Final {
		h.Errorf("the last version says %+v", text.Lines)
	}
	h.same(0, len(h.toSign(now.Add(24*time.Hour))))
	for i, want := range []idp.SignedReceipt{one, two, three, four} {
		got, err := h.SignedReceipt(h.ctx, receipt, int64(i+1))
		h.ok(err)
		want.NextAfter = time.Time{}
		h.same(want, got)
	}
	events, _, err := h.Events(h.ctx, idp.EventQuery{})
	h.ok(err)
	signed := 0
	for _, e := range events {
		if e.Kind == "receipt.sign" {
			signed++
		}
	}
	h.same(4, signed) // that of the version that was too late is not there
}

// testEveryTurnIsSigned turns a line in every way there is.
func testEveryTurnIsSigned(h *house) {
	wiki := h.app("wiki")
	now := h.now.Add(time.Hour)
	for name, turn := range map[string]func(u idp.User, d idp.Delivery) error{
		"saved": func(_ idp.User, d idp.Delivery) error {
			claimed, err := h.ClaimDeliveries(h.ctx, "w", now, time.Minute, 10, 10)
			h.ok(err)
			for _, c := range claimed {
				if c.ID == d.ID {
					h.ok(h.SaveDelivery(h.ctx, c, "w"))
				}
			}
			return nil
		},
		"superseded": func(u idp.User, _ idp.Delivery) error { h.restore(u.ID); return nil },
		"its ceiling": func(_ idp.User, d idp.Delivery) error {
			_, err := h.EndedByCeiling(h.ctx, h.now.Add(20*time.Hour))
			return err
		},
		"evidence": func(_ idp.User, d idp.Delivery) error {
			return h.RecordEvidence(h.ctx, wiki.ID, d.SessionID, "refused", true, now)
		},
		"revived": func(_ idp.User, d idp.Delivery) error {
			_, err := h.RetryDelivery(h.ctx, d.ID, now, h.event("delivery.retry", ""))
			return err
		},
	} {
		u := h.user("user-" + strings.ReplaceAll(name, " ", "-"))
		session := h.session(u)
		receipt := h.suspend(u).ID
		r, _, err := h.ClaimReceipt(h.ctx, "w", h.now, time.Minute)
		h.ok(err)
		d := idp.Delivery{ID: idp.NewDeliveryID(), UserID: u.ID, AppID: wiki.ID, Lever: idp.LeverBackchannel, SessionID: session.ID,
			State: idp.DeliveryPending, CreatedAt: h.now, NextAt: h.now, Ceiling: h.now.Add(10 * time.Hour)}
		switch name {
		case "its ceiling":
			d.State, d.Lever = idp.DeliveryAlive, idp.LeverNone
		case "revived":
			d.State, d.FinishedAt = idp.DeliveryFailed, h.now
		}
		h.ok(h.ListPage(h.ctx, r.ID, "w", []idp.Delivery{d}, "", true, h.now))
		h.sign(receipt, h.now.Add(time.Second))
		before := h.toSign(now)
		h.ok(turn(u, d))
		after := h.toSign(now)
		if len(before) != 0 || len(after) != 1 || after[0] != receipt {
			h.Errorf("%s: to be signed before %v, after %v", name, before, after)
		}
		h.sign(receipt, now)
		now = now.Add(time.Hour)
	}
}

// testVersionRace has many nodes sign the same receipts at once.
func testVersionRace(h *house) {
	const receipts, nodes = 8, 4
	ids := map[idp.ReceiptID]bool{}
	for i := range receipts {
		ids[h.suspend(h.user("u"+string(rune('a'+i)))).ID] = true
	}
	for range receipts {
		r, _, err := h.ClaimReceipt(h.ctx, "w", h.now, time.Minute)
		h.ok(err)
		h.ok(h.ListPage(h.ctx, r.ID, "w", nil, "", true, h.now))
	}
	var signing sync.WaitGroup
	var mu sync.Mutex
	signed := map[idp.ReceiptID]int{}
	for range nodes {
		signing.Go(func() {
			due, _, err := h.ReceiptsToSign(h.ctx, "", h.now, 100)
			if err != nil {
				h.Error(err)
			}
			for _, id := range due {
				by := string(idp.NewEventID())
				text, err := h.ClaimSigning(h.ctx, id, by, h.now, time.Minute)
				if idp.IsKind(err, idp.NotFound) {
					continue
				}
				if err == nil {
					err = h.SaveVersion(h.ctx, version(text, true, h.now), by, h.event("receipt.sign", ""))
				}
				if err != nil {
					h.Error(err)
				}
				mu.Lock()
				signed[id]++
				mu.Unlock()
			}
		})
	}
	signing.Wait()
	for id := range ids {
		if signed[id] != 1 {
			h.Errorf("receipt %s was signed %d times", id, signed[id])
		}
	}
}
