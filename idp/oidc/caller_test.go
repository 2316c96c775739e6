package oidc_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// caller is an app's server.
type caller struct {
	h      *house
	basic  bool
	id     string
	secret string
}

func (h *house) asWiki() caller  { return caller{h, true, "wiki", secret} }
func (h *house) asOther() caller { return caller{h, false, "other", secret} }
func (h *house) asPhone() caller { return caller{h, false, "phone", ""} }

// answer is a JSON answer to an app.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

func (a answer) text(name string) string { s, _ := a.body[name].(string); return s }

func (c caller) post(path string, form url.Values) answer {
	c.h.t.Helper()
	a, err := c.try(path, form)
	c.h.must(err)
	return a
}

func (c caller) try(path string, form url.Values) (answer, error) {
	form = maps.Clone(form)
	if !c.basic && c.id != "" {
		form.Set("client_id", c.id)
		if c.secret != "" {
			form.Set("client_secret", c.secret)
		}
	}
	req, err := http.NewRequest(http.MethodPost, c.h.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.basic {
		req.SetBasicAuth(url.QueryEscape(c.id), url.QueryEscape(c.secret))
	}
	return do(req)
}

// apps asks for all of them. The default transport's connections are closed with
// the server of any test, also under a request that goes to another's.
var apps = &http.Client{Transport: new(http.Transport)}

func do(req *http.Request) (answer, error) {
	res, err := apps.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	b, err := io.ReadAll(res.Body)
	if err == nil && len(b) > 0 {
		err = json.Unmarshal(b, &a.body)
	}
	return a, err
}

func exchange(code string, changes ...string) url.Values {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	for _, c := range changes {
		name, value, set := strings.Cut(c, "=")
		if form.Del(name); set {
			form.Set(name, value)
		}
	}
	return form
}

func (c caller) exchange(code string, changes ...string) answer {
	c.h.t.Helper()
	return c.post("/oauth/token", exchange(code, changes...))
}

func (c caller) refresh(token string, changes ...string) answer {
	c.h.t.Helper()
	form := exchange("", append([]string{"code", "redirect_uri", "code_verifier", "grant_type=refresh_token", "refresh_token=" + token}, changes...)...)
	return c.post("/oauth/token", form)
}

// tokens signs in to the wiki and exchanges the code.
func (p *person) tokens(scope string) answer {
	p.h.t.Helper()
	a := p.h.asWiki().exchange(p.code("scope=" + scope))
	if a.status != http.StatusOK {
		p.h.t.Fatalf("exchange: %d %v", a.status, a.body)
	}
	return a
}

func (h *house) userinfo(token string) answer {
	h.t.Helper()
	req, err := http.NewRequest(http.MethodGet, h.server.URL+"/oauth/userinfo", nil)
	h.must(err)
	req.Header.Set("Authorization", "Bearer "+token)
	a, err := do(req)
	h.must(err)
	return a
}

func (a answer) wants(t *testing.T, status int, code string) {
	t.Helper()
	if a.status != status || a.text("error") != code {
		t.Errorf("got %d %v, want %d %s", a.status, a.body, status, code)
	}
	if status == http.StatusUnauthorized && a.header.Get("WWW-Authenticate") == "" {
		t.Error("401 without WWW-Authenticate")
	}
	if a.header.Get("Cache-Control") != "no-store" {
		t.Error("the answer may be stored")
	}
}

// claimsOf decodes a JWT without verifying it; others verify.
func claimsOf(t testing.TB, jwt string) map[string]any {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT: %q", jwt)
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(b, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}
