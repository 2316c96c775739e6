package e2e

import (
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gatehouse/e2e/ports"
)

// TestMetricsSayWhatAnOperatorNeeds: the figures move with what happens, name
// nobody, are read at their own door only, and stand in the documentation.
func TestMetricsSayWhatAnOperatorNeeds(t *testing.T) {
	t.Parallel()
	addr, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	w := found(t, plan{Env: map[string]string{"GATEHOUSE_METRICS": addr, "GATEHOUSE_REDIS": startRedis(t).url()}})
	w.adaChoosesPassword()
	v := w.adaSignsIn()
	w.opens(v, w.Wiki)
	w.opens(v, w.CRM)
	stranger := newVisitor(t)
	page := stranger.get(t, w.URL+"/signin").follow(t)
	page = submit(t, page, "/identifier", map[string][]string{"username": {"ada"}})
	submit(t, page, "/password", map[string][]string{"password": {"not hers at all"}})
	r := w.suspends()
	until(t, readyWithin, "both apps have acknowledged", func() bool {
		r = w.receipt(r.ID)
		return !r.Listing && line(t, r, "Wiki").AckedAt != nil && line(t, r, "CRM").AckedAt != nil
	})

	got := newVisitor(t).get(t, "http://"+addr+"/metrics")
	if got.Status != http.StatusOK {
		t.Fatalf("the metrics answered %d: %s", got.Status, got.Body)
	}
	figure := func(series string) float64 {
		t.Helper()
		for l := range strings.Lines(got.Body) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(l), series+" "); ok {
				n, err := strconv.ParseFloat(value, 64)
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
		}
		t.Fatalf("no %s in\n%s", series, got.Body)
		return 0
	}
	for series, want := range map[string]float64{
		`gatehouse_ending_seconds_count{kind="user"}`:                       1,
		`gatehouse_sign_ins_total{method="password",outcome="ok"}`:          1,
		`gatehouse_sign_ins_total{method="password",outcome="refuse"}`:      1,
		`gatehouse_events_total{kind="user.suspend"}`:                       1,
		`gatehouse_delivery_attempts_total{lever="saml_soap",state="sent"}`: 1,
		`gatehouse_delivery_seconds_count{lever="oidc_backchannel"}`:        1,
		`gatehouse_deliveries{state="sent"}`:                                2,
		`gatehouse_dead_letters`:                                            0,
		`gatehouse_delivery_oldest_seconds`:                                 0,
		`gatehouse_deliveries_readable`:                                     1,
		`gatehouse_redis_configured`:                                        1,
		// A disk may be slow for a moment: then the log says so.
		`gatehouse_cut_journal_errors_total`:                         float64(strings.Count(w.Nodes[0].Log.String(), "the cut journal is slow")),
		`gatehouse_open`:                                             1,
		`gatehouse_password_hashes_total`:                            3,
		`gatehouse_http_requests_total{class="saml",status="200"}`:   2,
		`gatehouse_http_requests_total{class="signin",status="401"}`: 1,
	} {
		if n := figure(series); n != want {
			t.Errorf("%s is %g, want %g", series, n, want)
		}
	}
	if n := figure(`gatehouse_sql_statements_total`); n < 50 {
		t.Errorf("%g statements for two sign-ons and a suspension", n)
	}
	if n := figure(`gatehouse_redis_watermark_lag`); n > 5 {
		t.Errorf("Redis lags by %g rows", n)
	}
	if n := figure(`gatehouse_checks_total{by="copy"}`) + figure(`gatehouse_checks_total{by="database_for_want_of_a_copy"}`) +
		figure(`gatehouse_checks_total{by="database_in_strict_mode"}`); n < 2 {
		t.Errorf("%g checks", n)
	}
	for _, name := range []string{"\"ada", "Lovelace", "Wiki", "crm.localhost", "usr_", "app_"} {
		if strings.Contains(got.Body, name) {
			t.Errorf("the metrics name %q", name)
		}
	}
	if got := newVisitor(t).get(t, w.URL+"/metrics"); got.Status != http.StatusNotFound {
		t.Errorf("the public door answers %d", got.Status)
	}
	if got := newVisitor(t).get(t, "http://"+addr+"/healthz"); got.Status != http.StatusNotFound {
		t.Errorf("the door of the metrics answers %d to other questions", got.Status)
	}

	docs, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	served, said := map[string]bool{}, map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (gatehouse_\w+)`).FindAllStringSubmatch(got.Body, -1) {
		served[m[1]] = true
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(gatehouse_\\w+)`").FindAllSubmatch(docs, -1) {
		said[string(m[1])] = true
	}
	delete(said, "gatehouse_endings_failed_total") // nothing failed here
	for name := range served {
		if !said[name] {
			t.Errorf("%s is not in docs/metrics.md", name)
		}
	}
	for name := range said {
		if !served[name] {
			t.Errorf("docs/metrics.md has %s, which is not served", name)
		}
	}
}
