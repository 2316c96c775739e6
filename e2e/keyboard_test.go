package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// keys presses keys where the focus is.
func (b *tab) keys(keys string) {
	b.t.Helper()
	b.act(chromedp.KeyEvent(keys))
}

// focused is what has the focus, in a few words, and whether one sees that.
func (b *tab) focused() string {
	b.t.Helper()
	return read(b, chromedp.Evaluate[string](`(() => {
		const at = document.activeElement, s = getComputedStyle(at);
		return (at.name || at.textContent.trim()) + (s.outlineStyle === "solid" && parseFloat(s.outlineWidth) >= 2 ? "" : " (unseen)");
	})()`))
}

// tabTo moves on by the Tab key until that has the focus, seeing each stop.
func (b *tab) tabTo(what string) {
	b.t.Helper()
	for range 20 {
		if b.focused() == what {
			return
		}
		b.keys(kb.Tab)
	}
	b.t.Fatalf("%s is not reached by Tab, the last was %s\n%s", what, b.focused(), b.page())
}

// TestEverythingByKeyboard: somebody signs in, finds an app, signs out and comes
// back by the row of their name, without a mouse; the focus is always seen. Then
// the browser forgets them.
func TestEverythingByKeyboard(t *testing.T) {
	t.Parallel()
	w := found(t, plan{})
	w.adaChoosesPassword()
	b := openTab(t)
	b.open(w.URL)
	b.sees("Username or email")
	b.tabTo("username")
	b.keys("ada" + kb.Enter)
	b.sees("Not you?")
	b.tabTo("password")
	b.keys(adasPassword + kb.Enter)
	b.sees("Hello, Ada")
	b.keys(kb.Tab)
	if got := b.focused(); got != "Skip to content" {
		t.Errorf("the first stop of a page is %s", got)
	}
	b.tabTo("Sign out")
	b.keys(kb.Enter)
	b.sees("You are signed out")
	b.tabTo("Sign in again")
	b.keys(kb.Enter)
	b.sees("Use another account")
	b.sees("Ada Lovelace")
	row := read(b, chromedp.Evaluate[string](`document.querySelector(".choice").value`))
	if row != "ada" {
		t.Errorf("the row is of %s", row)
	}
	b.tabTo("choose")
	b.keys(kb.Enter)
	b.sees("Not you?")
	b.tabTo("Not you?")
	b.keys(kb.Enter)
	b.sees("Use another account")
	b.tabTo("forget")
	b.keys(kb.Enter)
	until(t, actWithin, "the browser has forgotten", func() bool {
		return read(b, chromedp.Evaluate[bool](`!document.querySelector(".choice") && !!document.querySelector("[name=username]")`))
	})
}
