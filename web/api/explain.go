package api

import (
	"context"
	"net/http"
	"strings"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

// Refusals is what was refused, and why.
type Refusals interface {
	EventsAbout(ctx context.Context, correlation string) ([]idp.Event, error)
	RefusedMessages(ctx context.Context, correlation string) (map[idp.EventID]idp.RefusedMessage, error)
}

// explain tells what was written down of one request, and what a refusal in it
// means.
func (a *API) explain(r *http.Request, _ caller) (int, any, error) {
	id := strings.TrimSpace(r.PathValue("correlation"))
	found, err := a.Store.EventsAbout(r.Context(), id)
	if err != nil {
		return 0, nil, err
	}
	if len(found) == 0 {
		return 0, nil, idp.Errorf(idp.NotFound, "Nothing is written down under %q. The ID stands on the page of the refusal and in the X-Correlation-ID header of every answer; only refusals and changes are written down, and refusals of strangers up to a bound. The log has a line for every request.", id)
	}
	messages, err := a.Store.RefusedMessages(r.Context(), id)
	if err != nil {
		return 0, nil, err
	}
	out := client.Page[client.Explained]{}
	for _, e := range found {
		line := client.Explained{Event: event(e), Binding: messages[e.ID].Binding, Message: messages[e.ID].Text}
		if x, ok := a.Explain(e); ok {
			line.Refused, line.Meaning, line.Failed, line.Side, line.Change = true, x.Meaning, x.Failed, string(x.Side), x.Change
		}
		out.Items = append(out.Items, line)
	}
	return http.StatusOK, out, nil
}
