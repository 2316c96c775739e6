package wire

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// documents try every rule of the canonical form.
func documents() []string {
	return []string{
		`<a/>`,
		`<a xmlns=""><b xmlns=""/></a>`,
		`<a xmlns="urn:a" b="1" a="2"><b xmlns=""/><c xmlns="urn:a"/></a>`,
		`<p:a xmlns:p="urn:p" xmlns:q="urn:q" xmlns:unused="urn:u"><q:b p:z="1" q:a="2" z="3" a="&quot;&#9;&#10;&#13;&amp;&lt;>'"/></p:a>`,
		`<p:a xmlns:p="urn:p"><p:b xmlns:p="urn:other"><p:c xmlns:p="urn:p"/></p:b><p:d/></p:a>`,
		`<a xml:lang="en"> text &amp; &lt; ]]&gt; &#13; "quoted" <![CDATA[<in & out>]]></a>`,
		`<a xmlns:x="urn:x" xmlns:s="urn:s"><x:b x:type="s:string">ü 🦊</x:b><b x:type="s:string" s:a="1" s:B="2"/></a>`,
		`<a:a xmlns:a="urn:z" xmlns:b="urn:b" a:k="1" b:k="2" k="3"/>`,
	}
}

func TestCanonicalIsWhatXmllintWrites(t *testing.T) {
	t.Parallel()
	for _, document := range documents() {
		el, err := Parse([]byte(document))
		if err != nil {
			t.Fatal(err)
		}
		xmllint := exec.Command("xmllint", "--exc-c14n", "-")
		xmllint.Stdin = strings.NewReader(document)
		want, err := xmllint.Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := canonical(el); !bytes.Equal(got, want) {
			t.Errorf("%s\nis  %s\nnot %s", document, got, want)
		}
	}
}

// FuzzCanonicalIsWhatAnotherWrites: our canonical form of any document that we
// parse is that of goxmldsig, which verifies what partners send; and a document
// that is written down and read again has it too.
func FuzzCanonicalIsWhatAnotherWrites(f *testing.F) {
	for _, document := range documents() {
		f.Add([]byte(document))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		el, err := Parse(document)
		if err != nil || walk(el, agreed) != nil {
			return
		}
		at := el
		if all := el.ChildElements(); len(all) > 0 {
			at = all[len(all)-1] // one that inherits
		}
		want, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(plain(detach(at)))
		if err != nil {
			return
		}
		if got := canonical(at); !bytes.Equal(got, want) {
			t.Fatalf("%s\nis  %s\nnot %s", document, got, want)
		}
		again, err := Parse(Serialize(at))
		if err != nil {
			t.Fatalf("%s cannot be read: %v", Serialize(at), err)
		}
		if got := canonical(again); !bytes.Equal(got, want) {
			t.Fatalf("%s\nread again is  %s\nnot %s", document, got, want)
		}
	})
}

// agreed refuses what goxmldsig gets wrong: it sorts attributes of two
// namespaces by name alone, and writes xmlns="" where there is nothing to undo.
func agreed(el *etree.Element) error {
	prefix := ""
	for _, a := range el.Attr {
		p, ok := declares(a)
		if ok && p == "" && a.Value == "" {
			return ErrMalformed
		}
		if ok || a.Space == "" {
			continue
		}
		if prefix != "" && prefix != a.Space {
			return ErrMalformed
		}
		prefix = a.Space
	}
	return nil
}

// plain makes text of CDATA sections, which goxmldsig leaves as they are
// (Canonical XML 1.0 §2.1 does not).
func plain(el *etree.Element) *etree.Element {
	for i, child := range el.Child {
		switch child := child.(type) {
		case *etree.Element:
			plain(child)
		case *etree.CharData:
			el.RemoveChildAt(i)
			el.InsertChildAt(i, etree.NewText(child.Data))
		}
	}
	return el
}
