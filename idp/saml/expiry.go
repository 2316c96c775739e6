package saml

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"gatehouse/idp"
)

// ExpirySteps are how many days before its end something is spoken of, and 0
// when it has ended.
func ExpirySteps() []int { return []int{0, 1, 7, 14, 30} }

// Expiry is something of an app that ends soon, or has ended.
type Expiry struct {
	App   idp.App
	What  string // a signing certificate, the pinned certificate, the metadata
	Which string // a fingerprint, where there can be several
	Until time.Time
	Step  int // the smallest of ExpirySteps within which it ends
}

// Expiries returns what ends soon of the apps that stand, in their order.
func Expiries(apps []idp.App, now time.Time) []Expiry {
	var found []Expiry
	for _, a := range apps {
		if a.SAML == nil || a.Removed() {
			continue
		}
		add := func(what, which string, until time.Time) {
			for _, step := range ExpirySteps() {
				if !until.After(now.Add(time.Duration(step) * 24 * time.Hour)) {
					found = append(found, Expiry{a, what, which, until, step})
					return
				}
			}
		}
		for _, text := range a.SAML.SigningCerts {
			if c := readPEM(text); c != nil {
				add("signing certificate", fingerprint(c), c.NotAfter)
			}
		}
		if c := readPEM(a.SAML.Metadata.Pin); c != nil {
			add("pinned certificate", fingerprint(c), c.NotAfter)
		}
		if until := a.SAML.Metadata.Until; !until.IsZero() {
			add("metadata", "", until)
		}
	}
	return found
}

func readPEM(text string) *x509.Certificate {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return c
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// Almanac says what of the apps ends soon.
type Almanac struct {
	Store interface {
		Apps(ctx context.Context) ([]idp.App, error)
		Record(ctx context.Context, events ...idp.Event) error
	}
	// Spend spends a value once; idp.Conflict for one spent before.
	Spend func(ctx context.Context, kind, value string, until time.Time) error
	Log   *slog.Logger
	Now   func() time.Time
}

// spentExpiry: an audit line about an end was written.
const spentExpiry = "saml.expiry"

// NoteExpiries writes an audit line and a warning for everything that has come
// nearer to its end by a step since, once in the house however many nodes look,
// and returns all that ends soon.
func (a *Almanac) NoteExpiries(ctx context.Context) ([]Expiry, error) {
	apps, err := a.Store.Apps(ctx)
	if err != nil {
		return nil, err
	}
	now := idp.Time(a.Now())
	found := Expiries(apps, now)
	ctx = idp.WithActor(ctx, idp.Actor{Kind: "system"})
	var wrong []error
	for _, x := range found {
		wrong = append(wrong, a.note(ctx, x, now))
	}
	return found, errors.Join(wrong...)
}

func (a *Almanac) note(ctx context.Context, x Expiry, now time.Time) error {
	value := fmt.Sprintf("%s|%s|%s|%d|%d", x.App.ID, x.What, x.Which, x.Until.Unix(), x.Step)
	until := x.Until.Add(40 * 24 * time.Hour)
	if x.Step == 0 { // said for as long as it is registered
		until = now.Add(10 * 365 * 24 * time.Hour)
	}
	err := a.Spend(ctx, spentExpiry, value, until)
	if idp.IsKind(err, idp.Conflict) {
		return nil
	}
	if err != nil {
		return err
	}
	a.Log.WarnContext(ctx, "something of an app ends soon, or has ended", "app", x.App.Name, "what", x.What, "until", x.Until.UTC().Format(time.RFC3339))
	e := idp.Event{ID: idp.NewEventID(), At: now, Kind: "app.expire", Actor: idp.ActorOf(ctx), AppID: x.App.ID, Detail: map[string]string{
		"app": x.App.Name, "what": x.What, "until": x.Until.UTC().Format(time.RFC3339), "within_days": strconv.Itoa(x.Step),
	}}
	if x.Which != "" {
		e.Detail["sha256"] = x.Which
	}
	return a.Store.Record(ctx, e)
}

// ExpiryTally counts by step what ends soon.
func ExpiryTally(found []Expiry) map[int]int {
	tally := map[int]int{}
	for _, step := range ExpirySteps() {
		tally[step] = 0
	}
	for _, x := range found {
		tally[x.Step]++
	}
	return tally
}
