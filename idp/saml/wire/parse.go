package wire

import (
	"bytes"
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"unicode"
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
	maxElements   = 3000
	maxAttributes = 64   // of one element
	maxAllAttr    = 4000 // of all together
	maxUncommon   = 128  // names, see roundTrip
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
	if err := checkNamespaces(root, scope{"xml": {nsXML}}); err != nil {
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
		if err := s.roundTrip(token); err != nil {
			return err
		}
	}
}

type scanner struct {
	comments                                bool
	tokens, depth, roots, count, attributes int
	uncommon
}

// uncommon counts the names that are asked about.
type uncommon int

// roundTrip refuses what Go writes other than it read it. Only names can be such:
// text and values are escaped, and what has no name or is a directive was refused
// before. Names of plain letters are not asked about: each question takes 6 KiB,
// and a message has thousands of tokens. Nobody needs many others.
func (u *uncommon) roundTrip(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		if plainName(t.Name) && !slices.ContainsFunc(t.Attr, func(a xml.Attr) bool { return !plainName(a.Name) }) {
			return nil
		}
	case xml.EndElement:
		if plainName(t.Name) {
			return nil
		}
	case xml.CharData, xml.Comment:
		return nil
	}
	if *u++; *u > maxUncommon {
		return refuse(ErrTooLarge, "too many uncommon names")
	}
	if err := xrv.CheckToken(token); err != nil {
		return refuse(ErrMalformed, "the XML does not survive a round trip")
	}
	return nil
}

// plainName: a name of letters, digits and -_. that begins with a letter or _, and
// such a prefix or none.
func plainName(name xml.Name) bool {
	return plainPart(name.Local) && (name.Space == "" || plainPart(name.Space))
}

func plainPart(part string) bool {
	for i := range len(part) {
		switch c := part[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
		case i > 0 && ('0' <= c && c <= '9' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return part != ""
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
		if s.depth == 0 && len(bytes.TrimSpace(t)) != 0 {
			return refuse(ErrMalformed, "text outside the root element")
		}
	case xml.EndElement:
		s.depth--
	case xml.StartElement:
		return s.start(t)
	}
	return nil
}

func (s *scanner) start(t xml.StartElement) error {
	if s.depth == 0 {
		s.roots++
	}
	s.depth++
	s.count++
	s.attributes += len(t.Attr)
	switch {
	case s.roots > 1:
		return refuse(ErrMalformed, "more than one root element")
	case s.depth > maxDepth:
		return refuse(ErrMalformed, "elements are nested too deeply")
	case s.count > maxElements:
		return refuse(ErrTooLarge, "too many elements")
	case len(t.Attr) > maxAttributes, s.attributes > maxAllAttr:
		return refuse(ErrTooLarge, "too many attributes")
	}
	return checkNames(t)
}

// checkNames refuses a name with two colons, a part of one that does not begin as a
// name does (Namespaces in XML 1.0 §3; Go looks at the whole of it), and an
// attribute that is there twice.
func checkNames(t xml.StartElement) error {
	if err := checkName(t.Name); err != nil {
		return err
	}
	for i, a := range t.Attr {
		if err := checkName(a.Name); err != nil {
			return err
		}
		for _, b := range t.Attr[:i] {
			if a.Name == b.Name {
				return refuse(ErrMalformed, "an attribute is repeated")
			}
		}
	}
	return nil
}

func checkName(name xml.Name) error {
	if strings.Contains(name.Local, ":") {
		return refuse(ErrMalformed, "a name has two colons")
	}
	for _, part := range []string{name.Space, name.Local} {
		if r, _ := utf8.DecodeRuneInString(part); part != "" && r != '_' && !unicode.IsLetter(r) {
			return refuse(ErrMalformed, "a name does not begin with a letter")
		}
	}
	return nil
}

func (s *scanner) end() error {
	if s.roots != 1 || s.depth != 0 {
		return refuse(ErrMalformed, "no complete root element")
	}
	return nil
}

// scope has the namespaces of the prefixes in force, innermost last. One serves a
// whole document: what an element declares is taken back when it ends.
type scope map[string][]string

func (in scope) of(prefix string) (ns string, ok bool) {
	all := in[prefix]
	if len(all) == 0 {
		return "", false
	}
	return all[len(all)-1], true
}

// uri is of, for what writes.
func (in scope) uri(prefix string) string {
	ns, _ := in.of(prefix)
	return ns
}

// checkNamespaces refuses what Namespaces in XML 1.0 forbids and encoding/xml
// lets pass: etree and goxmldsig look prefixes up by themselves and would
// otherwise see different names.
func checkNamespaces(el *etree.Element, in scope) error {
	if err := in.enter(el); err != nil {
		return err
	}
	defer in.leave(el)
	if err := in.check(el); err != nil {
		return err
	}
	for child := range el.ChildElementsSeq() {
		if err := checkNamespaces(child, in); err != nil {
			return err
		}
	}
	return nil
}

// check refuses an undeclared prefix of el, and an attribute that it has twice
// under two prefixes; el has been entered.
func (in scope) check(el *etree.Element) error {
	if _, ok := in.of(el.Space); el.Space != "" && !ok {
		return refuse(ErrMalformed, "an element has an undeclared prefix")
	}
	for i, a := range el.Attr {
		if a.Space == "" || a.Space == "xmlns" {
			continue
		}
		ns, ok := in.of(a.Space)
		if !ok {
			return refuse(ErrMalformed, "an attribute has an undeclared prefix")
		}
		for _, b := range el.Attr[:i] {
			if b.Key != a.Key || b.Space == "" || b.Space == "xmlns" {
				continue
			}
			if other, _ := in.of(b.Space); other == ns {
				return refuse(ErrMalformed, "an attribute is repeated under two prefixes")
			}
		}
	}
	return nil
}

// enter adds what el declares; after an error the scope is of no more use.
func (in scope) enter(el *etree.Element) error {
	for _, a := range el.Attr {
		prefix, ok := declares(a)
		if !ok {
			continue
		}
		switch {
		case prefix == "xml" && a.Value == nsXML:
		case prefix == "xml", prefix == "xmlns", a.Value == nsXML, a.Value == nsXMLNS:
			return refuse(ErrMalformed, "a reserved namespace is declared")
		case prefix != "" && a.Value == "":
			return refuse(ErrMalformed, "a prefix is declared empty")
		}
		in[prefix] = append(in[prefix], a.Value)
	}
	return nil
}

func (in scope) leave(el *etree.Element) {
	for _, a := range el.Attr {
		if prefix, ok := declares(a); ok {
			in[prefix] = in[prefix][:len(in[prefix])-1]
		}
	}
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
