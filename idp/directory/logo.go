package directory

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"slices"
	"strings"

	"gatehouse/idp"
)

// MaxLogo is how large a logo may be that is set, in bytes: with one, all that the
// sign-in page loads stays below 30 kB on the wire.
const MaxLogo = 12 << 10

const (
	maxSide  = 2048 // of a PNG, in pixels
	maxDepth = 64   // of elements in an SVG
	svgSpace = "http://www.w3.org/2000/svg"
	rdfSpace = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	typeSVG  = "image/svg+xml"
	typePNG  = "image/png"
)

// checkLogo says of what type a picture is, or idp.Invalid: it is a PNG, or an
// SVG that draws and does nothing else. Pages show it as an image, where a
// browser runs nothing and loads nothing; this is for whoever opens its address.
func checkLogo(logo idp.Image) (idp.Image, error) {
	switch {
	case len(logo.Data) == 0:
		return idp.Image{}, nil
	case len(logo.Data) > MaxLogo:
		return logo, idp.Errorf(idp.Invalid, "The logo has more than 12 KiB, and would slow down the sign-in page. An SVG, or a PNG that is 64 px high, is smaller.")
	case bytes.HasPrefix(logo.Data, []byte("\x89PNG\r\n\x1a\n")):
		c, err := png.DecodeConfig(bytes.NewReader(logo.Data))
		if err != nil || c.Width > maxSide || c.Height > maxSide {
			return logo, idp.Errorf(idp.Invalid, "The logo is no PNG of at most %d by %d pixels.", maxSide, maxSide).Because(err)
		}
		return idp.Image{Type: typePNG, Data: logo.Data}, nil
	}
	if err := checkSVG(logo.Data); err != nil {
		return logo, idp.Errorf(idp.Invalid, "The logo is neither a PNG nor an SVG that only draws: no scripts, no links, nothing from elsewhere.").Because(err)
	}
	return idp.Image{Type: typeSVG, Data: logo.Data}, nil
}

// drawing are the elements that an SVG may have.
var drawing = strings.Fields(`svg g defs title desc metadata symbol use path rect circle ellipse line polyline polygon
	text tspan textPath linearGradient radialGradient stop clipPath mask pattern marker filter style switch
	feBlend feColorMatrix feComponentTransfer feComposite feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur
	feMerge feMergeNode feMorphology feOffset feDropShadow`)

func checkSVG(data []byte) error {
	dec := xml.NewDecoder(bytes.NewReader(data))
	depth, drawn := 0, false
	style := 0
	for {
		token, err := dec.Token()
		switch {
		case errors.Is(err, io.EOF) && drawn && depth == 0:
			return nil
		case err != nil:
			return err
		}
		switch t := token.(type) {
		case xml.Directive:
			return errors.New("a document type")
		case xml.ProcInst:
			if t.Target != "xml" {
				return errors.New("an instruction " + t.Target)
			}
		case xml.StartElement:
			if err := checkElement(t, depth, drawn); err != nil {
				return err
			}
			depth, drawn = depth+1, true
			if t.Name.Local == "style" {
				style = depth
			}
		case xml.EndElement:
			if style == depth {
				style = 0
			}
			depth--
		case xml.CharData:
			if style > 0 && loads(string(t)) {
				return errors.New("a style that loads something")
			}
		}
	}
}

func checkElement(t xml.StartElement, depth int, drawn bool) error {
	foreign := t.Name.Space != svgSpace
	switch {
	case depth == 0 && (drawn || foreign || t.Name.Local != "svg"):
		return errors.New("another root than svg")
	case depth >= maxDepth:
		return errors.New("too deep")
	case foreign && (t.Name.Space == "" || strings.HasPrefix(t.Name.Space, "http://www.w3.org/") && t.Name.Space != rdfSpace):
		return errors.New("an element " + t.Name.Local)
	case !foreign && !slices.Contains(drawing, t.Name.Local):
		return errors.New("an element " + t.Name.Local)
	}
	for _, a := range t.Attr {
		name := strings.ToLower(a.Name.Local)
		switch {
		case strings.HasPrefix(name, "on"):
			return errors.New("a handler " + name)
		case (name == "href" || name == "src" || name == "base") && !strings.HasPrefix(a.Value, "#"):
			return errors.New("a link")
		case a.Name.Space != "xmlns" && name != "xmlns" && loads(a.Value):
			return errors.New("an attribute that loads something")
		}
	}
	return nil
}

// loads reports whether a value of CSS may load something: all but url(#…),
// written plainly.
func loads(s string) bool {
	s = strings.ToLower(s)
	if strings.ContainsAny(s, `\@`) || strings.Contains(s, "image(") || strings.Contains(s, "image-set(") || strings.Contains(s, "javascript:") {
		return true
	}
	for rest := s; ; {
		_, after, found := strings.Cut(rest, "url(")
		if !found {
			return false
		}
		if !strings.HasPrefix(strings.TrimLeft(after, ` "'`), "#") {
			return true
		}
		rest = after
	}
}
