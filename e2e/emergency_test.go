package e2e

import (
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/web/api/client"
)

// TestEndingsOfEverybody drives what is for the worst hour: everything an app
// holds, everything a key signed, everything made until now. Each tells the
// apps, has a receipt that comes to an end, and lets people sign in again.
func TestEndingsOfEverybody(t *testing.T) {
	t.Parallel()
	w := found(t, plan{})
	w.adaChoosesPassword()
	v := w.adaSignsIn()
	w.opens(v, w.Wiki)
	w.opens(v, w.CRM)
	told := func(what string, r client.Receipt, err error, kind string, apps ...string) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if r.Kind != kind || r.UserID != "" {
			t.Errorf("%s: the receipt is of %+v", what, r)
		}
		until(t, outWithin, what+": the apps have acknowledged", func() bool {
			r = w.receipt(r.ID)
			acked := 0
			for _, l := range r.Lines {
				if l.AckedAt != nil {
					acked++
				}
			}
			return !r.Listing && acked == len(apps)
		}, func() any { return r })
		var got []string
		for _, l := range r.Lines {
			got = append(got, l.App)
		}
		if strings.Join(slices.Sorted(slices.Values(got)), " ") != strings.Join(apps, " ") {
			t.Errorf("%s: lines of %v, want %v", what, got, apps)
		}
		contains(t, w.gatehouse("receipt", "verify", w.proof(r.ID, len(apps)), "--url", w.URL), "proven", r.ID, r.Reason)
	}

	r, err := w.API.EndApp(t.Context(), "Wiki", "its database was copied")
	told("app", r, err, "app", "Wiki")
	if wiki, crm := w.live(w.Wiki), w.live(w.CRM); wiki != 0 || crm != 1 {
		t.Errorf("%d sessions in the wiki, %d in the CRM", wiki, crm)
	}
	w.opens(v, w.Wiki) // her session at Gatehouse stands

	keys, err := w.API.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lost := 0
	for _, k := range keys {
		if k.Use != "oidc" || k.Algorithm != "RS256" {
			continue
		}
		lost++
		if !strings.Contains(keySet(t, w), k.ID) {
			t.Fatalf("the key set lacks %s", k.ID)
		}
		r, err := w.API.RevokeKey(t.Context(), k.ID, "it lay in a bucket")
		if err == nil && strings.Contains(keySet(t, w), k.ID) {
			t.Error("a revoked key is still published")
		}
		told("key", r, err, "key", "Wiki")
		again, err := w.API.RevokeKey(t.Context(), k.ID, "twice")
		if err != nil || again.ID != r.ID {
			t.Errorf("revoked again: %+v, %v", again, err)
		}
	}
	if lost != 1 {
		t.Fatalf("%d RS256 keys of %+v", lost, keys)
	}
	w.opens(v, w.Wiki) // with the new key

	r, err = w.API.EndBefore(t.Context(), time.Time{}, "nobody knows")
	if got := v.get(t, w.URL+"/"); got.URL.Path == "/" && got.Status == http.StatusOK {
		t.Error("her browser is still signed in")
	}
	told("everything", r, err, "before", "CRM", "Wiki")
	if n := w.live(w.Wiki) + w.live(w.CRM); n != 0 {
		t.Errorf("%d sessions are left in the apps", n)
	}
	w.opens(w.adaSignsIn(), w.CRM)

	// The key that signs receipts is one like the others. What it signed proves
	// nothing any more; what the next one signs does.
	old := w.proof(r.ID, 2)
	for _, k := range keys {
		if k.Use == "receipt" {
			if strings.Contains(keySet(t, w), k.ID) {
				t.Error("a receipt key is in the provider's key set")
			}
			r, err := w.API.RevokeKey(t.Context(), k.ID, "it lay in a bucket, too")
			told("receipt key", r, err, "key")
			cmd := exec.CommandContext(t.Context(), binary(t), "receipt", "verify", old, "--url", w.URL)
			if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "was revoked") {
				t.Errorf("signed by a key that was revoked: %v\n%s", err, out)
			}
			contains(t, w.gatehouse("audit", "verify"), "each as it was sealed")
		}
	}
}

// proof downloads a receipt when so many of its lines are signed as
// acknowledged, into a file.
func (w *town) proof(id string, acked int) (file string) {
	w.t.Helper()
	var v client.SignedReceipt
	until(w.t, readyWithin, "the receipt is signed", func() bool {
		var err error
		if v, err = w.API.SignedReceipt(w.t.Context(), id, 0); err != nil {
			return false
		}
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(v.JWS, ".")[1])
		return err == nil && strings.Count(string(payload), `"acknowledged_at"`) == acked
	}, func() any { return v })
	file = filepath.Join(w.t.TempDir(), "receipt.jws")
	if err := os.WriteFile(file, []byte(v.JWS+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return file
}

// keySet is the document from which apps learn the signing keys.
func keySet(t *testing.T, w *town) string {
	t.Helper()
	resp, err := http.Get(w.URL + "/oauth/keys")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
