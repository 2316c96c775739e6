package keys

import (
	"context"
	"crypto/rand"
	"fmt"
)

// Secrets keeps the sealed secrets of the house; *store.Store does.
type Secrets interface {
	// HouseSecret returns the one of this name; where there is none yet, fresh
	// becomes it.
	HouseSecret(ctx context.Context, name, fresh string) (string, error)
}

// Salt returns 256 random bits of the house, made once for this name and kept
// sealed: every node has the same, for ever.
func (b *Box) Salt(ctx context.Context, s Secrets, name string) ([]byte, error) {
	purpose, fresh := "house."+name, make([]byte, 32)
	rand.Read(fresh)
	sealed, err := s.HouseSecret(ctx, name, b.Seal(purpose, fresh))
	if err != nil {
		return nil, fmt.Errorf("read the salt %s: %w", name, err)
	}
	salt, err := b.Open(purpose, sealed)
	if err != nil {
		return nil, fmt.Errorf("open the salt %s: %w", name, err)
	}
	return salt, nil
}
