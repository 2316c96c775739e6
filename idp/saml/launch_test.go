package saml_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/saml"
	"gatehouse/idp/saml/wire"
)

// opens posts the form of an app's tile; change may make it worse.
func (p *person) opens(app idp.App, change ...func(url.Values)) reply {
	p.h.t.Helper()
	form := url.Values{"app": {string(app.ID)}, "csrf": {"of " + p.cookie("session")}}
	for _, c := range change {
		c(form)
	}
	res, err := p.client.PostForm(p.h.server.URL+"/saml/launch", form)
	return read(p.h.t, res, err)
}

func opened(a *idp.App) { a.SAML.IdPInitiated, a.SAML.RelayState = true, "/start?tab=1&x=<y>" }

func TestTheTileSignsOnWithoutARequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.crm.ID, opened)
	p := h.signedIn(h.ada)
	before := h.clock.Now()
	answer := p.opens(h.crm)
	f := answer.form()
	if f.action != crmACS || !slices.Equal(f.relayState, []string{"/start?tab=1&x=<y>"}) || answer.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("posts %q to %s", f.relayState, f.action)
	}
	if strings.Contains(string(f.message), "InResponseTo") {
		t.Errorf("an answer to a request that nobody made: %s", f.message)
	}
	sp := h.asCRM()
	if _, err := accept(sp, f, "id-of-a-request"); err == nil {
		t.Error("an app that takes answers to its requests alone took it")
	}
	sp.AllowIDPInitiated = true
	a := mustAccept(t, sp, f, "")
	c := a.Subject.SubjectConfirmations[0].SubjectConfirmationData
	if c.InResponseTo != "" || c.Recipient != crmACS || a.Conditions.AudienceRestrictions[0].Audience.Value != crmID || c.NotOnOrAfter.After(h.clock.Now().Add(time.Minute)) {
		t.Errorf("confirmation %+v", c)
	}
	list := h.participants(h.ada)
	if len(list) != 1 || list[0].NameID.Value != a.Subject.NameID.Value || list[0].LastAnswerAt.Before(idp.Time(before)) {
		t.Errorf("participants %+v", list)
	}
	// Each opening is an answer of its own.
	if again := p.opens(h.crm).form(); string(again.message) == string(f.message) {
		t.Error("an assertion was handed out twice")
	}
}

func TestOnlyAFormOfOursOpensAnApp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.crm.ID, opened)
	p := h.signedIn(h.ada)
	for name, change := range map[string]func(url.Values){
		"no token":         func(f url.Values) { f.Del("csrf") },
		"of somebody else": func(f url.Values) { f.Set("csrf", "of "+h.signedIn(h.ada).cookie("session")) },
	} {
		answer := p.opens(h.crm, change)
		if answer.StatusCode != http.StatusForbidden || strings.Contains(answer.body, wire.ParamResponse) {
			t.Errorf("%s: %d %s", name, answer.StatusCode, answer.body)
		}
	}
	if got := p.get("/saml/launch?app=" + string(h.crm.ID)); got.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("an address opens it: %d", got.StatusCode)
	}
	h.person().opens(h.crm).wantPage(http.StatusUnauthorized)
	p.opens(idp.App{ID: idp.NewAppID()}).wantPage(http.StatusNotFound)
	if n := len(h.participants(h.ada)); n != 0 {
		t.Errorf("%d answers were written down", n)
	}
}

func TestAnAppIsOpenedOnlyWhereItIsAllowedAndGranted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.signedIn(h.ada)
	refused := func(p *person, status int, rule string, who idp.User) {
		t.Helper()
		p.opens(h.crm).wantPage(status)
		list, _, err := h.store.Events(t.Context(), idp.EventQuery{Limit: 1})
		h.must(err)
		if len(list) != 1 || list[0].Detail["rule"] != rule || list[0].AppID != h.crm.ID || list[0].UserID != who.ID || list[0].Detail["issuer"] != crmID {
			t.Fatalf("the audit log says %+v", list)
		}
		if x, ok := saml.Explain(list[0]); !ok || x.Change == "" {
			t.Errorf("nothing explains %s", rule)
		}
	}
	refused(p, http.StatusBadRequest, "idp_initiated", h.ada) // off by default
	h.changeApp(h.crm.ID, opened)
	refused(h.signedIn(h.bob), http.StatusForbidden, "grant", h.bob)
	h.changeUser(h.ada.ID, func(u *idp.User) { u.DisplayName = "\x0b" })
	refused(p, http.StatusBadRequest, "attributes", h.ada)
	h.changeUser(h.ada.ID, func(u *idp.User) { u.DisplayName = "Ada" })
	p.opens(h.crm).form()
	_, err := h.dir.Suspend(t.Context(), h.ada.ID, "left")
	h.must(err)
	p.opens(h.crm).wantPage(http.StatusUnauthorized)
}

func TestLaunchIsOneOrTheOther(t *testing.T) {
	t.Parallel()
	if _, _, ok := saml.Launch(idp.App{OIDC: &idp.OIDCSettings{}}); ok {
		t.Error("a relying party is opened by SAML")
	}
	app := idp.App{ID: "app_a", SAML: &idp.SAMLSettings{}}
	if _, _, ok := saml.Launch(app); ok {
		t.Error("it is on by default")
	}
	app.SAML.IdPInitiated = true
	if action, fields, ok := saml.Launch(app); !ok || action != "/saml/launch" || !slices.Equal(fields, [][2]string{{"app", "app_a"}}) {
		t.Errorf("%s %v %v", action, fields, ok)
	}
}
