package keys

import (
	"bytes"
	"encoding/hex"
	"strings"
	"sync"
	"testing"

	"gatehouse/idp"
)

func rootKey(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func newBox(t testing.TB, root []byte, older ...[]byte) *Box {
	t.Helper()
	b, err := NewBox(root, older...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The vectors of https://c2sp.org/XAES-256-GCM.
func TestXAESIsTheOneThatIsSpecified(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		key       byte
		aad, want string
	}{
		{1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		got := newXAES(rootKey(v.key)).seal(nil, []byte("ABCDEFGHIJKLMNOPQRSTUVWX"), []byte("XAES-256-GCM"), []byte(v.aad))
		if hex.EncodeToString(got) != v.want {
			t.Errorf("key %d: got %x, want %s", v.key, got, v.want)
		}
	}
}

func TestSealedOpensForItsPurposeOnly(t *testing.T) {
	t.Parallel()
	b := newBox(t, rootKey(1))
	for _, plain := range []string{"", "x", strings.Repeat("long ", 2000)} {
		sealed := b.Seal("code", []byte(plain))
		got, err := b.Open("code", sealed)
		if err != nil || string(got) != plain {
			t.Errorf("open %d bytes: %q, %v", len(plain), got, err)
		}
		for _, other := range []string{"", "cod", "code ", "Code", "access"} {
			if _, err := b.Open(other, sealed); !idp.IsKind(err, idp.Invalid) {
				t.Errorf("purpose %q: %v", other, err)
			}
		}
	}
	if first := b.Seal("code", []byte("x")); first == b.Seal("code", []byte("x")) {
		t.Error("sealing the same twice gives the same text")
	}
}

// CO-06, CVE-2026-27840: a token cut to 80 characters was still good.
func TestCO06NoOtherTextOpens(t *testing.T) {
	t.Parallel()
	b := newBox(t, rootKey(1))
	sealed := b.Seal("code", []byte("the proof"))
	refused := func(what, text string) {
		t.Helper()
		if plain, err := b.Open("code", text); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%s: %q, %v", what, plain, err)
		}
	}
	for i := range len(sealed) {
		refused("truncated", sealed[:i])
		refused("cut in front", sealed[i+1:])
		flipped := []byte(sealed)
		flipped[i] ^= 0x20
		if 'a' <= flipped[i]|0x20 && flipped[i]|0x20 <= 'z' {
			refused("case flipped", string(flipped))
		}
		for _, c := range "AQgw_-" {
			if byte(c) != sealed[i] {
				refused("letter replaced", sealed[:i]+string(c)+sealed[i+1:])
			}
		}
		for _, c := range []string{"\n", "\r", "\r\n", "=", " ", "A", "."} {
			refused("inserted", sealed[:i]+c+sealed[i:])
		}
	}
	for _, tail := range []string{"A", "AA", "AAA", "AAAA", "=", "==", "\n", "\x00", sealed} {
		refused("extended", sealed+tail)
	}
	refused("absurd", strings.Repeat("A", 1<<20))
	refused("nothing", "")
}

func TestOlderRootKeysOnlyOpen(t *testing.T) {
	t.Parallel()
	before := newBox(t, rootKey(1)).Seal("code", []byte("made before"))

	rotated := newBox(t, rootKey(2), rootKey(1))
	if got, err := rotated.Open("code", before); err != nil || string(got) != "made before" {
		t.Errorf("an older key does not open: %q, %v", got, err)
	}
	after := rotated.Seal("code", []byte("made after"))
	if _, err := newBox(t, rootKey(1)).Open("code", after); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("sealed under the older key: %v", err)
	}
	if _, err := newBox(t, rootKey(2)).Open("code", before); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("a removed key still opens: %v", err)
	}
	if _, err := newBox(t, rootKey(2), rootKey(2)).Open("code", after); err != nil {
		t.Errorf("the same root key named twice: %v", err)
	}
}

func TestShortRootKeysAreRefused(t *testing.T) {
	t.Parallel()
	for _, keys := range [][][]byte{{nil}, {make([]byte, 31)}, {rootKey(1), make([]byte, 16)}} {
		if _, err := NewBox(keys[0], keys[1:]...); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%d bytes: %v", len(keys[len(keys)-1]), err)
		}
	}
}

func TestBoxIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	b := newBox(t, rootKey(1))
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for _, purpose := range []string{"a", "b", "c"} {
				if got, err := b.Open(purpose, b.Seal(purpose, []byte(purpose))); err != nil || string(got) != purpose {
					t.Errorf("open %s: %q, %v", purpose, got, err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzOpen(f *testing.F) {
	b := newBox(f, rootKey(1))
	sealed := b.Seal("code", []byte("plain"))
	f.Add(sealed)
	f.Add(sealed[:60])
	f.Add("")
	f.Add("AQ\n==")
	f.Fuzz(func(t *testing.T, text string) {
		plain, err := b.Open("code", text)
		if err != nil {
			return
		}
		// Fuzzing runs in several processes, each of which has sealed it anew.
		raw, _ := decodeExact(text, maxSealed)
		if string(plain) != "plain" || base64url.EncodeToString(raw) != text {
			t.Errorf("%q opened as %q", text, plain)
		}
	})
}
