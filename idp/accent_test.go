package idp

import (
	"math"
	"strings"
	"testing"
)

func TestContrastIsThatOfWCAG(t *testing.T) {
	t.Parallel()
	white := RGB{255, 255, 255}
	for s, want := range map[string]float64{"#000000": 21, "#ffffff": 1, "#767676": 4.54, "#777777": 4.48, "#ff0000": 4.0, "#0000ff": 8.59} {
		c, err := ParseRGB(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Contrast(white); math.Abs(got-want) > 0.005 || got != white.Contrast(c) || c.String() != s {
			t.Errorf("%s (%s): %.3f, want %.2f", s, c, got, want)
		}
	}
}

// TestEveryAccentCanBeRead: of all colours of a coarse net, those that are taken
// can be read in light and their partners in dark, and for those that are not
// one is named that is taken.
func TestEveryAccentCanBeRead(t *testing.T) {
	t.Parallel()
	taken := 0
	for n := 0; n < 16*16*16; n++ {
		c := RGB{uint8(n>>8) * 17, uint8(n>>4&15) * 17, uint8(n&15) * 17}
		light, dark, err := Accents(c.String())
		if err == nil {
			taken++
			if light != c || legibility(light, OnLight, lightBehind) < 4.5 || legibility(dark, OnDark, darkBehind) < 4.5 {
				t.Errorf("%s is taken, with %s in the dark", c, dark)
			}
			continue
		}
		words := strings.Fields(err.(*Error).Detail)
		better := strings.TrimSuffix(words[len(words)-1], ".")
		if _, _, again := Accents(better); again != nil || !IsKind(err, Invalid) {
			t.Errorf("%s is refused, and so is the one that is named: %v, %v", c, err, again)
		}
	}
	if taken < 500 || taken > 3000 {
		t.Errorf("%d of 4096 colours were taken", taken)
	}
	for _, s := range []string{"", "red", "#fff", "#0b5a6", "#0b5a600", "#0b5a6g", "#-12345", "#+1234a", "url(x)"} {
		if _, _, err := Accents(s); !IsKind(err, Invalid) {
			t.Errorf("%q: %v", s, err)
		}
	}
}
