package console_test

import (
	"strings"
	"testing"

	"gatehouse/idp"
	"gatehouse/web/ui/uitest"
)

// TestInitialTokenIsShownOnceWorksAndIsRevoked: what lets apps register
// themselves is made with its limits, and taken away again.
func TestInitialTokenIsShownOnceWorksAndIsRevoked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	ada.open("/console/apps").wants(200, "/console/apps", "Let apps register themselves")
	ada.open("/console/initial-tokens").wants(200, "/console/initial-tokens", "No tokens yet", "GATEHOUSE_REGISTRATION")
	ada.submit("/initial-tokens", "name", "", "uses", "2").wants(400, "/console/initial-tokens", "Name the token")
	ada.submit("/initial-tokens", "name", "pipeline", "uses", "many").wants(400, "/console/initial-tokens", "1 to 1000 apps")
	ada.submit("/initial-tokens", "name", "pipeline", "uses", "2", "ttl", "9999h").wants(400, "/console/initial-tokens", "at most 90 days")
	ada.submit("/initial-tokens", "name", "pipeline", "uses", "2", "ttl", "1h").wants(201, "/console/initial-tokens", "pipeline", "cannot show it again", "Ada Lovelace")
	secret := ""
	for n := range ada.page.Descendants() {
		if n.Data == "code" && len(uitest.Text(n)) > 40 {
			secret = uitest.Text(n)
		}
	}
	got, err := h.gate.SpendInitialToken(t.Context(), secret)
	if err != nil || got.Uses != 1 || got.ExpiresAt.Sub(got.CreatedAt).Hours() != 1 {
		t.Fatalf("the token %.4q... is %+v: %v", secret, got, err)
	}
	ada.open("/console/initial-tokens").wants(200, "/console/initial-tokens", "pipeline")
	if strings.Contains(ada.text(), secret) {
		t.Error("the secret is shown a second time")
	}
	ada.submit("/revoke").wants(200, "/console/initial-tokens", "No tokens yet")
	if _, err := h.gate.SpendInitialToken(t.Context(), secret); !idp.IsKind(err, idp.Unauthenticated) {
		t.Errorf("the revoked token: %v", err)
	}
}
