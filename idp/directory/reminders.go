package directory

import (
	"context"
	"slices"
	"strconv"
	"time"

	"gatehouse/idp"
)

// Expiries returns when each certificate of SAML comes to its end, the first
// first: ours that are published, and those that apps are known by; and when the
// metadata of apps do (SAML Metadata §2.3.2, validUntil).
func (d *Directory) Expiries(ctx context.Context) ([]idp.Expiry, error) {
	r, err := d.rollover(ctx)
	if err != nil {
		return nil, err
	}
	var all []idp.Expiry
	for _, k := range r.keys {
		all = expiryOf(all, k.Certificate, idp.Expiry{KeyID: k.ID, Purpose: "signing"})
	}
	for _, a := range r.apps {
		if a.Removed() {
			continue
		}
		of := idp.Expiry{AppID: a.ID, App: a.Name, Purpose: "signing"}
		for _, text := range a.SAML.SigningCerts {
			all = expiryOf(all, text, of)
		}
		of.Purpose = "encryption"
		all = expiryOf(all, a.SAML.EncryptionCert, of)
		of.Purpose = "pinned"
		all = expiryOf(all, a.SAML.Metadata.Pin, of)
		if source := a.SAML.Metadata; !source.Until.IsZero() {
			of.Purpose, of.NotAfter, of.Renewed = "metadata", source.Until, source.URL != ""
			all = append(all, of)
		}
	}
	slices.SortStableFunc(all, func(a, b idp.Expiry) int { return a.NotAfter.Compare(b.NotAfter) })
	return all, nil
}

// expiryOf adds what a certificate says of its end; what is none says nothing.
func expiryOf(all []idp.Expiry, text string, e idp.Expiry) []idp.Expiry {
	c := idp.ReadCertificate(text)
	if c == nil {
		return all
	}
	e.SHA256, e.NotAfter = idp.Fingerprint(c), c.NotAfter
	return append(all, e)
}

// Expiring returns those of Expiries of whose end it is time to speak.
func (d *Directory) Expiring(ctx context.Context) ([]idp.Expiry, error) {
	all, err := d.Expiries(ctx)
	return slices.DeleteFunc(all, func(e idp.Expiry) bool {
		_, due := e.Due(d.now())
		return !due
	}), err
}

// RemindOfExpiries writes an audit line for each of Expiries that comes in 30, 14, 7
// days, in one, or has, and returns how many it wrote. It may run on
// every node: each line is written once.
func (d *Directory) RemindOfExpiries(ctx context.Context) (int, error) {
	expiring, err := d.Expiring(ctx)
	if err != nil || len(expiring) == 0 {
		return 0, err
	}
	said, err := d.Store.Reminders(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, e := range expiring {
		days, _ := e.Due(d.now())
		r := idp.Reminder{Subject: e.Subject(), Days: days, At: d.now()}
		if slices.ContainsFunc(said, func(s idp.Reminder) bool { return s.Subject == r.Subject && s.Days == r.Days }) {
			continue
		}
		_, err := d.Store.Commit(ctx, idp.Change{Reminders: []idp.Reminder{r}, Events: []idp.Event{d.reminder(ctx, e, days)}})
		switch {
		case err == nil:
			n++
		case !idp.IsKind(err, idp.Conflict): // else another node has said it
			return n, err
		}
	}
	return n, nil
}

func (d *Directory) reminder(ctx context.Context, e idp.Expiry, days int) idp.Event {
	what, when := "metadata", ".expiring"
	if e.IsCertificate() {
		what = "certificate"
	}
	if days == 0 {
		when = ".expired"
	}
	event := d.event(ctx, what+when)
	event.AppID = e.AppID
	event.Detail = map[string]string{"purpose": e.Purpose, "not_after": e.NotAfter.UTC().Format(time.RFC3339), "days": strconv.Itoa(days)}
	if e.IsCertificate() {
		event.Detail["sha256"] = e.SHA256
	}
	if e.AppID != "" {
		event.Detail["app"] = e.App
	} else {
		event.Detail["key"] = string(e.KeyID)
	}
	return event
}
