package console

import (
	"net/http"
	"strings"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// sessionEndConfirm asks before one session of a person is ended.
func (c *Console) sessionEndConfirm(w http.ResponseWriter, r *http.Request) error {
	ctx, visit := r.Context(), ui.VisitOf(r.Context())
	s, err := c.Store.SessionByID(ctx, idp.SessionID(r.PathValue("id")))
	if err != nil {
		return err
	}
	u, err := c.Store.User(ctx, s.UserID)
	if err != nil {
		return err
	}
	held, err := c.inventory(ctx, u.ID, visit.Now)
	if err != nil {
		return err
	}
	apps := strings.Join(held.opened()[s.ID], ", ")
	if apps == "" {
		apps = "nothing yet"
	}
	device := ui.Device(s.UserAgent)
	return ui.Render(w, r, http.StatusOK, confirmPage(confirmView{
		Title: "End this session of " + u.Name() + "?", Action: r.URL.Path, Button: "End the session on " + device,
		Danger: true, Section: "people", BackHref: "/console/users/" + string(u.ID), Back: u.Name(),
		Facts: []ui.Pair{
			{Key: "Device", Value: device}, {Key: "Address", Value: s.Address},
			{Key: "Signed in", Value: ui.Exact(s.CreatedAt)}, {Key: "Opened from it", Value: apps},
		},
		Meaning: []string{"The browser is out of Gatehouse at once, and the apps opened from it are told. Other sessions stay."},
	}))
}

// sessionEnd ends the session and leads to the receipt.
func (c *Console) sessionEnd(w http.ResponseWriter, r *http.Request) error {
	receipt, err := c.Directory.EndSession(r.Context(), idp.SessionID(r.PathValue("id")), "")
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/receipts/"+string(receipt.ID))
}
