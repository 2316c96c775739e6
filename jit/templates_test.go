package jit

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"gatehouse/idp"
)

func TestTemplatesAreValid(t *testing.T) {
	t.Parallel()
	all, err := Templates()
	if err != nil {
		t.Fatal(err)
	}
	saml := 0
	for _, one := range all {
		if one.Speaks(idp.ProtocolSAML) {
			saml++
		}
		if len(one.Facts()) == 0 {
			t.Errorf("%s says nothing", one.ID)
		}
	}
	if saml < 22 {
		t.Errorf("%d templates of SAML apps", saml)
	}
}

// A template that would mislead whoever trusts it is not taken.
func TestABadTemplateIsRefused(t *testing.T) {
	t.Parallel()
	const good = `
id: acme
name: Acme
protocols: [saml]
asks: [{name: ws, label: Workspace, hint: Its name, kind: label}]
entity_id: https://{ws}.acme.example
acs: https://{ws}.acme.example/saml
nameid: {format: persistent, source: pairwise}
attributes: [{name: mail, source: email, required: true}]
warnings: [Beware]
sources: [{url: "https://acme.example/docs", read_on: 2026-01-02, says: [acs, attributes/mail, warnings/1]}]
`
	one, err := parseTemplate([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	for path, verified := range map[string]bool{"acs": true, "attributes/mail": true, "warnings/1": true, "nameid": false, "entity_id": false} {
		if one.Verified(path) != verified {
			t.Errorf("%s is verified: %v", path, !verified)
		}
	}
	for name, change := range map[string][2]string{
		"an unknown key":                       {"name: Acme", "nmae: Acme"},
		"a placeholder that nobody asks for":   {"/saml", "/{other}"},
		"an answer that is used nowhere":       {"{ws}.acme", "acme"},
		"an unknown kind of answer":            {"kind: label", "kind: text"},
		"an unknown NameID format":             {"format: persistent", "format: friendly"},
		"an unknown source":                    {"source: email", "source: password"},
		"a persistent NameID from a source":    {"source: pairwise", "source: id"},
		"a required attribute without source":  {"source: email, ", ""},
		"an administrator without a warning":   {"required: true", "admin: root"},
		"a loss of data without a warning":     {"warnings: [Beware]", "scim: {deactivate: data_loss}"},
		"a source without a day":               {"2026-01-02", "lately"},
		"a source without https":               {"https://acme.example/docs", "acme.example"},
		"a source for what is not there":       {"warnings/1", "warnings/2"},
		"a source for an attribute not there":  {"attributes/mail", "attributes/phone"},
		"a protocol that the house lacks":      {"[saml]", "[ws-fed]"},
		"a service provider without addresses": {"acs: https", "launch_url: https"},
	} {
		text := strings.ReplaceAll(good, change[0], change[1])
		if text == good {
			t.Fatalf("%s changes nothing", name)
		}
		if _, err := parseTemplate([]byte(text)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// An answer becomes part of an address: it must not change whose.
func TestAnAnswerCannotChangeWhoseAddressItIs(t *testing.T) {
	t.Parallel()
	slack, err := FindTemplate("slack")
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range []string{"", " ", "evil.example/", "evil.example#", "a.b", "a@evil.example", "a/../b", "a?b", "a%2fb", "-a", "a b", "a\nb", `a\b`, "ä", strings.Repeat("a", 64)} {
		if _, err := slack.App(map[string]string{"workspace": answer}); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%q: %v", answer, err)
		}
	}
	if _, err := slack.App(map[string]string{"workspace": "acme", "other": "x"}); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("an answer that nobody asked for: %v", err)
	}
	a, err := slack.App(map[string]string{"workspace": "acme"})
	if err != nil || a.SAML.ACS[0].URL != "https://acme.slack.com/sso/saml" || a.Identifier != "https://slack.com" || a.Template != "slack" {
		t.Errorf("%+v, %v", a, err)
	}
	if !slack.Form(slack.ACS)(a.SAML.ACS[0].URL) || slack.Form(slack.ACS)("https://acme.slack.com.evil.example/sso/saml") {
		t.Error("the form of the address is not told from another's")
	}
}

func TestAnAppIsHeldToItsTemplatesLimits(t *testing.T) {
	t.Parallel()
	told := func(values ...string) []Attribute { return []Attribute{{Name: "note", Values: values}} }
	limits := Template{
		Name: "Acme", NameID: TemplateNameID{MaxBytes: 8}, Limits: TemplateLimits{TotalBytes: 20, ASCII: true},
		Attributes: []TemplateAttribute{{Name: "note", MaxBytes: 10}},
	}
	for name, tt := range map[string]struct {
		subject string
		told    []Attribute
		words   string
	}{
		"as much as it takes":  {"12345678", told("0123456789", "012345"), ""},
		"a NameID too long":    {"123456789", nil, "NameID of at most 8 bytes"},
		"a value too long":     {"", told("0123456789a"), "at most 10 bytes in note"},
		"too much together":    {"", told("0123456789", "0123456"), "at most 20 bytes of attributes"},
		"no ASCII":             {"", told("é"), "ASCII characters only"},
		"an attribute unknown": {"", []Attribute{{Name: "x", Values: []string{"0123456789abcdef"}}}, ""},
	} {
		err := limits.check(tt.subject, tt.told)
		if (err == nil) != (tt.words == "") || err != nil && (!idp.IsKind(err, idp.Invalid) || !strings.Contains(err.Error(), tt.words)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := limit(idp.App{Template: "of-a-newer-house"}, strings.Repeat("x", 1000), nil); err != nil {
		t.Errorf("a template that is not known here: %v", err)
	}
}

// Nothing that makes an administrator is told by a template by itself.
func TestNoTemplateTellsAConstantThatMakesAnAdministrator(t *testing.T) {
	t.Parallel()
	all, err := Templates()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, one := range all {
		for _, a := range one.Attributes {
			if a.Admin != "" {
				found[one.ID] = true
			}
			if strings.HasPrefix(a.Source, constPrefix) {
				t.Errorf("%s tells a constant as %s", one.ID, a.Name)
			}
		}
	}
	if !found["github-enterprise-server"] {
		t.Errorf("those with such an attribute: %v", slices.Sorted(maps.Keys(found)))
	}
}

var update = flag.Bool("update", false, "write the table of templates anew")

// TestTheTableOfTemplatesIsTrue: the page that lists the templates says what
// they say; -update writes it.
func TestTheTableOfTemplatesIsTrue(t *testing.T) {
	t.Parallel()
	const page = "../docs/templates.md"
	all, err := Templates()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(`# Templates of well-known apps

Register one with ` + "`gatehouse app add --template ID --set NAME=VALUE`" + `, in a file
for ` + "`gatehouse apply`" + ` (` + "`template:`, `set:`" + `), or in the console under Apps, *Add a
well-known app*. ` + "`gatehouse app templates ID`" + ` shows all that is known, with the pages
that were read. What is *in italics* here is from memory: no page was read that
says so, and everything that shows it marks it unverified.

| template | app | speaks | asks for | NameID | attributes it needs | of note |
|---|---|---|---|---|---|---|
`)
	for _, one := range all {
		mark := func(path, text string) string {
			if text == "" || one.Verified(path) {
				return text
			}
			return "*" + text + "*"
		}
		var speaks, asks, needs, note []string
		for _, p := range one.Protocols {
			speaks = append(speaks, strings.ToUpper(string(p)))
		}
		for _, a := range one.Asks {
			asks = append(asks, "`"+a.Name+"`")
		}
		for _, a := range one.Attributes {
			if a.Required {
				needs = append(needs, mark("attributes/"+a.Name, a.Name))
			}
		}
		for i, w := range one.Warnings {
			note = append(note, mark(fmt.Sprintf("warnings/%d", i+1), w))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", one.ID, one.Name, strings.Join(speaks, ", "), strings.Join(asks, ", "),
			mark("nameid", one.NameID.words()), strings.Join(needs, ", "), strings.Join(note, " "))
	}
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil || string(have) != b.String() {
		t.Errorf("%s is not what the templates say (%v): go test ./jit -run TheTableOfTemplates -update", page, err)
	}
}
