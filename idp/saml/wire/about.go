package wire

import "github.com/beevik/etree"

// NSUI is the namespace of what a discovery page shows of an entity (SAML
// Metadata Extensions for Login and Discovery User Interface 1.0).
const NSUI = "urn:oasis:names:tc:SAML:metadata:ui"

// About says who runs an entity, in one language. Its zero value says nothing.
type About struct {
	Language string // BCP 47, of the names
	// DisplayName is what people know the entity by.
	DisplayName string
	// Organization and OrganizationURL are who runs it (SAML Metadata
	// §2.3.2.1); both or none.
	Organization, OrganizationURL string
	Contacts                      []Contact
}

// Contact is whom to write to (SAML Metadata §2.3.2.2).
type Contact struct {
	Type  string // technical, support, administrative, billing or other
	Email string
}

// ContactTypes are the values of md:ContactTypeType.
func ContactTypes() []string {
	return []string{"technical", "support", "administrative", "billing", "other"}
}

// introduce puts the names into a role, before its keys as the schema wants.
func (a About) introduce(role *etree.Element) {
	if a.DisplayName == "" {
		return
	}
	extensions := etree.NewElement("md:Extensions")
	info := extensions.CreateElement("mdui:UIInfo")
	info.CreateAttr("xmlns:mdui", NSUI)
	a.named(info, "mdui:DisplayName", a.DisplayName)
	role.InsertChildAt(0, extensions)
}

// sign puts who runs it at the end of an entity.
func (a About) sign(entity *etree.Element) {
	if a.Organization != "" {
		org := entity.CreateElement("md:Organization")
		a.named(org, "md:OrganizationName", a.Organization)
		a.named(org, "md:OrganizationDisplayName", a.Organization)
		a.named(org, "md:OrganizationURL", a.OrganizationURL)
	}
	for _, c := range a.Contacts {
		person := entity.CreateElement("md:ContactPerson")
		person.CreateAttr("contactType", c.Type)
		person.CreateElement("md:EmailAddress").SetText("mailto:" + c.Email)
	}
}

func (a About) named(parent *etree.Element, tag, text string) {
	el := parent.CreateElement(tag)
	el.CreateAttr("xml:lang", a.Language)
	el.SetText(text)
}
