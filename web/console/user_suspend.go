package console

import (
	"net/http"
	"slices"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// userSuspendPreview shows what a suspension would end, and what would survive
// it until when.
func (c *Console) userSuspendPreview(w http.ResponseWriter, r *http.Request) error {
	u, err := c.Store.User(r.Context(), idp.UserID(r.PathValue("id")))
	if err != nil {
		return err
	}
	if u.Status == idp.UserSuspended {
		return ui.SeeOther(w, r, "/console/users/"+string(u.ID))
	}
	return c.preview(w, r, http.StatusOK, u, "", nil)
}

// userSuspend suspends the person and leads to the receipt. There is one verb
// that suspends, and this is a door to it.
func (c *Console) userSuspend(w http.ResponseWriter, r *http.Request) error {
	u, err := c.Store.User(r.Context(), idp.UserID(r.PathValue("id")))
	if err != nil {
		return err
	}
	why := r.PostFormValue("reason")
	suspend := func() (idp.Receipt, error) { return c.Directory.Suspend(r.Context(), u.ID, why) }
	if u.ID == ui.VisitOf(r.Context()).User.ID && r.PostFormValue("myself") == "yes" {
		suspend = func() (idp.Receipt, error) { return c.Directory.SuspendMyself(r.Context(), why) }
	}
	receipt, err := suspend()
	if fieldErrors(err)["myself"] != "" {
		return c.askMyself(w, r, u, why)
	}
	if idp.IsKind(err, idp.Invalid) {
		return c.preview(w, r, http.StatusBadRequest, u, why, err)
	}
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/receipts/"+string(receipt.ID))
}

// askMyself asks once more whoever is about to suspend themselves.
func (c *Console) askMyself(w http.ResponseWriter, r *http.Request, u idp.User, why string) error {
	page := "/console/users/" + string(u.ID)
	return ui.Render(w, r, http.StatusOK, confirmPage(confirmView{
		Title: "Suspend yourself?", Action: page + "/suspend", Button: "Suspend myself, " + u.Name(), Danger: true,
		Section: "people", BackHref: page, Back: u.Name(),
		Hidden: []ui.Pair{{Key: "reason", Value: why}, {Key: "myself", Value: "yes"}},
		Meaning: []string{
			"This is you. You are signed out on every device at once, and your API tokens stop working.",
			"You cannot take it back: only another owner can restore you.",
		},
	}))
}

// preview renders the page before a suspension; refused is why the last try
// was not accepted.
func (c *Console) preview(w http.ResponseWriter, r *http.Request, status int, u idp.User, why string, refused error) error {
	visit := ui.VisitOf(r.Context())
	held, err := c.inventory(r.Context(), u.ID, visit.Now)
	if err != nil {
		return err
	}
	v := previewView{
		ID: string(u.ID), Name: u.Name(), Username: u.Username, Action: "/console/users/" + string(u.ID) + "/suspend",
		Sessions: len(held.sessions), Offline: len(held.families), Tokens: len(held.tokens), Browsers: held.browsers(), Lines: c.previewLines(held, visit.Now), Exposure: held.exposure(visit.Now),
		Reason: why, Error: fieldErrors(refused)["reason"], Myself: u.ID == visit.User.ID,
	}
	return ui.Render(w, r, status, previewPage(v))
}

// browsers names the sessions, newest first.
func (v inventory) browsers() []string {
	out := make([]string, len(v.sessions))
	for i, s := range v.sessions {
		out[i] = ui.Device(s.UserAgent) + ", " + s.Address
	}
	return out
}

// previewLines say, app by app, what would be done and what would survive.
func (c *Console) previewLines(v inventory, now time.Time) []previewLine {
	at := map[idp.AppID]idp.Exposure{}
	for _, x := range v.exposures {
		at[x.AppID] = x
	}
	holdings := v.holdings()
	out := make([]previewLine, 0, len(holdings))
	for _, h := range holdings {
		l := previewLine{App: h.app.Name, Holds: h.words(), Lever: c.levers(h.app)}
		x, open := at[h.app.ID]
		switch {
		case !open:
			l.Lever = "Nothing to end"
		case x.Basis == idp.BasisJWT:
			l.Survives, l.Until = "its JWT access tokens", until(x, now)
		case x.Basis != idp.BasisLever:
			l.Survives, l.Until = "its session", until(x, now)
		}
		if x.Distrusted {
			l.Lever += ", which it did not take last time"
		}
		if open && slices.ContainsFunc(c.Outbox.LeversOf(h.app), c.Outbox.Destroys) {
			l.Lever += ". This deletes data there"
		}
		out = append(out, l)
	}
	return out
}

// words says what is held in an app.
func (h holding) words() string {
	out := ""
	if h.sessions > 0 {
		out = ui.Count(h.sessions, "session", "sessions")
	}
	if h.offline > 0 {
		if out != "" {
			out += ", "
		}
		out += ui.Count(h.offline, "offline token", "offline tokens")
	}
	if out == "" {
		return "an account, no session"
	}
	return out
}
