package console

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// deliveryList shows what apps are still to be told, and could not be.
func (c *Console) deliveryList(w http.ResponseWriter, r *http.Request) error {
	v, err := c.readDeliveries(r.Context(), ask(r, deliveryFilters()...))
	if err != nil {
		return err
	}
	status := http.StatusOK
	if len(v.Errors) > 0 {
		status = http.StatusBadRequest
	}
	return ui.Render(w, r, status, deliveriesPage(v))
}

// deliveryListLive tells a browser that the list has changed.
func (c *Console) deliveryListLive(w http.ResponseWriter, r *http.Request) error {
	in := ask(r, deliveryFilters()...)
	return c.live(w, r, listPoll, func(ctx context.Context) (uint64, error) {
		v, err := c.readDeliveries(ctx, in)
		return printed(v), err
	})
}

// deliveryRetry has an app told now, and leads back to the list as it was.
func (c *Console) deliveryRetry(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.Directory.RetryDelivery(r.Context(), idp.DeliveryID(r.PathValue("id"))); err != nil {
		return err
	}
	return c.backToDeliveries(w, r)
}

// deliveryNote takes note that a line has failed.
func (c *Console) deliveryNote(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.Directory.NoteDelivery(r.Context(), idp.DeliveryID(r.PathValue("id"))); err != nil {
		return err
	}
	return c.backToDeliveries(w, r)
}

// deliveryNoteFailed takes note of all that had failed when the page was shown.
func (c *Console) deliveryNoteFailed(w http.ResponseWriter, r *http.Request) error {
	by, err := time.Parse(time.RFC3339Nano, r.PostFormValue("by"))
	if err != nil || by.After(ui.VisitOf(r.Context()).Now) {
		return idp.Errorf(idp.Invalid, "The page did not say when it was shown. Open the list again.")
	}
	if _, err := c.Directory.NoteDeadLetters(r.Context(), by); err != nil {
		return err
	}
	return c.backToDeliveries(w, r)
}

// backToDeliveries leads back to the list as it was; its alarm is counted anew.
func (c *Console) backToDeliveries(w http.ResponseWriter, r *http.Request) error {
	c.alarm.forget()
	from, err := url.ParseQuery(r.PostFormValue("list"))
	if err != nil {
		from = nil // the whole list, then
	}
	return ui.SeeOther(w, r, keep(from, deliveryFilters()).at("/console/deliveries"))
}

func deliveryFilters() []string { return []string{"state", "app", "user", "after"} }

// readDeliveries reads a page of lines with the names on them.
func (c *Console) readDeliveries(ctx context.Context, in asked) (deliveriesView, error) {
	state := idp.DeliveryState(in.Get("state"))
	v := deliveriesView{User: in.Get("user"), List: in.Encode(), Narrowed: in.narrowed(), State: ui.State(state), Errors: map[string]string{}}
	apps, err := c.byID(ctx)
	if err != nil {
		return v, err
	}
	v.Apps, v.Tabs = c.appChoices(apps, in.Get("app")), stateTabs(in, state)
	u, err := c.somebody(ctx, v.User)
	if err != nil {
		v.Errors["user"], err = said(err)
		return v, err
	}
	found, next, err := c.Store.DeliveriesNow(ctx, idp.DeliveryQuery{
		State: state, AppID: idp.AppID(in.Get("app")), UserID: u.ID, After: in.Get("after"), Limit: pageSize,
	})
	if err != nil {
		return v, err
	}
	v.liveList = in.listOf("/console/deliveries", next, len(found), 0)
	people := make([]idp.UserID, len(found))
	for i, d := range found {
		people[i] = d.UserID
	}
	who, err := c.Store.UsersByID(ctx, people)
	if err != nil {
		return v, err
	}
	for _, d := range found {
		v.Unnoted = v.Unnoted || d.State == idp.DeliveryFailed && d.NotedAt.IsZero()
		v.Lines = append(v.Lines, deliveryRow{
			receiptLine: lineOf(d, apps[d.AppID]), PersonID: string(d.UserID), Person: who[d.UserID].Name(),
			ReceiptID: string(d.ReceiptID), Since: d.CreatedAt, Retry: d.State != idp.DeliveryAlive,
			Failed: d.State == idp.DeliveryFailed, Noted: !d.NotedAt.IsZero(),
		})
	}
	return v, nil
}

// stateTabs are the ways to narrow the lines by how they stand.
func stateTabs(in asked, state idp.DeliveryState) []ui.Tab {
	var out []ui.Tab
	for _, t := range []struct {
		label string
		state idp.DeliveryState
	}{
		{"All", ""}, {"Failed", idp.DeliveryFailed}, {"Retrying", idp.DeliveryRetrying},
		{"Sent", idp.DeliveryPending}, {"Alive", idp.DeliveryAlive},
	} {
		out = append(out, ui.Tab{Label: t.label, Href: in.with("state", string(t.state)).at("/console/deliveries"), Here: t.state == state})
	}
	return out
}
