package console

import (
	"testing"
	"time"

	"gatehouse/idp"
)

// TestTheBannerIsOfCertificates: metadata that end stop nobody, so that no page
// cries out.
func TestTheBannerIsOfCertificates(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	metadata := idp.Expiry{AppID: "app_1", Purpose: "metadata", NotAfter: day}
	if n, first := loud([]idp.Expiry{metadata}); n != 0 || !first.IsZero() {
		t.Errorf("%d, %s: metadata alone", n, first)
	}
	pinned := idp.Expiry{AppID: "app_1", Purpose: "pinned", SHA256: "00", NotAfter: day.Add(time.Hour)}
	if n, first := loud([]idp.Expiry{metadata, pinned}); n != 1 || !first.Equal(pinned.NotAfter) {
		t.Errorf("%d, %s: a certificate after metadata", n, first)
	}
}
