package main

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"gatehouse/idp"
)

// metrics counts what an operator wants to know. It is made only where an
// address for it is configured; a nil *metrics counts nothing. No label has a
// name of a person or an app, or anything else that a stranger can choose.
type metrics struct {
	registry *prometheus.Registry
	events   *prometheus.CounterVec // audit lines, by kind
	signIns  *prometheus.CounterVec // by method and outcome
	endings  *prometheus.HistogramVec
	refused  *prometheus.CounterVec // endings that did not come about
	tries    *prometheus.CounterVec // of the outbox, by lever and outcome
	took     *prometheus.HistogramVec
	requests *prometheus.CounterVec
	answered *prometheus.HistogramVec
	journal  prometheus.Counter
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_" + name, Help: help}, labels)
	}
	seconds := func(name, help, label string, buckets ...float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gatehouse_" + name, Help: help, Buckets: buckets}, []string{label})
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		events:   counter("events_total", "Audit lines, by kind; also those of strangers beyond what is written.", "kind"),
		signIns:  counter("sign_ins_total", "Tries to prove who one is, by method and outcome: ok, refuse, throttle.", "method", "outcome"),
		endings: seconds("ending_seconds", "From the wish to end something until it was in force on every node, by kind; user is a suspension.", "kind",
			.002, .005, .01, .025, .05, .1, .25, .5, 1, 1.5, 2, 5),
		refused: counter("endings_failed_total", "Endings that did not come about or whose end is not known, by kind.", "kind"),
		tries:   counter("delivery_attempts_total", "Attempts to tell an app, by lever and the state it left the line in.", "lever", "state"),
		took: seconds("delivery_seconds", "How long apps took to answer what they were told, by lever.", "lever",
			.005, .025, .1, .25, .5, 1, 2.5, 5),
		requests: counter("http_requests_total", "Answers, by class of route and status.", "class", "status"),
		answered: seconds("http_request_seconds", "How long answers took, by class of route; live views excepted.", "class",
			.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5),
		journal: prometheus.NewCounter(prometheus.CounterOpts{Name: "gatehouse_cut_journal_errors_total", Help: "Cuts that the cut journal did not take in time; only the database has them."}),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gatehouse_build_info", Help: "Always 1; which version this is."}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	m.registry.MustRegister(m.events, m.signIns, m.endings, m.refused, m.tries, m.took, m.requests, m.answered, m.journal, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// written counts audit lines that are written with something else, where that went
// well, and returns err.
func (m *metrics) written(err error, events ...idp.Event) error {
	if err == nil {
		m.noted(events)
	}
	return err
}

// noted counts audit lines, and those that are tries to sign in once more.
func (m *metrics) noted(events []idp.Event) {
	if m == nil {
		return
	}
	for _, e := range events {
		m.events.WithLabelValues(e.Kind).Inc()
		parts := strings.Split(e.Kind, ".")
		if len(parts) == 3 && parts[0] == "signin" {
			m.signIns.WithLabelValues(parts[1], parts[2]).Inc()
		}
	}
}

// ended counts an ending that was asked for at that moment.
func (m *metrics) ended(kind idp.EndingKind, asked time.Time, err error) {
	switch {
	case m == nil:
	case err != nil:
		m.refused.WithLabelValues(string(kind)).Inc()
	default:
		m.endings.WithLabelValues(string(kind)).Observe(time.Since(asked).Seconds())
	}
}

func (m *metrics) tried(lever idp.Lever, state idp.DeliveryState, took time.Duration) {
	if m != nil {
		m.tries.WithLabelValues(string(lever), string(state)).Inc()
		m.took.WithLabelValues(string(lever)).Observe(took.Seconds())
	}
}

func (m *metrics) answer(pattern string, status int, took time.Duration) {
	if m == nil {
		return
	}
	class := routeClass(pattern)
	m.requests.WithLabelValues(class, strconv.Itoa(status)).Inc()
	if class != "live" {
		m.answered.WithLabelValues(class).Observe(took.Seconds())
	}
}

func (m *metrics) journalFailed() {
	if m != nil {
		m.journal.Inc()
	}
}

// routeClass is one of a dozen words for a pattern of the mux.
func routeClass(pattern string) string {
	_, path, found := strings.Cut(pattern, " ")
	if !found {
		path = pattern
	}
	if strings.HasSuffix(path, "/live") {
		return "live"
	}
	for _, c := range []struct{ prefix, class string }{
		{"/signin", "signin"}, {"/link", "signin"}, {"/signed-out", "signin"}, {"/signout", "signin"},
		{"/console", "console"}, {"/api/", "api"}, {"/oauth/", "oidc"}, {"/.well-known/", "oidc"}, {"/saml/", "saml"},
		{"/scim/", "scim"}, {"/assets/", "assets"}, {"/healthz", "health"}, {"/readyz", "health"},
		{"/{$}", "portal"}, {"/sessions/", "portal"}, {"/consents/", "portal"}, {"/device", "portal"},
	} {
		if strings.HasPrefix(path, c.prefix) {
			return c.class
		}
	}
	return "other"
}

// serve answers GET /metrics at the door, which it closes, until ctx ends.
func (m *metrics) serve(ctx context.Context, door net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4, Timeout: 10 * time.Second, ErrorHandling: promhttp.ContinueOnError,
	}))
	server := newServer(mux)
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(door); ctx.Err() == nil {
		return err
	}
	return nil
}
