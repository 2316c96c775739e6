package directory

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"gatehouse/idp"
)

// Batches is what suspending many asks of the store.
type Batches interface {
	UsersNamed(ctx context.Context, names []string) ([]idp.User, error)
	Members(ctx context.Context, id idp.GroupID, after string, n int) ([]idp.User, string, error)
	BeginBatch(ctx context.Context, b idp.Batch) error
	GrowBatch(ctx context.Context, id idp.BatchID, people []idp.BatchPerson) error
	RunBatch(ctx context.Context, id idp.BatchID, e idp.Event) error
	Batch(ctx context.Context, id idp.BatchID) (idp.Batch, error)
	ClaimBatch(ctx context.Context, worker string, now time.Time, lease time.Duration) (idp.Batch, error)
	BatchToDo(ctx context.Context, id idp.BatchID, after int64, n int) ([]idp.BatchPerson, error)
	CutBatch(ctx context.Context, id idp.BatchID, worker string, cuts []idp.BatchCut, lease time.Duration) (int64, error)
	SettleBatch(ctx context.Context, id idp.BatchID, worker string, people []idp.BatchPerson, until time.Time) error
	FinishBatch(ctx context.Context, id idp.BatchID, worker string, e idp.Event) error
	CancelBatch(ctx context.Context, id idp.BatchID, e idp.Event) error
}

// MostPeople is how many people one batch may name.
const MostPeople = 100_000

// growPage bounds what is written down in one transaction (DESIGN section 2,
// mass verbs).
const growPage = 500

// Many says whom to suspend together: by username, e-mail address or ID, or
// the members of a group as they are now.
type Many struct {
	Users  []string
	Group  idp.GroupID
	Reason string
	Myself bool // whoever acts is meant, too, when among them
}

// SuspendMany writes down who is to be suspended and returns at once: whichever
// node is free works it off, see [Directory.WorkBatch]. Who cannot be suspended
// is refused in the batch, with the reason, and holds up nobody else. It
// answers idp.Invalid when there is nobody, or are too many.
func (d *Directory) SuspendMany(ctx context.Context, m Many) (idp.Batch, error) {
	why, err := text("reason", m.Reason, 500)
	if err != nil {
		return idp.Batch{}, err
	}
	b := idp.Batch{ID: idp.NewBatchID(), GroupID: m.Group, Reason: why, Actor: idp.ActorOf(ctx), Myself: m.Myself, CreatedAt: d.now()}
	if err := m.check(); err != nil {
		return idp.Batch{}, err
	}
	if err := d.Store.BeginBatch(ctx, b); err != nil {
		return idp.Batch{}, err
	}
	err = d.people(ctx, m, func(page []idp.BatchPerson) error {
		b.Total += len(page)
		return d.Store.GrowBatch(ctx, b.ID, page)
	})
	if err == nil && b.Total == 0 {
		err = nobody()
	}
	e := d.ofBatch(ctx, "users.suspend", b)
	if err != nil {
		// Whatever is written down already is left alone by everybody.
		e.Kind = "users.suspend.cancel"
		return idp.Batch{}, errors.Join(err, d.Store.CancelBatch(context.WithoutCancel(ctx), b.ID, e))
	}
	if err := d.Store.RunBatch(ctx, b.ID, e); err != nil {
		return idp.Batch{}, err
	}
	return d.Store.Batch(ctx, b.ID)
}

func (m Many) check() error {
	switch {
	case (m.Group == "") == (len(m.Users) == 0):
		return invalid("users", "Name the people, or one group.")
	case len(m.Users) > MostPeople:
		return invalid("users", fmt.Sprintf("These are %d names, and one batch takes %d. Make several.", len(m.Users), MostPeople))
	}
	return nil
}

func nobody() error { return invalid("users", "There is nobody to suspend.") }

// Plan is what SuspendMany would do. Nothing is written.
type Plan struct {
	Total, Suspend, Already, Refused int
	// Others are those who would not be suspended, at most the first thousand,
	// with the reason.
	Others []idp.BatchPerson
}

// PlanMany says what [Directory.SuspendMany] would do.
func (d *Directory) PlanMany(ctx context.Context, m Many) (Plan, error) {
	var p Plan
	if err := m.check(); err != nil {
		return p, err
	}
	owners := 0
	err := d.people(ctx, m, func(page []idp.BatchPerson) error {
		for _, one := range page {
			p.Total++
			one = d.judge(ctx, one, m.Myself)
			if one.State == idp.PersonToDo && one.User.Role == idp.RoleOwner {
				owners++
			}
			switch one.State {
			case idp.PersonToDo:
				p.Suspend++
				continue
			case idp.PersonAlready:
				p.Already++
			case idp.PersonRefused:
				p.Refused++
			}
			if len(p.Others) < 1000 {
				p.Others = append(p.Others, one)
			}
		}
		return nil
	})
	if err != nil || owners == 0 {
		return p, err
	}
	all, err := d.Store.Owners(ctx)
	for _, o := range all {
		if o.Status == idp.UserActive {
			owners--
		}
	}
	if owners >= 0 && err == nil {
		p.Suspend--
		p.Refused++
		p.Others = append(p.Others, idp.BatchPerson{Name: "the last owner", State: idp.PersonRefused, Note: "A house keeps one. Make someone else an owner first."})
	}
	return p, err
}

// judge says what is to be done about a person as they are now.
func (d *Directory) judge(ctx context.Context, p idp.BatchPerson, myself bool) idp.BatchPerson {
	switch {
	case p.State != idp.PersonToDo:
	case p.User.Status == idp.UserSuspended:
		p.State, p.Note = idp.PersonAlready, "Suspended before."
	case isMyself(ctx, p.UserID) && !myself:
		p.State, p.Note = idp.PersonRefused, "This is whoever asked for it, who did not say that they mean themselves."
	}
	return p
}

// people calls with whom m means, page by page, each person once.
func (d *Directory) people(ctx context.Context, m Many, each func([]idp.BatchPerson) error) error {
	if m.Group != "" {
		return d.members(ctx, m.Group, each)
	}
	seen := make(map[string]bool, len(m.Users)) // canonical names and IDs
	place := int64(0)
	for len(m.Users) > 0 {
		n := min(growPage, len(m.Users))
		page, err := d.named(ctx, m.Users[:n], seen, &place)
		if err != nil {
			return err
		}
		if len(page) > 0 {
			if err := each(page); err != nil {
				return err
			}
		}
		m.Users = m.Users[n:]
	}
	return nil
}

// named finds people by what they were called.
func (d *Directory) named(ctx context.Context, names []string, seen map[string]bool, place *int64) ([]idp.BatchPerson, error) {
	var page []idp.BatchPerson
	var ask []string
	for _, name := range names {
		canonical, err := name, error(nil)
		if !idp.ValidID("usr", name) {
			canonical, err = Canonical(name)
		}
		if err != nil {
			canonical = clipped(name)
		}
		if seen[canonical] {
			continue
		}
		seen[canonical] = true
		*place++
		p := idp.BatchPerson{Place: *place, Name: canonical, State: idp.PersonRefused, Note: "Nobody has this name."}
		if err == nil {
			ask = append(ask, spellings(canonical)...)
		}
		page = append(page, p)
	}
	if len(ask) == 0 {
		return page, nil
	}
	found, err := d.Store.UsersNamed(ctx, ask)
	if err != nil {
		return nil, err
	}
	by := make(map[string]idp.User, 2*len(found))
	for _, u := range found { // a username wins over an address
		if u.Email != "" {
			by[u.Email] = u
		}
	}
	for _, u := range found {
		by[u.Username], by[string(u.ID)] = u, u
	}
	for i, p := range page {
		u, ok := by[p.Name]
		for _, name := range spellings(p.Name) {
			if !ok {
				u, ok = by[name]
			}
		}
		if ok {
			page[i].UserID, page[i].User, page[i].State, page[i].Note = u.ID, u, idp.PersonToDo, ""
		}
	}
	return page, nil
}

// clipped is what is shown of a name that nobody can have.
func clipped(name string) string {
	kept := []rune{}
	for _, r := range name {
		if len(kept) == 60 {
			break
		}
		if !forbidden(r) && r != '\uFFFD' {
			kept = append(kept, r)
		}
	}
	return string(kept)
}

func (d *Directory) members(ctx context.Context, id idp.GroupID, each func([]idp.BatchPerson) error) error {
	if _, err := d.Store.Group(ctx, id); err != nil {
		return err
	}
	place := int64(0)
	for after := ""; ; {
		users, next, err := d.Store.Members(ctx, id, after, growPage)
		if err != nil {
			return err
		}
		page := make([]idp.BatchPerson, len(users))
		for i, u := range users {
			place++
			page[i] = idp.BatchPerson{Place: place, UserID: u.ID, Name: u.Username, State: idp.PersonToDo, User: u}
		}
		if place > MostPeople {
			return invalid("group", fmt.Sprintf("This group has more than %d members. Suspend them in parts, by name.", MostPeople))
		}
		if len(page) > 0 {
			if err := each(page); err != nil {
				return err
			}
		}
		if after = next; after == "" {
			return nil
		}
	}
}

func (d *Directory) ofBatch(ctx context.Context, kind string, b idp.Batch) idp.Event {
	e := d.event(ctx, kind)
	e.Detail = map[string]string{"batch": string(b.ID), "people": strconv.Itoa(b.Total)}
	if b.Reason != "" {
		e.Detail["reason"] = b.Reason
	}
	if b.GroupID != "" {
		e.Detail["group_id"] = string(b.GroupID)
	}
	return e
}

// CancelBatch leaves out who was not suspended yet. Asked twice, it is
// cancelled once; idp.Conflict when it is done.
func (d *Directory) CancelBatch(ctx context.Context, id idp.BatchID) (idp.Batch, error) {
	b, err := d.Store.Batch(ctx, id)
	if err != nil {
		return idp.Batch{}, err
	}
	err = d.Store.CancelBatch(ctx, id, d.ofBatch(ctx, "users.suspend.cancel", b))
	if err != nil && !idp.IsKind(err, idp.Conflict) {
		return idp.Batch{}, err
	}
	b, lookErr := d.Store.Batch(ctx, id)
	switch {
	case lookErr != nil:
		return idp.Batch{}, lookErr
	case b.State == idp.BatchDone:
		return idp.Batch{}, idp.Errorf(idp.Conflict, "Everybody in it is suspended already. Restore people one by one.")
	}
	return b, nil
}
