package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// watch looks at every answer of a node: what holds for all of them (no 5xx,
// XS-07, XS-08, XS-09, SE-02) is asserted on all of them, and every secret that
// passes is remembered for AU-04.
type watch struct {
	h    *secured
	next http.RoundTripper
}

func (w *watch) RoundTrip(r *http.Request) (*http.Response, error) {
	w.h.sent(r)
	res, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(r.URL.Path, "/live") { // never ends
		return res, nil
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	for _, wrong := range w.h.judge(r, res) {
		w.h.t.Errorf("%s %s answered %d: %s", r.Method, clipped(r.URL.Path), res.StatusCode, wrong)
	}
	w.h.received(res, string(body))
	return res, nil
}

func clipped(s string) string { return s[:min(len(s), 120)] }

// judge says what is wrong with an answer, whatever was asked.
func (h *secured) judge(r *http.Request, res *http.Response) (wrong []string) {
	say := func(ok bool, what string) {
		if !ok {
			wrong = append(wrong, what)
		}
	}
	if res.StatusCode == http.StatusRequestHeaderFieldsTooLarge {
		return nil // the HTTP server's own, before the house has read a header
	}
	head := res.Header
	say(res.StatusCode < 500 || res.StatusCode == http.StatusServiceUnavailable && h.outage.Load(), "an error on our side")
	say(head.Get("X-Correlation-ID") != "", "no correlation ID")
	say(strings.HasPrefix(head.Get("Strict-Transport-Security"), "max-age=63072000"), "no HSTS of at least a year")
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "X-Frame-Options": "DENY",
	} {
		say(head.Get(name) == want, name+" is "+head.Get(name))
	}
	policy := head.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action "} {
		say(strings.Contains(policy, part), "the policy lacks "+part)
	}
	say(!strings.Contains(policy, "unsafe-"), "the policy has an unsafe source")
	_, err := r.Cookie("__Host-gatehouse")
	if err == nil && strings.HasPrefix(head.Get("Content-Type"), "text/html") && head.Get("Location") == "" {
		say(strings.Contains(head.Get("Cache-Control"), "no-store"), "a page of somebody signed in may be stored")
	}
	say(head.Get("Access-Control-Allow-Credentials") == "", "leave to read with credentials")
	for _, c := range res.Cookies() {
		say(strings.HasPrefix(c.Name, "__Host-gatehouse") && c.Secure && c.HttpOnly && c.Path == "/" && c.Domain == "" && c.SameSite == http.SameSiteLaxMode,
			"a cookie that is not bound to this house: "+c.Name)
	}
	return wrong
}

// sent remembers the secrets of a request.
func (h *secured) sent(r *http.Request) {
	if auth := r.Header.Get("Authorization"); strings.HasPrefix(auth, "Bearer ") {
		h.secret("bearer token", strings.TrimPrefix(auth, "Bearer "))
	}
	if _, secret, ok := r.BasicAuth(); ok {
		h.secret("client secret", secret)
	}
	if r.Body == nil || r.GetBody == nil || r.ContentLength > 1<<20 {
		return
	}
	body, err := r.GetBody()
	if err != nil {
		return
	}
	defer body.Close()
	raw, err := io.ReadAll(body)
	if err != nil {
		return
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return
	}
	for _, name := range []string{"password", "code", "code_verifier", "refresh_token", "client_secret", "csrf"} {
		for _, value := range form[name] {
			h.secret(name, value)
		}
	}
}

var (
	tokenInJSON = regexp.MustCompile(`"(access_token|refresh_token|id_token|secret|link)":\s*"([^"]+)"`)
	answerField = regexp.MustCompile(`name="(SAMLResponse|csrf|code)" value="([^"]+)"`)
)

// received remembers the secrets of an answer.
func (h *secured) received(res *http.Response, body string) {
	for _, c := range res.Cookies() {
		h.secret("cookie "+c.Name, c.Value)
	}
	if to, err := res.Location(); err == nil {
		q := to.Query()
		h.secret("code", q.Get("code"))
		h.secret("sealed request", q.Get("request"))
	}
	for _, m := range tokenInJSON.FindAllStringSubmatch(body, -1) {
		h.secret(m[1], m[2][strings.LastIndex(m[2], "/")+1:])
	}
	for _, m := range answerField.FindAllStringSubmatch(body, -1) {
		h.secret(m[1], m[2])
	}
}

// spellings are the ways in which a secret could have been written down.
func spellings(raw string) []string {
	return []string{
		raw, url.QueryEscape(raw), hex.EncodeToString([]byte(raw)),
		strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(raw)), "="), strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(raw)), "="),
	}
}

func readAnswer(t testing.TB, res *http.Response) *answer {
	t.Helper()
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		t.Fatal(err)
	}
	return &answer{Status: res.StatusCode, Header: res.Header, Body: string(text), URL: res.Request.URL}
}

// TestWatchSeesWhatIsWrong: an answer with nothing of what it must have, and a
// cookie of a careless hand.
func TestWatchSeesWhatIsWrong(t *testing.T) {
	t.Parallel()
	h := &secured{}
	ask := httptest.NewRequest(http.MethodGet, securedURL+"/", nil)
	if wrong := h.judge(ask, &http.Response{StatusCode: http.StatusInternalServerError, Header: http.Header{}}); len(wrong) != 12 {
		t.Errorf("of a bare 500 it says %q", wrong)
	}
	for _, cookie := range []string{
		"gatehouse=x; Path=/; Secure; HttpOnly; SameSite=Lax", "__Host-gatehouse=x; Path=/; HttpOnly; SameSite=Lax", "__Host-gatehouse=x; Path=/; Secure; SameSite=Lax",
		"__Host-gatehouse=x; Path=/; Secure; HttpOnly; SameSite=None", "__Host-gatehouse=x; Path=/; Secure; HttpOnly; SameSite=Lax; Domain=localhost",
	} {
		wrong := strings.Join(h.judge(ask, &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Set-Cookie": {cookie}}}), "; ")
		if !strings.Contains(wrong, "a cookie that is not bound") {
			t.Errorf("of %s it says %q", cookie, wrong)
		}
	}
}
