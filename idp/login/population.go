package login

import (
	"context"
	"fmt"

	"gatehouse/idp/login/password"
)

// SeeHashes looks of what shapes the hashes are that the house holds, to be called at
// start and every minute or so: it reads all of them.
func (l *Login) SeeHashes(ctx context.Context) error {
	held, err := l.Store.HashShapes(ctx, password.MostShapes)
	if err != nil {
		return fmt.Errorf("look of what shapes the hashes are: %w", err)
	}
	l.Hasher.SeeShapes(held)
	return nil
}

// hashOf is the hash that is computed for a try: the person's own, or, where there is
// none, one that costs what somebody's does.
func (l *Login) hashOf(a attempt) string {
	switch {
	case a.phc != "":
		return a.phc
	case a.user.ID != "":
		return l.Hasher.Nobodys(l.NobodyKey, string(a.user.ID))
	}
	return l.Hasher.Nobodys(l.NobodyKey, a.typed)
}
