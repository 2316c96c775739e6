package console

import (
	"context"
	"net/http"
	"slices"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// credentialConfirm asks before one of a person's credentials is taken away.
func (c *Console) credentialConfirm(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	u, err := c.Store.User(ctx, idp.UserID(r.PathValue("id")))
	if err != nil {
		return err
	}
	all, err := c.Store.Credentials(ctx, u.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(k idp.Credential) bool { return string(k.ID) == r.PathValue("credential") })
	if i < 0 {
		return idp.Errorf(idp.NotFound, "There is no such credential any more. Reload the page.")
	}
	what := credentialWords(all[i])
	return ui.Render(w, r, http.StatusOK, confirmPage(confirmView{
		Title: "Remove a credential of " + u.Name() + "?", Action: r.URL.Path, Button: "Remove and end all sessions",
		Danger: true, Section: "people", BackHref: "/console/users/" + string(u.ID) + "#credentials", Back: u.Name(),
		Facts:   []ui.Pair{{Key: "Credential", Value: what}},
		Meaning: []string{"It signs nobody in any more. " + everythingEnds(ctx, u), "If nothing else is left, a one-time link lets them in again."},
	}))
}

// everythingEnds says what ends with a credential that is taken away.
func everythingEnds(ctx context.Context, u idp.User) string {
	words := "Whoever signed in with it must not stay in: every browser of theirs is out of Gatehouse at once, the apps are told, and their API tokens and unused links stop working."
	if u.ID == ui.VisitOf(ctx).User.ID {
		words += " That is you: this browser is signed out too."
	}
	return words
}

// credentialRemove takes one of a person's credentials away: a key that was
// lost, or one that somebody else has.
func (c *Console) credentialRemove(w http.ResponseWriter, r *http.Request) error {
	id := idp.UserID(r.PathValue("id"))
	receipt, err := c.RemoveCredential(r.Context(), id, idp.CredentialID(r.PathValue("credential")))
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/receipts/"+string(receipt))
}

// credentialWords names a credential.
func credentialWords(c idp.Credential) string {
	kind := map[idp.CredentialKind]string{
		idp.CredentialPassword: "Password", idp.CredentialPasskey: "Passkey",
		idp.CredentialTOTP: "Authenticator app", idp.CredentialRecovery: "Recovery code",
	}[c.Kind]
	if c.Name != "" {
		return kind + ": " + c.Name
	}
	return kind
}
