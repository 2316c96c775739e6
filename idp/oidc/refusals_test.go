package oidc_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/idp"
)

// call sends a request as it is.
func (h *house) sends(method, path, body string, header ...string) answer {
	h.t.Helper()
	req, err := http.NewRequest(method, h.server.URL+path, strings.NewReader(body))
	h.must(err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := apps.Do(req)
	h.must(err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	h.must(err)
	a := answer{status: res.StatusCode, header: res.Header}
	if len(raw) > 0 && json.Unmarshal(raw, &a.body) != nil {
		h.t.Errorf("%s %s answers no JSON: %s", method, path, raw)
	}
	return a
}

const formType = "application/x-www-form-urlencoded"

// TestAppsAreToldWhichMethod: everywhere that an app asks and no person does, the
// answer to a method that is none is JSON, says which is, and is not kept.
func TestAppsAreToldWhichMethod(t *testing.T) {
	t.Parallel()
	h := newRegistrar(t, 1)
	for path, allowed := range map[string]string{
		"/oauth/token": "POST", "/oauth/par": "POST", "/oauth/introspect": "POST", "/oauth/revoke": "POST", "/oauth/device_authorization": "POST",
		"/oauth/userinfo": "GET, POST", "/oauth/keys": "GET, HEAD", "/.well-known/openid-configuration": "GET, HEAD",
		"/.well-known/oauth-authorization-server": "GET, HEAD", "/oauth/register": "POST", "/oauth/register/some": "GET, PUT, DELETE",
	} {
		for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "DANCE"} {
			if strings.Contains(allowed, method) {
				continue
			}
			a := h.sends(method, path, "")
			a.wants(t, http.StatusMethodNotAllowed, "invalid_request")
			if a.header.Get("Allow") != allowed || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("%s %s: Allow %q, %s", method, path, a.header.Get("Allow"), a.header.Get("Content-Type"))
			}
		}
	}
	for _, path := range []string{"/oauth/token/", "/oauth/nothing", "/oauth/register/a/b", "/"} {
		h.sends("POST", path, "").wants(t, http.StatusNotFound, "invalid_request")
	}
	newHouse(t).sends("POST", "/oauth/register", "{}").wants(t, http.StatusNotFound, "invalid_request") // nobody registers there
}

// TestAParameterWithoutAValueIsNone (RFC 6749 §3.1, §3.2), and none the less it
// must not be there twice.
func TestAParameterWithoutAValueIsNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	for _, name := range []string{
		"max_age", "request", "request_uri", "registration", "prompt", "response_mode", "id_token_hint", "acr_values", "claims", "ui_locales",
		"login_hint", "resource", "dpop_jkt", "display", "made_up",
	} {
		if _, q := ada.authorize(name + "=").location(t); q.Get("code") == "" {
			t.Errorf("%s without a value: %v", name, q)
		}
	}
	for _, name := range []string{"scope", "response_type", "code_challenge", "code_challenge_method"} {
		if _, q := ada.authorize(name + "=").location(t); q.Get("error") == "" {
			t.Errorf("%s is needed, and none came: %v", name, q)
		}
	}
	refusedWithPage(t, ada.get("/oauth/authorize?"+ask().Encode()+"&max_age=&max_age=1"))

	h.asPhone().post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_secret": {""}}).wants(t, http.StatusBadRequest, "invalid_grant")
	h.asWiki().post("/oauth/token", url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_secret": {""}, "client_assertion": {""}, "scope": {""}, "resource": {""},
	}).wants(t, http.StatusBadRequest, "invalid_grant")
	// It is no way round the secret, nor round the verifier.
	caller{h, false, "other", ""}.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_secret": {""}}).wants(t, http.StatusUnauthorized, "invalid_client")
	h.asWiki().exchange(ada.code(), "code_verifier=").wants(t, http.StatusBadRequest, "invalid_grant")
	b := h.newBank()
	if a := b.proven("/oauth/par", b.asks("request=", "request_uri=", "max_age=")); a.status != http.StatusCreated {
		t.Errorf("pushed: %d %v", a.status, a.body)
	}
	if a := b.pushesObject(b.signed(b.object(map[string]any{"max_age": "", "claims": ""}))); a.status != http.StatusCreated {
		t.Errorf("in a request object: %d %v", a.status, a.body)
	}
}

// TestRefusalsOfAppsAreInOurWords: nothing that was sent is repeated, and no
// description holds a character that RFC 6749 §5.2 forbids.
func TestRefusalsOfAppsAreInOurWords(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, c := range map[string]struct {
		form url.Values
		code string
	}{
		"a grant that is none":      {url.Values{"grant_type": {`dänce"\`}}, "unsupported_grant_type"},
		"password":                  {url.Values{"grant_type": {"password"}, "username": {"ada"}, "password": {"x"}}, "unsupported_grant_type"},
		"jwt-bearer":                {url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {"x"}}, "unsupported_grant_type"},
		"a grant of machines":       {url.Values{"grant_type": {"client_credentials"}}, "unauthorized_client"},
		"a grant of devices":        {url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {"x"}}, "unauthorized_client"},
		"an exchange":               {url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {"x"}, "subject_token_type": {accessTokenType}}, "unauthorized_client"},
		"no grant":                  {url.Values{}, "invalid_request"},
		"no code":                   {url.Values{"grant_type": {"authorization_code"}, "redirect_uri": {callback}}, "invalid_request"},
		"no redirect_uri":           {url.Values{"grant_type": {"authorization_code"}, "code": {"x"}}, "invalid_request"},
		"no refresh token":          {url.Values{"grant_type": {"refresh_token"}}, "invalid_request"},
		"a code that is none":       {exchange("x"), "invalid_grant"},
		"a control character":       {url.Values{"grant_type": {"refresh_token\x01"}}, "invalid_request"},
		"a scope that nobody knows": {url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "scope": {`"`}}, "invalid_grant"},
	} {
		a := h.asWiki().post("/oauth/token", c.form)
		a.wants(t, http.StatusBadRequest, c.code)
		text := a.text("error_description")
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) || strings.Contains(text, "nce") && name == "a grant that is none" {
			t.Errorf("%s: %q", name, text)
		}
	}
	for name, header := range map[string][]string{"JSON": {"Content-Type", "application/json"}, "nothing said": nil, "text": {"Content-Type", "text/plain; charset=x"}} {
		a := h.sends("POST", "/oauth/token", `{"grant_type":"refresh_token"}`, header...)
		if a.wants(t, http.StatusBadRequest, "invalid_request"); !strings.Contains(a.text("error_description"), formType) {
			t.Errorf("%s: %v", name, a.body)
		}
	}
	if _, q := h.signedIn(h.ada).authorize("registration={}").location(t); q.Get("error") != "registration_not_supported" {
		t.Errorf("registration in a request: %v", q)
	}
}

// TestUserinfoSaysHowItIsAsked with every refusal (RFC 6750 §3, RFC 9449 §7.1).
func TestUserinfoSaysHowItIsAsked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.signedIn(h.ada).tokens("openid").text("access_token")
	const realm, dpop = `Bearer realm="gatehouse"`, `DPoP realm="gatehouse", algs="PS256 ES256 EdDSA"`
	for name, c := range map[string]struct {
		got          answer
		status       int
		code, header string
	}{
		"no token":           {h.sends("GET", "/oauth/userinfo", ""), 401, "invalid_request", realm + ";" + dpop},
		"another scheme":     {h.sends("GET", "/oauth/userinfo", "", "Authorization", "Basic x"), 401, "invalid_request", realm + ";" + dpop},
		"a token of nobody":  {h.sends("GET", "/oauth/userinfo", "", "Authorization", "Bearer x"), 401, "invalid_token", realm + `, error="invalid_token";` + dpop},
		"in the query":       {h.sends("GET", "/oauth/userinfo?access_token="+token, ""), 400, "invalid_request", realm + `, error="invalid_request";` + dpop},
		"in two ways":        {h.sends("POST", "/oauth/userinfo", "access_token="+token, "Content-Type", formType, "Authorization", "Bearer "+token), 400, "invalid_request", realm + `, error="invalid_request";` + dpop},
		"twice":              {h.sends("POST", "/oauth/userinfo", "access_token=a&access_token=b", "Content-Type", formType), 400, "invalid_request", realm + `, error="invalid_request";` + dpop},
		"DPoP without proof": {h.sends("GET", "/oauth/userinfo", "", "Authorization", "DPoP "+token), 401, "invalid_dpop_proof", dpop + `, error="invalid_dpop_proof"`},
	} {
		c.got.wants(t, c.status, c.code)
		if all := strings.Join(c.got.header.Values("WWW-Authenticate"), ";"); all != c.header {
			t.Errorf("%s: WWW-Authenticate %s", name, all)
		}
	}
	// The scope openid went with a refresh that asked for less.
	a := h.signedIn(h.ada).tokens("openid email offline_access")
	narrow := h.asWiki().refresh(a.text("refresh_token"), "scope=email").text("access_token")
	got := h.userinfo(narrow)
	got.wants(t, http.StatusForbidden, "insufficient_scope")
	if c := got.header.Get("WWW-Authenticate"); c != realm+`, error="insufficient_scope", scope="openid"` {
		t.Errorf("WWW-Authenticate %s", c)
	}
	list, _, err := h.store.Events(t.Context(), idp.EventQuery{Limit: 20})
	h.must(err)
	found := false
	for _, e := range list {
		found = found || strings.Contains(e.Detail["reason"], "no proof came")
	}
	if !found {
		t.Error("nothing says that no proof came")
	}
}

// TestWhoComesWithHalfAnAuthenticationIsToldHow: 401 and how it is done, at every
// endpoint that apps authenticate at, whatever is missing (RFC 6749 §5.2).
func TestWhoComesWithHalfAnAuthenticationIsToldHow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	basic := func(text string) []string {
		return []string{"Content-Type", formType, "Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(text))}
	}
	const body = "grant_type=refresh_token&refresh_token=x&token=x&response_type=code"
	for _, path := range []string{"/oauth/token", "/oauth/par", "/oauth/introspect", "/oauth/revoke", "/oauth/device_authorization"} {
		for name, header := range map[string][]string{
			"an empty secret": basic("wiki:"), "no name": basic(":" + secret), "nothing": basic(":"), "a public client": basic("phone:"),
			"somebody unknown": basic("nobody:x"), "no colon": basic("wiki"), "another scheme": {"Content-Type", formType, "Authorization", "Bearer x"},
		} {
			a := h.sends("POST", path, body, header...)
			if a.wants(t, http.StatusUnauthorized, "invalid_client"); !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("%s, %s: WWW-Authenticate %q", path, name, a.header.Get("WWW-Authenticate"))
			}
		}
		for _, form := range []string{"", "&client_id=nobody", "&client_id=wiki&client_assertion=", "&client_id=wiki&client_secret="} {
			h.sends("POST", path, body+form, "Content-Type", formType).wants(t, http.StatusUnauthorized, "invalid_client")
		}
	}
}
