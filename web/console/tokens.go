package console

import (
	"errors"
	"net/http"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// tokenTTL is how long a token made here works: long enough for a pipeline,
// short enough to be made anew by somebody who still works here.
const tokenTTL = 90 * 24 * time.Hour

// tokenList shows the owner's own API tokens.
func (c *Console) tokenList(w http.ResponseWriter, r *http.Request) error {
	return c.showTokens(w, r, http.StatusOK, tokensView{})
}

// tokenAdd makes a token and shows its secret in this very answer, because
// nothing keeps it.
func (c *Console) tokenAdd(w http.ResponseWriter, r *http.Request) error {
	v := tokensView{Name: r.PostFormValue("name")}
	raw, _, err := c.Directory.AddToken(r.Context(), ui.VisitOf(r.Context()).Session.Proof, v.Name, tokenTTL)
	if e, ok := errors.AsType[*idp.Error](err); ok && e.Kind == idp.Invalid {
		v.Error = e.Detail
		return c.showTokens(w, r, http.StatusBadRequest, v)
	}
	if err != nil {
		return err
	}
	return c.showTokens(w, r, http.StatusCreated, tokensView{Secret: raw})
}

// tokenRevoke revokes one of the owner's own tokens.
func (c *Console) tokenRevoke(w http.ResponseWriter, r *http.Request) error {
	of := ui.VisitOf(r.Context()).User.ID
	if err := c.Directory.RevokeToken(r.Context(), idp.APITokenID(r.PathValue("id")), of); err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/tokens")
}

func (c *Console) showTokens(w http.ResponseWriter, r *http.Request, status int, v tokensView) error {
	found, err := c.Store.APITokens(r.Context(), ui.VisitOf(r.Context()).User.ID)
	if err != nil {
		return err
	}
	for _, t := range found {
		if t.RevokedAt.IsZero() {
			v.Tokens = append(v.Tokens, tokenRow{ID: string(t.ID), Name: t.Name, Made: t.CreatedAt, ExpiresAt: t.ExpiresAt})
		}
	}
	return ui.Render(w, r, status, tokensPage(v))
}
