package oidc_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/fetch"
	"gatehouse/idp/oidc"
)

// registrar is somebody with an initial access token.
type registrar struct {
	*house
	token string
}

// newRegistrar opens a house in which ada, an owner, made a token for so many
// registrations.
func newRegistrar(t *testing.T, uses int) *registrar {
	t.Helper()
	h := newHouse(t, func(p *oidc.Provider) { p.Registration = &oidc.Registration{} })
	h.provider.Registration.Directory, h.provider.Registration.Spend, h.provider.Registration.Count = h.dir, h.gate.SpendInitialToken, h.store.Count
	u, err := h.store.User(t.Context(), h.ada.ID)
	h.must(err)
	u.Role = idp.RoleOwner
	h.commit(idp.Change{Users: []idp.User{u}})
	generation, err := h.store.Generation(t.Context())
	h.must(err)
	raw, _, err := h.dir.AddInitialToken(t.Context(), idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: generation}, "ci", uses, time.Hour)
	h.must(err)
	return &registrar{h, raw}
}

func (r *registrar) call(method, path, token, body string) (int, http.Header, map[string]any) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.server.URL+path, strings.NewReader(body))
	r.must(err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	r.must(err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	r.must(err)
	out := map[string]any{}
	if len(raw) > 0 {
		r.must(json.Unmarshal(raw, &out))
	}
	if res.Header.Get("Cache-Control") != "no-store" {
		r.t.Errorf("%s %s may be stored", method, path)
	}
	return res.StatusCode, res.Header, out
}

func (r *registrar) wants(status int, code string, method, path, token, body string) map[string]any {
	r.t.Helper()
	got, header, out := r.call(method, path, token, body)
	said, _ := out["error"].(string)
	if got != status || said != code {
		r.t.Errorf("%s %s %.80s: %d %v, want %d %q", method, path, body, got, out, status, code)
	}
	if (status == http.StatusUnauthorized) != strings.HasPrefix(header.Get("WWW-Authenticate"), "Bearer") {
		r.t.Errorf("%s %s: WWW-Authenticate %q with %d", method, path, header.Get("WWW-Authenticate"), got)
	}
	return out
}

const wantsWiki = `{"client_name":"Wiki of CI","redirect_uris":["https://ci.example/cb"],"grant_types":["authorization_code","refresh_token"],"logo_uri":"https://ignored.example/x"}`

// TestAClientRegistersManagesAndRemovesItself is RFC 7591 and RFC 7592 from
// end to end; nobody may use the client until an owner grants it, and what it
// holds ends with it.
func TestAClientRegistersManagesAndRemovesItself(t *testing.T) {
	t.Parallel()
	h := newRegistrar(t, 1)
	made := h.wants(201, "", "POST", "/oauth/register", h.token, wantsWiki)
	id, _ := made["client_id"].(string)
	secret, _ := made["client_secret"].(string)
	managing, _ := made["registration_access_token"].(string)
	if len(id) != 26 || len(secret) != 64 || len(managing) != 64 || made["client_secret_expires_at"] != 0.0 ||
		made["registration_client_uri"] != h.provider.Issuer+"/oauth/register/"+id || made["logo_uri"] != nil {
		t.Fatalf("registered %v", made)
	}
	h.wants(401, "invalid_token", "POST", "/oauth/register", h.token, wantsWiki) // it had one use
	at := "/oauth/register/" + id

	h.wants(401, "invalid_token", "GET", at, secret, "")
	h.wants(401, "invalid_request", "GET", at, "", "")
	h.wants(401, "invalid_token", "GET", "/oauth/register/nobody", managing, "")
	h.wants(401, "invalid_token", "GET", "/oauth/register/wiki", managing, "") // registered by an owner
	if shown := h.wants(200, "", "GET", at, managing, ""); shown["client_secret"] != nil || shown["client_name"] != "Wiki of CI" {
		t.Errorf("shown %v", shown)
	}
	h.wants(400, "invalid_client_metadata", "PUT", at, managing, wantsWiki)
	h.wants(400, "invalid_client_metadata", "PUT", at, managing, `{"client_id":"`+id+`","client_secret":"chosen","redirect_uris":["https://ci.example/cb"]}`)
	h.wants(400, "invalid_redirect_uri", "PUT", at, managing, `{"client_id":"`+id+`","redirect_uris":["http://ci.example/cb"]}`)
	changed := h.wants(200, "", "PUT", at, managing, `{"client_id":"`+id+`","redirect_uris":["https://ci.example/cb2"]}`)
	if uris, _ := json.Marshal(changed["redirect_uris"]); !bytes.Equal(uris, []byte(`["https://ci.example/cb2"]`)) || changed["client_secret"] != nil {
		t.Errorf("changed to %v", changed)
	}
	app, err := h.store.AppByIdentifier(t.Context(), idp.ProtocolOIDC, id)
	h.must(err)
	if grants, err := h.store.Grants(t.Context(), app.ID); err != nil || len(grants) != 0 || app.OIDC.RegisteredBy == "" {
		t.Errorf("granted to %v, %v; by %q", grants, err, app.OIDC.RegisteredBy)
	}
	if !app.OIDC.ThirdParty {
		t.Error("nobody is asked what it may learn of them")
	}

	authorize := func() int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "GET", h.server.URL+"/oauth/authorize?response_type=code&scope=openid&redirect_uri=https%3A%2F%2Fci.example%2Fcb2&client_id="+id+
			"&code_challenge_method=S256&code_challenge="+strings.Repeat("a", 43), nil)
		h.must(err)
		res, err := http.DefaultTransport.RoundTrip(req)
		h.must(err)
		h.must(res.Body.Close())
		return res.StatusCode
	}
	if status := authorize(); status != http.StatusSeeOther && status != http.StatusFound {
		t.Errorf("a sign-on to it began with %d", status)
	}
	h.wants(204, "", "DELETE", at, managing, "")
	if status := authorize(); status != http.StatusBadRequest {
		t.Errorf("a sign-on to what was removed: %d", status)
	}
	if gone, err := h.store.App(t.Context(), app.ID); err != nil || gone.Epoch != app.Epoch+1 {
		t.Errorf("what it held did not end: %+v, %v", gone, err)
	}
	h.wants(401, "invalid_token", "GET", at, managing, "")
	h.wants(401, "invalid_token", "DELETE", at, managing, "")
	caller{h.house, true, id, secret}.exchange("x").wants(t, http.StatusUnauthorized, "invalid_client")
	for _, kind := range []string{"initial_token.add", "app.add", "app.change", "app.remove", "app.end", "oidc.register.refuse"} {
		h.wantEvent(kind)
	}
}

// TestWhatARegistrationMayNotSay: each is refused with the code of RFC 7591
// §3.2.2, and costs the token no use.
func TestWhatARegistrationMayNotSay(t *testing.T) {
	t.Parallel()
	h := newRegistrar(t, 1)
	const uri = `"redirect_uris":["https://ci.example/cb"]`
	for body, code := range map[string]string{
		``:                                       "invalid_client_metadata",
		`[]`:                                     "invalid_client_metadata",
		`{` + uri + `}{}`:                        "invalid_client_metadata",
		`{}`:                                     "invalid_redirect_uri",
		`{"redirect_uris":"x"}`:                  "invalid_client_metadata",
		`{"redirect_uris":[]}`:                   "invalid_redirect_uri",
		`{` + uri + `,"software_statement":"x"}`: "invalid_client_metadata",
		`{` + uri + `,"jwks_uri":"https://x"}`:   "invalid_client_metadata",
		`{` + uri + `,"jwks":{"keys":[]}}`:       "invalid_client_metadata",
		`{` + uri + `,"subject_type":"pairwise"}`:                          "invalid_client_metadata",
		`{` + uri + `,"response_types":["token"]}`:                         "invalid_client_metadata",
		`{` + uri + `,"grant_types":["password"]}`:                         "invalid_client_metadata",
		`{` + uri + `,"application_type":"machine"}`:                       "invalid_client_metadata",
		`{` + uri + `,"require_signed_request_object":true}`:               "invalid_client_metadata",
		`{` + uri + `,"default_max_age":0}`:                                "invalid_client_metadata",
		`{` + uri + `,"default_acr_values":["2"]}`:                         "invalid_client_metadata",
		`{` + uri + `,"tls_client_certificate_bound_access_tokens":true}`:  "invalid_client_metadata",
		`{` + uri + `,"userinfo_signed_response_alg":"RS256"}`:             "invalid_client_metadata",
		`{` + uri + `,"authorization_signed_response_alg":"RS256"}`:        "invalid_client_metadata",
		`{` + uri + `,"id_token_encrypted_response_alg":"RSA-OAEP"}`:       "invalid_client_metadata",
		`{` + uri + `,"dpop_bound_access_tokens":"yes"}`:                   "invalid_client_metadata",
		`{` + uri + `,"initiate_login_uri":"javascript:alert(1)"}`:         "invalid_client_metadata",
		`{` + uri + `,"client_name":"` + strings.Repeat("x", 101) + `"}`:   "invalid_client_metadata",
		`{` + uri + `,"client_name":"` + strings.Repeat("x", 70000) + `"}`: "invalid_client_metadata",
	} {
		h.wants(400, code, "POST", "/oauth/register", h.token, body)
	}
	// What the house finds wrong, and not the reader of the metadata.
	h.wants(400, "invalid_redirect_uri", "POST", "/oauth/register", h.token, `{"redirect_uris":["http://ci.example/cb"]}`)
	h.wants(400, "invalid_client_metadata", "POST", "/oauth/register", h.token, `{`+uri+`,"token_endpoint_auth_method":"private_key_jwt"}`)
	h.wants(401, "invalid_request", "POST", "/oauth/register", "", wantsWiki)
	h.wants(401, "invalid_token", "POST", "/oauth/register", "wrong", wantsWiki)
	h.wants(201, "", "POST", "/oauth/register", h.token, wantsWiki)
}

// TestAClientRegistersWhatProtectsIt: it holds, and no update takes it away again.
func TestAClientRegistersWhatProtectsIt(t *testing.T) {
	t.Parallel()
	h := newRegistrar(t, 1)
	made := h.wants(201, "", "POST", "/oauth/register", h.token, `{"redirect_uris":["https://ci.example/cb"],"token_endpoint_auth_method":"none",
		"dpop_bound_access_tokens":true,"require_pushed_authorization_requests":true,"initiate_login_uri":"https://ci.example/begin",
		"jwks":null,"require_signed_request_object":false,"default_max_age":null}`)
	if made["dpop_bound_access_tokens"] != true || made["require_pushed_authorization_requests"] != true || made["initiate_login_uri"] != "https://ci.example/begin" {
		t.Fatalf("registered %v", made)
	}
	id, managing := made["client_id"].(string), made["registration_access_token"].(string)
	h.wants(200, "", "PUT", "/oauth/register/"+id, managing, `{"client_id":"`+id+`","redirect_uris":["https://ci.example/cb"],"token_endpoint_auth_method":"none","dpop_bound_access_tokens":false}`)
	app := h.named(id)
	if o := app.OIDC; !o.DPoPBound || !o.RequirePAR || o.InitiateLoginURI != "" {
		t.Errorf("updated to %+v", o)
	}
	h.commit(idp.Change{Grants: []idp.Grant{{ID: idp.NewGrantID(), AppID: app.ID, UserID: h.ada.ID, CreatedAt: idp.Time(h.clock.Now())}}})
	if _, q := h.signedIn(h.ada).authorize("client_id="+id, "redirect_uri=https://ci.example/cb").location(t); q.Get("error") != "invalid_request" {
		t.Errorf("a request that was not pushed: %v", q)
	}
	ci := caller{h.house, false, id, ""}
	pushed := ci.post("/oauth/par", ask("client_id="+id, "redirect_uri=https://ci.example/cb"))
	if pushed.status != http.StatusCreated {
		t.Fatalf("pushed: %d %v", pushed.status, pushed.body)
	}
	ci.exchange("x").wants(t, http.StatusBadRequest, "invalid_request") // without a proof
}

// selfRegistered is a client that registered itself, by its client_id and
// registration access token, and that an owner has changed since.
func (r *registrar) selfRegistered(metadata string, change func(*idp.OIDCSettings)) (id, managing string) {
	r.t.Helper()
	made := r.wants(201, "", "POST", "/oauth/register", r.token, metadata)
	id, managing = made["client_id"].(string), made["registration_access_token"].(string)
	app := r.named(id)
	change(app.OIDC)
	_, err := r.dir.ChangeApp(r.t.Context(), app)
	r.must(err)
	return id, managing
}

func (r *registrar) named(id string) idp.App {
	r.t.Helper()
	app, err := r.store.AppByIdentifier(r.t.Context(), idp.ProtocolOIDC, id)
	r.must(err)
	return app
}

// updates is an update of the client (RFC 7592 §2.2), in so many words more.
func (r *registrar) updates(id, managing string, status int, more string) map[string]any {
	r.t.Helper()
	code := map[int]string{400: "invalid_client_metadata"}[status]
	return r.wants(status, code, "PUT", "/oauth/register/"+id, managing, `{"client_id":"`+id+`","redirect_uris":["https://ci.example/cb"]`+more+`}`)
}

// TestAnUpdateUndoesNothingThatAnOwnerDecided: whoever has the registration
// access token gets nothing by it.
func TestAnUpdateUndoesNothingThatAnOwnerDecided(t *testing.T) {
	t.Parallel()
	h := newRegistrar(t, 3)
	id, managing := h.selfRegistered(wantsWiki, func(o *idp.OIDCSettings) { o.AllowOfflineAccess = false })
	h.updates(id, managing, 400, `,"grant_types":["authorization_code","refresh_token"]`)
	h.updates(id, managing, 400, `,"token_endpoint_auth_method":"none"`)
	h.updates(id, managing, 400, `,"application_type":"native"`) // for which it would be none
	h.updates(id, managing, 400, `,"token_endpoint_auth_method":"private_key_jwt"`)
	h.updates(id, managing, 200, `,"token_endpoint_auth_method":"client_secret_post"`)
	if o := h.named(id).OIDC; o.AuthMethod != "client_secret_post" || o.AllowOfflineAccess || len(o.SecretHashes) != 1 {
		t.Errorf("updated to %+v", o)
	}
	id, managing = h.selfRegistered(wantsWiki, func(o *idp.OIDCSettings) {
		o.ApplicationType, o.RedirectURIs, o.AllowOfflineAccess = idp.ApplicationMachine, nil, false
	})
	h.updates(id, managing, 400, "")
	// A public client may become one with a secret.
	id, managing = h.selfRegistered(`{"redirect_uris":["https://ci.example/cb"],"token_endpoint_auth_method":"none"}`, func(*idp.OIDCSettings) {})
	if got := h.updates(id, managing, 200, ""); got["client_secret"] == nil {
		t.Errorf("updated to %v", got)
	}
}

// TestAClientWithKeysUpdatesItself: as an owner has registered it, and no
// otherwise.
func TestAClientWithKeysUpdatesItself(t *testing.T) {
	t.Parallel()
	h := newRegistrar(t, 1)
	id, managing := h.selfRegistered(wantsWiki, func(o *idp.OIDCSettings) {
		o.AuthMethod, o.SecretHashes, o.JWKS = "private_key_jwt", nil, setOf(t, map[string]any{"ec": held().ec.Public()})
	})
	for _, method := range []string{"none", "client_secret_basic", "tls_client_auth"} {
		h.updates(id, managing, 400, `,"token_endpoint_auth_method":"`+method+`"`)
	}
	for _, more := range []string{`,"token_endpoint_auth_method":"private_key_jwt"`, ""} {
		if got := h.updates(id, managing, 200, more); got["client_secret"] != nil || got["token_endpoint_auth_method"] != "private_key_jwt" {
			t.Errorf("updated to %v", got)
		}
	}
	if o := h.named(id).OIDC; o.AuthMethod != "private_key_jwt" || o.JWKS == "" || len(o.SecretHashes) != 0 {
		t.Errorf("it is %+v", o)
	}
}

// TestAnOwnerTakesARegistrationTokenAway: the client stays, and manages itself
// no more.
func TestAnOwnerTakesARegistrationTokenAway(t *testing.T) {
	t.Parallel()
	h := newRegistrar(t, 1)
	made := h.wants(201, "", "POST", "/oauth/register", h.token, wantsWiki)
	id, managing := made["client_id"].(string), made["registration_access_token"].(string)
	app := h.named(id)
	h.must(h.dir.RevokeRegistration(t.Context(), app.ID))
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		h.wants(401, "invalid_token", method, "/oauth/register/"+id, managing, wantsWiki)
	}
	h.wantEvent("app.registration.revoke")
	if err := h.dir.RevokeRegistration(t.Context(), app.ID); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("taken away twice: %v", err)
	}
	caller{h.house, true, id, made["client_secret"].(string)}.exchange("x").wants(t, http.StatusBadRequest, "invalid_grant")
}

// TestARegistrationEndsWithItsOwner: an initial access token is a pass of the
// owner who made it.
func TestARegistrationEndsWithItsOwner(t *testing.T) {
	t.Parallel()
	h := newRegistrar(t, 5)
	h.wants(201, "", "POST", "/oauth/register", h.token, wantsWiki)
	h.wants(201, "", "POST", "/oauth/register", h.token, wantsWiki) // the same name again
	u, err := h.store.User(t.Context(), h.ada.ID)
	h.must(err)
	u.Role = idp.RoleEmployee
	bob, err := h.store.User(t.Context(), h.bob.ID)
	h.must(err)
	bob.Role = idp.RoleOwner
	h.commit(idp.Change{Users: []idp.User{bob}})
	h.commit(idp.Change{Users: []idp.User{u}})
	h.wants(401, "invalid_token", "POST", "/oauth/register", h.token, wantsWiki)
	_, err = h.dir.Suspend(t.Context(), h.ada.ID, "left")
	h.must(err)
	h.wants(401, "invalid_token", "POST", "/oauth/register", h.token, wantsWiki)
}

// TestNobodyRegistersWithoutEnd: tries of one address are bounded.
func TestNobodyRegistersWithoutEnd(t *testing.T) {
	t.Parallel()
	h := newRegistrar(t, 1)
	for range 30 {
		h.call("POST", "/oauth/register", "wrong", wantsWiki)
	}
	status, header, _ := h.call("POST", "/oauth/register", h.token, wantsWiki)
	if status != http.StatusTooManyRequests || header.Get("Retry-After") == "" {
		t.Errorf("after 30 tries: %d, Retry-After %q", status, header.Get("Retry-After"))
	}
}

// TestAnOwnerSaysWhoseAnAppIs: a client cannot make itself the organisation's
// own, and an owner can; that stays when the client changes what is its to say.
func TestAnOwnerSaysWhoseAnAppIs(t *testing.T) {
	t.Parallel()
	h := newRegistrar(t, 1)
	made := h.wants(201, "", "POST", "/oauth/register", h.token, `{"client_name":"CI","redirect_uris":["https://ci.example/cb"],"third_party":false}`)
	id, _ := made["client_id"].(string)
	managing, _ := made["registration_access_token"].(string)
	foreign := func() (bool, idp.App) {
		t.Helper()
		app, err := h.store.AppByIdentifier(t.Context(), idp.ProtocolOIDC, id)
		h.must(err)
		return app.OIDC.ThirdParty, app
	}
	update := func() {
		t.Helper()
		h.wants(200, "", "PUT", "/oauth/register/"+id, managing, `{"client_id":"`+id+`","redirect_uris":["https://ci.example/cb"],"third_party":false,"ThirdParty":false}`)
	}
	update()
	if yes, _ := foreign(); !yes {
		t.Fatal("the client made itself the organisation's own")
	}
	// An owner writes it into a file that is applied.
	_, app := foreign()
	_, err := h.dir.Apply(t.Context(), directory.Desired{Apps: []idp.App{{
		Name: app.Name, Protocol: idp.ProtocolOIDC, OIDC: &idp.OIDCSettings{RedirectURIs: app.OIDC.RedirectURIs, SecretHashes: app.OIDC.SecretHashes},
	}}}, false)
	h.must(err)
	update()
	if yes, app := foreign(); yes || app.OIDC.RegisteredBy == "" {
		t.Errorf("third party %v, registered by %q", yes, app.OIDC.RegisteredBy)
	}
}

// TestSS02ARegistrationNamesNoAddressInside: what registers itself has the house
// call no address that an owner could not have it call, and none to read anything
// from.
func TestSS02ARegistrationNamesNoAddressInside(t *testing.T) {
	t.Parallel()
	h := newRegistrar(t, 1)
	out, err := fetch.New(nil)
	h.must(err)
	h.dir.CheckURL = out.CheckURL
	register := func(field, value string) string {
		t.Helper()
		body, err := json.Marshal(map[string]any{"redirect_uris": []string{"https://ci.example/cb"}, field: value})
		h.must(err)
		return string(body)
	}
	for _, inside := range []string{
		"http://169.254.169.254/", "https://169.254.169.254/", "http://[::1]/", "https://[::1]/", "http://127.1/", "https://127.1/", "https://0x7f000001/", "https://2130706433/",
		"https://10.0.0.1/x", "https://localhost/", "https://[::ffff:127.0.0.1]/", "http://ci.example/", "file:///etc/passwd", "https://user@ci.example/",
	} {
		h.clock.Advance(time.Minute) // so many tries in one
		for _, field := range []string{"backchannel_logout_uri", "jwks_uri", "sector_identifier_uri"} {
			h.wants(400, "invalid_client_metadata", "POST", "/oauth/register", h.token, register(field, inside))
		}
	}
	h.clock.Advance(time.Minute)
	made := h.wants(201, "", "POST", "/oauth/register", h.token, register("backchannel_logout_uri", "https://ci.example/logout"))
	id, _ := made["client_id"].(string)
	managing, _ := made["registration_access_token"].(string)
	h.wants(400, "invalid_client_metadata", "PUT", "/oauth/register/"+id, managing, `{"client_id":"`+id+`","redirect_uris":["https://ci.example/cb"],"backchannel_logout_uri":"https://127.0.0.1/"}`)
}
