package wire

import (
	"slices"
	"strconv"

	"github.com/beevik/etree"
)

// AttributeService is an AttributeConsumingService (SAML Metadata §2.4.4.1):
// the Names of the attributes that a service provider asks for under an index.
type AttributeService struct {
	Index int
	Names []string
}

// attributeServices reads those that have an index and ask for something. A
// repeated index is refused.
func attributeServices(role *etree.Element) ([]AttributeService, error) {
	var out []AttributeService
	for _, el := range Children(role, NSMetadata, "AttributeConsumingService") {
		index, err := indexAttr(el, "index")
		if err != nil {
			return nil, err
		}
		s := AttributeService{}
		for _, wanted := range Children(el, NSMetadata, "RequestedAttribute") {
			if name := Attr(wanted, "Name"); name != "" && !slices.Contains(s.Names, name) {
				s.Names = append(s.Names, name)
			}
		}
		if index == nil || len(s.Names) == 0 {
			continue
		}
		s.Index = *index
		if slices.ContainsFunc(out, func(other AttributeService) bool { return other.Index == s.Index }) {
			return nil, refuse(ErrMalformed, "an index is repeated")
		}
		out = append(out, s)
	}
	return out, nil
}

// element is the md:AttributeConsumingService; the schema wants it to have a
// name that people can read.
func (s AttributeService) element() *etree.Element {
	el := etree.NewElement("md:AttributeConsumingService")
	el.CreateAttr("index", strconv.Itoa(s.Index))
	name := el.CreateElement("md:ServiceName")
	name.CreateAttr("xml:lang", "en")
	name.SetText("Service " + strconv.Itoa(s.Index))
	for _, wanted := range s.Names {
		el.CreateElement("md:RequestedAttribute").CreateAttr("Name", wanted)
	}
	return el
}
