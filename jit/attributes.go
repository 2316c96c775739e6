package jit

import (
	"gatehouse/idp"
)

// The NameFormats that have a name of their own (saml-core §8.2). A rule names
// them by the last part, or another one by its URI. NameFormatBasic is what an
// attribute without one is written with.
const (
	NameFormatBasic       = nameFormats + "basic"
	NameFormatURI         = nameFormats + "uri"
	NameFormatUnspecified = nameFormats + "unspecified"

	nameFormats = "urn:oasis:names:tc:SAML:2.0:attrname-format:"
)

// Attribute is one attribute of an AttributeStatement (saml-core §2.7.3.1).
// No Values means: known, and none (§2.7.3.1.1: AttributeValue is left out).
type Attribute struct {
	Name         string
	NameFormat   string
	FriendlyName string // may be empty
	Type         string // xsi:type of the Values; empty: none is said
	Values       []string
}

// A service provider keeps what it is told in columns, and some refuse long
// statements; past these sizes something is wrong with the record.
const (
	maxName  = 1 << 10  // bytes of a Name, NameFormat or FriendlyName
	maxValue = 4 << 10  // bytes of one value
	maxTotal = 64 << 10 // bytes of all values
)

// defaults are the rules of a SAML app that has none.
func defaults() []idp.AttributeRule {
	return []idp.AttributeRule{
		{Name: "username", Source: sourceUsername},
		{Name: "email", Source: sourceEmail},
		{Name: "givenName", Source: sourceGivenName},
		{Name: "familyName", Source: sourceFamilyName},
		{Name: "displayName", Source: sourceDisplayName},
		{Name: "groups", Source: sourceGroups},
	}
}

// Attributes returns what a SAML app is told of p, in the order of app's
// rules, or of the default ones when it has none. Each Attribute has a Name, a
// NameFormat and values that XML 1.0 carries unchanged. A broken rule, a value
// with a character that XML cannot carry, one that is too long, or what the app
// is known not to take by its template is idp.Invalid; then nothing must be
// signed.
func Attributes(p Person, app idp.App) ([]Attribute, error) {
	rules := app.Attributes
	if len(rules) == 0 {
		rules = defaults()
	}
	attributes := make([]Attribute, 0, len(rules))
	total := 0
	for _, rule := range rules {
		if err := checkRule(idp.ProtocolSAML, rule); err != nil {
			return nil, err
		}
		values, _ := p.values(rule.Source)
		for _, v := range values {
			if !fits(v, maxValue) {
				return nil, idp.Errorf(idp.Invalid, "The value of attribute %q cannot be told to the app: it is too long or has characters that XML does not allow. An admin can correct it in the directory.", rule.Name)
			}
			if !isOf(rule.Type, v) {
				return nil, idp.Errorf(idp.Invalid, "The value of attribute %q is not of the type %s, which its rule names. An admin can correct it.", rule.Name, rule.Type)
			}
			total += len(v)
		}
		if total > maxTotal {
			return nil, idp.Errorf(idp.Invalid, "The attributes are too long together: more than %d KiB. Fewer groups, or fewer attributes for this app, will help.", maxTotal>>10)
		}
		if len(values) == 0 && rule.Source != sourceGroups {
			continue
		}
		attributes = append(attributes, attribute(rule, values))
	}
	if err := limit(app, p.Subject, attributes); err != nil {
		return nil, err
	}
	return attributes, nil
}

// Rules are those by which a SAML app is told of people: its own, or the
// default ones when it has none.
func Rules(app idp.App) []idp.AttributeRule {
	if len(app.Attributes) > 0 || app.Protocol != idp.ProtocolSAML {
		return app.Attributes
	}
	return defaults()
}

func attribute(rule idp.AttributeRule, values []string) Attribute {
	a := Attribute{Name: rule.Name, NameFormat: rule.NameFormat, FriendlyName: rule.FriendlyName, Type: rule.Type, Values: values}
	switch a.NameFormat {
	case "":
		a.NameFormat = NameFormatBasic
	case "basic", "uri", "unspecified":
		a.NameFormat = nameFormats + a.NameFormat
	}
	switch a.Type {
	case "":
		a.Type = typeString
	case typeNone:
		a.Type = ""
	}
	return a
}
