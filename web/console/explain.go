package console

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// explainView is what was written down under one correlation ID.
type explainView struct {
	ID    string
	Asked bool
	Lines []explainedLine
}

type explainedLine struct {
	Event               idp.Event
	Title, Side, Change string
	Meaning             string
	Failed              string // what did not hold, of this very message
	Facts               []ui.Pair
	Message, Binding    string // what came: XML, redacted
}

// explain says what was received under a correlation ID, which rule refused
// it, and what to change.
func (c *Console) explain(w http.ResponseWriter, r *http.Request) error {
	v := explainView{ID: strings.TrimSpace(r.URL.Query().Get("id"))}
	if len(v.ID) > 100 {
		v.ID = v.ID[:100]
	}
	if v.ID == "" {
		return ui.Render(w, r, http.StatusOK, explainPage(v))
	}
	v.Asked = true
	found, err := c.Store.EventsAbout(r.Context(), v.ID)
	if err != nil {
		return err
	}
	messages, err := c.Store.RefusedMessages(r.Context(), v.ID)
	if err != nil {
		return err
	}
	apps, err := c.byID(r.Context())
	if err != nil {
		return err
	}
	who := c.names()
	for _, e := range found {
		line := explainedLine{Event: e, Title: ui.EventWords(e.Kind)}
		if x, ok := c.Explain(e); ok {
			line.Meaning, line.Side, line.Change, line.Failed = x.Meaning, sideWords(x.Side), x.Change, x.Failed
		}
		line.Message, line.Binding = messages[e.ID].Text, formatWords(messages[e.ID].Binding)
		if e.AppID != "" {
			line.Facts = append(line.Facts, ui.Pair{Key: "App", Value: apps[e.AppID].Name})
		}
		if e.UserID != "" {
			name, err := who.of(r.Context(), e.UserID)
			if err != nil {
				return err
			}
			line.Facts = append(line.Facts, ui.Pair{Key: "Person", Value: name})
		}
		if e.Actor.Address != "" {
			line.Facts = append(line.Facts, ui.Pair{Key: "Address", Value: e.Actor.Address})
		}
		for _, key := range slices.Sorted(maps.Keys(e.Detail)) {
			line.Facts = append(line.Facts, ui.Pair{Key: key, Value: e.Detail[key]})
		}
		v.Lines = append(v.Lines, line)
	}
	return ui.Render(w, r, http.StatusOK, explainPage(v))
}

func sideWords(s idp.Side) string {
	switch s {
	case idp.SideApp:
		return "In the app"
	case idp.SideHouse:
		return "Here"
	}
	return "The person"
}
