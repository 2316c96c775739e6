package login

import (
	"strings"
	"testing"

	"gatehouse/idp"
)

// TestEveryRefusalOfASignInIsExplained drives each rule and asks what its line
// means: every one has words of its own.
func TestEveryRefusalOfASignInIsExplained(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.user("anna", secret)
	h.user("empty", "")
	h.suspend(h.user("gone", secret))
	hers := h.knownTo(h.user("dora", secret), "")
	for range 12 {
		for _, name := range []string{"anna", "empty", "gone", "nobody"} {
			_ = h.try("", name, "wrong")
		}
		_ = h.tryOn(hers, "", "dora", "wrong")
	}
	for i := range 200 {
		_ = h.try("192.0.2.1", strings.Repeat("x", i+1), "wrong")
		_ = h.try("198.51.100."+string(rune('0'+i%10)), strings.Repeat("y", i+1), "wrong")
	}
	seen := map[string]map[string]bool{}
	for _, kind := range []string{"signin.password.refuse", "signin.password.throttle", "signin.stuffing"} {
		seen[kind] = map[string]bool{}
		for _, e := range h.events(kind) {
			x, ok := Explain(e)
			if !ok || x.Meaning == "" || x.Change == "" || x.Side == "" {
				t.Errorf("%s %v is not explained", kind, e.Detail)
			}
			rule := e.Detail["by"] + e.Detail["reason"]
			if _, own := explained[kind][rule]; !own && kind != "signin.stuffing" {
				t.Errorf("%s by %q has no words of its own", kind, rule)
			}
			seen[kind][rule] = true
		}
	}
	for kind, rules := range explained {
		for rule := range rules {
			if rule != "" && !seen[kind][rule] {
				t.Errorf("%s by %q is explained, and never happens", kind, rule)
			}
		}
	}
	if _, ok := Explain(idp.Event{Kind: "signin.password.ok"}); ok {
		t.Error("a sign-in is explained as a refusal")
	}
}
