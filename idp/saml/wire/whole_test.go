package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

const (
	idOfGroup = wire.NSMetadata + ":EntitiesDescriptor"
	xmlDSig   = "http://www.w3.org/2000/09/xmldsig#"
	xmlEnc    = "http://www.w3.org/2001/04/xmlenc#"
	moreDSig  = "http://www.w3.org/2001/04/xmldsig-more#"
	exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
)

// template is a signature to be filled in.
func template(uri, method, digest, inclusive string) string {
	if inclusive != "" {
		inclusive = `<ec:InclusiveNamespaces xmlns:ec="` + exclusive + `" PrefixList="` + inclusive + `"/>`
	}
	return `<ds:Signature xmlns:ds="` + xmlDSig + `"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="` + exclusive + `"/>` +
		`<ds:SignatureMethod Algorithm="` + method + `"/><ds:Reference URI="` + uri + `"><ds:Transforms>` +
		`<ds:Transform Algorithm="` + xmlDSig + `enveloped-signature"/><ds:Transform Algorithm="` + exclusive + `">` + inclusive + `</ds:Transform></ds:Transforms>` +
		`<ds:DigestMethod Algorithm="` + digest + `"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:X509Data/></ds:KeyInfo></ds:Signature>`
}

// plainGroup is an aggregate of two service providers, with a place for what is
// signed; signedGroup has xmlsec1 sign it.
const plainGroup = `<md:EntitiesDescriptor xmlns:md="` + wire.NSMetadata + `" ID="_all" Name="federation">%s` +
	`<md:EntityDescriptor entityID="https://a.example/sp"><md:SPSSODescriptor protocolSupportEnumeration="` + wire.NSProtocol + `"><md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://a.example/acs" index="0"/></md:SPSSODescriptor></md:EntityDescriptor>` +
	`<md:EntitiesDescriptor Name="inner"><md:EntityDescriptor entityID="https://b.example/sp"><md:SPSSODescriptor protocolSupportEnumeration="` + wire.NSProtocol + `"/></md:EntityDescriptor></md:EntitiesDescriptor></md:EntitiesDescriptor>`

func signedGroup(t testing.TB) string {
	t.Helper()
	text := fmt.Sprintf(plainGroup, template("#_all", moreDSig+"rsa-sha256", xmlEnc+"sha256", ""))
	signed := string(wiretest.Sign(t, []byte(text), rsaSigner().Key, rsaSigner().Certificate, idOfGroup))
	return strings.TrimPrefix(signed, "<?xml version=\"1.0\"?>\n")
}

// heard are the entities that a reader was handed, if it took the whole.
func heard(text string, signers ...*wire.Signer) (all []string, err error) {
	err = wire.ReadSignedAggregate(strings.NewReader(text), certs(signers...), time.Now(), func(e wire.Listed) error {
		all = append(all, e.EntityID+" "+string(e.Document))
		return nil
	})
	return all, err
}

// TestASignedAggregateIsReadAsItComes: what is handed over are documents of their
// own, of the octets that were signed.
func TestASignedAggregateIsReadAsItComes(t *testing.T) {
	t.Parallel()
	text := signedGroup(t)
	all, err := heard(text, otherSigner(), rsaSigner())
	if err != nil || len(all) != 2 {
		t.Fatalf("%q, %v", all, err)
	}
	_, document, _ := strings.Cut(all[0], " ")
	sp, err := wire.ParseSPMetadata([]byte(document), time.Now())
	if err != nil || sp.EntityID != "https://a.example/sp" || sp.ACS[0].Location != "https://a.example/acs" {
		t.Errorf("%+v, %v", sp, err)
	}
	// One that is signed by itself is judged as ever.
	el := sampleSP().Element()
	el.CreateAttr("ID", "_one")
	if err := rsaSigner().Sign(el); err != nil {
		t.Fatal(err)
	}
	one := string(wire.Serialize(el))
	if all, err := heard(one, rsaSigner()); err != nil || len(all) != 1 || strings.Contains(all[0], "Signature") {
		t.Errorf("%q, %v", all, err)
	}
	_, err = heard(strings.Replace(one, "https://", "https://evil.", 1), rsaSigner())
	wantKind(t, err, wire.ErrSignature)
}

// TestSA01AnAggregateHasOneSignatureOfOneShape: what does not hold is refused, each
// for its reason, whatever was signed.
func TestSA01AnAggregateHasOneSignatureOfOneShape(t *testing.T) {
	t.Parallel()
	good := signedGroup(t)
	signature := good[strings.Index(good, "<ds:Signature"):strings.Index(good, "<md:EntityDescriptor")]
	bare := strings.Replace(good, signature, "", 1)
	forged := strings.Replace(bare, "https://a.example/acs", "https://evil.example/acs", 1)
	opening := good[:strings.Index(good, signature)]
	for name, c := range map[string]struct {
		text  string
		kind  error
		words string
	}{
		"no signature":                    {bare, wire.ErrUnsigned, "no signature"},
		"a group without anything":        {opening + "</md:EntitiesDescriptor>", wire.ErrUnsigned, "no signature"},
		"SA-06 an empty one":              {strings.Replace(good, signature, `<ds:Signature xmlns:ds="`+xmlDSig+`"/>`, 1), wire.ErrSignature, "SignedInfo is missing"},
		"a signature of another name":     {strings.ReplaceAll(good, xmlDSig+`"><ds:SignedInfo`, `urn:x"><ds:SignedInfo`), wire.ErrUnsigned, "no signature"},
		"behind the entities":             {strings.Replace(bare, "</md:EntitiesDescriptor></md:EntitiesDescriptor>", "</md:EntitiesDescriptor>"+signature+"</md:EntitiesDescriptor>", 1), wire.ErrUnsigned, "no signature"},
		"on an inner group":               {strings.Replace(bare, `<md:EntitiesDescriptor Name="inner">`, `<md:EntitiesDescriptor Name="inner">`+signature, 1), wire.ErrUnsigned, "no signature"},
		"a second one":                    {strings.Replace(good, signature, signature+signature, 1), wire.ErrSignature, "more than one signature"},
		"a second one at the end":         {strings.TrimSuffix(strings.TrimSpace(good), "</md:EntitiesDescriptor>") + signature + "</md:EntitiesDescriptor>", wire.ErrSignature, "more than one signature"},
		"changed":                         {strings.Replace(good, "https://a.example/acs", "https://evil.example/acs", 1), wire.ErrSignature, "not the one that was signed"},
		"an entity more":                  {strings.Replace(good, `<md:EntitiesDescriptor Name="inner">`, `<md:EntityDescriptor entityID="https://evil.example"/><md:EntitiesDescriptor Name="inner">`, 1), wire.ErrSignature, "not the one that was signed"},
		"an entity less":                  {good[:strings.Index(good, `<md:EntitiesDescriptor Name="inner">`)] + "</md:EntitiesDescriptor>", wire.ErrSignature, "not the one that was signed"},
		"a text more":                     {strings.Replace(good, signature, signature+"\n", 1), wire.ErrSignature, "not the one that was signed"},
		"a text before it":                {strings.Replace(good, signature, " "+signature, 1), wire.ErrSignature, "not the one that was signed"},
		"an attribute more":               {strings.Replace(good, `ID="_all"`, `ID="_all" validUntil="2100-01-01T00:00:00Z"`, 1), wire.ErrSignature, "not the one that was signed"},
		"not whole":                       {good[:len(good)-40], wire.ErrMalformed, ""},
		"another digest":                  {strings.Replace(good, "<ds:DigestValue>", "<ds:DigestValue>AAAA", 1), wire.ErrSignature, "no registered certificate verifies it"},
		"another value":                   {strings.Replace(good, "<ds:SignatureValue>", "<ds:SignatureValue>AAAA", 1), wire.ErrSignature, "no registered certificate verifies it"},
		"no value":                        {cut(good, "<ds:SignatureValue>", "</ds:SignatureValue>"), wire.ErrSignature, "empty or not base64"},
		"SA-07 a comment in the digest":   {strings.Replace(good, "<ds:DigestValue>", "<ds:DigestValue><!-- -->", 1), wire.ErrMalformed, "a comment"},
		"SA-07 a comment in the value":    {strings.Replace(good, "<ds:SignatureValue>", "<ds:SignatureValue><!-- -->", 1), wire.ErrMalformed, "a comment"},
		"SA-09 a DOCTYPE":                 {`<!DOCTYPE a [<!ENTITY b "` + strings.Repeat("b", 1000) + `">]>` + good, wire.ErrMalformed, "DOCTYPE"},
		"SA-09 an entity":                 {strings.Replace(good, `Name="inner"`, `Name="&b;"`, 1), wire.ErrMalformed, "well formed"},
		"a DOCTYPE within an entity":      {strings.Replace(good, "<md:SPSSO", `<!ENTITY b "c"><md:SPSSO`, 1), wire.ErrMalformed, "DOCTYPE"},
		"an instruction within an entity": {strings.Replace(good, "<md:SPSSO", `<?b c?><md:SPSSO`, 1), wire.ErrMalformed, "instruction"},
		"SA-12 deep":                      {strings.Replace(good, "<md:SPSSO", strings.Repeat("<b>", 100)+"<md:SPSSO", 1), wire.ErrMalformed, "too deeply"},
		"SA-12 a huge attribute":          {strings.Replace(good, "<md:SPSSO", `<b c="`+strings.Repeat("d", 1<<20)+`"/><md:SPSSO`, 1), wire.ErrTooLarge, "over the limit"},
		"SA-12 many attributes":           {strings.Replace(good, "<md:SPSSO", `<b`+strings.Repeat(` xmlns:c="d"`, 65)+`/><md:SPSSO`, 1), wire.ErrTooLarge, "too many attributes"},
		"a huge signature":                {strings.Replace(good, "<ds:SignatureValue>", "<ds:SignatureValue>"+strings.Repeat("<b/>", 100<<10), 1), wire.ErrTooLarge, "the signature is over the limit"},
		"much before it":                  {strings.Replace(good, signature, strings.Repeat(strings.Repeat(" ", 1000)+"<!-- -->", 300)+signature, 1), wire.ErrTooLarge, "before the signature"},
		"an undeclared prefix":            {strings.Replace(good, "<md:SPSSO", `<b:c/><md:SPSSO`, 1), wire.ErrMalformed, "undeclared prefix"},
		"crossed within an entity":        {strings.Replace(good, "</md:SPSSODescriptor></md:EntityDescriptor>", "</md:EntityDescriptor></md:SPSSODescriptor>", 1), wire.ErrMalformed, "well formed"},
		"the ID again":                    {strings.Replace(good, "<md:SPSSO", `<b ID="_all"/><md:SPSSO`, 1), wire.ErrSignature, "an ID is repeated"},
		"the ID again, in lower case":     {strings.Replace(good, `Name="inner"`, `Name="inner" id="_all"`, 1), wire.ErrSignature, "an ID is repeated"},
		"the ID again, of the signature":  {strings.Replace(good, "<ds:Signature ", `<ds:Signature Id="_all" `, 1), wire.ErrSignature, "an ID is repeated"},
		"two IDs":                         {strings.Replace(good, `ID="_all"`, `ID="_all" id="_other"`, 1), wire.ErrSignature, "no single ID"},
		"an ID under a prefix":            {strings.Replace(good, `ID="_all"`, `md:ID="_all"`, 1), wire.ErrSignature, "no single ID"},
		"another ID":                      {strings.Replace(good, `ID="_all"`, `ID="_other"`, 1), wire.ErrSignature, "another element"},
		"no ID":                           {strings.Replace(good, `ID="_all" `, ``, 1), wire.ErrSignature, "another element"},
		"XSW: the signed one in the signature": {
			strings.Replace(forged, opening, strings.Replace(opening, "_all", "_evil", 1)+strings.Replace(signature, "</ds:Signature>", "<ds:Object>"+good+"</ds:Object></ds:Signature>", 1), 1), wire.ErrSignature, "more than it should"},
		"XSW: the signed one within, its signature first": {
			strings.Replace(opening, "_all", "_evil", 1) + signature + strings.TrimPrefix(forged, opening) + good, wire.ErrSignature, "another element"},
		"XSW: the signed one within, by the same ID": {
			strings.TrimSuffix(opening+signature+strings.TrimPrefix(forged, opening), "</md:EntitiesDescriptor>") + good + "</md:EntitiesDescriptor>", wire.ErrSignature, "an ID is repeated"},
		"XSW: beside it":   {good + forged, wire.ErrSignature, "an ID is repeated"},
		"XSW: in front of": {forged + good, wire.ErrUnsigned, "no signature"},
		"two references":   {strings.Replace(good, "</ds:Reference>", `</ds:Reference><ds:Reference URI=""/>`, 1), wire.ErrSignature, "more than it should"},
		"no URI":           {strings.Replace(good, ` URI="#_all"`, "", 1), wire.ErrSignature, "refers to nothing"},
		"elsewhere":        {strings.Replace(good, `URI="#_all"`, `URI="https://evil.example/"`, 1), wire.ErrSignature, "another element"},
		"an expression":    {strings.Replace(good, `URI="#_all"`, `URI="#xpointer(/)"`, 1), wire.ErrSignature, "another element"},
		"the whole of it":  {strings.Replace(good, `URI="#_all"`, `URI=""`, 1), wire.ErrSignature, "no registered certificate verifies it"},
		"an object":        {strings.Replace(good, "</ds:Signature>", "<ds:Object/></ds:Signature>", 1), wire.ErrSignature, "more than it should"},
		"with comments":    {strings.Replace(good, `Transform Algorithm="`+exclusive, `Transform Algorithm="`+exclusive+`WithComments`, 1), wire.ErrAlgorithm, "transforms"},
		"a transform more": {strings.Replace(good, "<ds:Transforms>", `<ds:Transforms><ds:Transform Algorithm="`+xmlDSig+`enveloped-signature"/>`, 1), wire.ErrSignature, "more than it should"},
		"a transform less": {cut(good, `<ds:Transform Algorithm="`+exclusive, "</ds:Transforms>"), wire.ErrSignature, "Transform is missing"},
		"XPath":            {strings.Replace(good, xmlDSig+"enveloped-signature", "http://www.w3.org/TR/1999/REC-xpath-19991116", 1), wire.ErrAlgorithm, "transforms"},
		"XSLT in a transform": {strings.Replace(good, xmlDSig+`enveloped-signature"/>`, xmlDSig+`enveloped-signature"><x:stylesheet xmlns:x="http://www.w3.org/1999/XSL/Transform"/></ds:Transform>`, 1),
			wire.ErrAlgorithm, "a transform holds more"},
		"inclusive C14N": {strings.Replace(good, `CanonicalizationMethod Algorithm="`+exclusive, `CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315`, 1), wire.ErrAlgorithm, "not exclusive C14N"},
		"HMAC":           {strings.Replace(good, moreDSig+"rsa-sha256", moreDSig+"hmac-sha256", 1), wire.ErrAlgorithm, "unknown signature algorithm"},
		"SHA-1":          {strings.Replace(good, moreDSig+"rsa-sha256", xmlDSig+"rsa-sha1", 1), wire.ErrAlgorithm, "SHA-1"},
		"a SHA-1 digest": {strings.Replace(good, xmlEnc+"sha256", xmlDSig+"sha1", 1), wire.ErrAlgorithm, "SHA-1"},
		"no digest":      {strings.Replace(good, xmlEnc+"sha256", "urn:none", 1), wire.ErrAlgorithm, "unknown digest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.text == good {
				t.Fatal("nothing was changed")
			}
			all, err := heard(c.text, rsaSigner())
			wantKind(t, err, c.kind)
			if !strings.Contains(err.Error(), c.words) {
				t.Errorf("%v does not say %q", err, c.words)
			}
			if errors.Is(err, wire.ErrChanged) != strings.Contains(c.words, "was signed") {
				t.Errorf("%v", err)
			}
			if (errors.Is(err, wire.ErrUnsigned) || errors.Is(err, wire.ErrAlgorithm)) && len(all) > 0 {
				t.Errorf("it was read on, to %q", all)
			}
		})
	}
	for name, s := range map[string]*wire.Signer{"another": otherSigner(), "a key of another kind": ecSigner()} {
		all, err := heard(good, s)
		if wantKind(t, err, wire.ErrSignature); len(all) > 0 {
			t.Errorf("%s: read on", name)
		}
	}
	err := wire.ReadSignedAggregate(strings.NewReader(good), certs(rsaSigner()), time.Now().Add(48*time.Hour), func(wire.Listed) error { return nil })
	wantKind(t, err, wire.ErrSignature) // the certificate has ended
	err = wire.ReadSignedAggregate(strings.NewReader(good), nil, time.Now(), func(wire.Listed) error { return nil })
	wantKind(t, err, wire.ErrSignature)
}

// cut takes what stands from one mark up to another, or to the end, out of text.
func cut(text, from, to string) string {
	i, j := strings.Index(text, from), strings.Index(text, to)
	if to == "" {
		j = len(text)
	}
	if strings.HasPrefix(to, "</ds:Sig") { // the element stays
		i += len(from)
	}
	return text[:i] + text[j:]
}

// writerOf makes up aggregates: each piece as some writer of XML might put it.
type writerOf struct {
	*rand.Rand
	entities int
}

func (w *writerOf) one(of ...string) string { return of[w.IntN(len(of))] }

// text is a text or a value with everything that is normalized or escaped.
func (w *writerOf) text(n int) (out string) {
	for range w.IntN(n) {
		out += w.one("a", "B ", "é", "漢", "😀", "&amp;", "&lt;", "&#xD;", "&#10;", "&#9;", "\n", "\r\n", "\r", "\t", "  ", "&quot;", "&apos;", ">", "]]&gt;", "&#x1F98A;")
	}
	return out
}

func (w *writerOf) value() string {
	if w.IntN(2) == 0 {
		return `'` + w.text(6) + w.one("", `"`) + `'`
	}
	return `"` + w.text(6) + w.one("", `'`) + `"`
}

// attributes are some, with declarations; in scope are md, x, y and z always.
func (w *writerOf) attributes() (out string) {
	names := []string{"a", "x:a", "y:a", "z:b", "x:b", "b", "xml:lang", "Name"}
	w.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names[:w.IntN(4)] {
		out += w.one(" ", "\n\t", "  ", "\r\n") + name + w.one("=", " = ") + w.value()
	}
	for _, prefix := range []string{"z", "w", "x"}[w.IntN(4):] {
		if prefix == "x" && strings.Contains(out, "y:") {
			continue // one name twice, under two prefixes
		}
		out += ` xmlns:` + prefix + `="urn:` + w.one("z", "w", "x") + prefix + `"`
	}
	return out + w.one("", "", ` xmlns="urn:d"`, ` xmlns=""`, ` xmlns="urn:other"`)
}

func (w *writerOf) content(depth int) (out string) {
	for range w.IntN(4) {
		switch w.IntN(6) {
		case 0, 1:
			out += w.text(8)
		case 2:
			out += "<!--" + w.one("", " no part of it ", " <b/> & ") + "-->"
		case 3:
			out += "<![CDATA[" + w.one("", "<&>", "]]", "\r\n x ", "&amp;") + "]]>"
		case 4, 5:
			if depth > 0 {
				out += w.element(w.one("n", "x:n", "y:n", "z:n", "md:Extensions", "md:SPSSODescriptor"), "", depth-1)
			}
		}
	}
	return out
}

func (w *writerOf) element(name, attributes string, depth int) string {
	open := "<" + name + w.attributes() + attributes
	if inside := w.content(depth); inside != "" {
		return open + w.one("", " ", "\n") + ">" + inside + "</" + name + w.one("", " ") + ">"
	}
	return open + w.one("/>", " />", "></"+name+">")
}

func (w *writerOf) group(depth int, attributes, signature string) string {
	out := "<md:EntitiesDescriptor" + attributes + ">" + w.one("", "\n", "<!-- x -->\r\n  ") + signature
	for range 1 + w.IntN(3) {
		out += w.one("", "\n", "\t<!-- between -->")
		if depth > 0 && w.IntN(3) == 0 {
			out += w.group(depth-1, w.attributes(), "")
			continue
		}
		w.entities++
		out += w.element("md:EntityDescriptor", fmt.Sprintf(` entityID="https://sp%d.example"`, w.entities), 3)
	}
	return out + "</md:EntitiesDescriptor>"
}

// TestXmlsec1AndWeAgreeOnAggregates: of documents of every make that it has signed
// we take each, and hand over every entity. With one byte changed, we take what says
// the same as before; its digest is another there where it is another here.
func TestXmlsec1AndWeAgreeOnAggregates(t *testing.T) {
	t.Parallel()
	const documents, changed = 40, 5
	taken := 0
	for i := range documents {
		w := &writerOf{Rand: rand.New(rand.NewPCG(uint64(i), 7))}
		signer, method := rsaSigner(), w.one("rsa-sha256", "rsa-sha384", "rsa-sha512")
		if w.IntN(3) == 0 {
			signer, method = ecSigner(), w.one("ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512")
		}
		digest := w.one(xmlEnc+"sha256", xmlEnc+"sha512", moreDSig+"sha384")
		uri, id := w.one("#_root", ""), ` ID="_root"`
		if uri == "" {
			id = w.one("", id)
		}
		empty := template(uri, moreDSig+method, digest, w.one("", "x", "x y z", "#default", "#default w z md", "nobody"))
		own := w.attributes()
		for _, prefix := range []string{"x", "y", "z"} {
			if !strings.Contains(own, "xmlns:"+prefix) {
				own += ` xmlns:` + prefix + `="urn:` + prefix + `"`
			}
		}
		head, tail := w.one("", `<?xml version="1.0" encoding="UTF-8"?>`+"\n", "<!-- head -->\n"), w.one("", "\n", "<!-- end -->")
		text := head + w.group(2, own+` xmlns:md="`+wire.NSMetadata+`"`+id, empty) + tail
		signed := string(wiretest.Sign(t, []byte(text), signer.Key, signer.Certificate, idOfGroup))
		// It writes the rest anew: the signature goes into what we wrote, without the
		// certificate, which is not signed and would be another thing to disagree on.
		signed = cut(signed[strings.Index(signed, "<ds:Signature"):strings.Index(signed, "</ds:Signature>")], "<ds:KeyInfo", "")
		document := []byte(strings.Replace(text, empty, signed+"</ds:Signature>", 1))
		if err := wiretest.Verify(t, document, signer.Certificate, idOfGroup, ""); err != nil {
			t.Fatalf("%v\n%s", err, document)
		}
		all, err := heard(string(document), signer)
		if err != nil || len(all) != w.entities {
			t.Fatalf("%d of %d entities of %d: %v\n%s", len(all), w.entities, i, err, document)
		}
		for _, e := range all {
			_, part, _ := strings.Cut(e, " ")
			if _, err := wiretest.Canonical(t, []byte(part)); err != nil {
				t.Errorf("%v\n%s", err, part)
			}
		}
		for range changed {
			damaged := bytes.Clone(document)
			damaged[len(head)+w.IntN(len(damaged)-len(head)-len(tail))] ^= 1 << w.IntN(7)
			got, err := heard(string(damaged), signer)
			theirs := wiretest.Verify(t, damaged, signer.Certificate, idOfGroup, "")
			switch {
			case err == nil && !slices.Equal(got, all):
				t.Errorf("taken as another:\n%s\nwas\n%s", damaged, document)
			case err == nil && theirs != nil && strings.Contains(theirs.Error(), "not match"):
				// That it is not XML to them is another matter: a declaration that is not
				// used may be no URI.
				t.Errorf("%v\nit was taken here:\n%s\nwas\n%s", theirs, damaged, document)
			case errors.Is(err, wire.ErrChanged) && theirs == nil:
				t.Errorf("xmlsec1 takes it, and it is another here:\n%s\nwas\n%s", damaged, document)
			case err == nil:
				taken++
			}
		}
	}
	t.Logf("%d of %d with a byte changed say the same as before", taken, documents*changed)
}

// TestXmlsec1RefusesWhatWeRefuse: each byte of a signed document, changed in what
// it says.
func TestXmlsec1RefusesWhatWeRefuse(t *testing.T) {
	t.Parallel()
	good := signedGroup(t)
	for _, c := range [][2]string{
		{"a.example/acs", "b.example/acs"}, {`Name="inner"`, `Name="outer"`}, {`index="0"`, `index="1"`}, {`ID="_all"`, `ID="_ale"`},
		{"<ds:DigestValue>", "<ds:DigestValue>A"}, {"HTTP-POST", "HTTP-PAOS"}, {"https://b.example/sp", "https://c.example/sp"},
	} {
		bad := strings.Replace(good, c[0], c[1], 1)
		if err := wiretest.Verify(t, []byte(bad), rsaSigner().Certificate, idOfGroup, ""); err == nil {
			t.Errorf("xmlsec1 takes %s for %s", c[1], c[0])
		}
		if _, err := heard(bad, rsaSigner()); err == nil {
			t.Errorf("we take %s for %s", c[1], c[0])
		}
	}
}

// FuzzSignedAggregate: whatever is taken as what one key has signed hands over the
// very octets that it did.
func FuzzSignedAggregate(f *testing.F) {
	group := document(fmt.Sprintf(plainGroup, ""))
	if err := fixedSigner().Sign(group); err != nil {
		f.Fatal(err)
	}
	good := string(wire.Serialize(group))
	want, err := heard(good, fixedSigner())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(strings.Replace(good, "<md:SPSSO", "<!-- x --><md:SPSSO", 1))
	f.Add(strings.ReplaceAll(good, `"`, "'"))
	f.Add(strings.Replace(good, "></md:AssertionConsumerService>", "/>", 1))
	f.Add(good[:strings.Index(good, "<ds:Signature")] + good[strings.Index(good, "<md:EntityDescriptor"):])
	f.Fuzz(func(t *testing.T, text string) {
		got, err := heard(text, fixedSigner())
		if err == nil && !slices.Equal(got, want) {
			t.Fatalf("%q\nis taken as %q", text, got)
		}
	})
}

// TestASignedAggregateWithWeakSignatureIsRefused, though xmlsec1 made it and it is
// as good as such a signature can be.
func TestASignedAggregateWithWeakSignatureIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"signature": template("#_all", xmlDSig+"rsa-sha1", xmlEnc+"sha256", ""), "digest": template("#_all", moreDSig+"rsa-sha256", xmlDSig+"sha1", ""),
	} {
		signed := wiretest.Sign(t, fmt.Appendf(nil, plainGroup, text), rsaSigner().Key, rsaSigner().Certificate, idOfGroup)
		_, err := heard(string(signed), rsaSigner())
		if wantKind(t, err, wire.ErrAlgorithm); !strings.Contains(err.Error(), "SHA-1") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
