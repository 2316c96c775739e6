package console_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
)

// TestTheSettingsOfAServiceProviderAreChangedInTheConsole: by a form that says
// what is wrong under the field that it is about, keeps what was typed, shows
// what a person's assertion would be, and changes nothing else.
func TestTheSettingsOfAServiceProviderAreChangedInTheConsole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rehearsing()
	ada := h.owner()
	ada.open("/console/apps/new/saml")
	ada.submit("/saml/read", "document", crmDocument).wants(200, "/console/apps/saml/read")
	ada.submit("/apps/saml", "name", "CRM").wants(201, "/console/apps/saml")
	crm := func() idp.App {
		t.Helper()
		a, err := h.store.AppByName(t.Context(), "CRM")
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	was := crm()
	u, err := h.store.UserByName(t.Context(), "ada")
	if err == nil {
		_, err = h.dir.Grant(t.Context(), idp.Grant{AppID: was.ID, UserID: u.ID})
	}
	if err != nil {
		t.Fatal(err)
	}
	page := "/console/apps/" + string(was.ID)
	ada.open(page).wants(200, page, "Change these settings")
	form := page + "/settings"
	open := func() *browser { t.Helper(); return ada.open(form).wants(200, form, "Settings of CRM") }

	open().submit("/settings").wants(200, page)
	if now := crm(); now.SAML.Sign != was.SAML.Sign || now.SAML.ACS[0] != was.SAML.ACS[0] || now.SAML.MetadataXML != was.SAML.MetadataXML || now.SAML.NameIDFormat != was.SAML.NameIDFormat {
		t.Errorf("nothing was typed, and it is %+v, before %+v", *now.SAML, *was.SAML)
	}
	before := crm().Version
	for _, wrong := range []struct{ field, value, words string }{
		{"session_ttl", "soon", "Type a time span"},
		{"assertion_validity", "-5m", "Type a time span"},
		{"name_id_format", "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", "Nothing says what a NameID of this format is"},
		{"soap_logout_url", "javascript:alert(1)", "not an absolute https URL"},
		{"relay_state", "/reports", "only where the portal signs people in"},
		{"encryption_cert", "no PEM", "one PEM block"},
		{"front_logout_response_url", "https://crm.example/slo/answers", "goes with one for logout requests"},
		{"require_signed", "yes", "the provider's signing certificate must be known"},
		{"encrypt_assertion", "yes", "the app's encryption certificate must be known"},
	} {
		open().submit("/settings", wrong.field, wrong.value, "launch_url", "https://crm.example/start").
			wants(http.StatusBadRequest, form, wrong.words)
		if !slices.Contains(values(ada), "https://crm.example/start") {
			t.Errorf("%s: what was typed beside it is lost", wrong.field)
		}
	}
	open().submitTo("/settings", form+"/preview", "user", "ada", "name_id_format", "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", "name_id_source", "username").
		wants(200, form+"/preview", "Not kept yet", "What it is told of", "nameid-format:unspecified", "Assertion, unsigned")
	ada.submitTo("/settings", form+"/preview", "user", "nobody").wants(http.StatusBadRequest, form+"/preview", "nobody")
	if crm().Version != before {
		t.Fatal("looking, or what was refused, has changed the app")
	}

	open()
	other := *ada // has the form of now open
	ada.submit("/settings", "name", "CRM", "sign", "both", "signature_alg", "rsa-sha512", "session_ttl", "8h", "assertion_validity", "90s",
		"idp_initiated", "yes", "relay_state", "/reports", "one_time_use", "yes", "whole_user", "yes", "front_logout_url", "https://crm.example/bye",
		"front_logout_binding", "post", "name_id_format", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress").
		wants(200, page, "The response and the assertion, with rsa-sha512", "emailAddress", "8h")
	s := crm().SAML
	if s.SessionTTL != 8*time.Hour || s.AssertionValidity != 90*time.Second || !s.IdPInitiated || s.RelayState != "/reports" || !s.OneTimeUse ||
		s.FrontLogoutBinding != "post" || !crm().WholeUserLogout || s.SOAPLogoutURL != "https://crm.example/slo" || s.ACS[0].URL != "https://crm.example/acs" {
		t.Errorf("registered %+v", *s)
	}
	other.submit("/settings", "sign", "assertion").wants(http.StatusConflict, form, "changed meanwhile")
	open().submit("/settings", "idp_initiated", unchecked, "relay_state", "", "front_logout_url", "", "whole_user", unchecked).wants(200, page)
	if s := crm().SAML; s.IdPInitiated || s.FrontLogoutBinding != "" || crm().WholeUserLogout || s.Sign != idp.SignBoth || s.SessionTTL != 8*time.Hour {
		t.Errorf("registered %+v", *s)
	}
}

// TestAnAppWithoutMetadataIsMovedInTheConsole: what no document says is typed. An
// address keeps the index that requests may name.
func TestAnAppWithoutMetadataIsMovedInTheConsole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	ada.open("/console/apps/new/saml")
	ada.submit("/saml/typed", "entity_id", "urn:legacy", "acs", "https://legacy.example/a\nhttps://legacy.example/b").wants(200, "/console/apps/saml/typed")
	ada.submit("/apps/saml", "name", "Legacy").wants(201, "/console/apps/saml")
	a, err := h.store.AppByName(t.Context(), "Legacy")
	if err != nil {
		t.Fatal(err)
	}
	form := "/console/apps/" + string(a.ID) + "/settings"
	ada.open(form).wants(200, form, "Its assertion consumer services")
	ada.submit("/settings", "acs", "https://legacy.example/c\nhttps://legacy.example/b").wants(200, "/console/apps/")
	a, err = h.store.AppByName(t.Context(), "Legacy")
	want := []idp.AssertionConsumer{{URL: "https://legacy.example/c", Index: 2, Default: true}, {URL: "https://legacy.example/b", Index: 1}}
	if err != nil || !slices.Equal(a.SAML.ACS, want) {
		t.Errorf("registered %+v, %v", a.SAML.ACS, err)
	}
	ada.open(form).submit("/settings", "acs", "nowhere").wants(http.StatusBadRequest, form, "not an absolute https URL")
}

// values are those of all inputs of the page shown.
func values(b *browser) (all []string) {
	for n := range b.page.Descendants() {
		if value, sent := sends(n); sent {
			all = append(all, strings.TrimSpace(value))
		}
	}
	return all
}
