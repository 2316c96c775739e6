package console

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// batchesView is the list of suspensions of many, newest first.
type batchesView struct {
	Rows  []batchRow
	Pager ui.Pager
}

// batchRow is one suspension of many.
type batchRow struct {
	ID, Group, Reason, Actor    string
	At                          time.Time
	State                       idp.BatchState
	Total, Done, Already, Wrong int
	ToDo                        int
}

// batchView is the page of one.
type batchView struct {
	batchRow
	liveList
	Running bool
	Facts   []ui.Pair
	Tabs    []ui.Tab
	People  []batchPersonRow
}

// batchPersonRow is one person of it.
type batchPersonRow struct {
	ID, PersonID, Name, State, Note, ReceiptID string
}

func (b batchRow) who() string {
	if b.Group != "" {
		return "the members of " + b.Group
	}
	return ui.Count(b.Total, "person", "people")
}

// tally shows who is out as ended, and who is to come as what is being listed.
func (b batchRow) tally() ui.Tally {
	return ui.Tally{ui.Ended: b.Done + b.Already, ui.Failed: b.Wrong, ui.Listing: b.ToDo}
}

func (b batchRow) words() string {
	out := ui.Number(b.Done) + " of " + ui.Number(b.Total) + " suspended"
	if b.Already > 0 {
		out += ", " + ui.Number(b.Already) + " were before"
	}
	if b.Wrong > 0 {
		out += ", " + ui.Number(b.Wrong) + " refused"
	}
	switch {
	case b.State == idp.BatchCancelled:
		out += ", " + ui.Number(b.ToDo) + " left out when it was stopped"
	case b.State == idp.BatchPreparing:
		out += ", still being written down"
	case b.ToDo > 0:
		out += ", " + ui.Number(b.ToDo) + " to do"
	}
	return out
}

func (c *Console) batchRow(ctx context.Context, who *names, b idp.Batch) (batchRow, error) {
	row := batchRow{
		ID: string(b.ID), Reason: b.Reason, At: b.CreatedAt, State: b.State,
		Total: b.Total, Done: b.Done, Already: b.Already, Wrong: b.Refused, ToDo: b.ToDo(),
	}
	var err error
	if row.Actor, err = who.actor(ctx, b.Actor); err != nil || b.GroupID == "" {
		return row, err
	}
	g, err := c.Store.Group(ctx, b.GroupID)
	if idp.IsKind(err, idp.NotFound) {
		g.Name, err = string(b.GroupID), nil
	}
	row.Group = g.Name
	return row, err
}

// batchList shows the suspensions of many.
func (c *Console) batchList(w http.ResponseWriter, r *http.Request) error {
	after := cursor(r)
	found, next, err := c.Store.Batches(r.Context(), after, pageSize)
	if err != nil {
		return err
	}
	v := batchesView{Pager: pager("/console/batches", nil, after, next)}
	who := c.names()
	for _, b := range found {
		row, err := c.batchRow(r.Context(), who, b)
		if err != nil {
			return err
		}
		v.Rows = append(v.Rows, row)
	}
	return ui.Render(w, r, http.StatusOK, batchesPage(v))
}

// batchShow shows how far one is, and its people.
func (c *Console) batchShow(w http.ResponseWriter, r *http.Request) error {
	v, err := c.readBatch(r.Context(), idp.BatchID(r.PathValue("id")), ask(r, "state", "after"))
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, batchPage(v))
}

// batchLive tells a browser that it has come further.
func (c *Console) batchLive(w http.ResponseWriter, r *http.Request) error {
	id, in := idp.BatchID(r.PathValue("id")), ask(r, "state", "after")
	return c.live(w, r, listPoll, func(ctx context.Context) (uint64, error) {
		v, err := c.readBatch(ctx, id, in)
		return printed(v), err
	})
}

func (c *Console) readBatch(ctx context.Context, id idp.BatchID, in asked) (batchView, error) {
	var v batchView
	b, err := c.Store.Batch(ctx, id)
	if err != nil {
		return v, err
	}
	who := c.names()
	if v.batchRow, err = c.batchRow(ctx, who, b); err != nil {
		return v, err
	}
	people, next, err := c.Store.BatchPeople(ctx, id, idp.BatchPersonState(in.Get("state")), in.Get("after"), pageSize)
	if err != nil {
		return v, err
	}
	path := "/console/batches/" + string(id)
	v.Running = b.State == idp.BatchRunning || b.State == idp.BatchPreparing
	v.liveList = in.listOf(path, next, len(people), len(people))
	if !v.Running {
		v.Live = ""
	}
	v.Facts = []ui.Pair{{Key: "By", Value: v.Actor}, {Key: "Begun", Value: ui.Exact(b.CreatedAt)}}
	if b.Reason != "" {
		v.Facts = append(v.Facts, ui.Pair{Key: "Reason", Value: b.Reason})
	}
	if b.State == idp.BatchCancelled {
		by, err := who.actor(ctx, b.CancelledBy)
		if err != nil {
			return v, err
		}
		v.Facts = append(v.Facts, ui.Pair{Key: "Stopped by", Value: by})
	}
	for _, t := range []struct {
		label string
		state idp.BatchPersonState
	}{{"All", ""}, {"Suspended", idp.PersonDone}, {"Before", idp.PersonAlready}, {"Refused", idp.PersonRefused}, {"To do", idp.PersonToDo}} {
		v.Tabs = append(v.Tabs, ui.Tab{Label: t.label, Href: in.with("state", string(t.state)).at(path), Here: in.Get("state") == string(t.state)})
	}
	for _, p := range people {
		row := batchPersonRow{ID: "place-" + strconv.FormatInt(p.Place, 10), PersonID: string(p.UserID), Name: p.Name, State: personWords(p.State, v.Running), Note: p.Note}
		if p.State == idp.PersonAlready {
			row.Note = "" // the state says it
		}
		if p.State != idp.PersonToDo { // before that it is not in force everywhere
			row.ReceiptID = string(p.ReceiptID)
		}
		v.People = append(v.People, row)
	}
	return v, nil
}

func personWords(s idp.BatchPersonState, running bool) string {
	switch s {
	case idp.PersonToDo:
		if running {
			return "to do"
		}
		return "left out"
	case idp.PersonDone:
		return "suspended"
	case idp.PersonAlready:
		return "was suspended before"
	}
	return string(s)
}

// batchCancelConfirm asks before a suspension of many is stopped.
func (c *Console) batchCancelConfirm(w http.ResponseWriter, r *http.Request) error {
	b, err := c.Store.Batch(r.Context(), idp.BatchID(r.PathValue("id")))
	if err != nil {
		return err
	}
	page := "/console/batches/" + string(b.ID)
	if b.State != idp.BatchRunning && b.State != idp.BatchPreparing {
		return ui.SeeOther(w, r, page)
	}
	return ui.Render(w, r, http.StatusOK, confirmPage(confirmView{
		Title: "Stop suspending?", Action: page + "/cancel", Button: "Stop here", Section: "people", BackHref: page, Back: "The suspension",
		Meaning: []string{"Who is suspended by now stays suspended; whoever is still to come is left out. To go on later, suspend them anew."},
	}))
}

// batchCancel stops it.
func (c *Console) batchCancel(w http.ResponseWriter, r *http.Request) error {
	b, err := c.Directory.CancelBatch(r.Context(), idp.BatchID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/batches/"+string(b.ID))
}
