package saml_test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"

	"gatehouse/idp"
	"gatehouse/idp/fetch"
	"gatehouse/idp/saml"
	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

// publisher is where the CRM publishes its metadata, and a house that reads it.
type publisher struct {
	*house
	refresher *saml.Refresher
	url       string

	mu       sync.Mutex
	answer   func(w http.ResponseWriter)
	document []byte
}

func newPublisher(t *testing.T, pin string) *publisher {
	t.Helper()
	p := &publisher{house: newHouse(t)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.answer != nil {
			p.answer(w)
			return
		}
		_, _ = w.Write(p.document)
	}))
	t.Cleanup(server.Close)
	p.url = server.URL + "/metadata"
	out, err := fetch.New([]string{"127.0.0.1"})
	p.must(err)
	p.refresher = &saml.Refresher{
		Documents: &saml.Documents{Fetch: out, Now: p.clock.Now}, Store: p.store, Directory: p.dir, Log: slog.New(slog.DiscardHandler),
	}
	p.must(p.dir.SetMetadataSource(t.Context(), p.crm.ID, p.url, pin))
	return p
}

// says has the CRM publish metadata, as it is registered but for the change,
// signed where signer is set.
func (p *publisher) says(signer *wire.Signer, change func(*wire.SP)) {
	p.t.Helper()
	sp := wire.SP{
		Entity: wire.Entity{EntityID: crmID, SigningCerts: []*x509.Certificate{crmKey().Certificate}},
		ACS: []wire.Endpoint{
			{Binding: wire.POST, Location: crmACS + "/old", Index: 3}, {Binding: wire.POST, Location: crmACS, Index: 7, Default: true},
		},
	}
	if change != nil {
		change(&sp)
	}
	el := sp.Element()
	if signer != nil {
		el.CreateAttr("ID", wire.NewID())
		p.must(signer.Sign(el))
	}
	p.publish(wire.Serialize(el))
}

func (p *publisher) publish(document []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.document, p.answer = document, nil
}

func (p *publisher) breaks(answer func(w http.ResponseWriter)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

// read reads it as the schedule does, a day later.
func (p *publisher) read() idp.MetadataRefresh {
	p.t.Helper()
	p.clock.Advance(25 * time.Hour)
	if n, err := p.refresher.RefreshDue(p.t.Context(), 10); n != 1 || err != nil {
		p.t.Fatalf("%d read, %v", n, err)
	}
	m, err := p.store.MetadataRefresh(p.t.Context(), p.crm.ID)
	p.must(err)
	return m
}

func (p *publisher) acs() string {
	p.t.Helper()
	a, err := p.store.App(p.t.Context(), p.crm.ID)
	p.must(err)
	return a.SAML.ACS[len(a.SAML.ACS)-1].URL
}

func (p *publisher) kinds() map[string]int {
	p.t.Helper()
	list, _, err := p.store.Events(p.t.Context(), idp.EventQuery{Limit: 200})
	p.must(err)
	kinds := map[string]int{}
	for _, e := range list {
		kinds[e.Kind]++
	}
	return kinds
}

func moved(sp *wire.SP) { sp.ACS[1].Location = crmACS + "/v2" }

// TestSA27WhatChangesAtAnAddressWaits: nobody but TLS vouches for it, so an owner
// decides.
func TestSA27WhatChangesAtAnAddressWaits(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "")
	p.says(nil, nil)
	if m := p.read(); m.Outcome != idp.RefreshUnchanged || m.Waiting != "" {
		t.Fatalf("%+v", m)
	}
	p.says(nil, moved)
	for range 2 { // the same again is no news
		if m := p.read(); m.Outcome != idp.RefreshWaiting || !strings.Contains(m.Waiting, crmACS+"/v2") || m.Failures != 0 {
			t.Fatalf("%+v", m)
		}
	}
	if at := p.acs(); at != crmACS {
		t.Errorf("answers go to %s without anybody's word", at)
	}
	if n := p.kinds()["app.metadata.wait"]; n != 1 {
		t.Errorf("%d audit lines about what waits", n)
	}
	waiting, err := saml.Read([]byte(p.read().Waiting), p.clock.Now())
	p.must(err)
	_, err = p.dir.ApplyMetadata(t.Context(), p.crm.ID, 0, waiting, "test")
	p.must(err)
	m, err := p.store.MetadataRefresh(t.Context(), p.crm.ID)
	if err != nil || m.Waiting != "" || m.Outcome != idp.RefreshApplied || p.acs() != crmACS+"/v2" {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestSA27OnlyThePinnedCertificateVouches for what is registered by itself.
func TestSA27OnlyThePinnedCertificateVouches(t *testing.T) {
	t.Parallel()
	pin := &wire.Signer{Key: hrKey().Key}
	pin.Certificate = lastingOf(t, pin.Key, time.Now().Add(9*24*time.Hour))
	p := newPublisher(t, pemOf(pin))
	p.says(pin, nil)
	if m := p.read(); m.Outcome != idp.RefreshUnchanged {
		t.Fatalf("%+v", m)
	}
	signedOnce := func(change func(*wire.SP)) *etree.Element {
		p.says(pin, change)
		el, err := wire.Parse(p.document)
		p.must(err)
		return el
	}
	for name, c := range map[string]struct {
		publish func()
		words   string
	}{
		"unsigned":          {func() { p.says(nil, moved) }, "not signed, and a certificate is pinned"},
		"signed by another": {func() { p.says(crmKey(), moved) }, "not signed by the pinned certificate"},
		"changed after it was signed": {func() {
			p.publish([]byte(strings.Replace(string(wire.Serialize(signedOnce(nil))), crmACS+`"`, `https://evil.example/acs"`, 1)))
		}, "not signed by the pinned certificate"},
		"wrapped (XSW 1)": {func() {
			genuine := signedOnce(nil)
			forged := genuine.Copy()
			forged.CreateAttr("ID", "_forged")
			for _, s := range forged.SelectElements("ds:Signature") {
				s.AddChild(genuine)
			}
			p.publish([]byte(strings.Replace(string(wire.Serialize(forged)), crmACS+`"`, `https://evil.example/acs"`, 1)))
		}, ""},
		"another entity": {func() { p.says(pin, func(sp *wire.SP) { sp.EntityID = hrID }) }, "An app that changes its entityID is another app"},
		"expired":        {func() { p.says(pin, func(sp *wire.SP) { sp.ValidUntil = time.Now().Add(-time.Hour) }) }, "expired"},
	} {
		c.publish()
		p.clock.Advance(-25 * time.Hour) // all within the life of the pin
		p.must(p.touch())
		if m := p.read(); m.Outcome != idp.RefreshRefused || m.Failures == 0 || !strings.Contains(m.Detail, c.words) || p.acs() != crmACS {
			t.Errorf("%s: %+v, answers go to %s", name, m, p.acs())
		}
	}
	p.says(pin, moved)
	p.clock.Advance(-25 * time.Hour)
	p.must(p.touch())
	if m := p.read(); m.Outcome != idp.RefreshApplied || m.Failures != 0 || p.acs() != crmACS+"/v2" {
		t.Errorf("%+v, answers go to %s", m, p.acs())
	}
	p.clock.Advance(9 * 24 * time.Hour)
	if m := p.read(); m.Outcome != idp.RefreshRefused || !strings.Contains(m.Detail, "The pinned certificate is not valid now") {
		t.Errorf("%+v", m)
	}
}

// TestSA27AFederationIsReadWithItsSignature: at an address where many are, with a
// pin, the one is found; what is not signed as a whole is refused, and explained.
func TestSA27AFederationIsReadWithItsSignature(t *testing.T) {
	t.Parallel()
	pin := &wire.Signer{Key: hrKey().Key}
	pin.Certificate = lastingOf(t, pin.Key, time.Now().Add(90*24*time.Hour))
	p := newPublisher(t, pemOf(pin))
	federation := func(created time.Time, change func(*wire.SP)) []byte {
		p.says(nil, change)
		text := strings.Replace(groupOf, "Name=", `ID="_all" validUntil="`+wire.FormatTime(p.clock.Now().Add(14*24*time.Hour))+`" Name=`, 1) + wiretest.Unsigned("#_all") +
			`<md:Extensions><r:PublicationInfo xmlns:r="urn:oasis:names:tc:SAML:metadata:rpi" publisher="x" creationInstant="` + wire.FormatTime(created) + `"/></md:Extensions>` +
			strings.Repeat("<!-- "+strings.Repeat("x", 100<<10)+" -->", 5) + // more than one document may have
			providerAt("a.example") + string(p.document) + "</md:EntitiesDescriptor>"
		signed := wiretest.Sign(t, []byte(text), pin.Key, pin.Certificate, wire.NSMetadata+":EntitiesDescriptor")
		p.publish(signed)
		return signed
	}
	federation(p.clock.Now(), nil)
	if m := p.read(); m.Outcome != idp.RefreshUnchanged {
		t.Fatalf("%+v", m)
	}
	first := p.document
	signed := federation(p.clock.Now(), moved)
	if m := p.read(); m.Outcome != idp.RefreshApplied || p.acs() != crmACS+"/v2" {
		t.Fatalf("%+v, answers go to %s", m, p.acs())
	}
	app, err := p.store.App(t.Context(), p.crm.ID)
	p.must(err)
	if app.SAML.Metadata.Until.IsZero() || app.SAML.Metadata.PublishedAt.IsZero() || strings.Contains(app.SAML.MetadataXML, "a.example") {
		t.Errorf("registered %+v\n%s", app.SAML.Metadata, app.SAML.MetadataXML)
	}
	for rule, document := range map[string][]byte{
		"metadata_changed":   bytes.Replace(signed, []byte("https://a.example/acs"), []byte("https://evil.example/acs"), 1),
		"metadata_unsigned":  []byte(groupOf + providerAt("a.example") + "</md:EntitiesDescriptor>"),
		"metadata_algorithm": bytes.Replace(signed, []byte("2001/04/xmlenc#sha256"), []byte("2000/09/xmldsig#sha1"), 1),
		"metadata_signer":    wiretest.Sign(t, signed, crmKey().Key, crmKey().Certificate, wire.NSMetadata+":EntitiesDescriptor"),
		"metadata":           []byte("<html/>"),
		"metadata_expired":   []byte(strings.Replace(groupOf, "Name=", `validUntil="2020-01-01T00:00:00Z" Name=`, 1) + providerAt("a.example") + "</md:EntitiesDescriptor>"),
	} {
		p.publish(document)
		p.clock.Advance(-25 * time.Hour)
		p.must(p.touch())
		if m := p.read(); m.Outcome != idp.RefreshRefused || p.acs() != crmACS+"/v2" {
			t.Errorf("%s: %+v, answers go to %s", rule, m, p.acs())
		}
		list, _, err := p.store.Events(t.Context(), idp.EventQuery{Limit: 1})
		p.must(err)
		x, ok := saml.Explain(list[0])
		if list[0].Detail["rule"] != rule || !ok || x.Failed == "" || x.Change == "" || list[0].Actor.CorrelationID == "" {
			t.Errorf("%s: %+v, explained %+v", rule, list[0], x)
		}
	}
	p.publish(first)
	p.clock.Advance(-25 * time.Hour)
	p.must(p.touch())
	if m := p.read(); m.Outcome != idp.RefreshWaiting || !strings.Contains(m.Detail, "may be an old one") {
		t.Errorf("an old one: %+v", m)
	}
	// An entity that is gone from the federation.
	text := groupOf + wiretest.Unsigned("") + providerAt("a.example") + providerAt("b.example") + "</md:EntitiesDescriptor>"
	p.publish(wiretest.Sign(t, []byte(text), pin.Key, pin.Certificate, wire.NSMetadata+":EntitiesDescriptor"))
	if m := p.read(); m.Outcome != idp.RefreshRefused || !strings.Contains(m.Detail, "There is no service provider "+crmID) {
		t.Errorf("%+v", m)
	}
}

// TestSA27AnOldDocumentWaits: it is signed as well as the one of now, and whoever
// answers at the address may have kept it.
func TestSA27AnOldDocumentWaits(t *testing.T) {
	t.Parallel()
	pin := &wire.Signer{Key: hrKey().Key}
	pin.Certificate = lastingOf(t, pin.Key, time.Now().Add(90*24*time.Hour))
	p := newPublisher(t, pemOf(pin))
	ends := func(days int) func(*wire.SP) {
		return func(sp *wire.SP) { sp.ValidUntil = p.clock.Now().Add(time.Duration(days) * 24 * time.Hour) }
	}
	p.says(pin, ends(20))
	old := p.document
	if m := p.read(); m.Outcome != idp.RefreshUnchanged {
		t.Fatalf("%+v", m)
	}
	p.says(pin, func(sp *wire.SP) { moved(sp); ends(25)(sp) })
	if m := p.read(); m.Outcome != idp.RefreshApplied || p.acs() != crmACS+"/v2" {
		t.Fatalf("%+v, answers go to %s", m, p.acs())
	}
	p.publish(old)
	if m := p.read(); m.Outcome != idp.RefreshWaiting || !strings.Contains(m.Detail, "may be an old one") || p.acs() != crmACS+"/v2" {
		t.Errorf("%+v, answers go to %s", m, p.acs())
	}
	p.says(pin, nil) // nobody can tell how old it is
	if m := p.read(); m.Outcome != idp.RefreshWaiting || p.acs() != crmACS+"/v2" {
		t.Errorf("%+v, answers go to %s", m, p.acs())
	}
}

// touch makes it due.
func (p *publisher) touch() error {
	m, err := p.store.MetadataRefresh(p.t.Context(), p.crm.ID)
	if err != nil {
		return err
	}
	m.NextAt = p.clock.Now()
	return p.store.SaveRefresh(p.t.Context(), m)
}

// TestSS07AnAddressThatFailsChangesNothing: bounded in size and time, tried again
// later each time, and said once.
func TestSS07AnAddressThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "")
	p.says(nil, nil)
	p.read()
	for name, c := range map[string]struct {
		answer  func(w http.ResponseWriter)
		outcome string
	}{
		"an error":       {func(w http.ResponseWriter) { w.WriteHeader(500) }, idp.RefreshUnreachable},
		"not there":      {func(w http.ResponseWriter) { w.WriteHeader(404) }, idp.RefreshUnreachable},
		"a redirect":     {func(w http.ResponseWriter) { w.Header().Set("Location", "http://127.0.0.1:1/"); w.WriteHeader(302) }, idp.RefreshUnreachable},
		"a page":         {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<!DOCTYPE html>") }, idp.RefreshRefused},
		"without an end": {func(w http.ResponseWriter) { _, _ = io.WriteString(w, strings.Repeat(" ", 1<<20)) }, idp.RefreshRefused},
		"breaks off half": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "9000")
			_, _ = io.WriteString(w, "<md:")
		}, idp.RefreshUnreachable},
	} {
		p.breaks(c.answer)
		if m := p.read(); m.Outcome != c.outcome || m.Failures == 0 || p.acs() != crmACS {
			t.Errorf("%s: %+v", name, m)
		}
	}
	p.breaks(func(w http.ResponseWriter) { w.WriteHeader(500) })
	before := p.kinds()["app.metadata.refuse"]
	var last time.Duration
	for range 3 {
		m := p.read()
		if pause := m.NextAt.Sub(m.CheckedAt); pause < last || pause > 6*time.Hour {
			t.Errorf("after %d failures it is tried again in %s", m.Failures, pause)
		} else {
			last = pause
		}
	}
	if n := p.kinds()["app.metadata.refuse"] - before; n > 1 {
		t.Errorf("%d audit lines of one outcome", n)
	}
	failing, _, err := p.store.RefreshTally(t.Context())
	if err != nil || failing != 1 {
		t.Errorf("%d fail, %v", failing, err)
	}
	// People sign in as before.
	p.person().get(p.redirect(p.ask(), nil, "")).wantSignIn()
	p.says(nil, nil)
	if m := p.read(); m.Failures != 0 || m.Outcome != idp.RefreshUnchanged {
		t.Errorf("%+v", m)
	}
}

// TestMetadataIsReadAgainAsItSays: cacheDuration, validUntil, a day.
func TestMetadataIsReadAgainAsItSays(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "")
	for name, c := range map[string]struct {
		attribute func(now time.Time) string
		want      time.Duration
	}{
		"says nothing":  {func(time.Time) string { return "" }, 24 * time.Hour},
		"six hours":     {func(time.Time) string { return `cacheDuration="PT6H"` }, 6 * time.Hour},
		"a year":        {func(time.Time) string { return `cacheDuration="P1Y"` }, 24 * time.Hour},
		"a second":      {func(time.Time) string { return `cacheDuration="PT1S"` }, time.Hour},
		"nonsense":      {func(time.Time) string { return `cacheDuration="soon"` }, 24 * time.Hour},
		"backwards":     {func(time.Time) string { return `cacheDuration="-PT6H"` }, 24 * time.Hour},
		"ends tomorrow": {func(now time.Time) string { return `validUntil="` + wire.FormatTime(now.Add(35*time.Hour)) + `"` }, 5 * time.Hour},
	} {
		p.says(nil, nil)
		document := strings.Replace(string(p.document), "<md:EntityDescriptor", fmt.Sprintf("<md:EntityDescriptor %s", c.attribute(p.clock.Now())), 1)
		p.publish([]byte(document))
		m := p.read()
		if wait := m.NextAt.Sub(m.CheckedAt).Round(time.Minute); wait != c.want || m.Outcome != idp.RefreshUnchanged {
			t.Errorf("%s: again in %s, %+v", name, wait, m)
		}
	}
}

// TestManyNodesReadMetadataOnce.
func TestManyNodesReadMetadataOnce(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "")
	asked := 0
	p.breaks(func(w http.ResponseWriter) { asked++; w.WriteHeader(500) })
	p.clock.Advance(time.Hour)
	var nodes sync.WaitGroup
	for range 8 {
		nodes.Go(func() { _, _ = p.refresher.RefreshDue(t.Context(), 10) })
	}
	nodes.Wait()
	if asked != 1 {
		t.Errorf("read %d times", asked)
	}
}
