package saas

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// maxForm bounds the body of the endpoints that the identity provider posts to.
const maxForm = 64 << 10

// logoutAge is how old a logout token may be: its ID is remembered at least that long.
const logoutAge = 10 * time.Minute

// backchannelLogout answers POST /backchannel-logout: 200 when the token was valid, also when no session
// matched it; 400 with an OAuth error otherwise (OIDC Back-Channel Logout 1.0 §2.5 to §2.8).
func (p *relyingParty) backchannelLogout(w http.ResponseWriter, r *http.Request) {
	token, err := formValue(w, r, "logout_token")
	var n int
	if err == nil {
		n, err = p.endByToken(p.with(r.Context()), token)
	}
	if err != nil {
		p.app.cfg.Log.WarnContext(r.Context(), "logout token refused", "app", p.app.cfg.Name, "error", err)
		writeJSON(w, http.StatusBadRequest, map[string]string{
			"error": "invalid_request", "error_description": err.Error(),
		})
		return
	}
	p.app.cfg.Log.InfoContext(r.Context(), "logout token accepted", "app", p.app.cfg.Name, "sessions_ended", n)
	w.WriteHeader(http.StatusOK)
}

// endByToken verifies a logout token and ends the sessions it names: the one of its sid, which must be
// the sub's when it names both, or all of its sub.
func (p *relyingParty) endByToken(ctx context.Context, raw string) (int, error) {
	m, err := p.metadata.get()
	if err != nil {
		return 0, errors.New("the issuer's keys cannot be read")
	}
	t, err := m.verifier.VerifyLogout(ctx, raw)
	if err != nil {
		return 0, err
	}
	if err := p.checkLogout(raw, t); err != nil {
		return 0, err
	}
	if !p.app.spent.spend("logout "+t.TokenID, p.app.cfg.Now().Add(2*logoutAge)) {
		return 0, errors.New("this logout token was used before")
	}
	return p.app.book.endMatching(func(s session) bool {
		if t.Subject != "" && s.account.subject != t.Subject {
			return false
		}
		return t.SessionID == "" || s.index == t.SessionID
	}, "logout token jti="+t.TokenID), nil
}

// checkLogout makes the checks of §2.6 that go-oidc leaves to its caller.
func (p *relyingParty) checkLogout(raw string, t *oidc.LogoutToken) error {
	var claims struct {
		Events map[string]json.RawMessage `json:"events"`
	}
	if err := t.Claims(&claims); err != nil {
		return fmt.Errorf("read the logout token: %w", err)
	}
	event := strings.TrimSpace(string(claims.Events["http://schemas.openid.net/event/backchannel-logout"]))
	now := p.app.cfg.Now()
	switch {
	case !typIs(raw, "", "JWT", "logout+jwt"):
		return errors.New("a token of another type is not a logout token")
	case !strings.HasPrefix(event, "{"):
		return errors.New("the logout event is not an object")
	case len(t.TokenID) > 256:
		return errors.New("the jti is too long")
	case t.IssuedAt.IsZero() || t.IssuedAt.Unix() <= 0:
		return errors.New("the logout token has no iat")
	case t.IssuedAt.After(now.Add(clockSkew)):
		return errors.New("the logout token is from the future")
	case now.Sub(t.IssuedAt) > logoutAge:
		return errors.New("the logout token is too old")
	}
	return nil
}

// formValue reads one value of a posted form that has it exactly once.
func formValue(w http.ResponseWriter, r *http.Request, name string) (string, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return "", errors.New("the body is not a form, or too large")
	}
	values := r.PostForm[name]
	if len(values) != 1 || values[0] == "" {
		return "", fmt.Errorf("exactly one %s is needed", name)
	}
	return values[0], nil
}

// writeJSON answers with a small JSON document.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client went away: nobody is left to tell
}
