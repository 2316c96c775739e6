package idp

import (
	"encoding/json"
	"testing"
)

// TestSettingsFromBeforeSignAreRead: they had a flag for a second signature.
func TestSettingsFromBeforeSignAreRead(t *testing.T) {
	t.Parallel()
	for stored, want := range map[string]string{
		`{"SignResponse":true}`:                   SignBoth,
		`{"SignResponse":false}`:                  "",
		`{"Sign":"response","SignResponse":true}`: SignResponse,
		`{"Sign":"both"}`:                         SignBoth,
	} {
		var s SAMLSettings
		if err := json.Unmarshal([]byte(stored), &s); err != nil || s.Sign != want {
			t.Errorf("%s is read as %q, %v; want %q", stored, s.Sign, err, want)
		}
	}
	var s SAMLSettings
	if err := json.Unmarshal([]byte(`{"ACS":[{"URL":"https://sp.example/acs","Index":3}],"SessionTTL":3600,"SignResponse":true}`), &s); err != nil || s.ACS[0].Index != 3 || s.SessionTTL != 3600 {
		t.Errorf("%+v, %v", s, err)
	}
	if err := json.Unmarshal([]byte(`{"ACS":1}`), &s); err == nil {
		t.Error("settings of another shape are read")
	}
}
