package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// oathtool is an authenticator app with this key (base32), at a time that its
// words name.
func oathtool(t testing.TB, key, when string) string {
	t.Helper()
	out, err := exec.Command("oathtool", "--totp", "--base32", "--now", when, key).Output()
	if err != nil {
		t.Fatalf("oathtool: %v (run e2e/install.sh, or install Debian's oathtool)", err)
	}
	return strings.TrimSpace(string(out))
}

// keyShown is the key that the page offers to an authenticator app.
func (b *tab) keyShown() string {
	b.t.Helper()
	return strings.ReplaceAll(read(b, chromedp.Evaluate[string]("document.querySelector('.offer code').textContent")), " ", "")
}

// TestACodeIsTheSecondStep: Ada adds an authenticator app, and from then on her
// password alone opens nothing. An app that asks for several factors is told of
// them. The codes are oathtool's.
func TestACodeIsTheSecondStep(t *testing.T) {
	t.Parallel()
	w := found(t, plan{})
	w.adaChoosesPassword()
	b := browser(t)
	b.open(w.URL)
	signIn(b, "ada", adasPassword)
	b.sees("Hello, Ada")
	b.press("Add an authenticator app")
	b.sees("Code that the app shows now")
	key := b.keyShown()
	b.shot("codes-offer")
	b.expect("/codes/app") // answers a wrong code with 400
	b.fill("code", "000000")
	b.press("Add")
	b.sees("This code is not right.")
	b.fill("code", oathtool(t, key, "now"))
	b.press("Add")
	b.sees("They are shown this once.")
	recovery := read(b, chromedp.Evaluate[string]("document.querySelector('.recovery-codes code').textContent"))
	b.press("I have kept them")
	b.sees("You have 10 recovery codes left.")
	b.press("Sign out")
	b.sees("You are signed out")

	// MF-01, MF-02: half a sign-in is none, and changes no factor.
	b.open(w.URL)
	signIn(b, "ada", adasPassword)
	b.sees("Second step")
	half := b.url()
	b.open(w.URL)
	b.sees("Username or email")
	b.open(w.Wiki.URL + "/login")
	b.sees("Username or email")
	b.open(w.URL + "/codes")
	b.sees("Username or email")
	b.open(w.URL + "/passkeys")
	b.sees("Username or email")
	b.open(half)
	b.sees("Second step")
	b.fill("code", oathtool(t, key, "now + 30 seconds")) // that of now was spent when the app was added
	b.press("Continue")
	b.sees("Hello, Ada")
	b.open(w.Wiki.URL + "/login")
	b.sees("Good to see you")
	b.open(w.URL)
	b.press("Sign out")
	b.sees("You are signed out")

	b.open(w.URL)
	signIn(b, "ada", adasPassword)
	b.sees("Second step")
	b.fill("code", strings.ToLower(recovery))
	b.press("Continue")
	b.sees("You have 9 recovery codes left.")

	var kept []struct{ Kind string }
	if err := json.Unmarshal([]byte(w.gatehouse("user", "credentials", "ada", "--json")), &kept); err != nil {
		t.Fatal(err)
	}
	if len(kept) < 2 {
		t.Errorf("an owner sees credentials %v", kept)
	}

	// RT-09: the app is gone, and everything that was signed in as her.
	b.press("Authenticator app")
	b.press("Remove the authenticator app")
	b.sees("You are signed out everywhere, there and here.")
	b.shot("codes-remove")
	b.press("Remove it and sign out everywhere")
	b.sees("It was removed")
	b.open(w.URL)
	b.sees("Username or email")
	signIn(b, "ada", adasPassword)
	b.sees("Hello, Ada")
}

// TestWhoHasNoSecondFactorSetsOneUp: a rule for everybody leaves Ada without one a
// way on, which is not a way in.
func TestWhoHasNoSecondFactorSetsOneUp(t *testing.T) {
	t.Parallel()
	w := found(t, plan{})
	w.adaChoosesPassword()
	rule := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(rule, []byte("rules:\n  - second_factor: true\n    app: Wiki\n  - second_factor: true\n    app: CRM\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.gatehouse("policy", "set", "--accept", rule)
	b := browser(t)
	b.open(w.URL)
	signIn(b, "ada", adasPassword)
	b.sees("Hello, Ada")
	b.open(w.Wiki.URL + "/login")
	b.sees("you have not set one up yet")
	b.press("Set one up")
	b.sees("Code that the app shows now")
	key := b.keyShown()
	b.fill("code", oathtool(t, key, "now"))
	b.press("Add")
	b.sees("They are shown this once.")
	b.open(w.Wiki.URL + "/login")
	b.sees("Second step") // and not her password again
	b.fill("code", oathtool(t, key, "now + 30 seconds"))
	b.press("Continue")
	b.sees("Good to see you")
	b.open(w.CRM.URL + "/login")
	b.sees("Contacts")
}
