package console_test

import (
	"net/http"
	"testing"
	"time"

	"gatehouse/idp"
)

// TestANameIsGivenFreeInTheConsole: what cannot be is said under the field.
func TestANameIsGivenFreeInTheConsole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	ada.open("/console/apps/new/saml")
	ada.submit("/saml/read", "document", crmDocument)
	ada.submit("/apps/saml", "name", "CRM").wants(201, "/console/apps/saml")
	crm, err := h.store.AppByName(t.Context(), "CRM")
	if err != nil {
		t.Fatal(err)
	}
	page := "/console/apps/" + string(crm.ID) + "/names"
	ada.open(page).wants(200, page, "Give a name at CRM free")
	ada.submit("/release", "name", "grace@old.example").wants(http.StatusBadRequest, page, "CRM knows nobody by that name")
	u, err := h.store.UserByName(t.Context(), "ada")
	if err == nil {
		_, err = h.dir.Grant(t.Context(), idp.Grant{AppID: crm.ID, UserID: u.ID})
	}
	if err == nil {
		err = h.known(u, crm, "lovelace@old.example")
	}
	if err != nil {
		t.Fatal(err)
	}
	ada.open("/console/apps/"+string(crm.ID)).wants(200, "/console/apps/", "lovelace@old.example", "Give the name free")
	ada.open(page)
	ada.submit("/release", "name", "lovelace@old.example").wants(http.StatusBadRequest, page, "is signed in to CRM")
}

// known has an app know a signed-in person by a name.
func (h *house) known(u idp.User, a idp.App, name string) error {
	ctx := h.t.Context()
	all, err := h.store.Sessions(ctx, u.ID, time.Now())
	if err != nil || len(all) == 0 {
		return err
	}
	access, err := h.store.Access(ctx, u.ID, a.ID, time.Now())
	if err != nil {
		return err
	}
	const format = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	_, _, err = h.store.RecordAssertion(ctx, all[0].Proof, idp.Participant{
		SessionID: all[0].ID, AppID: a.ID, NameID: idp.NameID{Value: name, Format: format}, GrantedN: access.N, AppEpoch: a.Epoch,
	}, idp.Account{Subject: name, Format: format})
	return err
}
