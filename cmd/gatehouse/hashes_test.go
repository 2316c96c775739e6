package main

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
)

// TestPasswordsAreHashedAtTheCostThatIsSet, which is the default where none is.
func TestPasswordsAreHashedAtTheCostThatIsSet(t *testing.T) {
	t.Parallel()
	for set, want := range map[string]string{
		"": "$argon2id$v=19$m=19456,t=2,p=1$",
		"GATEHOUSE_PASSWORD_HASH=m=24576,t=3,p=1": "$argon2id$v=19$m=24576,t=3,p=1$",
	} {
		environ := []string{"GATEHOUSE_DATA=" + filepath.Join(t.TempDir(), "data")}
		if set != "" {
			environ = append(environ, set)
		}
		c, err := loadConfig(environ, "")
		if err == nil {
			err = c.prepare()
		}
		if err != nil {
			t.Fatal(err)
		}
		h, err := build(t.Context(), c, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = h.store.Close() })
		if phc, err := h.login.Hasher.Hash(t.Context(), "correct horse battery"); err != nil || !strings.HasPrefix(phc, want) {
			t.Errorf("%q: %v, %v", set, phc, err)
		}
	}
}
