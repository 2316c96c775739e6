package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/jit"
)

// rehearsing is a house with one person in it.
type rehearsing struct {
	*house
	t     *testing.T
	alice idp.User
}

func newRehearsing(t *testing.T) *rehearsing {
	t.Helper()
	c, err := loadConfig([]string{"GATEHOUSE_DATA=" + filepath.Join(t.TempDir(), "data"), "GATEHOUSE_URL=http://localhost:8080"}, "")
	if err == nil {
		err = c.prepare()
	}
	if err != nil {
		t.Fatal(err)
	}
	h, err := build(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.store.Close() })
	r := &rehearsing{house: h, t: t}
	r.alice, err = h.directory.AddUser(t.Context(), directory.Person{
		Username: "alice", Email: "alice@example.com", DisplayName: "Alice Adams", GivenName: "Alice", FamilyName: "Adams", Role: idp.RoleEmployee,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// answersFor are answers that an admin could give.
func answersFor(t jit.Template) map[string]string {
	set := map[string]string{}
	for _, ask := range t.Asks {
		set[ask.Name] = map[string]string{
			"label": "acme", "host": t.ID + ".example.com", "id": "acme-1", "url": "https://" + t.ID + ".example.com/" + ask.Name,
		}[ask.Kind]
	}
	return set
}

// register registers an app of a template and lets alice use it.
func (r *rehearsing) register(id string, change func(*idp.App)) idp.App {
	r.t.Helper()
	t, err := jit.FindTemplate(id)
	if err != nil {
		r.t.Fatal(err)
	}
	a, err := t.App(answersFor(t))
	if err != nil {
		r.t.Fatal(err)
	}
	if a.OIDC != nil {
		a.OIDC.AuthMethod = "none"
		a.OIDC.ApplicationType = idp.ApplicationSinglePage
	}
	if change != nil {
		change(&a)
	}
	if a, err = r.directory.AddApp(r.t.Context(), a); err != nil {
		r.t.Fatalf("register %s: %v", id, err)
	}
	_, err = r.directory.Grant(r.t.Context(), idp.Grant{AppID: a.ID, UserID: r.alice.ID, Role: roleFor(id)})
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

func roleFor(id string) string {
	if id == "aws-iam-saml" {
		return "arn:aws:iam::123456789012:role/Dev,arn:aws:iam::123456789012:saml-provider/Gatehouse"
	}
	return "editor"
}

func (r *rehearsing) test(a idp.App) idp.AppTest {
	r.t.Helper()
	got, err := r.rehearsals.test(r.t.Context(), a, r.alice)
	if err != nil {
		r.t.Fatalf("%s: %v", a.Name, err)
	}
	return got
}

// refusals are the words of what did not hold.
func refusals(v idp.AppTest) string {
	var all []string
	for _, c := range v.Checks {
		if !c.OK {
			all = append(all, c.Words)
		}
	}
	if v.Refusal != nil {
		all = append(all, v.Refusal.Rule+": "+v.Refusal.Reason)
	}
	return strings.Join(all, "\n")
}

func TestEveryTemplateRegistersAndItsSimulatorLetsAPersonIn(t *testing.T) {
	t.Parallel()
	r := newRehearsing(t)
	all, err := jit.Templates()
	if err != nil {
		t.Fatal(err)
	}
	for _, template := range all {
		a := r.register(template.ID, nil)
		if a.SAML == nil {
			continue
		}
		got := r.test(a)
		if !got.Accepted || len(got.Checks) < 8 || got.Played != template.Name {
			t.Errorf("%s: played %q, accepted %v, %d checks\n%s", template.ID, got.Played, got.Accepted, len(got.Checks), refusals(got))
		}
	}
}

func TestASimulatorRefusesInTheVendorsTerms(t *testing.T) {
	t.Parallel()
	r := newRehearsing(t)
	const email = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	tests := []struct {
		name, template string
		change         func(*idp.App)
		want           string
	}{
		{"a missing attribute", "slack", func(a *idp.App) { a.Attributes = a.Attributes[1:] }, "Slack: the attribute User.Email is required, and missing"},
		{"a NameFormat", "slack", func(a *idp.App) { a.Attributes[0].NameFormat = "" }, "Slack: User.Email has the NameFormat unspecified, and came as basic"},
		{"an unsigned response", "slack", func(a *idp.App) { a.SAML.Sign = "" }, "Slack: the response must be signed, and is not"},
		{"another address", "slack", func(a *idp.App) { a.SAML.ACS[0].URL = "https://acme.slack.com/saml" },
			"Slack: its SSO post-back URL is https://{workspace}.slack.com/sso/saml, and the answer goes to https://acme.slack.com/saml"},
		{"another entityID", "slack", func(a *idp.App) { a.Identifier = "https://slack.com/" }, "Slack: it calls itself https://slack.com, and is registered as https://slack.com/"},
		{"another NameID format", "microsoft-365", func(a *idp.App) { a.SAML.NameIDFormat = email },
			"Microsoft 365 (Entra ID): it knows people by their ImmutableID of the format persistent, and this one is emailAddress"},
		{"a value of another form", "aws-iam-saml", func(a *idp.App) { a.Attributes[0].Source = "username" }, "Attributes/Role is of the form"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := r.register(tt.template, func(a *idp.App) { a.Name += " " + tt.name; tt.change(a) })
			t.Cleanup(func() { r.forget(a) })
			if got := r.test(a); got.Accepted || !strings.Contains(refusals(got), tt.want) {
				t.Errorf("accepted %v:\n%s\nwant %s", got.Accepted, refusals(got), tt.want)
			}
		})
	}
	t.Run("an attribute that makes an administrator is no refusal, and is said", func(t *testing.T) {
		a := r.register("github-enterprise-server", func(a *idp.App) {
			a.Attributes = append(a.Attributes, idp.AttributeRule{Name: "administrator", Source: "const:true"})
		})
		got := r.test(a)
		if !got.Accepted || !strings.Contains(strings.Join(got.Notes, "\n"), "administrator=true") {
			t.Errorf("accepted %v, notes %v\n%s", got.Accepted, got.Notes, refusals(got))
		}
	})
	t.Run("what no page says is marked", func(t *testing.T) {
		got := r.test(r.register("nextcloud", nil))
		if len(got.Checks) == 0 || got.Checks[0].Verified {
			t.Errorf("%+v", got.Checks)
		}
	})
}

// forget gives an app's name and entityID free.
func (r *rehearsing) forget(a idp.App) {
	r.t.Helper()
	have, err := r.store.App(context.Background(), a.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	have.Identifier += "#" + string(a.ID)
	if _, err := r.store.Commit(context.Background(), idp.Change{Apps: []idp.App{have}}); err != nil {
		r.t.Fatal(err)
	}
}

func TestATemplatesLimitsHoldAtSignIn(t *testing.T) {
	t.Parallel()
	r := newRehearsing(t)
	a := r.register("google-workspace", func(a *idp.App) {
		a.Attributes = []idp.AttributeRule{{Name: "note", Source: "const:" + strings.Repeat("x", 2045)}}
	})
	got := r.test(a)
	if got.Accepted || got.Refusal == nil || got.Refusal.Rule != "attributes" || !strings.Contains(got.Refusal.Reason, "2048 bytes") {
		t.Errorf("%+v\n%s", got.Refusal, refusals(got))
	}
	a.Attributes[0].Source = "const:" + strings.Repeat("x", 2044)
	a, err := r.directory.ChangeApp(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.test(a); !got.Accepted {
		t.Errorf("2048 bytes: %s", refusals(got))
	}
}

// TestAnEncryptedAssertionIsTriedOutAsItIs, without the app's own key, and
// previewed in the clear.
func TestAnEncryptedAssertionIsTriedOutAsItIs(t *testing.T) {
	t.Parallel()
	r := newRehearsing(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	for _, sign := range []string{idp.SignAssertion, idp.SignResponse, idp.SignBoth} {
		a := r.register("slack", func(a *idp.App) {
			a.Name, a.Identifier, a.Template = "CRM "+sign, "https://crm.example/"+sign, ""
			a.SAML.Sign, a.SAML.EncryptAssertion, a.SAML.EncryptionCert = sign, true, cert
		})
		if got := r.test(a); !got.Accepted {
			t.Errorf("%s: %s", sign, refusals(got))
		}
		v, err := r.rehearsals.preview(t.Context(), a, r.alice)
		if err != nil || len(v.Documents) != 1 || !strings.Contains(v.Documents[0].Text, "alice@example.com") {
			t.Errorf("%s: %+v, %v", sign, v, err)
		}
	}
}

// TestWhoLooksIsWrittenDown, before anything is shown.
func TestWhoLooksIsWrittenDown(t *testing.T) {
	t.Parallel()
	r := newRehearsing(t)
	a := r.register("slack", nil)
	ctx := idp.WithActor(t.Context(), idp.Actor{Kind: "user", UserID: "usr_owner"})
	if _, err := r.rehearsals.preview(ctx, a, r.alice); err != nil {
		t.Fatal(err)
	}
	if _, err := r.rehearsals.test(ctx, a, r.alice); err != nil {
		t.Fatal(err)
	}
	events, _, err := r.store.Events(t.Context(), idp.EventQuery{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	for i, kind := range []string{"app.test", "app.preview"} {
		if e := events[i]; e.Kind != kind || e.AppID != a.ID || e.UserID != r.alice.ID || e.Actor.UserID != "usr_owner" {
			t.Errorf("%+v, want %s", e, kind)
		}
	}
	r.rehearsals.record = func(context.Context, ...idp.Event) error { return idp.Errorf(idp.Unavailable, "no log") }
	if v, err := r.rehearsals.preview(ctx, a, r.alice); err == nil || v.Documents != nil {
		t.Errorf("a look that is not written down: %+v, %v", v, err)
	}
	if v, err := r.rehearsals.test(ctx, a, r.alice); err == nil || v.Checks != nil {
		t.Errorf("a test that is not written down: %+v, %v", v, err)
	}
}

func TestAnAppWithoutATemplateIsPlayedByItsRegistration(t *testing.T) {
	t.Parallel()
	r := newRehearsing(t)
	a := r.register("slack", func(a *idp.App) { a.Template, a.Name, a.Attributes = "", "CRM", nil })
	if got := r.test(a); !got.Accepted || got.Played != "CRM" {
		t.Errorf("%+v\n%s", got, refusals(got))
	}
}
