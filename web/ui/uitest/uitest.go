// Package uitest looks at pages the way a browser and a careful reader do: it
// renders a view with the headers of the house, checks what must hold for every
// page, and opens it in Chromium, wide and narrow, light and dark.
//
// It is for the tests of web/ui and its rooms, which own the sample data. The
// invariant it checks: no inline style, script or handler, nothing from
// outside, no violation of the content security policy, no sideways scrolling.
package uitest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// Now is the moment at which sample pages are looked at.
func Now() time.Time { return time.Now().UTC().Truncate(time.Minute) }

// Bait is a name that becomes an element and a script where a page forgets to
// escape it.
const Bait = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`

// Page is one page with sample data.
type Page struct {
	Name  string
	Visit ui.Visit
	Look  idp.Look // of the house
	View  templ.Component
}

// Owner is a visit of an owner, Ada Lovelace.
func Owner() ui.Visit {
	return ui.Visit{
		Now:     Now(),
		Secret:  "a secret of a session for tests",
		Session: idp.Session{ID: idp.NewSessionID()},
		User:    idp.User{ID: idp.NewUserID(), DisplayName: "Ada Lovelace", Username: "ada", Role: idp.RoleOwner},
	}
}

// Employee is a visit of an employee, Grace Hopper.
func Employee() ui.Visit {
	v := Owner()
	v.User = idp.User{ID: idp.NewUserID(), DisplayName: "Grace Hopper", Username: "grace", Role: idp.RoleEmployee}
	return v
}

// Stranger is a visit of a browser that is bound to a sign-in, and nothing
// more.
func Stranger() ui.Visit { return ui.Visit{Now: Now(), Secret: "a binding secret for tests"} }

// Serve answers with the page under the headers of the house, in the language
// that the request names as lang; or with a file of its look.
func (p Page) Serve(w http.ResponseWriter, r *http.Request) {
	faces := new(ui.Faces)
	faces.Show(p.Look)
	if r.PathValue("hash") != "" {
		faces.Files().ServeHTTP(w, r)
		return
	}
	ctx := faces.Over(r.Context(), r.URL.Query().Get("lang"))
	ctx = ui.WithVisit(ctx, p.Visit)
	ctx = idp.WithActor(ctx, idp.Actor{CorrelationID: "7f3k-92qd-x41m"})
	ui.Headers(false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := ui.Render(w, r, http.StatusOK, p.View); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})).ServeHTTP(w, r.WithContext(ctx))
}

// Document renders the page and parses it.
func (p Page) Document(t *testing.T) *html.Node {
	t.Helper()
	w := httptest.NewRecorder()
	p.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%s: status %d: %s", p.Name, w.Code, w.Body)
	}
	doc, err := html.Parse(w.Body)
	if err != nil {
		t.Fatalf("%s: parse: %v", p.Name, err)
	}
	return doc
}

// Check asserts what holds for every page of the house.
func Check(t *testing.T, p Page) {
	t.Helper()
	seen := audit{t: t, page: p.Name, labels: map[string]bool{}, ids: map[string]bool{}}
	doc := p.Document(t)
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			seen.element(n)
		}
	}
	seen.finish()
}

type audit struct {
	t           *testing.T
	page        string
	h1          int
	labels, ids map[string]bool
	inputs      []string
}

func (a *audit) element(n *html.Node) {
	for _, attr := range n.Attr {
		a.attribute(n, attr)
	}
	switch n.Data {
	case "h1":
		a.h1++
	case "label":
		a.labels[Attr(n, "for")] = true
	case "script":
		if n.FirstChild != nil || !strings.HasPrefix(Attr(n, "src"), "/assets/") {
			a.t.Errorf("%s: a script that is not an asset of the house", a.page)
		}
	case "style":
		a.t.Errorf("%s: an inline style sheet", a.page)
	case "img":
		if !strings.HasPrefix(Attr(n, "src"), "/look/") {
			a.t.Errorf("%s: an image: %v", a.page, n.Attr)
		}
	case "form":
		if strings.EqualFold(Attr(n, "method"), "post") && !hasField(n, "csrf") {
			a.t.Errorf("%s: form to %s without the csrf field", a.page, Attr(n, "action"))
		}
	case "input":
		a.input(n)
	}
}

func (a *audit) attribute(n *html.Node, attr html.Attribute) {
	switch {
	case attr.Key == "style", strings.HasPrefix(attr.Key, "on"):
		a.t.Errorf("%s: <%s> has an inline %s", a.page, n.Data, attr.Key)
	case attr.Key == "id":
		if a.ids[attr.Val] {
			a.t.Errorf("%s: id %q stands twice", a.page, attr.Val)
		}
		a.ids[attr.Val] = true
	case attr.Key == "href" && n.Data == "link" && !strings.HasPrefix(attr.Val, "/assets/") && !strings.HasPrefix(attr.Val, "/look/"):
		a.t.Errorf("%s: %s comes from outside", a.page, attr.Val)
	case (attr.Key == "href" || attr.Key == "action") && strings.Contains(attr.Val, "TemplFailedSanitization"):
		a.t.Errorf("%s: <%s> leads to an address that was refused", a.page, n.Data)
	}
}

func (a *audit) input(n *html.Node) {
	switch Attr(n, "type") {
	case "hidden", "radio", "checkbox":
		return
	}
	if Attr(n, "aria-hidden") == "" {
		a.inputs = append(a.inputs, Attr(n, "id"))
	}
}

func (a *audit) finish() {
	if a.h1 != 1 {
		a.t.Errorf("%s: %d main headings, want 1", a.page, a.h1)
	}
	for _, id := range a.inputs {
		if !a.labels[id] {
			a.t.Errorf("%s: input %q has no label", a.page, id)
		}
	}
}

// Attr returns an attribute of an element; empty when it has none.
func Attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// Text returns the text of a node and all below it, spaces folded.
func Text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func hasField(form *html.Node, name string) bool {
	for n := range form.Descendants() {
		if n.Data == "input" && Attr(n, "name") == name && Attr(n, "value") != "" {
			return true
		}
	}
	return false
}
