package console

import (
	"net/http"

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
	receipt, err := c.Directory.Suspend(r.Context(), u.ID, why)
	if idp.IsKind(err, idp.Invalid) {
		return c.preview(w, r, http.StatusBadRequest, u, why, err)
	}
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/receipts/"+string(receipt.ID))
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
		Sessions: len(held.sessions), Offline: len(held.families), Lines: held.previewLines(), Exposure: held.exposure(),
		Reason: why, Error: fieldErrors(refused)["reason"], Myself: u.ID == visit.User.ID,
	}
	return ui.Render(w, r, status, previewPage(v))
}

// previewLines say, app by app, what would be done and what would survive.
func (v inventory) previewLines() []previewLine {
	holdings := v.holdings()
	out := make([]previewLine, 0, len(holdings))
	for _, h := range holdings {
		l := previewLine{App: h.app.Name, Holds: h.words(), Lever: leverWords(leverOf(h.app))}
		switch {
		case h.sessions == 0 && h.offline == 0:
			l.Lever = "Nothing to end"
		case h.sessions > 0 && leverOf(h.app) == idp.LeverNone:
			l.Survives, l.Until = "its session", h.aliveTill
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
