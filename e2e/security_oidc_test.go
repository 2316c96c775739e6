package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/web/api/client"
)

// oidcHouse has one app of each kind and two people.
type oidcHouse struct {
	*secured
	ada, grace                        somebody
	web, other, post, native, without party
}

func newOIDCHouse(t *testing.T) oidcHouse {
	t.Helper()
	h := oidcHouse{secured: newSecured(t)}
	people := h.staff(t, "ada", "grace")
	h.ada, h.grace = people[0], people[1]
	h.web = h.register(t, "web", client.OIDC{RedirectURIs: []string{"https://app.example/cb"}, PostLogoutRedirectURIs: []string{"https://app.example/bye"}, AllowOfflineAccess: true})
	h.other = h.register(t, "other", client.OIDC{RedirectURIs: []string{"https://other.example/cb"}, AllowOfflineAccess: true})
	h.post = h.register(t, "post", client.OIDC{AuthMethod: "client_secret_post", RedirectURIs: []string{"https://post.example/cb"}, AllowOfflineAccess: true})
	h.native = h.register(t, "native", client.OIDC{ApplicationType: "native", AuthMethod: "none", RedirectURIs: []string{"http://127.0.0.1/cb"}, AllowOfflineAccess: true})
	h.without = h.register(t, "without", client.OIDC{PKCEExempt: true, RedirectURIs: []string{"https://without.example/cb"}, AllowOfflineAccess: true})
	return h
}

func TestSecurityOfRedirectURIs(t *testing.T) {
	t.Parallel()
	h := newOIDCHouse(t)
	v := h.signedIn(t, h.ada)
	stranger := h.visitor(t)
	// Refused for a browser that is signed in, whose code would be given away,
	// and for one that is not, which would be sent back later.
	refused := func(t *testing.T, p party, change func(url.Values)) {
		t.Helper()
		for _, who := range []*visitor{v, stranger} {
			a := h.attempt(p)
			change(a.query)
			h.leaves(t, []string{"oidc.authorize.refuse"}, nil, func() { who.get(t, a.url()).wantsPage(t, http.StatusBadRequest) })
		}
	}
	to := func(uri string) func(url.Values) {
		return func(q url.Values) { q.Set("redirect_uri", uri) }
	}
	for name, uris := range map[string][]string{
		"RU-01 parent folder": {"https://app.example/cb/../evil", "https://app.example/cb/..", "https://app.example/./cb"},
		"RU-02 encoded path":  {"https://app.example/cb/..;/evil", "https://app.example/cb%2f..%2fevil", "https://app.example/%63b"},
		"RU-03 user info":     {"https://app.example@evil.example/cb", "https://app.example/cb@evil.example", "https://app.example:x@evil.example/cb"},
		"RU-05 other host":    {"https://app.example.evil.example/cb", "https://evilapp.example/cb", "https://APP.example/cb", "http://app.example/cb", "https://app.example:443/cb", "https://app.example/cb?x", "https://app.example/cb#x"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, uri := range uris {
				refused(t, h.web, to(uri))
			}
		})
	}
	t.Run("RU-06 script schemes are not registered", func(t *testing.T) {
		for _, uri := range []string{
			"javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:https://app.example/x",
			"http://app.example/cb", "app.example/cb", "//app.example/cb", "https:///cb", "https://u@app.example/cb", "https://app.example/cb#x", " https://app.example/cb",
		} {
			for _, kind := range []string{"web", "native", "single_page"} {
				h.notRegistered(t, client.OIDC{ApplicationType: kind, RedirectURIs: []string{"https://new.example/cb", uri}})
			}
		}
	})
	t.Run("RU-08 one parameter twice", func(t *testing.T) {
		for _, uris := range [][]string{{h.web.Redirect, "https://evil.example/cb"}, {"https://evil.example/cb", h.web.Redirect}, {h.web.Redirect, h.web.Redirect}} {
			refused(t, h.web, func(q url.Values) { q["redirect_uri"] = uris })
		}
		for _, uris := range [][2]string{{h.web.Redirect, "https://evil.example/cb"}, {"https://evil.example/cb", h.web.Redirect}} {
			a := h.attempt(h.web)
			a.query.Set("redirect_uri", uris[0])
			h.leaves(t, []string{"oidc.authorize.refuse"}, nil, func() {
				v.postForm(t, a.url(), url.Values{"redirect_uri": {uris[1]}}).wantsPage(t, http.StatusBadRequest)
			})
		}
	})
	t.Run("RU-10 a native app chooses its port", func(t *testing.T) {
		a := h.attempt(h.native)
		a.Redirect = "http://127.0.0.1:53682/cb"
		a.query.Set("redirect_uri", a.Redirect)
		if got := h.token(t, h.native, a.exchange(a.code(t, v))); got.Access == "" {
			t.Errorf("refused: %s", got.answer.Body)
		}
		refused(t, h.web, to("https://app.example:53682/cb")) // and nobody else does
	})
	t.Run("RU-11 only the loopback address", func(t *testing.T) {
		for _, uri := range []string{
			"http://127.0.0.1.evil.example/cb", "http://127.0.0.1:80@evil.example/cb", "http://localhost.evil.example/cb", "http://localhost/cb",
			"http://127.0.0.1:/cb", "http://127.0.0.1:123456/cb", "http://127.0.0.1:80/cb/x", "https://127.0.0.1/cb", "http://[::1]:80/cb", "http://127.0.0.2/cb",
		} {
			refused(t, h.native, to(uri))
		}
	})
	t.Run("RU-13 none at all", func(t *testing.T) {
		refused(t, h.web, func(q url.Values) { q.Del("redirect_uri") })
		refused(t, h.web, to(""))
	})
	t.Run("RU-14 wildcards are not registered", func(t *testing.T) {
		for _, uri := range []string{"https://*.example/cb", "https://app.example/*", "https://*/cb"} {
			h.notRegistered(t, client.OIDC{RedirectURIs: []string{uri}})
		}
	})
	t.Run("RU-15 another redirect_uri burns the code", func(t *testing.T) {
		for _, uri := range []string{"https://app.example/cc", "https://app.example/cb/"} {
			a := h.attempt(h.web)
			code := a.code(t, v)
			form := a.exchange(code)
			form.Set("redirect_uri", uri)
			h.leaves(t, []string{"oidc.code.burn"}, []string{"token_families", "participants", "accounts"}, func() { h.token(t, h.web, form).wants(t, "invalid_grant") })
			h.token(t, h.web, a.exchange(code)).wants(t, "invalid_grant")
		}
		a := h.attempt(h.web)
		form := a.exchange(a.code(t, v))
		form.Del("redirect_uri") // says nothing of the code: RFC 6749 §5.2
		h.leaves(t, nil, nil, func() { h.token(t, h.web, form).wants(t, "invalid_request") })
	})
}

// notRegistered asks the admin API for an app that must not come to be.
func (h *secured) notRegistered(t *testing.T, settings client.OIDC) {
	t.Helper()
	h.leaves(t, nil, nil, func() {
		_, err := h.admin.AddApp(t.Context(), client.App{Name: "new", Protocol: "oidc", Identifier: "new", OIDC: &settings})
		if p, ok := err.(*client.Problem); !ok || p.Status != http.StatusBadRequest {
			t.Errorf("%v registered: %v", settings.RedirectURIs, err)
		}
	})
}

func TestSecurityOfAnswers(t *testing.T) {
	t.Parallel()
	h := newOIDCHouse(t)
	v := h.signedIn(t, h.ada)
	// toApp is an error that goes back to the app, with the issuer in it.
	toApp := func(t *testing.T, p party, want string, change func(url.Values)) {
		t.Helper()
		a := h.attempt(p)
		change(a.query)
		h.leaves(t, []string{"oidc.authorize.refuse"}, nil, func() {
			to := v.get(t, a.url()).location(t)
			q := to.Query()
			if !strings.HasPrefix(to.String(), p.Redirect) || q.Get("error") != want || q.Has("code") || q.Get("iss") != securedURL || q.Get("state") != a.query.Get("state") {
				t.Errorf("answered %s, want error=%s with iss and state", to, want)
			}
		})
	}
	without := func(names ...string) func(url.Values) {
		return func(q url.Values) {
			for _, name := range names {
				q.Del(name)
			}
		}
	}
	t.Run("PK-01 a public client without a challenge", func(t *testing.T) {
		toApp(t, h.native, "invalid_request", without("code_challenge", "code_challenge_method"))
		toApp(t, h.web, "invalid_request", without("code_challenge", "code_challenge_method"))
	})
	t.Run("PK-02 a method that is not S256", func(t *testing.T) {
		for _, p := range []party{h.native, h.web, h.without} {
			toApp(t, p, "invalid_request", without("code_challenge_method"))
			toApp(t, p, "invalid_request", func(q url.Values) { q.Set("code_challenge_method", "plain") })
			toApp(t, p, "invalid_request", func(q url.Values) { q.Set("code_challenge_method", "s256") })
			toApp(t, p, "invalid_request", func(q url.Values) { q.Set("code_challenge", "short") })
		}
	})
	burnt := func(t *testing.T, a attempt, change func(url.Values)) {
		t.Helper()
		code := a.code(t, v)
		form := a.exchange(code)
		change(form)
		h.leaves(t, []string{"oidc.code.burn"}, []string{"token_families", "participants", "accounts"}, func() { h.token(t, a.party, form).wants(t, "invalid_grant") })
		h.token(t, a.party, a.exchange(code)).wants(t, "invalid_grant")
	}
	t.Run("PK-03 no verifier, or a wrong one", func(t *testing.T) {
		for _, p := range []party{h.web, h.native, h.post, h.without} {
			burnt(t, h.attempt(p), without("code_verifier"))
			burnt(t, h.attempt(p), func(f url.Values) { f.Set("code_verifier", h.attempt(p).verifier) })
		}
	})
	t.Run("PK-04 a verifier without a challenge", func(t *testing.T) {
		a := h.attempt(h.without)
		without("code_challenge", "code_challenge_method")(a.query)
		code := a.code(t, v)
		h.leaves(t, []string{"oidc.code.burn"}, []string{"token_families", "participants", "accounts"}, func() { h.token(t, a.party, a.exchange(code)).wants(t, "invalid_grant") })
		code = a.code(t, v)
		form := a.exchange(code)
		form.Del("code_verifier")
		if got := h.token(t, a.party, form); got.Access == "" {
			t.Errorf("the exempt app itself is refused: %s", got.answer.Body)
		}
	})
	t.Run("MX-01 every answer names the issuer", func(t *testing.T) {
		a := h.attempt(h.web)
		if q := v.get(t, a.url()).location(t).Query(); q.Get("iss") != securedURL || q.Get("code") == "" {
			t.Errorf("a success says %v", q)
		}
		toApp(t, h.web, "unsupported_response_type", func(q url.Values) { q.Set("response_type", "token") })
		toApp(t, h.web, "invalid_scope", func(q url.Values) { q.Set("scope", "email") })
		toApp(t, h.web, "request_not_supported", func(q url.Values) { q.Set("request", "e30.e30.") })
		toApp(t, h.web, "request_uri_not_supported", func(q url.Values) { q.Set("request_uri", "http://127.0.0.1:9/x") }) // SS-01 too
		a.query.Set("prompt", "none")
		if q := h.visitor(t).get(t, a.url()).location(t).Query(); q.Get("error") != "login_required" || q.Get("iss") != securedURL {
			t.Errorf("login_required says %v", q)
		}
		if doc := h.call(t, http.MethodGet, "/.well-known/openid-configuration", nil, ""); !strings.Contains(doc.Body, `"authorization_response_iss_parameter_supported":true`) {
			t.Errorf("discovery does not say so: %s", doc.Body)
		}
	})
	// Whatever names another host, no address that the house tells changes.
	unmoved := func(t *testing.T, header http.Header) {
		t.Helper()
		for _, path := range []string{"/.well-known/openid-configuration", "/saml/metadata", "/signin", "/console", "/api/v1/openapi.json", "/nowhere", h.attempt(h.web).url()[len(securedURL):]} {
			got := h.call(t, http.MethodGet, path, header, "")
			if text := got.Body + strings.Join(got.Header.Values("Location"), " ") + strings.Join(got.Header.Values("Link"), " "); strings.Contains(text, "evil") {
				t.Errorf("%s with %v tells of evil: %s", path, header, text)
			}
		}
		doc := h.call(t, http.MethodGet, "/.well-known/openid-configuration", header, "")
		if doc.Status != http.StatusOK && doc.Status != http.StatusMisdirectedRequest {
			t.Errorf("discovery answered %d", doc.Status)
		}
		if doc.Status == http.StatusOK && (!strings.Contains(doc.Body, `"issuer":"`+securedURL+`"`) || strings.Count(doc.Body, "https://") != strings.Count(doc.Body, securedURL)) {
			t.Errorf("discovery says %s", doc.Body)
		}
	}
	t.Run("MX-02 another Host", func(t *testing.T) {
		unmoved(t, http.Header{"Host": {"evil.example"}})
		unmoved(t, http.Header{"Host": {"evil.example:444"}})
	})
	t.Run("MX-03 forwarded hosts of a stranger", func(t *testing.T) {
		unmoved(t, http.Header{"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Port": {"1"}})
		unmoved(t, http.Header{"Forwarded": {"for=192.0.2.1;host=evil.example;proto=http"}})
		unmoved(t, http.Header{"X-Original-Url": {"/evil"}, "X-Rewrite-Url": {"/evil"}, "X-Host": {"evil.example"}})
	})
	h.clientAuthentication(t, v)
}

// clientAuthentication is CA-01 to CA-03.
func (h oidcHouse) clientAuthentication(t *testing.T, v *visitor) {
	try := func(t *testing.T, p party, want string, change func(http.Header, url.Values)) {
		t.Helper()
		a := h.attempt(p)
		code := a.code(t, v)
		head, form := p.authenticated(a.exchange(code))
		change(head, form)
		event := []string{"oidc.client.refuse"}
		if want == "invalid_request" { // nobody tried to be anybody
			event = nil
		}
		h.leaves(t, event, nil, func() {
			h.tokenAnswer(t, h.call(t, http.MethodPost, "/oauth/token", head, form.Encode())).wants(t, want)
		})
		if got := h.token(t, p, a.exchange(code)); got.Access == "" {
			t.Errorf("the code was lost by somebody else's try: %s", got.answer.Body)
		}
	}
	inBody := func(p party) func(http.Header, url.Values) {
		return func(head http.Header, form url.Values) {
			head.Del("Authorization")
			form.Set("client_id", p.ID)
			form.Set("client_secret", p.Secret)
		}
	}
	inHeader := func(p party) func(http.Header, url.Values) {
		return func(head http.Header, form url.Values) {
			form.Del("client_secret")
			p.post = false
			basic, _ := p.authenticated(url.Values{})
			head.Set("Authorization", basic.Get("Authorization"))
		}
	}
	t.Run("CA-01 another method than the registered one", func(t *testing.T) {
		try(t, h.web, "invalid_client", inBody(h.web))
		try(t, h.post, "invalid_client", inHeader(h.post))
		try(t, h.native, "invalid_client", func(_ http.Header, f url.Values) { f.Set("client_secret", "whatever-it-may-be") })
		try(t, h.web, "invalid_client", func(head http.Header, _ url.Values) {
			wrong := h.web
			wrong.Secret += "x"
			basic, _ := wrong.authenticated(url.Values{})
			head.Set("Authorization", basic.Get("Authorization"))
		})
	})
	t.Run("CA-02 two authentications", func(t *testing.T) {
		try(t, h.web, "invalid_request", func(_ http.Header, f url.Values) { f.Set("client_secret", h.web.Secret) })
		try(t, h.post, "invalid_request", func(head http.Header, _ url.Values) { head.Set("Authorization", "Basic cG9zdDp4") })
		try(t, h.web, "invalid_request", func(head http.Header, _ url.Values) { head.Add("Authorization", "Basic cG9zdDp4") })
	})
	t.Run("CA-03 a confidential client without its secret", func(t *testing.T) {
		for _, p := range []party{h.web, h.post} {
			try(t, p, "invalid_client", func(head http.Header, f url.Values) {
				head.Del("Authorization")
				f.Del("client_secret")
				f.Set("client_id", p.ID)
			})
		}
	})
}
