package signin

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/keys"
	"gatehouse/idp/login"
	"gatehouse/idp/login/password"
	"gatehouse/sessions"
	"gatehouse/store/storetest"
	"gatehouse/web/ui"
)

// TestAStepUpWhoseSessionHasEndedSaysSo, where its page is opened and where a code is
// sent, and leads on from there; while the session is alive, it asks.
func TestAStepUpWhoseSessionHasEndedSaysSo(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	box, err := keys.NewBox([]byte(strings.Repeat("k", 32)))
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(err)
	gate := &sessions.Gate{Backend: db, Now: time.Now, Idle: time.Hour, Absolute: time.Hour}
	l := &login.Login{Store: db, Gate: gate, Hasher: password.NewHasher(password.DefaultCost()), Spellings: directory.Spellings, Box: box, Log: slog.New(slog.DiscardHandler), Now: time.Now}
	s := &SignIn{Gate: gate, Login: l, Directory: &directory.Directory{}, Store: db, Box: box, Now: time.Now, Cookies: &pocket{}}
	now := idp.Time(time.Now())
	u := idp.User{ID: idp.NewUserID(), Username: "anna", Role: idp.RoleEmployee, Status: idp.UserActive, Epoch: 1, CreatedAt: now, UpdatedAt: now}
	code := idp.Credential{ID: idp.NewCredentialID(), UserID: u.ID, Kind: idp.CredentialTOTP, Data: "sealed", CreatedAt: now, UpdatedAt: now}
	_, err = db.Commit(t.Context(), idp.Change{Users: []idp.User{u}, Credentials: []idp.Credential{code}})
	ok(err)
	generation, err := db.Generation(t.Context())
	ok(err)
	first, err := gate.BeginSignIn(t.Context(), idp.SignIn{ResumeURL: "/"}, annasBind)
	ok(err)
	first, err = gate.Prove(t.Context(), first, idp.Proof{UserID: u.ID, Epoch: 1, Generation: generation}, idp.Witness{}, "pwd")
	ok(err)
	_, session, err := gate.Start(t.Context(), first, "", "")
	ok(err)
	in, err := l.StepUp(t.Context(), idp.SignIn{ResumeURL: "/codes"}, session, annasBind)
	ok(err)

	visit := func(method string, v ui.Visit) (int, string) {
		t.Helper()
		r := httptest.NewRequest(method, "/signin/"+string(in.ID), strings.NewReader(url.Values{"code": {"hello"}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetPathValue("id", string(in.ID))
		v.Secret, v.Now = annasBind, now
		r = r.WithContext(ui.WithVisit(r.Context(), v))
		w := httptest.NewRecorder()
		if method == http.MethodGet {
			ok(s.identify(w, r))
		} else {
			ok(s.code(w, r))
		}
		return w.Code, w.Body.String()
	}
	const over = "This sign-in is over"
	alive := ui.Visit{Session: session, User: u}
	for method, want := range map[string]int{http.MethodGet: http.StatusOK, http.MethodPost: http.StatusUnauthorized} {
		if status, page := visit(method, alive); status != want || strings.Contains(page, over) {
			t.Errorf("%s while the session is alive: %d", method, status)
		}
		for name, v := range map[string]ui.Visit{"nobody is signed in": {}, "somebody else is": {Session: idp.Session{ID: "ses_x"}, User: idp.User{ID: "usr_x"}}} {
			status, page := visit(method, v)
			if status != http.StatusBadRequest || !strings.Contains(page, over) || !strings.Contains(page, `href="/"`) {
				t.Errorf("%s where %s: %d, %.200s", method, name, status, page)
			}
		}
	}
}
