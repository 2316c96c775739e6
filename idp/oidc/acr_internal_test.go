package oidc

import (
	"context"
	"testing"

	"gatehouse/idp"
)

// keyHolders all have a passkey.
type keyHolders struct{ SignIns }

func (keyHolders) HasSecond(context.Context, idp.UserID) (second, passkey bool, err error) {
	return true, true, nil
}

// TestAPasskeyThatIsMerelyLikedMayBeLeftAtHome: who has given two factors is in,
// and who has given one is asked for any second.
func TestAPasskeyThatIsMerelyLikedMayBeLeftAtHome(t *testing.T) {
	t.Parallel()
	p := &Provider{SignIns: keyHolders{}}
	for name, c := range map[string]struct {
		methods []string
		met     bool
	}{
		"one factor": {[]string{"pwd"}, false}, "a code besides": {[]string{"pwd", "otp", "mfa"}, true}, "a passkey": {[]string{"hwk", "user", "mfa"}, true},
	} {
		req := &request{ACR: classes{Preferred: []string{acrResistant}}}
		met, err := p.met(t.Context(), req, idp.Session{ID: "ses_x", Methods: c.methods})
		if err != nil || met != c.met || req.likesMore == c.met {
			t.Errorf("%s: met %v, asked for more %v, %v", name, met, req.likesMore, err)
		}
	}
}
