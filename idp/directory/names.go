package directory

import (
	"context"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"gatehouse/idp"
)

// Canonical returns the one form of a username or e-mail address under which
// a person is stored, looked up and throttled: PRECIS UsernameCaseMapped
// (RFC 8265 §3.3) after trimming outer spaces. It answers idp.Invalid for
// invisible characters, mixed scripts (UTS 39 §5.1) and more than 128 bytes.
func Canonical(name string) (string, error) {
	name = strings.TrimSpace(name)
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
	addr = strings.ToLower(strings.TrimSpace(addr))
	if addr == "" {
		return "", nil
	}
	parsed, err := mail.ParseAddress(addr)
	if err != nil || parsed.Address != addr || len(addr) > 254 || strings.ContainsAny(addr, "\r\n,;<>\"() ") {
		return "", invalid("email", "This is not an e-mail address.")
	}
	return addr, nil
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
		other, err := d.Store.UserByName(ctx, n.name)
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
