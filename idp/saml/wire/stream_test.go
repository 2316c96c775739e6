package wire

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"gatehouse/idp/saml/wire/wiretest"
)

// streamed is the canonical form of a document as its tokens come, and what was
// kept of each child of its root as a document of its own.
func streamed(document []byte, inclusive ...string) (whole []byte, kept [][]byte, err error) {
	var out bytes.Buffer
	s := newStream(&out, inclusive)
	in := &recorder{r: bufio.NewReader(bytes.NewReader(document))}
	d := xml.NewDecoder(in)
	for {
		start := d.InputOffset()
		token, err := d.RawToken()
		if err == io.EOF {
			return out.Bytes(), kept, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if t, ok := token.(xml.ProcInst); ok && t.Target == "xml" && start == 0 {
			continue
		}
		if t, ok := token.(xml.StartElement); ok {
			if err := normalize(&t, in.take(start, d.InputOffset())); err != nil {
				return nil, nil, err
			}
			token = t
		}
		if err := s.token(token); err != nil {
			return nil, nil, err
		}
		switch token.(type) {
		case xml.StartElement:
			if len(s.open) == 2 {
				s.keep()
			}
		case xml.EndElement:
			if len(s.open) == 1 {
				kept = append(kept, bytes.Clone(s.document()))
			}
		}
	}
}

// odd are documents that parsers disagree about.
func odd() []string {
	return append(documents(),
		"<a\r\n b='1\r\n2\t3\n4&#9;&#xA;&#13;5'\tc = \"'\">\r\nx\ry&#13;\nz\r</a>",
		"<a b=\"it's > this\" c='say \"no\"'/>",
		`<a><![CDATA[]]><![CDATA[<&>]]]]><![CDATA[>]]></a>`,
		`<a xmlns:x="urn:x"><b xmlns:x="urn:y"><x:c xmlns:x="urn:x" x:d="1"/></b></a>`,
		`<a xmlns="urn:a"><b xmlns=""><c xmlns="urn:a"/><d/></b></a>`,
		`<p:a xmlns:p="urn:p" xmlns="urn:d"><b xmlns=""/><p:c><d/></p:c></p:a>`,
		`<a xmlns:xml="http://www.w3.org/XML/1998/namespace" xml:lang="de" xml:space="preserve" xmlns:z="urn:z" z:b="" b=""> </a>`,
		`<a xmlns:b="urn:z" xmlns:c="urn:a" b:x="1" c:x="2" c:a="3" x="4" b:a="5"/>`,
		`<é:ä xmlns:é="urn:u" é:ö="ß">漢字 😀 &#x1F98A;</é:ä>`,
		`<a>&lt;&gt;&amp;&apos;&quot;&#60;&#x26;]]&gt;</a>`,
		`<a b="&lt;&gt;&amp;&apos;&quot;&#60;&#x26;"/>`,
		"<a b='  two  spaces '>  two  spaces  </a >",
		`<a><b xmlns:s="urn:s"><c t="s:x" s:y=""/></b><b xmlns:s="urn:t"/></a>`,
	)
}

// TestWhatComesIsCanonicalAsXmllintWritesIt: also what encoding/xml does not do,
// the normalization of attribute values.
func TestWhatComesIsCanonicalAsXmllintWritesIt(t *testing.T) {
	t.Parallel()
	for _, document := range odd() {
		want, err := wiretest.Canonical(t, []byte(document))
		if err != nil {
			t.Fatal(err)
		}
		got, kept, err := streamed([]byte(document))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q\nis  %q, %v\nnot %q", document, got, err, want)
		}
		for _, part := range kept {
			alone, err := wiretest.Canonical(t, part)
			if err != nil || !bytes.Contains(got, alone[bytes.IndexByte(alone, '>'):]) {
				t.Errorf("%q is kept of it: %v", part, err)
			}
			again, _, err := streamed(part)
			if err != nil || !bytes.Equal(again, alone) {
				t.Errorf("%q is read as %q, %v", part, again, err)
			}
		}
	}
}

// TestCommentsAreNoneOfIt, where xmllint writes them.
func TestCommentsAreNoneOfIt(t *testing.T) {
	t.Parallel()
	got, _, err := streamed([]byte("<!-- before --><a>x<!-- y -->z<b/></a><!-- after -->\n"))
	if err != nil || string(got) != "<a>xz<b></b></a>" {
		t.Errorf("%s, %v", got, err)
	}
}

// TestWhatComesIsRefusedAsParseDoes: what Go's decoder lets pass and others do not,
// or read in another way.
func TestWhatComesIsRefusedAsParseDoes(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{
		"an undeclared prefix":                 `<a><b:c/></a>`,
		"an undeclared prefix of an attribute": `<a b:c=""/>`,
		"one of a sibling":                     `<a><b xmlns:c="urn:c"/><c:d/></a>`,
		"a prefix declared empty":              `<a xmlns:b=""/>`,
		"the namespace of xml under another":   `<a xmlns:b="http://www.w3.org/XML/1998/namespace"/>`,
		"another namespace for xml":            `<a xmlns:xml="urn:a"/>`,
		"a declaration of xmlns":               `<a xmlns:xmlns="urn:a"/>`,
		"an attribute twice":                   `<a b="1" b="2"/>`,
		"an attribute under two prefixes":      `<a xmlns:b="urn:a" xmlns:c="urn:a" b:d="" c:d=""/>`,
		"two colons":                           `<a:b:c xmlns:a="urn:a"/>`,
		"a digit before":                       `<a xmlns:9="urn:a"/>`,
		"a colon before":                       `<:a/>`,
		"a colon behind":                       `<a:/>`,
		"an end of another":                    `<a><b></a></b>`,
		"an end of another prefix":             `<a xmlns:b="urn:a" xmlns:c="urn:a"><b:d></c:d></a>`,
		"an end too many":                      `<a/></a>`,
		"an instruction":                       `<a><?b c?></a>`,
		"a DOCTYPE":                            `<!DOCTYPE a><a/>`,
		"a DOCTYPE within":                     `<a><!ENTITY b "c"></a>`,
		"an entity":                            `<a>&b;</a>`,
		"an entity in a value":                 `<a b="&c;"/>`,
		"a character that is none":             `<a>&#0;</a>`,
		"not UTF-8":                            "<a>\xff</a>",
		"not UTF-8 in a comment":               "<a><!-- \xff --></a>",
		"too deep":                             strings.Repeat("<a>", maxOpen+1),
		"too many attributes":                  "<a" + strings.Repeat(` xmlns:a="x"`, maxAttributes+1) + "/>",
		"too many names that are asked about":  "<a>" + strings.Repeat("<é/>", maxUncommon) + "</a>",
		"a less-than sign in a value":          `<a b="<"/>`,
		"an ampersand alone":                   `<a>&</a>`,
		"the end of CDATA outside":             `<a>]]></a>`,
		"a value without quotes":               `<a b=c/>`,
		"two hyphens in a comment":             `<a><!-- -- --></a>`,
		"another encoding":                     `<?xml version="1.0" encoding="ISO-8859-1"?><a/>`,
		"another version":                      `<?xml version="1.1"?><a/>`,
		"a reference beyond Unicode":           `<a>&#x110000;</a>`,
		"a name that does not survive":         `<a xmlns="x" x::y="z"/>`,
	} {
		if out, _, err := streamed([]byte(document)); err == nil {
			t.Errorf("%s: %.100q", name, out)
		}
	}
}

// FuzzWhatComesIsCanonical: what is read as it comes is what is read as a tree, and
// every part that is kept of it stands alone with the very same octets.
func FuzzWhatComesIsCanonical(f *testing.F) {
	for _, document := range odd() {
		f.Add([]byte(document), "")
		f.Add([]byte(document), "x s p #default")
	}
	f.Fuzz(func(t *testing.T, document []byte, list string) {
		var inclusive []string
		for _, p := range strings.Fields(list) {
			inclusive = append(inclusive, strings.TrimPrefix(p, "#default"))
		}
		got, kept, err := streamed(document, inclusive...)
		if err != nil {
			return
		}
		if again, _, err := streamed(got, inclusive...); err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%q\nis      %q\nand then %q, %v", document, got, again, err)
		}
		for _, part := range kept {
			alone, _, err := streamed(part, inclusive...)
			if err != nil || !bytes.Contains(got, alone[bytes.IndexByte(alone, '>'):]) {
				t.Fatalf("%q\nkeeps   %q\nwhich is %q, %v", document, part, alone, err)
			}
		}
		el, err := parse(document, true)
		if err != nil || strings.ContainsAny(string(document), "\t\n\r") {
			return // a tree has values that are not normalized
		}
		tree := writer{canonical: true, inclusive: inclusive}
		if tree.write(el); !bytes.Equal(tree.b, got) {
			t.Fatalf("%q\nis %q as it comes\nand %q as a tree", document, got, tree.b)
		}
	})
}
