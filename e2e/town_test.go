package e2e

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"

	"gatehouse/e2e/ports"
	"gatehouse/web/api/client"
)

// town is a house, a wiki and a CRM that trust it by OpenID Connect and SAML,
// and Ada Lovelace, who may use both: testdata/town.yaml, brought in by
// `gatehouse apply` with the bootstrap token.
type town struct {
	URL   string // of the house
	Nodes []*proc
	Wiki  *proc
	CRM   *proc
	Ada   string // the one-time link with which she sets her password
	API   *client.Client

	t testing.TB
}

// plan is what differs from town to town. Its zero value is one node on SQLite.
type plan struct {
	Nodes    int               // default 1
	Env      map[string]string // of every node
	Front    *front            // before several nodes; leads to the first
	Validity string            // of the CRM's assertions; default 1m
	// Before stands before an app that listens on addr, and returns the address
	// at which everybody reaches it instead. Default: nobody does.
	Before func(addr string) string
}

// found makes a town; everything in it ends with the test.
func found(t testing.TB, p plan) *town {
	t.Helper()
	wiki, crm := newSite(t, "wiki", p.Before), newSite(t, "crm", p.Before)
	token := rand.Text()
	env := map[string]string{"GATEHOUSE_ADMIN_TOKEN": token, "GATEHOUSE_OUTBOUND_ALLOW": wiki.at + "," + crm.at}
	for name, value := range p.Env {
		env[name] = value
	}
	w := &town{t: t}
	for range cmp.Or(p.Nodes, 1) {
		w.Nodes = append(w.Nodes, start(t, []string{"serve"}, env))
	}
	w.URL = w.Nodes[0].URL
	if p.Front != nil {
		p.Front.to(w.Nodes[0].Addr)
	}
	w.API = &client.Client{URL: w.URL, Token: token}

	w.CRM = w.app("saml", crm, "")
	secret := w.apply(map[string]string{
		"Wiki": wiki.url, "WikiAt": "http://" + wiki.at, "CRM": crm.url, "CRMAt": "http://" + crm.at,
		"Metadata": strconv.Quote(newVisitor(t).get(t, w.CRM.URL+"/saml/metadata").Body), "Validity": cmp.Or(p.Validity, "1m"),
	})
	w.Wiki = w.app("oidc", wiki, secret)
	return w
}

// site is where an app is: it listens on listen, the house reaches it at the
// address at, and browsers know it by its url. Cookies ignore ports, so each
// has a host of its own.
type site struct{ listen, at, url string }

func newSite(t testing.TB, app string, before func(addr string) string) site {
	t.Helper()
	addr, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	if before != nil {
		at := before(addr)
		return site{addr, at, "http://" + at}
	}
	_, port, _ := net.SplitHostPort(addr)
	return site{addr, addr, "http://" + app + ".localhost:" + port}
}

func (w *town) app(protocol string, at site, secret string) *proc {
	w.t.Helper()
	return start(w.t, []string{"sample-app", protocol, "--issuer", w.URL, "--url", at.url, "--listen", at.listen, "--inspect"},
		map[string]string{"GATEHOUSE_LISTEN": at.listen, "GATEHOUSE_URL": at.url, "SAMPLE_APP_SECRET": secret})
}

// apply brings the town's people and apps in, and returns the secret that the
// house made for the wiki.
func (w *town) apply(values map[string]string) (secret string) {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "town.yaml")
	out, err := os.Create(file)
	if err != nil {
		w.t.Fatal(err)
	}
	defer out.Close()
	if err := template.Must(template.ParseFiles("testdata/town.yaml")).Execute(out, values); err != nil {
		w.t.Fatal(err)
	}
	var done client.Applied
	if err := json.Unmarshal([]byte(w.gatehouse("apply", "--json", file)), &done); err != nil {
		w.t.Fatal(err)
	}
	for _, c := range done.Changes {
		w.Ada, secret = cmp.Or(w.Ada, c.Link), cmp.Or(secret, c.Secret)
	}
	if w.Ada == "" || secret == "" {
		w.t.Fatalf("apply showed no link for Ada or no secret for the wiki: %+v", done)
	}
	return secret
}

// gatehouse runs the command line as an admin does, and returns what it prints.
func (w *town) gatehouse(args ...string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), binary(w.t), args...)
	cmd.Env = []string{"GATEHOUSE_URL=" + w.URL, "GATEHOUSE_TOKEN=" + w.API.Token}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("gatehouse %s: %v\n%s", strings.Join(args, " "), err, complaints.String())
	}
	return string(out)
}

// record is what an app knows of a person, and when and by what each of her
// sessions there ended, newest first.
type record struct {
	Name     string
	SignIns  int `json:"sign_ins"`
	Live     int `json:"live_sessions"`
	Sessions []struct {
		StartedAt time.Time  `json:"started_at"`
		EndedAt   *time.Time `json:"ended_at"`
		EndedKind string     `json:"ended_kind"`
		EndedBy   string     `json:"ended_by"`
	}
}

// knows asks an app for its accounts.
func (w *town) knows(app *proc) (accounts []record) {
	w.t.Helper()
	got := newVisitor(w.t).get(w.t, app.URL+"/accounts.json")
	var list struct{ Accounts []record }
	if err := json.Unmarshal([]byte(got.Body), &list); err != nil || got.Status != http.StatusOK {
		w.t.Fatalf("the accounts of %s: %d %s", app.URL, got.Status, got.Body)
	}
	return list.Accounts
}

// live counts the sessions that people have in an app.
func (w *town) live(app *proc) (n int) {
	w.t.Helper()
	for _, person := range w.knows(app) {
		n += person.Live
	}
	return n
}

// receipt reads the person's newest receipt.
func (w *town) receipt(id string) client.Receipt {
	w.t.Helper()
	r, err := w.API.Receipt(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// adaChoosesPassword by her one-time link.
func (w *town) adaChoosesPassword() {
	w.t.Helper()
	choosesPassword(w.t, w.Ada, url.Values{"password": {adasPassword}})
}

// adaSignsIn in a browser of her own.
func (w *town) adaSignsIn() *visitor {
	w.t.Helper()
	return comesIn(w.t, w.URL, "ada", adasPassword)
}

// choosesPassword fills in the form behind a one-time link.
func choosesPassword(t testing.TB, link string, fields url.Values) {
	t.Helper()
	page := newVisitor(t).get(t, link)
	if got := submit(t, page, "/link/", fields); got.Status != http.StatusSeeOther {
		t.Fatalf("the link answered %d:\n%s", got.Status, got.Body)
	}
}

// comesIn signs in at the house in a new browser and stands at the portal.
func comesIn(t testing.TB, house, username, password string) *visitor {
	t.Helper()
	v := newVisitor(t)
	page := v.get(t, house+"/signin").follow(t)
	page = submit(t, page, "/identifier", url.Values{"username": {username}})
	got := submit(t, page, "/password", url.Values{"password": {password}}).follow(t)
	if got.Status != http.StatusOK || got.URL.Path != "/" {
		t.Fatalf("%s did not get in: %d\n%s", username, got.Status, got.Body)
	}
	return v
}

// opens an app with a session at the house, to the end.
func (w *town) opens(v *visitor, app *proc) {
	w.t.Helper()
	got := v.get(w.t, app.URL+"/login").follow(w.t)
	if app == w.CRM {
		got = submit(w.t, got, "/saml/acs", nil).follow(w.t)
	}
	if got.Status != http.StatusOK || got.URL.String() != app.URL+"/" {
		w.t.Fatalf("%s was not opened: %d on %s\n%s", app.URL, got.Status, got.URL, got.Body)
	}
}

// suspends Ada and returns the receipt.
func (w *town) suspends() client.Receipt {
	w.t.Helper()
	r, err := w.API.Suspend(w.t.Context(), "ada", "Left the company")
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// line is the receipt's only line for the app of that name.
func line(t testing.TB, r client.Receipt, app string) client.Line {
	t.Helper()
	var found []client.Line
	for _, l := range r.Lines {
		if l.App == app {
			found = append(found, l)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d lines for %s, want 1: %+v", len(found), app, r.Lines)
	}
	return found[0]
}

// until waits for something to come true and says how long that took. last,
// if any, says how things stand when it does not.
func until(t testing.TB, within time.Duration, what string, is func() bool, last ...func() any) time.Duration {
	t.Helper()
	begun := time.Now()
	for !is() {
		if time.Since(begun) > within {
			for _, stand := range last {
				t.Logf("%+v", stand())
			}
			t.Fatalf("not within %s: %s", within, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(begun)
}
