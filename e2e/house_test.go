package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The house as it was designed: which room may import which, and why. "x/..."
// stands for x and everything below it. A room that is not listed may not be
// built: its place is to be decided first.
var (
	ground  = []string{"idp"}
	tongue  = []string{"idp", "idp/keys", "idp/login", "idp/directory", "idp/outbox", "idp/fetch"}
	saml    = append([]string{"idp/saml/wire"}, tongue...)
	page    = append([]string{"sessions", "jit", "store", "web/ui", "idp/login/password"}, tongue...)
	anybody = []string{"..."}

	house = []room{
		{"idp", nil, "the ground names the things of the trade and needs nothing of ours"},
		{"idp/directory", ground, "verbs on people decide with ground types; storing, ending and telling are interfaces of its own"},
		{"idp/journal", ground, "the cut journal is a file of its own beside the database and knows no table"},
		{"idp/keys", ground, "keys sign and seal for everybody above and know none of them"},
		{"idp/notary", []string{"idp", "idp/keys"}, "it signs and seals what others did; storing it is an interface of its own"},
		{"idp/login", []string{"idp", "idp/keys", "idp/login/password"}, "proving who you are knows no HTTP, no tongue and no table"},
		{"idp/login/password", ground, "what is kept of a password and which may be none knows nobody's tries and no table"},
		{"idp/outbox", []string{"idp", "idp/fetch"}, "the worker hands a delivery to a lever through an interface, whichever tongue it is, and probes by the one way out"},
		{"idp/mail", ground, "it says and sends what others decided; storing it and making links are interfaces of its own"},
		{"idp/fetch", ground, "the one way out is used by all and knows none of them"},
		{"idp/oidc", tongue, "a tongue stands on the idp rooms; sessions, mapping and pages are small interfaces of its own"},
		{"idp/saml", saml, "a tongue stands on the idp rooms; sessions, mapping and pages are small interfaces of its own"},
		{"idp/saml/wire", ground, "it decodes, verifies, signs and encrypts, and has no policy"},
		{"idp/saml/wire/wiretest", nil, "it has what we write judged by programs that are not ours, and must not know our own code"},
		{"idp/ldap", tongue, "a tongue stands on the idp rooms alone"},
		{"idp/radius", tongue, "a tongue stands on the idp rooms alone"},
		{"idp/ssh", tongue, "a tongue stands on the idp rooms alone"},
		{"sessions", ground, "the gate is asked by everyone above; what it needs of the store is an interface of its own"},
		{"sessions/redis", []string{"idp", "sessions"}, "it is one backend of the gate and nothing else"},
		{"sessions/ssf", tongue, "a tongue stands on the idp rooms alone"},
		{"jit", ground, "mapping is pure: user, grant and template in, claims and attributes out"},
		{"jit/inbound", saml, "it stands on the idp rooms and on the wire format of SAML"},
		{"jit/scim", tongue, "it stands on the idp rooms; the mapping is an interface of its own"},
		{"jit/sync", tongue, "it stands on the idp rooms; the mapping is an interface of its own"},
		{"jit/saas", saml, "it stands on the idp rooms and on the wire format of SAML"},
		{"store", ground, "it is SQL and nothing but SQL, spelled in ground types, so that any room can be served by it"},
		{"store/storetest", []string{"idp", "store"}, "the conformance suite asks the store and nothing else"},
		{"web/api/client", ground, "whoever calls the API links it, and must not pull in the server"},
		{"web/api", append([]string{"web/api/client"}, page...), "tongues are handlers that cmd hands over, and one face of the web does not know another"},
		{"web/ui", page, "every page stands on it"},
		{"web/ui/uitest", []string{"idp", "web/ui"}, "it looks at the pages of any room and knows none of them"},
		{"web/signin", page, "tongues are handlers that cmd hands over, and one face of the web does not know another"},
		{"web/portal", page, "tongues are handlers that cmd hands over, and one face of the web does not know another"},
		{"web/console", page, "tongues are handlers that cmd hands over, and one face of the web does not know another"},
		{"web", append([]string{"web/..."}, page...), "tongues are handlers that cmd hands over"},
		{"cmd/gatehouse", anybody, "all the wiring is here"},
		{"e2e/ports", nil, "it says where a server of a test can listen, and must not know which"},
		{"e2e/...", []string{"web/api/client", "idp/saml/wire/wiretest", "e2e/ports"}, "it uses the house from outside, as a browser, an app and an admin would, and has others judge what comes out"},
	}
)

// Libraries that live in one room, so that they can be changed there. e2e is
// outside the house and free in this.
var libraries = []library{
	{[]string{"database/sql", "github.com/jackc/pgx", "modernc.org/sqlite", "zombiezen.com/go/sqlite", "github.com/pressly/goose"},
		[]string{"store/..."}, "SQL is the store's alone"},
	{[]string{"github.com/redis/go-redis"}, []string{"sessions/redis"}, "all Redis code of the house is there"},
	{[]string{"github.com/zitadel/oidc"}, []string{"idp/oidc"}, "its op.Storage lives and dies there"},
	{[]string{"github.com/crewjam/saml", "github.com/russellhaering/goxmldsig"},
		[]string{"idp/saml/...", "jit/saas", "jit/inbound"}, "SAML is spoken there"},
	{[]string{"github.com/go-webauthn", "github.com/descope/virtualwebauthn"}, []string{"idp/login"}, "the ceremonies of passkeys are there"},
	{[]string{"github.com/a-h/templ"}, []string{"web/...", "jit/saas"}, "HTML is the web's alone"},
	{[]string{"html/template"}, []string{"web/...", "jit/saas", "idp/mail"}, "HTML is the web's, and that of mails"},
	{[]string{"github.com/wneessen/go-mail", "net/smtp"}, []string{"idp/mail"}, "mail is sent there"},
	{[]string{"github.com/prometheus"}, []string{"cmd/..."}, "rooms count by small hooks of their own, and what reads them is wired where it starts"},
	{[]string{"github.com/oschwald/maxminddb-golang"}, []string{"cmd/..."}, "it reads a file that the configuration names; the portal asks a function"},
	{[]string{"github.com/alecthomas/kong", "github.com/knadh/koanf"}, []string{"cmd/..."}, "flags and configuration are read where it starts"},
}

// Libraries that tests use and the binary never links.
var unshipped = []string{"github.com/descope/virtualwebauthn", "github.com/chromedp", "github.com/google/go-cmp", "github.com/rogpeppe/go-internal", "github.com/maxmind/mmdbwriter", "github.com/emersion/go-smtp"}

// Names of the standard library that belong to some rooms. Tests and e2e are
// free in this.
var reserved = []reservation{
	{"net/http", []string{"Client", "DefaultClient", "Transport", "DefaultTransport", "Get", "Head", "Post", "PostForm"},
		[]string{"idp/fetch", "jit/saas", "web/api/client"}, "the way out by HTTP is idp/fetch, which refuses private addresses and redirects"},
	{"net/http", []string{"Cookie", "SetCookie"},
		[]string{"web/...", "jit/saas"}, "cookies stay in the web; a tongue asks an interface of its own"},
	{"os", []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv"},
		[]string{"cmd/...", "store/storetest", "web/ui/uitest"}, "the environment is read where it starts"},
}

// What may stand at the top, with what a build or a run leaves there and git ignores.
var topLevel = []string{
	"cmd", "web", "jit", "sessions", "store", "idp", "e2e",
	"go.mod", "go.sum", "README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "Makefile", "docs", "deploy",
	"bin", "data", "shots",
}

// Below these versions lies a known hole that a lower requirement of somebody
// else would silently bring back.
var minimum = map[string]string{
	"github.com/russellhaering/goxmldsig": "v1.6.1", // CVE-2026-33487: reference substitution
	"github.com/go-jose/go-jose/v4":       "v4.1.8",
	"github.com/golang-jwt/jwt/v4":        "v4.5.2", // CVE-2025-30204: a token of a million dots
	"golang.org/x/crypto":                 "v0.58.0",
	"golang.org/x/text":                   "v0.39.0",
}

// TestHouseStands reads the tree as it is and names every wall that is broken.
func TestHouseStands(t *testing.T) {
	t.Parallel()
	pkgs := goList(t, "./...")
	var broken []string
	broken = append(broken, brokenWalls(pkgs)...)
	broken = append(broken, brokenPairs(pkgs)...)
	broken = append(broken, brokenLibraries(pkgs)...)
	broken = append(broken, brokenPackages(pkgs)...)
	for _, p := range pkgs {
		for _, file := range p.GoFiles {
			src, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			found, err := brokenReservations(p.room(), file, src)
			if err != nil {
				t.Fatal(err)
			}
			broken = append(broken, found...)
		}
	}
	broken = append(broken, brokenBinary(goList(t, "-deps", "./cmd/..."))...)
	broken = append(broken, brokenVersions(requirements(t))...)
	broken = append(broken, brokenTop(topEntries(t))...)
	for _, sentence := range broken {
		t.Error(sentence)
	}
}

// goList asks with cgo on, since packages that use it are hidden otherwise.
func goList(t *testing.T, args ...string) []pkg {
	t.Helper()
	fields := "-json=Dir,ImportPath,Name,Doc,Standard,Imports,TestImports,XTestImports,GoFiles,CgoFiles"
	dec := json.NewDecoder(bytes.NewReader(goCommand(t, append([]string{"list", fields}, args...)...)))
	var pkgs []pkg
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func requirements(t *testing.T) map[string]string {
	t.Helper()
	var mod struct {
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal(goCommand(t, "mod", "edit", "-json"), &mod); err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, r := range mod.Require {
		versions[r.Path] = r.Version
	}
	return versions
}

func topEntries(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func goCommand(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("go %s: %v\n%s", args[0], err, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	return out
}
