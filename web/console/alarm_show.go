package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// alarmsView says what the banners are about that no other page shows, newest first.
type alarmsView struct {
	Mails   []ui.Happening // that failed
	SignIns []ui.Happening // alarms that many names are tried
}

// alarmShow shows which mails failed lately, and from where many names were tried.
func (c *Console) alarmShow(w http.ResponseWriter, r *http.Request) error {
	ctx, since := r.Context(), ui.VisitOf(r.Context()).Now.Add(-mailsFor)
	mails, err := c.Store.EventsOfKind(ctx, "mail.fail", since)
	if err != nil {
		return err
	}
	tried, err := c.Store.EventsOfKind(ctx, "signin.stuffing", since)
	if err != nil {
		return err
	}
	var v alarmsView
	if v.Mails, err = c.failedMails(ctx, mails); err != nil {
		return err
	}
	for _, e := range slices.Backward(tried) {
		h := ui.Happening{At: e.At, Title: triedWords(e)}
		if x, explained := c.Explain(e); explained {
			h.Detail = x.Change
			if id := e.Actor.CorrelationID; id != "" {
				h.Href = "/console/explain?id=" + url.QueryEscape(id)
			}
		}
		v.SignIns = append(v.SignIns, h)
	}
	return ui.Render(w, r, http.StatusOK, alarmsPage(v))
}

// failedMails are lines for mails that failed, each with who waits for it and what the
// mail server answered.
func (c *Console) failedMails(ctx context.Context, events []idp.Event) ([]ui.Happening, error) {
	var ids []idp.UserID
	for _, e := range events {
		ids = append(ids, e.UserID)
	}
	people, err := c.Store.UsersByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	var out []ui.Happening
	for _, e := range slices.Backward(events) {
		kind := strings.ReplaceAll(e.Detail["kind"], "_", " ")
		h := ui.Happening{At: e.At, Title: "Somebody who was removed", Detail: kind + " · " + cmp.Or(e.Detail["reason"], "no answer")}
		if u, found := people[e.UserID]; found {
			h.Title, h.Href = u.Name(), "/console/users/"+string(u.ID)
		}
		out = append(out, h)
	}
	return out, nil
}

// triedWords say where an alarm about sign-ins came from.
func triedWords(e idp.Event) string {
	if place := e.Detail["place"]; place != "" {
		return "Many names were tried from " + place
	}
	return fmt.Sprintf("%s sign-ins failed within five minutes, at a node where %s are usual", e.Detail["failures"], e.Detail["usual"])
}
