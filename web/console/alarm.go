package console

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// alarmAge is how old the count on the banner may be.
const alarmAge = 5 * time.Second

// alarm is the count of what has failed for good, read once for many pages.
type alarm struct {
	mu    sync.Mutex
	asked time.Time
	dead  int
	mails int // that failed

	looked   time.Time // for certificates that come to their end
	expiring int
	first    time.Time
}

// alarmed shows the banner on the pages of h. A count that cannot be read
// keeps nobody from the page.
func (c *Console) alarmed(h ui.Handler) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		dead, mails := c.failed(r)
		ctx := ui.WithMailsFailed(ui.WithDeadLetters(r.Context(), dead), mails)
		if c.Stuffing != nil {
			ctx = ui.WithStuffing(ctx, c.Stuffing())
		}
		n, first := c.expiring(r)
		return h(w, r.WithContext(ui.WithExpiring(ctx, n, first)))
	}
}

// mailsFor is for how long a mail that failed is on the banner: nobody takes note of
// it, since nothing is to be done about it but to make another.
const mailsFor = 24 * time.Hour

// failed counts what has failed for good: lines of receipts, and mails.
func (c *Console) failed(r *http.Request) (dead, mails int) {
	a := &c.alarm
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Since(a.asked) < alarmAge {
		return a.dead, a.mails
	}
	if n, err := c.Store.DeadLetters(r.Context()); err == nil {
		a.dead, a.asked = n, time.Now()
	}
	if n, err := c.Store.MailsFailed(r.Context(), ui.VisitOf(r.Context()).Now.Add(-mailsFor)); err == nil {
		a.mails = n
	}
	return a.dead, a.mails
}

// expiryAge is how old what is known of certificates may be.
const expiryAge = time.Minute

// expiring says how many certificates come to their end, and when the first does.
func (c *Console) expiring(r *http.Request) (n int, first time.Time) {
	a := &c.alarm
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Since(a.looked) >= expiryAge {
		if all, err := c.Directory.Expiring(r.Context()); err == nil {
			a.expiring, a.first = loud(all)
			a.looked = time.Now()
		}
	}
	return a.expiring, a.first
}

// loud says of how many a banner speaks, and when the first ends: of certificates.
// Sign-ins go on when metadata have ended, so those are listed only.
func loud(all []idp.Expiry) (n int, first time.Time) {
	all = slices.DeleteFunc(all, func(e idp.Expiry) bool { return !e.IsCertificate() })
	if len(all) == 0 {
		return 0, time.Time{}
	}
	return len(all), all[0].NotAfter
}

// forget has the next page count again: the alarm has just been answered.
func (a *alarm) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = time.Time{}
}
