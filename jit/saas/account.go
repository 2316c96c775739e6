package saas

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Account is a person's record in this app, made by their first sign-in and brought up to date by each
// later one.
type Account struct {
	ID         int         `json:"id"`
	Issuer     string      `json:"issuer"`  // issuer or entityID of the identity provider
	Subject    string      `json:"subject"` // `sub` or the value of the NameID: the key, with the issuer
	SubjectIs  string      `json:"subject_is"`
	Name       string      `json:"name"`
	Email      string      `json:"email,omitempty"`
	Attributes []Attribute `json:"attributes"`
	FirstSeen  time.Time   `json:"first_seen"`
	LastSignIn time.Time   `json:"last_sign_in"`
	SignIns    int         `json:"sign_ins"`
}

// Attribute is one thing that the identity provider said about the person, and where it said it.
type Attribute struct {
	Field  string   `json:"field"`  // what this app calls it: "Email"
	Name   string   `json:"name"`   // as it was sent: "email", "urn:oid:0.9.2342.19200300.100.1.3"
	Values []string `json:"values"` // at least one
	Source Source   `json:"source"`
}

// Source is the part of the protocol that carried an attribute.
type Source string

// The sources.
const (
	FromIDToken   Source = "claim of the ID token"
	FromUserInfo  Source = "claim of the userinfo answer"
	FromAttribute Source = "SAML attribute"
)

// identity is what a verified sign-in says.
type identity struct {
	issuer     string
	subject    string
	subjectIs  string // "claim `sub`", "NameID, persistent"
	attributes []Attribute

	nameIDFormat string    // SAML
	index        string    // OIDC sid, SAML SessionIndex
	until        time.Time // the end the identity provider stated; zero: none
	untilIs      string    // where it stated it
	idToken      string    // OIDC: the hint for signing out
}

// Bounds on what one person's record may hold.
const (
	maxAttributes = 64
	maxValues     = 256
	maxValueLen   = 2048
)

// update takes over everything the newest sign-in said: what is no longer said is no longer known.
func (a *Account) update(id identity, now time.Time) {
	a.SubjectIs, a.Attributes = id.subjectIs, slices.Clone(id.attributes)
	slices.SortStableFunc(a.Attributes, func(x, y Attribute) int { return cmp.Compare(rank(x.Field), rank(y.Field)) })
	a.LastSignIn = now
	a.SignIns++
	a.Email = a.field("Email")
	a.Name = a.field("Name")
	if a.Name == "" {
		a.Name = strings.TrimSpace(a.field("Given name") + " " + a.field("Family name"))
	}
	for _, fallback := range []string{a.field("Username"), a.Email, a.Subject} {
		if a.Name == "" {
			a.Name = fallback
		}
	}
}

func (a *Account) field(field string) string {
	for _, at := range a.Attributes {
		if at.Field == field {
			return at.Values[0]
		}
	}
	return ""
}

// rank puts what a reader looks for first at the top.
func rank(field string) int {
	order := []string{"Name", "Given name", "Family name", "Username", "Email", "Email verified", "Role", "Groups"}
	if i := slices.Index(order, field); i >= 0 {
		return i
	}
	return len(order)
}

// Initials returns one or two letters for the person's mark.
func (a *Account) Initials() string {
	words := strings.Fields(a.Name)
	if len(words) == 0 {
		return "?"
	}
	first := []rune(words[0])[:1]
	if len(words) > 1 {
		first = append(first, []rune(words[len(words)-1])[0])
	}
	return strings.ToUpper(string(first))
}

// attribute makes an Attribute within the bounds; ok is false when nothing is left of it.
func attribute(name string, values []string, source Source) (at Attribute, ok bool) {
	at = Attribute{Field: fieldOf(name), Name: clip(name, 256), Source: source}
	for _, v := range values {
		if v != "" && len(at.Values) < maxValues {
			at.Values = append(at.Values, clip(v, maxValueLen))
		}
	}
	return at, len(at.Values) > 0 && name != ""
}

// clip bounds a text from outside, on a rune boundary.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// fieldOf returns what this app calls a claim or attribute: the standard claims, the LDAP names and
// their OIDs, and the URIs of WS-Federation. Anything else keeps its own name.
func fieldOf(name string) string {
	short := name
	for _, prefix := range []string{
		"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/", "http://schemas.microsoft.com/identity/claims/",
	} {
		short = strings.TrimPrefix(short, prefix)
	}
	switch strings.ToLower(short) {
	case "name", "displayname", "display_name", "urn:oid:2.16.840.1.113730.3.1.241":
		return "Name"
	case "email", "mail", "emailaddress", "urn:oid:0.9.2342.19200300.100.1.3":
		return "Email"
	case "email_verified":
		return "Email verified"
	case "given_name", "givenname", "firstname", "first_name", "urn:oid:2.5.4.42":
		return "Given name"
	case "family_name", "familyname", "sn", "surname", "lastname", "last_name", "urn:oid:2.5.4.4":
		return "Family name"
	case "preferred_username", "username", "uid", "urn:oid:0.9.2342.19200300.100.1.1":
		return "Username"
	case "groups", "group", "memberof", "ismemberof", "urn:oid:1.3.6.1.4.1.5923.1.5.1.1":
		return "Groups"
	case "role", "roles":
		return "Role"
	case "department", "title", "locale", "phone_number", "zoneinfo":
		return strings.ToUpper(short[:1]) + strings.ReplaceAll(strings.ToLower(short[1:]), "_", " ")
	}
	return clip(name, 64)
}
