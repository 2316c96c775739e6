package login

import (
	"context"
	"errors"
	"strings"

	"gatehouse/idp"
)

// TakeOver returns the credential of a user whose password another program
// hashed, in a form that [password.Hasher.TakeOver] reads. It becomes ours when the
// person signs in for the first time. A hash that cannot be read, or would cost too
// much to check, is idp.Invalid under the field "password_hash"; the error does not
// repeat it.
func (l *Login) TakeOver(ctx context.Context, id idp.UserID, hash string) (idp.Credential, error) {
	data, err := l.Hasher.TakeOver(ctx, strings.TrimSpace(hash))
	if e, ok := errors.AsType[*idp.Error](err); ok {
		return idp.Credential{}, e
	}
	if err != nil {
		e := idp.Errorf(idp.Invalid, "This password hash cannot be taken over: %s.", err)
		e.Fields = map[string]string{"password_hash": e.Detail}
		return idp.Credential{}, e
	}
	now := l.now()
	return idp.Credential{ID: idp.NewCredentialID(), UserID: id, Kind: idp.CredentialPassword, Data: data, CreatedAt: now, UpdatedAt: now}, nil
}
