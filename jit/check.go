package jit

import (
	"slices"
	"strings"
	"unicode/utf8"

	"gatehouse/idp"
)

// CheckRules says whether an app of this protocol may have these rules: each
// has a name that is told once, a known source, and only characters that can
// be told. It answers idp.Invalid with a sentence for the admin who wrote them.
func CheckRules(protocol idp.Protocol, rules []idp.AttributeRule) error {
	seen := make(map[string]bool, len(rules))
	for _, rule := range rules {
		if err := checkRule(protocol, rule); err != nil {
			return err
		}
		if seen[rule.Name] {
			return idp.Errorf(idp.Invalid, "The attribute %q has two rules. Give it one.", rule.Name)
		}
		seen[rule.Name] = true
	}
	return nil
}

func checkRule(protocol idp.Protocol, rule idp.AttributeRule) error {
	if rule.Name == "" || !plainName(rule.Name) || !plainName(rule.NameFormat) || !plainName(rule.FriendlyName) {
		return idp.Errorf(idp.Invalid, "The attribute rule %q needs a name of at most %d bytes without control characters.", rule.Name, maxName)
	}
	if protocol == idp.ProtocolSAML && !strings.Contains(rule.NameFormat, ":") && !slices.Contains([]string{"", "basic", "uri", "unspecified"}, rule.NameFormat) {
		return idp.Errorf(idp.Invalid, "The NameFormat of attribute %q is basic, uri, unspecified or a URI.", rule.Name)
	}
	if !slices.Contains(types(), rule.Type) {
		return idp.Errorf(idp.Invalid, "The type of attribute %q is one of xs:string, xs:boolean, xs:integer, xs:anyURI, none.", rule.Name)
	}
	if protocol == idp.ProtocolOIDC && protocolClaim(rule.Name) {
		return idp.Errorf(idp.Invalid, "The claim %q belongs to OpenID Connect itself and cannot have a rule.", rule.Name)
	}
	if _, ok := (Person{}).values(rule.Source); !ok {
		return idp.Errorf(idp.Invalid, "The attribute %q has an unknown source %q. Known are username, email, display_name, given_name, family_name, groups, role, id, subject and const:TEXT.", rule.Name, rule.Source)
	}
	if text, ok := strings.CutPrefix(rule.Source, constPrefix); ok && !(fits(text, maxValue) && isOf(rule.Type, text)) {
		return idp.Errorf(idp.Invalid, "The constant of attribute %q is too long, has characters that XML does not allow, or is not of its type.", rule.Name)
	}
	return nil
}

// Types of attribute values (XML Schema Part 2). typeNone leaves it out.
const (
	typeString  = "xs:string"
	typeBoolean = "xs:boolean"
	typeInteger = "xs:integer"
	typeURI     = "xs:anyURI"
	typeNone    = "none"
)

func types() []string { return []string{"", typeString, typeBoolean, typeInteger, typeURI, typeNone} }

// isOf reports whether v is in the lexical space of a type: a service provider
// that validates would refuse the whole assertion.
func isOf(kind, v string) bool {
	switch kind {
	case typeBoolean:
		return slices.Contains([]string{"true", "false", "1", "0"}, v)
	case typeInteger:
		digits := strings.TrimPrefix(strings.TrimPrefix(v, "-"), "+")
		return digits != "" && len(v) <= len(digits)+1 && strings.Trim(digits, "0123456789") == ""
	}
	return true
}

// fits reports whether s is at most limit bytes of UTF-8 and arrives in XML as
// it left.
func fits(s string, limit int) bool {
	if len(s) > limit || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !xmlChar(r) {
			return false
		}
	}
	return true
}

// xmlChar is Char of XML 1.0 §2.2 without the carriage return: a parser turns
// a literal one into a line feed (§2.11), which would break the signature.
func xmlChar(r rune) bool {
	return r == '\t' || r == '\n' ||
		r >= 0x20 && r <= 0xD7FF ||
		r >= 0xE000 && r <= 0xFFFD ||
		r >= 0x10000 && r <= 0x10FFFF
}

// plainName: what becomes an XML attribute's value has no white space but the
// blank, which attribute-value normalization (XML 1.0 §3.3.3) would change.
func plainName(s string) bool {
	return fits(s, maxName) && !strings.ContainsAny(s, "\t\n")
}
