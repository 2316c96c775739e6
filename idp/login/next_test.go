package login

import (
	"testing"
	"time"

	"gatehouse/idp"
)

func TestNext(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	anna := idp.Proof{UserID: "usr_anna", Epoch: 1, Generation: "g"}
	for name, c := range map[string]struct {
		in   idp.SignIn
		want Step
	}{
		"nothing proven":                     {idp.SignIn{}, StepPassword},
		"a hint proves nothing":              {idp.SignIn{LoginHint: "anna"}, StepPassword},
		"a user without a factor":            {idp.SignIn{Proof: anna}, StepPassword},
		"a factor without a user":            {idp.SignIn{Methods: []string{"pwd"}, AuthTime: at}, StepPassword},
		"proven, no matter when":             {idp.SignIn{Proof: anna, Methods: []string{"pwd"}, AuthTime: at}, StepDone},
		"proven before it counts":            {idp.SignIn{Proof: anna, Methods: []string{"pwd"}, AuthTime: at, NotBefore: at.Add(time.Microsecond)}, StepPassword},
		"proven at the moment it counts":     {idp.SignIn{Proof: anna, Methods: []string{"pwd"}, AuthTime: at, NotBefore: at}, StepDone},
		"proven after the moment it counts":  {idp.SignIn{Proof: anna, Methods: []string{"pwd"}, AuthTime: at, NotBefore: at.Add(-time.Hour)}, StepDone},
		"one of two, and a code can follow":  {idp.SignIn{Proof: anna, Methods: []string{"pwd"}, AuthTime: at, Several: true, Has: []idp.CredentialKind{idp.CredentialTOTP}}, StepCode},
		"one of two, and nothing can follow": {idp.SignIn{Proof: anna, Methods: []string{"pwd"}, AuthTime: at, Several: true}, StepHelp},
		"two of two":                         {idp.SignIn{Proof: anna, Methods: []string{"pwd", "otp", "mfa"}, AuthTime: at, Several: true, Has: []idp.CredentialKind{idp.CredentialTOTP}}, StepDone},
		"a code alone is nobody's":           {idp.SignIn{Methods: []string{"otp", "mfa"}, AuthTime: at, Several: true}, StepPassword},
		"two of two, before it counts":       {idp.SignIn{Proof: anna, Methods: []string{"pwd", "otp"}, AuthTime: at, Several: true, NotBefore: at.Add(time.Microsecond)}, StepPassword},
		"asked for fresh proof, none yet":    {idp.SignIn{NotBefore: at}, StepPassword},
	} {
		if got := Next(c.in); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
