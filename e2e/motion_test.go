package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// moving are the things on the page that move, or would: each with what moves it.
const moving = `(() => {
	const still = (times) => times.split(",").every((t) => parseFloat(t) === 0);
	const found = document.getAnimations().map((a) => "an animation of " + a.effect?.target?.tagName);
	for (const e of document.querySelectorAll("*")) {
		for (const part of [null, "::before", "::after", "::backdrop", "::marker", "::details-content"]) {
			const s = getComputedStyle(e, part), name = e.tagName + (part ?? "");
			if (s.animationName !== "none") found.push(name + " is animated: " + s.animationName);
			if (!still(s.transitionDuration) || !still(s.transitionDelay)) found.push(name + " changes in " + s.transitionDuration);
			if (s.scrollBehavior === "smooth") found.push(name + " scrolls smoothly");
		}
		if (/^(MARQUEE|BLINK|ANIMATE|VIDEO)$/i.test(e.tagName)) found.push(e.tagName);
	}
	return found.join("\n");
})()`

// reducedMotion has the browser say that its person wishes less motion, or nothing.
func (b *tab) reducedMotion(less bool) {
	b.t.Helper()
	wish := map[bool]string{true: "reduce", false: "no-preference"}[less]
	b.do(call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: wish}}}))
}

// TestNothingMovesForWhoWishesLessMotion: on no page of the sign-in, and on none of
// the person's own (WCAG 2.2, 2.3.3).
func TestNothingMovesForWhoWishesLessMotion(t *testing.T) {
	t.Parallel()
	p := meet(t, nil)
	b := browser(t)
	b.reducedMotion(true)
	still := func(page string) {
		t.Helper()
		if !read(b, chromedp.Evaluate[bool](`matchMedia("(prefers-reduced-motion: reduce)").matches`)) {
			t.Fatal("the browser does not say that its person wishes less motion")
		}
		if what := read(b, chromedp.Evaluate[string](moving)); what != "" {
			t.Errorf("on the page %s:\n%s", page, what)
		}
	}
	b.open(p.URL)
	still("of the name")
	b.fill("username", "ada")
	b.press("Continue")
	b.sees("Not you?")
	still("of the password")
	b.expect("/password") // answers a wrong one with 401
	b.fill("password", "not hers")
	b.press("Sign in")
	b.sees("Not you?")
	still("of a wrong password")
	b.fill("password", adasPassword)
	b.press("Sign in")
	b.sees("Hello, ada")
	for _, path := range []string{"/", "/codes", "/passkeys", "/password", "/my-data", "/device"} {
		b.open(p.URL + path)
		still(path)
	}
	// What would move is found: this page, with a motion of each kind.
	for kind, plant := range map[string]string{
		"an animation of":  `document.body.animate([{opacity: 0}, {opacity: 1}], 60000); true`,
		"changes in":       `document.body.style.transition = "opacity 1s"; true`,
		"scrolls smoothly": `document.body.style.scrollBehavior = "smooth"; true`,
	} {
		read(b, chromedp.Evaluate[bool](plant))
		if what := read(b, chromedp.Evaluate[string](moving)); !strings.Contains(what, kind) {
			t.Errorf("of what was planted it finds %q, want %s", what, kind)
		}
	}
}
