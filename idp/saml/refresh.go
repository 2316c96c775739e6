package saml

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/saml/wire"
)

const (
	// How long metadata is kept: as long as the document says (cacheDuration),
	// within these; a day where it says nothing.
	leastKept = time.Hour
	mostKept  = 24 * time.Hour
	// How long after a failure it is tried again: longer after each.
	firstPause = 15 * time.Minute
	mostPause  = 6 * time.Hour
	// claimTime is how long a node may have one in its hands: an answer takes
	// seconds.
	claimTime = 2 * time.Minute
)

// Refreshes is what reading metadata again asks of the store.
type Refreshes interface {
	App(ctx context.Context, id idp.AppID) (idp.App, error)
	MetadataRefresh(ctx context.Context, id idp.AppID) (idp.MetadataRefresh, error)
	DueRefreshes(ctx context.Context, now time.Time, limit int) ([]idp.MetadataRefresh, error)
	ClaimRefresh(ctx context.Context, m idp.MetadataRefresh, until time.Time) error
	SaveRefresh(ctx context.Context, m idp.MetadataRefresh) error
	Record(ctx context.Context, events ...idp.Event) error
}

// Refresher reads the metadata of apps again where they publish it. What is
// proven by the certificate that was pinned for it is registered. Without a pin
// what changes waits for an owner, and with one where the document is older than
// the one that is registered, by its validUntil, its creationInstant or as it was
// registered before: whoever answers at the address could bring back a certificate
// or an address that was given up. Whatever goes wrong, what is registered stays,
// and people sign in as before.
type Refresher struct {
	Documents *Documents
	Store     Refreshes
	Directory *directory.Directory
	Log       *slog.Logger
}

func (r *Refresher) now() time.Time { return idp.Time(r.Documents.Now()) }

// RefreshDue reads up to limit of those whose time has come, and returns how
// many it read. It may run on every node: one reads each.
func (r *Refresher) RefreshDue(ctx context.Context, limit int) (int, error) {
	due, err := r.Store.DueRefreshes(ctx, r.now(), limit)
	if err != nil {
		return 0, err
	}
	n := 0
	var wrong []error
	for _, m := range due {
		// What is refused is explained by this.
		actor := idp.Actor{Kind: "system", CorrelationID: string(idp.NewEventID())}
		switch _, err := r.read(idp.WithActor(ctx, actor), m); {
		case idp.IsKind(err, idp.Conflict): // another node has it
		case err != nil:
			wrong = append(wrong, fmt.Errorf("read the metadata of %s again: %w", m.AppID, err))
		default:
			n++
		}
	}
	return n, errors.Join(wrong...)
}

// Refresh reads the metadata of an app now. It answers idp.NotFound where the
// app says no address, and idp.Conflict while somebody else reads it.
func (r *Refresher) Refresh(ctx context.Context, id idp.AppID) (idp.MetadataRefresh, error) {
	m, err := r.Store.MetadataRefresh(ctx, id)
	if idp.IsKind(err, idp.NotFound) {
		err = idp.Errorf(idp.NotFound, "The app says no address of its metadata.")
	}
	if err != nil {
		return m, err
	}
	return r.read(ctx, m)
}

// read claims one, reads it and writes down how that went.
func (r *Refresher) read(ctx context.Context, was idp.MetadataRefresh) (idp.MetadataRefresh, error) {
	if err := r.Store.ClaimRefresh(ctx, was, r.now().Add(claimTime)); err != nil {
		return was, err
	}
	app, err := r.Store.App(ctx, was.AppID)
	if err != nil {
		return was, err
	}
	look, err := r.look(ctx, app, was)
	if err != nil {
		return was, err
	}
	m := look.MetadataRefresh
	m.CheckedAt = r.now()
	m.NextAt = m.CheckedAt.Add(wait(m.Failures, look.found, m.CheckedAt))
	if err := r.note(ctx, app, was, m, look.rule); err != nil {
		return m, err
	}
	return m, r.Store.SaveRefresh(ctx, m)
}

// look is what came of reading a document: how that stands now, what was found, and
// the rule by which it was refused.
type look struct {
	idp.MetadataRefresh
	found idp.Metadata
	rule  string
}

// look reads the document, and registers it where it is proven. An error is one
// of ours; what is wrong with the document is an outcome.
func (r *Refresher) look(ctx context.Context, app idp.App, m idp.MetadataRefresh) (look, error) {
	source := app.SAML.Metadata
	raw, err := r.get(ctx, app)
	if idp.IsKind(err, idp.Unavailable) {
		return failed(m, idp.RefreshUnreachable, err)
	}
	var found idp.Metadata
	var changes []idp.SettingChange
	if err == nil {
		found, err = r.Documents.Read(raw)
	}
	if err == nil {
		changes, err = directory.MetadataChanges(app, found)
	}
	if err != nil {
		return failed(m, idp.RefreshRefused, err)
	}
	older := older(*app.SAML, found.Settings)
	if len(changes) > 0 && (source.Pin == "" || older != "") {
		if m.Waiting != string(raw) {
			m.Waiting, m.WaitingSince = string(raw), r.now()
		}
		if m.Outcome, m.Failures, m.Detail = idp.RefreshWaiting, 0, count(changes); older != "" {
			m.Detail += " " + older
		}
		return look{MetadataRefresh: m, found: found}, nil
	}
	_, err = r.Directory.ApplyMetadata(ctx, app.ID, app.Version, found, source.URL)
	if idp.IsKind(err, idp.Invalid) {
		return failed(m, idp.RefreshRefused, err)
	}
	m.Outcome, m.Detail, m.Failures, m.Waiting, m.WaitingSince = idp.RefreshUnchanged, "", 0, "", time.Time{}
	if len(changes) > 0 {
		m.Outcome, m.Detail = idp.RefreshApplied, count(changes)
	}
	return look{MetadataRefresh: m, found: found}, err
}

// get is the document at the app's address: with a pin, what that has signed.
func (r *Refresher) get(ctx context.Context, app idp.App) ([]byte, error) {
	source := app.SAML.Metadata
	if source.Pin == "" {
		return r.Documents.Get(ctx, source.URL)
	}
	document, _, err := r.Documents.GetSigned(ctx, source.URL, app.Identifier, source.Pin)
	return document, err
}

// older says why a document may be an old one, which anybody could bring back who
// answers at the address; "" where nothing says so.
func older(have, found idp.SAMLSettings) string {
	was, is := have.Metadata, found.Metadata
	switch {
	case was.Until.After(is.Until): // also than one that says nothing
		return "The document ends before the one that is registered, so it may be an old one."
	case was.PublishedAt.After(is.PublishedAt): // the same
		return "The document was published before the one that is registered, or does not say when, so it may be an old one."
	case directory.RegisteredBefore(have, found.MetadataXML):
		return "The document was registered before, and another since, so it is an old one."
	}
	return ""
}

func count(changes []idp.SettingChange) string {
	if len(changes) == 1 {
		return "1 setting is another."
	}
	return fmt.Sprintf("%d settings are others.", len(changes))
}

// failed is an outcome that leaves everything as it is; err is in plain words.
func failed(m idp.MetadataRefresh, outcome string, err error) (look, error) {
	e, ok := errors.AsType[*idp.Error](err)
	if !ok || e.Kind == idp.Internal {
		return look{}, err
	}
	m.Outcome, m.Detail, m.Failures = outcome, e.Detail, m.Failures+1
	return look{MetadataRefresh: m, rule: documentRule(err)}, nil
}

// documentRule names what is wrong with a document, for the audit line.
func documentRule(err error) string {
	for _, r := range documentRules() {
		if errors.Is(err, r.kind) {
			return r.rule
		}
	}
	if idp.IsKind(err, idp.Unavailable) {
		return "metadata_address"
	}
	return "metadata"
}

// documentRules are the rules that documents are refused by, the first that fits.
func documentRules() []struct {
	kind error
	rule string
} {
	return []struct {
		kind error
		rule string
	}{
		{wire.ErrUnsigned, "metadata_unsigned"}, {wire.ErrChanged, "metadata_changed"}, {wire.ErrAlgorithm, "metadata_algorithm"},
		{wire.ErrSignature, "metadata_signer"}, {wire.ErrExpired, "metadata_expired"},
	}
}

// unproven says why a document is not one that the pinned certificate signed.
func unproven(err error, pin *x509.Certificate, now time.Time) error {
	switch {
	case errors.Is(err, wire.ErrUnsigned):
		return idp.Errorf(idp.Invalid, "The document is not signed, and a certificate is pinned for it.").Because(err)
	case errors.Is(err, wire.ErrChanged):
		return idp.Errorf(idp.Invalid, "The document was changed after the pinned certificate had signed it, or is not whole.").Because(err)
	case errors.Is(err, wire.ErrAlgorithm):
		return idp.Errorf(idp.Invalid, "The document is signed in a way that is not taken: %s.", why(err)).Because(err)
	case errors.Is(err, wire.ErrSignature) && pinOver(pin, now):
		return idp.Errorf(idp.Invalid, "The pinned certificate is not valid now: it is good from %s to %s. Pin the one that signs the document now.",
			pin.NotBefore.UTC().Format(time.DateOnly), pin.NotAfter.UTC().Format(time.DateOnly)).Because(err)
	case errors.Is(err, wire.ErrSignature):
		return idp.Errorf(idp.Invalid, "The document is not signed by the pinned certificate.").Because(err)
	}
	return unread(err)
}

func pinOver(c *x509.Certificate, now time.Time) bool {
	return now.Before(c.NotBefore) || now.After(c.NotAfter)
}

// wait is how long it is until the next reading: less than half of what is left
// of a document that says its end, so that a failure leaves time for more tries.
func wait(failures int, found idp.Metadata, now time.Time) time.Duration {
	if failures > 0 {
		return min(firstPause<<min(failures-1, 8), mostPause)
	}
	kept := mostKept
	if found.CacheFor > 0 {
		kept = min(kept, found.CacheFor)
	}
	if until := found.Settings.Metadata.Until; !until.IsZero() {
		kept = min(kept, until.Sub(now)/2)
	}
	return max(kept, leastKept)
}

// note writes down what is news: the same outcome again is none.
func (r *Refresher) note(ctx context.Context, app idp.App, was, m idp.MetadataRefresh, rule string) error {
	e := idp.Event{ID: idp.NewEventID(), At: r.now(), Actor: idp.ActorOf(ctx), AppID: app.ID, Detail: map[string]string{
		"app": app.Name, "url": app.SAML.Metadata.URL, "outcome": m.Outcome, "detail": m.Detail,
	}}
	switch {
	case m.Failures > 0 && (was.Outcome != m.Outcome || was.Detail != m.Detail):
		e.Kind, e.Detail["rule"] = kindMetadataRefused, rule
		r.Log.WarnContext(ctx, "the metadata of an app could not be read again; what is registered stays", "app", app.Name, "outcome", m.Outcome, "detail", m.Detail)
	case m.Outcome == idp.RefreshWaiting && was.Waiting != m.Waiting:
		e.Kind = "app.metadata.wait"
	default:
		return nil
	}
	return r.Store.Record(ctx, e)
}
