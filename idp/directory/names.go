package directory

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"gatehouse/idp"
)

// Canonical returns the one form of a username or e-mail address under which
// a person is stored, looked up and throttled: PRECIS UsernameCaseMapped
// (RFC 8265 §3.3) after trimming outer spaces. Of an address that is the part before
// the @, and behind it stands the domain by UTS 46, in its own letters. It answers
// idp.Invalid for invisible characters, mixed scripts (UTS 39 §5.1; of an address,
// in one of its parts), and more than 128 bytes, of an address 254.
func Canonical(name string) (string, error) {
	name = strings.TrimSpace(name)
	if one, ok := address(name); ok {
		return one, nil
	}
	if name == "" || len(name) > 128 || !utf8.ValidString(name) {
		return "", invalid("username", "A username has 1 to 128 bytes of letters, digits and signs.")
	}
	c, err := precis.UsernameCaseMapped.String(name)
	if err != nil {
		return "", invalid("username", "A username has no spaces and no invisible characters.")
	}
	if mixedScripts(c) {
		return "", invalid("username", "A username keeps to the letters of one script.")
	}
	return c, nil
}

// Spellings returns the forms under which the person may be stored whom this name
// means: the canonical one first, and alone where that is all ASCII. An address from
// before addresses had one form is found by the others. Its errors are those of
// [Canonical].
func Spellings(name string) ([]string, error) {
	c, err := Canonical(name)
	if err != nil {
		return nil, err
	}
	return spellings(c), nil
}

// Named finds whom a name means, as somebody has typed it, by a look-up of canonical
// names such as a store's UserByName. It answers as that does, and like [Canonical].
func Named(ctx context.Context, byName func(ctx context.Context, canonical string) (idp.User, error), typed string) (idp.User, error) {
	all, err := Spellings(typed)
	if err != nil {
		return idp.User{}, err
	}
	for _, name := range all {
		var u idp.User
		if u, err = byName(ctx, name); !idp.IsKind(err, idp.NotFound) {
			return u, err
		}
	}
	return idp.User{}, err
}

// mixedScripts reports whether letters of several scripts occur. The scripts
// that Japanese, Korean and Chinese are written in count as one.
func mixedScripts(s string) bool {
	seen := ""
	for _, r := range s {
		if !unicode.IsLetter(r) {
			continue
		}
		script := scriptOf(r)
		if seen != "" && script != seen {
			return true
		}
		seen = script
	}
	return false
}

func scriptOf(r rune) string {
	switch {
	case unicode.Is(unicode.Latin, r):
		return "Latin"
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo):
		return "East Asian"
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return "Unknown"
}

// email checks and canonicalises an address; the empty one is allowed.
func email(addr string) (string, error) {
	addr = strings.TrimSpace(addr)
	if addr == "" {
		return "", nil
	}
	one, ok := address(addr)
	if !ok {
		return "", invalid("email", "This is not an email address, or it has quotes, invisible signs, or letters of several scripts.")
	}
	return one, nil
}

// NobodyElse refuses names by which another person is known already
// (idp.Conflict, under the fields "username" and "email"): a username that is
// somebody's address, or the other way round, would be theirs to sign in by. Of two
// who come at once the database itself lets one in.
func (d *Directory) NobodyElse(ctx context.Context, u idp.User) error {
	var taken *idp.Error
	for _, n := range []struct {
		field, name string
		taken       *idp.Error
	}{
		{"username", u.Username, idp.Errorf(idp.Conflict, "Another person signs in by this username already.")},
		{"email", u.Email, idp.Errorf(idp.Conflict, "Another person signs in by this email already.")},
	} {
		if n.name == "" {
			continue
		}
		other, err := Named(ctx, d.Store.UserByName, n.name)
		switch {
		case idp.IsKind(err, idp.NotFound):
		case err != nil:
			return err
		case other.ID != u.ID:
			if taken == nil {
				taken = n.taken
				taken.Fields = map[string]string{}
			}
			taken.Fields[n.field] = n.taken.Detail
		}
	}
	if taken != nil {
		return taken
	}
	return nil
}

// text checks a name that people read: no control characters, bounded.
func text(field, s string, max int) (string, error) {
	s = strings.TrimSpace(s)
	if len(s) > max || !utf8.ValidString(s) || strings.ContainsFunc(s, forbidden) {
		return "", invalid(field, "Use ordinary characters only, and not too many.")
	}
	return s, nil
}

// forbidden: what breaks a log line, an XML document or the reader's eye.
func forbidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == 0xFFFE || r == 0xFFFF
}

func invalid(field, detail string) *idp.Error {
	return &idp.Error{Kind: idp.Invalid, Detail: detail, Fields: map[string]string{field: detail}}
}
