package login

import (
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"gatehouse/idp"
)

// Box seals what is kept and must be read again; *keys.Box does.
type Box interface {
	Seal(purpose string, plain []byte) string
	Open(purpose, sealed string) ([]byte, error)
}

// What every authenticator app takes (RFC 6238 §4: X = 30 s; RFC 4226 §5.3).
const (
	totpPeriod     = 30 * time.Second
	totpDigits     = otp.DigitsSix
	totpSecretSize = 20 // bytes, as long as SHA-1's output (RFC 4226 §4, R6)
	// totpSkew: a code of the step before or after counts too, because phones
	// are slow and people are (RFC 6238 §5.2).
	totpSkew = 1
)

var totpSecret32 = base32.StdEncoding.WithPadding(base32.NoPadding)

// canonicalCode is what was typed as the digits of a TOTP code or the letters
// of a recovery code, without what people type between; both empty for what can
// be neither.
func canonicalCode(typed string) (digits, letters string) {
	if len(typed) > 64 {
		return "", ""
	}
	code := strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\u00a0' || r == '\t' {
			return -1
		}
		return r
	}, strings.ToUpper(typed))
	switch {
	case len(code) == totpDigits.Length() && strings.Trim(code, "0123456789") == "":
		return code, ""
	case len(code) == recoveryLength && strings.Trim(code, idp.CodeLetters) == "":
		return "", code
	}
	return "", ""
}

// totpStep finds the time step that a code is of, within what the clocks may
// differ. Every step is looked at, whichever it is.
func (l *Login) totpStep(c idp.Credential, digits string) (step int64, ok bool, err error) {
	secret, err := l.Box.Open(sealedAs(c), c.Data)
	if err != nil {
		return 0, false, fmt.Errorf("open a TOTP secret: %w", err)
	}
	return stepOf(secret, digits, l.Now())
}

func stepOf(secret []byte, digits string, now time.Time) (step int64, ok bool, err error) {
	at := now.Unix() / int64(totpPeriod/time.Second)
	for s := at - totpSkew; s <= at+totpSkew; s++ {
		want, err := hotp.GenerateCodeCustom(totpSecret32.EncodeToString(secret), uint64(s),
			hotp.ValidateOpts{Digits: totpDigits, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, false, fmt.Errorf("compute a TOTP code: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(digits)) == 1 {
			step, ok = s, true
		}
	}
	return step, ok, nil
}

// sealedAs binds what is sealed to its credential, so that no row passes for
// another's.
func sealedAs(c idp.Credential) string {
	return "credential " + string(c.Kind) + " " + string(c.ID) + " " + string(c.UserID)
}
