package console

import (
	"net/http"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// receiptsPerPage is smaller than other lists: each row reads its lines.
const receiptsPerPage = 25

// receiptList shows the receipts of the house, newest first.
func (c *Console) receiptList(w http.ResponseWriter, r *http.Request) error {
	ctx, after := r.Context(), cursor(r)
	receipts, next, err := c.Store.Receipts(ctx, "", after, receiptsPerPage)
	if err != nil {
		return err
	}
	who := c.names()
	v := receiptsView{Pager: pager("/console/receipts", nil, after, next)}
	for _, rc := range receipts {
		row := receiptRow{
			ID: string(rc.ID), What: endingWords(rc.Kind), Reason: rc.Reason, At: rc.AskedAt, Listing: rc.Listing(),
		}
		if row.Person, err = c.about(ctx, who, rc); err != nil {
			return err
		}
		if row.Actor, err = who.actor(ctx, rc.Actor); err != nil {
			return err
		}
		lines, err := c.Store.Deliveries(ctx, rc.ID)
		if err != nil {
			return err
		}
		row.Tally, row.Until = tally(lines)
		v.Receipts = append(v.Receipts, row)
	}
	return ui.Render(w, r, http.StatusOK, receiptsPage(v))
}

// tally counts lines by state, with the latest ceiling of those alive.
func tally(lines []idp.Delivery) (ui.Tally, time.Time) {
	t := ui.Tally{}
	var until time.Time
	for _, d := range lines {
		t[ui.State(d.State)]++
		if d.State == idp.DeliveryAlive && d.Ceiling.After(until) {
			until = d.Ceiling
		}
	}
	return t, until
}
