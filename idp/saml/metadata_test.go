package saml_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/keys"
	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

func (h *house) samlKey() keys.Key {
	h.t.Helper()
	key, err := h.ring.Key(keys.UseSAML, keys.RS256)
	h.must(err)
	return key
}

// read returns the document at a path, judged.
func (h *house) read(path string) (answer reply, told wire.IdP) {
	h.t.Helper()
	answer = h.person().get(path)
	if answer.StatusCode != http.StatusOK {
		h.t.Fatalf("%s: %d %s", path, answer.StatusCode, answer.body)
	}
	wiretest.Valid(h.t, []byte(answer.body))
	told, err := wire.ParseIdPMetadata([]byte(answer.body), h.clock.Now())
	h.must(err)
	return answer, told
}

func TestMetadataAreSignedAndSayWhoRunsTheHouse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.provider.About = wire.About{
		Language: "en", DisplayName: "Example & Sons", Organization: "Example & Sons", OrganizationURL: "https://example.com",
		Contacts: []wire.Contact{{Type: "technical", Email: "it@example.com"}, {Type: "support", Email: "help@example.com"}},
	}
	answer, told := h.read("/saml/metadata")
	wiretest.Signed(t, []byte(answer.body), h.samlKey().Certificate)
	if !told.ValidUntil.IsZero() {
		t.Errorf("good until %s; whoever reads them once must not stop by itself", told.ValidUntil)
	}
	for _, want := range []string{
		`<mdui:DisplayName xml:lang="en">Example &amp; Sons</mdui:DisplayName>`,
		`<md:OrganizationURL xml:lang="en">https://example.com</md:OrganizationURL>`,
		`contactType="technical"><md:EmailAddress>mailto:it@example.com</md:EmailAddress>`,
		`cacheDuration="PT6H"`,
	} {
		if !strings.Contains(answer.body, want) {
			t.Errorf("not there: %s", want)
		}
	}
}

func TestMetadataForOneApp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	of := "/saml/metadata/" + string(h.hr.ID)
	answer, told := h.read(of)
	if told.EntityID != h.provider.EntityID || len(told.NameIDFormats) != 1 || told.NameIDFormats[0] != wire.NameIDEmail {
		t.Errorf("%+v", told.Entity)
	}
	wiretest.Signed(t, []byte(answer.body), h.samlKey().Certificate)
	// Not made again while the keys and the app are as they were.
	if again, _ := h.read(of); again.body != answer.body {
		t.Error("another document for the same state")
	}
	h.changeApp(h.hr.ID, func(a *idp.App) { a.SAML.NameIDFormat = wire.NameIDPersistent })
	if _, told = h.read(of); told.NameIDFormats[0] != wire.NameIDPersistent {
		t.Errorf("still %s", told.NameIDFormats)
	}
	for _, none := range []string{"/saml/metadata/app_none", "/saml/metadata/" + strings.Repeat("x", 4000)} {
		if answer := h.person().get(none); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%.40s: %d", none, answer.StatusCode)
		}
	}
}

func TestMetadataWithAnEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.provider.Validity = 8 * 24 * time.Hour
	first, told := h.read("/saml/metadata")
	wiretest.Signed(t, []byte(first.body), h.samlKey().Certificate)
	for _, later := range []time.Duration{0, 23 * time.Hour, 3 * 24 * time.Hour, 40 * 24 * time.Hour} {
		h.clock.Advance(later)
		_, told = h.read("/saml/metadata")
		if left := told.ValidUntil.Sub(h.clock.Now()); left < 8*24*time.Hour || left > 9*24*time.Hour+time.Second {
			t.Errorf("good for another %s", left)
		}
	}
}
