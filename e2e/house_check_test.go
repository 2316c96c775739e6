package e2e

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

type room struct {
	name string
	may  []string // rooms
	why  string
}

type library struct {
	paths []string // import paths, with all below them
	rooms []string
	why   string
}

type reservation struct {
	path  string // of the standard library
	names []string
	rooms []string
	why   string
}

// pkg is what `go list -json` says of a package.
type pkg struct {
	Dir, ImportPath, Name, Doc         string
	Standard                           bool
	Imports, TestImports, XTestImports []string
	GoFiles, CgoFiles                  []string
}

const module = "gatehouse/"

func (p pkg) room() string { return strings.TrimPrefix(p.ImportPath, module) }

// among reports whether name is one of the rooms, "x/..." standing for x and
// all below it.
func among(name string, rooms []string) bool {
	return slices.ContainsFunc(rooms, func(r string) bool {
		below, all := strings.CutSuffix(r, "...")
		return name == r || all && strings.HasPrefix(name+"/", below)
	})
}

// under reports whether an import path is one of the paths or below it.
func under(imported string, paths []string) bool {
	return slices.ContainsFunc(paths, func(p string) bool { return strings.HasPrefix(imported+"/", p+"/") })
}

func only(rooms []string) string {
	if len(rooms) == 0 {
		return "nothing"
	}
	return "only " + list(rooms)
}

func list(rooms []string) string { return strings.Join(rooms, ", ") }

// brokenWalls holds every import of ours against the map. A test may build the
// real neighbours of its room, but nothing that stands above: web, cmd, e2e.
func brokenWalls(pkgs []pkg) (broken []string) {
	for _, p := range pkgs {
		i := slices.IndexFunc(house, func(r room) bool { return among(p.room(), []string{r.name}) })
		if i < 0 {
			broken = append(broken, fmt.Sprintf("%s is not on the map: say in house_test.go which room it is and what it may import, because a package has a place before it has code", p.room()))
			continue
		}
		here := house[i]
		for _, imported := range ours(p.Imports) {
			if !among(imported, here.may) || under(imported, []string{"e2e"}) && !under(p.room(), []string{"e2e"}) {
				broken = append(broken, fmt.Sprintf("%s imports %s: it may import %s of ours, because %s", p.room(), imported, only(here.may), here.why))
			} else if strings.HasSuffix(imported, "test") {
				broken = append(broken, fmt.Sprintf("%s imports %s outside its tests: only tests may, because it would ship with the binary", p.room(), imported))
			}
		}
		for _, imported := range ours(slices.Concat(p.TestImports, p.XTestImports)) {
			if imported != p.room() && !among(imported, here.may) && !testMay(p.room(), imported) {
				broken = append(broken, fmt.Sprintf("a test of %s imports %s: a test stays below web, cmd and e2e, and e2e outside the house, because it would prove another room's behaviour", p.room(), imported))
			}
		}
		if p.room() == "idp" {
			for _, imported := range p.Imports {
				if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
					broken = append(broken, fmt.Sprintf("idp imports %s: it may import the standard library only, because everything stands on it", imported))
				}
			}
		}
	}
	return broken
}

func testMay(room, imported string) bool {
	if imported == "e2e/ports" {
		return true // it knows nothing of anybody
	}
	switch top(room) {
	case "e2e":
		return false
	case "cmd":
		return top(imported) != "e2e"
	case "web":
		return top(imported) != "e2e" && top(imported) != "cmd"
	}
	return !slices.Contains([]string{"web", "cmd", "e2e"}, top(imported))
}

func ours(imports []string) (rooms []string) {
	for _, imported := range imports {
		if room, ok := strings.CutPrefix(imported, module); ok {
			rooms = append(rooms, room)
		}
	}
	slices.Sort(rooms)
	return slices.Compact(rooms)
}

func top(room string) string {
	first, _, _ := strings.Cut(room, "/")
	return first
}

// brokenPairs finds top-level folders that import one another both ways.
func brokenPairs(pkgs []pkg) (broken []string) {
	by := map[[2]string]string{} // from, to: the package that does it
	for _, p := range pkgs {
		for _, imported := range ours(p.Imports) {
			by[[2]string{top(p.room()), top(imported)}] = p.room()
		}
	}
	for pair, from := range by {
		if back, both := by[[2]string{pair[1], pair[0]}]; both && pair[0] < pair[1] {
			broken = append(broken, fmt.Sprintf("%s and %s import each other (%s, %s): arrows between top-level folders point one way, because a floor stands on the one below", pair[0], pair[1], from, back))
		}
	}
	slices.Sort(broken)
	return broken
}

func brokenLibraries(pkgs []pkg) (broken []string) {
	for _, p := range pkgs {
		if top(p.room()) == "e2e" {
			continue
		}
		imports := slices.Concat(p.Imports, p.TestImports, p.XTestImports)
		slices.Sort(imports)
		for _, imported := range slices.Compact(imports) {
			for _, lib := range libraries {
				if under(imported, lib.paths) && !among(p.room(), lib.rooms) {
					broken = append(broken, fmt.Sprintf("%s imports %s: only %s may, because %s", p.room(), imported, list(lib.rooms), lib.why))
				}
			}
		}
	}
	return broken
}

// brokenPackages looks at what every package must have and may not be called.
func brokenPackages(pkgs []pkg) (broken []string) {
	empty := []string{"util", "utils", "common", "helper", "helpers", "types", "model", "models", "mock", "mocks", "misc", "shared"}
	for _, p := range pkgs {
		if p.Doc == "" {
			broken = append(broken, fmt.Sprintf("%s has no package doc: say what it owns, what it leaves to which sibling, and its one invariant", p.room()))
		}
		for _, word := range append(strings.Split(p.room(), "/"), p.Name) {
			if slices.Contains(empty, word) {
				broken = append(broken, fmt.Sprintf("%s: no package is called %s, because the name says nothing of what it owns", p.room(), word))
				break
			}
		}
		if len(p.CgoFiles) > 0 {
			broken = append(broken, fmt.Sprintf("%s uses cgo in %s: the product is pure Go, so that one static binary runs anywhere", p.room(), list(p.CgoFiles)))
		}
	}
	return broken
}

// brokenBinary takes everything the binary links. The standard library has
// pure Go in place of its own few cgo files.
func brokenBinary(linked []pkg) (broken []string) {
	for _, p := range linked {
		if !p.Standard && len(p.CgoFiles) > 0 && !strings.HasPrefix(p.ImportPath, module) {
			broken = append(broken, fmt.Sprintf("the binary links %s, which uses cgo: the product is pure Go, so that one static binary runs anywhere", p.ImportPath))
		}
		if under(p.ImportPath, unshipped) {
			broken = append(broken, fmt.Sprintf("the binary links %s: only tests may, because it would ship with the binary", p.ImportPath))
		}
	}
	return broken
}

// brokenReservations looks at one file of a room for names that belong to another.
func brokenReservations(room, file string, src []byte) (broken []string, err error) {
	if top(room) == "e2e" {
		return nil, nil
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, path.Join(room, file), src, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse %s of %s: %w", file, room, err)
	}
	imported := map[string]string{} // local name: path
	for _, spec := range tree.Imports {
		from, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("parse imports of %s in %s: %w", file, room, err)
		}
		local := path.Base(from)
		if spec.Name != nil {
			local = spec.Name.Name
		}
		imported[local] = from
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := selector.X.(*ast.Ident)
		if !ok {
			return true
		}
		for _, r := range reserved {
			if imported[x.Name] == r.path && slices.Contains(r.names, selector.Sel.Name) && !among(room, r.rooms) {
				broken = append(broken, fmt.Sprintf("%s uses %s.%s: only %s may, because %s",
					fset.Position(selector.Pos()), r.path, selector.Sel.Name, list(r.rooms), r.why))
			}
		}
		return true
	})
	return broken, nil
}

func brokenVersions(required map[string]string) (broken []string) {
	for path, least := range minimum {
		if version, ok := required[path]; ok && older(version, least) {
			broken = append(broken, fmt.Sprintf("go.mod requires %s %s: at least %s, because a known hole lies below it", path, version, least))
		}
	}
	slices.Sort(broken)
	return broken
}

// older compares "v1.2.3" by its three numbers; a pre-release or anything that
// is no version is older than any.
func older(version, least string) bool {
	numbers := func(v string) []int {
		parts := strings.Split(strings.TrimPrefix(v, "v"), ".")
		out := make([]int, 0, 3)
		for _, part := range parts {
			n, err := strconv.Atoi(part)
			if err != nil {
				return nil
			}
			out = append(out, n)
		}
		return out
	}
	return slices.Compare(numbers(version), numbers(least)) < 0
}

func brokenTop(entries []string) (broken []string) {
	for _, name := range entries {
		if !strings.HasPrefix(name, ".") && !slices.Contains(topLevel, name) {
			broken = append(broken, fmt.Sprintf("%s stands at the top level: only %s and dotfiles may, because the top level is the map of the house", name, list(topLevel)))
		}
	}
	return broken
}
