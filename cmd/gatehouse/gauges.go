package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/idp"
)

// gaugesAge is how old what the database said may be: several who ask cost it
// no more than one.
const gaugesAge = 5 * time.Second

// gauges are read where they are kept, at the moment somebody asks. It is a
// prometheus.Collector.
type gauges struct {
	house *house

	mu    sync.Mutex
	asked time.Time
	queue queue
	err   error
}

// queue is what the database says of deliveries.
type queue struct {
	states map[idp.DeliveryState]int
	eldest time.Time // zero: nothing waits
	dead   int
	// failing and waiting are about the metadata of apps.
	failing, waiting int
	// when the first certificate ends; zero: there is none
	ours, apps time.Time
}

func newDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("gatehouse_"+name, help, labels, nil)
}

var (
	deadDesc      = newDesc("dead_letters", "Lines of receipts that have failed for good and that nobody has taken note of.")
	linesDesc     = newDesc("deliveries", "Lines of receipts that are not settled, or have failed, by state.", "state")
	eldestDesc    = newDesc("delivery_oldest_seconds", "How long the eldest line waits that no app has answered well; 0: none waits.")
	queueDesc     = newDesc("deliveries_readable", "1: the database said how deliveries stand; 0: it did not, and those metrics are missing.")
	redisDesc     = newDesc("redis_configured", "1: this node has a Redis in front.")
	trustedDesc   = newDesc("redis_trusted", "1: copies are believed; 0: strict mode, every check asks the database.")
	positionDesc  = newDesc("log_position", "The newest number of the revocation log that this node has seen.")
	lagDesc       = newDesc("redis_watermark_lag", "Rows of the log that this node knows of and the registered Redis has not confirmed.")
	checksDesc    = newDesc("checks_total", "Checks of sessions and tokens: answered by a copy, by the database for want of a copy, by the database in strict mode.", "by")
	waitedDesc    = newDesc("endings_waited_total", "Endings that Redis did not confirm and that were answered when every lease had run out.")
	computingDesc = newDesc("password_hashes_running", "Password hashes that are computed at this moment.")
	waitingDesc   = newDesc("password_hashes_waiting", "Password hashes that wait for their turn.")
	computedDesc  = newDesc("password_hashes_total", "Password hashes computed.")
	stuffingDesc  = newDesc("signin_failures_over_usual", "1: far more sign-ins fail at this node than usual, or did within the last minutes.")
	sqlDesc       = newDesc("sql_statements_total", "Statements sent to the database, BEGIN and COMMIT included.")
	metadataDesc  = newDesc("metadata_addresses", "Apps whose metadata could not be read again last time (failing), or says something that waits for an owner (waiting).", "state")
	expiryDesc    = newDesc("certificate_expiry_seconds", "Until the first SAML certificate comes to its end, ours or one of an app; below 0: it has. Missing where there is none.", "whose")
	openDesc      = newDesc("open", "1: people are let in; 0: the house is closed (restored and unconfirmed, or the database went back in time).")
)

// Describe implements prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		deadDesc, linesDesc, eldestDesc, queueDesc, redisDesc, trustedDesc, positionDesc, lagDesc, checksDesc, waitedDesc,
		computingDesc, waitingDesc, computedDesc, stuffingDesc, sqlDesc, expiryDesc, openDesc, metadataDesc,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	q, err := g.read()
	gauge(queueDesc, flag(err == nil))
	if err == nil {
		gauge(deadDesc, float64(q.dead))
		for state, n := range q.states {
			gauge(linesDesc, float64(n), string(state))
		}
		waits := 0.0
		if !q.eldest.IsZero() {
			waits = max(0, time.Since(q.eldest).Seconds())
		}
		gauge(eldestDesc, waits)
		gauge(metadataDesc, float64(q.failing), "failing")
		gauge(metadataDesc, float64(q.waiting), "waiting")
		for whose, at := range map[string]time.Time{"ours": q.ours, "apps": q.apps} {
			if !at.IsZero() {
				gauge(expiryDesc, at.Sub(wallTime()).Seconds(), whose)
			}
		}
	}
	s := g.house.redis.Status()
	gauge(redisDesc, flag(s.Configured))
	gauge(trustedDesc, flag(s.Trusted))
	gauge(positionDesc, float64(s.Position))
	if s.Configured {
		gauge(lagDesc, float64(max(0, s.Position-s.Watermark)))
	}
	counter(checksDesc, float64(s.Fast), "copy")
	counter(checksDesc, float64(s.Missed), "database_for_want_of_a_copy")
	counter(checksDesc, float64(s.Strict), "database_in_strict_mode")
	counter(waitedDesc, float64(s.Waited))
	computing, waiting, computed := g.house.login.Hasher.Load()
	gauge(computingDesc, float64(computing))
	gauge(waitingDesc, float64(waiting))
	counter(computedDesc, float64(computed))
	gauge(stuffingDesc, flag(g.house.login.FarOverUsual()))
	counter(sqlDesc, float64(g.house.store.Statements()))
	gauge(openDesc, flag(g.house.cuts.closed() == ""))
}

func flag(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// read asks the database, unless it has just answered.
func (g *gauges) read() (queue, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.asked) < gaugesAge {
		return g.queue, g.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	var q queue
	if q.dead, g.err = g.house.store.DeadLetters(ctx); g.err == nil {
		q.states, q.eldest, g.err = g.house.store.DeliveryTally(ctx)
	}
	if g.err == nil {
		q.failing, q.waiting, g.err = g.house.store.RefreshTally(ctx)
	}
	if g.err == nil {
		q.ours, q.apps, g.err = g.expiries(ctx)
	}
	g.queue, g.asked = q, time.Now()
	return g.queue, g.err
}

// expiries are when the first certificate of ours and of the apps ends.
func (g *gauges) expiries(ctx context.Context) (ours, apps time.Time, err error) {
	all, err := g.house.directory.Expiries(ctx)
	for _, e := range slices.Backward(all) { // the first comes last
		switch {
		case e.AppID == "":
			ours = e.NotAfter
		case e.IsCertificate():
			apps = e.NotAfter
		}
	}
	return ours, apps, err
}
