package jit

import (
	"slices"
	"strings"

	"gatehouse/idp"
)

// Person is what is known of the person an app asks about.
type Person struct {
	User    idp.User
	Groups  []string // names; any order
	Role    string   // of the grant; may be empty
	Subject string   // what the app knows the person by
}

// Where a rule gets its value from; the package doc says what each means.
const (
	sourceUsername    = "username"
	sourceEmail       = "email"
	sourceDisplayName = "display_name"
	sourceGivenName   = "given_name"
	sourceFamilyName  = "family_name"
	sourceGroups      = "groups"
	sourceRole        = "role"
	sourceID          = "id"
	sourceSubject     = "subject"
	constPrefix       = "const:"
)

// values returns what source says of p: at most one value, but for groups. ok
// is false for a source that is none.
func (p Person) values(source string) (values []string, ok bool) {
	if source == sourceGroups {
		return p.groups(), true
	}
	v, ok := p.value(source)
	if !ok || v == "" {
		return nil, ok
	}
	return []string{v}, true
}

func (p Person) value(source string) (v string, ok bool) {
	switch source {
	case sourceUsername:
		return p.User.Username, true
	case sourceEmail:
		return p.User.Email, true
	case sourceDisplayName:
		return p.User.Name(), true
	case sourceGivenName:
		return p.User.GivenName, true
	case sourceFamilyName:
		return p.User.FamilyName, true
	case sourceRole:
		return p.Role, true
	case sourceID:
		return string(p.User.ID), true
	case sourceSubject:
		return p.Subject, true
	}
	return strings.CutPrefix(source, constPrefix)
}

// groups is sorted so that the same person makes the same answer, and never
// nil, so that JSON has an array.
func (p Person) groups() []string {
	g := append(make([]string, 0, len(p.Groups)), p.Groups...)
	slices.Sort(g)
	return slices.Compact(g)
}
