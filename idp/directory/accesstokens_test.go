package directory_test

import (
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
)

// TestWhatJWTsCanStillDoSurvivesAChange: an app that is registered for opaque
// tokens from now on was given JWTs before, and a receipt must know of them.
func TestWhatJWTsCanStillDoSurvivesAChange(t *testing.T) {
	d, s := newDirectory(t)
	ctx := t.Context()
	want := oidcApp("https://a.example/cb", func(o *idp.OIDCSettings) { o.AccessTokenFormat, o.AccessTokenTTL = "jwt", 30*time.Minute })
	a, err := d.AddApp(ctx, want)
	if err != nil || !a.OIDC.JWTUntil.IsZero() {
		t.Fatalf("%+v, %v", a.OIDC, err)
	}
	a.OIDC.AccessTokenFormat = "opaque"
	if a, err = d.ChangeApp(ctx, a); err != nil {
		t.Fatal(err)
	}
	if a.OIDC.AccessTokenFormat != "" || time.Until(a.OIDC.JWTUntil) < 29*time.Minute {
		t.Errorf("%+v", a.OIDC)
	}
	again := oidcApp("https://a.example/cb", func(o *idp.OIDCSettings) { o.AccessTokenTTL = 30 * time.Minute })
	diff, err := d.Apply(ctx, directory.Desired{Apps: []idp.App{again}}, false)
	if err != nil || len(diff) != 0 {
		t.Errorf("the same again is %+v, %v", diff, err)
	}
	want.OIDC.AccessTokenTTL = time.Minute
	if _, err = d.Apply(ctx, directory.Desired{Apps: []idp.App{want}}, false); err != nil {
		t.Fatal(err)
	}
	if a, err = s.App(ctx, a.ID); err != nil || time.Until(a.OIDC.JWTUntil) < 28*time.Minute {
		t.Errorf("%+v, %v", a.OIDC, err)
	}
}

// TestSubjectsOfAnAppStay: nothing makes strangers of the people it knows.
func TestSubjectsOfAnAppStay(t *testing.T) {
	d, _ := newDirectory(t)
	pairwise := func(o *idp.OIDCSettings) { o.SubjectType = "pairwise" }
	two := oidcApp("https://a.example/cb", func(o *idp.OIDCSettings) {
		o.SubjectType, o.RedirectURIs = "pairwise", append(o.RedirectURIs, "https://b.example/cb")
	})
	if _, err := d.AddApp(t.Context(), two); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("two sectors: %v", err)
	}
	a, err := d.AddApp(t.Context(), oidcApp("https://a.example/cb", pairwise))
	if err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]idp.App{
		"public": oidcApp("https://a.example/cb", nil), "another host": oidcApp("https://b.example/cb", pairwise),
	} {
		want.ID, want.Version = a.ID, a.Version
		if _, err := d.ChangeApp(t.Context(), want); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := d.Apply(t.Context(), directory.Desired{Apps: []idp.App{want}}, false); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%s by apply: %v", what, err)
		}
	}
	if _, err := d.Apply(t.Context(), directory.Desired{Apps: []idp.App{oidcApp("https://A.example/other", pairwise)}}, false); err != nil {
		t.Errorf("another path at the same host: %v", err)
	}
}
