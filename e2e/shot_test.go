package e2e

import (
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// shot looks at the page as four people see it: at a desk and on a phone, in
// light and in dark. A page that scrolls sideways fails the test. The pictures
// are kept as NAME-desktop-light.png and so on in the directory that
// GATEHOUSE_SHOTS names, if it does.
func (b *tab) shot(name string) {
	b.t.Helper()
	for _, screen := range []struct {
		name          string
		width, height int64
	}{{"desktop", 1280, 800}, {"phone", 390, 844}} {
		b.do(chromedp.EmulateViewport(screen.width, screen.height))
		if wide := read(b, chromedp.Evaluate[int64]("document.documentElement.scrollWidth")); wide > screen.width {
			b.complain("%s is %d px wide on a %s of %d px", name, wide, screen.name, screen.width)
		}
		for _, scheme := range []string{"light", "dark"} {
			b.do(colours(scheme))
			b.keep(name + "-" + screen.name + "-" + scheme + ".png")
		}
	}
	b.do(chromedp.ResetViewport(), colours(""))
}

func colours(scheme string) chromedp.Action[chromedp.Void] {
	return call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

func (b *tab) keep(file string) {
	b.t.Helper()
	dir := os.Getenv("GATEHOUSE_SHOTS")
	if dir == "" {
		return
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), read(b, chromedp.FullScreenshot(100)), 0o644); err != nil {
		b.t.Fatal(err)
	}
}
