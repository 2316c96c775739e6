package saml_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/saml"
	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

const groupOf = `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui" Name="federation">`

func providerAt(host string) string {
	return `<md:EntityDescriptor entityID="https://` + host + `/sp"><md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` +
		`<md:Extensions><mdui:UIInfo><mdui:DisplayName xml:lang="en">App at ` + host + `</mdui:DisplayName></mdui:UIInfo></md:Extensions>` +
		`<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://` + host + `/acs" index="0"/></md:SPSSODescriptor></md:EntityDescriptor>`
}

func choose(text, entityID string) ([]byte, []idp.ListedEntity, error) {
	return (&saml.Documents{Now: time.Now}).Choose(strings.NewReader(text), entityID, "")
}

// TestOneAppIsChosenFromAnAggregate, whatever stands around it.
func TestOneAppIsChosenFromAnAggregate(t *testing.T) {
	t.Parallel()
	until := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	inner := strings.Replace(groupOf, `Name="federation"`, `validUntil="`+wire.FormatTime(until)+`"`, 1)
	ours := string(wire.Serialize(wire.IdP{Entity: wire.Entity{EntityID: "https://idp.example"}}.Element()))
	text := "\ufeff<?xml version=\"1.0\"?>\n<!-- all -->" + groupOf + "<md:Extensions><x:any xmlns:x=\"urn:x\"><md:EntityDescriptor/></x:any></md:Extensions>" +
		providerAt("a.example") + ours + inner + providerAt("b.example") + "</md:EntitiesDescriptor>\n" + providerAt("c.example") + "</md:EntitiesDescriptor>"
	_, among, err := choose(text, "")
	if err != nil || len(among) != 3 || among[1].Name != "App at b.example" || among[2].EntityID != "https://c.example/sp" {
		t.Fatalf("listed %+v, %v", among, err)
	}
	plain := strings.TrimPrefix(text, "\ufeff")
	for _, e := range among {
		if !strings.HasPrefix(plain[e.Offset:], `<md:EntityDescriptor entityID="`+e.EntityID) {
			t.Errorf("%s is not at %d", e.EntityID, e.Offset)
		}
	}
	for _, c := range []struct {
		host  string
		until time.Time
	}{{"a.example", time.Time{}}, {"b.example", until}, {"c.example", time.Time{}}} {
		document, _, err := choose(text, "https://"+c.host+"/sp")
		if err != nil {
			t.Fatal(err)
		}
		m, err := saml.Read(document, time.Now())
		if err != nil || m.EntityID != "https://"+c.host+"/sp" || m.Name != "App at "+c.host || !m.Settings.Metadata.Until.Equal(c.until) {
			t.Errorf("%s: %+v, %v", c.host, m, err)
		}
	}
	if _, _, err := choose(text, "https://idp.example"); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("an identity provider: %v", err)
	}
	// The only one, and a document that is no aggregate.
	alone := strings.Replace(providerAt("a.example"), "<md:EntityDescriptor", `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui"`, 1)
	for _, one := range []string{alone, groupOf + ours + providerAt("a.example") + "</md:EntitiesDescriptor>"} {
		document, among, err := choose(one, "")
		if err != nil || len(among) != 1 {
			t.Fatalf("%+v, %v", among, err)
		}
		if m, err := saml.Read(document, time.Now()); err != nil || m.Settings.ACS[0].URL != "https://a.example/acs" {
			t.Errorf("%+v, %v", m, err)
		}
	}
}

// prefixes declares so many.
func prefixes(n int) (all string) {
	for i := range n {
		all += fmt.Sprintf(`xmlns:n%d="urn:n" `, i)
	}
	return all
}

// TestSA27AnAggregateIsNotPoisoned: as a document of one.
func TestSA27AnAggregateIsNotPoisoned(t *testing.T) {
	t.Parallel()
	one, two, end := providerAt("a.example"), providerAt("b.example"), "</md:EntitiesDescriptor>"
	for name, c := range map[string]struct{ text, words string }{
		"twice of one entityID": {groupOf + one + two + one + end, "two entities have the same entityID"},
		"expired":               {strings.Replace(groupOf, "Name=", `validUntil="2020-01-01T00:00:00Z" Name=`, 1) + one + end, "expired"},
		"within an expired":     {groupOf + strings.Replace(groupOf, "Name=", `validUntil="2020-01-01T00:00:00Z" Name=`, 1) + one + end + two + end, "expired"},
		"an end that is none":   {strings.Replace(groupOf, "Name=", `validUntil="never" Name=`, 1) + one + end, "not a time"},
		"no entityID":           {groupOf + strings.Replace(one, "entityID", "id", 1) + end, "entityID is missing"},
		"a DOCTYPE":             {"<!DOCTYPE x>" + groupOf + one + end, "DOCTYPE"},
		"an instruction":        {groupOf + "<?x y?>" + one + end, "processing instruction"},
		"two roots":             {groupOf + one + end + groupOf + two + end, "more than one root"},
		"breaks off":            {groupOf + one, "root element"},
		"breaks off in one":     {groupOf + one[:200], "well formed"},
		"crossed":               {groupOf + one + "</md:EntityDescriptor>", "well formed"},
		"deep groups":           {strings.Repeat(groupOf, 9) + one + strings.Repeat(end, 9), "nested too deeply"},
		"deep beside it":        {groupOf + strings.Repeat("<x>", 100) + strings.Repeat("</x>", 100) + one + end, "nested too deeply"},
		"one that is too large": {groupOf + strings.Replace(one, "App at", strings.Repeat("x", 300<<10), 1) + end, "too large"},
		"names for everything":  {strings.Replace(groupOf, "Name=", prefixes(65)+"Name=", 1) + one + end, "too many attributes"},
		"a text without an end": {groupOf + strings.Repeat(" ", 300<<10) + one + end, "too large"},
		"a page":                {"<html/>", "no metadata"},
		"nothing":               {"", "root element"},
		"no service provider":   {groupOf + end, "no SPSSODescriptor"},
		"another's namespace":   {strings.Replace(groupOf, "SAML:2.0:metadata", "SAML:3.0:metadata", 1) + one + end, "no metadata"},
		"an undeclared prefix":  {`<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">` + one + `</EntitiesDescriptor>`, "no SPSSODescriptor"},
		"not UTF-8":             {"<?xml version=\"1.0\" encoding=\"UTF-16\"?>" + groupOf + one + end, "well formed"},
	} {
		document, _, err := choose(c.text, "")
		if !idp.IsKind(err, idp.Invalid) || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %q, %v", name, document, err)
		}
	}
	// What is wrong with the one that is chosen is said when it is read.
	bad := strings.Replace(one, "https://a.example/acs", "javascript:alert(1)", 1)
	document, _, err := choose(groupOf+bad+two+end, "https://a.example/sp")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := saml.Read(document, time.Now()); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("XS-02: %v", err)
	}
}

// federation writes an aggregate of so many entities of 10 kB, and sees what
// memory is in use while it is read.
type federation struct {
	entities int
	peak     uint64
	written  int64
	rest     []byte
	next     int
}

func (f *federation) Read(p []byte) (int, error) {
	for len(f.rest) == 0 {
		switch {
		case f.next == 0:
			f.rest = []byte(groupOf)
		case f.next <= f.entities:
			padding := "<!-- " + strings.Repeat("metadata ", 1060) + "-->"
			f.rest = []byte(strings.Replace(providerAt(fmt.Sprintf("app%d.example", f.next)), "<md:SPSSO", padding+"<md:SPSSO", 1))
		case f.next == f.entities+1:
			f.rest = []byte("</md:EntitiesDescriptor>")
		default:
			return 0, io.EOF
		}
		if f.next++; f.next%200 == 0 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			f.peak = max(f.peak, m.HeapAlloc)
		}
	}
	n := copy(p, f.rest)
	f.rest, f.written = f.rest[n:], f.written+int64(n)
	return n, nil
}

// TestAnAggregateOfFiveThousandIsReadAsAStream: 50 MB, of which nothing stays but
// the index. It runs alone, so that the memory it sees is its own.
func TestAnAggregateOfFiveThousandIsReadAsAStream(t *testing.T) {
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	f := &federation{entities: 5000}
	document, among, err := (&saml.Documents{Now: time.Now}).Choose(f, "https://app4321.example/sp", "")
	if err != nil || len(among) != 5000 || !bytes.Contains(document, []byte("https://app4321.example/acs")) {
		t.Fatalf("%d listed, %v", len(among), err)
	}
	const most = 8 << 20
	if grown := int64(f.peak) - int64(before.HeapAlloc); f.written < 50e6 || grown > most {
		t.Errorf("of %d bytes %d were held at once, want at most %d", f.written, grown, most)
	} else {
		t.Logf("%d bytes, at most %d held", f.written, grown)
	}
}

// signedFile is the federation, of so many entities, in a file that xmlsec1 signed.
func signedFile(t *testing.T, s *wire.Signer, entities int) *os.File {
	t.Helper()
	text, err := io.ReadAll(&federation{entities: entities})
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte(groupOf), []byte(strings.Replace(groupOf, "Name=", `ID="_all" Name=`, 1)+wiretest.Unsigned("#_all")), 1)
	file, err := os.Create(filepath.Join(t.TempDir(), "federation.xml"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	_, err = file.Write(wiretest.Sign(t, text, s.Key, s.Certificate, wire.NSMetadata+":EntitiesDescriptor"))
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// watched sees what memory is in use while a file is read.
type watched struct {
	io.Reader
	read, peak uint64
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if before := w.read >> 21; (w.read+uint64(n))>>21 != before {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		w.peak = max(w.peak, m.HeapAlloc)
	}
	w.read += uint64(n)
	return n, err
}

// TestTheSignatureOfFiveThousandIsCheckedAsAStream: 50 MB that xmlsec1 signed, of
// which nothing stays but the index. It runs alone, as the one above.
func TestTheSignatureOfFiveThousandIsCheckedAsAStream(t *testing.T) {
	file := signedFile(t, crmKey(), 5000)
	debug.FreeOSMemory()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	in := &watched{Reader: file}
	document, among, err := (&saml.Documents{Now: time.Now}).Choose(in, "https://app4321.example/sp", pemOf(crmKey()))
	if err != nil || len(among) != 5000 || !bytes.Contains(document, []byte("https://app4321.example/acs")) || bytes.Contains(document, []byte("<!--")) {
		t.Fatalf("%d listed, %v", len(among), err)
	}
	const most = 8 << 20
	if grown := int64(in.peak) - int64(before.HeapAlloc); in.read < 50e6 || grown > most {
		t.Errorf("of %d bytes %d were held at once, want at most %d", in.read, grown, most)
	} else {
		t.Logf("%d bytes, at most %d held", in.read, grown)
	}
	// What another signed is not read on.
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	in = &watched{Reader: file}
	_, _, err = (&saml.Documents{Now: time.Now}).Choose(in, "https://app4321.example/sp", pemOf(hrKey()))
	if !idp.IsKind(err, idp.Invalid) || !strings.Contains(err.Error(), "not signed by the pinned certificate") || in.read > 1<<20 {
		t.Errorf("%v, after %d bytes", err, in.read)
	}
}

// TestSA27OfAnAggregateWithAPinOnlyWhatItSigned is chosen, with what the groups say.
func TestSA27OfAnAggregateWithAPinOnlyWhatItSigned(t *testing.T) {
	t.Parallel()
	until, published := time.Now().Add(48*time.Hour).UTC().Truncate(time.Second), time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	head := strings.Replace(groupOf, "Name=", `ID="_all" validUntil="`+wire.FormatTime(until)+`" Name=`, 1) + wiretest.Unsigned("#_all")
	info := `<md:Extensions><r:PublicationInfo xmlns:r="urn:oasis:names:tc:SAML:metadata:rpi" publisher="https://federation.example" creationInstant="` + wire.FormatTime(published) + `"/></md:Extensions>`
	sign := func(text string) string {
		return string(wiretest.Sign(t, []byte(text), crmKey().Key, crmKey().Certificate, wire.NSMetadata+":EntitiesDescriptor"))
	}
	good := sign(head + info + providerAt("a.example") + groupOf + providerAt("b.example") + "</md:EntitiesDescriptor></md:EntitiesDescriptor>")
	pinned := func(text, entityID, pin string) ([]byte, []idp.ListedEntity, error) {
		return (&saml.Documents{Now: time.Now}).Choose(strings.NewReader(text), entityID, pin)
	}
	pin := pemOf(crmKey())
	if document, among, err := pinned(good, "", pin); err != nil || document != nil || len(among) != 2 {
		t.Fatalf("%s, %v, %v", document, among, err)
	}
	document, _, err := pinned(good, "https://b.example/sp", pin)
	if err != nil {
		t.Fatal(err)
	}
	m, err := saml.Read(document, time.Now())
	if err != nil || m.EntityID != "https://b.example/sp" || m.Name != "App at b.example" || m.Settings.ACS[0].URL != "https://b.example/acs" ||
		!m.Settings.Metadata.Until.Equal(until) || !m.Settings.Metadata.PublishedAt.Equal(published) {
		t.Errorf("%+v, %v", m, err)
	}
	wiretest.Valid(t, document)
	for name, c := range map[string]struct{ text, pin, words string }{
		"signed by another":          {good, pemOf(hrKey()), "not signed by the pinned certificate"},
		"unsigned":                   {groupOf + providerAt("b.example") + "</md:EntitiesDescriptor>", pin, "not signed, and a certificate is pinned"},
		"changed":                    {strings.Replace(good, "https://b.example/acs", "https://evil.example/acs", 1), pin, "was changed after the pinned certificate had signed it"},
		"another was changed":        {strings.Replace(good, "https://a.example/acs", "https://evil.example/acs", 1), pin, "was changed after the pinned certificate had signed it"},
		"with SHA-1":                 {strings.Replace(good, "2001/04/xmlenc#sha256", "2000/09/xmldsig#sha1", 1), pin, "in a way that is not taken: a digest with SHA-1"},
		"a pin that is none":         {good, "no PEM", "is to be one PEM block"},
		"not there":                  {good[:len(good)/2], pin, "cannot be used"},
		"a signature of one in it":   {groupOf + strings.Replace(providerAt("b.example"), "<md:SPSSO", wiretest.Unsigned("")+"<md:SPSSO", 1) + "</md:EntitiesDescriptor>", pin, "not signed, and a certificate is pinned"},
		"signed, and then it is not": {strings.Replace(good, "</md:EntitiesDescriptor>\n", "</md:EntitiesDescriptor>"+providerAt("c.example"), 1), pin, "cannot be used"},
	} {
		document, among, err := pinned(c.text, "https://b.example/sp", c.pin)
		if !idp.IsKind(err, idp.Invalid) || !strings.Contains(err.Error(), c.words) || document != nil || among != nil {
			t.Errorf("%s: %q, %v, %v", name, document, among, err)
		}
	}
}

// FuzzChoose: whatever is listed is found again, as a document that reads as
// that entity or not at all.
func FuzzChoose(f *testing.F) {
	f.Add(groupOf + providerAt("a.example") + groupOf + providerAt("b.example") + "</md:EntitiesDescriptor></md:EntitiesDescriptor>")
	f.Add(string(wire.Serialize(entity().Element())))
	f.Fuzz(func(t *testing.T, text string) {
		_, among, err := choose(text, "")
		if err != nil {
			return
		}
		for _, e := range among[:min(len(among), 3)] {
			document, _, err := choose(text, e.EntityID)
			if err != nil {
				continue
			}
			if m, err := saml.Read(document, time.Now()); err == nil && m.EntityID != e.EntityID {
				t.Fatalf("%q was chosen and %q read", e.EntityID, m.EntityID)
			}
		}
	})
}

// FuzzRead: the importer of metadata never panics, and takes only addresses that
// a browser may be sent to.
func FuzzRead(f *testing.F) {
	f.Add(wire.Serialize(entity().Element()))
	f.Add([]byte(groupOf + providerAt("a.example") + "</md:EntitiesDescriptor>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := saml.Read(b, time.Now())
		if err != nil {
			return
		}
		for _, acs := range m.Settings.ACS {
			if !strings.HasPrefix(strings.ToLower(acs.URL), "http") {
				t.Fatalf("answers would go to %q", acs.URL)
			}
		}
	})
}
