package wire

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/beevik/etree"
	xrv "github.com/mattermost/xml-roundtrip-validator"
)

// Limits. MaxMessage is in bytes and bounds each of: the HTTP body, the query,
// the base64 and the inflated XML. MaxRelayState is in bytes after unescaping.
const (
	MaxMessage    = 256 << 10
	MaxRelayState = 1 << 10

	maxDepth      = 64
	maxElements   = 4096
	maxAttributes = 64
)

// Parse reads one XML document and returns its root. It refuses what SAML never
// needs and parsers disagree about: a DOCTYPE (at its token, before anything is
// built), processing instructions, comments, encodings other than UTF-8,
// duplicate attributes, undeclared prefixes, names that do not survive Go's
// round trip, and anything beyond the limits. Errors: ErrTooLarge, ErrMalformed.
func Parse(b []byte) (*etree.Element, error) {
	return parse(b, false)
}

func parse(b []byte, comments bool) (*etree.Element, error) {
	if len(b) > MaxMessage {
		return nil, refuse(ErrTooLarge, "the XML is over the limit")
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if !utf8.Valid(b) {
		return nil, refuse(ErrMalformed, "the XML is not UTF-8")
	}
	if err := scan(b, comments); err != nil {
		return nil, err
	}
	doc := etree.NewDocument()
	doc.ReadSettings.MaxDepth = maxDepth
	if err := doc.ReadFromBytes(b); err != nil {
		return nil, refuseBecause(ErrMalformed, "the XML is not well formed", err)
	}
	root := doc.Root()
	if err := checkNamespaces(root, scope{"xml": nsXML}); err != nil {
		return nil, err
	}
	return root, nil
}

// scan walks the raw tokens before any tree is built.
func scan(b []byte, comments bool) error {
	s := scanner{comments: comments}
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		token, err := d.RawToken()
		if err == io.EOF {
			return s.end()
		}
		if err != nil {
			return refuseBecause(ErrMalformed, "the XML is not well formed", err)
		}
		if err := s.token(token); err != nil {
			return err
		}
		if _, ok := token.(xml.EndElement); ok {
			continue // it has the name of its start, which survived
		}
		if err := xrv.CheckToken(token); err != nil {
			return refuse(ErrMalformed, "the XML does not survive a round trip")
		}
	}
}

type scanner struct {
	comments             bool
	tokens, roots, count int
	open                 []xml.Name // elements that have not ended
}

func (s *scanner) token(token xml.Token) error {
	s.tokens++
	switch t := token.(type) {
	case xml.Directive:
		return refuse(ErrMalformed, "a DOCTYPE is not allowed")
	case xml.ProcInst:
		if s.tokens != 1 || t.Target != "xml" {
			return refuse(ErrMalformed, "a processing instruction is not allowed")
		}
	case xml.Comment:
		if !s.comments {
			return refuse(ErrMalformed, "a comment is not allowed")
		}
	case xml.CharData:
		if len(s.open) == 0 && len(bytes.TrimSpace(t)) != 0 {
			return refuse(ErrMalformed, "text outside the root element")
		}
	case xml.EndElement:
		return s.close(t.Name)
	case xml.StartElement:
		return s.start(t)
	}
	return nil
}

func (s *scanner) start(t xml.StartElement) error {
	if len(s.open) == 0 {
		s.roots++
	}
	s.open = append(s.open, t.Name)
	s.count++
	switch {
	case s.roots > 1:
		return refuse(ErrMalformed, "more than one root element")
	case len(s.open) > maxDepth:
		return refuse(ErrMalformed, "elements are nested too deeply")
	case s.count > maxElements:
		return refuse(ErrTooLarge, "too many elements")
	case len(t.Attr) > maxAttributes:
		return refuse(ErrTooLarge, "too many attributes")
	case strings.Contains(t.Name.Local, ":"):
		return refuse(ErrMalformed, "a name has two colons")
	}
	for i, a := range t.Attr {
		if strings.Contains(a.Name.Local, ":") {
			return refuse(ErrMalformed, "a name has two colons")
		}
		for _, b := range t.Attr[:i] {
			if a.Name == b.Name {
				return refuse(ErrMalformed, "an attribute is repeated")
			}
		}
	}
	return nil
}

func (s *scanner) close(name xml.Name) error {
	last := len(s.open) - 1
	if last < 0 || s.open[last] != name {
		return refuse(ErrMalformed, "an element ends that has not begun")
	}
	s.open = s.open[:last]
	return nil
}

func (s *scanner) end() error {
	if s.roots != 1 || len(s.open) != 0 {
		return refuse(ErrMalformed, "no complete root element")
	}
	return nil
}

// scope maps the prefixes in force to their namespaces.
type scope map[string]string

// checkNamespaces refuses what Namespaces in XML 1.0 forbids and encoding/xml
// lets pass: etree and goxmldsig look prefixes up by themselves and would
// otherwise see different names.
func checkNamespaces(el *etree.Element, in scope) error {
	in, err := in.with(el)
	if err != nil {
		return err
	}
	if _, ok := in[el.Space]; el.Space != "" && !ok {
		return refuse(ErrMalformed, "an element has an undeclared prefix")
	}
	for i, a := range el.Attr {
		if a.Space == "" || a.Space == "xmlns" {
			continue
		}
		ns, ok := in[a.Space]
		if !ok {
			return refuse(ErrMalformed, "an attribute has an undeclared prefix")
		}
		for _, b := range el.Attr[:i] {
			if b.Key == a.Key && b.Space != "" && b.Space != "xmlns" && in[b.Space] == ns {
				return refuse(ErrMalformed, "an attribute is repeated under two prefixes")
			}
		}
	}
	for child := range el.ChildElementsSeq() {
		if err := checkNamespaces(child, in); err != nil {
			return err
		}
	}
	return nil
}

func (in scope) with(el *etree.Element) (scope, error) {
	out := in
	for _, a := range el.Attr {
		prefix, ok := declares(a)
		if !ok {
			continue
		}
		switch {
		case prefix == "xml" && a.Value == nsXML:
			continue
		case prefix == "xml", prefix == "xmlns", a.Value == nsXML, a.Value == nsXMLNS:
			return nil, refuse(ErrMalformed, "a reserved namespace is declared")
		case prefix != "" && a.Value == "":
			return nil, refuse(ErrMalformed, "a prefix is declared empty")
		}
		if len(out) == len(in) {
			out = make(scope, len(in)+len(el.Attr))
			for k, v := range in {
				out[k] = v
			}
		}
		out[prefix] = a.Value
	}
	return out, nil
}

// declares reports the prefix that a namespace declaration binds.
func declares(a etree.Attr) (prefix string, ok bool) {
	switch {
	case a.Space == "xmlns":
		return a.Key, true
	case a.Space == "" && a.Key == "xmlns":
		return "", true
	}
	return "", false
}
