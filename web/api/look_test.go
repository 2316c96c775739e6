package api_test

import (
	"encoding/base64"
	"testing"

	"gatehouse/web/api/client"
)

// TestTheLookComesAndGoesByTheAPI, and by a desired state: the same twice is no
// change, a logo that is not named stays, and what cannot be read is refused.
func TestTheLookComesAndGoesByTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.client(bootstrap)
	ctx := t.Context()
	logo := base64.StdEncoding.EncodeToString([]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`))
	want := client.Look{Name: "Acme", Language: "de", Accent: "#7a3b00", Logo: &logo, DeletionRequests: true}
	set, err := c.SetLook(ctx, want)
	if err != nil {
		t.Fatal(err)
	}
	if set.Name != "Acme" || set.Accent != "#7a3b00" || set.LogoType != "image/svg+xml" || *set.Logo != logo || !set.DeletionRequests {
		t.Errorf("set %+v", set)
	}
	want.Logo = nil
	want.Name = "Acme Ltd"
	for i, changes := range []int{1, 0} {
		done, err := c.Apply(ctx, client.Desired{House: &want}, false)
		if err != nil || len(done.Changes) != changes {
			t.Errorf("apply %d: %+v, %v", i, done, err)
		}
	}
	got, err := c.Look(ctx)
	if err != nil || got.Name != "Acme Ltd" || got.Logo == nil || *got.Logo != logo {
		t.Errorf("look %+v, %v", got, err)
	}
	none := ""
	for _, bad := range []client.Look{{Accent: "#ffff00"}, {Language: "fr"}, {Logo: ptr("?")}, {Logo: ptr("AAAA")}} {
		if _, err := c.SetLook(ctx, bad); err == nil {
			t.Errorf("taken: %+v", bad)
		}
	}
	if got, err = c.SetLook(ctx, client.Look{Logo: &none}); err != nil || got.Logo != nil || got.Name != "" {
		t.Errorf("nothing: %+v, %v", got, err)
	}
}

func ptr(s string) *string { return &s }
