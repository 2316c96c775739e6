package saml_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/saml"
	"gatehouse/idp/saml/wire"
)

func (h *house) rehearsals() *saml.Rehearsals {
	return &saml.Rehearsals{Provider: h.provider, SessionLife: 12 * time.Hour}
}

// rehearse plays a sign-on of u at the CRM by this request.
func (h *house) rehearse(r *saml.Rehearsals, a wire.AuthnRequest, u idp.User) saml.SignOn {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.redirect(a, crmKey(), "relay"), nil)
	h.must(err)
	app, err := h.store.App(h.t.Context(), h.crm.ID)
	h.must(err)
	done, err := r.SignOn(h.t.Context(), app, u, req)
	h.must(err)
	return done
}

// TestARehearsalIsNoPass: whoever may try a sign-on out for somebody holds
// nothing that the app would take.
func TestARehearsalIsNoPass(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sp := h.asCRM()
	asked := h.ask()
	done := h.rehearse(h.rehearsals(), asked, h.ada)
	if done.Refusal != nil || done.Response == nil || done.To != crmACS || done.RelayState != "relay" || !done.NameNew {
		t.Fatalf("%+v", done)
	}
	if _, err := accept(sp, posted{action: done.To, message: done.Response}, asked.ID); err == nil {
		t.Error("the app takes the answer of a rehearsal")
	}
	el, err := wire.Parse(done.Response)
	h.must(err)
	assertion, err := wire.Child(el, wire.NSAssertion, "Assertion")
	h.must(err)
	if _, err := wire.VerifyElement(assertion, ourCerts(t)); err == nil {
		t.Error("the answer of a rehearsal is signed with a key of the house")
	}
}

// TestARehearsalChangesNothing: no participant, account or audit line of a
// sign-on, and the very request is still good.
func TestARehearsalChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before, _, err := h.store.Events(t.Context(), idp.EventQuery{Limit: 100})
	h.must(err)
	asked := h.ask()
	h.rehearse(h.rehearsals(), asked, h.ada)
	h.rehearse(h.rehearsals(), h.ask(func(a *wire.AuthnRequest) { a.ProtocolBinding = string(wire.Redirect) }), h.ada)
	if n := len(h.participants(h.ada)); n != 0 {
		t.Errorf("%d participants", n)
	}
	accounts, err := h.store.Accounts(t.Context(), h.ada.ID)
	h.must(err)
	after, _, err := h.store.Events(t.Context(), idp.EventQuery{Limit: 100})
	h.must(err)
	if len(accounts) != 0 || len(after) != len(before) {
		t.Errorf("%d accounts, %d audit lines where there were %d", len(accounts), len(after), len(before))
	}
	h.signedIn(h.ada).get(h.redirect(asked, crmKey(), "")).form()
}

// TestAPreviewIsWhatASignOnSays, but for its signature.
func TestAPreviewIsWhatASignOnSays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.rehearsals()
	first, err := r.Preview(t.Context(), h.crm, h.ada)
	h.must(err)
	if !first.SubjectNew || first.Subject != "" || !strings.Contains(first.Documents[0].Text, "made at the first sign-in") {
		t.Errorf("before the first sign-in: %+v", first)
	}
	sp := h.asCRM()
	to, id := begin(t, sp, "")
	real := mustAccept(t, sp, h.signedIn(h.ada).get(to).form(), id)
	v, err := r.Preview(t.Context(), h.crm, h.ada)
	h.must(err)
	if v.SubjectNew || v.Subject != real.Subject.NameID.Value || v.SubjectFormat != real.Subject.NameID.Format {
		t.Errorf("subject %q %q, want that of the sign-on: %+v", v.Subject, v.SubjectFormat, real.Subject.NameID)
	}
	told := valuesOf(real)
	for _, a := range v.Told {
		if !slices.Equal(told[a.Name], a.Values) && len(told[a.Name])+len(a.Values) > 0 {
			t.Errorf("%s: %v, want %v", a.Name, a.Values, told[a.Name])
		}
	}
	if len(v.Told) != len(told) {
		t.Errorf("%d attributes, want %d", len(v.Told), len(told))
	}
	if doc := v.Documents[0].Text; strings.Contains(doc, "Signature") || !strings.Contains(doc, "<saml:Assertion") || !strings.Contains(doc, crmID) {
		t.Errorf("the document: %s", doc)
	}
}

func TestAPreviewSaysWhichRuleRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.rehearsals()
	rule := func(app idp.App, u idp.User) string {
		t.Helper()
		v, err := r.Preview(t.Context(), app, u)
		h.must(err)
		if v.Refusal == nil {
			return ""
		}
		if v.Refusal.Meaning == "" || v.Refusal.Reason == "" || v.Documents != nil || v.Told != nil {
			t.Errorf("%+v", v)
		}
		return v.Refusal.Rule
	}
	if got := rule(h.crm, h.bob); got != "grant" {
		t.Errorf("without a grant: %q", got)
	}
	if got := rule(h.hr, h.ada); got != "" {
		t.Errorf("an app that must sign its requests: %q", got)
	}
	h.changeUser(h.ada.ID, func(u *idp.User) { u.Email = "" })
	ada, err := h.store.User(t.Context(), h.ada.ID)
	h.must(err)
	if got := rule(h.hr, ada); got != "name_id_policy" {
		t.Errorf("without an address: %q", got)
	}
	ada.Status = idp.UserSuspended
	if got := rule(h.crm, ada); got != "grant" {
		t.Errorf("suspended: %q", got)
	}
	done := h.rehearse(r, h.ask(func(a *wire.AuthnRequest) { a.ForceAuthn = true }), h.ada)
	if done.Refusal == nil || done.Refusal.Rule != "authn_context" || done.Response != nil {
		t.Errorf("a request for another sign-in: %+v", done)
	}
}
