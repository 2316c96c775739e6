package console_test

import (
	"regexp"
	"strings"
	"testing"

	"gatehouse/idp"
	"gatehouse/idp/directory"
)

// TestAnAppIsRegisteredAndMovedToANewSecret: its secrets are shown once each,
// and stand with their hash alone.
func TestAnAppIsRegisteredAndMovedToANewSecret(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	ada.open("/console/apps/new").wants(200, "/console/apps/new", "Register an app")
	ada.submit("/apps", "name", "Grafana", "type", "machine", "redirect_uris", "https://grafana.example/cb").
		wants(400, "/console/apps", "Nobody signs in to a machine")
	ada.submit("/apps", "name", "Grafana", "type", "web", "redirect_uris", "https://grafana.example/cb\nhttps://grafana.example/cb2\n").
		wants(201, "/console/apps", "Grafana is registered", "OIDC_ISSUER=", "OIDC_REDIRECT_URI=https://grafana.example/cb", "cannot show it again")
	secret := regexp.MustCompile(`OIDC_CLIENT_SECRET=([0-9a-f]{64})`)
	first := secret.FindStringSubmatch(ada.text())
	a, err := h.store.AppByName(t.Context(), "Grafana")
	if err != nil || len(first) != 2 || a.OIDC.SecretHashes[0] != directory.HashSecret(first[1]) || len(a.OIDC.RedirectURIs) != 2 {
		t.Fatalf("registered %+v, %v, shown %v", a.OIDC, err, first)
	}
	page := "/console/apps/" + string(a.ID)
	old := string(idp.SecretIDOf(a.OIDC.SecretHashes[0]))
	ada.open(page).wants(200, page, old, "Add a second secret")
	if strings.Contains(ada.text(), first[1]) {
		t.Error("the secret is shown a second time")
	}
	ada.submit("/secrets").wants(201, page+"/secrets", "A second secret for Grafana")
	second := secret.FindStringSubmatch(ada.text())
	if len(second) != 2 || second[1] == first[1] {
		t.Fatalf("shown %v after %v", second, first)
	}
	ada.open(page).wants(200, page, old)
	if strings.Contains(ada.text(), "Add a second secret") {
		t.Error("a third secret is offered")
	}
	ada.open(page+"/secrets/"+old+"/remove").wants(200, page+"/secrets/"+old+"/remove", "Remove this secret of Grafana?")
	ada.submit("/remove").wants(200, page, "Add a second secret")
	if a, err = h.store.AppByName(t.Context(), "Grafana"); err != nil || len(a.OIDC.SecretHashes) != 1 || a.OIDC.SecretHashes[0] != directory.HashSecret(second[1]) {
		t.Errorf("left are %v, %v", a.OIDC.SecretHashes, err)
	}
	// The last one stays, whoever asks.
	ada.open(page+"/secrets/"+string(idp.SecretIDOf(a.OIDC.SecretHashes[0]))+"/remove").wants(200, page+"/secrets/"+string(idp.SecretIDOf(a.OIDC.SecretHashes[0]))+"/remove", "Remove")
	ada.submit("/remove").wants(403, page+"/secrets/"+string(idp.SecretIDOf(a.OIDC.SecretHashes[0]))+"/remove", "last secret")
}
