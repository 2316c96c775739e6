package password

import (
	"strings"
	"unicode/utf8"

	"gatehouse/idp"
)

const (
	// MinLength is the shortest password in characters.
	MinLength = 12
	// MaxLength is the longest password in bytes.
	MaxLength = 1024
)

// Check answers idp.Invalid, in plain words and under the field "password", for a
// password that nobody may set: fewer than [MinLength] characters, more than
// [MaxLength] bytes, not text, or one that attackers try first.
func Check(chosen string) error {
	switch {
	case utf8.RuneCountInString(chosen) < MinLength:
		return Refused("Use at least %d characters. A few words in a row are easy to remember.", MinLength)
	case len(chosen) > MaxLength:
		return Refused("Use at most %d bytes.", MaxLength)
	case !utf8.ValidString(chosen) || strings.ContainsRune(chosen, 0):
		return Refused("Use letters, digits, signs and spaces.")
	case isCommon(chosen):
		return Refused("This password is on lists that attackers try first, or too close to one that is. Take words that belong together only for you.")
	}
	return nil
}

// Refused is why nobody may set a password: idp.Invalid, under the field "password".
func Refused(format string, args ...any) error {
	e := idp.Errorf(idp.Invalid, format, args...)
	e.Fields = map[string]string{"password": e.Detail}
	return e
}
