package portal

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// ownData is all that is kept about a person, for the person. It holds no
// secret: of what they prove themselves with, the names alone.
type ownData struct {
	MadeAt      time.Time        `json:"made_at"`
	Profile     dataProfile      `json:"profile"`
	Groups      []string         `json:"groups"`
	Apps        []dataApp        `json:"apps"`
	Accounts    []dataAccount    `json:"accounts"`
	Sessions    []dataSession    `json:"sessions"`
	Events      []dataEvent      `json:"events"`
	Consents    []dataConsent    `json:"consents"`
	Credentials []dataCredential `json:"credentials"`
}

type dataProfile struct {
	ID          string     `json:"id"`
	Username    string     `json:"username"`
	Email       string     `json:"email,omitempty"`
	DisplayName string     `json:"display_name,omitempty"`
	GivenName   string     `json:"given_name,omitempty"`
	FamilyName  string     `json:"family_name,omitempty"`
	Language    string     `json:"language,omitempty"`
	Role        string     `json:"role"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	AskedAt     *time.Time `json:"deletion_asked_at,omitempty"`
}

type dataApp struct {
	App   string     `json:"app"`
	Role  string     `json:"role,omitempty"`
	Group string     `json:"by_group,omitempty"` // empty: given to the person
	Until *time.Time `json:"until,omitempty"`
}

type dataAccount struct {
	App       string    `json:"app"`
	Subject   string    `json:"subject"`
	Format    string    `json:"format,omitempty"`
	FirstSeen time.Time `json:"first_seen_at"`
	LastSeen  time.Time `json:"last_seen_at"`
}

type dataSession struct {
	StartedAt time.Time  `json:"started_at"`
	LastSeen  time.Time  `json:"last_seen_at"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	Address   string     `json:"address,omitempty"`
	UserAgent string     `json:"user_agent,omitempty"`
	Methods   []string   `json:"methods"` // RFC 8176
}

type dataEvent struct {
	At      time.Time `json:"at"`
	Kind    string    `json:"kind"`
	Address string    `json:"address,omitempty"`
}

type dataConsent struct {
	App     string    `json:"app"`
	Scopes  []string  `json:"scopes"`
	GivenAt time.Time `json:"given_at"`
}

type dataCredential struct {
	Kind     string     `json:"kind"`
	Name     string     `json:"name,omitempty"`
	MadeAt   time.Time  `json:"made_at"`
	LastUsed *time.Time `json:"last_used_at,omitempty"`
}

// askMyData shows what there is to download: a copy that leaves is written down,
// and reading a page writes nothing.
func (p *Portal) askMyData(w http.ResponseWriter, r *http.Request) error {
	return ui.Render(w, r, http.StatusOK, myDataPage())
}

// myData answers with what is kept about the person, as a file.
func (p *Portal) myData(w http.ResponseWriter, r *http.Request) error {
	v := ui.VisitOf(r.Context())
	data, err := p.collect(r.Context(), v.User, v.Now)
	if err != nil {
		return err
	}
	body, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		return err
	}
	if err := p.Directory.NoteDownload(r.Context(), v.User.ID); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", `attachment; filename="my-data.json"`)
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // the browser may be gone by now
	return nil
}

func (p *Portal) collect(ctx context.Context, u idp.User, now time.Time) (ownData, error) {
	d := ownData{MadeAt: now.UTC(), Profile: dataProfile{
		ID: string(u.ID), Username: u.Username, Email: u.Email, DisplayName: u.DisplayName, GivenName: u.GivenName, FamilyName: u.FamilyName,
		Language: u.Language, Role: string(u.Role), CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, AskedAt: unless(u.DeletionAskedAt),
	}}
	for _, add := range []func(context.Context, idp.User, time.Time, *ownData) error{
		p.addGroups, p.addApps, p.addAccounts, p.addSessions, p.addEvents, p.addConsents, p.addCredentials,
	} {
		if err := add(ctx, u, now, &d); err != nil {
			return ownData{}, err
		}
	}
	return d, nil
}

// unless leaves out a time that is none.
func unless(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// collected makes out of what the store has what is told, never nil.
func collected[T, U any](list []T, err error, of func(T) (U, error)) ([]U, error) {
	out := make([]U, 0, len(list))
	for _, v := range list {
		if err != nil {
			break
		}
		var u U
		if u, err = of(v); err == nil {
			out = append(out, u)
		}
	}
	return out, err
}

func (p *Portal) addGroups(ctx context.Context, u idp.User, _ time.Time, d *ownData) (err error) {
	list, err := p.Store.GroupsOf(ctx, u.ID)
	d.Groups, err = collected(list, err, func(g idp.Group) (string, error) { return g.Name, nil })
	return err
}

func (p *Portal) addApps(ctx context.Context, u idp.User, now time.Time, d *ownData) (err error) {
	list, err := p.Store.AccessOf(ctx, u.ID, now)
	d.Apps, err = collected(list, err, func(a idp.Access) (dataApp, error) {
		return dataApp{App: a.App.Name, Role: a.Grant.Role, Group: a.Group.Name, Until: unless(a.Grant.UntilAt)}, nil
	})
	return err
}

func (p *Portal) addAccounts(ctx context.Context, u idp.User, _ time.Time, d *ownData) (err error) {
	list, err := p.Store.Accounts(ctx, u.ID)
	d.Accounts, err = collected(list, err, func(a idp.Account) (dataAccount, error) {
		app, err := p.Store.App(ctx, a.AppID)
		return dataAccount{App: app.Name, Subject: a.Subject, Format: a.Format, FirstSeen: a.FirstSeenAt, LastSeen: a.LastSeenAt}, err
	})
	return err
}

func (p *Portal) addSessions(ctx context.Context, u idp.User, _ time.Time, d *ownData) (err error) {
	list, err := p.Store.SessionsStarted(ctx, u.ID, mostRows)
	d.Sessions, err = collected(list, err, func(s idp.Session) (dataSession, error) {
		return dataSession{
			StartedAt: s.CreatedAt, LastSeen: s.LastSeenAt, EndedAt: unless(s.EndedAt), Address: s.Address, UserAgent: s.UserAgent, Methods: s.Methods,
		}, nil
	})
	return err
}

// mostRows is how many sessions and events are told, the newest.
const mostRows = 500

func (p *Portal) addEvents(ctx context.Context, u idp.User, _ time.Time, d *ownData) (err error) {
	list, _, err := p.Store.Events(ctx, idp.EventQuery{UserID: u.ID, Limit: mostRows})
	d.Events, err = collected(list, err, func(e idp.Event) (dataEvent, error) {
		told := dataEvent{At: e.At, Kind: e.Kind}
		if e.Actor.UserID == u.ID || strings.HasPrefix(e.Kind, "signin.") {
			told.Address = e.Actor.Address // that of an owner is theirs
		}
		return told, nil
	})
	return err
}

func (p *Portal) addConsents(ctx context.Context, u idp.User, _ time.Time, d *ownData) (err error) {
	list, err := p.Store.Consents(ctx, u.ID)
	d.Consents, err = collected(list, err, func(c idp.Consent) (dataConsent, error) {
		app, err := p.Store.App(ctx, c.AppID)
		return dataConsent{App: app.Name, Scopes: c.Scopes, GivenAt: c.GivenAt}, err
	})
	return err
}

func (p *Portal) addCredentials(ctx context.Context, u idp.User, _ time.Time, d *ownData) (err error) {
	list, err := p.Store.Credentials(ctx, u.ID)
	d.Credentials, err = collected(list, err, func(c idp.Credential) (dataCredential, error) {
		return dataCredential{Kind: string(c.Kind), Name: c.Name, MadeAt: c.CreatedAt, LastUsed: unless(c.LastUsedAt)}, nil
	})
	return err
}
