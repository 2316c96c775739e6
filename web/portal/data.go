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
	Browsers    []dataBrowser    `json:"browsers"`
	Tokens      []dataToken      `json:"tokens"`
	Opened      []dataOpened     `json:"apps_opened"`
	Mails       []dataMail       `json:"mails"`
	Links       []dataLink       `json:"links"`
	Endings     []dataEnding     `json:"endings"`
	// LeftOut says what is kept and not told, and why.
	LeftOut []string `json:"left_out"`
}

// leftOut is what a download does not hold.
func leftOut() []string {
	return []string{
		"Passwords, passkeys, secrets of authenticator apps, recovery codes, and the secrets of sessions, tokens and links: whoever has the file could use them.",
		"What the people who run sign-in have written about you or planned: reasons, and appointments to suspend somebody.",
		"Codes and requests that are kept for minutes while you sign in.",
	}
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

// dataBrowser is one in which the person has signed in.
type dataBrowser struct {
	FirstAt    time.Time  `json:"first_at"`
	LastSeen   time.Time  `json:"last_seen_at"`
	Address    string     `json:"address,omitempty"`
	UserAgent  string     `json:"user_agent,omitempty"`
	Remembered *time.Time `json:"second_factor_left_out_until,omitempty"`
	Asks       bool       `json:"not_confirmed,omitempty"` // the person has yet to say whether it is theirs
}

// dataToken is what an app, or the person themselves (an API token), can come back
// with.
type dataToken struct {
	App       string     `json:"app,omitempty"`
	Name      string     `json:"name,omitempty"`
	Scopes    []string   `json:"scopes,omitempty"`
	MadeAt    time.Time  `json:"made_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
}

type dataOpened struct {
	App      string    `json:"app"`
	Sessions int       `json:"sessions"`
	LastAt   time.Time `json:"last_at"`
}

type dataMail struct {
	Kind       string            `json:"kind"`
	WrittenAt  time.Time         `json:"written_at"`
	State      string            `json:"state"`
	FinishedAt *time.Time        `json:"finished_at,omitempty"`
	Tells      map[string]string `json:"tells,omitempty"`
}

type dataLink struct {
	Purpose   string     `json:"purpose"`
	MadeAt    time.Time  `json:"made_at"`
	ExpiresAt time.Time  `json:"expires_at"`
	UsedAt    *time.Time `json:"used_at,omitempty"` // or ended
}

type dataEnding struct {
	Kind string    `json:"kind"`
	App  string    `json:"app,omitempty"`
	At   time.Time `json:"at"`
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
	d := ownData{MadeAt: now.UTC(), LeftOut: leftOut(), Profile: dataProfile{
		ID: string(u.ID), Username: u.Username, Email: u.Email, DisplayName: u.DisplayName, GivenName: u.GivenName, FamilyName: u.FamilyName,
		Language: u.Language, Role: string(u.Role), CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, AskedAt: unless(u.DeletionAskedAt),
	}}
	for _, add := range []func(context.Context, idp.User, time.Time, *ownData) error{
		p.addGroups, p.addApps, p.addAccounts, p.addSessions, p.addEvents, p.addConsents, p.addCredentials,
		p.addBrowsers, p.addTokens, p.addOpened, p.addMails, p.addLinks, p.addEndings,
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
		app, err := p.appName(ctx, a.AppID)
		return dataAccount{App: app, Subject: a.Subject, Format: a.Format, FirstSeen: a.FirstSeenAt, LastSeen: a.LastSeenAt}, err
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

// mostRows is how many of a kind are told, the newest: more than anybody has.
const mostRows = 10_000

// appName is what an app is called; one that is registered no more, its ID.
func (p *Portal) appName(ctx context.Context, id idp.AppID) (string, error) {
	if id == "" {
		return "", nil
	}
	app, err := p.Store.App(ctx, id)
	if idp.IsKind(err, idp.NotFound) {
		return string(id), nil
	}
	return app.Name, err
}

func (p *Portal) addEvents(ctx context.Context, u idp.User, _ time.Time, d *ownData) error {
	d.Events = []dataEvent{}
	for after := ""; len(d.Events) < mostRows; {
		list, next, err := p.Store.Events(ctx, idp.EventQuery{UserID: u.ID, Limit: 500, After: after})
		if err != nil {
			return err
		}
		for _, e := range list {
			told := dataEvent{At: e.At, Kind: e.Kind}
			if e.Actor.UserID == u.ID || strings.HasPrefix(e.Kind, "signin.") {
				told.Address = e.Actor.Address // that of an owner is theirs
			}
			d.Events = append(d.Events, told)
		}
		if after = next; next == "" {
			break
		}
	}
	return nil
}

func (p *Portal) addConsents(ctx context.Context, u idp.User, _ time.Time, d *ownData) (err error) {
	list, err := p.Store.Consents(ctx, u.ID)
	d.Consents, err = collected(list, err, func(c idp.Consent) (dataConsent, error) {
		app, err := p.appName(ctx, c.AppID)
		return dataConsent{App: app, Scopes: c.Scopes, GivenAt: c.GivenAt}, err
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

func (p *Portal) addBrowsers(ctx context.Context, u idp.User, _ time.Time, d *ownData) (err error) {
	list, err := p.Store.EveryDevice(ctx, u.ID)
	d.Browsers, err = collected(list, err, func(b idp.KnownDevice) (dataBrowser, error) {
		return dataBrowser{
			FirstAt: b.FirstAt, LastSeen: b.LastSeenAt, Address: b.Address, UserAgent: b.UserAgent, Remembered: unless(b.TrustedUntil), Asks: b.Asks,
		}, nil
	})
	return err
}

func (p *Portal) addTokens(ctx context.Context, u idp.User, now time.Time, d *ownData) error {
	families, err := p.Store.Families(ctx, u.ID, now)
	d.Tokens, err = collected(families, err, func(f idp.TokenFamily) (dataToken, error) {
		app, err := p.appName(ctx, f.AppID)
		return dataToken{App: app, Scopes: f.Scopes, MadeAt: f.CreatedAt, ExpiresAt: unless(f.ExpiresAt)}, err
	})
	if err != nil {
		return err
	}
	tokens, err := p.Store.APITokens(ctx, u.ID)
	for _, t := range tokens {
		d.Tokens = append(d.Tokens, dataToken{Name: t.Name, MadeAt: t.CreatedAt, ExpiresAt: unless(t.ExpiresAt), RevokedAt: unless(t.RevokedAt)})
	}
	return err
}

func (p *Portal) addOpened(ctx context.Context, u idp.User, _ time.Time, d *ownData) (err error) {
	list, err := p.Store.AppsOpened(ctx, u.ID, time.Time{})
	d.Opened, err = collected(list, err, func(o idp.AppOpened) (dataOpened, error) {
		app, err := p.appName(ctx, o.AppID)
		return dataOpened{App: app, Sessions: o.Sessions, LastAt: o.LastAt}, err
	})
	return err
}

func (p *Portal) addMails(ctx context.Context, u idp.User, _ time.Time, d *ownData) (err error) {
	list, err := p.Store.MailsOf(ctx, u.ID, mostRows)
	d.Mails, err = collected(list, err, func(m idp.Mail) (dataMail, error) {
		return dataMail{Kind: string(m.Kind), WrittenAt: m.CreatedAt, State: string(m.State), FinishedAt: unless(m.FinishedAt), Tells: m.Data}, nil
	})
	return err
}

func (p *Portal) addLinks(ctx context.Context, u idp.User, _ time.Time, d *ownData) (err error) {
	list, err := p.Store.LinksOf(ctx, u.ID, mostRows)
	d.Links, err = collected(list, err, func(l idp.Link) (dataLink, error) {
		return dataLink{Purpose: string(l.Purpose), MadeAt: l.CreatedAt, ExpiresAt: l.ExpiresAt, UsedAt: unless(l.UsedAt)}, nil
	})
	return err
}

func (p *Portal) addEndings(ctx context.Context, u idp.User, _ time.Time, d *ownData) error {
	d.Endings = []dataEnding{}
	for after := ""; len(d.Endings) < mostRows; {
		list, next, err := p.Store.Receipts(ctx, u.ID, after, 500)
		if err != nil {
			return err
		}
		for _, r := range list {
			app, err := p.appName(ctx, r.AppID)
			if err != nil {
				return err
			}
			d.Endings = append(d.Endings, dataEnding{Kind: string(r.Kind), App: app, At: r.CutAt})
		}
		if after = next; next == "" {
			break
		}
	}
	return nil
}
