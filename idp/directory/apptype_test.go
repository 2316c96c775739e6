package directory_test

import (
	"context"
	"strings"
	"testing"

	"gatehouse/idp"
	"gatehouse/idp/directory"
)

// TestEachKindOfAppGetsWhatFitsIt: what a registration leaves out, and what it
// may not say.
func TestEachKindOfAppGetsWhatFitsIt(t *testing.T) {
	t.Parallel()
	d, _ := newDirectory(t)
	hash := strings.Repeat("a", 64)
	https := []string{"https://app.example/cb"}
	for _, c := range []struct {
		name string
		o    idp.OIDCSettings
		auth string // "": refused
	}{
		{"web keeps a secret", idp.OIDCSettings{RedirectURIs: https, SecretHashes: []string{hash}}, "client_secret_basic"},
		{"web may be public", idp.OIDCSettings{RedirectURIs: https, AuthMethod: "none"}, "none"},
		{"single page keeps none", idp.OIDCSettings{ApplicationType: "single_page", RedirectURIs: https}, "none"},
		{"single page with one", idp.OIDCSettings{ApplicationType: "single_page", AuthMethod: "client_secret_post", RedirectURIs: https, SecretHashes: []string{hash}}, ""},
		{"single page by scheme", idp.OIDCSettings{ApplicationType: "single_page", RedirectURIs: []string{"com.example.app:/cb"}}, ""},
		{"native keeps none", idp.OIDCSettings{ApplicationType: "native", RedirectURIs: []string{"com.example.app:/cb", "http://127.0.0.1/cb"}}, "none"},
		{"native with one", idp.OIDCSettings{ApplicationType: "native", AuthMethod: "client_secret_basic", RedirectURIs: https, SecretHashes: []string{hash}}, ""},
		{"native over http", idp.OIDCSettings{ApplicationType: "native", RedirectURIs: []string{"http://app.example/cb"}}, ""},
		{"machine", idp.OIDCSettings{ApplicationType: "machine", SecretHashes: []string{hash}}, "client_secret_basic"},
		{"machine without", idp.OIDCSettings{ApplicationType: "machine", AuthMethod: "none"}, ""},
		{"machine that people sign in to", idp.OIDCSettings{ApplicationType: "machine", SecretHashes: []string{hash}, RedirectURIs: https}, ""},
		{"machine that is told", idp.OIDCSettings{ApplicationType: "machine", SecretHashes: []string{hash}, BackchannelLogoutURI: "https://app.example/out"}, ""},
		{"machine for people who left", idp.OIDCSettings{ApplicationType: "machine", SecretHashes: []string{hash}, AllowOfflineAccess: true}, ""},
		{"web without an address", idp.OIDCSettings{AuthMethod: "none"}, ""},
		{"a hash that is none", idp.OIDCSettings{RedirectURIs: https, SecretHashes: []string{strings.Repeat("A", 64)}}, ""},
		{"an unknown kind", idp.OIDCSettings{ApplicationType: "mainframe", AuthMethod: "none", RedirectURIs: https}, ""},
	} {
		a, err := d.AddApp(context.Background(), idp.App{Name: c.name, Protocol: idp.ProtocolOIDC, OIDC: &c.o})
		switch {
		case c.auth == "" && !idp.IsKind(err, idp.Invalid):
			t.Errorf("%s: %v, want it refused", c.name, err)
		case c.auth != "" && (err != nil || a.OIDC.AuthMethod != c.auth || len(a.Identifier) != 26):
			t.Errorf("%s: %v, %+v", c.name, err, a)
		}
	}
}

// TestTwoSecretsAtATime: an app moves from one to the next without a stop, and
// is never left without.
func TestTwoSecretsAtATime(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newDirectory(t)
	_, hash := directory.NewSecret()
	a := must[idp.App](t)(d.AddApp(ctx, oidcApp("https://app.example/cb", func(o *idp.OIDCSettings) {
		o.AuthMethod, o.SecretHashes = "client_secret_basic", []string{hash}
	})))
	raw, made, err := d.AddSecret(ctx, a.ID)
	if err != nil || made.ID != idp.SecretIDOf(directory.HashSecret(raw)) {
		t.Fatalf("a second: %+v, %v", made, err)
	}
	if _, _, err := d.AddSecret(ctx, a.ID); !idp.IsKind(err, idp.Denied) {
		t.Errorf("a third: %v", err)
	}
	now := must[idp.App](t)(s.App(ctx, a.ID))
	if got := now.OIDC.SecretHashes; len(got) != 2 || got[0] != directory.HashSecret(raw) || got[1] != hash {
		t.Errorf("the app has %v", got)
	}
	if err := d.RemoveSecret(ctx, a.ID, "sec_nothing"); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("one that it has not: %v", err)
	}
	if err := d.RemoveSecret(ctx, a.ID, idp.SecretIDOf(hash)); err != nil {
		t.Errorf("the old one: %v", err)
	}
	if err := d.RemoveSecret(ctx, a.ID, made.ID); !idp.IsKind(err, idp.Denied) {
		t.Errorf("the last one: %v", err)
	}
	public := must[idp.App](t)(d.AddApp(ctx, idp.App{Name: "public", Protocol: idp.ProtocolOIDC, OIDC: &idp.OIDCSettings{AuthMethod: "none", RedirectURIs: []string{"https://b.example/cb"}}}))
	if _, _, err := d.AddSecret(ctx, public.ID); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("a public one: %v", err)
	}
	events, _, err := s.Events(ctx, idp.EventQuery{AppID: a.ID})
	if err != nil || len(events) != 3 || events[0].Kind != "app.secret.remove" || events[1].Kind != "app.secret.add" || events[1].Detail["secret"] != string(made.ID) {
		t.Errorf("audit: %+v, %v", events, err)
	}
}
