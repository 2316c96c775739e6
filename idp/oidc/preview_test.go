package oidc_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/idp"
)

// TestAPreviewIsWhatASignOnTells: the claims of a sign-on, without one.
func TestAPreviewIsWhatASignOnTells(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.wiki.ID, func(a *idp.App) {
		a.OIDC.ClaimsInIDToken = true
		a.Attributes = []idp.AttributeRule{{Name: "dept", Source: "const:Sales"}}
	})
	app, err := h.store.App(t.Context(), h.wiki.ID)
	h.must(err)
	before := len(h.events())
	v, err := h.provider.Preview(t.Context(), app, h.ada)
	h.must(err)
	if families, err := h.store.Families(t.Context(), h.ada.ID, h.clock.Now()); err != nil || len(families) != 0 || len(h.events()) != before {
		t.Errorf("%d families, %v, %d audit lines where there were %d", len(families), err, len(h.events()), before)
	}
	a := h.signedIn(h.ada).tokens("openid profile email groups")
	for i, real := range []map[string]any{claimsOf(t, a.text("id_token")), h.userinfo(a.text("access_token")).body} {
		var previewed map[string]any
		h.must(json.Unmarshal([]byte(v.Documents[i].Text), &previewed))
		for _, name := range []string{"iat", "exp", "auth_time", "sid", "at_hash", "nonce", "session_expiry"} { // of the sign-on itself
			delete(real, name)
			delete(previewed, name)
		}
		if diff := cmp.Diff(real, previewed); diff != "" {
			t.Errorf("%s (-told +previewed): %s", v.Documents[i].Name, diff)
		}
	}
	sources := map[string]string{}
	for _, told := range v.Told {
		sources[told.Name] = told.Source
	}
	for name, source := range map[string]string{"dept": "const:Sales", "email": "scope email", "sub": "protocol"} {
		if sources[name] != source {
			t.Errorf("%s is from %q, want %q of %v", name, sources[name], source, slices.Sorted(maps.Keys(sources)))
		}
	}
}

func TestAPreviewSaysWhyThereIsNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	rule := func(u idp.User) string {
		t.Helper()
		v, err := h.provider.Preview(t.Context(), h.wiki, u)
		h.must(err)
		if v.Refusal == nil || v.Documents != nil {
			return ""
		}
		return v.Refusal.Rule
	}
	stranger := idp.User{ID: idp.NewUserID(), Status: idp.UserActive}
	if got := rule(stranger); got != "grant" {
		t.Errorf("without a grant: %q", got)
	}
	suspended := h.ada
	suspended.Status = idp.UserSuspended
	if got := rule(suspended); got != "suspended" {
		t.Errorf("suspended: %q", got)
	}
	machine := h.wiki
	machine.OIDC = &idp.OIDCSettings{ApplicationType: idp.ApplicationMachine}
	if _, err := h.provider.Preview(t.Context(), machine, h.ada); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("a machine: %v", err)
	}
}
