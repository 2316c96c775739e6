package jit

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/idp"
)

func samlApp(rules ...idp.AttributeRule) idp.App {
	return idp.App{Protocol: idp.ProtocolSAML, Attributes: rules}
}

func basic(name string, values ...string) Attribute {
	return Attribute{Name: name, NameFormat: NameFormatBasic, Type: "xs:string", Values: values}
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	nobody := Person{User: idp.User{Username: "bob"}}
	const uri = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
	tests := []struct {
		name   string
		person Person
		app    idp.App
		want   []Attribute
	}{
		{"an app without rules gets the defaults", alice(), samlApp(), []Attribute{
			basic("username", "alice"), basic("email", "alice@example.com"), basic("givenName", "Alice"),
			basic("familyName", "Adams"), basic("displayName", "Alice Adams"), basic("groups", "editors", "staff"),
		}},
		{"what is not known is left out, no groups is said", nobody, samlApp(), []Attribute{
			basic("username", "bob"), basic("displayName", "bob"), {Name: "groups", NameFormat: NameFormatBasic, Type: "xs:string", Values: []string{}},
		}},
		{"rules are the whole statement, in their order", alice(), samlApp(
			idp.AttributeRule{Name: "urn:oid:0.9.2342.19200300.100.1.3", NameFormat: uri, FriendlyName: "mail", Source: "email"},
			idp.AttributeRule{Name: "Role", Source: "role"},
			idp.AttributeRule{Name: "license", Source: "const:a & b ]]> <c>"},
		), []Attribute{
			{Name: "urn:oid:0.9.2342.19200300.100.1.3", NameFormat: uri, FriendlyName: "mail", Type: "xs:string", Values: []string{"alice@example.com"}},
			basic("Role", "editor"), basic("license", "a & b ]]> <c>"),
		}},
		{"names, formats and types are as the rules say", alice(), samlApp(
			idp.AttributeRule{Name: "a", NameFormat: "uri", Type: "xs:anyURI", Source: "const:https://example.com"},
			idp.AttributeRule{Name: "b", NameFormat: "unspecified", Type: "xs:integer", Source: "const:-12"},
			idp.AttributeRule{Name: "c", NameFormat: "basic", Type: "xs:boolean", Source: "const:1"},
			idp.AttributeRule{Name: "d", NameFormat: "urn:own", Type: "none", Source: "username"},
		), []Attribute{
			{Name: "a", NameFormat: uri, Type: "xs:anyURI", Values: []string{"https://example.com"}},
			{Name: "b", NameFormat: NameFormatUnspecified, Type: "xs:integer", Values: []string{"-12"}},
			{Name: "c", NameFormat: NameFormatBasic, Type: "xs:boolean", Values: []string{"1"}},
			{Name: "d", NameFormat: "urn:own", Values: []string{"alice"}},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Attributes(tt.person, tt.app)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSA31ValuesThatXMLCannotCarryAreRefused(t *testing.T) {
	t.Parallel()
	refused := map[string]string{
		"NUL": "a\x00b", "vertical tab": "a\x0bb", "noncharacter U+FFFE": "a\uFFFEb", "noncharacter U+FFFF": "a\uFFFFb",
		"carriage return, which a parser would change": "a\rb", "escape": "\x1b[31m",
		"broken UTF-8": "a\xffb", "an encoded surrogate": "a\xed\xa0\x80b", "1 MB of text": strings.Repeat("x", 1<<20),
	}
	for name, value := range refused {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := alice()
			p.User.DisplayName = value
			if got, err := Attributes(p, samlApp()); !idp.IsKind(err, idp.Invalid) || got != nil {
				t.Errorf("as a name: got %v, %v", got, err)
			}
			p = alice()
			p.Groups = append(p.Groups, value)
			if _, err := Attributes(p, samlApp()); !idp.IsKind(err, idp.Invalid) {
				t.Errorf("as a group: got %v", err)
			}
			if _, err := Attributes(alice(), samlApp(idp.AttributeRule{Name: "a", Source: "const:" + value})); !idp.IsKind(err, idp.Invalid) {
				t.Errorf("as a constant: got %v", err)
			}
			if _, err := Attributes(alice(), samlApp(idp.AttributeRule{Name: "a" + value, Source: "email"})); !idp.IsKind(err, idp.Invalid) {
				t.Errorf("as an attribute's name: got %v", err)
			}
		})
	}
	for name, value := range map[string]string{
		"markup": `]]> & < > " '`, "line feed and tab": "a\n\tb", "emoji": "Zoë 🦊", "private use": "\uE000", "last allowed": "\uFFFD\U0010FFFF",
	} {
		t.Run("told unchanged: "+name, func(t *testing.T) {
			t.Parallel()
			p := alice()
			p.User.DisplayName = value
			if _, err := Attributes(p, samlApp()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAValueThatIsNotOfItsTypeIsNotTold(t *testing.T) {
	t.Parallel()
	for kind, value := range map[string]string{"xs:integer": "alice", "xs:boolean": "yes"} {
		p := alice()
		p.User.Username = value
		if _, err := Attributes(p, samlApp(idp.AttributeRule{Name: "a", Type: kind, Source: "username"})); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%s %q: %v", kind, value, err)
		}
	}
}

func TestAttributesTooLongTogetherAreRefused(t *testing.T) {
	t.Parallel()
	p := alice()
	for range 40 {
		p.Groups = append(p.Groups, strings.Repeat("g", len(p.Groups))+strings.Repeat("x", 2000))
	}
	if _, err := Attributes(p, samlApp()); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("got %v", err)
	}
}

func TestCheckRules(t *testing.T) {
	t.Parallel()
	rule := func(name, source string) idp.AttributeRule { return idp.AttributeRule{Name: name, Source: source} }
	tests := []struct {
		name     string
		protocol idp.Protocol
		rules    []idp.AttributeRule
		ok       bool
	}{
		{"none", idp.ProtocolOIDC, nil, true},
		{"every source", idp.ProtocolSAML, []idp.AttributeRule{
			rule("a", "username"), rule("b", "email"), rule("c", "display_name"), rule("d", "given_name"), rule("e", "family_name"),
			rule("f", "groups"), rule("g", "role"), rule("h", "id"), rule("i", "subject"), rule("j", "const:"),
		}, true},
		{"unknown source", idp.ProtocolOIDC, []idp.AttributeRule{rule("a", "password")}, false},
		{"no source", idp.ProtocolOIDC, []idp.AttributeRule{rule("a", "")}, false},
		{"no name", idp.ProtocolSAML, []idp.AttributeRule{rule("", "email")}, false},
		{"name with a line feed", idp.ProtocolSAML, []idp.AttributeRule{rule("a\nb", "email")}, false},
		{"friendly name with a tab", idp.ProtocolSAML, []idp.AttributeRule{{Name: "a", FriendlyName: "a\tb", Source: "email"}}, false},
		{"a format by its word", idp.ProtocolSAML, []idp.AttributeRule{{Name: "a", NameFormat: "unspecified", Source: "email"}}, true},
		{"a format that is neither word nor URI", idp.ProtocolSAML, []idp.AttributeRule{{Name: "a", NameFormat: "url", Source: "email"}}, false},
		{"an unknown type", idp.ProtocolSAML, []idp.AttributeRule{{Name: "a", Type: "xs:date", Source: "email"}}, false},
		{"a constant of its type", idp.ProtocolSAML, []idp.AttributeRule{{Name: "a", Type: "xs:integer", Source: "const:+007"}}, true},
		{"a constant that is not of its type", idp.ProtocolSAML, []idp.AttributeRule{{Name: "a", Type: "xs:integer", Source: "const:+-7"}}, false},
		{"no digits are no integer", idp.ProtocolSAML, []idp.AttributeRule{{Name: "a", Type: "xs:integer", Source: "const:-"}}, false},
		{"the same name twice", idp.ProtocolSAML, []idp.AttributeRule{rule("a", "email"), rule("a", "username")}, false},
		{"a protocol claim", idp.ProtocolOIDC, []idp.AttributeRule{rule("sub", "email")}, false},
		{"the same name is free in SAML", idp.ProtocolSAML, []idp.AttributeRule{rule("sub", "email")}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := CheckRules(tt.protocol, tt.rules)
			if (err == nil) != tt.ok || err != nil && !idp.IsKind(err, idp.Invalid) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// FuzzAttributes: what is not refused arrives through an XML parser as it left.
func FuzzAttributes(f *testing.F) {
	for _, s := range []string{"plain", "]]>", "a\x00b", "\r\n", "\uFFFE", "é&<", "a\xff"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, name, group string) {
		attributes, err := Attributes(Person{User: idp.User{DisplayName: name}, Groups: []string{group}}, samlApp())
		if err != nil {
			return
		}
		for _, a := range attributes {
			for _, v := range a.Values {
				var b strings.Builder
				b.WriteString("<v>")
				for _, r := range v { // the least escaping a serializer must do
					switch r {
					case '<':
						b.WriteString("&lt;")
					case '>':
						b.WriteString("&gt;")
					case '&':
						b.WriteString("&amp;")
					default:
						b.WriteRune(r)
					}
				}
				b.WriteString("</v>")
				var back string
				if err := xml.Unmarshal([]byte(b.String()), &back); err != nil || back != v {
					t.Errorf("%q came back as %q, %v", v, back, err)
				}
			}
		}
	})
}
