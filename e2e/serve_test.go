package e2e

import (
	"net/http"
	"testing"
)

// TestServeStartsAgainAfterKill: what a power cut leaves behind is enough to
// start from, and an orderly stop leaves nothing to mend.
func TestServeStartsAgainAfterKill(t *testing.T) {
	t.Parallel()
	p := start(t, []string{"serve"}, nil)
	v := newVisitor(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		if got := v.get(t, p.URL+path); got.Status != http.StatusOK {
			t.Errorf("%s answered %d", path, got.Status)
		}
	}
	p.kill()
	p.again(t)
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	p.again(t)
	if got := v.get(t, p.URL+"/readyz"); got.Status != http.StatusOK {
		t.Errorf("started again, /readyz answered %d", got.Status)
	}
}

// TestFrontDoorOpensQuietly: a stranger who types the address sees a page that
// fits every screen and that the browser has nothing to say about.
func TestFrontDoorOpensQuietly(t *testing.T) {
	t.Parallel()
	p := start(t, []string{"serve"}, nil)
	b := browser(t)
	b.open(p.URL + "/")
	b.shot("front-door")
	if b.text() == "" {
		t.Errorf("the page is empty: %s", b.page())
	}
}
