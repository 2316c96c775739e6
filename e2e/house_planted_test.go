package e2e

import (
	"strings"
	"testing"
)

// planted is a package with a fault in it, or with none.
func planted(room string, imports ...string) pkg {
	return pkg{ImportPath: module + room, Name: "x", Doc: "Package x stands.", Imports: imports}
}

func plantedTest(room string, imports ...string) pkg {
	return pkg{ImportPath: module + room, Name: "x", Doc: "Package x stands.", XTestImports: imports}
}

// TestHouseFindsPlantedFaults breaks each wall on purpose: says is a part of
// the one sentence that must come, or empty where the house must stay silent.
func TestHouseFindsPlantedFaults(t *testing.T) {
	t.Parallel()
	const noDoc = ""
	cases := []struct {
		name string
		pkgs []pkg
		says string
	}{
		{"ground imports a room", []pkg{planted("idp", module+"idp/keys")}, "idp imports idp/keys: it may import nothing of ours, because"},
		{"ground imports a library", []pkg{planted("idp", "github.com/google/uuid")}, "standard library only"},
		{"ground imports the standard library", []pkg{planted("idp", "errors", "crypto/rand")}, ""},
		{"store imports a verb", []pkg{planted("store", module+"idp", module+"idp/login")}, "store imports idp/login: it may import only idp of ours, because"},
		{"directory imports store", []pkg{planted("idp/directory", module+"store")}, "idp/directory imports store"},
		{"sessions imports store", []pkg{planted("sessions", module+"store")}, "sessions imports store"},
		{"sessions imports its backend", []pkg{planted("sessions", module+"sessions/redis")}, "sessions imports sessions/redis"},
		{"mapping imports a tongue", []pkg{planted("jit", module+"idp/oidc")}, "jit imports idp/oidc"},
		{"a tongue imports sessions", []pkg{planted("idp/oidc", module+"sessions")}, "idp/oidc imports sessions"},
		{"a tongue imports a tongue", []pkg{planted("idp/saml", module+"idp/oidc")}, "idp/saml imports idp/oidc"},
		{"OIDC imports the SAML wire", []pkg{planted("idp/oidc", module+"idp/saml/wire")}, "idp/oidc imports idp/saml/wire"},
		{"SAML imports its wire", []pkg{planted("idp/saml", module+"idp/saml/wire", module+"idp/keys")}, ""},
		{"the sample app imports the SAML wire", []pkg{planted("jit/saas", module+"idp/saml/wire")}, ""},
		{"web imports a tongue", []pkg{planted("web", module+"idp/oidc", module+"web/ui")}, "web imports idp/oidc"},
		{"one face imports another", []pkg{planted("web/console", module+"web/signin")}, "web/console imports web/signin"},
		{"the API client imports the server", []pkg{planted("web/api/client", module+"web/api")}, "web/api/client imports web/api"},
		{"cmd imports everything", []pkg{planted("cmd/gatehouse", module+"web", module+"idp/oidc", module+"jit/saas")}, ""},
		{"cmd imports e2e", []pkg{planted("cmd/gatehouse", module+"e2e")}, "cmd/gatehouse imports e2e"},
		{"cmd imports a test suite", []pkg{planted("cmd/gatehouse", module+"store/storetest")}, "outside its tests: only tests may"},
		{"e2e imports the API client", []pkg{plantedTest("e2e", module+"web/api/client")}, ""},
		{"the benchmark imports the ports", []pkg{planted("e2e/bench", module+"e2e/ports")}, ""},
		{"a test of the store imports the ports", []pkg{plantedTest("store", module+"e2e/ports")}, ""},
		{"cmd imports the ports", []pkg{planted("cmd/gatehouse", module+"e2e/ports")}, "cmd/gatehouse imports e2e/ports"},
		{"e2e imports the store", []pkg{plantedTest("e2e", module+"store")}, "a test of e2e imports store"},
		{"the benchmark imports the store", []pkg{plantedTest("e2e/bench", module+"store")}, "a test of e2e/bench imports store"},
		{"a test uses the real store", []pkg{plantedTest("idp/directory", module+"store", module+"store/storetest")}, ""},
		{"a test of a tongue imports web", []pkg{plantedTest("idp/oidc", module+"web")}, "a test of idp/oidc imports web"},
		{"a room that is not on the map", []pkg{planted("idp/kerberos")}, "idp/kerberos is not on the map"},
		{"a folder that is not on the map", []pkg{planted("pkg/thing")}, "pkg/thing is not on the map"},

		{"SQL outside the store", []pkg{planted("sessions", "database/sql")}, "sessions imports database/sql: only store/... may"},
		{"a driver outside the store", []pkg{planted("idp/login", "github.com/jackc/pgx/v5/pgxpool")}, "only store/... may"},
		{"a test speaks SQL", []pkg{plantedTest("idp/login", "database/sql")}, "only store/... may"},
		{"SQL in the store", []pkg{planted("store", "database/sql", "modernc.org/sqlite")}, ""},
		{"Redis outside its room", []pkg{planted("sessions", "github.com/redis/go-redis/v9")}, "only sessions/redis may"},
		{"op.Storage outside its tongue", []pkg{planted("jit/saas", "github.com/zitadel/oidc/v3/pkg/op")}, "only idp/oidc may"},
		{"SAML library in the mapping", []pkg{planted("jit", "github.com/crewjam/saml")}, "jit/saas, jit/inbound may"},
		{"HTML in a tongue", []pkg{planted("idp/saml", "html/template")}, "only web/..., jit/saas, idp/mail may"},
		{"flags below cmd", []pkg{planted("web", "github.com/alecthomas/kong")}, "only cmd/... may"},
		{"a library of a similar name", []pkg{planted("sessions", "database/sqlx")}, ""},

		{"two folders import each other", []pkg{planted("cmd/gatehouse", module+"web"), planted("web", module+"cmd/gatehouse")}, "cmd and web import each other"},
		{"no package doc", []pkg{{ImportPath: module + "store", Name: "store", Doc: noDoc}}, "store has no package doc"},
		{"no package doc on main", []pkg{{ImportPath: module + "cmd/gatehouse", Name: "main", Doc: noDoc}}, "cmd/gatehouse has no package doc"},
		{"an empty name", []pkg{planted("idp/util")}, "no package is called util"},
		{"an empty package name", []pkg{{ImportPath: module + "e2e/x", Name: "helpers", Doc: "Doc."}}, "no package is called helpers"},
		{"cgo of ours", []pkg{{ImportPath: module + "store", Name: "store", Doc: "Doc.", CgoFiles: []string{"c.go"}}}, "store uses cgo in c.go"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			broken := append(brokenWalls(c.pkgs), brokenLibraries(c.pkgs)...)
			broken = append(broken, brokenPairs(c.pkgs)...)
			broken = append(broken, brokenPackages(c.pkgs)...)
			expectSentence(t, broken, c.says)
		})
	}
}

func TestHouseFindsReservedNames(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, room, src, says string }{
		{"a client of its own", "idp/oidc", `import "net/http"; var c = &http.Client{}`, "idp/oidc/x.go:1:40 uses net/http.Client: only idp/fetch"},
		{"the default client", "jit/scim", `import "net/http"; var c = http.DefaultClient`, "net/http.DefaultClient"},
		{"a plain get", "cmd/gatehouse", `import "net/http"; func f() { _, _ = http.Get("x") }`, "net/http.Get"},
		{"a get under another name", "web", `import web "net/http"; func f() { _, _ = web.Get("x") }`, "net/http.Get"},
		{"a method called Get", "web", `import "net/http"; func f(h http.Header) string { return h.Get("x") }`, ""},
		{"a transport of its own", "idp/saml", `import "net/http"; var c http.Transport`, "net/http.Transport"},
		{"the way out", "idp/fetch", `import "net/http"; var c http.Client`, ""},
		{"a handler", "idp/oidc", `import "net/http"; var h http.Handler`, ""},
		{"a cookie in a tongue", "idp/saml", `import "net/http"; func f(w http.ResponseWriter) { http.SetCookie(w, nil) }`, "net/http.SetCookie: only web/..."},
		{"a cookie in the web", "web/signin", `import "net/http"; var c http.Cookie`, ""},
		{"the environment in the store", "store", `import "os"; var d = os.Getenv("X")`, "os.Getenv: only cmd/..."},
		{"the environment looked up", "idp/keys", `import "os"; func f() { os.LookupEnv("X") }`, "os.LookupEnv"},
		{"the environment in cmd", "cmd/gatehouse", `import "os"; var d = os.Getenv("X")`, ""},
		{"the environment in e2e", "e2e/bench", `import "os"; var d = os.Getenv("X")`, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			broken, err := brokenReservations(c.room, "x.go", []byte("package x; "+c.src))
			if err != nil {
				t.Fatal(err)
			}
			expectSentence(t, broken, c.says)
		})
	}
}

func TestHouseFindsOldVersionsCgoAndStrayFiles(t *testing.T) {
	t.Parallel()
	const jose = "github.com/go-jose/go-jose/v4"
	expectSentence(t, brokenVersions(map[string]string{jose: "v4.1.7"}), "go.mod requires "+jose+" v4.1.7: at least v4.1.8")
	expectSentence(t, brokenVersions(map[string]string{jose: "v4.1.8-rc.1"}), "at least v4.1.8")
	expectSentence(t, brokenVersions(map[string]string{"golang.org/x/crypto": "v0.6.0"}), "at least v0.58.0")
	expectSentence(t, brokenVersions(map[string]string{jose: "v4.10.0", "example.org/other": "v0.0.1"}), "")

	expectSentence(t, brokenBinary([]pkg{{ImportPath: "example.org/c", CgoFiles: []string{"c.go"}}}), "the binary links example.org/c")
	expectSentence(t, brokenBinary([]pkg{{ImportPath: "net", Standard: true, CgoFiles: []string{"c.go"}}}), "")
	expectSentence(t, brokenBinary([]pkg{{ImportPath: "github.com/google/go-cmp/cmp"}}), "the binary links github.com/google/go-cmp/cmp: only tests may")

	expectSentence(t, brokenTop([]string{"pkg", "idp", ".ci"}), "pkg stands at the top level")
	expectSentence(t, brokenTop([]string{"README.md", "docs", ".gitignore"}), "")
}

func expectSentence(t *testing.T, broken []string, says string) {
	t.Helper()
	if says == "" {
		if len(broken) > 0 {
			t.Errorf("the house is whole, yet it says: %s", strings.Join(broken, "; "))
		}
		return
	}
	for _, sentence := range broken {
		if strings.Contains(sentence, says) && strings.Contains(sentence, ": ") {
			return
		}
	}
	t.Errorf("no sentence says %q; said: %s", says, strings.Join(broken, "; "))
}
