package ui

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	templparser "github.com/a-h/templ/parser/v2"
)

// rooms are those whose pages everybody sees: all that they say is in the
// catalogues. Of the console's pages, which are English, nothing is.
var rooms = []string{"../ui", "../signin", "../portal", ".."}

// told are the places whose errors people read on these pages.
var told = []string{"../../idp/login/*.go", "../../idp/login/password/*.go", "../*.go", "../signin/*.go", "../portal/*.go",
	"../../idp/oidc/authorize.go", "../../idp/oidc/request.go", "../../idp/oidc/resume.go", "../../idp/oidc/code.go",
	"../../idp/oidc/consent.go", "../../idp/oidc/endsession.go", "../../idp/oidc/device.go", "../../idp/oidc/redirect.go",
	"../../idp/saml/launch.go", "../../idp/saml/resume.go", "../../idp/saml/sso.go", "../../idp/saml/grant.go",
	"../../idp/saml/logout.go", "../../idp/saml/slo.go", "../../idp/saml/judge.go", "../../idp/saml/read.go", "../../idp/saml/refusal.go",
	"../../idp/directory/names.go", "../../idp/directory/look.go"}

// TestEverySentenceIsInEveryCatalogue: what pages say, and the errors that they
// show, are in each language but English, and nothing is in a catalogue that
// nobody says.
func TestEverySentenceIsInEveryCatalogue(t *testing.T) {
	t.Parallel()
	said := sentences(t)
	if len(said) < 150 {
		t.Fatalf("only %d sentences were found: the search is broken", len(said))
	}
	for _, tag := range spoken[1:] {
		have := map[string]translation{}
		for file, texts := range catalogueOf(tag) {
			for key, text := range texts {
				if _, twice := have[key]; twice {
					t.Errorf("%s/%s: %q stands in two files", tag, file, key)
				}
				have[key] = text
			}
		}
		for _, key := range slices.Sorted(maps.Keys(said)) {
			text, ok := have[key]
			if !ok {
				t.Errorf("%s: nothing for %q (%s)", tag, key, said[key])
				continue
			}
			what := cmp.Or(text.Always, text.Many)
			if d := unlike(key, what); d != "" || (text.Many != "") != (text.One != "") {
				t.Errorf("%s: %q says %q, but %s", tag, key, what, cmp.Or(d, "not both of one and of many"))
			}
		}
		for _, key := range slices.Sorted(maps.Keys(have)) {
			if said[key] == "" {
				t.Errorf("%s: nobody says %q any more", tag, key)
			}
		}
	}
	for file, texts := range catalogueOf(spoken[0]) {
		for key := range texts {
			if said[key] == "" {
				t.Errorf("%s/%s: nobody says %q any more", spoken[0], file, key)
			}
		}
	}
}

var verbs = regexp.MustCompile(`%(\[\d\])?[sdq]|%%`)
var tags = regexp.MustCompile(`</?[a-z]+[^>]*>`)

// unlike says in which marks a translation differs from its sentence: what is
// put in, and HTML.
func unlike(key, text string) string {
	norm := func(re *regexp.Regexp, s string) []string {
		found := re.FindAllString(s, -1)
		for i, f := range found {
			if re == verbs && !strings.Contains(f, "[") && f != "%%" {
				found[i] = "%[" + strconv.Itoa(i+1) + "]" + f[1:]
			}
		}
		slices.Sort(found)
		return found
	}
	switch {
	case strings.TrimSpace(text) == "":
		return "that is empty"
	case !slices.Equal(norm(verbs, key), norm(verbs, text)):
		return "other things are put in"
	case !slices.Equal(norm(tags, key), norm(tags, text)):
		return "the marks of HTML differ"
	}
	return ""
}

// sentences are the literal ones that pages say, with where each stands.
func sentences(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for m := time.January; m <= time.December; m++ {
		at := time.Date(2026, m, 1, 0, 0, 0, 0, time.UTC)
		out[m.String()], out[at.Format("Jan")] = "the months", "the months"
	}
	for _, dir := range rooms {
		for _, f := range goFiles(t, dir+"/*.go") {
			collect(t, f, out, func(name string) (arg int, ok bool) {
				switch name {
				case "T", "hash":
					return 1, true
				case "Rich":
					return 0, true
				}
				return 0, false
			}, true)
		}
	}
	for _, pattern := range told {
		for _, f := range goFiles(t, pattern) {
			collect(t, f, out, func(name string) (arg int, ok bool) {
				switch name {
				case "Errorf", "invalid", "turnAway", "decline", "startAgain":
					return map[string]int{"Errorf": 1, "invalid": 1, "turnAway": 1, "decline": 3}[name], name != "startAgain"
				case "Refused":
					return 0, true
				}
				return 0, false
			}, false)
		}
	}
	return out
}

func goFiles(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v, %d files", pattern, err, len(files))
	}
	return slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
}

// collect adds the sentences that calls in a file say. all: the sentence must
// be written there, or it could not be found.
func collect(t *testing.T, file string, out map[string]string, says func(name string) (int, bool), all bool) {
	t.Helper()
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		arg, ok := says(called(call))
		if !ok || len(call.Args) <= arg {
			return true
		}
		at := fset.Position(call.Pos()).String()
		lit, ok := call.Args[arg].(*ast.BasicLit)
		switch {
		case ok:
			s, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			if all || sentenceLike(s) {
				out[s] = at
			}
		case all && !strings.HasPrefix(at, "../ui/"):
			t.Errorf("%s: what is said is not written there", at)
		}
		return true
	})
}

// sentenceLike: errors that are for people are whole sentences, those for the
// log are not.
func sentenceLike(s string) bool {
	return strings.HasSuffix(s, ".") && s != "%s." && !strings.HasPrefix(s, "app ")
}

func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// TestPagesSayNothingOutsideTheCatalogue: the templates of the pages that
// everybody sees hold no words of their own, in their text, in what is read
// aloud, or in what they hand to parts.
func TestPagesSayNothingOutsideTheCatalogue(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"../signin", "../portal"} {
		files, err := filepath.Glob(dir + "/*.templ")
		if err != nil || len(files) == 0 {
			t.Fatal(err, files)
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range strayWords(t, string(src)) {
				t.Errorf("%s says %q in English only", file, w)
			}
		}
	}
}

// TestStrayWordsAreFound: the search above finds what it is for.
func TestStrayWordsAreFound(t *testing.T) {
	t.Parallel()
	for src, stray := range map[string]int{
		`<p>Hello there</p>`:                                  1,
		`<p>{ ui.T(ctx, "Hello there") }</p>`:                 0,
		`<p>{ "Hello there" }</p>`:                            1,
		`<b title="Look here"></b>`:                           1,
		`<b aria-label={ "Sign out " + v.App }></b>`:          1,
		`<b aria-label={ ui.T(ctx, "Sign out %s", v) }></b>`:  0,
		`@ui.Section("sessions", "Signed in on", 1)`:          1,
		`@ui.Section("sessions", ui.T(ctx, "Signed in"), 1)`:  0,
		`<form action="/x" class="a b"><hr/></form>`:          0,
		"if a {\n<p>{ ui.T(ctx, \"x\") } · and then</p>\n}":   1,
		"for _, a := range b {\n<li>Being told</li>\n}":       1,
		`@ui.Field(ui.FieldView{Name: "a", Hint: "Type it"})`: 1,
	} {
		if got := strayWords(t, "package x\n\ntempl p() {\n"+src+"\n}\n"); len(got) != stray {
			t.Errorf("%s: %q, want %d", src, got, stray)
		}
	}
}

var words = regexp.MustCompile(`\pL{2}`)

// strayWords lists the words of a template that are in no catalogue.
func strayWords(t *testing.T, src string) []string {
	t.Helper()
	tree, err := templparser.ParseString(src)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, n := range tree.Nodes {
		if html, ok := n.(*templparser.HTMLTemplate); ok {
			out = append(out, strayIn(t, html.Children)...)
		}
	}
	return out
}

func strayIn(t *testing.T, nodes []templparser.Node) []string {
	t.Helper()
	var out []string
	for _, n := range nodes {
		switch n := n.(type) {
		case *templparser.Text:
			if words.MatchString(n.Value) {
				out = append(out, n.Value)
			}
		case *templparser.Element:
			for _, a := range n.Attributes {
				out = append(out, strayInAttribute(t, a)...)
			}
		case *templparser.StringExpression:
			out = append(out, strayInGo(t, n.Expression.Value)...)
		case *templparser.TemplElementExpression:
			out = append(out, strayInGo(t, n.Expression.Value)...)
		}
		if c, ok := n.(templparser.CompositeNode); ok {
			out = append(out, strayIn(t, c.ChildNodes())...)
		}
	}
	return out
}

var readAloud = []string{"title", "alt", "aria-label", "placeholder", "aria-description", "content", "label"}

func strayInAttribute(t *testing.T, a templparser.Attribute) []string {
	t.Helper()
	switch a := a.(type) {
	case *templparser.ConstantAttribute:
		if slices.Contains(readAloud, a.Key.String()) && words.MatchString(a.Value) {
			return []string{a.Value}
		}
	case *templparser.ExpressionAttribute:
		if slices.Contains(readAloud, a.Key.String()) {
			return strayInGo(t, a.Expression.Value)
		}
	case *templparser.ConditionalAttribute:
		var out []string
		for _, b := range append(a.Then, a.Else...) {
			out = append(out, strayInAttribute(t, b)...)
		}
		return out
	}
	return nil
}

// strayInGo lists the strings of an expression that read like words and are not
// looked up.
func strayInGo(t *testing.T, expr string) []string {
	t.Helper()
	tree, err := parser.ParseExpr(expr)
	if err != nil {
		return nil // a component with children opens a block
	}
	var out []string
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if name := called(n); name == "T" || name == "Rich" {
				return false
			}
		case *ast.BasicLit:
			s, err := strconv.Unquote(n.Value)
			if err == nil && readsLikeWords(s) {
				out = append(out, s)
			}
		}
		return true
	})
	return out
}

// readsLikeWords: names of fields and classes are lower case and of one word,
// or tokens of HTML.
func readsLikeWords(s string) bool {
	if slices.Contains([]string{"username webauthn", "current-password webauthn"}, s) {
		return false
	}
	return words.MatchString(s) && (strings.Contains(s, " ") || s[0] >= 'A' && s[0] <= 'Z')
}
