package wire

import (
	"bytes"
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// stream writes the exclusive canonical form of an element (Exclusive XML
// Canonicalization §3, without comments) as its tokens come: what is held is what
// is open, and one token. It refuses what Parse does, but for the number of
// elements.
type stream struct {
	to   io.Writer
	w    writer
	in   scope
	open []etree.Element // without their children
	// outer is, for each of them, how many declarations stood around it.
	outer []int
	// keeping has the octets kept, too.
	keeping bool
	kept    []byte
	uncommon
}

// maxOpen bounds how deep a document of many goes: each entity as deep as one that
// stands alone, in the groups around it.
const maxOpen = maxGroups + maxDepth

func newStream(to io.Writer, inclusive []string) *stream {
	return &stream{to: to, w: writer{b: make([]byte, 0, room), canonical: true, inclusive: inclusive}, in: scope{"xml": {nsXML}}}
}

// token takes the next token, of encoding/xml's RawToken with the values of its
// attributes normalized.
func (s *stream) token(token xml.Token) error {
	if err := s.roundTrip(token); err != nil {
		return err
	}
	switch t := token.(type) {
	case xml.StartElement:
		return s.start(t)
	case xml.EndElement:
		return s.end(t)
	case xml.CharData:
		if len(s.open) > 0 {
			s.w.escape(string(t), false)
		}
		return s.flush()
	case xml.Comment:
		if !utf8.Valid(t) {
			return refuse(ErrMalformed, "the XML is not UTF-8")
		}
		return nil
	case xml.ProcInst:
		return refuse(ErrMalformed, "a processing instruction is not allowed")
	}
	return refuse(ErrMalformed, "a DOCTYPE is not allowed")
}

func (s *stream) start(t xml.StartElement) error {
	switch {
	case len(s.open) == maxOpen:
		return refuse(ErrMalformed, "elements are nested too deeply")
	case len(t.Attr) > maxAttributes:
		return refuse(ErrTooLarge, "too many attributes")
	}
	if err := checkNames(t); err != nil {
		return err
	}
	el := s.push(t)
	if err := s.in.enter(el); err != nil {
		return err
	}
	if err := s.in.check(el); err != nil {
		return err
	}
	s.outer = append(s.outer, len(s.w.rendered))
	s.w.b = append(s.w.b, '<')
	s.w.name(el.Space, el.Tag)
	s.w.exclusive(el, s.in)
	s.w.b = append(s.w.b, '>')
	return s.flush()
}

// push is t as the innermost element that is open, in the room of one that was as
// deep before.
func (s *stream) push(t xml.StartElement) *etree.Element {
	n := len(s.open)
	if n < cap(s.open) {
		s.open = s.open[:n+1]
	} else {
		s.open = append(s.open, etree.Element{})
	}
	el := &s.open[n]
	el.Space, el.Tag, el.Attr = t.Name.Space, t.Name.Local, el.Attr[:0]
	for _, a := range t.Attr {
		el.Attr = append(el.Attr, etree.Attr{Space: a.Name.Space, Key: a.Name.Local, Value: a.Value})
	}
	return el
}

func (s *stream) end(t xml.EndElement) error {
	n := len(s.open) - 1
	if n < 0 || s.open[n].Space != t.Name.Space || s.open[n].Tag != t.Name.Local {
		return refuse(ErrMalformed, "the XML is not well formed")
	}
	s.w.b = append(s.w.b, '<', '/')
	s.w.name(t.Name.Space, t.Name.Local)
	s.w.b = append(s.w.b, '>')
	s.in.leave(&s.open[n])
	s.w.rendered = s.w.rendered[:s.outer[n]]
	s.open, s.outer = s.open[:n], s.outer[:n]
	return s.flush()
}

func (s *stream) flush() error {
	if s.keeping {
		s.kept = append(s.kept, s.w.b...)
	}
	_, err := s.to.Write(s.w.b)
	s.w.b = s.w.b[:0]
	return err
}

// keep begins a document with the element whose start tag came last. It consists
// of the very octets that are written, but for that tag: it declares also what the
// elements around have declared.
func (s *stream) keep() {
	el := &s.open[len(s.open)-1]
	into := writer{b: s.kept[:0], attrs: s.w.attrs}
	into.b = append(into.b, '<')
	into.name(el.Space, el.Tag)
	into.declarations(effective(s.w.rendered))
	into.attributes()
	s.kept, s.keeping = append(into.b, '>'), true
}

// document is what was kept; the next keep overwrites it.
func (s *stream) document() []byte {
	s.keeping = false
	return s.kept
}

// effective are the innermost declarations of each prefix, in order.
func effective(all []namespace) []namespace {
	var out []namespace
	for i, n := range all {
		if n.prefix == "" && n.uri == "" && !redeclared(all[i+1:], "") {
			continue // nothing around is to be undone
		}
		if !redeclared(all[i+1:], n.prefix) {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, byPrefix)
	return out
}

func redeclared(later []namespace, prefix string) bool {
	return slices.ContainsFunc(later, func(n namespace) bool { return n.prefix == prefix })
}

// normalize gives the values of a start tag the form of XML 1.0 §3.3.3, which
// encoding/xml does not: a tab or the end of a line that stands in one is a space.
// One that is written as a reference stays. raw is the tag as it came.
func normalize(t *xml.StartElement, raw []byte) error {
	if !slices.ContainsFunc(t.Attr, func(a xml.Attr) bool { return strings.ContainsAny(a.Value, "\t\n") }) {
		return nil
	}
	fixed := make([]byte, 0, len(raw))
	quote := byte(0)
	for i, c := range raw {
		switch {
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		case quote == 0:
		case c == '\n' && raw[i-1] == '\r':
			continue
		case c == '\t', c == '\n', c == '\r':
			c = ' '
		}
		fixed = append(fixed, c)
	}
	token, err := xml.NewDecoder(bytes.NewReader(fixed)).RawToken()
	again, ok := token.(xml.StartElement)
	if err != nil || !ok || len(again.Attr) != len(t.Attr) {
		return refuse(ErrMalformed, "the XML is not well formed")
	}
	t.Attr = again.Attr
	return nil
}
