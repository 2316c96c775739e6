package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/idp"
)

// batch writes down a suspension of these users, and has it run.
func (h *house) batch(users ...idp.User) idp.Batch {
	h.Helper()
	b := idp.Batch{ID: idp.NewBatchID(), Reason: "layoff", Actor: idp.Actor{Kind: "user", UserID: "usr_admin"}, CreatedAt: h.now}
	h.ok(h.BeginBatch(h.ctx, b))
	people := make([]idp.BatchPerson, len(users))
	for i, u := range users {
		people[i] = idp.BatchPerson{Place: int64(i + 1), UserID: u.ID, Name: u.Username, State: idp.PersonToDo}
	}
	h.ok(h.GrowBatch(h.ctx, b.ID, people))
	h.ok(h.RunBatch(h.ctx, b.ID, h.event("users.suspend", "")))
	return b
}

func (h *house) cuts(b idp.Batch, people []idp.BatchPerson) []idp.BatchCut {
	cuts := make([]idp.BatchCut, len(people))
	for i, p := range people {
		e := h.ending(idp.EndUser, p.UserID)
		e.Key = fmt.Sprintf("batch:%s:%d", b.ID, p.Place)
		cuts[i] = idp.BatchCut{Place: p.Place, Ending: *e, Event: h.event("user.suspend", p.UserID)}
	}
	return cuts
}

func testBatches(h *house) {
	var users []idp.User
	for i := range 7 {
		users = append(users, h.user(fmt.Sprintf("user%d", i)))
	}
	found, err := h.UsersNamed(h.ctx, []string{"user1", "user2@example.com", string(users[3].ID), "nobody", ""})
	h.ok(err)
	names := []string{}
	for _, u := range found {
		names = append(names, u.Username)
	}
	slices.Sort(names)
	h.same("user1 user2 user3", strings.Join(names, " "))

	// What is not whole yet is nobody's work, and grows no more when it is.
	b := idp.Batch{ID: idp.NewBatchID(), GroupID: "grp_x", Reason: "layoff", Actor: idp.Actor{Kind: "user", UserID: "usr_admin"}, Myself: true, CreatedAt: h.now}
	h.ok(h.BeginBatch(h.ctx, b))
	_, err = h.ClaimBatch(h.ctx, "a", h.now, time.Minute)
	h.is(err, idp.NotFound)
	people := []idp.BatchPerson{{Place: 1, Name: "ghost", State: idp.PersonRefused, Note: "Nobody has this name."}}
	for i, u := range users {
		people = append(people, idp.BatchPerson{Place: int64(i + 2), UserID: u.ID, Name: u.Username, State: idp.PersonToDo})
	}
	h.ok(h.GrowBatch(h.ctx, b.ID, people[:3]))
	h.ok(h.GrowBatch(h.ctx, b.ID, people[3:]))
	h.ok(h.RunBatch(h.ctx, b.ID, h.event("users.suspend", "")))
	h.is(h.GrowBatch(h.ctx, b.ID, people[:1]), idp.Conflict)
	b.State, b.Total, b.Refused = idp.BatchRunning, 8, 1
	kept, err := h.Batch(h.ctx, b.ID)
	h.ok(err)
	h.same(b, kept)

	// One worker holds it; what it does after losing it is refused.
	held, err := h.ClaimBatch(h.ctx, "a", h.now, time.Minute)
	h.ok(err)
	h.same(b, held)
	_, err = h.ClaimBatch(h.ctx, "b", h.now, time.Minute)
	h.is(err, idp.NotFound)
	todo, err := h.BatchToDo(h.ctx, b.ID, 0, 3)
	h.ok(err)
	h.same([]idp.UserID{users[0].ID, users[1].ID, users[2].ID}, []idp.UserID{todo[0].UserID, todo[1].UserID, todo[2].User.ID})
	before, err := h.Position(h.ctx, "test", false)
	h.ok(err)
	_, err = h.CutBatch(h.ctx, b.ID, "b", h.cuts(b, todo), time.Minute)
	h.is(err, idp.Conflict)
	n, err := h.CutBatch(h.ctx, b.ID, "a", h.cuts(b, todo), time.Minute)
	h.ok(err)
	h.same(before.N+3, n)
	log, err := h.EndingsAfter(h.ctx, before.N, 10)
	h.ok(err)
	for i, e := range log {
		h.same([]any{before.N + int64(i) + 1, idp.EndUser, int64(2)}, []any{e.N, e.Kind, e.Epoch})
	}
	h.same(3, len(log))
	for _, u := range users {
		now, err := h.User(h.ctx, u.ID)
		h.ok(err)
		out := slices.ContainsFunc(todo, func(p idp.BatchPerson) bool { return p.UserID == u.ID })
		h.same(out, now.Status == idp.UserSuspended)
	}

	// Cut and not counted: the next worker sees it, and cuts nobody twice.
	_, err = h.ClaimBatch(h.ctx, "b", h.now.Add(2*time.Minute), time.Minute)
	h.ok(err)
	h.is(h.SettleBatch(h.ctx, b.ID, "a", todo, h.now), idp.Conflict)
	again, err := h.BatchToDo(h.ctx, b.ID, 0, 10)
	h.ok(err)
	h.same(7, len(again))
	for i, p := range again {
		h.same(i < 3, p.ReceiptID != "")
		again[i].State = idp.PersonDone
	}
	r, err := h.Receipt(h.ctx, again[0].ReceiptID)
	h.ok(err)
	h.same([]any{users[0].ID, "left"}, []any{r.UserID, r.Reason})
	again[1].State, again[2].State, again[2].Note = idp.PersonAlready, idp.PersonRefused, "why"
	h.ok(h.SettleBatch(h.ctx, b.ID, "b", again[:3], h.now.Add(3*time.Minute)))
	h.is(h.SettleBatch(h.ctx, b.ID, "b", again[:3], h.now), idp.Conflict) // counted once
	kept, err = h.Batch(h.ctx, b.ID)
	h.ok(err)
	h.same([]any{1, 1, 2, 4, int64(4)}, []any{kept.Done, kept.Already, kept.Refused, kept.ToDo(), kept.Cursor})

	// Cancelled while a page is on its way: nobody more is cut, and who was is
	// counted.
	rest, err := h.BatchToDo(h.ctx, b.ID, kept.Cursor, 2)
	h.ok(err)
	_, err = h.CutBatch(h.ctx, b.ID, "b", h.cuts(b, rest), time.Minute)
	h.ok(err)
	e := h.event("users.suspend.cancel", "")
	e.Actor = idp.Actor{Kind: "user", UserID: "usr_other"}
	h.ok(h.CancelBatch(h.ctx, b.ID, e))
	h.is(h.CancelBatch(h.ctx, b.ID, h.event("users.suspend.cancel", "")), idp.Conflict)
	last, err := h.BatchToDo(h.ctx, b.ID, kept.Cursor+2, 2)
	h.ok(err)
	_, err = h.CutBatch(h.ctx, b.ID, "b", h.cuts(b, last), time.Minute)
	h.is(err, idp.Conflict)
	for i := range rest {
		rest[i].State = idp.PersonDone
	}
	h.ok(h.SettleBatch(h.ctx, b.ID, "b", rest, h.now))
	kept, err = h.Batch(h.ctx, b.ID)
	h.ok(err)
	h.same([]any{idp.BatchCancelled, e.Actor, 3, 2}, []any{kept.State, kept.CancelledBy, kept.Done, kept.ToDo()})
	h.is(h.FinishBatch(h.ctx, b.ID, "b", e), idp.Conflict)
	listed, next, err := h.BatchPeople(h.ctx, b.ID, idp.PersonDone, "", 2)
	h.ok(err)
	h.same(2, len(listed))
	listed, next, err = h.BatchPeople(h.ctx, b.ID, idp.PersonDone, next, 2)
	h.ok(err)
	h.same([]any{1, ""}, []any{len(listed), next})

	// Endings by hand go on meanwhile, and the numbers have no gap.
	var ids []idp.User
	for i := range 40 {
		ids = append(ids, h.user(fmt.Sprintf("more%d", i)))
	}
	second := h.batch(ids...)
	before, err = h.Position(h.ctx, "test", false)
	h.ok(err)
	_, err = h.ClaimBatch(h.ctx, "c", h.now, time.Minute)
	h.ok(err)
	all, err := h.BatchToDo(h.ctx, second.ID, 0, 40)
	h.ok(err)
	var hands sync.WaitGroup
	hands.Go(func() {
		for page := range slices.Chunk(all, 10) {
			if _, err := h.CutBatch(h.ctx, second.ID, "c", h.cuts(second, page), time.Minute); err != nil {
				h.Error(err)
			}
		}
	})
	for i := range 40 { // the same people, too
		hands.Go(func() {
			if _, err := h.Commit(h.ctx, idp.Change{Ending: h.ending(idp.EndPasses, ids[39-i].ID)}); err != nil {
				h.Error(err)
			}
		})
	}
	hands.Wait()
	log, err = h.EndingsAfter(h.ctx, before.N, 200)
	h.ok(err)
	h.same(80, len(log))
	for i, e := range log {
		h.same(before.N+int64(i)+1, e.N)
	}
	h.ok(h.ReleaseClaims(h.ctx, "c"))
	_, err = h.ClaimBatch(h.ctx, "d", h.now, time.Minute)
	h.ok(err)
	h.ok(h.FinishBatch(h.ctx, second.ID, "d", h.event("users.suspend.done", "")))
	page, next, err := h.Batches(h.ctx, "", 1)
	h.ok(err)
	h.same(1, len(page))
	page2, next, err := h.Batches(h.ctx, next, 1)
	h.ok(err)
	h.same([]any{1, "", true}, []any{len(page2), next, page[0].ID != page2[0].ID})
}

func testBatchKeepsAnOwner(h *house) {
	ada, bob := h.user("ada"), h.user("bob")
	bob.Role = idp.RoleOwner
	h.commit(idp.Change{Users: []idp.User{bob}})
	b := h.batch(ada, bob)
	_, err := h.ClaimBatch(h.ctx, "a", h.now, time.Minute)
	h.ok(err)
	people, err := h.BatchToDo(h.ctx, b.ID, 0, 10)
	h.ok(err)
	_, err = h.CutBatch(h.ctx, b.ID, "a", h.cuts(b, people), time.Minute)
	h.is(err, idp.Denied)
	for _, u := range []idp.User{ada, bob} { // all or none
		u, err = h.User(h.ctx, u.ID)
		h.ok(err)
		h.same(idp.UserActive, u.Status)
	}
	people, err = h.BatchToDo(h.ctx, b.ID, 0, 10)
	h.ok(err)
	h.same(idp.ReceiptID(""), people[0].ReceiptID)
}

// testByHandFirst: of receipts to be listed and lines to be told, those of an
// ending by hand come first, and the others are not forgotten.
func testByHandFirst(h *house) {
	wiki := h.app("wiki")
	many := []idp.User{h.user("ada"), h.user("bob"), h.user("cleo")}
	b := h.batch(many...)
	slices.SortFunc(many, func(a, b idp.User) int { return strings.Compare(string(a.ID), string(b.ID)) }) // as numbers are given
	_, err := h.ClaimBatch(h.ctx, "a", h.now, time.Minute)
	h.ok(err)
	people, err := h.BatchToDo(h.ctx, b.ID, 0, 10)
	h.ok(err)
	_, err = h.CutBatch(h.ctx, b.ID, "a", h.cuts(b, people), time.Minute)
	h.ok(err)
	byHand := h.suspend(h.user("dan"))
	var order []idp.UserID
	for range 4 {
		r, _, err := h.ClaimReceipt(h.ctx, "w", h.now, time.Minute)
		h.ok(err)
		order = append(order, r.UserID)
		h.ok(h.ListPage(h.ctx, r.ID, "w", []idp.Delivery{h.line(r, wiki)}, "c", true, h.now))
		h.now = h.now.Add(time.Millisecond)
	}
	h.same(append([]idp.UserID{byHand.UserID}, many[0].ID, many[1].ID, many[2].ID), order)

	// The newest line is that of a second one by hand, which is told first; not
	// more at once than an app takes.
	last := h.suspend(h.user("eve"))
	h.list(last, true, h.line(last, wiki))
	var told []idp.UserID
	for range 3 {
		due, err := h.ClaimDeliveries(h.ctx, "w", h.now, time.Minute, 10, 2)
		h.ok(err)
		h.same(true, len(due) <= 2)
		for _, d := range due {
			told = append(told, d.UserID)
			d.State, d.Attempts, d.AckedAt, d.FinishedAt = idp.DeliveryAcknowledged, 1, h.now, h.now
			h.ok(h.SaveDelivery(h.ctx, d, "w"))
		}
	}
	h.same([]idp.UserID{byHand.UserID, last.UserID, many[0].ID, many[1].ID, many[2].ID}, told)
}
