package login

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"

	"gatehouse/idp"
)

const (
	// recoveryCodes is how many a person gets at once.
	recoveryCodes = 10
	// recoveryLength makes 20^12 codes, almost 52 bits.
	recoveryLength = 12
)

// newRecovery makes a set of codes as people see them, BCDF-GHJK-LMNP, and what
// is kept of them.
func (l *Login) newRecovery(id idp.UserID) (shown []string, kept []idp.Credential) {
	now := l.now()
	for range recoveryCodes {
		code := idp.NewCode(recoveryLength)
		c := idp.Credential{ID: idp.NewCredentialID(), UserID: id, Kind: idp.CredentialRecovery, CreatedAt: now, UpdatedAt: now}
		c.Data = l.Box.Seal(sealedAs(c), recoveryHash(code))
		shown, kept = append(shown, code[:4]+"-"+code[4:8]+"-"+code[8:]), append(kept, c)
	}
	return shown, kept
}

// recoveryHash is kept sealed: 52 bits would be found behind a bare hash by
// whoever has the database alone.
func recoveryHash(code string) []byte {
	sum := sha256.Sum256([]byte(code))
	return sum[:]
}

// isRecovery reports whether letters are this code.
func (l *Login) isRecovery(c idp.Credential, letters string) (bool, error) {
	want, err := l.Box.Open(sealedAs(c), c.Data)
	if err != nil {
		return false, fmt.Errorf("open a recovery code: %w", err)
	}
	return subtle.ConstantTimeCompare(want, recoveryHash(letters)) == 1, nil
}
