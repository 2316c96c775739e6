package outbox

import (
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"time"

	"gatehouse/idp"
)

// What a line says that has nothing to send.
const (
	accountRemains = "No session from here was open there. The account remains."
	familyRefused  = "No session from here was open there. Its refresh tokens are refused."
	askedItself    = "It asked for this sign-out itself."
	noEndKnown     = "Nothing reaches the app, and nothing says when its own session ends: it may have to be ended there by hand."
)

// deliveryID is the ID that receipt, app, lever and session (of a line for all
// sessions: the subject) give a line, so that listing twice lists once. It has
// the shape of every other delivery ID.
func deliveryID(r idp.ReceiptID, app idp.AppID, lever idp.Lever, session idp.SessionID, subject idp.NameID) idp.DeliveryID {
	part := string(session)
	if session == "" {
		part = subject.Format + "|" + subject.Value
	}
	sum := sha256.Sum256([]byte(string(r) + "|" + string(app) + "|" + string(lever) + "|" + part))
	return idp.DeliveryID("dlv_" + idAlphabet().EncodeToString(sum[:16]))
}

// idAlphabet is that of package idp.
func idAlphabet() *base32.Encoding {
	return base32.NewEncoding("abcdefghijkmnpqrstuvwxyz23456789").WithPadding(base32.NoPadding)
}

// windows is how long what was handed out can still land (DESIGN section 4,
// item 14).
type windows struct{ code, skew time.Duration }

// defaultValidity is that of an assertion whose app sets none (idp.SAMLSettings).
const defaultValidity = time.Minute

// closes says when an answer handed out at that time can land in app no more.
func (w windows) closes(app idp.App, handedOut time.Time) time.Time {
	if app.SAML == nil {
		return handedOut.Add(w.code)
	}
	validity := app.SAML.AssertionValidity
	if validity == 0 {
		validity = defaultValidity
	}
	return handedOut.Add(validity + w.skew)
}

// wholeUser reports whether app gets one line for everything r ended there.
// The end of one session never becomes a logout of the whole person.
func wholeUser(r idp.Receipt, app idp.App) bool {
	return app.WholeUserLogout && r.Kind != idp.EndSession
}

// line is the line of a participant and a lever. sessionEnd is when its session would
// have ended by itself, now when the line is made.
func line(r idp.Receipt, app idp.App, p idp.Participant, lever idp.Lever, sessionEnd time.Time, win windows, now time.Time) idp.Delivery {
	d := idp.Delivery{
		ReceiptID: r.ID, UserID: p.UserID, AppID: p.AppID, SessionID: p.SessionID,
		Lever: lever, NameID: p.NameID,
		State: idp.DeliveryPending, CreatedAt: now, NextAt: now,
		Ceiling: ceiling(app, p, sessionEnd),
	}
	if p.SessionIndex != "" {
		d.SessionIndexes = []string{p.SessionIndex}
	}
	if wholeUser(r, app) {
		d.SessionID, d.SessionIndexes = "", nil
	}
	d.ID = deliveryID(r.ID, p.AppID, lever, d.SessionID, p.NameID)
	if p.Also && d.SessionID != "" { // the session has a line already
		d.ID = deliveryID(r.ID, p.AppID, lever, "", idp.NameID{Format: string(d.SessionID) + "|" + p.NameID.Format, Value: p.NameID.Value})
	}
	if closes := win.closes(app, p.LastAnswerAt); closes.After(r.CutAt) {
		d.AgainAt = closes
		if !d.Ceiling.IsZero() {
			d.Ceiling = latest(d.Ceiling, closes)
		}
	}
	switch {
	case d.Lever != idp.LeverNone:
	case d.Ceiling.IsZero():
		// It stays open to what the app shows of itself for as long as our session
		// would have lasted, and is then for somebody to do by hand.
		d.State, d.Answer, d.NextAt, d.AgainAt = idp.DeliveryAlive, noEndKnown, latest(sessionEnd, d.AgainAt), time.Time{}
	default:
		d.State, d.AgainAt, d.NextAt = idp.DeliveryAlive, time.Time{}, d.Ceiling
	}
	if asked(r, p.AppID) {
		d = ofAsker(d, r, win.closes(app, p.LastAnswerAt), now)
	}
	return d
}

// asked reports whether app is the one that asked for r by its own protocol.
func asked(r idp.Receipt, app idp.AppID) bool {
	return r.Actor.AppID != "" && r.Actor.AppID == app
}

// ofAsker is the line of the app that asked for the sign-out: it has ended what
// it asked to be ended, and is not told. But what it was handed out a moment
// before could still land there until closes: then it is told once, if it can be.
func ofAsker(d idp.Delivery, r idp.Receipt, closes, now time.Time) idp.Delivery {
	d.Answer, d.AckedAt = askedItself, r.CutAt
	switch {
	case !closes.After(now):
		d.State, d.AgainAt, d.NextAt, d.FinishedAt = idp.DeliveryAcknowledged, time.Time{}, time.Time{}, now
	case d.Lever == idp.LeverNone:
		d.State, d.AgainAt, d.NextAt, d.Ceiling = idp.DeliveryAlive, time.Time{}, closes, closes
	default:
		d.State, d.AgainAt, d.NextAt = idp.DeliveryPending, closes, closes
	}
	return d
}

// ceiling is by when the app's own session has ended by itself: what its
// newest assertion said (SessionNotOnOrAfter), or the end of ours; zero where
// nothing holds the app to either.
func ceiling(app idp.App, p idp.Participant, sessionEnd time.Time) time.Time {
	if ownEnd(app) == idp.BasisNothing {
		return time.Time{}
	}
	if app.SAML != nil && app.SAML.SessionTTL > 0 {
		if told := p.LastAnswerAt.Add(app.SAML.SessionTTL); told.Before(sessionEnd) {
			return told
		}
	}
	return sessionEnd
}

// accountLine is the line of an account in an app where no session was open.
func accountLine(r idp.Receipt, a idp.Account, now time.Time) idp.Delivery {
	subject := nameOf(a)
	return idp.Delivery{
		ID: deliveryID(r.ID, a.AppID, idp.LeverNone, "", subject), ReceiptID: r.ID, UserID: a.UserID, AppID: a.AppID,
		Lever: idp.LeverNone, NameID: subject,
		State: idp.DeliveryEnded, Answer: accountRemains, CreatedAt: now, FinishedAt: now,
	}
}

func nameOf(a idp.Account) idp.NameID { return idp.NameID{Value: a.Subject, Format: a.Format} }

// familyLine is the line of a token family that outlived its session. The app
// is told where it can be: it may keep a session of its own alive on it. p is
// what the app got from that session, zero when that is not known. Where that
// one session was ended, it alone is named: the person may be there from another.
func familyLine(r idp.Receipt, app idp.App, f idp.TokenFamily, p idp.Participant, lever idp.Lever, now time.Time) idp.Delivery {
	if p.NameID.Value == "" {
		lever = idp.LeverNone
	}
	d := idp.Delivery{
		ReceiptID: r.ID, UserID: f.UserID, AppID: f.AppID, Lever: lever, NameID: p.NameID,
		State: idp.DeliveryPending, CreatedAt: now, NextAt: now,
	}
	if lever == idp.LeverNone {
		d.State, d.Answer = idp.DeliveryEnded, familyRefused
		d.NextAt, d.FinishedAt = time.Time{}, now
	}
	if r.Kind == idp.EndSession {
		d.SessionID = f.SessionID
		if p.SessionIndex != "" {
			d.SessionIndexes = []string{p.SessionIndex}
		}
	}
	d.ID = deliveryID(r.ID, f.AppID, lever, d.SessionID, p.NameID)
	return d
}

// merge joins lines with the same ID, as store does with those it knows.
func merge(lines []idp.Delivery) []idp.Delivery {
	at := make(map[idp.DeliveryID]int, len(lines))
	merged := lines[:0:0]
	for _, d := range lines {
		i, known := at[d.ID]
		if !known {
			at[d.ID] = len(merged)
			merged = append(merged, d)
			continue
		}
		m := &merged[i]
		m.AgainAt, m.Ceiling = latest(m.AgainAt, d.AgainAt), latest(m.Ceiling, d.Ceiling)
		m.SessionIndexes = union(m.SessionIndexes, d.SessionIndexes)
	}
	return merged
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}
