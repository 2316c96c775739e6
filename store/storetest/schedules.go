package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/idp"
)

func (h *house) schedule(u idp.User, due time.Time) idp.Schedule {
	h.Helper()
	s := idp.Schedule{
		ID: idp.NewScheduleID(), UserID: u.ID, Wall: "2026-12-01T17:00", Zone: "Europe/Berlin", DueAt: due, Reason: "leaves",
		Actor: idp.Actor{Kind: "user", UserID: "usr_admin"}, CreatedAt: h.now, State: idp.ScheduleWaiting,
	}
	h.commit(idp.Change{Schedules: []idp.Schedule{s}, Events: []idp.Event{h.event("user.suspend.schedule", u.ID)}})
	s.Version = 1
	return s
}

func testSchedules(h *house) {
	ada, bob := h.user("ada"), h.user("bob")
	later := h.schedule(ada, h.now.Add(time.Hour))
	h.now = h.now.Add(time.Second)
	first := h.schedule(ada, h.now)
	h.now = h.now.Add(time.Second)
	other := h.schedule(bob, h.now)

	kept, err := h.Schedule(h.ctx, first.ID)
	h.ok(err)
	h.same(first, kept)
	due, err := h.DueSchedules(h.ctx, h.now, 10)
	h.ok(err)
	h.same([]idp.Schedule{first, other}, due)
	due, err = h.DueSchedules(h.ctx, h.now, 1)
	h.ok(err)
	h.same([]idp.Schedule{first}, due)

	// Many nodes find it due at once: one suspension, told by its schedule.
	var won atomic.Int32
	var nodes sync.WaitGroup
	receipts := make([]idp.ReceiptID, 6)
	for i := range receipts {
		nodes.Go(func() {
			e := h.ending(idp.EndUser, ada.ID)
			e.Key = "schedule:" + string(first.ID)
			ran := first
			ran.State, ran.FinishedAt, ran.ReceiptID = idp.ScheduleDone, h.now, e.ReceiptID
			done, err := h.Commit(h.ctx, idp.Change{Ending: e, Schedules: []idp.Schedule{ran}, Events: []idp.Event{h.event("user.suspend", ada.ID)}})
			if err != nil {
				h.Errorf("node %d: %v", i, err)
				return
			}
			if receipts[i] = done.ReceiptID; done.ReceiptID == e.ReceiptID {
				won.Add(1)
			}
		})
	}
	nodes.Wait()
	h.same(int32(1), won.Load())
	kept, err = h.Schedule(h.ctx, first.ID)
	h.ok(err)
	for _, r := range receipts {
		h.same(kept.ReceiptID, r)
	}
	u, err := h.User(h.ctx, ada.ID)
	h.ok(err)
	h.same([]any{idp.UserSuspended, int64(2), idp.ScheduleDone}, []any{u.Status, u.Epoch, kept.State})

	// One that was cancelled a moment before suspends nobody.
	gone := other
	gone.State, gone.FinishedAt, gone.CancelledBy = idp.ScheduleCancelled, h.now, idp.Actor{Kind: "user", UserID: "usr_other"}
	h.commit(idp.Change{Schedules: []idp.Schedule{gone}})
	e := h.ending(idp.EndUser, bob.ID)
	ran := other
	ran.State, ran.ReceiptID = idp.ScheduleDone, e.ReceiptID
	_, err = h.Commit(h.ctx, idp.Change{Ending: e, Schedules: []idp.Schedule{ran}})
	h.is(err, idp.Conflict)
	u, err = h.User(h.ctx, bob.ID)
	h.ok(err)
	h.same([]any{idp.UserActive, int64(1)}, []any{u.Status, u.Epoch})
	due, err = h.DueSchedules(h.ctx, h.now, 10)
	h.ok(err)
	h.same(0, len(due))

	// The list, by page, person and state.
	var seen []idp.ScheduleID
	for after := ""; ; {
		page, next, err := h.Schedules(h.ctx, idp.ScheduleQuery{After: after, Limit: 1})
		h.ok(err)
		for _, s := range page {
			seen = append(seen, s.ID)
		}
		if after = next; after == "" {
			break
		}
	}
	h.same([]idp.ScheduleID{other.ID, first.ID, later.ID}, seen)
	for q, want := range map[idp.ScheduleQuery][]idp.ScheduleID{
		{UserID: bob.ID}: {other.ID},
		{State: idp.ScheduleWaiting, UserID: ada.ID}: {later.ID},
		{State: idp.ScheduleCancelled}:               {other.ID},
		{State: idp.ScheduleFailed}:                  nil,
	} {
		page, _, err := h.Schedules(h.ctx, q)
		h.ok(err)
		var got []idp.ScheduleID
		for _, s := range page {
			got = append(got, s.ID)
		}
		h.same(fmt.Sprint(want), fmt.Sprint(got))
	}
	_, err = h.Schedule(h.ctx, idp.NewScheduleID())
	h.is(err, idp.NotFound)
}
