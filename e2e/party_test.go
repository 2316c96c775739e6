package e2e

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"gatehouse/web/api/client"
)

// parties is a house, Ada signed in there, and relying parties of the test's
// own that she may use: as far as each speaks to the house, without pages.
type parties struct {
	*proc
	API     *client.Client
	t       testing.TB
	ada     *visitor
	secrets map[string]string // by client_id
}

// meet starts the house with these apps, whose tongue, client authentication
// and redirect URI are filled in.
func meet(t testing.TB, env map[string]string, apps ...client.App) *parties {
	t.Helper()
	return meetAs(t, binary(t), env, apps...)
}

// meetAs is meet for another build of the binary.
func meetAs(t testing.TB, bin string, env map[string]string, apps ...client.App) *parties {
	t.Helper()
	token := rand.Text()
	all := map[string]string{"GATEHOUSE_ADMIN_TOKEN": token}
	for name, value := range env {
		all[name] = value
	}
	p := &parties{proc: startAs(t, bin, []string{"serve"}, all), t: t, secrets: map[string]string{}}
	p.API = &client.Client{URL: p.URL, Token: token}
	want := client.Desired{Users: []client.DesiredUser{{Person: client.Person{Username: "ada"}}}}
	for _, a := range apps {
		a.Protocol, a.Identifier = "oidc", a.Name
		a.OIDC.AuthMethod, a.OIDC.RedirectURIs, a.OIDC.AllowOfflineAccess = "client_secret_post", []string{callback}, true
		want.Apps = append(want.Apps, a)
		want.Grants = append(want.Grants, client.Grant{App: a.Name, User: "ada"})
	}
	done, err := p.API.Apply(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range done.Changes {
		switch {
		case c.Link != "":
			choosesPassword(t, c.Link, url.Values{"password": {adasPassword}})
		case c.Secret != "":
			p.secrets[c.Name] = c.Secret
		}
	}
	p.ada = comesIn(t, p.URL, "ada", adasPassword)
	return p
}

// as is a form that the app of that client_id sends, with its secret.
func (p *parties) as(app string, pairs ...string) url.Values {
	form := url.Values{"client_id": {app}, "client_secret": {p.secrets[app]}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

// tokens lets Ada open an app, which gets tokens of her.
func (p *parties) tokens(app string, scope ...string) (access, refresh string) {
	p.t.Helper()
	if scope == nil {
		scope = []string{"openid profile offline_access"}
	}
	verifier := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	asked := url.Values{
		"response_type": {"code"}, "client_id": {app}, "redirect_uri": {callback}, "scope": scope,
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	code := p.ada.get(p.t, p.URL+"/oauth/authorize?"+asked.Encode()).location(p.t).Query().Get("code")
	got := newVisitor(p.t).postForm(p.t, p.URL+"/oauth/token", p.as(app, "grant_type", "authorization_code", "code", code,
		"redirect_uri", callback, "code_verifier", verifier))
	var tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal([]byte(got.Body), &tokens); err != nil || got.Status != http.StatusOK || tokens.Access == "" || tokens.Refresh == "" {
		p.t.Fatalf("%s got no tokens: %d %s", app, got.Status, got.Body)
	}
	return tokens.Access, tokens.Refresh
}

// receipt reads a receipt.
func (p *parties) receipt(id string) client.Receipt {
	p.t.Helper()
	r, err := p.API.Receipt(p.t.Context(), id)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}
