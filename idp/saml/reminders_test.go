package saml_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/idp"
)

func certificateUntil(t *testing.T, until time.Time) string {
	t.Helper()
	key := crmKey().Key
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.Add(-365 * 24 * time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// TestNothingExpiresSilently: of every certificate, ours and an app's, it is said
// 30, 14, 7 days and one before its end, and then, once each, however many nodes
// look and however often.
func TestNothingExpiresSilently(t *testing.T) {
	t.Parallel()
	r, ctx := newRolling(t), t.Context()
	soon := certificateUntil(t, r.clock.Now().Add(60*24*time.Hour))
	r.changeApp(r.crm.ID, func(a *idp.App) { a.SAML.SigningCerts = []string{soon}; a.SAML.EncryptionCert = soon })
	r.changeApp(r.hr.ID, func(a *idp.App) { a.SAML.SigningCerts = nil })
	all, err := r.dir.Expiries(ctx)
	r.must(err)
	if len(all) != 4 || all[1].AppID == "" || all[2].KeyID == "" { // the CRM's two; RS256, ES256
		t.Fatalf("%+v", all)
	}
	if few, err := r.dir.Expiring(ctx); err != nil || len(few) != 0 {
		t.Fatalf("%+v %v", few, err)
	}
	kinds := func() (said []string) {
		t.Helper()
		events, _, err := r.store.Events(ctx, idp.EventQuery{Limit: 200})
		r.must(err)
		for _, e := range events {
			if strings.HasPrefix(e.Kind, "certificate.") {
				said = append(said, e.Kind+" "+e.Detail["days"]+" "+e.Detail["app"]+e.Detail["key"])
			}
		}
		slices.Sort(said)
		return said
	}
	look := func() {
		t.Helper()
		var nodes sync.WaitGroup
		for range 4 {
			nodes.Go(func() {
				if _, err := r.dir.RemindOfExpiries(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		nodes.Wait()
	}
	const day = 24 * time.Hour
	want := []string{}
	for _, step := range []struct {
		after time.Duration
		says  string
	}{
		{29 * day, ""},
		{day + time.Hour, "certificate.expiring 30 CRM"},
		{day, ""},
		{15 * day, "certificate.expiring 14 CRM"},
		{11 * day, "certificate.expiring 7 CRM"}, // three days before
		{2*day + 12*time.Hour, "certificate.expiring 1 CRM"},
		{12 * time.Hour, "certificate.expired 0 CRM"},
		{day, ""},
	} {
		r.clock.Advance(step.after)
		look()
		look()
		if step.says != "" {
			want = append(want, step.says, step.says) // signing and encryption
		}
		slices.Sort(want)
		if got := kinds(); !slices.Equal(got, want) {
			t.Fatalf("after %s: %q, want %q", step.after, got, want)
		}
	}
	// Replaced: nothing is said of it any more. And ours, ten years on, while the
	// house was down.
	r.changeApp(r.crm.ID, func(a *idp.App) { a.SAML.SigningCerts, a.SAML.EncryptionCert = nil, "" })
	certs, err := r.dir.Expiries(ctx)
	r.must(err)
	r.clock.Advance(certs[0].NotAfter.Sub(r.clock.Now()) - 3*day)
	look()
	for _, e := range certs {
		want = append(want, "certificate.expiring 7 "+string(e.KeyID))
	}
	slices.Sort(want)
	if got := kinds(); !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
	if few, err := r.dir.Expiring(ctx); err != nil || len(few) != 2 {
		t.Errorf("%+v %v", few, err)
	}
}

// TestMetadataDoNotEndSilently: what nobody reads again is spoken of before its
// end, what is read again only when it has ended all the same, each document anew,
// and a removed app not at all.
func TestMetadataDoNotEndSilently(t *testing.T) {
	t.Parallel()
	r, ctx := newRolling(t), t.Context()
	const day = 24 * time.Hour
	until := idp.Time(r.clock.Now().Add(10 * day))
	pin := certificateUntil(t, until.Add(365*day))
	r.changeApp(r.crm.ID, func(a *idp.App) { a.SAML.SigningCerts, a.SAML.Metadata.Until = nil, until })
	r.changeApp(r.hr.ID, func(a *idp.App) {
		a.SAML.SigningCerts = nil
		a.SAML.Metadata = idp.MetadataSource{URL: "https://hr.example.com/metadata", Pin: pin, Until: until}
	})
	gone := idp.App{ID: idp.NewAppID(), Name: "gone", Protocol: idp.ProtocolSAML, Identifier: "urn:gone", CreatedAt: until, UpdatedAt: until, SAML: &idp.SAMLSettings{
		ACS: []idp.AssertionConsumer{{URL: crmACS}}, Removed: true, Metadata: idp.MetadataSource{Until: until}}}
	r.commit(idp.Change{Apps: []idp.App{gone}})
	look := func(want ...string) {
		t.Helper()
		for range 2 {
			_, err := r.dir.RemindOfExpiries(ctx)
			r.must(err)
		}
		events, _, err := r.store.Events(ctx, idp.EventQuery{Limit: 200})
		r.must(err)
		var said []string
		for _, e := range events {
			if e.Detail["not_after"] != "" {
				said = append(said, e.Kind+" "+e.Detail["purpose"]+" "+e.Detail["days"]+" "+e.Detail["app"])
			}
		}
		slices.Sort(said)
		if !slices.Equal(said, want) {
			t.Fatalf("%q, want %q", said, want)
		}
	}
	look("metadata.expiring metadata 14 CRM")
	r.changeApp(r.crm.ID, func(a *idp.App) { a.SAML.Metadata.Until = until.Add(day) })
	look("metadata.expiring metadata 14 CRM", "metadata.expiring metadata 14 CRM")
	r.changeApp(r.crm.ID, func(a *idp.App) { a.SAML.Metadata.Until = time.Time{} })
	r.clock.Advance(10 * day)
	look("metadata.expired metadata 0 HR", "metadata.expiring metadata 14 CRM", "metadata.expiring metadata 14 CRM")
	all, err := r.dir.Expiries(ctx)
	r.must(err)
	if !slices.ContainsFunc(all, func(e idp.Expiry) bool { return e.Purpose == "pinned" && e.AppID == r.hr.ID && e.IsCertificate() }) {
		t.Errorf("nothing is known of the pinned certificate: %+v", all)
	}
}
