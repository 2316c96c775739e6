package console

import (
	"context"
	"slices"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// inventory is everything a person holds, as of one moment.
type inventory struct {
	apps         map[idp.AppID]idp.App
	access       []idp.Access
	accounts     []idp.Account
	sessions     []idp.Session
	participants []idp.Participant
	families     []idp.TokenFamily
	tokens       []idp.APIToken
	exposures    []idp.Exposure
}

// inventory reads what a person holds.
func (c *Console) inventory(ctx context.Context, id idp.UserID, now time.Time) (inventory, error) {
	var (
		v   inventory
		err error
	)
	if v.apps, err = c.byID(ctx); err != nil {
		return v, err
	}
	if v.access, err = c.Store.AccessOf(ctx, id, now); err != nil {
		return v, err
	}
	if v.accounts, err = c.Store.Accounts(ctx, id); err != nil {
		return v, err
	}
	if v.sessions, err = c.Store.Sessions(ctx, id, now); err != nil {
		return v, err
	}
	if v.participants, err = c.Store.Participants(ctx, id, now); err != nil {
		return v, err
	}
	if v.families, err = c.Store.Families(ctx, id, now); err != nil {
		return v, err
	}
	tokens, err := c.Store.APITokens(ctx, id)
	if err != nil {
		return v, err
	}
	v.tokens = slices.DeleteFunc(tokens, func(t idp.APIToken) bool {
		return !t.RevokedAt.IsZero() || !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt)
	})
	u, err := c.Store.User(ctx, id)
	if err != nil {
		return v, err
	}
	v.exposures, err = c.Outbox.Exposure(ctx, u)
	return v, err
}

// holding is what the person holds in one app.
type holding struct {
	app      idp.App
	sessions int
	offline  int
}

// holdings sums the inventory up by app, by app name.
func (v inventory) holdings() []holding {
	at := map[idp.AppID]*holding{}
	of := func(id idp.AppID) *holding {
		if at[id] == nil {
			at[id] = &holding{app: v.apps[id]}
		}
		return at[id]
	}
	for _, p := range v.participants {
		of(p.AppID).sessions++
	}
	for _, f := range v.families {
		of(f.AppID).offline++
	}
	for _, a := range v.accounts {
		of(a.AppID)
	}
	out := make([]holding, 0, len(at))
	for _, h := range at {
		out = append(out, *h)
	}
	slices.SortFunc(out, func(a, b holding) int {
		if a.app.Name < b.app.Name {
			return -1
		}
		return 1
	})
	return out
}

// exposure is how long the person would stay in, were they suspended now.
func (v inventory) exposure(now time.Time) exposure {
	var e exposure
	for _, x := range v.exposures {
		if x.Basis == idp.BasisLever {
			e.Prompt++
			continue
		}
		e.Alive = append(e.Alive, aliveLine{App: v.apps[x.AppID].Name, Until: until(x, now)})
	}
	return e
}

// until is when an app's session ends by itself; zero when nothing says so.
func until(x idp.Exposure, now time.Time) time.Time {
	if x.Basis == idp.BasisNothing {
		return time.Time{}
	}
	return now.Add(x.Within)
}

// opened names the apps that each session has opened.
func (v inventory) opened() map[idp.SessionID][]string {
	out := map[idp.SessionID][]string{}
	for _, p := range v.participants {
		out[p.SessionID] = append(out[p.SessionID], v.apps[p.AppID].Name)
	}
	return out
}

// lastUsed says when each app was last signed in to.
func (v inventory) lastUsed() map[idp.AppID]time.Time {
	out := map[idp.AppID]time.Time{}
	for _, a := range v.accounts {
		if a.LastSeenAt.After(out[a.AppID]) {
			out[a.AppID] = a.LastSeenAt
		}
	}
	return out
}

func (c *Console) appRows(v inventory) []appAccess {
	used := v.lastUsed()
	out := make([]appAccess, 0, len(v.access))
	for _, a := range v.access {
		out = append(out, appAccess{
			ID: string(a.App.ID), Name: a.App.Name, Role: a.Grant.Role, Reason: reason(a),
			From: a.Grant.FromAt, Until: a.Grant.UntilAt, Lever: c.levers(a.App), LastUsed: used[a.App.ID],
		})
	}
	return out
}

// reason says why a person may use an app.
func reason(a idp.Access) string {
	if a.Group.ID != "" {
		return "Member of " + a.Group.Name
	}
	return "Granted directly"
}

func (v inventory) sessionRows(here idp.SessionID) []sessionRow {
	opened := v.opened()
	out := make([]sessionRow, 0, len(v.sessions))
	for _, s := range v.sessions {
		out = append(out, sessionRow{
			ID: string(s.ID), Device: ui.Device(s.UserAgent), Address: s.Address, Methods: methodWords(s.Methods),
			Since: s.CreatedAt, LastSeen: s.LastSeenAt, Apps: opened[s.ID], Here: s.ID == here,
		})
	}
	return out
}

func (v inventory) accountRows() []accountRow {
	out := make([]accountRow, 0, len(v.accounts))
	for _, a := range v.accounts {
		out = append(out, accountRow{
			App: v.apps[a.AppID].Name, Subject: a.Subject, Format: formatWords(a.Format),
			FirstSeen: a.FirstSeenAt, LastSeen: a.LastSeenAt,
		})
	}
	return out
}
