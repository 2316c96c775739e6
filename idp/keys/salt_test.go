package keys

import (
	"bytes"
	"context"
	"testing"
)

// cupboard keeps the first secret of a name.
type cupboard map[string]string

func (c cupboard) HouseSecret(_ context.Context, name, fresh string) (string, error) {
	if c[name] == "" {
		c[name] = fresh
	}
	return c[name], nil
}

// TestASaltOutlivesTheRootKey: a new root key opens what the old one sealed.
func TestASaltOutlivesTheRootKey(t *testing.T) {
	t.Parallel()
	kept, older := cupboard{}, rootKey(1)
	first, err := newBox(t, older).Salt(t.Context(), kept, "a")
	if err != nil || len(first) != 32 {
		t.Fatal(first, err)
	}
	again, err := newBox(t, rootKey(2), older).Salt(t.Context(), kept, "a")
	if err != nil || !bytes.Equal(again, first) {
		t.Errorf("%x, then %x, %v", first, again, err)
	}
	if other, err := newBox(t, older).Salt(t.Context(), kept, "b"); err != nil || bytes.Equal(other, first) {
		t.Errorf("two names, one salt: %v", err)
	}
	kept["b"] = kept["a"]
	if _, err := newBox(t, older).Salt(t.Context(), kept, "b"); err == nil {
		t.Error("a salt passes for another")
	}
}
