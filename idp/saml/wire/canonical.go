package wire

import (
	"cmp"
	"slices"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// writer writes a tree down, without a copy of it: as a document, with all
// attributes as they stand, or where canonical is set in exclusive canonical form
// (Exclusive XML Canonicalization §3, without comments). Texts come out the same
// both ways, so that what was signed is what is read.
type writer struct {
	b         []byte
	canonical bool
	inherited []etree.Attr // of a document: declarations for its first element
	inclusive []string     // canonical: prefixes that are written wherever they are declared (PrefixList)
	rendered  []namespace  // canonical: what the elements around have declared in b
	attrs     []etree.Attr // canonical: of the element at hand, in order
}

// namespace is one declaration.
type namespace struct{ prefix, uri string }

// room is enough for most messages.
const room = 4 << 10

// Serialize writes el so that every signature in it stays valid when it is read
// again: canonical escapes, and the namespaces that it inherits declared on it.
// Comments are left out, and characters that XML cannot carry become U+FFFD, as
// when it is signed.
func Serialize(el *etree.Element) []byte {
	w := writer{b: make([]byte, 0, room), inherited: inherited(el)}
	w.write(el)
	return w.b
}

// canonical is the octets of el that are signed.
func canonical(el *etree.Element) []byte {
	w := writer{b: make([]byte, 0, room), canonical: true}
	w.write(el)
	return w.b
}

// inherited are the namespace declarations in force at el that it does not make
// itself.
func inherited(el *etree.Element) []etree.Attr {
	var all []etree.Attr
	for up := el.Parent(); up != nil; up = up.Parent() {
		for _, a := range up.Attr {
			prefix, ok := declares(a)
			if ok && !hasDeclaration(el.Attr, prefix) && !hasDeclaration(all, prefix) {
				all = append(all, a)
			}
		}
	}
	return all
}

func hasDeclaration(attrs []etree.Attr, prefix string) bool {
	return slices.ContainsFunc(attrs, func(a etree.Attr) bool {
		p, ok := declares(a)
		return ok && p == prefix
	})
}

// write appends el and what is in it.
func (w *writer) write(el *etree.Element) {
	around := len(w.rendered)
	w.b = append(w.b, '<')
	w.name(el.Space, el.Tag)
	if w.canonical {
		w.exclusive(el, (*within)(el))
	} else {
		w.all(el)
	}
	w.b = append(w.b, '>')
	for _, child := range el.Child {
		switch child := child.(type) {
		case *etree.Element:
			w.write(child)
		case *etree.CharData:
			w.escape(child.Data, false)
		}
	}
	w.b = append(w.b, '<', '/')
	w.name(el.Space, el.Tag)
	w.b = append(w.b, '>')
	w.rendered = w.rendered[:around]
}

func (w *writer) name(space, local string) {
	if space != "" {
		w.b = append(append(w.b, space...), ':')
	}
	w.b = append(w.b, local...)
}

func (w *writer) attr(space, key, value string) {
	w.b = append(w.b, ' ')
	w.name(space, key)
	w.b = append(w.b, '=', '"')
	w.escape(value, true)
	w.b = append(w.b, '"')
}

// all writes the attributes of el as they stand, and on the first element the
// declarations that it inherits.
func (w *writer) all(el *etree.Element) {
	for _, a := range el.Attr {
		w.attr(a.Space, a.Key, a.Value)
	}
	for _, a := range w.inherited {
		w.attr(a.Space, a.Key, a.Value)
	}
	w.inherited = nil
}

// namespaces says what a prefix stands for; nothing for one that is not declared.
type namespaces interface{ uri(prefix string) string }

// within is an element of a tree, for the namespaces in force at it.
type within etree.Element

func (el *within) uri(prefix string) string { return inScope((*etree.Element)(el), prefix) }

// exclusive writes the namespaces that el makes visible use of and no element
// around has declared, by prefix, and then its attributes, by namespace and name.
func (w *writer) exclusive(el *etree.Element, in namespaces) {
	here := len(w.rendered)
	w.declare(el.Space, in)
	w.attrs = w.attrs[:0]
	for _, a := range el.Attr {
		if _, ok := declares(a); ok {
			continue
		}
		if a.Space != "" {
			w.declare(a.Space, in)
		}
		w.attrs = append(w.attrs, a)
	}
	for _, prefix := range w.inclusive {
		if prefix == "" || in.uri(prefix) != "" {
			w.declare(prefix, in)
		}
	}
	slices.SortFunc(w.rendered[here:], byPrefix)
	w.declarations(w.rendered[here:])
	slices.SortFunc(w.attrs, func(a, b etree.Attr) int {
		return cmp.Or(cmp.Compare(uriOf(in, a.Space), uriOf(in, b.Space)), cmp.Compare(a.Key, b.Key))
	})
	w.attributes()
}

func byPrefix(a, b namespace) int { return cmp.Compare(a.prefix, b.prefix) }

func (w *writer) declarations(all []namespace) {
	for _, n := range all {
		if n.prefix == "" {
			w.attr("", "xmlns", n.uri)
		} else {
			w.attr("xmlns", n.prefix, n.uri)
		}
	}
}

// attributes writes those of the element at hand.
func (w *writer) attributes() {
	for _, a := range w.attrs {
		w.attr(a.Space, a.Key, a.Value)
	}
}

// declare notes that the element at hand uses prefix, unless an element around it,
// or it itself, has declared it already.
func (w *writer) declare(prefix string, in namespaces) {
	if prefix == "xml" {
		return
	}
	uri := in.uri(prefix)
	for _, n := range slices.Backward(w.rendered) {
		if n.prefix == prefix {
			if n.uri == uri {
				return
			}
			break
		}
	}
	if prefix == "" && uri == "" && !slices.ContainsFunc(w.rendered, func(n namespace) bool { return n.prefix == "" }) {
		return
	}
	w.rendered = append(w.rendered, namespace{prefix, uri})
}

// uriOf is the namespace of an attribute; one without a prefix has none.
func uriOf(in namespaces, prefix string) string {
	switch prefix {
	case "":
		return ""
	case "xml":
		return nsXML
	}
	return in.uri(prefix)
}

// inScope is what prefix stands for at el.
func inScope(el *etree.Element, prefix string) string {
	for ; el != nil; el = el.Parent() {
		for _, a := range el.Attr {
			if p, ok := declares(a); ok && p == prefix {
				return a.Value
			}
		}
	}
	return ""
}

// escape appends text as canonical XML has it (Canonical XML 1.0 §2.3). What XML
// cannot carry becomes U+FFFD.
func (w *writer) escape(text string, attr bool) {
	last := 0
	for i, r := range text {
		var to string
		switch {
		case r == '&':
			to = "&amp;"
		case r == '<':
			to = "&lt;"
		case r == '\r':
			to = "&#xD;"
		case r == '>' && !attr:
			to = "&gt;"
		case r == '"' && attr:
			to = "&quot;"
		case r == '\t' && attr:
			to = "&#x9;"
		case r == '\n' && attr:
			to = "&#xA;"
		case r < ' ' && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF, r == utf8.RuneError:
			to = "\uFFFD"
		default:
			continue
		}
		w.b = append(append(w.b, text[last:i]...), to...)
		_, width := utf8.DecodeRuneInString(text[i:])
		last = i + width
	}
	w.b = append(w.b, text[last:]...)
}
