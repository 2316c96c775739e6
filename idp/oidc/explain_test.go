package oidc

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gatehouse/idp"
)

// texts are all string literals of this package that ships, the explanations
// apart.
func texts(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || name == "explain.go" {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				s, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, s)
			}
			return true
		})
	}
	return all
}

var refusals = regexp.MustCompile(`^oidc\.[a-z]+\.(refuse|deny|burn|reuse|cancel)$`)

// TestEveryRefusalIsExplained: a kind of refusal without an explanation fails
// here, and so does an explanation of what is no longer said.
func TestEveryRefusalIsExplained(t *testing.T) {
	t.Parallel()
	said := texts(t)
	var kinds []string
	for _, s := range said {
		if refusals.MatchString(s) && !slices.Contains(kinds, s) {
			kinds = append(kinds, s)
		}
	}
	if len(kinds) < 9 {
		t.Errorf("only %v are found in the source", kinds)
	}
	for _, kind := range kinds {
		if x, ok := Explain(idp.Event{Kind: kind}); !ok || x.Meaning == "" || x.Change == "" || x.Side == "" {
			t.Errorf("%s is not explained", kind)
		}
	}
	for _, x := range explained {
		if !slices.Contains(kinds, x.kind) {
			t.Errorf("%s is explained and never written", x.kind)
		}
		if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, x.reason) }) {
			t.Errorf("%s: nothing says %q any more", x.kind, x.reason)
		}
		got, _ := Explain(idp.Event{Kind: x.kind, Detail: map[string]string{"reason": "before " + x.reason + " after"}})
		if got != x.Explanation {
			t.Errorf("%s with %q gets the explanation of another", x.kind, x.reason)
		}
	}
	if _, ok := Explain(idp.Event{Kind: "user.suspend"}); ok {
		t.Error("a suspension is explained as a refusal")
	}
}

// TestReceivedTellsNoSecret: an audit line has the names of what came, and the
// values of those alone that nobody could use.
func TestReceivedTellsNoSecret(t *testing.T) {
	t.Parallel()
	got := received(url.Values{
		"client_id": {"wiki"}, "scope": {"openid profile"}, "client_secret": {"hunter2"}, "code": {"abcd"}, "code_verifier": {"xyz"},
		"refresh_token": {"r"}, "state": {"s3cr3t"}, "nonce": {"n0nc3"}, "login_hint": {"ada@example.com"}, "id_token_hint": {"eyJ"},
		"hunter2=": {"x"}, "Hunter": {"x"}, "redirect_uri": {"https://app.example/cb", "https://evil.example/\r\ncb", "https://third.example/"},
	})
	want := "client_id=wiki client_secret=(7 bytes) code=(4 bytes) code_verifier=(3 bytes) id_token_hint=(3 bytes) login_hint=(15 bytes) nonce=(5 bytes)" +
		" redirect_uri=https://app.example/cb redirect_uri=https://evil.example/cb refresh_token=(1 bytes) scope=openid+profile state=(6 bytes) and 2 more"
	if got != want {
		t.Errorf("received\n%s\nwant\n%s", got, want)
	}
	many := url.Values{}
	for i := range 1000 {
		many["p"+strings.Repeat("a", i%20)+strings.Repeat("b", i/20)] = []string{strings.Repeat("x", 5000)}
	}
	many.Set("client_id", strings.Repeat("w", 5000))
	if n := len(received(many)); n > maxReceived*(40+maxShown) {
		t.Errorf("%d bytes are told", n)
	}
}
