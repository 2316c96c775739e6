package saml_test

import (
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// publishedAt says in metadata when they were published.
func publishedAt(document []byte, at time.Time, t *testing.T) []byte {
	t.Helper()
	el, err := wire.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	extensions := el.CreateElement("md:Extensions")
	info := extensions.CreateElement("mdrpi:PublicationInfo")
	info.CreateAttr("xmlns:mdrpi", "urn:oasis:names:tc:SAML:metadata:rpi")
	info.CreateAttr("publisher", "https://crm.example")
	info.CreateAttr("creationInstant", wire.FormatTime(at))
	el.RemoveChild(extensions)
	el.InsertChildAt(0, extensions)
	return wire.Serialize(el)
}

// answersAt has answers go there alone.
func answersAt(url string) func(*wire.SP) {
	return func(sp *wire.SP) {
		sp.ACS = []wire.Endpoint{{Binding: wire.POST, Location: url, Index: 7, Default: true}}
	}
}

// TestSA27AnOldDocumentThatWasRegisteredWaits: signed by the pinned certificate
// and without an end, and another was registered since.
func TestSA27AnOldDocumentThatWasRegisteredWaits(t *testing.T) {
	t.Parallel()
	pin := &wire.Signer{Key: hrKey().Key}
	pin.Certificate = lastingOf(t, pin.Key, time.Now().Add(90*24*time.Hour))
	p := newPublisher(t, pemOf(pin))
	p.says(pin, answersAt(crmACS+"/first"))
	first := p.document
	if m := p.read(); m.Outcome != idp.RefreshApplied {
		t.Fatalf("%+v", m)
	}
	for _, next := range []string{"/second", "/third"} {
		p.says(pin, answersAt(crmACS+next))
		if m := p.read(); m.Outcome != idp.RefreshApplied || p.acs() != crmACS+next {
			t.Fatalf("%+v at %s", m, p.acs())
		}
	}
	p.publish(first)
	if m := p.read(); m.Outcome != idp.RefreshWaiting || p.acs() != crmACS+"/third" {
		t.Errorf("an old document: %s %q, answers go to %s", m.Outcome, m.Detail, p.acs())
	}
	// A change of the app's settings forgets nothing.
	a, err := p.store.App(t.Context(), p.crm.ID)
	p.must(err)
	a.SAML.SessionTTL, a.SAML.Metadata.Before = time.Hour, nil
	_, err = p.dir.ChangeApp(t.Context(), a)
	p.must(err)
	if m := p.read(); m.Outcome != idp.RefreshWaiting {
		t.Errorf("after a change of the app: %s %q", m.Outcome, m.Detail)
	}
	// What the app says anew, it says in a document of its own.
	p.says(pin, answersAt(crmACS+"/first"))
	if m := p.read(); m.Outcome != idp.RefreshApplied || p.acs() != crmACS+"/first" {
		t.Errorf("the same said anew: %s %q", m.Outcome, m.Detail)
	}
}

// TestSA27ADocumentPublishedEarlierWaits, also one that was never seen here.
func TestSA27ADocumentPublishedEarlierWaits(t *testing.T) {
	t.Parallel()
	pin := &wire.Signer{Key: hrKey().Key}
	pin.Certificate = lastingOf(t, pin.Key, time.Now().Add(90*24*time.Hour))
	p := newPublisher(t, pemOf(pin))
	now := p.clock.Now()
	for _, c := range []struct {
		url     string
		at      time.Time
		outcome string
	}{
		{crmACS + "/a", now, idp.RefreshApplied},
		{crmACS + "/b", now.Add(-time.Hour), idp.RefreshWaiting},
		{crmACS + "/c", time.Time{}, idp.RefreshWaiting},
		{crmACS + "/d", now.Add(time.Hour), idp.RefreshApplied},
	} {
		p.says(nil, answersAt(c.url))
		document := p.document
		if !c.at.IsZero() {
			document = publishedAt(document, c.at, t)
		}
		el, err := wire.Parse(document)
		p.must(err)
		el.CreateAttr("ID", wire.NewID())
		p.must(pin.Sign(el))
		p.publish(wire.Serialize(el))
		if m := p.read(); m.Outcome != c.outcome {
			t.Errorf("published %v: %s %q, want %s", c.at, m.Outcome, m.Detail, c.outcome)
		}
	}
}
