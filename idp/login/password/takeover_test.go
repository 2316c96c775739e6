package password

import "testing"

func FuzzTakeOver(f *testing.F) {
	for _, s := range []string{
		"$2b$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234", "pbkdf2_sha256$1000$salt$MDEyMzQ1Njc4OWFiY2RlZg==",
		"$pbkdf2-sha512$1000$c2FsdA$MDEyMzQ1Njc4OWFiY2RlZg", "{SSHA256}", `{"credentialData":"{}","secretData":"{}"}`, "$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$MDEyMzQ1Njc4OWFiY2RlZg",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > maxTaken {
			return
		}
		read, err := readForeign(s)
		if err != nil {
			return
		}
		stored := read.String()
		if _, own := read.(ours); own || len(stored) > maxPHC {
			return
		}
		again, err := parseForeign(stored)
		if err != nil || again.String() != stored {
			t.Fatalf("%q is stored as %q, which is read as %v, %v", s, stored, again, err)
		}
	})
}
