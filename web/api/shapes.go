package api

import (
	"time"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

func each[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, a := range in {
		out[i] = f(a)
	}
	return out
}

// when is t, or nil for none.
func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func user(u idp.User) client.User {
	return client.User{
		ID: string(u.ID), Username: u.Username, Email: u.Email, DisplayName: u.DisplayName, GivenName: u.GivenName,
		FamilyName: u.FamilyName, Role: string(u.Role), Status: string(u.Status), SuspendedAt: when(u.SuspendedAt), CreatedAt: u.CreatedAt,
	}
}

func actor(a idp.Actor) string {
	if a.UserID != "" {
		return a.Kind + " " + string(a.UserID)
	}
	return a.Kind
}

func receipt(r idp.Receipt) client.Receipt {
	return client.Receipt{
		ID: string(r.ID), Number: r.N, Kind: string(r.Kind), UserID: string(r.UserID), SessionID: string(r.SessionID), AppID: string(r.AppID), GroupID: string(r.GroupID),
		KeyID: string(r.KeyID), Before: when(r.Before), Reason: r.Reason,
		Actor: actor(r.Actor), AskedAt: r.AskedAt, CutAt: r.CutAt, ListedAt: when(r.ListedAt), Listing: r.Listing(),
		Version: r.Version, SignedAt: when(r.SignedAt),
	}
}

func line(d idp.Delivery, app string) client.Line {
	return client.Line{
		ID: string(d.ID), App: app, UserID: string(d.UserID), Lever: string(d.Lever), SessionID: string(d.SessionID), State: string(d.State), Final: d.State.Final(),
		Attempts: d.Attempts, LatencyMS: d.LatencyMS, Answer: d.Answer, Evidence: d.Evidence, Ceiling: when(d.Ceiling),
		AgainAt: when(d.AgainAt), NextAt: when(d.NextAt), AckedAt: when(d.AckedAt), FinishedAt: when(d.FinishedAt),
	}
}

func event(e idp.Event) client.Event {
	return client.Event{
		ID: string(e.ID), At: e.At, Kind: e.Kind, Actor: actor(e.Actor), Address: e.Actor.Address, CorrelationID: e.Actor.CorrelationID,
		UserID: string(e.UserID), AppID: string(e.AppID), SessionID: string(e.SessionID), Detail: e.Detail,
	}
}

func token(t idp.APIToken) client.Token {
	return client.Token{ID: string(t.ID), Name: t.Name, CreatedAt: t.CreatedAt, ExpiresAt: when(t.ExpiresAt)}
}

func grant(g idp.Grant, app, user, group string) client.Grant {
	return client.Grant{ID: string(g.ID), App: app, User: user, Group: group, Role: g.Role, From: when(g.FromAt), Until: when(g.UntilAt)}
}
