package directory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/store"
)

// states says how each person of a batch stands, in their order.
func states(t *testing.T, st *store.Store, id idp.BatchID) string {
	t.Helper()
	people, _, err := st.BatchPeople(context.Background(), id, "", "", 500)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range people {
		out = append(out, p.Name+" "+string(p.State))
	}
	return strings.Join(out, ", ")
}

func TestManyAreSuspendedTogether(t *testing.T) {
	d, st := newDirectory(t)
	ctx := context.Background()
	grace := add(t, d, "grace", idp.RoleOwner)
	ada, bob, eve := add(t, d, "ada", idp.RoleEmployee), add(t, d, "bob", idp.RoleEmployee), add(t, d, "eve", idp.RoleEmployee)
	olga := add(t, d, "olga", idp.RoleOwner)
	before := must[idp.Receipt](t)(d.Suspend(as(grace), eve.ID, "earlier"))
	m := directory.Many{Users: []string{"ada", "ADA", string(bob.ID), "eve", "nobody", "no spaces", "grace", "olga"}, Reason: "layoff"}

	plan := must[directory.Plan](t)(d.PlanMany(as(grace), m))
	if plan.Total != 7 || plan.Suspend != 3 || plan.Already != 1 || plan.Refused != 3 || len(plan.Others) != 4 {
		t.Errorf("planned %+v", plan)
	}
	b := must[idp.Batch](t)(d.SuspendMany(as(grace), m))
	if b.State != idp.BatchRunning || b.Total != 7 || b.ToDo() != 5 || b.Refused != 2 {
		t.Errorf("begun as %+v", b)
	}
	if u := must[idp.User](t)(st.User(ctx, ada.ID)); u.Status != idp.UserActive {
		t.Error("suspended by being written down")
	}
	for i := range 2 {
		if worked := must[bool](t)(d.WorkBatch(ctx, "node")); worked != (i == 0) {
			t.Errorf("round %d: worked %t", i, worked)
		}
	}
	b = must[idp.Batch](t)(st.Batch(ctx, b.ID))
	if b.State != idp.BatchDone || b.Done != 3 || b.Already != 1 || b.Refused != 3 || b.ToDo() != 0 || b.FinishedAt.IsZero() {
		t.Errorf("done: %+v", b)
	}
	want := fmt.Sprintf("ada done, %s done, eve already, nobody refused, no spaces refused, grace refused, olga done", bob.ID)
	if got := states(t, st, b.ID); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	people, _, err := st.BatchPeople(ctx, b.ID, "", "", 10)
	if err != nil || people[2].ReceiptID != before.ID || !strings.Contains(people[5].Note, "whoever asked") {
		t.Errorf("people %+v, %v", people, err)
	}
	numbers := map[int64]bool{}
	for _, id := range []idp.UserID{ada.ID, bob.ID, olga.ID} {
		all, _, err := st.Receipts(ctx, id, "", 10)
		if err != nil || len(all) != 1 || all[0].Reason != "layoff" || all[0].Actor.UserID != grace.ID || numbers[all[0].N] {
			t.Errorf("receipts of %s: %+v, %v", id, all, err)
		}
		numbers[all[0].N] = true
		events, _, err := st.Events(ctx, idp.EventQuery{UserID: id, Limit: 1})
		if err != nil || events[0].Kind != "user.suspend" || events[0].Detail["batch"] != string(b.ID) || events[0].Detail["receipt"] != string(all[0].ID) {
			t.Errorf("audit of %s: %+v, %v", id, events, err)
		}
	}
	if all, _, _ := st.Receipts(ctx, eve.ID, "", 10); len(all) != 1 {
		t.Errorf("%d receipts of who was suspended before", len(all))
	}

	// With a word more the last owner is among them, and stays.
	b = must[idp.Batch](t)(d.SuspendMany(as(grace), directory.Many{Users: []string{"grace"}, Myself: true}))
	must[bool](t)(d.WorkBatch(ctx, "node"))
	people, _, err = st.BatchPeople(ctx, b.ID, "", "", 10)
	if err != nil || people[0].State != idp.PersonRefused || !strings.Contains(people[0].Note, "Make someone else an owner first") {
		t.Errorf("the last owner: %+v, %v", people, err)
	}
	if plan := must[directory.Plan](t)(d.PlanMany(as(grace), directory.Many{Users: []string{"grace"}, Myself: true})); plan.Refused != 1 || plan.Suspend != 0 {
		t.Errorf("the last owner, planned: %+v", plan)
	}
}

func TestAGroupsMembersAreSuspended(t *testing.T) {
	d, st := newDirectory(t)
	ctx := context.Background()
	grace := add(t, d, "grace", idp.RoleOwner)
	g := must[idp.Group](t)(d.AddGroup(ctx, "Contractors"))
	for i := range 3 {
		u := add(t, d, fmt.Sprintf("c%d", i), idp.RoleEmployee)
		if err := d.AddMember(ctx, g.ID, u.ID); err != nil {
			t.Fatal(err)
		}
	}
	b := must[idp.Batch](t)(d.SuspendMany(as(grace), directory.Many{Group: g.ID, Reason: "project over"}))
	late := add(t, d, "late", idp.RoleEmployee)
	if err := d.AddMember(ctx, g.ID, late.ID); err != nil {
		t.Fatal(err)
	}
	must[bool](t)(d.WorkBatch(ctx, "node"))
	if got := states(t, st, b.ID); got != "c0 done, c1 done, c2 done" {
		t.Errorf("the members are %s", got)
	}
	if _, err := d.CancelBatch(as(grace), b.ID); !idp.IsKind(err, idp.Conflict) {
		t.Errorf("cancelled what is done: %v", err)
	}

	empty := must[idp.Group](t)(d.AddGroup(ctx, "Empty"))
	for _, m := range []directory.Many{{}, {Users: []string{"c0"}, Group: g.ID}, {Group: empty.ID}, {Users: make([]string, directory.MostPeople+1)}} {
		if _, err := d.SuspendMany(as(grace), m); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%d names, group %q: %v", len(m.Users), m.Group, err)
		}
	}
	if _, err := d.SuspendMany(as(grace), directory.Many{Group: idp.NewGroupID()}); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("no such group: %v", err)
	}

	// Cancelled before anybody worked on it: nobody is suspended.
	b = must[idp.Batch](t)(d.SuspendMany(as(grace), directory.Many{Users: []string{"late"}}))
	for range 2 {
		if c := must[idp.Batch](t)(d.CancelBatch(as(grace), b.ID)); c.State != idp.BatchCancelled || c.ToDo() != 1 {
			t.Errorf("cancelled: %+v", c)
		}
	}
	if must[bool](t)(d.WorkBatch(ctx, "node")) || must[idp.User](t)(st.User(ctx, late.ID)).Status != idp.UserActive {
		t.Error("a cancelled batch was worked off")
	}
}

// dying is a store whose node dies at a step of its work.
type dying struct {
	*store.Store
	forced  []int64
	at      string // cut, force or settle
	after   int    // so many of these go well
	counted int
}

var errDied = errors.New("kill -9")

func (d *dying) dies(step string) bool {
	if d.at != step {
		return false
	}
	d.counted++
	return d.counted > d.after
}

func (d *dying) InForce(ctx context.Context, n int64) error {
	if d.dies("force") {
		return errDied
	}
	d.forced = append(d.forced, n)
	return d.Store.InForce(ctx, n)
}

func (d *dying) SettleBatch(ctx context.Context, id idp.BatchID, worker string, people []idp.BatchPerson, until time.Time) error {
	if d.dies("settle") {
		return errDied
	}
	// Nobody is counted before everything up to the newest number is in force.
	newest := int64(0)
	for _, p := range people {
		if p.State != idp.PersonDone {
			continue
		}
		r, err := d.Receipt(ctx, p.ReceiptID)
		if err != nil {
			return err
		}
		newest = max(newest, r.N)
	}
	if newest > 0 && (len(d.forced) == 0 || d.forced[len(d.forced)-1] < newest) {
		return fmt.Errorf("settled up to %d, in force %v", newest, d.forced)
	}
	return d.Store.SettleBatch(ctx, id, worker, people, until)
}

func (d *dying) CutBatch(ctx context.Context, id idp.BatchID, worker string, cuts []idp.BatchCut, lease time.Duration) (int64, error) {
	if d.dies("cut") {
		return 0, errDied
	}
	return d.Store.CutBatch(ctx, id, worker, cuts, lease)
}

// TestABatchGoesOnWhereItsNodeDied: at each step, after the claim has run out,
// on another node. Everybody is suspended once, and nobody counts who is not in
// force.
func TestABatchGoesOnWhereItsNodeDied(t *testing.T) {
	for _, at := range []string{"cut", "force", "settle"} {
		t.Run(at, func(t *testing.T) {
			d, st := newDirectory(t)
			ctx := context.Background()
			grace := add(t, d, "grace", idp.RoleOwner)
			var names []string
			for i := range 120 {
				names = append(names, add(t, d, fmt.Sprintf("u%03d", i), idp.RoleEmployee).Username)
			}
			b := must[idp.Batch](t)(d.SuspendMany(as(grace), directory.Many{Users: names, Reason: "layoff"}))
			d.Store = &dying{Store: st, at: at, after: 1}
			if _, err := d.WorkBatch(ctx, "dead"); !errors.Is(err, errDied) {
				t.Fatalf("the node lives: %v", err)
			}
			d.Store = &dying{Store: st}
			if must[bool](t)(d.WorkBatch(ctx, "alive")) {
				t.Error("taken from a node whose claim has not run out")
			}
			half := must[idp.Batch](t)(st.Batch(ctx, b.ID))
			if half.Done == 0 || half.ToDo() == 0 {
				t.Errorf("it died at %+v", half)
			}
			d.Now = func() time.Time { return time.Now().Add(time.Minute) }
			if !must[bool](t)(d.WorkBatch(ctx, "alive")) {
				t.Error("not taken up")
			}
			b = must[idp.Batch](t)(st.Batch(ctx, b.ID))
			if b.State != idp.BatchDone || b.Done != 120 {
				t.Errorf("in the end %+v", b)
			}
			for _, name := range names {
				u := must[idp.User](t)(st.UserByName(ctx, name))
				all, _, err := st.Receipts(ctx, u.ID, "", 10)
				if err != nil || len(all) != 1 || u.Epoch != 2 || u.Status != idp.UserSuspended {
					t.Errorf("%s: %d receipts, %+v, %v", name, len(all), u, err)
				}
			}
		})
	}
}
