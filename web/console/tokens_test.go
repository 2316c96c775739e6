package console_test

import (
	"strings"
	"testing"

	"gatehouse/idp"
	"gatehouse/web/ui/uitest"
)

// TestTokenIsShownOnceWorksAndIsRevoked: removal is the path that is tested
// most.
func TestTokenIsShownOnceWorksAndIsRevoked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	ada.open("/console/tokens").wants(200, "/console/tokens", "No tokens yet")
	ada.submit("/tokens", "name", "").wants(400, "/console/tokens", "Name the token")
	ada.submit("/tokens", "name", "nightly apply").wants(201, "/console/tokens", "nightly apply", "cannot show it again")
	secret := ""
	for n := range ada.page.Descendants() {
		if n.Data == "code" {
			secret = uitest.Text(n)
		}
	}
	if _, who, err := h.gate.APIToken(t.Context(), secret); err != nil || who.Name() != "Ada Lovelace" {
		t.Fatalf("the token %.4q... is of %q: %v", secret, who.Name(), err)
	}
	ada.open("/console/tokens").wants(200, "/console/tokens", "nightly apply")
	if strings.Contains(ada.text(), secret) {
		t.Error("the secret is shown a second time")
	}
	ada.submit("/revoke").wants(200, "/console/tokens", "No tokens yet")
	if _, _, err := h.gate.APIToken(t.Context(), secret); !idp.IsKind(err, idp.Unauthenticated) {
		t.Errorf("the revoked token: %v", err)
	}
}
