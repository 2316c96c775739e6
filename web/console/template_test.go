package console_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/saml"
	"gatehouse/jit"
	"gatehouse/jit/saas"
)

// rehearsing lets the console try apps out.
func (h *house) rehearsing() {
	r := &saml.Rehearsals{SessionLife: time.Hour, Provider: &saml.Provider{
		EntityID: h.url + "/saml/metadata", BaseURL: h.url, Store: h.store, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Attributes: func(p saml.Person, a idp.App) ([]saml.Attribute, error) {
			all, err := jit.Attributes(jit.Person(p), a)
			told := make([]saml.Attribute, len(all))
			for i, one := range all {
				told[i] = saml.Attribute(one)
			}
			return told, err
		},
	}}
	h.console.Preview = r.Preview
	h.console.Test = func(ctx context.Context, a idp.App, u idp.User) (idp.AppTest, error) {
		metadata, err := r.Metadata(ctx)
		if err != nil {
			return idp.AppTest{}, err
		}
		sim, err := saas.NewSimulator(saas.Rules{Vendor: a.Name, EntityID: a.Identifier, ACS: a.SAML.ACS[0].URL}, metadata, time.Now)
		if err != nil {
			return idp.AppTest{}, err
		}
		request, err := sim.Request(ctx)
		if err != nil {
			return idp.AppTest{}, err
		}
		settings := *a.SAML
		settings.SigningCerts = []string{sim.Certificate()}
		a.SAML = &settings
		done, err := r.SignOn(ctx, a, u, request)
		out := idp.AppTest{Played: a.Name, Refusal: done.Refusal}
		if err != nil || out.Refusal != nil {
			return out, err
		}
		checks, notes := sim.Judge(done.Response, done.To, done.RelayState)
		out.Accepted, out.Notes = true, notes
		for _, c := range checks {
			out.Checks = append(out.Checks, idp.AppCheck{Name: c.Name, OK: c.OK, Words: c.Words, Verified: true})
			out.Accepted = out.Accepted && c.OK
		}
		return out, nil
	}
}

// TestAWellKnownAppIsAddedAndSeenWithSomebodysEyes: what it is told is seen
// before anybody signs in.
func TestAWellKnownAppIsAddedAndSeenWithSomebodysEyes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rehearsing()
	ada := h.owner()
	ada.open("/console/app-templates").wants(200, "/console/app-templates", "Slack", "Google Workspace", "unverified")
	const page = "/console/app-templates/slack"
	ada.open(page).wants(200, page, "Beware", "makes a second account. unverified", "SSO post-back URL", "read on 2026-")
	ada.submit(page, "set.workspace", "evil.example/").wants(400, page, "letters, digits and hyphens")
	ada.submit(page, "set.workspace", "acme").wants(200, page, "What will be registered", "https://acme.slack.com/sso/saml", "Tells User.Email", "from email")
	if _, err := h.store.AppByName(t.Context(), "Slack"); !idp.IsKind(err, idp.NotFound) {
		t.Fatalf("registered before it was seen: %v", err)
	}
	ada.submit(page).wants(201, page, "Slack is registered", "SAML_IDP_SSO_URL=")
	a, err := h.store.AppByName(t.Context(), "Slack")
	if err != nil || a.Template != "slack" || a.SAML.ACS[0].URL != "https://acme.slack.com/sso/saml" {
		t.Fatalf("%+v, %v", a, err)
	}
	ada.open(page).submit(page, "set.workspace", "acme").submit(page).wants(409, page, "already an app with this")

	at := "/console/apps/" + string(a.ID)
	ada.open(at).wants(200, at, "See it with somebody's eyes")
	ada.open(at+"/preview").wants(200, at+"/preview", "See Slack with somebody's eyes")
	ada.submit("/preview", "user", "").wants(400, at+"/preview", "Type whose eyes")
	ada.submit("/preview", "user", "zuse").wants(400, at+"/preview", "Nobody has the username")
	ada.submit("/preview", "user", "ada").wants(200, at+"/preview", "Ada Lovelace would be refused", "no grant lets", "Here:")
	u, err := h.store.UserByName(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.dir.Grant(t.Context(), idp.Grant{AppID: a.ID, UserID: u.ID}); err != nil {
		t.Fatal(err)
	}
	ada.submit("/preview", "user", "ada").wants(200, at+"/preview", "What it is told of Ada Lovelace", "made at the first sign-in", "User.Username", "Assertion, unsigned", "<saml:Assertion")
	ada.lacks("SignatureValue")
	ada.submitTo("/preview", at+"/test", "user", "ada").wants(200, at+"/test", "Slack would let Ada Lovelace in", "holds", "the signature is the identity provider's")
}

// TestNobodyButAnOwnerSeesWithOthersEyes.
func TestNobodyButAnOwnerSeesWithOthersEyes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rehearsing()
	ada := h.owner()
	grace, _ := h.employee(ada)
	for _, path := range []string{"/console/app-templates", "/console/apps/app_x/preview"} {
		grace.open(path)
		if grace.status == http.StatusOK || strings.Contains(grace.text(), "eyes") {
			t.Errorf("%s: %d", path, grace.status)
		}
	}
}
