package e2e

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/web/api/client"
)

// kept is a house of one node that is backed up and restored: Grace, who owns
// it, and employees with everything that can be held.
type kept struct {
	t    testing.TB
	node *proc
	api  *client.Client // with Grace's token
	held map[string]*holdings
}

// holdings are what a person was given before the backup.
type holdings struct {
	browser               *visitor
	code, access, refresh string
	verifier              string
}

const partyRedirect = "https://party.example/cb"

func newKept(t testing.TB, env map[string]string, employees ...string) *kept {
	t.Helper()
	bootstrap := rand.Text()
	given := map[string]string{"GATEHOUSE_ADMIN_TOKEN": bootstrap}
	maps.Copy(given, env)
	k := &kept{t: t, node: start(t, []string{"serve"}, given), held: map[string]*holdings{}}
	k.api = &client.Client{URL: k.node.URL, Token: bootstrap}
	_, err := k.api.AddApp(t.Context(), client.App{Name: "Party", Protocol: "oidc", Identifier: "party",
		OIDC: &client.OIDC{AuthMethod: "none", ApplicationType: "native", RedirectURIs: []string{partyRedirect}, AllowOfflineAccess: true}})
	k.ok(err)
	_, err = k.api.AddGroup(t.Context(), "staff")
	k.ok(err)
	_, err = k.api.AddGrant(t.Context(), client.Grant{App: "Party", Group: "staff"})
	k.ok(err)
	for _, name := range employees {
		k.hires(name)
		k.held[name] = k.holds(name)
	}
	in, err := k.api.AddUser(t.Context(), client.Person{Username: "grace", Role: "owner"})
	k.ok(err)
	choosesPassword(t, in.Link, url.Values{"password": {passwordOf("grace")}})
	k.graceMakesToken()
	return k
}

func passwordOf(name string) string { return "long password of " + name + " 1815" }

func (k *kept) ok(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
}

func (k *kept) graceMakesToken() {
	k.t.Helper()
	grace := comesIn(k.t, k.node.URL, "grace", passwordOf("grace"))
	page := submit(k.t, grace.get(k.t, k.node.URL+"/console/tokens"), "/console/tokens", url.Values{"name": {"suite"}})
	k.api.Token = shownToken(k.t, page.Body)
}

func (k *kept) hires(name string) {
	k.t.Helper()
	in, err := k.api.AddUser(k.t.Context(), client.Person{Username: name})
	k.ok(err)
	choosesPassword(k.t, in.Link, url.Values{"password": {passwordOf(name)}})
	k.ok(k.api.Join(k.t.Context(), "staff", name))
}

// holds signs in, and gets tokens and a code that is not spent.
func (k *kept) holds(name string) *holdings {
	k.t.Helper()
	h := &holdings{browser: comesIn(k.t, k.node.URL, name, passwordOf(name)), verifier: rand.Text() + rand.Text()}
	var got struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	answer := k.token(url.Values{"grant_type": {"authorization_code"}, "code": {h.newCode(k)}, "redirect_uri": {partyRedirect}, "code_verifier": {h.verifier}})
	if err := json.Unmarshal([]byte(answer.Body), &got); err != nil || got.Refresh == "" {
		k.t.Fatalf("%s got no tokens: %d %s", name, answer.Status, answer.Body)
	}
	h.access, h.refresh = got.Access, got.Refresh
	h.code = h.newCode(k)
	return h
}

func (h *holdings) newCode(k *kept) string {
	k.t.Helper()
	sum := sha256.Sum256([]byte(h.verifier))
	to := h.browser.get(k.t, k.node.URL+"/oauth/authorize?"+url.Values{
		"response_type": {"code"}, "client_id": {"party"}, "redirect_uri": {partyRedirect}, "scope": {"openid offline_access"}, "prompt": {"consent"},
		"state": {"s"}, "nonce": {"n"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode()).follow(k.t, partyRedirect)
	code := to.location(k.t).Query().Get("code")
	if code == "" {
		k.t.Fatalf("no code: %s", to.Header.Get("Location"))
	}
	return code
}

func (k *kept) token(form url.Values) *answer {
	k.t.Helper()
	form.Set("client_id", "party")
	return newVisitor(k.t).postForm(k.t, k.node.URL+"/oauth/token", form)
}

// alive says what of a person's holdings is good.
func (k *kept) alive(h *holdings) (good []string) {
	k.t.Helper()
	if got := h.browser.get(k.t, k.node.URL+"/"); got.Status == http.StatusOK {
		good = append(good, "session")
	}
	bearer := newVisitor(k.t)
	bearer.Header.Set("Authorization", "Bearer "+h.access)
	if got := bearer.get(k.t, k.node.URL+"/oauth/userinfo"); got.Status == http.StatusOK {
		good = append(good, "access token")
	}
	if got := k.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {h.refresh}}); got.Status == http.StatusOK {
		good = append(good, "refresh token")
	}
	if got := k.token(url.Values{"grant_type": {"authorization_code"}, "code": {h.code}, "redirect_uri": {partyRedirect}, "code_verifier": {h.verifier}}); got.Status == http.StatusOK {
		good = append(good, "code")
	}
	return good
}

// nothingLives is asked of everybody, and of Grace's API token.
func (k *kept) nothingLives(when string) {
	k.t.Helper()
	for name, h := range k.held {
		if good := k.alive(h); len(good) > 0 {
			k.t.Errorf("%s: %s still holds a good %v", when, name, good)
		}
	}
	if _, err := k.api.User(k.t.Context(), "grace"); err == nil {
		k.t.Errorf("%s: an API token of before is good", when)
	}
}

// mayEnter tries a person's password.
func (k *kept) mayEnter(name string) bool {
	k.t.Helper()
	v := newVisitor(k.t)
	page := v.get(k.t, k.node.URL+"/signin").follow(k.t)
	page = submit(k.t, page, "/identifier", url.Values{"username": {name}})
	got := submit(k.t, page, "/password", url.Values{"password": {passwordOf(name)}}).follow(k.t)
	return got.Status == http.StatusOK && got.URL.Path == "/"
}

// machine runs a command on the node's machine.
func (k *kept) machine(args ...string) (string, error) {
	cmd := exec.Command(k.node.path, args...)
	cmd.Dir = k.node.Dir
	for name, value := range k.node.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (k *kept) does(args ...string) string {
	k.t.Helper()
	out, err := k.machine(args...)
	if err != nil {
		k.t.Fatalf("gatehouse %v: %v\n%s", args, err, out)
	}
	return out
}

// keepsProof downloads the last receipt of a person into a file.
func (k *kept) keepsProof(name string) (file string) {
	k.t.Helper()
	found, err := k.api.Receipts(k.t.Context(), name)
	k.ok(err)
	var v client.SignedReceipt
	until(k.t, readyWithin, "the receipt is signed", func() bool {
		v, err = k.api.SignedReceipt(k.t.Context(), found[0].ID, 0)
		return err == nil
	}, func() any { return err })
	file = filepath.Join(k.t.TempDir(), "receipt.jws")
	k.ok(os.WriteFile(file, []byte(v.JWS+"\n"), 0o600))
	return file
}

// moves to an empty machine: another data directory and another database, with
// nothing of the old but the root key. It returns the old data directory.
func (k *kept) moves() (old string) {
	k.t.Helper()
	old = k.node.env["GATEHOUSE_DATA"]
	k.node.env["GATEHOUSE_DATA"] = filepath.Join(k.t.TempDir(), "data")
	if k.node.env["GATEHOUSE_DATABASE"] != "" {
		k.node.env["GATEHOUSE_DATABASE"] = postgresDSN(k.t)
		return old
	}
	key, err := os.ReadFile(filepath.Join(old, "secret"))
	k.ok(err)
	k.ok(os.Mkdir(k.node.env["GATEHOUSE_DATA"], 0o700))
	k.ok(os.WriteFile(filepath.Join(k.node.env["GATEHOUSE_DATA"], "secret"), key, 0o600))
	return old
}

// servesClosed starts the restored house, which lets nobody in.
func (k *kept) servesClosed() {
	k.t.Helper()
	k.node.Log.expect("page refused")
	k.node.asked = "/healthz"
	k.node.again(k.t)
	k.node.asked = "/readyz"
	v := newVisitor(k.t)
	v.Header.Set("Accept", "text/html")
	for _, path := range []string{"/", "/signin", "/console", "/oauth/authorize?client_id=party"} {
		if got := v.get(k.t, k.node.URL+path); got.Status != http.StatusServiceUnavailable || !strings.Contains(got.Body, "waits for an owner to confirm") {
			k.t.Errorf("%s answered %d while closed:\n%s", path, got.Status, got.Body)
		}
	}
	if got := v.get(k.t, k.node.URL+"/readyz"); got.Status != http.StatusServiceUnavailable || !strings.Contains(got.Body, "restored from a backup") {
		k.t.Errorf("/readyz answered %d %s", got.Status, got.Body)
	}
	if got := v.get(k.t, k.node.URL+"/oauth/keys"); got.Status != http.StatusOK {
		k.t.Errorf("apps cannot verify what they are told: /oauth/keys answered %d", got.Status)
	}
	k.nothingLives("unconfirmed")
}

func (k *kept) confirms(args ...string) string {
	k.t.Helper()
	out := k.does(append([]string{"restore-backup", "--confirm"}, args...)...)
	until(k.t, readyWithin, "the confirmed house opens", func() bool {
		return newVisitor(k.t).get(k.t, k.node.URL+"/readyz").Status == http.StatusOK
	})
	return out
}

func contains(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
}

// TestF21RestoreOlderThanSuspensions: the backup knows nothing of who was
// suspended after it, and nobody comes back by it.
func TestF21RestoreOlderThanSuspensions(t *testing.T) {
	t.Parallel()
	for _, db := range []string{"SQLite", "PostgreSQL"} {
		t.Run(db, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{}
			if db == "PostgreSQL" {
				env["GATEHOUSE_DATABASE"], env["GATEHOUSE_SECRET"] = postgresDSN(t), rand.Text()+rand.Text()
			}
			k := newKept(t, env, "ada", "alan", "edsger")
			file := filepath.Join(t.TempDir(), "house.backup")
			contains(t, k.does("backup", file), "The root key is not in it")
			if _, err := k.machine("backup", file); err == nil {
				t.Error("a backup was written over another")
			}
			k.hires("eve")
			for _, name := range []string{"ada", "eve"} {
				_, err := k.api.Suspend(t.Context(), name, "left on Friday")
				k.ok(err)
			}
			_, err := k.api.Leave(t.Context(), "staff", "alan")
			k.ok(err)
			outside := k.keepsProof("ada")
			k.node.kill() // in the moment of success, and its database is lost with it
			old := k.moves()

			out := k.does("restore-backup", file, "--journal", old)
			contains(t, out, "left on Friday", "ada", "made again", "eve", "unknown", "alan", "The cut journals go on to cut", "--confirm")
			contains(t, k.does("restore-backup", "--journal", old), "Cuts after the backup: 3", "made again") // once more changes nothing
			k.servesClosed()
			contains(t, k.confirms(), "ada", "made again", "Confirmed")
			k.nothingLives("confirmed")
			if k.mayEnter("ada") || k.mayEnter("eve") {
				t.Error("somebody who was suspended is let in")
			}
			if !k.mayEnter("edsger") {
				t.Error("nobody is let in")
			}
			k.graceMakesToken()
			if u, err := k.api.User(t.Context(), "ada"); err != nil || u.Status != "suspended" {
				t.Errorf("ada is %+v, %v", u, err)
			}
			if m := comesIn(t, k.node.URL, "alan", passwordOf("alan")); strings.Contains(m.get(t, k.node.URL+"/").Body, "Party") {
				t.Error("alan is back in the group that he left")
			}
			// The audit log goes on from the backup, which what was signed after it
			// shows.
			k.node.env["GATEHOUSE_TOKEN"] = k.api.Token
			contains(t, k.does("audit", "verify"), "each as it was sealed")
			if out, err := k.machine("audit", "verify", "--checkpoint", outside); err == nil || !strings.Contains(out, "an older copy of the database") {
				t.Errorf("a log that went back was verified: %v\n%s", err, out)
			}
			// The house that was restored goes on, and so does its journal.
			k.ok(k.node.stop())
			k.node.again(t)
			if out, err := k.machine("restore-backup", file); err == nil || !strings.Contains(out, "There is a house in this database already") {
				t.Errorf("a backup was restored over a house: %v\n%s", err, out)
			}
		})
	}
}

// TestRV06NothingOfBeforeARestoreIsGood: without any journal the owner is told
// so, and names who was suspended.
func TestRV06NothingOfBeforeARestoreIsGood(t *testing.T) {
	t.Parallel()
	k := newKept(t, nil, "ada", "alan")
	file := filepath.Join(t.TempDir(), "house.backup")
	k.does("backup", file)
	_, err := k.api.Suspend(t.Context(), "ada", "left")
	k.ok(err)
	k.node.kill()
	k.moves()
	contains(t, k.does("restore-backup", file), "No cut journal was read", "Cuts after the backup: 0")
	k.servesClosed()
	contains(t, k.confirms("--suspend", "ada"), "Suspended ada", "Confirmed")
	k.nothingLives("confirmed")
	if k.mayEnter("ada") || !k.mayEnter("alan") {
		t.Error("ada is in, or alan is not")
	}
}

// TestBK01BackupUnderLoad: what is restored on an empty machine is one moment
// of a busy house.
func TestBK01BackupUnderLoad(t *testing.T) {
	t.Parallel()
	k := newKept(t, nil, "ada")
	ctx, stop := t.Context(), make(chan struct{})
	var load sync.WaitGroup
	var ended atomic.Int64
	for range 3 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				name := strings.ToLower(rand.Text()[:10])
				if _, err := k.api.AddUser(ctx, client.Person{Username: name}); err != nil {
					t.Errorf("add a person: %v", err)
					return
				}
				if _, err := k.api.Suspend(ctx, name, "load"); err != nil {
					t.Errorf("suspend a person: %v", err)
					return
				}
				ended.Add(1)
			}
		})
	}
	dir := t.TempDir()
	until(t, readyWithin, "ten suspensions are over, and more under way", func() bool { return ended.Load() >= 10 || t.Failed() })
	for _, name := range []string{"a", "b", "c", "last"} {
		k.does("backup", filepath.Join(dir, name))
	}
	taken, n := time.Now(), ended.Load()
	time.Sleep(300 * time.Millisecond)
	close(stop)
	load.Wait()
	k.node.kill()
	lost := time.Since(taken)
	if n <= 10 {
		t.Errorf("%d suspensions are no load beside four backups", n)
	}
	old := k.moves()
	whole, err := os.ReadFile(filepath.Join(dir, "last"))
	k.ok(err)
	if info, err := os.Stat(filepath.Join(dir, "last")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup may be read by others: %v, %v", info.Mode(), err)
	}
	for what, bytes := range map[string][]byte{"cut short": whole[:len(whole)/2], "empty": nil, "flipped": flip(whole)} {
		damaged := filepath.Join(dir, "damaged")
		k.ok(os.WriteFile(damaged, bytes, 0o600))
		if out, err := k.machine("restore-backup", damaged); err == nil || !strings.Contains(out, "not a whole backup") {
			t.Errorf("a file %s was restored: %v\n%s", what, err, out)
		}
	}
	begun := time.Now()
	out := k.does("restore-backup", filepath.Join(dir, "last"), "--journal", filepath.Join(old, "cuts"))
	contains(t, out, "The cut journals go on to cut")
	k.servesClosed()
	k.confirms()
	took := time.Since(begun)
	k.nothingLives("confirmed")
	if !k.mayEnter("ada") {
		t.Error("ada cannot sign in")
	}
	k.graceMakesToken()
	people, err := k.api.Users(ctx, "", "active")
	k.ok(err)
	if names := usernames(people); !slices.Equal(names, []string{"ada", "grace"}) {
		t.Errorf("active after the restore: %v; everybody else was suspended", names)
	}
	t.Logf("BK-01: %d suspensions under way; RPO %s (since the last backup; cuts: 0), RTO %s with the checks, %d bytes", ended.Load(), lost.Round(time.Millisecond), took.Round(time.Millisecond), len(whole))
}

func flip(b []byte) []byte {
	b = slices.Clone(b)
	b[len(b)/2] ^= 4
	return b
}

func usernames(people []client.User) (names []string) {
	for _, p := range people {
		// Whoever was added and not yet suspended when the load ended.
		names = append(names, p.Username)
	}
	slices.Sort(names)
	return names
}

// TestADatabaseThatWentBackIsNotServed: somebody put yesterday's file back by
// hand.
func TestADatabaseThatWentBackIsNotServed(t *testing.T) {
	t.Parallel()
	k := newKept(t, nil, "ada", "alan")
	k.ok(k.node.stop())
	path := filepath.Join(k.node.env["GATEHOUSE_DATA"], "gatehouse.db")
	yesterday, err := os.ReadFile(path)
	k.ok(err)
	k.node.again(t)
	_, err = k.api.Suspend(t.Context(), "ada", "left")
	k.ok(err)
	k.node.kill()
	for _, suffix := range []string{"-wal", "-shm"} {
		_ = os.Remove(path + suffix) // they may not be there
	}
	k.ok(os.WriteFile(path, yesterday, 0o600))
	refused := func(when string) {
		t.Helper()
		if err := k.node.begin(); err == nil || !strings.Contains(err.Error(), "The database has gone back in time") {
			t.Fatalf("%s it serves, or does not say why not: %v", when, err)
		}
	}
	refused("as it was put back,")
	// A node without the journal serves it, and the log goes on: the number of
	// Ada's suspension is now that of Alan's.
	cuts := filepath.Join(k.node.env["GATEHOUSE_DATA"], "cuts")
	k.ok(os.Rename(cuts, cuts+".aside"))
	k.node.again(t)
	_, err = k.api.Suspend(t.Context(), "alan", "left too")
	k.ok(err)
	k.node.kill()
	k.ok(os.RemoveAll(cuts))
	k.ok(os.Rename(cuts+".aside", cuts))
	refused("after another cut under the same number,")
	contains(t, k.does("restore-backup", "--in-place"), "ada", "made again")
	k.servesClosed()
	k.confirms()
	k.nothingLives("confirmed")
	if k.mayEnter("ada") || k.mayEnter("alan") || !k.mayEnter("grace") {
		t.Error("ada or alan is in, or grace is not")
	}
}
