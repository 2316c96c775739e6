package directory

import (
	"context"
	"errors"
	"time"

	"gatehouse/idp"
)

// Expiries is the sessions that ended by themselves, and what took part in them.
type Expiries interface {
	Participants(ctx context.Context, user idp.UserID, now time.Time) ([]idp.Participant, error)
	ExpiredSessions(ctx context.Context, now time.Time, n int) (whole, cut []idp.Session, err error)
	SettleSessions(ctx context.Context, ids []idp.SessionID, now time.Time) error
	ParticipantsOf(ctx context.Context, ids []idp.SessionID) ([]idp.Participant, error)
}

// EndExpiredSessions ends sessions that have run out by themselves, up to limit
// of them, where an app got something from one and can be told: an app may keep
// a session of its own for longer. The others are settled, so that nobody looks
// at them again. It returns how many it looked at. It may run on every node:
// each is ended once, and one that was renewed since it was listed is left alone.
// One that cannot be ended holds up none of the others.
//
// Being idle ends no session in apps: it only means that Gatehouse asks for the
// password again.
func (d *Directory) EndExpiredSessions(ctx context.Context, limit int) (int, error) {
	now := d.now()
	whole, cut, err := d.Store.ExpiredSessions(ctx, now, limit)
	if err != nil {
		return 0, err
	}
	told, err := d.toldOf(ctx, whole)
	if err != nil {
		return 0, err
	}
	settled := idsOf(cut)
	var failed []error
	for _, s := range whole {
		if !told[s.ID] {
			settled = append(settled, s.ID)
			continue
		}
		e := d.event(ctx, "session.expire")
		e.UserID, e.SessionID = s.UserID, s.ID
		_, err := d.end(ctx, idp.Change{Ending: &idp.Ending{
			Kind: idp.EndSession, UserID: s.UserID, SessionID: s.ID, Key: key("expired", string(s.ID), 0), Expired: true,
			Reason: "it had run out", At: now,
		}}, e)
		if err != nil && !idp.IsKind(err, idp.Conflict) { // renewed meanwhile: it lives on
			failed = append(failed, err)
		}
	}
	if err := d.Store.SettleSessions(ctx, settled, now); err != nil {
		failed = append(failed, err)
	}
	return len(whole) + len(cut) - len(failed), errors.Join(failed...)
}

// toldOf is the sessions from which an app got something that can be told.
func (d *Directory) toldOf(ctx context.Context, sessions []idp.Session) (map[idp.SessionID]bool, error) {
	told := map[idp.SessionID]bool{}
	participants, err := d.Store.ParticipantsOf(ctx, idsOf(sessions))
	if err != nil {
		return nil, err
	}
	reached := map[idp.AppID]bool{}
	for _, p := range participants {
		yes, known := reached[p.AppID]
		if !known {
			app, err := d.Store.App(ctx, p.AppID)
			if err != nil && !idp.IsKind(err, idp.NotFound) {
				return nil, err
			}
			yes = err == nil && d.Reaches(app)
			reached[p.AppID] = yes
		}
		told[p.SessionID] = told[p.SessionID] || yes
	}
	return told, nil
}

func idsOf(sessions []idp.Session) []idp.SessionID {
	ids := make([]idp.SessionID, 0, len(sessions))
	for _, s := range sessions {
		ids = append(ids, s.ID)
	}
	return ids
}
