package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/web/api/client"
)

// device is what a device without a browser is told when it asks.
type device struct {
	Code     string `json:"device_code"`
	UserCode string `json:"user_code"`
	Complete string `json:"verification_uri_complete"`
}

func (h *secured) device(t testing.TB, p party) (d device) {
	t.Helper()
	head, form := p.authenticated(url.Values{"scope": {"openid offline_access"}})
	got := h.call(t, http.MethodPost, "/oauth/device_authorization", head, form.Encode())
	if err := json.Unmarshal([]byte(got.Body), &d); err != nil || d.Code == "" || got.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("no device code: %d %s, %v", got.Status, got.Body, err)
	}
	h.secret("device code", d.Code)
	return d
}

func polling(d device) url.Values {
	return url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {d.Code}}
}

// devicesOf has somebody confirm a device for each node, and look at another
// that they have not decided yet.
func (h browserHouse) devicesOf(t *testing.T, v *visitor) []holding {
	t.Helper()
	tv := h.register(t, "tv", client.OIDC{RedirectURIs: []string{"https://tv.example/cb"}, AllowOfflineAccess: true, DeviceGrant: true})
	var confirmed [2]device
	var looked [2]*answer
	for i := range confirmed {
		confirmed[i] = h.device(t, tv)
		if got := submit(t, v.get(t, confirmed[i].Complete), "/device", url.Values{"decision": {"allow"}}); !strings.Contains(got.Body, "Go back to your device") {
			t.Fatalf("not confirmed: %d\n%s", got.Status, got.Body)
		}
		looked[i] = v.get(t, h.device(t, tv).Complete)
		formTo(t, looked[i], "/device")
	}
	return []holding{
		{"confirmed device", func(node int) bool {
			return h.tokenBy(t, h.client(node, false), tv, polling(confirmed[node])).Access != ""
		}},
		{"session at the page of a device", func(node int) bool {
			page := *looked[node]
			page.visitor = h.sameBrowserAt(t, v, node)
			return strings.Contains(submit(t, &page, "/device", url.Values{"decision": {"allow"}}).Body, "Go back to your device")
		}},
	}
}

// jwtOf has somebody get a JWT access token.
func (h browserHouse) jwtOf(t *testing.T, v *visitor) []holding {
	t.Helper()
	api := h.register(t, "api", client.OIDC{RedirectURIs: []string{"https://api.example/cb"}, AllowOfflineAccess: true, AccessTokenFormat: "jwt"})
	token := h.signOn(t, v, api).Access
	if strings.Count(token, ".") != 2 {
		t.Fatalf("no JWT: %s", token)
	}
	return []holding{
		{"JWT access token at userinfo", func(node int) bool {
			return h.callBy(t, h.client(node, false), http.MethodGet, "/oauth/userinfo", http.Header{"Authorization": {"Bearer " + token}}, "").Status == http.StatusOK
		}},
		{"JWT access token at introspection", func(node int) bool { return h.active(t, node, api, token) }},
	}
}

// TestADeviceIsConfirmedByAPerson walks the flow as a device, and a person
// without JavaScript who was not signed in yet, see it.
func TestADeviceIsConfirmedByAPerson(t *testing.T) {
	t.Parallel()
	h := newBrowserHouse(t)
	tv := h.register(t, "tv", client.OIDC{RedirectURIs: []string{"https://tv.example/cb"}, AllowOfflineAccess: true, DeviceGrant: true})
	ben := h.staff(t, "ben")[0]
	d := h.device(t, tv)
	h.token(t, tv, polling(d)).wants(t, "authorization_pending")
	h.token(t, tv, polling(d)).wants(t, "slow_down")

	v := h.visitor(t)
	page := h.prove(t, v.get(t, d.Complete).follow(t), ben).follow(t)
	for _, words := range []string{"Only if you started this yourself", d.UserCode, "tv", "ben"} {
		if !strings.Contains(page.Body, words) {
			t.Errorf("%q is not on the page of %s: %d\n%s", words, page.URL, page.Status, page.Body)
		}
	}
	wrong := v.get(t, securedURL+"/device?user_code=BBBB-BBBB")
	if wrong.Status != http.StatusNotFound || !strings.Contains(wrong.Body, "No device waits with this code") {
		t.Errorf("a wrong code: %d\n%s", wrong.Status, wrong.Body)
	}
	forged := v.postForm(t, securedURL+"/device", url.Values{"user_code": {d.UserCode}, "decision": {"allow"}})
	if forged.Status != http.StatusForbidden {
		t.Errorf("a form of another site: %d", forged.Status)
	}
	if got := submit(t, page, "/device", url.Values{}); !strings.Contains(got.Body, "Nothing was signed in") {
		t.Errorf("no decision is no: %d\n%s", got.Status, got.Body)
	}
	h.token(t, tv, polling(d)).wants(t, "access_denied")

	// A device gets no more than a browser: ben is led to what the app asks for, and
	// would come back to the code.
	if _, err := h.admin.SetPolicy(t.Context(), client.Policy{Rules: []client.PolicyRule{{App: "tv", SecondFactor: true}}}, true, false); err != nil {
		t.Fatal(err)
	}
	silent := securedURL + "/oauth/authorize?" + url.Values{
		"client_id": {tv.ID}, "redirect_uri": {"https://tv.example/cb"}, "response_type": {"code"}, "scope": {"openid"}, "prompt": {"none"},
		"code_challenge": {strings.Repeat("A", 43)}, "code_challenge_method": {"S256"},
	}.Encode()
	until(t, readyWithin, "the policy holds on both nodes", func() bool {
		for range h.nodes {
			if v.get(t, silent).location(t).Query().Get("error") != "login_required" {
				return false
			}
		}
		return true
	})
	d = h.device(t, tv)
	if to := v.get(t, d.Complete).location(t); !strings.HasPrefix(to.Path, "/signin/sin_") {
		t.Errorf("with one factor he is led to %s", to)
	}
	if page := v.get(t, d.Complete).follow(t); page.Status != http.StatusOK || !strings.Contains(page.Body, "tv") {
		t.Errorf("what he is asked for: %d\n%s", page.Status, page.Body)
	}
	h.token(t, tv, polling(d)).wants(t, "authorization_pending")
}
