package console

import (
	"net/http"
	"strings"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// userEndSessionsConfirm asks before everything a person holds is ended.
func (c *Console) userEndSessionsConfirm(w http.ResponseWriter, r *http.Request) error {
	ctx, visit := r.Context(), ui.VisitOf(r.Context())
	u, err := c.Store.User(ctx, idp.UserID(r.PathValue("id")))
	if err != nil {
		return err
	}
	held, err := c.inventory(ctx, u.ID, visit.Now)
	if err != nil {
		return err
	}
	var apps []string
	for _, h := range held.holdings() {
		if h.sessions+h.offline > 0 {
			apps = append(apps, h.app.Name)
		}
	}
	told := strings.Join(apps, ", ")
	if told == "" {
		told = "none"
	}
	meaning := "Every browser of theirs is out of Gatehouse at once, the apps are told, and their API tokens and unused links stop working. The person is not suspended and may sign in again."
	if u.ID == visit.User.ID {
		meaning += " That is you: this browser is signed out too."
	}
	return ui.Render(w, r, http.StatusOK, confirmPage(confirmView{
		Title: "End all sessions of " + u.Name() + "?", Action: r.URL.Path, Button: "End all sessions",
		Danger: true, Section: "people", BackHref: "/console/users/" + string(u.ID), Back: u.Name(),
		Facts: []ui.Pair{
			{Key: "Browsers", Value: ui.Count(len(held.sessions), "session", "sessions")}, {Key: "Apps to tell", Value: told},
		},
		Meaning: []string{meaning},
	}))
}

// userEndSessions ends everything the person holds and leads to the receipt.
func (c *Console) userEndSessions(w http.ResponseWriter, r *http.Request) error {
	receipt, err := c.Directory.EndSessions(r.Context(), idp.UserID(r.PathValue("id")), "")
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/receipts/"+string(receipt.ID))
}
