package console_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire/wiretest"
)

const crmDocument = `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://crm.example/saml">
  <md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP" Location="https://crm.example/slo"/>
    <md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://crm.example/acs" index="0"/>
  </md:SPSSODescriptor>
  <md:Organization><md:OrganizationDisplayName xml:lang="en">Customer desk</md:OrganizationDisplayName></md:Organization>
</md:EntityDescriptor>`

// TestAServiceProviderIsRegisteredByWhatWasSeen: by file, text, address and by
// hand, each shown before it counts.
func TestAServiceProviderIsRegisteredByWhatWasSeen(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	published := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(strings.ReplaceAll(crmDocument, "crm.example", "desk.example")))
	}))
	t.Cleanup(published.Close)
	ada := h.owner()
	ada.open("/console/apps/new").wants(200, "/console/apps/new", "Does it speak SAML?")
	start := func() { ada.open("/console/apps/new/saml").wants(200, "/console/apps/new/saml", "by hand") }
	none := func() {
		t.Helper()
		if apps, err := h.store.Apps(t.Context()); err != nil || len(apps) != 0 {
			t.Fatalf("registered before anybody said so: %v, %v", apps, err)
		}
	}

	start()
	ada.submit("/saml/read").wants(400, "/console/apps/saml/read", "Give a file, its text or its address")
	ada.submit("/saml/read", "file", "<html/>").wants(400, "/console/apps/saml/read", "cannot be used")
	ada.submit("/saml/read", "file", strings.ReplaceAll(crmDocument, "https://crm.example/acs", "javascript:alert(1)")).wants(400, "/console/apps/saml/read", "not an http or https URL")
	ada.submit("/saml/read", "url", "http://169.254.169.254/latest/meta-data").wants(400, "/console/apps/saml/read", "not on the public internet")
	ada.submit("/saml/typed", "entity_id", "urn:crm", "acs", "nowhere").wants(400, "/console/apps/saml/typed", "not an absolute https URL")
	ada.submit("/saml/read", "file", crmDocument).wants(200, "/console/apps/saml/read", "Is this the app?", "https://crm.example/acs (index 0)", "https://crm.example/slo", "cannot prove its requests")
	none()
	ada.submit("/apps/saml", "name", "").wants(400, "/console/apps/saml", "needs a name", "Is this the app?")
	ada.submit("/apps/saml", "name", "CRM").wants(201, "/console/apps/saml", "CRM is registered", "SAML_IDP_METADATA_URL=")
	crm, err := h.store.AppByName(t.Context(), "CRM")
	if err != nil || crm.Identifier != "https://crm.example/saml" || crm.SAML.MetadataXML != crmDocument || crm.SAML.Metadata.URL != "" {
		t.Fatalf("registered %+v, %v", crm, err)
	}

	start()
	ada.submit("/saml/read", "url", published.URL+"/metadata").wants(200, "/console/apps/saml/read", "https://desk.example/acs", "Read "+published.URL)
	ada.submit("/apps/saml", "name", "Desk", "pin", "no PEM").wants(400, "/console/apps/saml", "one PEM block")
	ada.submit("/apps/saml", "name", "Desk", "pin", "").wants(201, "/console/apps/saml", "Desk is registered")
	if desk, err := h.store.AppByName(t.Context(), "Desk"); err != nil || desk.SAML.Metadata.URL != published.URL+"/metadata" {
		t.Errorf("registered %+v, %v", desk.SAML, err)
	}

	start()
	ada.submit("/saml/typed", "entity_id", "urn:legacy", "acs", "https://legacy.example/acs\nhttps://legacy.example/acs2").
		wants(200, "/console/apps/saml/typed", "urn:legacy", "https://legacy.example/acs2 (index 1)", "Nothing can tell it")
	ada.submit("/apps/saml", "name", "Legacy").wants(201, "/console/apps/saml", "Legacy is registered")
}

// TestNewMetadataIsShownBeforeItCounts, and a removed app makes room for another
// of its entityID.
func TestNewMetadataIsShownBeforeItCounts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	register := func(name string) string {
		t.Helper()
		ada.open("/console/apps/new/saml")
		ada.submit("/saml/read", "document", crmDocument).wants(200, "/console/apps/saml/read")
		ada.submit("/apps/saml", "name", name).wants(201, "/console/apps/saml", name+" is registered")
		a, err := h.store.AppByName(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return "/console/apps/" + string(a.ID)
	}
	page := register("CRM")
	ada.open(page+"/metadata").wants(200, page+"/metadata", "New metadata of CRM")
	ada.submit("/read", "document", crmDocument).wants(200, page+"/metadata/read", "Nothing changes")
	ada.open(page + "/metadata")
	ada.submit("/read", "document", strings.Replace(crmDocument, "crm.example/saml", "evil.example/saml", 1)).wants(400, page+"/metadata/read", "An app that changes its entityID is another app")
	moved := strings.Replace(crmDocument, "https://crm.example/acs", "https://crm.example/v2", 1)
	ada.submit("/read", "file", moved).wants(200, page+"/metadata/read", "What this changes of CRM", "https://crm.example/acs (index 0)", "https://crm.example/v2 (index 0)")
	seen := *ada
	h.acs(t, "CRM", "https://crm.example/acs")
	ada.submit("/metadata").wants(200, page, "https://crm.example/v2")
	h.acs(t, "CRM", "https://crm.example/v2")
	// What somebody saw before it was changed is decided on no more.
	seen.submit("/metadata").wants(409, page+"/metadata", "changed meanwhile")

	ada.open(page+"/remove").wants(200, page+"/remove", "Remove CRM?", "does not come back")
	ada.submit("/remove").wants(200, "/console/receipts/")
	ada.open(page).wants(200, page, "It was removed")
	ada.lacks("Remove it")
	ada.lacks("Give it new metadata")
	register("CRM of 2027")
	ada.open(page).wants(200, page, "It was removed", "CRM")
}

func (h *house) acs(t *testing.T, name, want string) {
	t.Helper()
	a, err := h.store.AppByName(t.Context(), name)
	if err != nil || a.SAML.ACS[0] != (idp.AssertionConsumer{URL: want}) {
		t.Errorf("%s takes answers at %+v, %v", name, a.SAML.ACS, err)
	}
}

// TestWhatChangesAtAnAddressIsDecidedInTheConsole.
func TestWhatChangesAtAnAddressIsDecidedInTheConsole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	document := crmDocument
	published := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(document)) }))
	t.Cleanup(published.Close)
	ada := h.owner()
	ada.open("/console/apps/new/saml")
	ada.submit("/saml/read", "document", crmDocument)
	ada.submit("/apps/saml", "name", "CRM").wants(201, "/console/apps/saml")
	a, err := h.store.AppByName(t.Context(), "CRM")
	if err != nil {
		t.Fatal(err)
	}
	page := "/console/apps/" + string(a.ID)
	ada.open(page).wants(200, page, "It is read nowhere")
	ada.open(page+"/metadata").wants(200, page+"/metadata", "Where it is read again")
	ada.submit("/metadata/source", "source", "ftp://crm.example").wants(400, page+"/metadata/source", "not an absolute https URL")
	ada.submit("/metadata/source", "source", published.URL).wants(200, page, "Not read yet", "what changes there waits for you")
	ada.submit("/metadata/refresh").wants(200, page, "It says what is registered")
	document = strings.Replace(crmDocument, "https://crm.example/acs", "https://crm.example/v2", 1)
	ada.submit("/metadata/refresh").wants(200, page, "waits for you", "1 setting is another", "See what changes, and decide")
	ada.open(page+"/metadata/waiting").wants(200, page+"/metadata/waiting", "What this changes of CRM", "https://crm.example/v2 (index 0)")
	h.acs(t, "CRM", "https://crm.example/acs")
	ada.submit("/metadata").wants(200, page, "It was registered")
	h.acs(t, "CRM", "https://crm.example/v2")
	ada.lacks("See what changes")
	document = "<html>"
	ada.submit("/metadata/refresh").wants(200, page, "It was refused", "people sign in as before")
	h.acs(t, "CRM", "https://crm.example/v2")
}

// TestWhatAFederationHasNotSignedIsRefusedInTheConsole: by file, text and address,
// for a new app and for one that stands.
func TestWhatAFederationHasNotSignedIsRefusedInTheConsole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	key, cert := wiretest.Key(t)
	_, other := wiretest.Key(t)
	pin := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	another := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Raw}))
	desk := strings.ReplaceAll(crmDocument, "crm.example", "desk.example")
	group := `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" ID="_all">`
	sign := func(desk string) string {
		return string(wiretest.Sign(t, []byte(group+wiretest.Unsigned("#_all")+crmDocument+desk+`</md:EntitiesDescriptor>`), key, cert, "urn:oasis:names:tc:SAML:2.0:metadata:EntitiesDescriptor"))
	}
	many := sign(desk)
	answer := many
	published := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) }))
	t.Cleanup(published.Close)
	start := func() {
		ada.open("/console/apps/new/saml").wants(200, "/console/apps/new/saml", "The certificate that signs it")
	}
	const at = "/console/apps/saml/read"
	evil := strings.Replace(many, "https://desk.example/acs", "https://evil.example/acs", 1)
	for words, fill := range map[string][]string{
		"The file holds 2 apps": {"signer", pin, "file", many},
		"The document is not signed, and a certificate is pinned for it":      {"signer", pin, "file", group + desk + `</md:EntitiesDescriptor>`},
		"not signed by the pinned certificate":                                {"signer", another, "file", many},
		"was changed after the pinned certificate had signed it":              {"signer", pin, "file", evil},
		"The certificate that signs the document is to be one PEM block":      {"signer", "none", "file", many},
		"The document was changed after the pinned certificate had signed it": {"signer", pin, "document", evil},
		"Choose one, and the file again":                                      {"signer", pin, "url", published.URL},
	} {
		start()
		ada.submit("/saml/read", fill...).wants(400, at, words)
	}
	start()
	ada.submit("/saml/read", "signer", pin, "url", published.URL)
	ada.submit("/saml/read", "entity", "https://desk.example/saml").wants(200, at, "It was signed by", "https://desk.example/acs", "CN=federation")
	// What is registered is what the pin has signed, whatever the form says.
	answer = sign(strings.Replace(desk, "https://desk.example/acs", "https://desk.example/other", 1))
	ada.submit("/apps/saml", "name", "Desk").wants(400, "/console/apps/saml", "says something else than what is shown here")
	answer = many
	ada.submit("/apps/saml", "name", "Desk", "pin", another).wants(400, "/console/apps/saml", "not signed by the pinned certificate")
	ada.submit("/apps/saml", "name", "Desk", "pin", pin).wants(201, "/console/apps/saml")
	a, err := h.store.AppByName(t.Context(), "Desk")
	if err != nil || a.Identifier != "https://desk.example/saml" || strings.Join(strings.Fields(a.SAML.Metadata.Pin), " ") != strings.Join(strings.Fields(pin), " ") {
		t.Fatalf("%q, %v", a.SAML.Metadata.Pin, err)
	}
	page := "/console/apps/" + string(a.ID)
	// Its pin is asked of what is brought, too, and of what is read again.
	ada.open(page + "/metadata")
	ada.submit("/read", "file", evil).wants(400, page+"/metadata/read", "was changed after the pinned certificate had signed it")
	moved := strings.Replace(desk, "https://desk.example/acs", "https://desk.example/v2", 1)
	ada.submit("/read", "file", sign(moved)).wants(200, page+"/metadata/read", "https://desk.example/v2 (index 0)", "It was signed by")
	answer = evil
	ada.open(page)
	ada.submit("/metadata/refresh").wants(200, page, "It was refused", "was changed after the pinned certificate had signed it", "What to change")
	list, _, err := h.store.Events(t.Context(), idp.EventQuery{AppID: a.ID, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	ada.open("/console/explain?id="+list[0].Actor.CorrelationID).wants(200, "/console/explain", "something between them and here rewrites it")
	ada.open(page)
	h.acs(t, "Desk", "https://desk.example/acs")
	answer = sign(moved)
	ada.submit("/metadata/refresh").wants(200, page, "It was registered")
	h.acs(t, "Desk", "https://desk.example/v2")
}

// TestOneAppOfAFederationIsChosenInTheConsole.
func TestOneAppOfAFederationIsChosenInTheConsole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	many := `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + crmDocument +
		strings.ReplaceAll(crmDocument, "crm.example", "desk.example") + strings.Repeat("<!-- "+strings.Repeat("x", 100<<10)+" -->", 20) + `</md:EntitiesDescriptor>`
	ada.open("/console/apps/new/saml")
	ada.submit("/saml/read", "file", many).wants(400, "/console/apps/saml/read", "The file holds 2 apps", "Customer desk - https://desk.example/saml")
	ada.submit("/saml/read", "entity", "https://desk.example/saml", "file", many).wants(200, "/console/apps/saml/read", "https://desk.example/acs")
	ada.submit("/apps/saml", "name", "Desk", "pin", "").wants(201, "/console/apps/saml")
	desk, err := h.store.AppByName(t.Context(), "Desk")
	if err != nil || desk.Identifier != "https://desk.example/saml" {
		t.Fatalf("%+v, %v", desk, err)
	}
	page := "/console/apps/" + string(desk.ID)
	ada.open(page + "/metadata")
	ada.submit("/read", "file", strings.Replace(many, "https://desk.example/acs", "https://desk.example/v2", 1)).
		wants(200, page+"/metadata/read", "https://desk.example/v2 (index 0)")
	ada.open(page + "/metadata")
	ada.submit("/read", "file", strings.ReplaceAll(many, "desk.example", "other.example")).wants(400, page+"/metadata/read", "There is no service provider https://desk.example/saml in this file")
}
