package wire

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// NewID makes the ID of a message or assertion: an xs:ID with 160 random bits
// (SAML Core §1.3.4 asks for 128 to 160).
func NewID() string {
	var b [20]byte
	// crypto/rand.Read never returns an error.
	rand.Read(b[:])
	return "_" + hex.EncodeToString(b[:])
}

// FormatTime writes t as SAML wants it: UTC with a Z, milliseconds
// (SAML Core §1.3.3).
func FormatTime(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// ParseTime reads an xs:dateTime and returns it in UTC. The zone is required,
// the fraction has at most nine digits, the year is from 2000 to 2199. A metadata
// validUntil is read the same way. Error: ErrMalformed.
func ParseTime(text string) (time.Time, error) {
	if !timeShape(text) {
		return time.Time{}, refuse(ErrMalformed, "not a time with a zone")
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, refuse(ErrMalformed, "not a time with a zone")
	}
	if t = t.UTC(); t.Year() < 2000 || t.Year() >= 2200 {
		return time.Time{}, refuse(ErrMalformed, "a year out of range")
	}
	return t, nil
}

// timeShape holds text to the lexical form, as time.Parse takes commas and
// fractions of any length.
func timeShape(text string) bool {
	const seconds = len("2006-01-02T15:04:05")
	if len(text) <= seconds {
		return false
	}
	rest := text[seconds:]
	if rest[0] == '.' {
		digits := 1
		for digits < len(rest) && '0' <= rest[digits] && rest[digits] <= '9' {
			digits++
		}
		if digits < 2 || digits > 10 {
			return false
		}
		rest = rest[digits:]
	}
	return rest == "Z" || len(rest) == len("+00:00")
}
