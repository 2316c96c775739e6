package e2e

import (
	"bytes"
	"image"
	"image/png"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"gatehouse/web/api/client"
)

// Names that a page must show and not obey.
const (
	hostileName  = `<img src=x onerror=alert(1)>`
	hostileGroup = `"><script>alert(2)</script>`
	hostileApp   = `<svg/onload=alert(3)>`
	hostileAgent = `Mozilla/5.0 <img src=x onerror=alert(4)>`
)

// browserHouse has an owner, who is signed in, and an employee.
type browserHouse struct {
	*secured
	owner, mallory somebody
	web            party
	ada            *visitor // the owner's browser
}

func newBrowserHouse(t *testing.T) browserHouse {
	t.Helper()
	h := browserHouse{secured: newSecured(t)}
	h.mallory = h.staff(t, "mallory")[0]
	h.web = h.register(t, "web", client.OIDC{RedirectURIs: []string{"https://app.example/cb"}, PostLogoutRedirectURIs: []string{"https://app.example/bye"}, AllowOfflineAccess: true})
	if _, err := h.admin.AddGroup(t.Context(), hostileGroup); err != nil {
		t.Fatal(err)
	}
	hostile := client.App{Name: hostileApp, Protocol: "oidc", Identifier: "hostile", LaunchURL: "https://hostile.example/", OIDC: &client.OIDC{RedirectURIs: []string{"https://hostile.example/cb"}}}
	if _, err := h.admin.AddApp(t.Context(), hostile); err != nil {
		t.Fatal(err)
	}
	if _, err := h.admin.AddGrant(t.Context(), client.Grant{App: hostileApp, Group: hostileGroup}); err != nil {
		t.Fatal(err)
	}
	invited, err := h.admin.AddUser(t.Context(), client.Person{Username: "ada", Email: "ada@example.com", DisplayName: hostileName, Role: "owner"})
	if err != nil {
		t.Fatal(err)
	}
	h.owner = somebody{invited.User.ID, "ada", "an owner's password " + h.mallory.Password}
	h.choosePassword(t, invited.Link, h.owner.Password)
	h.ada = h.visitor(t)
	h.ada.Header.Set("User-Agent", hostileAgent)
	h.signIn(t, h.ada, h.owner)
	// From here on the bootstrap token is dead, and the owner's own one works.
	page := submit(t, h.ada.get(t, securedURL+"/console/tokens"), "/console/tokens", url.Values{"name": {"suite"}})
	if page.Status != http.StatusCreated {
		t.Fatalf("no token: %d\n%s", page.Status, page.Body)
	}
	h.admin.Token = h.secret("API token", shownToken(t, page.Body))
	for _, group := range []string{"staff", hostileGroup} {
		if err := h.admin.Do(t.Context(), http.MethodPut, "/groups/"+h.groupID(t, group)+"/members/ada", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func (h *secured) groupID(t testing.TB, name string) string {
	t.Helper()
	groups, err := h.admin.Groups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(groups, func(g client.Group) bool { return g.Name == name })
	if at < 0 {
		t.Fatalf("no group %s", name)
	}
	return groups[at].ID
}

// shownToken finds the secret that the page shows once.
func shownToken(t testing.TB, page string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		text := strings.TrimSpace(n.Data)
		if n.Data == "input" {
			text = attribute(n, "value")
		}
		if len(text) == 43 && !strings.ContainsAny(text, " .") && text != csrfOn(t, page) {
			return text
		}
	}
	t.Fatalf("the page shows no token:\n%s", page)
	return ""
}

func csrfOn(t testing.TB, page string) string {
	t.Helper()
	for _, f := range forms(t, page) {
		if token := f.fields.Get("csrf"); token != "" {
			return token
		}
	}
	return ""
}

// with sends one request with headers that a browser adds.
func (v *visitor) with(t testing.TB, header map[string]string, send func() *answer) *answer {
	t.Helper()
	before := v.Header.Clone()
	for name, value := range header {
		v.Header.Set(name, value)
	}
	defer func() { v.Header = before }()
	return send()
}

func TestSecurityOfForms(t *testing.T) {
	t.Parallel()
	h := newBrowserHouse(t)
	token := csrfOn(t, h.ada.get(t, securedURL+"/console").follow(t).Body)
	sessions, err := h.admin.Sessions(t.Context(), "ada")
	if err != nil || len(sessions) != 1 || token == "" {
		t.Fatalf("%v %v %q", sessions, err, token)
	}
	evil := []map[string]string{
		{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
		{"Origin": "null"}, {"Origin": "https://idp.example.evil"}, {"Origin": "https://idp.localhost.evil"}, {"Origin": "https://idp.localhost:444"},
	}
	actions := map[string]url.Values{
		"/console/users/" + h.mallory.ID + "/suspend": {"reason": {"evil"}},
		"/console/users/" + h.mallory.ID + "/restore": {},
		"/console/users/" + h.mallory.ID + "/link":    {},
		"/console/users":  {"username": {"eve"}, "role": {"owner"}},
		"/console/tokens": {"name": {"evil"}},
		"/console/sessions/" + sessions[0].ID + "/end": {},
		"/sessions/" + sessions[0].ID + "/end":         {},
		"/sessions/end-others":                         {},
		"/signout":                                     {},
	}
	t.Run("CS-01 a form of another site", func(t *testing.T) {
		for _, path := range slices.Sorted(maps.Keys(actions)) {
			fields := actions[path]
			var events []string
			if strings.HasPrefix(path, "/console") {
				events = []string{"console.refuse"}
			}
			post := func(header map[string]string, csrf ...string) {
				t.Helper()
				fields["csrf"] = csrf
				h.leaves(t, events, nil, func() {
					if got := h.ada.with(t, header, func() *answer { return h.ada.postForm(t, securedURL+path, fields) }); got.Status != http.StatusForbidden {
						t.Errorf("%s with %v answered %d", path, header, got.Status)
					}
				})
			}
			for _, header := range evil {
				post(header, token) // also with the right token
			}
			post(nil)
			post(nil, "wrong")
			post(nil, token+"A")
		}
	})
	t.Run("CS-01 the tongues and the API", func(t *testing.T) {
		for _, header := range evil {
			// The line says why nobody was led to that address.
			h.leaves(t, []string{"oidc.signout.refuse"}, nil, func() {
				got := h.ada.with(t, header, func() *answer {
					return h.ada.postForm(t, securedURL+"/oauth/end_session", url.Values{"post_logout_redirect_uri": {"https://app.example/bye"}})
				})
				if to := got.location(t); to.Path != "/oauth/end_session" { // asked again by GET, which asks the person
					t.Errorf("end_session leads to %s", to)
				}
				h.ada.get(t, securedURL+"/oauth/end_session?post_logout_redirect_uri=https://app.example/bye")
			})
			h.leaves(t, []string{"api.refuse"}, nil, func() { // the API knows no cookies
				got := h.ada.with(t, header, func() *answer {
					return h.ada.send(t, http.MethodPost, securedURL+"/api/v1/users/mallory/suspend", "application/json", `{"reason":"evil"}`)
				})
				if got.Status != http.StatusUnauthorized {
					t.Errorf("the API answered a cookie with %d", got.Status)
				}
			})
		}
		if h.ada.get(t, securedURL+"/console").follow(t).Status != http.StatusOK {
			t.Error("the owner was signed out")
		}
	})
	t.Run("CS-02 the attacker's own credentials", func(t *testing.T) {
		attacker, victim := h.visitor(t), h.visitor(t)
		page := submit(t, attacker.get(t, securedURL+"/signin").follow(t), "/identifier", url.Values{"username": {"mallory"}})
		f := formTo(t, page, "/password")
		f.fields.Set("password", h.mallory.Password)
		for _, bound := range []bool{false, true} {
			if bound {
				victim.get(t, securedURL+"/signin").follow(t)
			}
			for _, header := range append(evil, nil) {
				h.leaves(t, nil, nil, func() {
					got := victim.with(t, header, func() *answer { return victim.postForm(t, securedURL+f.action, f.fields) })
					if got.Status != http.StatusForbidden || len(got.Header.Values("Set-Cookie")) != 0 {
						t.Errorf("with %v answered %d", header, got.Status)
					}
				})
			}
		}
	})
	t.Run("CS-03 reading changes nothing", func(t *testing.T) {
		seen := map[string]bool{}
		h.leaves(t, nil, nil, func() {
			next := []string{"/", "/console", "/signin", "/signed-out", "/signin/trouble", "/healthz", "/readyz", "/saml/metadata", "/oauth/keys", "/oauth/end_session", "/api/v1/openapi.json"}
			for len(next) > 0 && len(seen) < 200 {
				path := next[0]
				bare, _, _ := strings.Cut(path, "?")
				if next = next[1:]; seen[path] || strings.HasSuffix(bare, "/live") { // which goes on until it is left
					continue
				}
				seen[path] = true
				got := h.ada.get(t, securedURL+path)
				if to := got.Header.Get("Location"); strings.HasPrefix(to, "/") {
					next = append(next, to)
				}
				next = append(next, links(t, got)...)
			}
		})
		if len(seen) < 25 {
			t.Errorf("the crawl found %d pages only: %v", len(seen), slices.Sorted(maps.Keys(seen)))
		}
		t.Logf("%d addresses read", len(seen))
	})
	t.Run("CS-05 who may read across origins", func(t *testing.T) { h.crossOrigin(t) })
	t.Run("XS-04 hostile names are text", func(t *testing.T) { h.hostileNames(t) })
	t.Run("XS-05 a logo is a picture and nothing else", func(t *testing.T) { h.hostileLogos(t) })
	h.openRedirects(t)
}

// links are the addresses on a page that lead to this house.
func links(t testing.TB, page *answer) (paths []string) {
	t.Helper()
	if !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") {
		return nil
	}
	root, err := html.Parse(strings.NewReader(page.Body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		for _, name := range []string{"href", "data-live", "src"} {
			to, err := page.URL.Parse(attribute(n, name))
			if attribute(n, name) != "" && err == nil && to.Host == page.URL.Host && to.Scheme == "https" {
				paths = append(paths, to.RequestURI())
			}
		}
	}
	return paths
}

func (h browserHouse) crossOrigin(t *testing.T) {
	bearer := "Bearer " + h.signOn(t, h.ada, h.web).Access
	for _, origin := range []string{"https://evil.example", "null", "https://app.example.evil.example", "http://app.example", "https://app.example:444", "https://app.example"} {
		for path, header := range map[string]http.Header{
			"/oauth/token": nil, "/oauth/userinfo": {"Authorization": {bearer}}, "/api/v1/users": {"Authorization": {"Bearer " + h.admin.Token}},
			"/oauth/introspect": nil, "/console": nil, "/saml/metadata": nil,
		} {
			for _, method := range []string{http.MethodOptions, http.MethodGet, http.MethodPost} {
				if strings.HasPrefix(path, "/api") && method == http.MethodPost {
					continue
				}
				head := header.Clone()
				if head == nil {
					head = http.Header{}
				}
				head.Set("Origin", origin)
				head.Set("Access-Control-Request-Method", http.MethodPost)
				got := h.call(t, method, path, head, "")
				allowed := got.Header.Get("Access-Control-Allow-Origin")
				may := origin == "https://app.example" && (path == "/oauth/token" || path == "/oauth/userinfo")
				if may && allowed != origin || !may && allowed != "" {
					t.Errorf("%s %s from %s allows %q", method, path, origin, allowed)
				}
			}
		}
	}
}

// hostileNames: no page obeys what people, groups, apps and devices are called.
func (h browserHouse) hostileNames(t *testing.T) {
	users, err := h.admin.Users(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	apps, err := h.admin.Apps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{"/", "/console/users", "/console/apps", "/console/groups", "/console/groups/" + h.groupID(t, hostileGroup), "/console/receipts", "/console/tokens"}
	for _, u := range users {
		paths = append(paths, "/console/users/"+u.ID, "/console/users/"+u.ID+"/suspend")
	}
	for _, a := range apps {
		paths = append(paths, "/console/apps/"+a.ID)
	}
	shown := map[string]bool{}
	for _, path := range paths {
		page := h.ada.get(t, securedURL+path)
		if page.Status != http.StatusOK {
			t.Errorf("%s answered %d", path, page.Status)
		}
		harmless(t, page)
		for _, name := range []string{hostileName, hostileGroup, hostileApp} {
			shown[name] = shown[name] || strings.Contains(html.UnescapeString(page.Body), name)
		}
	}
	if len(shown) != 3 || !shown[hostileName] || !shown[hostileGroup] || !shown[hostileApp] {
		t.Errorf("not every hostile name was on a page: %v", shown)
	}
}

// hostileLogos is XS-05: what an owner uploads in the console. A picture is served as it
// was given, not made anew, and never as what its sender called it; what could do
// something is refused.
func (h browserHouse) hostileLogos(t *testing.T) {
	const space = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">`
	ada := h.sameBrowserAt(t, h.ada, 0) // which shows at once what it was given
	upload := func(kind, logo string) *answer {
		t.Helper()
		f := formTo(t, ada.get(t, securedURL+"/console/look"), "/console/look")
		var body strings.Builder
		form := multipart.NewWriter(&body)
		for _, name := range append([]string{"csrf"}, slices.Sorted(maps.Keys(f.fields))...) {
			if name != "logo" && (name != "csrf" || body.Len() == 0) {
				_ = form.WriteField(name, f.fields.Get(name))
			}
		}
		part, err := form.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="logo"; filename="logo.html"`}, "Content-Type": {kind}})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write([]byte(logo))
		_ = form.Close()
		return ada.with(t, map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": securedURL}, func() *answer {
			return ada.send(t, http.MethodPost, securedURL+"/console/look", form.FormDataContentType(), body.String())
		})
	}
	var drawn bytes.Buffer
	if err := png.Encode(&drawn, image.NewRGBA(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	for name, logo := range map[string]string{
		"a script": space + `<script>alert(1)</script></svg>`, "a script in capitals": space + `<SCRIPT>alert(1)</SCRIPT></svg>`, "a handler": space + `<g onload="alert(1)"/></svg>`,
		"HTML in it": space + `<foreignObject><b xmlns="http://www.w3.org/1999/xhtml"/></foreignObject></svg>`, "a link": space + `<a href="javascript:alert(1)"/></svg>`,
		"an old link": space + `<use xlink:href="https://evil.example/x#a"/></svg>`, "a picture from elsewhere": space + `<image href="https://evil.example/x"/></svg>`,
		"a style from elsewhere": space + `<style>@import "https://evil.example"</style></svg>`, "an animation that sets a link": space + `<set attributeName="href" to="javascript:alert(1)"/></svg>`,
		"an entity": `<!DOCTYPE svg [<!ENTITY x "y">]>` + space + `&x;</svg>`, "a style sheet": `<?xml-stylesheet href="https://evil.example/x"?>` + space + `</svg>`,
		"HTML": `<html><script>alert(1)</script></html>`, "HTML before a picture": `<script>alert(1)</script>` + drawn.String(), "a GIF": "GIF89a", "half a PNG": drawn.String()[:20],
	} {
		before := h.ask(t, `SELECT md5(string_agg(l::text, '')) FROM house_look l`)
		for _, kind := range []string{"image/svg+xml", "image/png", "text/html"} {
			if got := upload(kind, logo); got.Status != http.StatusBadRequest {
				t.Errorf("%s as %s answered %d", name, kind, got.Status)
			}
		}
		if h.ask(t, `SELECT md5(string_agg(l::text, '')) FROM house_look l`) != before {
			t.Errorf("%s is kept", name)
		}
	}
	logos := regexp.MustCompile(`src="(/look/[^"]+/logo)"`)
	for kind, logo := range map[string]string{"image/svg+xml": space + `<path d="M0 0h9v9z"/></svg>`, "image/png": drawn.String(), "image/png with more": drawn.String() + `<script>alert(1)</script>`} {
		if got := upload("text/html", logo); got.Status != http.StatusSeeOther {
			t.Fatalf("%s answered %d\n%s", kind, got.Status, got.Body)
		}
		// A picture has a policy of its own, for whoever opens it by itself: watch judges pages.
		web := &http.Client{Transport: h.transport(func() string { return h.nodes[0].Addr }, false)}
		m := logos.FindStringSubmatch(h.visitorAt(t, 0).get(t, securedURL+"/signin").follow(t).Body)
		if m == nil {
			t.Fatalf("%s is not shown", kind)
		}
		res, err := web.Get(securedURL + m[1])
		if err != nil {
			t.Fatal(err)
		}
		got := readAnswer(t, res)
		policy := got.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "sandbox"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy lacks %s", kind, part)
			}
		}
		want, _, _ := strings.Cut(kind, " ")
		if got.Status != http.StatusOK || got.Body != logo || got.Header.Get("Content-Type") != want || got.Header.Get("X-Content-Type-Options") != "nosniff" ||
			strings.Contains(policy, "script") || strings.Contains(policy, "allow-") {
			t.Errorf("%s is served as %s, %s, with %s", kind, got.Header.Get("Content-Type"), got.Header.Get("X-Content-Type-Options"), policy)
		}
	}
}

// harmless looks at a page as a browser parses it.
func harmless(t testing.TB, page *answer) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page.Body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
				t.Errorf("%s has <%s %s=%q>", page.URL.Path, n.Data, a.Key, a.Val)
			}
		}
		if n.Data == "script" && (n.FirstChild != nil && strings.Contains(n.FirstChild.Data, "alert") || attribute(n, "src") == "x") {
			t.Errorf("%s has a script of a stranger", page.URL.Path)
		}
	}
}

func (h browserHouse) openRedirects(t *testing.T) {
	t.Run("OR-01 where a sign-out leads", func(t *testing.T) {
		v := h.signedIn(t, h.mallory)
		had := h.signOn(t, v, h.web)
		ask := func(v *visitor, q url.Values) *answer { return v.get(t, securedURL+"/oauth/end_session?"+q.Encode()) }
		bye := "https://app.example/bye"
		for _, q := range []url.Values{
			{"post_logout_redirect_uri": {"https://evil.example/"}}, {"post_logout_redirect_uri": {bye}}, {"post_logout_redirect_uri": {bye}, "client_id": {"web"}},
			{"post_logout_redirect_uri": {bye}, "id_token_hint": {"e30.e30."}}, {"post_logout_redirect_uri": {bye + "/"}, "id_token_hint": {had.ID[:len(had.ID)-8]}},
		} {
			if got := ask(v, q); got.Status != http.StatusOK || got.Header.Get("Location") != "" {
				t.Errorf("%v answered %d to %q", q, got.Status, got.Header.Get("Location"))
			}
			if got := ask(h.visitor(t), q); got.Status != http.StatusOK || got.Header.Get("Location") != "" {
				t.Errorf("signed out, %v answered %d to %q", q, got.Status, got.Header.Get("Location"))
			}
		}
		if got := ask(v, url.Values{"post_logout_redirect_uri": {"https://evil.example/"}, "id_token_hint": {had.ID}}); got.Header.Get("Location") != "/signed-out" {
			t.Errorf("not registered, and followed to %s", got.Header.Get("Location"))
		}
		v = h.signedIn(t, h.mallory)
		had = h.signOn(t, v, h.web)
		if got := ask(v, url.Values{"post_logout_redirect_uri": {bye}, "id_token_hint": {had.ID}, "state": {"s"}}); got.Header.Get("Location") != bye+"?state=s" {
			t.Errorf("the app's own, proven wish leads to %q", got.Header.Get("Location"))
		}
		if v.get(t, securedURL+"/").location(t).Path != "/signin" {
			t.Error("and the browser is still signed in")
		}
	})
	t.Run("OR-02 where a sign-in leads", func(t *testing.T) {
		for _, to := range []string{
			"//evil.example", `/\evil.example`, "/%09/evil.example", "https:evil.example", "/%2f%2fevil", "https://evil.example/", "javascript:alert(1)",
			"/\t/evil.example", `\\evil.example`, "/.//evil.example", "///evil.example", "/%5cevil.example", "http:///evil.example",
		} {
			ask := securedURL + "/signin?return_to=" + url.QueryEscape(to)
			at := h.ada.get(t, ask).location(t)
			if at.Host != "idp.localhost" || strings.HasPrefix(at.Path, "//") || strings.HasPrefix(at.Path, `/\`) {
				t.Errorf("%q leads to %s", to, at)
			}
		}
		v := h.visitor(t)
		if at := h.prove(t, v.get(t, securedURL+"/signin?return_to="+url.QueryEscape("//evil.example")).follow(t), h.mallory).location(t); at.String() != securedURL+"/" {
			t.Errorf("after a sign-in it leads to %s", at)
		}
	})
}
