// Package jit says what an app is told about a person: OpenID Connect claims
// ([Claims]) and SAML attributes ([Attributes]), made from the person, their
// groups, the role of their grant and the app's own rules. It is pure: it
// reads nothing and remembers nothing.
//
// It leaves to idp/oidc and idp/saml the protocol's own words (sub, NameID,
// iss, audience, times), to store what is known, to jit/saas the other end of
// the wire.
//
// The one invariant: what leaves here is complete and well-formed. Removal is
// told as loudly as addition (no groups is an empty list, never silence), a
// rule can never write a claim that belongs to the protocol, and a value that
// XML cannot carry is refused before anything is signed.
//
// # Sources
//
// A rule ([idp.AttributeRule]) names what to tell and its source:
//
//	username      canonical username
//	email         canonical e-mail address
//	display_name  display name, else given and family name, else username
//	given_name
//	family_name
//	groups        names of all groups, sorted; the one source with many values
//	role          role of the grant through which the person may use the app
//	id            the house's own ID of the user (usr_...), never reused
//	subject       what the app knows the person by: its sub or NameID
//	const:TEXT    TEXT itself, for everybody
//
// A source that is empty for a person is left out; groups never is.
//
// # Standard scopes
//
// OpenID Connect Core 1.0 §5.1 and §5.4:
//
//	profile  name, preferred_username, given_name, family_name, updated_at
//	email    email, email_verified
//	groups   groups (not in the standard, but what apps ask for), an array
//
// email_verified is true wherever there is an address. An address is written
// by an owner of the organisation only, never by the person, and Core §5.1
// leaves the means of verification to the trust the parties have in each
// other: the organisation vouches for its own people. When people may change
// their own address, this must become a fact of the user.
//
// # SAML without rules
//
// An app without rules is told username, email, givenName, familyName,
// displayName and groups, under these names, NameFormat basic.
package jit
