package uitest

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// wcag are the rules of axe-core for WCAG 2.2, levels A and AA.
const wcag = `{runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}, resultTypes: ["violations"]}`

// Colours are all that differs between light and dark.
const colours = `{runOnly: {type: "rule", values: ["color-contrast", "link-in-text-block"]}, resultTypes: ["violations"]}`

// broken runs axe-core and lists what it finds, each with the element.
const broken = `axe.run(document, %s).then(r => r.violations.flatMap(v => v.nodes.map(n =>
	v.id + ": " + v.help + ": " + n.target.join(" ") + " " + n.failureSummary.replace(/\s+/g, " "))))`

// axe returns the source of axe-core, which npm has installed for the tests of
// the rooms, two folders deep.
func axe(t *testing.T) string {
	t.Helper()
	src, err := os.ReadFile("../../e2e/node/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("%v (make install puts it there)", err)
	}
	return string(src)
}

// Judge has axe-core look at the page that is open, on a phone and on a desktop,
// in light and in dark, and returns what it finds.
func Judge(t *testing.T, ctx context.Context, name string) []string {
	t.Helper()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[any](axe(t)+";0")); err != nil {
		t.Fatalf("axe-core in %s: %v", name, err)
	}
	var all []string
	for _, scheme := range []string{"light", "dark"} {
		paint(t, ctx, name, scheme)
		rules := wcag
		if scheme == "dark" {
			rules = colours
		}
		for _, width := range []int64{390, 1280} {
			if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 844)); err != nil {
				t.Fatalf("size of %s: %v", name, err)
			}
			found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](fmt.Sprintf(broken, rules), chromedp.EvalAwaitPromise))
			if err != nil {
				t.Fatalf("axe-core in %s: %v", name, err)
			}
			for _, f := range found {
				all = append(all, fmt.Sprintf("%d px, %s: %s", width, scheme, f))
			}
		}
	}
	paint(t, ctx, name, "light")
	return all
}

// paint has the page in light or in dark.
func paint(t *testing.T, ctx context.Context, name, scheme string) {
	t.Helper()
	feature := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
	media := emulation.SetEmulatedMediaParams{Features: feature}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatalf("colours of %s: %v", name, err)
	}
}
