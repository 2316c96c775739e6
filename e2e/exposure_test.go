package e2e

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"gatehouse/web/api/client"
)

// TestWhatASuspensionWillDoIsSaidBefore: the preview names what the receipt
// then has, and the exposure says how long access can last, with an exit
// status that a script can act on.
func TestWhatASuspensionWillDoIsSaidBefore(t *testing.T) {
	t.Parallel()
	w := found(t, plan{})
	w.adaChoosesPassword()
	v := w.adaSignsIn()
	w.opens(v, w.Wiki)
	w.opens(v, w.CRM)
	command := func(args ...string) (string, int) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), binary(t), args...)
		cmd.Env = []string{"GATEHOUSE_URL=" + w.URL, "GATEHOUSE_TOKEN=" + w.API.Token}
		out, err := cmd.CombinedOutput()
		if gone, ok := errors.AsType[*exec.ExitError](err); ok {
			return string(out), gone.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		return string(out), 0
	}
	for _, c := range []struct {
		args []string
		code int
		says []string
	}{
		{[]string{"exposure", "--user", "ada"}, 0, []string{"Wiki", "CRM", "it is told by oidc_backchannel, then asked", "it is told by saml_soap, then asked"}},
		{[]string{"exposure", "--app", "Wiki", "--max", "1h"}, 0, nil},
		{[]string{"exposure", "--all", "--max", "1s"}, 3, []string{"ada", "Wiki", "CRM", "2 may last longer than 1s"}},
		{[]string{"exposure", "--user", "nobody"}, 1, []string{"nobody"}},
		{[]string{"user", "suspend", "ada", "--dry-run"}, 0, []string{"If ada were suspended now", "session        127.0.0.1", "account", "yes, it remains", "told again at"}},
	} {
		out, code := command(c.args...)
		if code != c.code {
			t.Errorf("%v ended with %d, want %d: %s", c.args, code, c.code, out)
		}
		for _, want := range c.says {
			if !strings.Contains(out, want) {
				t.Errorf("%v does not say %q: %s", c.args, want, out)
			}
		}
	}
	p, err := w.API.PreviewSuspension(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Sessions) != 1 || len(p.Accounts) != 2 || len(p.Lines) != 2 {
		t.Errorf("the preview has %d sessions, %d accounts, %d lines", len(p.Sessions), len(p.Accounts), len(p.Lines))
	}
	if u, err := w.API.User(t.Context(), "ada"); err != nil || u.Status != "active" {
		t.Fatalf("after a preview she is %s, %v", u.Status, err)
	}
	r := w.suspends()
	until(t, readyWithin, "the receipt is listed", func() bool { r = w.receipt(r.ID); return !r.Listing })
	said := func(lines []client.Line) (out []string) {
		for _, l := range lines {
			out = append(out, l.App+" "+l.Lever)
		}
		slices.Sort(out)
		return out
	}
	if before, after := said(p.Lines), said(r.Lines); !slices.Equal(before, after) {
		t.Errorf("said before: %v, on the receipt: %v", before, after)
	}
}
