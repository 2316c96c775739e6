package wire

import (
	"strconv"
	"strings"

	"github.com/beevik/etree"
)

// Text returns the whole text of el, CDATA sections included. It refuses
// (ErrMalformed) an element that holds anything but text, so that a comment can
// never cut a NameID short (CVE-2017-11427 and its family).
func Text(el *etree.Element) (string, error) {
	var text string
	for i, child := range el.Child {
		data, ok := child.(*etree.CharData)
		if !ok {
			return "", refuse(ErrMalformed, "a text value holds more than text")
		}
		if i == 0 {
			text = data.Data
			continue
		}
		text += data.Data
	}
	return text, nil
}

// detach returns a copy of el that has no parent and declares the namespaces
// that it inherited.
func detach(el *etree.Element) *etree.Element {
	out := el.Copy()
	out.Attr = append(out.Attr, inherited(el)...)
	return out
}

// Is reports whether el is the element tag of namespace ns.
func Is(el *etree.Element, ns, tag string) bool {
	return el != nil && el.Tag == tag && el.NamespaceURI() == ns
}

// Children returns the direct children of el named tag in namespace ns.
func Children(el *etree.Element, ns, tag string) []*etree.Element {
	var out []*etree.Element
	for child := range el.ChildElementsSeq() {
		if Is(child, ns, tag) {
			out = append(out, child)
		}
	}
	return out
}

// Child returns the direct child of el named tag in namespace ns, nil when it
// is absent, and ErrMalformed when there are several.
func Child(el *etree.Element, ns, tag string) (*etree.Element, error) {
	all := Children(el, ns, tag)
	switch len(all) {
	case 0:
		return nil, nil
	case 1:
		return all[0], nil
	}
	return nil, refuse(ErrMalformed, "more than one "+tag)
}

// Attr returns the attribute of el that has no prefix, or "". etree's own
// lookup would also match a prefixed attribute of the same local name.
func Attr(el *etree.Element, key string) string {
	v, _ := lookupAttr(el, key)
	return v
}

func lookupAttr(el *etree.Element, key string) (string, bool) {
	for _, a := range el.Attr {
		if a.Space == "" && a.Key == key {
			return a.Value, true
		}
	}
	return "", false
}

// childText is the trimmed text of an optional child; "" when absent.
func childText(el *etree.Element, ns, tag string) (string, error) {
	child, err := Child(el, ns, tag)
	if err != nil || child == nil {
		return "", err
	}
	return trimmedText(child)
}

func trimmedText(el *etree.Element) (string, error) {
	text, err := Text(el)
	return strings.TrimSpace(text), err
}

// boolAttr reads an xs:boolean attribute; nil when absent.
func boolAttr(el *etree.Element, key string) (*bool, error) {
	text, ok := lookupAttr(el, key)
	if !ok {
		return nil, nil
	}
	var v bool
	switch text {
	case "true", "1":
		v = true
	case "false", "0":
	default:
		return nil, refuse(ErrMalformed, key+" is not a boolean")
	}
	return &v, nil
}

// indexAttr reads an xs:unsignedShort attribute; nil when absent.
func indexAttr(el *etree.Element, key string) (*int, error) {
	text, ok := lookupAttr(el, key)
	if !ok {
		return nil, nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, refuse(ErrMalformed, key+" is not an index")
	}
	v := int(n)
	return &v, nil
}

// walk visits el and all elements below it until visit fails.
func walk(el *etree.Element, visit func(*etree.Element) error) error {
	if err := visit(el); err != nil {
		return err
	}
	for child := range el.ChildElementsSeq() {
		if err := walk(child, visit); err != nil {
			return err
		}
	}
	return nil
}

// top is the outermost element of the document that el stands in.
func top(el *etree.Element) *etree.Element {
	for el.Parent() != nil {
		el = el.Parent()
	}
	return el
}

// element makes an element with its namespace prefix declared on it.
func element(prefix, ns, tag string) *etree.Element {
	el := etree.NewElement(prefix + ":" + tag)
	el.CreateAttr("xmlns:"+prefix, ns)
	return el
}

// setAttr sets an attribute unless its value is empty.
func setAttr(el *etree.Element, key, value string) {
	if value != "" {
		el.CreateAttr(key, value)
	}
}

// stripSpace drops the line breaks and indentation of wrapped base64.
func stripSpace(text string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\r', '\n':
			return -1
		}
		return r
	}, text)
}
