package portal

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// home shows the portal of the person signed in.
func (p *Portal) home(w http.ResponseWriter, r *http.Request) error {
	ctx, v := r.Context(), ui.VisitOf(r.Context())
	access, err := p.Store.AccessOf(ctx, v.User.ID, v.Now)
	if err != nil {
		return err
	}
	accounts, err := p.Store.Accounts(ctx, v.User.ID)
	if err != nil {
		return err
	}
	live, err := p.Store.Sessions(ctx, v.User.ID, v.Now)
	if err != nil {
		return err
	}
	participants, err := p.Store.Participants(ctx, v.User.ID, v.Now)
	if err != nil {
		return err
	}
	allowed, err := p.allowed(ctx, v.User.ID, v.Now)
	if err != nil {
		return err
	}
	events, _, err := p.Store.Events(ctx, idp.EventQuery{UserID: v.User.ID, Limit: 100})
	if err != nil {
		return err
	}
	credentials, err := p.Store.Credentials(ctx, v.User.ID)
	if err != nil {
		return err
	}
	known, err := p.known(v.User, credentials)
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, homePage(homeView{
		Known:     known,
		FirstName: firstName(v.User),
		Apps:      p.tiles(access, accounts),
		Sessions:  devices(ctx, live, opened(participants, access), v.Session.ID),
		Allowed:   allowed,
		Recent:    signIns(ctx, events),
	}))
}

// firstName is what the person is greeted with.
func firstName(u idp.User) string {
	if u.GivenName != "" {
		return u.GivenName
	}
	first, _, _ := strings.Cut(u.Name(), " ")
	return first
}

// tiles are the apps, the one used last first, those never used by name.
func (p *Portal) tiles(access []idp.Access, accounts []idp.Account) []tile {
	used := map[idp.AppID]time.Time{}
	for _, a := range accounts {
		if a.LastSeenAt.After(used[a.AppID]) {
			used[a.AppID] = a.LastSeenAt
		}
	}
	access = slices.Clone(access)
	slices.SortStableFunc(access, func(a, b idp.Access) int {
		return cmp.Or(used[b.App.ID].Compare(used[a.App.ID]), cmp.Compare(a.App.Name, b.App.Name))
	})
	out := make([]tile, 0, len(access))
	for _, a := range access {
		t := tile{Name: a.App.Name, Launch: p.Launch(a.App)}
		if u, err := url.Parse(t.At); err == nil {
			t.Host = u.Hostname()
		}
		out = append(out, t)
	}
	return out
}

// opened names the apps that each session has opened.
func opened(participants []idp.Participant, access []idp.Access) map[idp.SessionID][]string {
	names := map[idp.AppID]string{}
	for _, a := range access {
		names[a.App.ID] = a.App.Name
	}
	out := map[idp.SessionID][]string{}
	for _, p := range participants {
		if name := names[p.AppID]; name != "" {
			out[p.SessionID] = append(out[p.SessionID], name)
		}
	}
	return out
}

// devices are the live sessions, this one first.
func devices(ctx context.Context, live []idp.Session, apps map[idp.SessionID][]string, here idp.SessionID) []sessionRow {
	out := make([]sessionRow, 0, len(live))
	for _, s := range live {
		row := sessionRow{
			ID: string(s.ID), Device: ui.DeviceIn(ctx, s.UserAgent), Address: s.Address,
			Since: s.CreatedAt, LastSeen: s.LastSeenAt, Here: s.ID == here, Apps: apps[s.ID],
		}
		if row.Here {
			out = slices.Insert(out, 0, row)
			continue
		}
		out = append(out, row)
	}
	return out
}

// maxRecent is how many sign-ins the page shows.
const maxRecent = 8

// signIns are the newest events that are about coming in.
func signIns(ctx context.Context, events []idp.Event) []ui.Happening {
	var out []ui.Happening
	for _, e := range events {
		if len(out) == maxRecent {
			break
		}
		if e.Kind == "signin.passkey.synced" {
			continue // stands beside the sign-in itself
		}
		if strings.HasPrefix(e.Kind, "signin.") || aboutCredentials(e.Kind) {
			out = append(out, ui.Happening{At: e.At, Title: happened(ctx, e.Kind), Detail: e.Actor.Address})
		}
	}
	return out
}

// aboutCredentials reports whether an event changed how the person signs in.
func aboutCredentials(kind string) bool {
	switch kind {
	case "password.set", "passkey.add", "passkey.remove", "credential.remove":
		return true
	}
	return false
}

// happened says in words what an event of theirs was.
func happened(ctx context.Context, kind string) string {
	switch {
	case kind == "password.set":
		return ui.T(ctx, "Password set")
	case kind == "passkey.add":
		return ui.T(ctx, "Passkey added")
	case kind == "passkey.remove":
		return ui.T(ctx, "Passkey removed")
	case kind == "credential.remove":
		return ui.T(ctx, "Taken away by an owner: something you signed in with")
	case kind == "signin.passkey.clone":
		return ui.T(ctx, "A passkey that may have been copied")
	case strings.HasSuffix(kind, ".refuse"):
		return ui.T(ctx, "Sign-in refused")
	case strings.HasSuffix(kind, ".throttle"):
		return ui.T(ctx, "Sign-in slowed down after too many tries")
	}
	return ui.T(ctx, "Signed in")
}
