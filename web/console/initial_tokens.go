package console

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// initialTokensView is the list of what apps register themselves with, and the
// form for another. Secret is that of the one just made, shown once.
type initialTokensView struct {
	Address string // where apps register themselves; empty: the house lets none
	Tokens  []initialTokenRow
	Secret  string

	Name, Uses string
	TTLs       []ui.Choice
	Errors     map[string]string
}

// initialTokenRow is one initial access token of the list.
type initialTokenRow struct {
	ID, Name, By string
	Uses         int // that are left
	Made, Ends   time.Time
	Over         bool // its time is up, or nothing is left of it
}

// initialTTLs are how long an initial access token made here may work, as the
// form says it; the first unless another is chosen.
var initialTTLs = []ui.Choice{{Value: "24h", Label: "a day"}, {Value: "1h", Label: "an hour"}, {Value: "168h", Label: "a week"}, {Value: "720h", Label: "30 days"}}

// initialTokenList shows the initial access tokens of all owners (RFC 7591 §1.2).
func (c *Console) initialTokenList(w http.ResponseWriter, r *http.Request) error {
	return c.showInitialTokens(w, r, http.StatusOK, initialTokensView{Uses: "1"}, "")
}

// initialTokenAdd makes one and shows its secret in this very answer, because
// nothing keeps it.
func (c *Console) initialTokenAdd(w http.ResponseWriter, r *http.Request) error {
	v, chosen := initialTokensView{Name: r.PostFormValue("name"), Uses: r.PostFormValue("uses")}, r.PostFormValue("ttl")
	uses, _ := strconv.Atoi(v.Uses)      // what is no number is refused as none
	ttl, _ := time.ParseDuration(chosen) // and so is what is no time
	raw, _, err := c.Directory.AddInitialToken(r.Context(), ui.VisitOf(r.Context()).Session.Proof, v.Name, uses, ttl)
	if e, ok := errors.AsType[*idp.Error](err); ok && e.Kind == idp.Invalid {
		v.Errors = e.Fields
		return c.showInitialTokens(w, r, http.StatusBadRequest, v, chosen)
	}
	if err != nil {
		return err
	}
	return c.showInitialTokens(w, r, http.StatusCreated, initialTokensView{Secret: raw, Uses: "1"}, "")
}

// initialTokenRevoke revokes one, whoever made it; what was registered with it
// stays.
func (c *Console) initialTokenRevoke(w http.ResponseWriter, r *http.Request) error {
	if err := c.Directory.RevokeInitialToken(r.Context(), idp.InitialTokenID(r.PathValue("id"))); err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/initial-tokens")
}

func (c *Console) showInitialTokens(w http.ResponseWriter, r *http.Request, status int, v initialTokensView, ttl string) error {
	found, err := c.Store.InitialTokens(r.Context())
	if err != nil {
		return err
	}
	names, now := c.names(), ui.VisitOf(r.Context()).Now
	for _, t := range found {
		by, err := names.of(r.Context(), t.UserID)
		if err != nil {
			return err
		}
		v.Tokens = append(v.Tokens, initialTokenRow{
			ID: string(t.ID), Name: t.Name, By: by, Uses: t.Uses, Made: t.CreatedAt, Ends: t.ExpiresAt,
			Over: t.Uses == 0 || !now.Before(t.ExpiresAt),
		})
	}
	v.Address = c.Registration
	for _, choice := range initialTTLs {
		choice.Chosen = choice.Value == ttl
		v.TTLs = append(v.TTLs, choice)
	}
	return ui.Render(w, r, status, initialTokensPage(v))
}
