package idp

import (
	"fmt"
	"math"
	"strconv"
)

// RGB is a colour of the screen (sRGB), each part from 0 to 255.
type RGB struct{ R, G, B uint8 }

// ParseRGB reads #rrggbb.
func ParseRGB(s string) (RGB, error) {
	if len(s) != 7 || s[0] != '#' {
		return RGB{}, Errorf(Invalid, "A colour is written like #0b5a60.")
	}
	n, err := strconv.ParseUint(s[1:], 16, 32)
	if err != nil {
		return RGB{}, Errorf(Invalid, "A colour is written like #0b5a60.")
	}
	return RGB{uint8(n >> 16), uint8(n >> 8), uint8(n)}, nil
}

// String writes c as #rrggbb.
func (c RGB) String() string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// Contrast is the contrast ratio of two colours, 1 to 21 (WCAG 2.2).
func (c RGB) Contrast(d RGB) float64 {
	a, b := c.luminance(), d.luminance()
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}

// luminance is the relative luminance of WCAG 2.2.
func (c RGB) luminance() float64 {
	part := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*part(c.R) + 0.7152*part(c.G) + 0.0722*part(c.B)
}

// Towards is c on its way to d, as far as the part says: 0 is c, 1 is d.
func (c RGB) Towards(d RGB, part float64) RGB {
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (float64(b)-float64(a))*part)) }
	return RGB{mix(c.R, d.R), mix(c.G, d.G), mix(c.B, d.B)}
}

// What stands behind an accent and on it, in light and in dark; the style sheet
// has the same. Behind are the two ends of what pages have there.
var (
	lightBehind = []RGB{{0xfc, 0xfb, 0xf8}, {0xe8, 0xe5, 0xdc}}
	darkBehind  = []RGB{{0x10, 0x15, 0x18}, {0x22, 0x2a, 0x2f}}
	OnLight     = RGB{0xff, 0xff, 0xff}
	OnDark      = RGB{0x0a, 0x1a, 0x1b}
)

// Legible is the least contrast of text (WCAG 2.2, 1.4.3, level AA).
const Legible = 4.5

// Accents returns an accent and its dark partner. A colour in which text could
// not be read is [Invalid], with one that could.
func Accents(s string) (light, dark RGB, err error) {
	light, err = ParseRGB(s)
	if err != nil {
		return light, dark, err
	}
	if got := legibility(light, OnLight, lightBehind); got < Legible {
		better := nearest(light, RGB{}, OnLight, lightBehind)
		return light, dark, Errorf(Invalid, "Text in the colour %s has a contrast of %.1f to 1 on these pages, and needs 4.5. The nearest that can be read is %s.", light, math.Floor(got*10)/10, better)
	}
	return light, nearest(light, RGB{0xff, 0xff, 0xff}, OnDark, darkBehind), nil
}

// legibility is the least contrast of a colour, with what stands on it and
// behind it.
func legibility(c, on RGB, behind []RGB) float64 {
	least := c.Contrast(on)
	for _, b := range behind {
		least = min(least, c.Contrast(b))
	}
	return least
}

// nearest is the first colour that can be read on the way to an end that can.
func nearest(c, end, on RGB, behind []RGB) RGB {
	const steps = 100
	for i := range steps {
		if d := c.Towards(end, float64(i)/steps); legibility(d, on, behind) >= Legible {
			return d
		}
	}
	return end
}
