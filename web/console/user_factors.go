package console

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// userFactorsConfirm asks before a person's second factors are taken away.
func (c *Console) userFactorsConfirm(w http.ResponseWriter, r *http.Request) error {
	u, err := c.Store.User(r.Context(), idp.UserID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, confirmPage(confirmView{
		Title: "Reset the second factors of " + u.Name() + "?", Action: r.URL.Path, Button: "Reset and end all sessions",
		Danger: true, Section: "people", BackHref: "/console/users/" + string(u.ID), Back: u.Name(),
		Meaning: []string{
			"Their authenticator app and recovery codes stop working. " + everythingEnds(r.Context(), u),
			"They sign in with their password alone and can add others on their own page. Make sure that it is they who ask: whoever has their password gets in with nothing else. Where the policy asks them for a second factor, their own page is all they get until they have set one up.",
		},
	}))
}

// userFactors takes them away.
func (c *Console) userFactors(w http.ResponseWriter, r *http.Request) error {
	id := idp.UserID(r.PathValue("id"))
	receipt, err := c.ResetFactors(r.Context(), id)
	switch {
	case err != nil:
		return err
	case receipt == "": // there were none
		return ui.SeeOther(w, r, "/console/users/"+string(id)+"#credentials")
	}
	return ui.SeeOther(w, r, "/console/receipts/"+string(receipt))
}
