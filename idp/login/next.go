package login

import (
	"slices"

	"gatehouse/idp"
)

// Step is what a SignIn needs next. Its text is the last part of the page's
// path.
type Step string

const (
	// StepPassword: who it is, by password ([Login.Password]), a passkey
	// ([Login.Passkey]) or a code from a mail ([Login.MailedCode]).
	StepPassword Step = "password"
	// StepCode: a second factor, by a code ([Login.Code]).
	StepCode Step = "code"
	// StepPasskey: a passkey, and nothing else ([Login.Passkey]).
	StepPasskey Step = "passkey"
	// StepMail: a code that is mailed to them ([Login.SendConfirmation],
	// [Login.Confirm]): the sign-in is a risk, and they have no second factor.
	StepMail Step = "confirm"
	// StepHelp: a second factor or a passkey is asked for and the person has none.
	// There is a way on, but not in this SignIn.
	StepHelp Step = "help"
	// StepDone: all is proven; the gate may start or renew a session.
	StepDone Step = "done"
)

// Next says which step a SignIn needs next. It is the one dispatcher and it is
// pure: it decides on nothing but what the stored SignIn says. Steps never
// call one another; each proves its factor, which adds methods to the SignIn
// (RFC 8176 amr values), and sends the browser back to be dispatched again.
//
// A proof counts when it was made no earlier than NotBefore (OpenID Connect
// Core §3.1.2.1 prompt=login and max_age, saml-core §3.4.1 ForceAuthn). Which
// second factors a person has, the first step writes into the SignIn, so that
// Next stays pure.
//
// To add a kind of proof, add its Step and its method on Login, its amr values
// to [Methods], and decide here.
func Next(in idp.SignIn) Step {
	switch {
	case in.UserID == "" || len(in.Methods) == 0 || in.AuthTime.Before(in.NotBefore):
		return StepPassword
	case in.Confirm != idp.ConfirmNothing && VouchedBy(idp.VouchNone, in.Methods) < idp.VouchMail:
		if in.Confirm == idp.ConfirmMail {
			return StepMail
		}
		return StepHelp
	case in.Passkey && !ByPasskey(in.Methods):
		if slices.Contains(in.Has, idp.CredentialPasskey) {
			return StepPasskey
		}
		return StepHelp
	case !in.Several || MultiFactor(in.Methods):
		return StepDone
	case len(in.Has) == 0:
		return StepHelp
	}
	return StepCode
}
