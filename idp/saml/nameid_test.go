package saml_test

import (
	"context"
	"slices"
	"testing"
	"time"

	crewjam "github.com/crewjam/saml"

	"gatehouse/idp"
	"gatehouse/idp/saml"
	"gatehouse/idp/saml/wire"
)

// takes has the CRM ask in p's browser and returns what it was told.
func (p *person) takes(change ...func(*wire.AuthnRequest)) *crewjam.Assertion {
	p.h.t.Helper()
	a := p.h.ask(change...)
	return mustAccept(p.h.t, p.h.asCRM(), p.get(p.h.redirect(a, nil, "")).form(), a.ID)
}

func wants(format string) func(*wire.AuthnRequest) {
	return func(r *wire.AuthnRequest) { r.NameIDPolicy.Format = format }
}

func nameOf(a *crewjam.Assertion) idp.NameID {
	n := a.Subject.NameID
	return idp.NameID{Value: n.Value, Format: n.Format, NameQualifier: n.NameQualifier, SPNameQualifier: n.SPNameQualifier}
}

func TestATransientNameIDIsOfOneSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, again := h.signedIn(h.ada), h.signedIn(h.ada)
	no := false
	first := nameOf(p.takes(wants(wire.NameIDTransient), func(r *wire.AuthnRequest) { r.NameIDPolicy.AllowCreate = &no })) // makes no account
	if len(first.Value) != 23 || first.Value[0] != '_' || first.Format != wire.NameIDTransient || first.NameQualifier != h.provider.EntityID || first.SPNameQualifier != crmID {
		t.Errorf("NameID %+v", first)
	}
	if same := nameOf(p.takes(wants(wire.NameIDTransient), func(r *wire.AuthnRequest) { r.Subject = &wire.NameID{Value: first.Value} })); same != first {
		t.Errorf("%+v became %+v within a session", first, same)
	}
	other := nameOf(again.takes(wants(wire.NameIDTransient)))
	if other.Value == first.Value {
		t.Error("two sessions have one transient name")
	}
	list := h.participants(h.ada)
	if len(list) != 2 || !slices.ContainsFunc(list, func(p idp.Participant) bool { return p.NameID == first }) ||
		!slices.ContainsFunc(list, func(p idp.Participant) bool { return p.NameID == other }) {
		t.Errorf("written down %+v", list)
	}
	if persistent := nameOf(again.takes()); persistent.Value == other.Value || persistent.Format != wire.NameIDPersistent {
		t.Errorf("the app's own format is %+v", persistent)
	}
}

func TestANameIDFromTheAppsOwnSource(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const windows = "urn:oasis:names:tc:SAML:1.1:nameid-format:WindowsDomainQualifiedName"
	known := func(format, source string) {
		h.changeApp(h.crm.ID, func(a *idp.App) { a.SAML.NameIDFormat, a.SAML.NameIDSource = format, source })
	}
	p := h.signedIn(h.ada)
	known(wire.NameIDUnspecified, "username")
	if n := nameOf(p.takes()); n != (idp.NameID{Value: "ada", Format: wire.NameIDUnspecified}) {
		t.Errorf("NameID %+v", n)
	}
	for _, c := range []struct{ own, source, asked, want, format string }{
		{wire.NameIDUnspecified, "email", wire.NameIDUnspecified, "ada@example.com", wire.NameIDUnspecified}, // the setting counts at once
		{wire.NameIDUnspecified, "id", "", string(h.ada.ID), wire.NameIDUnspecified},
		{windows, "username", windows, "ada", windows},
		{windows, "username", "", "ada", windows},
		{windows, "username", wire.NameIDEmail, "ada@example.com", wire.NameIDEmail},
		{wire.NameIDEmail, "email", wire.NameIDEmail, "ada@example.com", wire.NameIDEmail},
	} {
		known(c.own, c.source)
		if n := nameOf(p.takes(wants(c.asked))); n.Value != c.want || n.Format != c.format {
			t.Errorf("%+v: NameID %+v", c, n)
		}
	}
	known(wire.NameIDUnspecified, "username")
	p.get(h.redirect(h.ask(wants(windows)), nil, "")).wantStatus(wire.StatusInvalidNameIDPolicy)

	// It follows the person, and never into the account of somebody else.
	h.changeUser(h.ada.ID, func(u *idp.User) { u.Username = "ada.lovelace" })
	if n := nameOf(p.takes()); n.Value != "ada.lovelace" {
		t.Errorf("renamed, she is %+v", n)
	}
	h.changeUser(h.ada.ID, func(u *idp.User) { u.Username = "lovelace" })
	h.changeUser(h.bob.ID, func(u *idp.User) { u.Username = "ada.lovelace" })
	h.commit(idp.Change{Grants: []idp.Grant{{ID: idp.NewGrantID(), AppID: h.crm.ID, UserID: h.bob.ID, CreatedAt: h.clock.Now()}}})
	h.signedIn(h.bob).get(h.redirect(h.ask(), nil, "")).wantStatus(wire.StatusInvalidNameIDPolicy)
	if h.lastRule() != "name_id_policy" {
		t.Errorf("rule %q", h.lastRule())
	}
	known(wire.NameIDUnspecified, "email")
	h.changeUser(h.ada.ID, func(u *idp.User) { u.Email = "" })
	p.get(h.redirect(h.ask(), nil, "")).wantStatus(wire.StatusInvalidNameIDPolicy)
}

// TestAnAddressThatWasSomebodyElses: an address goes from one person to another,
// and the app's account of the one does not go with it.
func TestAnAddressThatWasSomebodyElses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.signedIn(h.ada).takes(wants(wire.NameIDEmail))
	h.changeUser(h.ada.ID, func(u *idp.User) { u.Email = "countess@example.com" })
	h.changeUser(h.bob.ID, func(u *idp.User) { u.Email = "ada@example.com" })
	h.commit(idp.Change{Grants: []idp.Grant{{ID: idp.NewGrantID(), AppID: h.crm.ID, UserID: h.bob.ID, CreatedAt: h.clock.Now()}}})
	bob := h.signedIn(h.bob)
	bob.get(h.redirect(h.ask(wants(wire.NameIDEmail)), nil, "")).wantStatus(wire.StatusInvalidNameIDPolicy)
	h.changeUser(h.bob.ID, func(u *idp.User) { u.Email = "bob@example.com" })
	if n := nameOf(bob.takes(wants(wire.NameIDEmail))); n.Value != "bob@example.com" {
		t.Errorf("NameID %+v", n)
	}
}

// TestANameIsGivenFree: by an owner who knows that the account of before is gone,
// and no name that is somebody's still, was made here, or is in use.
func TestANameIsGivenFree(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	h.commit(idp.Change{Grants: []idp.Grant{{ID: idp.NewGrantID(), AppID: h.crm.ID, UserID: h.bob.ID, CreatedAt: h.clock.Now()}}})
	ada := h.signedIn(h.ada)
	persistent := nameOf(ada.takes())
	ada.takes(wants(wire.NameIDEmail))
	release := func(name string) error { _, err := h.dir.ReleaseName(ctx, h.crm.ID, name); return err }
	for name, kind := range map[string]idp.Kind{"ada@example.com": idp.Invalid, persistent.Value: idp.Invalid, "nobody@example.com": idp.NotFound} {
		if err := release(name); !idp.IsKind(err, kind) {
			t.Errorf("%s: %v, want %s", name, err, kind)
		}
	}
	h.changeUser(h.ada.ID, func(u *idp.User) { u.Email = "countess@example.com" })
	h.changeUser(h.bob.ID, func(u *idp.User) { u.Email = "ada@example.com" })
	if err := release("ada@example.com"); !idp.IsKind(err, idp.Denied) {
		t.Errorf("while she is signed in there: %v", err)
	}
	bob := h.signedIn(h.bob)
	bob.get(h.redirect(h.ask(wants(wire.NameIDEmail)), nil, "")).wantStatus(wire.StatusInvalidNameIDPolicy)
	s, err := h.gate.Session(ctx, ada.cookie("session"))
	h.must(err)
	_, err = h.dir.SignOut(ctx, s)
	h.must(err)
	h.must(release("ada@example.com"))
	if n := nameOf(bob.takes(wants(wire.NameIDEmail))); n.Value != "ada@example.com" {
		t.Errorf("NameID %+v", n)
	}
	list, _, err := h.store.Events(ctx, idp.EventQuery{UserID: h.ada.ID})
	h.must(err)
	if !slices.ContainsFunc(list, func(e idp.Event) bool { return e.Kind == "app.name.release" && e.Detail["name"] == "ada@example.com" }) {
		t.Error("that it was given free is not written down")
	}
	if err := release("ada@example.com"); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("of whoever has it now: %v", err)
	}
}

// TestALogoutNamesAllThatWasIssued: an app that asked in several formats during
// one session is told by each of them, exactly as it was issued, and by none of
// another session.
func TestALogoutNamesAllThatWasIssued(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.crm.ID, byBrowser("redirect"))
	other := h.signedIn(h.ada)
	other.takes(wants(wire.NameIDEmail))
	p := h.signedIn(h.ada)
	var issued []idp.NameID
	for _, format := range []string{"", wire.NameIDTransient, wire.NameIDPersistent, wire.NameIDTransient} {
		issued = append(issued, nameOf(p.takes(wants(format))))
	}
	if issued[2] != issued[0] || issued[3] != issued[1] {
		t.Fatalf("issued %+v", issued)
	}
	if names := p.told(); !slices.Equal(names, issued[:2]) {
		t.Errorf("told of %+v, issued %+v", names, issued)
	}
	if names := other.told(); len(names) != 1 || names[0].Format != wire.NameIDEmail {
		t.Errorf("of the other session told %+v", names)
	}
}

// told signs p out and returns by which names the CRM is told, by browser.
func (p *person) told() []idp.NameID {
	h, t := p.h, p.h.t
	t.Helper()
	s, err := h.gate.Session(t.Context(), p.cookie("session"))
	h.must(err)
	h.clock.Advance(time.Minute)
	r, err := h.dir.SignOut(t.Context(), s)
	h.must(err)
	var names []idp.NameID
	lines := map[idp.DeliveryID]bool{}
	for _, call := range h.fronts.Calls(t.Context(), r) {
		asked := h.reads(call)
		names = append(names, idp.NameID(asked.NameID))
		lines[call.DeliveryID] = true
		if len(asked.SessionIndexes) != 1 {
			t.Errorf("sessions %v", asked.SessionIndexes)
		}
	}
	if len(lines) != len(names) {
		t.Errorf("%d names stand in %d lines", len(names), len(lines))
	}
	return names
}

// TestALogoutNamesWhoWasRenamed: by every name that the session has told.
func TestALogoutNamesWhoWasRenamed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.crm.ID, byBrowser("redirect"))
	h.changeApp(h.crm.ID, func(a *idp.App) { a.SAML.NameIDFormat, a.SAML.NameIDSource = wire.NameIDUnspecified, "username" })
	rename := func(name string) { h.changeUser(h.ada.ID, func(u *idp.User) { u.Username = name }) }
	p, back := h.signedIn(h.ada), h.signedIn(h.ada)
	p.takes()
	back.takes()
	for _, name := range []string{"countess", "lovelace", "augusta"} {
		rename(name)
		h.clock.Advance(time.Second)
		p.takes()
		p.takes()
	}
	var told []string
	for _, n := range p.told() {
		told = append(told, n.Value)
	}
	if want := []string{"ada", "countess", "lovelace", "augusta"}; !slices.Equal(told, want) {
		t.Errorf("told of %v, want %v", told, want)
	}
	rename("ada")
	back.takes()
	if names := back.told(); len(names) != 1 || names[0].Value != "ada" {
		t.Errorf("told of %+v", names)
	}
}

// TestAnAppLeavesByAnyNameItGot: a LogoutRequest by a name of between ends the
// session, and is Success once that has ended.
func TestAnAppLeavesByAnyNameItGot(t *testing.T) {
	t.Parallel()
	h := newPartners(t, "redirect")
	h.changeApp(h.crm.ID, func(a *idp.App) { a.SAML.NameIDFormat, a.SAML.NameIDSource = wire.NameIDUnspecified, "username" })
	rename := func(name string) { h.changeUser(h.ada.ID, func(u *idp.User) { u.Username = name }) }
	p := h.signedIn(h.ada)
	names := []idp.NameID{nameOf(p.takes())}
	for _, name := range []string{"countess", "lovelace"} {
		rename(name)
		names = append(names, nameOf(p.takes()))
	}
	names = append(names, nameOf(p.takes(wants(wire.NameIDTransient))), nameOf(p.takes(wants(wire.NameIDEmail))))
	g := h.given(h.sessionOf(p), h.crm)
	cookie := p.cookie("session")
	for i, name := range names[1:] {
		g.NameID = name
		asked := h.wants(g)
		if answer, _ := h.back(h.person().bring("redirect", asked, crmKey(), "")); answer.Status.Code != wire.StatusSuccess || answer.InResponseTo != asked.ID {
			t.Errorf("by %s %q: answered %+v", name.Format, name.Value, answer.Status)
		}
		h.wantLive(cookie, false)
		if i == 0 {
			h.signedIn(h.ada) // another session of theirs, which nobody has named to the app
		}
	}
	g.NameID.Value = "somebody"
	asked := h.wants(g)
	h.wantBack(h.person().bring("redirect", asked, crmKey(), ""), asked, wire.StatusRequester, wire.StatusUnknownPrincipal, "")
}

func TestAttributesOfTheServiceAskedFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	at := func(n int) func(*wire.AuthnRequest) { return func(r *wire.AuthnRequest) { r.AttributeIndex = &n } }
	names := func(change ...func(*wire.AuthnRequest)) []string {
		var all []string
		for name := range valuesOf(p.takes(change...)) {
			all = append(all, name)
		}
		slices.Sort(all)
		return all
	}
	all := names()
	if got := names(at(4)); !slices.Equal(got, all) {
		t.Errorf("where none is registered, an index chooses %v", got)
	}
	h.changeApp(h.crm.ID, func(a *idp.App) {
		a.SAML.AttributeServices = []idp.AttributeService{{Index: 1, Names: []string{"email"}}}
	})
	if got := names(at(1)); !slices.Equal(got, all) {
		t.Errorf("the only one chooses %v", got)
	}
	h.changeApp(h.crm.ID, func(a *idp.App) {
		a.SAML.AttributeServices = append(a.SAML.AttributeServices, idp.AttributeService{Index: 4, Names: []string{"groups", "username", "shoe size"}})
	})
	for i, want := range map[int][]string{1: {"email"}, 4: {"groups", "username"}} {
		if got := names(at(i)); !slices.Equal(got, want) {
			t.Errorf("service %d is told %v", i, got)
		}
	}
	if got := names(); !slices.Equal(got, all) {
		t.Errorf("without an index told %v", got)
	}
	p.get(h.redirect(h.ask(at(2)), nil, "")).wantStatus(wire.StatusRequestUnsupported)
	if h.lastRule() != "attribute_service" {
		t.Errorf("rule %q", h.lastRule())
	}
	// Taken out while the person signs in: less is told, never more.
	live := h.person()
	resume := live.signIn(live.get(h.redirect(h.ask(at(4)), nil, "")).wantSignIn(), h.ada)
	h.changeApp(h.crm.ID, func(a *idp.App) { a.SAML.AttributeServices = a.SAML.AttributeServices[:1] })
	if n := len(elements(t, live.get(resume).form().message, "//Attribute")); n != 0 {
		t.Errorf("%d attributes were told", n)
	}
}

// TestAnAppMayLeaveByAnyNameThatItWasTold: in that session, and by no other name.
func TestAnAppMayLeaveByAnyNameThatItWasTold(t *testing.T) {
	t.Parallel()
	h := newPartners(t, "redirect")
	other := h.signedIn(h.ada)
	other.takes()
	for _, format := range []string{wire.NameIDEmail, wire.NameIDTransient} {
		p := h.signedIn(h.ada)
		p.takes()
		further := nameOf(p.takes(wants(format)))
		for _, c := range []struct {
			of   *person
			live bool
		}{{other, true}, {p, false}} {
			g := h.given(h.sessionOf(c.of), h.crm)
			g.NameID = further
			cookie := c.of.cookie("session")
			c.of.bring("redirect", h.wants(g), crmKey(), "")
			h.wantLive(cookie, c.live)
		}
	}
}

// TestAnAppLeavesByATransientNameOfAnOlderSession: the account knows the newest
// alone.
func TestAnAppLeavesByATransientNameOfAnOlderSession(t *testing.T) {
	t.Parallel()
	h := newPartners(t, "redirect")
	older, newer := h.signedIn(h.ada), h.signedIn(h.ada)
	older.takes(wants(wire.NameIDTransient))
	newer.takes(wants(wire.NameIDTransient))
	g := h.given(h.sessionOf(older), h.crm)
	cookies := []string{older.cookie("session"), newer.cookie("session")}
	older.bring("redirect", h.wants(g, func(r *wire.LogoutRequest) { r.NameID.Value = "_AAAAAAAAAAAAAAAAAAAAAA" }), crmKey(), "")
	h.wantLive(cookies[0], true)
	older.bring("redirect", h.wants(g, func(r *wire.LogoutRequest) { r.SessionIndexes = nil }), crmKey(), "")
	h.wantLive(cookies[0], false)
	h.wantLive(cookies[1], true)
}

// TestAnAppThatLeavesByOneOfItsNames: it has ended what it opened by that one. No
// line says that it asked for the rest.
func TestAnAppThatLeavesByOneOfItsNames(t *testing.T) {
	t.Parallel()
	h := newPartners(t, "redirect")
	p := h.signedIn(h.ada)
	p.takes()
	further := nameOf(p.takes(wants(wire.NameIDTransient)))
	g := h.given(h.sessionOf(p), h.crm)
	g.NameID = further
	p.bring("redirect", h.wants(g), crmKey(), "")
	receipts, _, err := h.store.Receipts(t.Context(), h.ada.ID, "", 10)
	h.must(err)
	for end := time.Now().Add(time.Minute); receipts[0].Listing() && time.Now().Before(end); time.Sleep(25 * time.Millisecond) {
		receipts[0], err = h.store.Receipt(t.Context(), receipts[0].ID)
		h.must(err)
	}
	lines, err := h.store.Deliveries(t.Context(), receipts[0].ID)
	h.must(err)
	names := map[idp.NameID]bool{}
	for _, d := range lines {
		if names[d.NameID] = true; !d.AckedAt.IsZero() || d.State == idp.DeliveryAcknowledged {
			t.Errorf("%s: %s %q", d.NameID.Value, d.State, d.Answer)
		}
	}
	if len(names) != 2 || !names[further] {
		t.Errorf("the receipt lists %+v", lines)
	}
}

// TestARemovedAppIsToldByTheNamesItGot: also when another has its entityID by then.
func TestARemovedAppIsToldByTheNamesItGot(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	p.takes()
	further := nameOf(p.takes(wants(wire.NameIDTransient)))
	g := h.given(h.sessionOf(p), h.crm)
	_, err := h.dir.RemoveApp(t.Context(), h.crm.ID, "gone")
	h.must(err)
	anew := h.crm
	anew.Name, anew.SAML = "CRM again", &idp.SAMLSettings{ACS: h.crm.SAML.ACS}
	_, err = h.dir.AddApp(t.Context(), anew)
	h.must(err)
	told, err := h.store.NamesTold(t.Context(), []idp.SessionID{g.SessionID})
	h.must(err)
	if len(told) != 1 || told[0].NameID != further {
		t.Errorf("issued %+v, told by %+v", further, told)
	}
}

// TestAnEndingWhileANameIsNoted: a further name is noted before the answer that
// tells it, so that an ending in between lists it, and the answer is refused.
func TestAnEndingWhileANameIsNoted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	p.takes()
	to := h.redirect(h.ask(wants(wire.NameIDTransient)), nil, "")
	h.provider.Store = endingStore{h.provider.Store, func() {
		_, err := h.dir.Suspend(t.Context(), h.ada.ID, "left")
		h.must(err)
	}}
	p.get(to).wantStatus(wire.StatusRequestDenied)
}

// endingStore has something happen when a name was noted.
type endingStore struct {
	saml.Store
	then func()
}

func (s endingStore) NameParticipant(ctx context.Context, session idp.SessionID, app idp.AppID, n idp.NameID, now time.Time) error {
	err := s.Store.NameParticipant(ctx, session, app, n, now)
	s.then()
	return err
}
