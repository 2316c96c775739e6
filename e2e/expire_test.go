package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/web/api/client"
)

// TestASessionThatRunsOutEndsInTheApps: twelve hours after the sign-in, by a
// logout token; not while it is merely idle. What the app was allowed to keep
// without her being there lives on.
func TestASessionThatRunsOutEndsInTheApps(t *testing.T) {
	t.Parallel()
	bin, err := builtFaulty()
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 10)
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told <- r.PostFormValue("logout_token") }))
	t.Cleanup(app.Close)
	clock := filepath.Join(t.TempDir(), "clock")
	later := func(by time.Duration) {
		t.Helper()
		if err := os.WriteFile(clock+".next", []byte(by.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(clock+".next", clock); err != nil {
			t.Fatal(err)
		}
	}
	later(0)
	env := map[string]string{"FAULT_CLOCK": clock, "GATEHOUSE_OUTBOUND_ALLOW": strings.TrimPrefix(app.URL, "http://")}
	p := meetAs(t, bin, env, client.App{Name: "notes", OIDC: &client.OIDC{BackchannelLogoutURI: app.URL + "/logout"}})
	p.Log.expect("clock")
	_, refresh := p.tokens("notes")
	refreshes := func() {
		t.Helper()
		got := newVisitor(t).postForm(t, p.URL+"/oauth/token", p.as("notes", "grant_type", "refresh_token", "refresh_token", refresh))
		var tokens struct {
			Refresh string `json:"refresh_token"`
		}
		if err := json.Unmarshal([]byte(got.Body), &tokens); err != nil || tokens.Refresh == "" {
			t.Fatalf("the app could not refresh: %d %s", got.Status, got.Body)
		}
		refresh = tokens.Refresh
	}

	later(3 * time.Hour)
	if got := p.ada.get(t, p.URL+"/"); got.Status/100 != 3 {
		t.Errorf("idle for three hours, she is still in: %d", got.Status)
	}
	refreshes()
	later(12*time.Hour + time.Minute)
	var token string
	select {
	case token = <-told:
	case <-time.After(readyWithin):
		t.Fatal("the app was not told")
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("the app got %q", token)
	}
	said, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		SID      string `json:"sid"`
		IssuedAt int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}
	if err := json.Unmarshal(said, &claims); err != nil || claims.SID == "" || claims.Expires-claims.IssuedAt > 120 {
		t.Errorf("the logout token says %s, %v", said, err)
	}
	if at := time.Unix(claims.IssuedAt, 0); at.Before(time.Now().Add(12 * time.Hour)) {
		t.Errorf("the app was told before its time, at %s", at)
	}
	var r client.Receipt
	until(t, readyWithin, "the receipt says that the app has acknowledged", func() bool {
		all, err := p.API.Receipts(t.Context(), "ada")
		if err != nil || len(all) != 1 {
			return false
		}
		r = p.receipt(all[0].ID)
		return len(r.Lines) == 1 && r.Lines[0].AckedAt != nil
	}, func() any { return r })
	refreshes()
}
