package wire

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/beevik/etree"
)

const (
	// MaxRedacted bounds what Redacted returns, in bytes.
	MaxRedacted = 8 << 10

	maxRedactedText = 300 // bytes of one text
)

// Redacted is a message as somebody may read it who looks for what was wrong with
// it: indented, without whom it is about and without what could be used again.
// The text of an element, and the value of an attribute, is there where it is one
// of the protocol's; of any other it says how long it is. Extensions are left out.
func Redacted(root *etree.Element) string {
	var r redactor
	r.element(root, 0)
	if r.cut {
		r.b.WriteString("<!-- the rest is left out -->\n")
	}
	return r.b.String()
}

// tellable are the attributes and elements that say nothing of a person.
var (
	tellableAttributes = named("ID", "Version", "IssueInstant", "Destination", "AssertionConsumerServiceURL", "AssertionConsumerServiceIndex",
		"ProtocolBinding", "AttributeConsumingServiceIndex", "ForceAuthn", "IsPassive", "ProviderName", "Format", "SPNameQualifier", "NameQualifier",
		"AllowCreate", "Comparison", "Algorithm", "URI", "PrefixList", "NotOnOrAfter", "Reason", "InResponseTo", "Value", "Consent")
	tellableTexts = named("Issuer", "AuthnContextClassRef", "AuthnContextDeclRef", "RequesterID")
)

func named(names ...string) map[string]bool {
	set := map[string]bool{}
	for _, n := range names {
		set[n] = true
	}
	return set
}

type redactor struct {
	b   strings.Builder
	cut bool
}

func (r *redactor) element(el *etree.Element, depth int) {
	if r.cut = r.cut || r.b.Len() > MaxRedacted-1024-maxRedactedText*len(el.Attr); r.cut {
		return
	}
	indent := strings.Repeat("  ", min(depth, 20))
	r.b.WriteString(indent + "<" + clipped(el.FullTag()))
	for _, a := range el.Attr {
		value := clipped(a.Value)
		if _, namespace := declares(a); !namespace && !tellableAttributes[a.Key] {
			value = leftOut(a.Value)
		}
		r.b.WriteString(" " + clipped(a.FullKey()) + `="` + escaped(value) + `"`)
	}
	children, text := el.ChildElements(), strings.TrimSpace(el.Text())
	switch {
	case Is(el, NSProtocol, "Extensions"):
		r.b.WriteString("/><!-- left out -->\n")
	case len(children) > 0:
		r.b.WriteString(">\n")
		for _, c := range children {
			r.element(c, depth+1)
		}
		r.b.WriteString(indent + "</" + clipped(el.FullTag()) + ">\n")
	case text == "":
		r.b.WriteString("/>\n")
	default:
		if tellableTexts[el.Tag] {
			text = clipped(text)
		} else {
			text = leftOut(text)
		}
		r.b.WriteString(">" + escaped(text) + "</" + clipped(el.FullTag()) + ">\n")
	}
}

func leftOut(text string) string { return fmt.Sprintf("(%d bytes left out)", len(text)) }

func clipped(text string) string {
	if len(text) > maxRedactedText {
		return strings.ToValidUTF8(text[:maxRedactedText], "") + "..."
	}
	return text
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}
