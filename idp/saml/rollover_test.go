package saml_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/keys"
	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

// rolling is a house whose provider stands on one ring, and whose verbs on
// another: two nodes.
type rolling struct {
	*house
	p *person
}

func newRolling(t *testing.T) *rolling {
	t.Helper()
	h := newHouse(t)
	h.ring.Lease = 50 * time.Millisecond
	other := &keys.Ring{Store: h.store, Box: h.ring.Box, Now: h.clock.Now, Subject: "gatehouse.test", Lease: h.ring.Lease}
	h.must(other.Load(t.Context()))
	h.dir.Keys = other
	return &rolling{house: h, p: h.signedIn(h.ada)}
}

// signs says which of the certificates of now has signed the assertion to an
// app; it is signed by one, always.
func (r *rolling) signs(app idp.App) idp.KeyID {
	r.t.Helper()
	request := r.redirect(r.ask(), nil, "")
	if app.ID == r.hr.ID {
		request = r.redirect(r.ask(func(q *wire.AuthnRequest) { q.Issuer = hrID }), hrKey(), "")
	}
	all := elements(r.t, r.p.get(request).form().message, "//Assertion")
	if len(all) != 1 {
		r.t.Fatalf("%d assertions", len(all))
	}
	for _, k := range r.keys() {
		if _, err := wire.VerifyElement(all[0], []*x509.Certificate{certificateOf(r.t, k)}); err == nil {
			return k.ID
		}
	}
	r.t.Fatal("no certificate of the house has signed it")
	return ""
}

// keys are all SAML keys of RSA that ever were, oldest first.
func (r *rolling) keys() []idp.SigningKey {
	r.t.Helper()
	all, err := r.store.SigningKeys(r.t.Context())
	r.must(err)
	return slices.DeleteFunc(all, func(k idp.SigningKey) bool { return k.Use != keys.UseSAML || k.Algorithm != keys.RS256 })
}

func certificateOf(t testing.TB, k idp.SigningKey) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode([]byte(k.Certificate))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// shown are the keys whose certificates a document lists, in its order.
func (r *rolling) shown(path string) (ids []idp.KeyID) {
	r.t.Helper()
	_, told := r.read(path)
	for _, c := range told.SigningCerts {
		for _, k := range r.keys() {
			if bytes.Equal(certificateOf(r.t, k).Raw, c.Raw) {
				ids = append(ids, k.ID)
			}
		}
	}
	return ids
}

func metadataOf(a idp.App) string { return "/saml/metadata/" + string(a.ID) }

func (r *rolling) is(got, want any) {
	r.t.Helper()
	if g, ok := got.([]idp.KeyID); ok {
		if w := want.([]idp.KeyID); !slices.Equal(g, w) {
			r.t.Fatalf("got %v, want %v", g, w)
		}
		return
	}
	if got != want {
		r.t.Fatalf("got %v, want %v", got, want)
	}
}

// refused demands a refusal of this kind that says each of the words.
func (r *rolling) refused(err error, kind idp.Kind, words ...string) {
	r.t.Helper()
	if !idp.IsKind(err, kind) {
		r.t.Fatalf("got %v, want %s", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			r.t.Fatalf("%v does not say %q", err, w)
		}
	}
}

// TestACertificateIsRolledOver walks the whole way: published, read, one app led
// over and back, the rest, one that stays, retired. At each step each app gets an
// assertion signed by a key that its own metadata list first.
func TestACertificateIsRolledOver(t *testing.T) {
	t.Parallel()
	r, ctx := newRolling(t), t.Context()
	old := r.keys()[0].ID
	step := func(crm, hr idp.KeyID) {
		t.Helper()
		for _, is := range []struct {
			app  idp.App
			want idp.KeyID
		}{{r.crm, crm}, {r.hr, hr}} {
			r.is(r.signs(is.app), is.want)
			r.is(r.shown(metadataOf(is.app))[0], is.want)
			answer, _ := r.read(metadataOf(is.app))
			for _, k := range r.keys() {
				if k.ID == is.want {
					wiretest.Signed(t, []byte(answer.body), certificateOf(t, k))
				}
			}
		}
	}
	step(old, old)

	_, err := r.dir.NextSAMLKeys(ctx)
	r.must(err)
	next := r.keys()[1].ID
	r.is(r.shown("/saml/metadata"), []idp.KeyID{old, next})
	r.is(r.signs(r.crm), old)
	_, err = r.dir.NextSAMLKeys(ctx)
	r.refused(err, idp.Conflict, "published already")
	// No clock has it sign, not in ten years.
	r.clock.Advance(10 * 365 * 24 * time.Hour)
	if k, err := r.ring.Key(keys.UseSAML, keys.RS256); err != nil || k.ID != string(old) {
		t.Fatalf("%s signs (%v)", k.ID, err)
	}
	r.clock.Advance(-10 * 365 * 24 * time.Hour)

	// Nobody has read it for either app yet.
	_, err = r.dir.SwitchApp(ctx, r.hr.ID, "")
	r.refused(err, idp.Invalid, "HR is not known to have this certificate")
	r.is(r.shown(metadataOf(r.crm)), []idp.KeyID{old, next})
	_, err = r.dir.SwitchRest(ctx, nil)
	r.refused(err, idp.Invalid, "HR")
	if strings.Contains(err.Error(), "CRM") {
		t.Error("the CRM has read it: ", err)
	}
	now, err := r.dir.SwitchApp(ctx, r.crm.ID, "")
	r.must(err)
	if read, ok := now.Apps[0].Has(next); !ok || read.FirstAt.IsZero() || !read.SaidAt.IsZero() {
		t.Errorf("%+v", read)
	}
	step(next, old)

	// Back, without a question, and there again.
	_, err = r.dir.SwitchApp(ctx, r.crm.ID, old)
	r.must(err)
	step(old, old)
	_, err = r.dir.SwitchApp(ctx, r.crm.ID, next)
	r.must(err)
	_, err = r.dir.RetireSAMLKey(ctx, old, false)
	r.refused(err, idp.Invalid, "signs for every app")

	// The rest, but for HR.
	_, err = r.dir.SwitchRest(ctx, []idp.AppID{r.hr.ID})
	r.must(err)
	step(next, old)
	r.is(r.shown("/saml/metadata"), []idp.KeyID{next, old})
	_, err = r.dir.RetireSAMLKey(ctx, old, false)
	r.refused(err, idp.Invalid, "still signs for HR")

	// HR's admin was called.
	_, err = r.dir.SayAppHasKey(ctx, r.hr.ID)
	r.must(err)
	_, err = r.dir.SwitchApp(ctx, r.hr.ID, "")
	r.must(err)
	step(next, next)
	now, err = r.dir.RetireSAMLKey(ctx, old, false)
	r.must(err)
	step(next, next)
	r.is(r.shown("/saml/metadata"), []idp.KeyID{next})
	if len(now.Keys) != 2 || now.Apps[0].App.SAML.SigningKey != "" || now.Apps[1].App.SAML.SigningKey != "" {
		t.Errorf("something is left: %+v", now.Apps)
	}
	// And the next time it is the same.
	_, err = r.dir.NextSAMLKeys(ctx)
	r.must(err)
	step(next, next)
}

// TestARemovedAppHoldsNoRolloverUp: it reads no certificate any more, and there is
// none to show it.
func TestARemovedAppHoldsNoRolloverUp(t *testing.T) {
	t.Parallel()
	r, ctx := newRolling(t), t.Context()
	_, err := r.dir.NextSAMLKeys(ctx)
	r.must(err)
	r.shown(metadataOf(r.crm))
	_, err = r.dir.RemoveApp(ctx, r.hr.ID, "gone")
	r.must(err)
	if answer := r.p.get(metadataOf(r.hr)); answer.StatusCode != http.StatusNotFound {
		t.Error("a removed app has metadata")
	}
	all, err := r.dir.SwitchRest(ctx, nil)
	r.must(err)
	for _, a := range all.Apps {
		if a.App.ID == r.hr.ID {
			t.Error("a removed app is among those to lead over")
		}
	}
}

func TestByForceAndBack(t *testing.T) {
	t.Parallel()
	r, ctx := newRolling(t), t.Context()
	old := r.keys()[0].ID
	_, err := r.dir.NextSAMLKeys(ctx)
	r.must(err)
	withdrawn := r.keys()[1].ID
	r.shown(metadataOf(r.crm))
	_, err = r.dir.SwitchApp(ctx, r.crm.ID, withdrawn)
	r.must(err)
	_, err = r.dir.RetireSAMLKey(ctx, withdrawn, false)
	r.refused(err, idp.Invalid, "still signs for CRM")
	_, err = r.dir.RetireSAMLKey(ctx, withdrawn, true)
	r.must(err)
	r.is(r.signs(r.crm), old)
	r.is(r.shown("/saml/metadata"), []idp.KeyID{old})

	// As if there had never been one: the next is made, and so on.
	_, err = r.dir.NextSAMLKeys(ctx)
	r.must(err)
	next := r.keys()[2].ID
	_, err = r.dir.SwitchApp(ctx, r.crm.ID, withdrawn)
	r.refused(err, idp.NotFound)
	r.shown(metadataOf(r.crm))
	_, err = r.dir.SwitchRest(ctx, []idp.AppID{r.hr.ID})
	r.must(err)
	_, err = r.dir.RetireSAMLKey(ctx, old, true)
	r.must(err)
	r.is(r.signs(r.crm), next)
	r.is(r.signs(r.hr), next)
}

// TestARevokedKeyIsReplacedDuringARollover: whichever key is revoked, every app
// goes on with one that is not.
func TestARevokedKeyIsReplacedDuringARollover(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rest   bool // the rest was led over before, HR stays
		revoke int
		crm    int // the keys that sign then, by when they were made
		hr     int
	}{
		"the present one": {false, 0, 1, 1},
		"the next one":    {false, 1, 0, 0},
		"the one before":  {true, 0, 1, 1},
		"the new one":     {true, 1, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, ctx := newRolling(t), t.Context()
			_, err := r.dir.NextSAMLKeys(ctx)
			r.must(err)
			r.shown(metadataOf(r.crm))
			_, err = r.dir.SwitchApp(ctx, r.crm.ID, "")
			r.must(err)
			if c.rest {
				_, err = r.dir.SwitchRest(ctx, []idp.AppID{r.hr.ID})
				r.must(err)
			}
			_, err = r.dir.EndKey(ctx, r.keys()[c.revoke].ID, "stolen")
			r.must(err)
			r.p = r.signedIn(r.ada)
			r.is(r.signs(r.crm), r.keys()[c.crm].ID)
			r.is(r.signs(r.hr), r.keys()[c.hr].ID)
			if slices.Contains(r.shown("/saml/metadata"), r.keys()[c.revoke].ID) {
				t.Error("it is still shown")
			}
			// What is left can be rolled over.
			now, err := r.dir.SAMLKeys(ctx)
			r.must(err)
			if !slices.ContainsFunc(now.Keys, func(k idp.SigningKey) bool { return k.Waits() }) {
				_, err = r.dir.NextSAMLKeys(ctx)
				r.must(err)
			}
			_, err = r.dir.SwitchRest(ctx, []idp.AppID{r.crm.ID, r.hr.ID})
			r.must(err)
		})
	}
}

// TestSignOnDuringARollover: while the keys are turned again and again, on
// another node, each sign-on gets an assertion signed by a certificate that the
// house shows.
func TestSignOnDuringARollover(t *testing.T) {
	t.Parallel()
	r, ctx := newRolling(t), t.Context()
	done := make(chan struct{})
	var turning sync.WaitGroup
	var signOns atomic.Int32
	turning.Go(func() {
		defer close(done)
		for turn := 0; turn < 3 || signOns.Load() < 10 && turn < 100; turn++ {
			_, err := r.dir.NextSAMLKeys(ctx)
			if err == nil {
				_, err = r.dir.SayAppHasKey(ctx, r.crm.ID)
			}
			if err == nil {
				_, err = r.dir.SwitchApp(ctx, r.crm.ID, "")
			}
			if err == nil {
				_, err = r.dir.SayAppHasKey(ctx, r.hr.ID)
			}
			var now idp.SAMLKeys
			if err == nil {
				now, err = r.dir.SwitchRest(ctx, nil)
			}
			if err == nil {
				i := slices.IndexFunc(now.Keys, func(k idp.SigningKey) bool { return !k.RetiredAt.IsZero() })
				_, err = r.dir.RetireSAMLKey(ctx, now.Keys[i].ID, false)
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	for {
		select {
		case <-done:
			turning.Wait()
			if n := signOns.Load(); n < 10 {
				t.Errorf("%d sign-ons only", n)
			}
			return
		default:
			r.signs([]idp.App{r.crm, r.hr}[signOns.Add(1)%2])
		}
	}
}

// TestOnlyTheAppsOwnReadingCounts: who looks at the document by a browser, asks
// for its head or reads that of the house, is not the app; an app that has the
// document already is.
func TestOnlyTheAppsOwnReadingCounts(t *testing.T) {
	t.Parallel()
	r, ctx := newRolling(t), t.Context()
	read := func(method, path string, headers ...string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(ctx, method, r.server.URL+path, nil)
		r.must(err)
		req.Header.Set("User-Agent", "Shibboleth/3.4"+strings.Repeat("x", 1000))
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		res, err := http.DefaultClient.Do(req)
		r.must(err)
		r.must(res.Body.Close())
		return res.StatusCode
	}
	reads := func() []idp.KeyRead {
		t.Helper()
		all, err := r.store.KeyReads(ctx)
		r.must(err)
		return all
	}
	read("GET", "/saml/metadata")
	read("HEAD", metadataOf(r.crm))
	read("GET", metadataOf(r.crm), "Sec-Fetch-Mode", "navigate")
	if all := reads(); len(all) != 0 {
		t.Fatalf("%+v", all)
	}
	answer, _ := r.read(metadataOf(r.crm))
	first := reads()
	if len(first) != 1 || first[0].AppID != r.crm.ID {
		t.Fatalf("%+v", first)
	}
	// Not each of many is written down.
	r.clock.Advance(time.Second)
	read("GET", metadataOf(r.crm))
	if again := reads(); again[0].LastAt != first[0].LastAt {
		t.Error("written again within a second")
	}
	r.clock.Advance(time.Hour)
	if got := read("GET", metadataOf(r.crm), "If-None-Match", answer.Header.Get("ETag")); got != http.StatusNotModified {
		t.Errorf("%d", got)
	}
	again := reads()[0]
	if !again.LastAt.After(first[0].LastAt.Add(time.Hour)) || again.FirstAt != first[0].FirstAt || !strings.HasPrefix(again.Agent, "Shibboleth/3.4x") || len(again.Agent) > 300 {
		t.Errorf("%+v", again)
	}
}

// TestAnAppOfECDSAIsLedOverToo: it has a key of its own kind, and the next one of
// that kind; where no app wants that kind, nobody has to be led over.
func TestAnAppOfECDSAIsLedOverToo(t *testing.T) {
	t.Parallel()
	r, ctx := newRolling(t), t.Context()
	ec := func() []string {
		t.Helper()
		published, err := r.ring.Published(keys.UseSAML)
		r.must(err)
		var ids []string
		for _, k := range published {
			if k.Algorithm == keys.ES256 {
				ids = append(ids, k.ID)
			}
		}
		return ids
	}
	before := ec()
	_, err := r.dir.NextSAMLKeys(ctx)
	r.must(err)
	alone := ec()
	if len(before) != 1 || len(alone) != 1 || alone[0] == before[0] {
		t.Fatalf("%s, then %s", before, alone)
	}
	_, err = r.dir.SwitchRest(ctx, []idp.AppID{r.crm.ID, r.hr.ID})
	r.must(err)

	r.changeApp(r.crm.ID, func(a *idp.App) { a.SAML.SignatureAlg = idp.SignECDSASHA256 })
	_, err = r.dir.NextSAMLKeys(ctx)
	r.must(err)
	both := ec()
	answer, told := r.read(metadataOf(r.crm))
	if len(both) != 2 || both[0] != alone[0] || len(told.SigningCerts) != 2 {
		t.Fatalf("%s, and %d certificates for the CRM", both, len(told.SigningCerts))
	}
	wiretest.Signed(t, []byte(answer.body), told.SigningCerts[0])
	// Not to a key of the other kind.
	_, err = r.dir.SwitchApp(ctx, r.crm.ID, r.keys()[0].ID)
	r.refused(err, idp.Invalid, "ES256")
	_, err = r.dir.SwitchApp(ctx, r.crm.ID, "")
	r.must(err)
	all := elements(t, r.p.get(r.redirect(r.ask(), nil, "")).form().message, "//Assertion")
	_, err = wire.VerifyElement(all[0], told.SigningCerts[1:])
	r.must(err)
}
