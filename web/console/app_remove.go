package console

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// appRemoveConfirm asks before an app is removed.
func (c *Console) appRemoveConfirm(w http.ResponseWriter, r *http.Request) error {
	a, err := c.Store.App(r.Context(), idp.AppID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, confirmPage(confirmView{
		Title: "Remove " + a.Name + "?", Action: r.URL.Path, Button: "Remove " + a.Name, Danger: true, Section: "apps",
		BackHref: "/console/apps/" + string(a.ID), Back: a.Name,
		Facts: []ui.Pair{{Key: "How it is told", Value: c.levers(a)}},
		Meaning: []string{
			"Nobody can sign in to it any more, and it leaves everybody's portal. All that it holds ends, and it is told to end everybody's session; the receipt says how that went.",
			"It does not come back. Registered anew, it is another app under another name, and may know people by other names.",
		},
	}))
}

// appRemove removes the app and leads to the receipt.
func (c *Console) appRemove(w http.ResponseWriter, r *http.Request) error {
	receipt, err := c.Directory.RemoveApp(r.Context(), idp.AppID(r.PathValue("id")), "")
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/receipts/"+string(receipt.ID))
}
