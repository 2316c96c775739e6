package login

import "gatehouse/idp"

// Step is what a SignIn needs next. Its text is the last part of the page's
// path.
type Step string

const (
	// StepPassword: username and password, [Login.Password].
	StepPassword Step = "password"
	// StepDone: all is proven; the gate may start a session.
	StepDone Step = "done"
)

// Next says which step a SignIn needs next. It is the one dispatcher and it is
// pure: it decides on nothing but what the stored SignIn says. Steps never
// call one another; each proves its factor, which adds a method to the SignIn
// (an RFC 8176 amr value), and sends the browser back to be dispatched again.
//
// A proof counts when it was made no earlier than NotBefore (OpenID Connect
// Core §3.1.2.1 prompt=login and max_age, saml-core §3.4.1 ForceAuthn).
//
// To add a kind of proof, add its Step and its method on Login, and decide
// here. A passkey is a first step beside the password and leaves nothing
// further to ask ("hwk" and "user" in Methods). A second factor is a step
// that follows when Methods holds "pwd" and not yet "otp". What a person has
// enrolled is not in the SignIn: the step that finds it out (the password, by
// its lookup) writes it there first, so that Next stays pure.
func Next(in idp.SignIn) Step {
	proven := in.UserID != "" && len(in.Methods) > 0 && !in.AuthTime.Before(in.NotBefore)
	if !proven {
		return StepPassword
	}
	return StepDone
}
