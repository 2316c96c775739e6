package oidc_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/store"
)

// foreign makes the wiki somebody else's app.
func (h *house) foreign() {
	h.t.Helper()
	h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.ThirdParty = true })
}

// asked demands the page that asks for consent and returns its ticket.
func (p *person) asked(r reply) string {
	p.h.t.Helper()
	to, q := r.location(p.h.t)
	if to != "/oauth/consent" {
		p.h.t.Fatalf("sent to %s %v, not to be asked", to, q)
	}
	page := p.get(to + "?" + q.Encode())
	if page.StatusCode != http.StatusOK || !strings.HasPrefix(page.body, "ask ") {
		p.h.t.Fatalf("%d %s", page.StatusCode, page.body)
	}
	return p.h.browser.fields()["ticket"]
}

func (p *person) answers(ticket, answer string) reply {
	p.h.t.Helper()
	return p.post("/oauth/consent", url.Values{"ticket": {ticket}, "answer": {answer}, "csrf": {"good"}})
}

// allows lets the app have what it asks for, and returns the code.
func (p *person) allows(changes ...string) string {
	p.h.t.Helper()
	to, q := p.answers(p.asked(p.authorize(changes...)), "allow").location(p.h.t)
	if to != callback || q.Get("code") == "" || q.Get("state") != "st" || q.Get("iss") != p.h.provider.Issuer {
		p.h.t.Fatalf("allowed: %s %v", to, q)
	}
	return q.Get("code")
}

func TestAnAppOfTheHouseIsNotAskedFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.signedIn(h.ada).code("scope=openid profile email groups offline_access", "prompt=consent")
}

func TestConsentIsAskedOnceAndForWhatIsNew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.foreign()
	ada := h.signedIn(h.ada)
	ada.allows("scope=openid email")
	h.wantEvent("consent.give")
	ada.code("scope=openid")
	ada.code("scope=openid email", "prompt=none")
	h.browser.spoken = nil
	ticket := ada.asked(ada.authorize("scope=openid email groups", "ui_locales=de"))
	if f := h.browser.fields(); f["scopes"] != "openid email groups" || f["allowed"] != "openid email" {
		t.Errorf("asked %v", f)
	}
	if len(h.browser.spoken) != 1 || !slices.Equal(h.browser.spoken[0], []string{"de"}) {
		t.Errorf("the page is to speak %v", h.browser.spoken)
	}
	ada.answers(ticket, "allow")
	ada.code("scope=openid groups email")
	ada.allows("scope=openid", "prompt=consent")

	// It was the person, for this app.
	have, err := h.store.ConsentTo(t.Context(), h.ada.ID, h.wiki.ID)
	if h.must(err); !slices.Equal(have.Scopes, []string{"openid", "email", "groups"}) {
		t.Errorf("remembered %v", have.Scopes)
	}
	events, _, err := h.store.Events(t.Context(), idp.EventQuery{UserID: h.ada.ID, AppID: h.wiki.ID, Limit: 50})
	h.must(err)
	for _, e := range events {
		if e.Kind == "consent.give" && (e.Actor.Kind != "user" || e.Actor.UserID != h.ada.ID) {
			t.Errorf("given by %+v", e.Actor)
		}
	}
}

func TestConsentIsAskedAfterASignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.foreign()
	p := h.person()
	to, _ := p.authorize().location(t)
	in, err := h.gate.SignIn(t.Context(), idp.SignInID(strings.TrimPrefix(to, "/signin/")), p.cookie("bind"))
	h.must(err)
	p.finish(in, h.ada)
	r := p.get("/oauth/authorize/resume?signin=" + string(in.ID))
	first := p.asked(r)
	again := p.asked(r) // the page can be opened again
	if _, q := p.answers(again, "allow").location(t); q.Get("code") == "" {
		t.Errorf("no code: %v", q)
	}
	// The other tab is not asked any more.
	if to, q := p.get("/oauth/consent?" + url.Values{"ticket": {first}}.Encode()).location(t); to != callback || q.Get("code") == "" {
		t.Errorf("the other tab: %s %v", to, q)
	}
}

func TestConsentIsRefusedOrCannotBeAsked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.foreign()
	ada := h.signedIn(h.ada)
	if to, q := ada.authorize("prompt=none").location(t); to != callback || q.Get("error") != "consent_required" || q.Get("state") != "st" || q.Get("iss") != h.provider.Issuer {
		t.Errorf("prompt=none: %s %v", to, q)
	}
	if to, q := ada.answers(ada.asked(ada.authorize()), "cancel").location(t); to != callback || q.Get("error") != "access_denied" || q.Get("state") != "st" || q.Get("iss") != h.provider.Issuer {
		t.Errorf("cancelled: %s %v", to, q)
	}
	h.wantEvent("oidc.consent.cancel")
	ada.asked(ada.authorize()) // nothing was remembered
	ada.answers(ada.asked(ada.authorize("response_mode=form_post")), "cancel")
	if f := h.browser.fields(); f["error"] != "access_denied" || f["state"] != "st" {
		t.Errorf("cancelled, by form_post: %v", f)
	}
}

// TestConsentIsJudgedByThePolicyOfItsMoment: a rule that came while the person
// thought about the question holds for the answer, too.
func TestConsentIsJudgedByThePolicyOfItsMoment(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.foreign()
	ada := h.signedIn(h.ada)
	ticket := ada.asked(ada.authorize())
	h.asks(h.wiki, idp.Demand{SecondFactor: true})
	if _, q := ada.answers(ticket, "allow").location(t); q.Get("error") != "login_required" || q.Get("code") != "" {
		t.Errorf("allowed after the rule: %v", q)
	}
	if have, err := h.store.Consents(t.Context(), h.ada.ID); err != nil || len(have) > 0 {
		t.Errorf("consent was given: %v %v", have, err)
	}
}

// TestCS01ConsentIsGivenByTheSessionThatWasAsked also holds that nobody
// answers for another: not from another site, not in another session, not of a
// question that was tampered with or is old.
func TestCS01ConsentIsGivenByTheSessionThatWasAsked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.foreign()
	ada := h.signedIn(h.ada)
	ticket := ada.asked(ada.authorize())
	form := url.Values{"ticket": {ticket}, "answer": {"allow"}}
	if r := ada.post("/oauth/consent", form); r.StatusCode != http.StatusForbidden {
		t.Errorf("without the form's token: %d %s", r.StatusCode, r.body)
	}
	other := h.signedIn(h.ada) // the same person, in another browser
	for name, r := range map[string]reply{
		"another session":     other.answers(ticket, "allow"),
		"another person":      h.signedIn(h.bob).answers(ticket, "allow"),
		"nobody":              h.person().answers(ticket, "allow"),
		"another session, to": other.get("/oauth/consent?" + url.Values{"ticket": {ticket}}.Encode()),
		"tampered":            ada.answers(ticket[:len(ticket)-4]+"AAAA", "allow"),
		"no ticket":           ada.answers("", "allow"),
		"no answer":           ada.answers(ticket, ""),
		"another answer":      ada.answers(ticket, "allowed"),
		"too long":            ada.get("/oauth/consent?ticket=" + strings.Repeat("a", 40<<10)),
	} {
		t.Log(name)
		refusedWithPage(t, r)
	}
	// By GET it only shows.
	if r := ada.get("/oauth/consent?" + url.Values{"ticket": {ticket}, "answer": {"allow"}, "csrf": {"good"}}.Encode()); r.StatusCode != http.StatusOK {
		t.Errorf("by GET: %d", r.StatusCode)
	}
	// A question for one app is none for another.
	h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.RedirectURIs = []string{"https://new.example/cb"} })
	refusedWithPage(t, ada.answers(ticket, "allow"))
	h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.RedirectURIs = []string{callback} })
	h.clock.Advance(16 * time.Minute)
	refusedWithPage(t, ada.answers(ticket, "allow"))
	if have, err := h.store.Consents(t.Context(), h.ada.ID); err != nil || len(have) > 0 {
		t.Errorf("consent was given: %v %v", have, err)
	}
}

func TestConsentOfTheSuspendedIsWorthNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.foreign()
	ada := h.signedIn(h.ada)
	ticket := ada.asked(ada.authorize())
	_, err := h.dir.Suspend(t.Context(), h.ada.ID, "test")
	h.must(err)
	refusedWithPage(t, ada.answers(ticket, "allow"))
	if have, err := h.store.Consents(t.Context(), h.ada.ID); err != nil || len(have) > 0 {
		t.Errorf("consent was given: %v %v", have, err)
	}
}

func TestConsentWithoutAGrantGetsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.foreign()
	if _, q := h.signedIn(h.bob).authorize().location(t); q.Get("error") != "access_denied" {
		t.Errorf("bob is asked about an app he may not use: %v", q)
	}
}

func TestConsentTakenBackEndsWhatTheAppHolds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.foreign()
	ada := h.signedIn(h.ada)
	had := h.asWiki().exchange(ada.allows("scope=openid offline_access"))
	brief := h.asWiki().exchange(ada.code("scope=openid"))
	to := "redirect_uri=https://other.example/cb"
	_, q := ada.authorize("client_id=other", to).location(t)
	elsewhere := h.asOther().exchange(q.Get("code"), to).text("access_token")
	waiting := ada.code("scope=openid offline_access") // given out, and not yet exchanged
	c, err := h.store.ConsentTo(t.Context(), h.ada.ID, h.wiki.ID)
	h.must(err)
	h.must(h.dir.RevokeConsent(t.Context(), c))
	h.wantEvent("consent.revoke")

	if a := h.asWiki().refresh(had.text("refresh_token")); a.text("error") != "invalid_grant" {
		t.Errorf("refreshed: %v", a.body)
	}
	for _, a := range []answer{had, brief} {
		if got := h.asWiki().post("/oauth/introspect", url.Values{"token": {a.text("access_token")}}); got.body["active"] != false {
			t.Errorf("introspection: %v", got.body)
		}
	}
	if got := h.userinfo(elsewhere); got.status != http.StatusOK {
		t.Errorf("another app's token has ended: %v", got.body)
	}
	if a := h.asWiki().exchange(waiting); a.text("error") != "invalid_grant" {
		t.Errorf("a code of before was exchanged: %v", a.body)
	}
	// Given anew, it brings nothing of the old back.
	ada.allows("scope=openid offline_access")
	if a := h.asWiki().refresh(had.text("refresh_token")); a.text("error") != "invalid_grant" {
		t.Errorf("refreshed: %v", a.body)
	}
}

func TestACodeOfBeforeIsDeadAlsoWhenConsentIsGivenAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.foreign()
	ada := h.signedIn(h.ada)
	old := ada.allows()
	c, err := h.store.ConsentTo(t.Context(), h.ada.ID, h.wiki.ID)
	h.must(err)
	h.must(h.dir.RevokeConsent(t.Context(), c))
	ada.allows()
	if a := h.asWiki().exchange(old); a.text("error") != "invalid_grant" {
		t.Errorf("exchanged: %v", a.body)
	}
	if left, err := h.store.FamiliesIn(t.Context(), h.ada.ID, h.wiki.ID, h.clock.Now()); err != nil || len(left) > 0 {
		t.Errorf("families %v %v", left, err)
	}
}

// TestConsentTakenBackDuringAnExchange: whichever comes first, no token is left
// that works.
func TestConsentTakenBackDuringAnExchange(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.foreign()
	ada := h.signedIn(h.ada)
	for range 30 {
		code := ada.allows("scope=openid offline_access")
		c, err := h.store.ConsentTo(t.Context(), h.ada.ID, h.wiki.ID)
		h.must(err)
		done := make(chan answer, 1)
		go func() {
			a, err := h.asWiki().try("/oauth/token", exchange(code))
			if err != nil {
				t.Error(err)
			}
			done <- a
		}()
		h.must(h.dir.RevokeConsent(t.Context(), c))
		a := <-done
		if token := a.text("refresh_token"); token != "" && h.asWiki().refresh(token).status == http.StatusOK {
			t.Fatal("what was issued while the consent was taken back lives on")
		}
	}
}

// overtaken is a store in which something happens just before a change.
type overtaken struct {
	*store.Store
	when   func(idp.Change) bool
	before func() error
}

// isTakenBack and isGone are the first and the last step of taking a consent back.
func isTakenBack(c idp.Change) bool { return len(c.Consents) > 0 && !c.Consents[0].RevokedAt.IsZero() }
func isGone(c idp.Change) bool      { return len(c.RemoveConsents) > 0 }

func (s overtaken) Commit(ctx context.Context, c idp.Change) (idp.Committed, error) {
	if s.when(c) {
		if err := s.before(); err != nil {
			return idp.Committed{}, err
		}
	}
	return s.Store.Commit(ctx, c)
}

func (s overtaken) InForce(ctx context.Context, n int64) error { return s.Store.InForce(ctx, n) }

func TestConsentTakenBackIsOvertakenBySignOn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.foreign()
	ada := h.signedIn(h.ada)
	code := ada.allows("scope=openid offline_access")
	c, err := h.store.ConsentTo(t.Context(), h.ada.ID, h.wiki.ID)
	h.must(err)
	var got answer
	h.dir.Store = overtaken{h.store, isTakenBack, func() error { got = h.asWiki().exchange(code); return nil }}
	h.must(h.dir.RevokeConsent(t.Context(), c))
	if token := got.text("refresh_token"); token == "" || h.asWiki().refresh(token).status == http.StatusOK {
		t.Errorf("what was issued meanwhile lives on, or never was: %v", got.body)
	}
}

// TestConsentHalfTakenBackCanBeTakenBackAgain: also when the person has signed on
// to the app in between.
func TestConsentHalfTakenBackCanBeTakenBackAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.foreign()
	ada := h.signedIn(h.ada)
	had := h.asWiki().exchange(ada.allows("scope=openid offline_access"))
	waiting := ada.code("scope=openid offline_access")
	c, err := h.store.ConsentTo(t.Context(), h.ada.ID, h.wiki.ID)
	h.must(err)
	var during answer
	h.dir.Store = overtaken{h.store, isGone, func() error {
		during = h.asWiki().exchange(waiting)
		return idp.Errorf(idp.Unavailable, "the database is gone")
	}}
	if err := h.dir.RevokeConsent(t.Context(), c); !idp.IsKind(err, idp.Unavailable) {
		t.Fatal(err)
	}
	if h.asWiki().refresh(had.text("refresh_token")).status == http.StatusOK {
		t.Error("the tokens wait for the consent")
	}
	if during.text("error") != "invalid_grant" {
		t.Errorf("a code of before was exchanged: %v", during.body)
	}
	if _, err := h.store.ConsentTo(t.Context(), h.ada.ID, h.wiki.ID); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("it counts still: %v", err)
	}
	if left, err := h.store.Consents(t.Context(), h.ada.ID); err != nil || len(left) != 1 {
		t.Errorf("there is nothing left to take back: %v %v", left, err)
	}
	h.dir.Store = h.store
	h.must(h.dir.RevokeConsent(t.Context(), c))
	if left, err := h.store.Consents(t.Context(), h.ada.ID); err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}

// TestConsentGivenAfterOneThatWasHalfTakenBack: it is a new one, and brings
// nothing of the old back.
func TestConsentGivenAfterOneThatWasHalfTakenBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.foreign()
	ada := h.signedIn(h.ada)
	had := h.asWiki().exchange(ada.allows("scope=openid offline_access"))
	old := ada.code("scope=openid offline_access")
	c, err := h.store.ConsentTo(t.Context(), h.ada.ID, h.wiki.ID)
	h.must(err)
	c.RevokedAt = h.clock.Now()
	_, err = h.store.Commit(t.Context(), idp.Change{Consents: []idp.Consent{c}}) // and the process died
	h.must(err)
	if got := h.asWiki().exchange(ada.allows("scope=openid")); got.text("access_token") == "" {
		t.Errorf("exchanged: %v", got.body)
	}
	now, err := h.store.ConsentTo(t.Context(), h.ada.ID, h.wiki.ID)
	h.must(err)
	if now.ID == c.ID || len(now.Scopes) != 1 {
		t.Errorf("the new consent is %+v", now)
	}
	if h.asWiki().refresh(had.text("refresh_token")).status == http.StatusOK {
		t.Error("what was given out on the one before lives on")
	}
	if a := h.asWiki().exchange(old); a.text("error") != "invalid_grant" {
		t.Errorf("a code of before was exchanged: %v", a.body)
	}
}

// TestConsentCoversClaimsByName: what an app asks for by the claims parameter is
// asked, remembered and judged like the scope that tells it.
func TestConsentCoversClaimsByName(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.foreign()
	ada := h.signedIn(h.ada)
	ada.allows("scope=openid")
	const wish = `claims={"userinfo":{"email":null},"id_token":{"groups":null}}`
	if _, q := ada.authorize("scope=openid", wish, "prompt=none").location(t); q.Get("error") != "consent_required" || q.Get("code") != "" {
		t.Fatalf("told by name what nobody agreed to: %v", q)
	}
	ticket := ada.asked(ada.authorize("scope=openid", wish))
	if f := h.browser.fields(); f["scopes"] != "openid email groups" || f["allowed"] != "openid" {
		t.Errorf("asked %v", f)
	}
	_, q := ada.answers(ticket, "allow").location(t)
	a := h.asWiki().exchange(q.Get("code"))
	if id := claimsOf(t, a.text("id_token")); a.text("scope") != "openid" || id["groups"] == nil || id["email"] != nil {
		t.Errorf("told %v with scope %q", id, a.text("scope"))
	}
	ada.code("scope=openid", wish, "prompt=none")
	ada.code("scope=openid email", "prompt=none") // it is the same that is told

	// A consent that speaks of less by the time of the exchange is none.
	code := ada.code("scope=openid", wish)
	c, err := h.store.ConsentTo(t.Context(), h.ada.ID, h.wiki.ID)
	h.must(err)
	c.Scopes = []string{"openid"}
	h.commit(idp.Change{Consents: []idp.Consent{c}})
	h.asWiki().exchange(code).wants(t, http.StatusBadRequest, "invalid_grant")
}

// TestACodeOfBeforeThePersonIsAskedIsNotExchanged: the app was made one of a
// third party while the code was on its way.
func TestACodeOfBeforeThePersonIsAskedIsNotExchanged(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.signedIn(h.ada).code("scope=openid offline_access")
	h.foreign()
	h.asWiki().exchange(code).wants(t, http.StatusBadRequest, "invalid_grant")
	h.wantEvent("oidc.code.refuse")
}
