package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/web/api/client"
)

// TestRV14FortyAppsOfEveryKind: ten good ones, ten slow, ten that answer 500,
// five that hang and five whose name is nobody's. Access to Gatehouse ends at
// once; the node is killed while they are told; and every one of them has its
// line, the good ones acknowledged, the bad ones tried and to be tried again.
func TestRV14FortyAppsOfEveryKind(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	told := map[string]int{}
	over := make(chan struct{})
	remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // else nobody would notice that the caller has gone
		mu.Lock()
		told[r.URL.Path]++
		mu.Unlock()
		switch {
		case strings.HasPrefix(r.URL.Path, "/slow"):
			time.Sleep(time.Second)
		case strings.HasPrefix(r.URL.Path, "/broken"):
			w.WriteHeader(http.StatusInternalServerError)
		case strings.HasPrefix(r.URL.Path, "/hangs"):
			select {
			case <-r.Context().Done():
			case <-over:
			}
		}
	}))
	t.Cleanup(func() { close(over); remote.Close() })
	var apps []client.App
	for _, kind := range []struct {
		name string
		n    int
	}{{"good", 10}, {"slow", 10}, {"broken", 10}, {"hangs", 5}, {"nobody", 5}} {
		for i := range kind.n {
			name := fmt.Sprintf("%s%d", kind.name, i)
			to := remote.URL + "/" + name
			if kind.name == "nobody" {
				to = "https://" + name + ".invalid/logout"
			}
			apps = append(apps, client.App{Name: name, OIDC: &client.OIDC{BackchannelLogoutURI: to}})
		}
	}
	p := meet(t, map[string]string{"GATEHOUSE_OUTBOUND_ALLOW": strings.TrimPrefix(remote.URL, "http://")}, apps...)
	for _, a := range apps {
		p.tokens(a.Name)
	}
	r, err := p.API.Suspend(t.Context(), "ada", "left")
	if err != nil {
		t.Fatal(err)
	}
	if got := p.ada.get(t, p.URL+"/"); got.Status == http.StatusOK {
		t.Errorf("she is still in: %s", got.URL)
	}
	until(t, outWithin, "the first apps are being told", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(told) >= 5
	})
	p.kill()
	p.again(t)

	stands := func(l client.Line) bool {
		switch strings.TrimRight(l.App, "0123456789") {
		case "good", "slow":
			return l.AckedAt != nil && l.State == "sent" // a code answer can still land
		}
		return l.AckedAt == nil && l.State == "retrying" && l.Attempts > 0 && l.NextAt != nil && l.Answer != "" && l.Ceiling != nil
	}
	until(t, 6*outWithin, "every app stands as it should", func() bool {
		r = p.receipt(r.ID)
		if r.Listing || len(r.Lines) != len(apps) {
			return false
		}
		for _, l := range r.Lines {
			if !stands(l) {
				return false
			}
		}
		return true
	}, func() any { return r })
	for _, a := range apps {
		line(t, r, a.Name) // exactly one of each
	}
}
