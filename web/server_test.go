package web

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/sessions"
	"gatehouse/web/ui"
)

// door lets "owner" and "employee" in, and knows when it cannot know.
type door struct{}

func (door) Session(_ context.Context, raw string) (idp.Session, error) {
	switch raw {
	case "owner", "employee":
		return idp.Session{ID: idp.SessionID(raw), Proof: idp.Proof{UserID: idp.UserID(raw)}, AuthTime: time.Now()}, nil
	case "stale":
		return idp.Session{ID: "stale", Proof: idp.Proof{UserID: "employee"}, AuthTime: time.Now().Add(-2 * ui.RecentlyFor)}, nil
	case "stale owner", "mailed owner":
		s := idp.Session{ID: idp.SessionID(raw), Proof: idp.Proof{UserID: "owner"}, AuthTime: time.Now()}
		if raw == "stale owner" {
			s.AuthTime = s.AuthTime.Add(-2 * ui.RecentlyFor)
		}
		return s, nil
	case "silent":
		return idp.Session{}, idp.Errorf(idp.Unavailable, "")
	}
	return idp.Session{}, idp.Errorf(idp.Unauthenticated, "")
}

func (door) User(_ context.Context, id idp.UserID) (idp.User, error) {
	return idp.User{ID: id, Role: idp.Role(id)}, nil
}

func serve(t *testing.T, https bool, routes ...ui.Route) http.Handler {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	h, err := (&Server{
		Gate: door{}, Users: door{}, Cookies: Cookies{HTTPS: https}, Pages: &ui.Pages{Log: log}, Routes: routes,
		API: http.NotFoundHandler(), Ready: func(context.Context) error { return errors.New("no database") }, Log: log, Now: time.Now,
	}).Handler()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ok(w http.ResponseWriter, r *http.Request) error {
	_, err := io.WriteString(w, string(ui.VisitOf(r.Context()).User.ID))
	return err
}

func ask(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestAFormWantsARecentProof where its route does: it is refused, for what it
// holds cannot be asked for twice.
func TestAFormWantsARecentProof(t *testing.T) {
	h := serve(t, false, ui.Route{Pattern: "POST /act", Access: ui.JustProven, Handler: ok})
	for cookie, want := range map[string]int{"stale": 403, "employee": 200} {
		r := httptest.NewRequest(http.MethodPost, "http://localhost/act", strings.NewReader(url.Values{"csrf": {ui.CSRFToken(cookie)}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(&http.Cookie{Name: "gatehouse", Value: cookie})
		if w := ask(h, r); w.Code != want {
			t.Errorf("a form of the %s session was answered with %d, want %d", cookie, w.Code, want)
		}
	}
}

// TestAFormThatIsTooOldLeadsBackToItsPage: whoever thought for long, signed in again
// meanwhile, was signed out, or keeps no cookies reads which, and is led to where the form
// can be sent anew; nobody is sent to the people who run sign-in for that.
func TestAFormThatIsTooOldLeadsBackToItsPage(t *testing.T) {
	h := serve(t, false,
		ui.Route{Pattern: "GET /things", Access: ui.JustProven, Handler: ok}, ui.Route{Pattern: "POST /things/{id}/rename", Access: ui.JustProven, Handler: ok},
		ui.Route{Pattern: "GET /signin/{id}", Access: ui.BoundBrowser, Handler: ok}, ui.Route{Pattern: "POST /signin/{id}/code", Access: ui.BoundBrowser, Handler: ok},
		ui.Route{Pattern: "POST /away", Access: ui.SignedIn, Handler: ok},
	)
	for what, c := range map[string]struct {
		path, session, csrf string
		status              int
		says, leads         string
	}{
		"thought for long":     {"/things/7/rename", "stale", "stale", 403, "It is a while since you signed in.", `href="/things">Open the page`},
		"signed in again":      {"/things/7/rename", "employee", "somebody", 403, "You have signed in or out since", `href="/things">Open the page`},
		"signed out meanwhile": {"/things/7/rename", "gone", "gone", 401, "Your session has ended", `href="/things">Sign in`},
		"keeps no cookies":     {"/signin/sin_7/code", "", "somebody", 403, "Let it keep cookies", `href="/signin/sin_7">Open the page`},
		"no page of its own":   {"/away", "employee", "somebody", 403, "You have signed in or out since", `href="/">Open the page`},
	} {
		r := httptest.NewRequest(http.MethodPost, "http://localhost"+c.path, strings.NewReader(url.Values{"csrf": {ui.CSRFToken(c.csrf)}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if c.session != "" {
			r.AddCookie(&http.Cookie{Name: "gatehouse", Value: c.session})
		}
		w := ask(h, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) || !strings.Contains(w.Body.String(), c.leads) || strings.Contains(w.Body.String(), "ask the people who run sign-in") {
			t.Errorf("who %s is answered with %d:\n%s", what, w.Code, w.Body)
		}
	}
}

// TestTheConsoleWantsARecentProof where its route does, and one that is not a mail alone: it
// leads to a sign-in and back to the page, of a form with a word that nothing was done, and
// lets nobody else in by that.
func TestTheConsoleWantsARecentProof(t *testing.T) {
	did := 0
	act := func(w http.ResponseWriter, r *http.Request) error { did++; return ok(w, r) }
	log := slog.New(slog.DiscardHandler)
	h, err := (&Server{
		Gate: door{}, Users: door{}, Pages: &ui.Pages{Log: log}, Log: log, Now: time.Now,
		API: http.NotFoundHandler(), Ready: func(context.Context) error { return nil },
		Routes: []ui.Route{
			{Pattern: "GET /console/people/{id}", Access: ui.OwnerOnly, Recent: true, Handler: act},
			{Pattern: "POST /console/people/{id}/link", Access: ui.OwnerOnly, Recent: true, Handler: act},
		},
		ByMailAlone: func(_ context.Context, s idp.Session) (bool, error) { return s.ID == "mailed owner", nil },
	}).Handler()
	if err != nil {
		t.Fatal(err)
	}
	for cookie, want := range map[string]int{"owner": 200, "stale owner": 303, "mailed owner": 303, "employee": 403, "stale": 403} {
		for method, path := range map[string]string{http.MethodGet: "/console/people/7", http.MethodPost: "/console/people/7/link"} {
			did = 0
			r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(url.Values{"csrf": {ui.CSRFToken(cookie)}}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.AddCookie(&http.Cookie{Name: "gatehouse", Value: cookie})
			w := ask(h, r)
			again, want := want == 303, want
			if again && method == http.MethodPost {
				want = 403
			}
			if w.Code != want || (did == 1) != (want == 200) {
				t.Errorf("%s of %s: %d, done %d times; want %d", method, cookie, w.Code, did, want)
			}
			to, body := w.Header().Get("Location"), html.UnescapeString(w.Body.String())
			if method == http.MethodPost && strings.Contains(body, "Nothing was changed") {
				to = body
			}
			if leads := strings.Contains(to, "/signin?again=1&return_to=%2Fconsole%2Fpeople%2F7"); leads != again {
				t.Errorf("%s of %s leads to %s", method, cookie, to)
			}
		}
	}
}

// TestTheConsoleWantsWhatThePolicyAsks of owners: a page leads to the second
// factor, a form is refused, and their own page stays open to set one up.
func TestTheConsoleWantsWhatThePolicyAsks(t *testing.T) {
	whole := false
	h, err := (&Server{
		Gate: door{}, Users: door{}, Pages: &ui.Pages{Log: slog.New(slog.DiscardHandler)}, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		API: http.NotFoundHandler(), Ready: func(context.Context) error { return nil },
		Routes: []ui.Route{
			{Pattern: "GET /console", Access: ui.OwnerOnly, Handler: ok}, {Pattern: "POST /console", Access: ui.OwnerOnly, Handler: ok},
			{Pattern: "GET /codes", Access: ui.JustProven, Handler: ok},
		},
		Suffices: func(context.Context, idp.Session, idp.AppID) (bool, bool, error) { return true, whole, nil },
	}).Handler()
	if err != nil {
		t.Fatal(err)
	}
	for _, whole = range []bool{false, true} {
		for _, c := range []struct {
			method, path string
			half, full   int
		}{{"GET", "/console", 303, 200}, {"POST", "/console", 403, 200}, {"GET", "/codes", 200, 200}} {
			r := httptest.NewRequest(c.method, "http://localhost"+c.path, strings.NewReader(url.Values{"csrf": {ui.CSRFToken("owner")}}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.AddCookie(&http.Cookie{Name: "gatehouse", Value: "owner"})
			want := c.half
			if whole {
				want = c.full
			}
			if w := ask(h, r); w.Code != want {
				t.Errorf("%s %s, proven whole %v: %d, want %d", c.method, c.path, whole, w.Code, want)
			}
		}
	}
}

// slow is a body before whose last bytes something happens.
type slow struct {
	*strings.Reader
	meanwhile func()
}

func (s *slow) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if s.Len() == 0 {
		s.meanwhile()
	}
	return n, err
}

// leaving lets an owner in until they are gone.
type leaving struct {
	door
	gone *bool
}

func (l leaving) Session(ctx context.Context, raw string) (idp.Session, error) {
	if *l.gone {
		return idp.Session{}, idp.Errorf(idp.Unauthenticated, "")
	}
	return l.door.Session(ctx, raw)
}

// TestASlowFormDoesNotOutliveItsSession: a form, and one with a file, whose last
// byte comes when its sender's session has ended.
func TestASlowFormDoesNotOutliveItsSession(t *testing.T) {
	gone, acted := false, false
	act := func(w http.ResponseWriter, r *http.Request) error {
		if u := ui.VisitOf(r.Context()).Upload; u != nil {
			for {
				if _, err := u.Next(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					return err
				}
			}
		}
		acted = true
		return nil
	}
	h, err := (&Server{
		Gate: leaving{gone: &gone}, Users: door{}, Pages: &ui.Pages{Log: slog.New(slog.DiscardHandler)}, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		API: http.NotFoundHandler(), Ready: func(context.Context) error { return nil },
		Routes: []ui.Route{
			{Pattern: "POST /form", Access: ui.OwnerOnly, Handler: act},
			{Pattern: "POST /file", Access: ui.OwnerOnly, Handler: act, Upload: 1 << 20},
		},
	}).Handler()
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	parts := multipart.NewWriter(&file)
	_ = parts.WriteField("csrf", ui.CSRFToken("owner"))
	_ = parts.WriteField("name", strings.Repeat("x", 64<<10))
	_ = parts.Close()
	for _, c := range []struct{ path, kind, body string }{
		{"/form", "application/x-www-form-urlencoded", url.Values{"csrf": {ui.CSRFToken("owner")}}.Encode()},
		{"/file", parts.FormDataContentType(), file.String()},
	} {
		for _, ends := range []bool{true, false} {
			gone, acted = false, false
			r := httptest.NewRequest(http.MethodPost, "http://localhost"+c.path, &slow{strings.NewReader(c.body), func() { gone = ends }})
			r.Header.Set("Content-Type", c.kind)
			r.AddCookie(&http.Cookie{Name: "gatehouse", Value: "owner"})
			if ask(h, r); acted == ends {
				t.Errorf("%s, its session ending meanwhile %v: acted %v", c.path, ends, acted)
			}
		}
	}
}

// TestEachAccessAdmitsWhomItNames is the table of access against visitor.
func TestEachAccessAdmitsWhomItNames(t *testing.T) {
	h := serve(t, false,
		ui.Route{Pattern: "GET /anyone", Access: ui.Anyone, Handler: ok},
		ui.Route{Pattern: "GET /bound", Access: ui.BoundBrowser, Handler: ok},
		ui.Route{Pattern: "GET /signed", Access: ui.SignedIn, Handler: ok},
		ui.Route{Pattern: "GET /proven", Access: ui.JustProven, Handler: ok},
		ui.Route{Pattern: "GET /owner", Access: ui.OwnerOnly, Handler: ok},
	)
	for _, c := range []struct {
		path, cookie string
		want         int
	}{
		{"/anyone", "", 200}, {"/anyone", "stranger", 200}, {"/anyone", "owner", 200}, {"/anyone", "silent", 503},
		{"/bound", "", 200},
		{"/signed", "", 303}, {"/signed", "stranger", 303}, {"/signed", "employee", 200}, {"/signed", "owner", 200}, {"/signed", "silent", 503},
		{"/signed", "stale", 200}, {"/proven", "", 303}, {"/proven", "stale", 303}, {"/proven", "employee", 200}, {"/proven", "silent", 503},
		{"/owner", "", 303}, {"/owner", "employee", 403}, {"/owner", "owner", 200}, {"/owner", "silent", 503},
	} {
		r := httptest.NewRequest(http.MethodGet, c.path, nil)
		if c.cookie != "" {
			r.AddCookie(&http.Cookie{Name: "gatehouse", Value: c.cookie})
		}
		w := ask(h, r)
		if w.Code != c.want {
			t.Errorf("%s as %q: %d, want %d", c.path, c.cookie, w.Code, c.want)
		}
		// SQL silent: never a cookie taken away.
		if len(w.Result().Cookies()) != 0 {
			t.Errorf("%s as %q set %v", c.path, c.cookie, w.Result().Cookies())
		}
	}
}

func TestARouteWithoutAccessIsNotMounted(t *testing.T) {
	_, err := (&Server{Pages: &ui.Pages{}, Routes: []ui.Route{{Pattern: "GET /x", Handler: ok}}}).Handler()
	if err == nil || !strings.Contains(err.Error(), "GET /x") {
		t.Errorf("mounted: %v", err)
	}
}

func TestATongueThatDeclaresNoPassIsNotMounted(t *testing.T) {
	_, err := (&Server{Pages: &ui.Pages{}, Tongues: []Mount{{Pattern: "/oauth/new", Handler: http.NotFoundHandler()}}}).Handler()
	if err == nil || !strings.Contains(err.Error(), "/oauth/new") {
		t.Errorf("mounted: %v", err)
	}
}

// TestAPersonIsToldThatAMethodIsNone: by a page with the reference, at the rooms
// and where browsers come to a tongue; apps get the tongue's own answer.
func TestAPersonIsToldThatAMethodIsNone(t *testing.T) {
	tongue := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "tongue ", r.Method) })
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	none := []sessions.Pass{sessions.None}
	h, err := (&Server{
		Gate: door{}, Users: door{}, Pages: &ui.Pages{Log: log}, API: http.NotFoundHandler(), Log: log, Now: time.Now,
		Routes: []ui.Route{
			{Pattern: "GET /page", Access: ui.SignedIn, Handler: ok}, {Pattern: "POST /page/{id}/act", Access: ui.SignedIn, Handler: ok},
			{Pattern: "GET /signed", Access: ui.SignedIn, Handler: ok}, {Pattern: "POST /signed", Access: ui.SignedIn, Handler: ok},
		},
		Tongues: []Mount{
			{Pattern: "/oauth/authorize", Passes: none, Handler: tongue, Browsers: "GET, HEAD, POST"},
			{Pattern: "/oauth/resume", Passes: none, Handler: tongue, Browsers: "GET, HEAD"},
			{Pattern: "/oauth/token", Passes: none, Handler: tongue},
		},
	}).Handler()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path, allow string
		status              int
	}{
		{"PUT", "/oauth/authorize", "GET, HEAD, POST", 405}, {"OPTIONS", "/oauth/authorize", "GET, HEAD, POST", 405}, {"get", "/oauth/authorize", "GET, HEAD, POST", 405},
		{"POST", "/oauth/resume", "GET, HEAD", 405}, {"GET", "/oauth/authorize", "", 200}, {"PUT", "/oauth/token", "", 200},
		{"PUT", "/page", "GET, HEAD", 405}, {"POST", "/page", "GET, HEAD", 405}, {"GET", "/page/7/act", "POST", 405}, {"DELETE", "/signed", "GET, HEAD, POST", 405},
		{"PUT", "/nowhere", "", 404}, {"GET", "/nowhere", "", 404}, {"HEAD", "/signed", "", 303}, {"POST", "/signed", "", 401},
	} {
		w := ask(h, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.status || w.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, Allow %q", c.method, c.path, w.Code, w.Header().Get("Allow"))
		}
		page := strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") && strings.Contains(w.Body.String(), w.Header().Get("X-Correlation-ID"))
		if w.Code >= 400 && (!page || w.Header().Get("Cache-Control") != "no-store") {
			t.Errorf("%s %s: no page with its reference: %v %s", c.method, c.path, w.Header(), w.Body)
		}
		if (w.Code == 401) != (w.Header().Get("WWW-Authenticate") != "") { // RFC 9110 §15.5.2
			t.Errorf("%s %s: %d with WWW-Authenticate %q", c.method, c.path, w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
}

// TestCS01FormsComeFromThisSite: another site's form, one without the token of
// this session, and one with another session's.
func TestCS01FormsComeFromThisSite(t *testing.T) {
	h := serve(t, false, ui.Route{Pattern: "POST /act", Access: ui.SignedIn, Handler: ok})
	form := func(token string, headers map[string]string) int {
		r := httptest.NewRequest(http.MethodPost, "http://localhost/act", strings.NewReader(url.Values{"csrf": {token}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(&http.Cookie{Name: "gatehouse", Value: "employee"})
		for k, v := range headers {
			r.Header.Set(k, v)
		}
		return ask(h, r).Code
	}
	good := ui.CSRFToken("employee")
	for name, c := range map[string]struct {
		token   string
		headers map[string]string
		want    int
	}{
		"own form":                   {good, map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
		"no browser headers":         {good, nil, 200},
		"cross-site":                 {good, map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"sibling of the site":        {good, map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		"foreign origin":             {good, map[string]string{"Origin": "https://localhost.evil.example"}, 403},
		"origin null":                {good, map[string]string{"Origin": "null"}, 403},
		"no token":                   {"", map[string]string{"Sec-Fetch-Site": "same-origin"}, 403},
		"another session's token":    {ui.CSRFToken("owner"), map[string]string{"Sec-Fetch-Site": "same-origin"}, 403},
		"token with a byte too many": {good + "A", map[string]string{"Sec-Fetch-Site": "same-origin"}, 403},
	} {
		if got := form(c.token, c.headers); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestSE02Cookies: what every cookie of the house looks like over https.
func TestSE02Cookies(t *testing.T) {
	c := Cookies{HTTPS: true}
	w := httptest.NewRecorder()
	c.SetSession(w, "secret")
	c.Bind(w, httptest.NewRequest(http.MethodGet, "/", nil))
	c.ClearSession(w)
	c.SetLeft(w, "sealed", time.Minute)
	cookies := w.Result().Cookies()
	if len(cookies) != 5 {
		t.Fatalf("%d cookies, want 5", len(cookies))
	}
	for _, k := range cookies {
		if !strings.HasPrefix(k.Name, "__Host-gatehouse") || !k.Secure || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Path != "/" || k.Domain != "" {
			t.Errorf("cookie %s: %s", k.Name, k.Raw)
		}
	}
}

// TestANewSessionForgetsTheSignOutBefore: that was somebody else's, maybe.
func TestANewSessionForgetsTheSignOutBefore(t *testing.T) {
	t.Parallel()
	c := Cookies{}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	at := &url.URL{Scheme: "http", Host: "localhost", Path: "/"}
	keeps := func() string {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		for _, k := range jar.Cookies(at) {
			r.AddCookie(k)
		}
		return c.Left(r)
	}
	w := httptest.NewRecorder()
	c.SetLeft(w, "sealed", time.Minute)
	jar.SetCookies(at, w.Result().Cookies())
	if keeps() != "sealed" {
		t.Fatalf("the browser keeps %q", keeps())
	}
	w = httptest.NewRecorder()
	c.SetSession(w, "secret")
	jar.SetCookies(at, w.Result().Cookies())
	if keeps() != "" {
		t.Errorf("after another sign-in it still keeps %q", keeps())
	}
}

// TestARefusalReachesWhoIsStillSending: a body that nobody wants is read to its
// end, within bounds. Without that the connection is closed half a second after
// the refusal, and what is sent then resets it before the refusal is read.
func TestARefusalReachesWhoIsStillSending(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(serve(t, false, ui.Route{Pattern: "POST /act", Access: ui.SignedIn, Handler: ok}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	half := strings.Repeat("x", 1<<20)
	fmt.Fprintf(conn, "POST /act HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", 2*len(half), half)
	time.Sleep(1500 * time.Millisecond) // a slow line
	if _, err := io.WriteString(conn, half); err != nil {
		t.Fatalf("the rest could not be sent: %v", err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("answered %d", res.StatusCode)
	}
}

// TestADeviceThatWasMadeUpIsNone: only what a node of the house has signed is
// looked up.
func TestADeviceThatWasMadeUpIsNone(t *testing.T) {
	t.Parallel()
	c, other := Cookies{DeviceKey: []byte("ours")}, Cookies{DeviceKey: []byte("another house's")}
	raw := strings.Repeat("s", 43)
	given := func(c Cookies) string {
		w := httptest.NewRecorder()
		c.SetDevice(w, raw)
		return w.Result().Cookies()[0].Value
	}
	mine := given(c)
	for value, want := range map[string]string{
		mine: raw, given(other): "", raw: "", raw + ".": "", "x" + mine: "", mine + "x": "", "." + strings.Split(mine, ".")[1]: "", "": "",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", "gatehouse_device="+value)
		if got := c.Device(r); got != want {
			t.Errorf("%q is taken for %q", value, got)
		}
	}
}

func TestACookieThatCameTwiceIsNone(t *testing.T) {
	c := Cookies{}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Cookie", "gatehouse=mine; gatehouse=planted")
	if got := c.Session(r); got != "" {
		t.Errorf("took %q", got)
	}
}

// TestXS09EveryAnswerCarriesTheHeaders: pages, refusals and redirects alike.
func TestXS09EveryAnswerCarriesTheHeaders(t *testing.T) {
	h := serve(t, true,
		ui.Route{Pattern: "GET /signed", Access: ui.SignedIn, Handler: ok},
		ui.Route{Pattern: "GET /panic", Access: ui.Anyone, Handler: func(http.ResponseWriter, *http.Request) error { panic("planted") }},
	)
	for path, status := range map[string]int{"/nowhere": 404, "/signed": 303, "/panic": 500, "/readyz": 503, "/healthz": 200} {
		w := ask(h, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != status {
			t.Errorf("%s: %d, want %d", path, w.Code, status)
		}
		for name, want := range map[string]string{
			"Strict-Transport-Security": "max-age=", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin", "Content-Security-Policy": "frame-ancestors 'none'", "X-Correlation-Id": "",
		} {
			if got := w.Header().Get(name); got == "" || !strings.Contains(got, want) {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if strings.Contains(w.Body.String(), "planted") || strings.Contains(w.Body.String(), "no database") {
			t.Errorf("%s tells its cause: %s", path, w.Body)
		}
	}
}
