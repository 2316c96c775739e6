package directory

import (
	"encoding/xml"
	"strings"
	"testing"

	"gatehouse/idp"
)

// FuzzLogo: whatever is given, the answer is a picture of one of two types in
// which no element is a script, or a refusal.
func FuzzLogo(f *testing.F) {
	for _, body := range []string{`<rect fill="url(#a)"/>`, `<style>a{}</style>`, `<metadata><x xmlns="urn:x"/></metadata>`, `<script/>`} {
		f.Add([]byte(`<svg xmlns="` + svgSpace + `">` + body + `</svg>`))
	}
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		logo, err := checkLogo(idp.Image{Data: data})
		if err != nil {
			if !idp.IsKind(err, idp.Invalid) {
				t.Fatal(err)
			}
			return
		}
		if logo.Type != typeSVG {
			return
		}
		dec := xml.NewDecoder(strings.NewReader(string(data)))
		for {
			token, err := dec.Token()
			if err != nil {
				return
			}
			if el, ok := token.(xml.StartElement); ok && strings.EqualFold(el.Name.Local, "script") && strings.HasPrefix(el.Name.Space, "http://www.w3.org/") {
				t.Fatalf("a script was taken: %q", data)
			}
		}
	})
}
