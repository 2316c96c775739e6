package portal

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

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
	has, err := p.Store.Credentials(ctx, v.User.ID)
	if err != nil {
		return err
	}
	events, _, err := p.Store.Events(ctx, idp.EventQuery{UserID: v.User.ID, Limit: 100})
	if err != nil {
		return err
	}
	known, err := p.known(v.User, has)
	if err != nil {
		return err
	}
	started, err := p.Store.SessionsStarted(ctx, v.User.ID, maxRecent)
	if err != nil {
		return err
	}
	opened, err := p.Store.AppsOpened(ctx, v.User.ID, v.Now.Add(-lately))
	if err != nil {
		return err
	}
	own, err := p.own(ctx, v.User)
	if err != nil {
		return err
	}
	fresh, err := p.newDevices(r)
	if err != nil {
		return err
	}
	remembered, err := p.remembered(r)
	if err != nil {
		return err
	}
	home := homeView{
		Remembered: remembered,
		Known:      known,
		New:        fresh,
		FirstName:  firstName(v.User), Total: len(access), Search: r.URL.Query().Get("q"), Own: own,
		Sessions: p.devices(ctx, live, openedIn(participants, access), v.Session.ID),
		Codes:    standing(has),
		Password: slices.ContainsFunc(has, func(c idp.Credential) bool { return c.Kind == idp.CredentialPassword }),
		Allowed:  allowed,
		Recent:   p.comings(ctx, started, events),
	}
	home.Apps, home.Recents = p.tiles(access, accounts, opened)
	if len(home.Search) <= maxSearch {
		narrow(home.Apps, home.Search)
	}
	return ui.Render(w, r, http.StatusOK, homePage(home))
}

const (
	// lately is how far back it is counted which apps are used most.
	lately    = 60 * 24 * time.Hour
	maxSearch = 200
	// maxRecents is how many apps stand above the tiles, from so many tiles on.
	maxRecents  = 4
	recentsFrom = 9
)

// narrow hides the tiles that do not have all words of a search.
func narrow(tiles []tile, search string) {
	words := strings.Fields(strings.ToLower(search))
	for i, t := range tiles {
		text := strings.ToLower(t.Name + " " + t.Host)
		tiles[i].Hidden = slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
	}
}

// firstName is what the person is greeted with.
func firstName(u idp.User) string {
	if u.GivenName != "" {
		return u.GivenName
	}
	first, _, _ := strings.Cut(u.Name(), " ")
	return first
}

// use is how somebody has used an app.
type use struct {
	sessions int // lately
	last     time.Time
}

// tiles are the apps, the one used most lately first, those never used last and
// by name; and those that were opened last, where there are many.
func (p *Portal) tiles(access []idp.Access, accounts []idp.Account, opened []idp.AppOpened) (all, recents []tile) {
	used := map[idp.AppID]use{}
	for _, a := range accounts {
		if u := used[a.AppID]; a.LastSeenAt.After(u.last) {
			used[a.AppID] = use{last: a.LastSeenAt}
		}
	}
	for _, o := range opened {
		u := used[o.AppID]
		u.sessions = o.Sessions
		if o.LastAt.After(u.last) {
			u.last = o.LastAt
		}
		used[o.AppID] = u
	}
	byUse := slices.Clone(access)
	slices.SortStableFunc(byUse, func(a, b idp.Access) int {
		x, y := used[a.App.ID], used[b.App.ID]
		return cmp.Or(cmp.Compare(y.sessions, x.sessions), y.last.Compare(x.last), cmp.Compare(inOrder(a.App.Name), inOrder(b.App.Name)))
	})
	for _, a := range byUse {
		all = append(all, p.tile(a.App))
	}
	if len(all) < recentsFrom {
		return all, nil
	}
	slices.SortStableFunc(byUse, func(a, b idp.Access) int { return used[b.App.ID].last.Compare(used[a.App.ID].last) })
	for _, a := range byUse {
		t := p.tile(a.App)
		if used[a.App.ID].last.IsZero() || len(recents) == maxRecents {
			break
		}
		if t.Href != "" || t.Action != "" {
			recents = append(recents, t)
		}
	}
	return all, recents
}

// inOrder is what names are ordered by: capitals do not count, and letters with marks
// stand at the end of those without.
func inOrder(name string) string { return strings.ToLower(norm.NFD.String(name)) }

func (p *Portal) tile(app idp.App) tile {
	t := tile{Name: app.Name, Launch: p.Launch(app)}
	if u, err := url.Parse(t.At); err == nil {
		t.Host = u.Hostname()
	}
	return t
}

// openedIn names the apps that each session has opened.
func openedIn(participants []idp.Participant, access []idp.Access) map[idp.SessionID][]string {
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
func (p *Portal) devices(ctx context.Context, live []idp.Session, apps map[idp.SessionID][]string, here idp.SessionID) []sessionRow {
	out := make([]sessionRow, 0, len(live))
	for _, s := range live {
		row := sessionRow{
			ID: string(s.ID), Device: ui.DeviceIn(ctx, s.UserAgent), Address: p.where(ctx, s.Address),
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

// comings are the newest sign-ins and tries. Of what succeeded the sessions
// tell, of what did not the events.
func (p *Portal) comings(ctx context.Context, started []idp.Session, events []idp.Event) []ui.Happening {
	var out []ui.Happening
	for _, s := range started {
		out = append(out, ui.Happening{
			At: s.CreatedAt, Title: signedInWith(ctx, s.Methods), Detail: ui.DeviceIn(ctx, s.UserAgent) + ", " + p.where(ctx, s.Address),
		})
	}
	for _, e := range events {
		if words := happened(ctx, e.Kind); words != "" {
			out = append(out, ui.Happening{At: e.At, Title: words, Detail: p.where(ctx, e.Actor.Address)})
		}
	}
	slices.SortStableFunc(out, func(a, b ui.Happening) int { return b.At.Compare(a.At) })
	return out[:min(len(out), maxRecent)]
}

// where is an address, with its place where that is known.
func (p *Portal) where(ctx context.Context, address string) string {
	if p.Place == nil {
		return address
	}
	if place := p.Place(address, ui.Lang(ctx)); place != "" {
		return address + " (" + place + ")"
	}
	return address
}

// signedInWith says how somebody proved who they are, by the amr values of
// RFC 8176.
func signedInWith(ctx context.Context, methods []string) string {
	has := func(any ...string) bool {
		return slices.ContainsFunc(any, func(m string) bool { return slices.Contains(methods, m) })
	}
	passkey, password, code := has("hwk", "swk"), has("pwd"), has("otp")
	switch {
	case has("mail") && passkey:
		return ui.T(ctx, "Signed in with a code from a mail and a passkey")
	case has("mail"):
		return ui.T(ctx, "Signed in with a code from a mail")
	case passkey && password:
		return ui.T(ctx, "Signed in with a password and a passkey")
	case passkey:
		return ui.T(ctx, "Signed in with a passkey")
	case password && code:
		return ui.T(ctx, "Signed in with a password and a code")
	case password:
		return ui.T(ctx, "Signed in with a password")
	case code:
		return ui.T(ctx, "Signed in with a code")
	}
	return ui.T(ctx, "Signed in")
}

// happened says in words what an event was that is shown beside the sign-ins;
// "" for any other.
func happened(ctx context.Context, kind string) string {
	signIn := strings.HasPrefix(kind, "signin.")
	switch {
	case kind == "signin.device":
		return ui.T(ctx, "First time on this browser")
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
	case signIn && strings.HasSuffix(kind, ".refuse"):
		return ui.T(ctx, "Sign-in refused")
	case signIn && strings.HasSuffix(kind, ".throttle"):
		return ui.T(ctx, "Sign-in slowed down after too many tries")
	}
	return ""
}
