package uitest

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// smallTargets lists what is pressed and is less high than a finger wants, but
// for links within a sentence, and the console, whose rows are close: axe-core
// holds it to the 24 px of WCAG 2.2.
const smallTargets = `document.body.matches(".console") ? [] : matchMedia("(pointer: coarse)").matches ? [...document.querySelectorAll("a, button, select, input:not([type=hidden]):not([type=checkbox]):not([type=radio])")]
	.filter((el) => el.offsetParent && !el.closest(".visually-hidden, .skip") && !el.matches("p:not(.trouble) a:not(.button)"))
	.filter((el) => el.getBoundingClientRect().height < 43.5)
	.map((el) => (el.textContent.trim() || el.getAttribute("aria-label") || el.name) + ": " + el.getBoundingClientRect().height) : ["this is no screen for fingers"]`

// SmallTargets lists what on the page that is open is less than 44 px high on a
// screen that is touched.
func SmallTargets(t *testing.T, ctx context.Context, name string) []string {
	t.Helper()
	touch := func(on bool) {
		t.Helper()
		if _, err := chromedp.Call(ctx, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: on}); err != nil {
			t.Fatalf("touch %s: %v", name, err)
		}
	}
	touch(true)
	defer touch(false)
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](smallTargets))
	if err != nil {
		t.Fatalf("touch %s: %v", name, err)
	}
	return found
}
