package console

import (
	"context"
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

const (
	// receiptsPerPage is smaller than other lists: each row counts its lines.
	receiptsPerPage = 25
	// linesCounted is how many lines of a receipt its row looks at.
	linesCounted = 2000
)

// receiptList shows the receipts of the house, newest first.
func (c *Console) receiptList(w http.ResponseWriter, r *http.Request) error {
	v, err := c.readReceipts(r.Context(), ask(r, receiptFilters()...))
	if err != nil {
		return err
	}
	status := http.StatusOK
	if len(v.Errors) > 0 {
		status = http.StatusBadRequest
	}
	return ui.Render(w, r, status, receiptsPage(v))
}

// receiptListLive tells a browser that the list has changed.
func (c *Console) receiptListLive(w http.ResponseWriter, r *http.Request) error {
	in := ask(r, receiptFilters()...)
	return c.live(w, r, listPoll, func(ctx context.Context) (uint64, error) {
		v, err := c.readReceipts(ctx, in)
		return printed(v), err
	})
}

func receiptFilters() []string { return []string{"state", "kind", "user", "after"} }

// readReceipts reads a page of receipts with the names on them.
func (c *Console) readReceipts(ctx context.Context, in asked) (receiptsView, error) {
	v := receiptsView{User: in.Get("user"), State: in.Get("state"), Narrowed: in.narrowed(), Kinds: kindChoices(in.Get("kind")), Tabs: receiptTabs(in), Errors: map[string]string{}}
	u, err := c.somebody(ctx, v.User)
	if err != nil {
		v.Errors["user"], err = said(err)
		return v, err
	}
	receipts, next, err := c.Store.ReceiptsNow(ctx, idp.ReceiptQuery{
		UserID: u.ID, Kind: idp.EndingKind(in.Get("kind")), Open: in.Get("state") == "open", Failed: in.Get("state") == "failed",
		After: in.Get("after"), Limit: receiptsPerPage,
	})
	if err != nil {
		return v, err
	}
	v.liveList = in.listOf("/console/receipts", next, len(receipts), receiptsPerPage)
	who := c.names()
	for _, rc := range receipts {
		row := receiptRow{
			ID: string(rc.ID), What: endingWords(rc.Kind), Reason: rc.Reason, At: rc.AskedAt, Listing: rc.Listing(),
		}
		if row.Person, err = c.about(ctx, who, rc); err != nil {
			return v, err
		}
		if row.Actor, err = who.actor(ctx, rc.Actor); err != nil {
			return v, err
		}
		lines, err := c.Store.CountLines(ctx, rc.ID, linesCounted)
		if err != nil {
			return v, err
		}
		row.Tally, row.Until, row.More = ui.Tally{}, lines.Until, lines.More
		for state, n := range lines.By {
			row.Tally[ui.State(state)] = n
		}
		v.Receipts = append(v.Receipts, row)
	}
	return v, nil
}

// kindChoices are the kinds of ending that the filter offers.
func kindChoices(chosen string) []ui.Choice {
	out := []ui.Choice{{Label: "Any kind", Chosen: chosen == ""}}
	for _, k := range []idp.EndingKind{idp.EndUser, idp.EndPasses, idp.EndSession, idp.EndGrant, idp.EndApp, idp.EndBefore, idp.EndKey} {
		out = append(out, ui.Choice{Value: string(k), Label: endingWords(k), Chosen: string(k) == chosen})
	}
	return out
}

// receiptTabs are the ways to narrow receipts by how they stand.
func receiptTabs(in asked) []ui.Tab {
	var out []ui.Tab
	for _, t := range []ui.Choice{{Label: "All"}, {Label: "Open", Value: "open"}, {Label: "Failed", Value: "failed"}} {
		out = append(out, ui.Tab{Label: t.Label, Href: in.with("state", t.Value).at("/console/receipts"), Here: t.Value == in.Get("state")})
	}
	return out
}
