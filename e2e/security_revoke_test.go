package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/web/api/client"
)

// holding is one way in that a person has. Each is tried at each node, so what
// can be used once only is held twice.
type holding struct {
	what string
	good func(node int) bool
}

// TestRV01NothingOfTheSuspendedIsGood: somebody holds one of everything there
// is; after the suspension nothing of it opens anything on the first try, and
// after the restore nothing but the password does.
func TestRV01NothingOfTheSuspendedIsGood(t *testing.T) {
	t.Parallel()
	h := newBrowserHouse(t)
	crm := newProvider(t, "crm.example")
	if _, err := h.admin.AddApp(t.Context(), client.App{Name: "crm", Protocol: "saml", Identifier: crm.ID,
		SAML: &client.SAML{ACS: []client.ACS{{URL: crm.ACS, Default: true}}, IdPInitiated: true}}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.admin.AddGrant(t.Context(), client.Grant{App: "crm", Group: "staff"}); err != nil {
		t.Fatal(err)
	}
	grace := h.join(t, client.Person{Username: "grace", Role: "owner"})
	if err := h.admin.Join(t.Context(), "staff", "grace"); err != nil {
		t.Fatal(err)
	}

	passes, begun := h.passesOf(t, grace, crm)
	// What is typed after a restore is proven after it.
	proofs := []holding{begun, {"password", func(node int) bool {
		v := h.visitorAt(t, node)
		return h.prove(t, v.get(t, securedURL+"/signin").follow(t), grace).Status == http.StatusSeeOther
	}}}
	if _, err := h.admin.Suspend(t.Context(), "grace", "RV-01"); err != nil {
		t.Fatal(err)
	}
	h.refusesAll(t, "suspended", slices.Concat(passes, proofs))
	if _, err := h.admin.Restore(t.Context(), "grace"); err != nil {
		t.Fatal(err)
	}
	h.refusesAll(t, "restored", passes)
	for _, proof := range proofs {
		for node := range h.nodes {
			if !proof.good(node) {
				t.Errorf("restored, and the %s is refused at node %d", proof.what, node)
			}
		}
	}
}

func (h browserHouse) refusesAll(t *testing.T, when string, all []holding) {
	t.Helper()
	for _, pass := range all {
		for node := range h.nodes {
			if pass.good(node) {
				t.Errorf("%s: the %s is good at node %d", when, pass.what, node)
			}
		}
	}
}

// passesOf has somebody get one of everything, and begin a sign-in in which
// nothing is proven yet. That each was good before is shown where it can be
// without using it up.
func (h browserHouse) passesOf(t *testing.T, who somebody, crm provider) (passes []holding, begun holding) {
	t.Helper()
	v := h.signedIn(t, who)
	at := func(node int) *visitor { return h.sameBrowserAt(t, v, node) }
	var codes, pending, resumes [2]func(node int) bool
	var families [2]tokens
	for i := range families {
		families[i] = h.signOn(t, v, h.web)
		a := h.attempt(h.web)
		code := a.code(t, v)
		codes[i] = func(node int) bool {
			return h.tokenBy(t, h.client(node, false), h.web, a.exchange(code)).Access != ""
		}
		// The name was given, the password is being typed.
		half := h.visitor(t)
		page := submit(t, half.get(t, h.attempt(h.web).url()).follow(t), "/identifier", url.Values{"username": {who.Username}})
		formTo(t, page, "/password")
		pending[i] = func(node int) bool {
			page.visitor = h.sameBrowserAt(t, half, node)
			return submit(t, page, "/password", url.Values{"password": {who.Password}}).Status == http.StatusSeeOther
		}
		// The password was proven, the app has not heard of it.
		done := h.visitor(t)
		to := h.prove(t, done.get(t, h.attempt(h.web).url()).follow(t), who).location(t).String()
		resumes[i] = func(node int) bool {
			got := h.sameBrowserAt(t, done, node).get(t, to)
			return strings.Contains(got.Header.Get("Location"), "code=")
		}
	}
	page := submit(t, v.get(t, securedURL+"/console/tokens"), "/console/tokens", url.Values{"name": {"held"}})
	token := h.secret("API token", shownToken(t, page.Body))
	invited, err := h.admin.Invite(t.Context(), who.Username)
	if err != nil {
		t.Fatal(err)
	}

	portal := v.get(t, securedURL+"/")
	all := []holding{
		{"session at the portal", func(node int) bool { return at(node).get(t, securedURL+"/").Status == http.StatusOK }},
		{"session at the console", func(node int) bool { return at(node).get(t, securedURL+"/console/tokens").Status == http.StatusOK }},
		{"session at /oauth/authorize", func(node int) bool {
			return strings.Contains(at(node).get(t, h.attempt(h.web).url()).Header.Get("Location"), "code=")
		}},
		{"session at /saml/sso", func(node int) bool {
			return strings.Contains(at(node).get(t, unsigned.redirected(t, crm.ask().xml(), "")).Body, "SAMLResponse")
		}},
		{"session at a tile", func(node int) bool {
			portal.visitor = at(node)
			return strings.Contains(submit(t, portal, "/saml/launch", url.Values{}).Body, "SAMLResponse")
		}},
		{"access token at userinfo", func(node int) bool {
			return h.callBy(t, h.client(node, false), http.MethodGet, "/oauth/userinfo", http.Header{"Authorization": {"Bearer " + families[0].Access}}, "").Status == http.StatusOK
		}},
		{"access token at introspection", func(node int) bool { return h.active(t, node, h.web, families[0].Access) }},
		{"API token", func(node int) bool {
			return h.callBy(t, h.client(node, false), http.MethodGet, "/api/v1/users", http.Header{"Authorization": {"Bearer " + token}}, "").Status == http.StatusOK
		}},
	}
	all = append(all, h.jwtOf(t, v)...)
	for _, pass := range all {
		for node := range h.nodes {
			if !pass.good(node) {
				t.Fatalf("the %s was never good at node %d", pass.what, node)
			}
		}
	}
	return append(append(all, h.devicesOf(t, v)...),
		holding{"code", func(node int) bool { return codes[node](node) }},
		holding{"refresh token", func(node int) bool {
			return h.tokenBy(t, h.client(node, false), h.web, refreshing(families[node].Refresh)).Access != ""
		}},
		holding{"proven sign-in", func(node int) bool { return resumes[node](node) }},
		holding{"one-time link", func(node int) bool {
			got := h.visitorAt(t, node).get(t, invited.Link)
			return got.Status == http.StatusOK && strings.Contains(got.Body, `name="password"`)
		}},
	), holding{"sign-in in progress", func(node int) bool { return pending[node](node) }}
}
