package console

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// appEndSessionsConfirm asks before everything an app holds is ended.
func (c *Console) appEndSessionsConfirm(w http.ResponseWriter, r *http.Request) error {
	a, err := c.Store.App(r.Context(), idp.AppID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, confirmPage(confirmView{
		Title: "End all sessions in " + a.Name + "?", Action: r.URL.Path, Button: "End all sessions", Danger: true, Section: "apps",
		BackHref: "/console/apps/" + string(a.ID), Back: a.Name,
		Facts:   []ui.Pair{{Key: "How it is told", Value: c.levers(a)}},
		Meaning: []string{"Every code and token it holds stops working at once, and it is told to end the session of everybody. People stay signed in at Gatehouse and may sign in to the app again."},
	}))
}

// appEndSessions ends everything the app holds and leads to the receipt.
func (c *Console) appEndSessions(w http.ResponseWriter, r *http.Request) error {
	receipt, err := c.Directory.EndApp(r.Context(), idp.AppID(r.PathValue("id")), "")
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/receipts/"+string(receipt.ID))
}
