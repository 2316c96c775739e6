package console

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// secretAdd gives an app a second secret and shows it in this very answer.
func (c *Console) secretAdd(w http.ResponseWriter, r *http.Request) error {
	a, err := c.Store.App(r.Context(), idp.AppID(r.PathValue("id")))
	if err != nil {
		return err
	}
	raw, _, err := c.Directory.AddSecret(r.Context(), a.ID)
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusCreated, appAddedPage(appAddedView{
		ID: string(a.ID), Name: a.Name, Secret: raw, Connect: c.connect(a, raw), Second: true,
	}))
}

// secretRemoveConfirm asks before a secret is taken away from an app.
func (c *Console) secretRemoveConfirm(w http.ResponseWriter, r *http.Request) error {
	a, err := c.Store.App(r.Context(), idp.AppID(r.PathValue("id")))
	if err != nil {
		return err
	}
	secrets, err := c.Store.ClientSecrets(r.Context(), a)
	if err != nil {
		return err
	}
	for _, s := range secrets {
		if string(s.ID) != r.PathValue("secret") {
			continue
		}
		used := "never, as far as we know"
		if !s.UsedAt.IsZero() {
			used = ui.Exact(s.UsedAt)
		}
		return ui.Render(w, r, http.StatusOK, confirmPage(confirmView{
			Title: "Remove this secret of " + a.Name + "?", Action: r.URL.Path, Button: "Remove " + string(s.ID), Danger: true, Section: "apps",
			BackHref: "/console/apps/" + string(a.ID), Back: a.Name,
			Facts:   []ui.Pair{{Key: "Secret", Value: string(s.ID)}, {Key: "Last used", Value: used}},
			Meaning: []string{"Where the app still uses it, nobody can sign in there until the app has the other one. Who is signed in stays."},
		}))
	}
	return idp.Errorf(idp.NotFound, "This app has no such secret.")
}

// secretRemove takes a secret away from an app.
func (c *Console) secretRemove(w http.ResponseWriter, r *http.Request) error {
	if err := c.Directory.RemoveSecret(r.Context(), idp.AppID(r.PathValue("id")), idp.SecretID(r.PathValue("secret"))); err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/apps/"+r.PathValue("id"))
}
