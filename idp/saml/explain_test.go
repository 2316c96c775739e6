package saml

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// rules are the names that refusals of this package are made with.
func rules(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			f, ok := call.Fun.(*ast.Ident)
			if !ok || !slices.Contains([]string{"turnAway", "decline", "startAgain", "notTaken"}, f.Name) {
				return true
			}
			if lit, ok := call.Args[0].(*ast.BasicLit); ok {
				rule, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, rule)
			}
			return true
		})
	}
	return all
}

// TestEveryRefusalIsExplained: a rule without an explanation fails here, and so
// does an explanation of a rule that is gone.
func TestEveryRefusalIsExplained(t *testing.T) {
	t.Parallel()
	made := rules(t)
	if len(made) < 20 {
		t.Errorf("only %v are found in the source", made)
	}
	for _, rule := range made {
		for _, kind := range []string{kindRequestRefused, kindLogoutRefused} {
			x, ok := Explain(idp.Event{Kind: kind, Detail: map[string]string{"rule": rule}})
			if !ok || x.Meaning == "" || x.Change == "" || x.Side == "" {
				t.Errorf("%s by %s is not explained", kind, rule)
			}
		}
	}
	for rule := range explained {
		if !slices.Contains(made, rule) {
			t.Errorf("%s is explained, and nothing is refused by it", rule)
		}
	}
	documents := []string{documentRule(idp.Errorf(idp.Unavailable, "x")), documentRule(idp.Errorf(idp.Invalid, "x"))}
	for _, r := range documentRules() {
		documents = append(documents, documentRule(idp.Errorf(idp.Invalid, "x").Because(&wire.Error{Kind: r.kind})))
	}
	for _, rule := range documents {
		if x, ok := Explain(idp.Event{Kind: kindMetadataRefused, Detail: map[string]string{"rule": rule}}); !ok || x.Meaning == "" || x.Change == "" || x.Side == "" {
			t.Errorf("a document that is refused by %s is not explained", rule)
		}
	}
	for rule := range explainedDocuments {
		if !slices.Contains(documents, rule) {
			t.Errorf("%s is explained, and no document is refused by it", rule)
		}
	}
	if _, ok := Explain(idp.Event{Kind: "saml.key", Detail: map[string]string{"rule": "acs"}}); ok {
		t.Error("what is no refusal is explained as one")
	}
}
