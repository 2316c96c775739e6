package saas

import (
	"net/http"
	"time"
)

// WhoAmI answers GET /whoami.json: the account and session of the browser's cookie with 200, or, with
// 401, when and by what the session of that cookie ended, if it is remembered.
type WhoAmI struct {
	Account   *Account   `json:"account,omitempty"`
	StartedAt *time.Time `json:"started_at,omitempty"`
	EndsAt    *time.Time `json:"ends_at,omitempty"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	EndedKind EndKind    `json:"ended_kind,omitempty"`
	EndedBy   string     `json:"ended_by,omitempty"`
}

func (a *App) whoamiJSON(w http.ResponseWriter, r *http.Request) {
	v := a.visitor(r)
	if !v.known {
		writeJSON(w, http.StatusUnauthorized, WhoAmI{})
		return
	}
	s := v.session.view()
	who := WhoAmI{StartedAt: &s.StartedAt, EndsAt: &s.EndsAt, EndedAt: s.EndedAt, EndedKind: s.EndedKind, EndedBy: s.EndedBy}
	if s.EndedAt != nil {
		writeJSON(w, http.StatusUnauthorized, who)
		return
	}
	who.Account = &v.account
	writeJSON(w, http.StatusOK, who)
}

// accountsJSON answers GET /accounts.json: {"accounts": [Person, ...]}, to the signed-in, and to anybody
// where Config.Inspect says so.
func (a *App) accountsJSON(w http.ResponseWriter, r *http.Request) {
	if !a.cfg.Inspect && !a.visitor(r).signedIn() {
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "sign in first"})
		return
	}
	writeJSON(w, http.StatusOK, map[string][]Person{"accounts": a.book.people()})
}
