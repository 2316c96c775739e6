package portal

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/sessions"
	"gatehouse/store"
	"gatehouse/store/storetest"
	"gatehouse/web/ui"
)

// room is the portal over a real store, with two people in it.
type room struct {
	*testing.T
	*Portal
	store    *store.Store
	ada, eve idp.User
}

func newRoom(t *testing.T) *room {
	t.Helper()
	s := storetest.SQLite(t)
	gate := &sessions.Gate{Backend: s, Now: time.Now, Idle: time.Hour, Absolute: 12 * time.Hour}
	d := &directory.Directory{Store: s, Passes: gate, Now: time.Now}
	r := &room{T: t, store: s, Portal: &Portal{Store: s, Directory: d, Launch: func(a idp.App) Launch { return Launch{Href: a.LaunchURL, At: a.LaunchURL} }}}
	r.ada, r.eve = r.person("ada"), r.person("mallory")
	return r
}

func (r *room) person(name string) idp.User {
	r.Helper()
	u, err := r.Directory.AddUser(r.Context(), directory.Person{Username: name, DisplayName: "Person " + name, GivenName: name, Email: name + "@example.com"})
	if err != nil {
		r.Fatal(err)
	}
	c := idp.Credential{ID: idp.NewCredentialID(), UserID: u.ID, Kind: idp.CredentialPassword, Data: "$secret$" + name, CreatedAt: idp.Time(time.Now()), UpdatedAt: idp.Time(time.Now())}
	k := c
	k.ID, k.Kind, k.Name, k.Lookup, k.Data = idp.NewCredentialID(), idp.CredentialPasskey, "Key of "+name, "lookup-"+name, "$secret$key"
	if _, err := r.store.Commit(r.Context(), idp.Change{Passwords: []idp.Credential{c}, Credentials: []idp.Credential{k}}); err != nil {
		r.Fatal(err)
	}
	return u
}

// as has somebody ask for a page.
func (r *room) as(u idp.User, h ui.Handler, method, path string, form url.Values) *httptest.ResponseRecorder {
	r.Helper()
	u, err := r.store.User(r.Context(), u.ID)
	if err != nil {
		r.Fatal(err)
	}
	req := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	ctx := ui.WithVisit(ui.WithLanguage(req.Context(), "", ""), ui.Visit{Now: time.Now(), User: u, Session: idp.Session{ID: "ses_here"}})
	ctx = idp.WithActor(ctx, idp.Actor{Kind: "user", UserID: u.ID, Address: "203.0.113.7"})
	w := httptest.NewRecorder()
	if err := h(w, req.WithContext(ctx)); err != nil {
		r.Fatal(err)
	}
	return w
}

// TestMyDataIsAllOfMineAndNoSecret: what is kept about the person, nothing of
// anybody else, and nothing that would let somebody in.
func TestMyDataIsAllOfMineAndNoSecret(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	g, err := r.Directory.AddGroup(t.Context(), "Engineering")
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []idp.User{r.ada, r.eve} {
		if err := r.Directory.AddMember(t.Context(), g.ID, u.ID); err != nil {
			t.Fatal(err)
		}
		if err := r.store.Record(t.Context(), idp.Event{ID: idp.NewEventID(), At: idp.Time(time.Now()), Kind: "signin.password.ok", UserID: u.ID, Actor: idp.Actor{Address: "198.51.100." + u.Username}}); err != nil {
			t.Fatal(err)
		}
	}
	r.held(r.ada)
	w := r.as(r.ada, r.myData, http.MethodPost, "/my-data", nil)
	body := w.Body.String()
	if !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", w.Header())
	}
	for _, never := range []string{"$secret$", "lookup-", "mallory", "hash"} {
		if strings.Contains(body, never) {
			t.Errorf("it holds %q: %s", never, body)
		}
	}
	var got ownData
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Profile.Username != "ada" || got.Profile.Email != "ada@example.com" || !cmp.Equal(got.Groups, []string{"Engineering"}) {
		t.Errorf("profile %+v, groups %v", got.Profile, got.Groups)
	}
	var names []string
	for _, c := range got.Credentials {
		names = append(names, c.Kind+" "+c.Name)
	}
	if !cmp.Equal(names, []string{"password ", "passkey Key of ada"}) && !cmp.Equal(names, []string{"passkey Key of ada", "password "}) {
		t.Errorf("credentials %q", names)
	}
	if len(got.Events) == 0 || !strings.Contains(body, "198.51.100.ada") || got.Sessions == nil || got.Apps == nil || got.Consents == nil || got.Accounts == nil {
		t.Errorf("data %+v", got)
	}
	if len(got.Events) < 600 || len(got.Sessions) != 1 || len(got.Browsers) != 1 || got.Browsers[0].UserAgent != "Firefox" || len(got.Tokens) != 1 ||
		got.Tokens[0].Name != "CI" || len(got.Mails) != 1 || got.Mails[0].Tells["device"] != "Firefox" || len(got.Links) != 1 || len(got.Endings) != 1 || len(got.LeftOut) == 0 {
		t.Errorf("%d events, sessions %+v, browsers %+v, tokens %+v, mails %+v, links %+v, endings %+v", len(got.Events), got.Sessions, got.Browsers, got.Tokens, got.Mails, got.Links, got.Endings)
	}
	events, _, err := r.store.Events(t.Context(), idp.EventQuery{UserID: r.ada.ID, Limit: 1})
	if err != nil || len(events) != 1 || events[0].Kind != "user.data" {
		t.Errorf("the download is not written down: %+v, %v", events, err)
	}
}

// held gives somebody one of each thing that a person holds, and ends it; their
// browser is known by a proof that no longer stands then.
func (r *room) held(u idp.User) {
	r.Helper()
	ctx, must := r.Context(), func(err error) {
		r.Helper()
		if err != nil {
			r.Fatal(err)
		}
	}
	gate := r.Directory.Passes.(*sessions.Gate)
	in, err := gate.BeginSignIn(ctx, idp.SignIn{ResumeURL: "/"}, "a raw secret of the browser, long enough")
	must(err)
	generation, err := r.store.Generation(ctx)
	must(err)
	in, err = gate.Prove(ctx, in, idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: generation}, idp.Witness{}, "pwd")
	must(err)
	_, _, err = gate.Start(ctx, in, "198.51.100.7", "Firefox")
	must(err)
	_, err = gate.KnowDevice(ctx, in.Proof, "", sessions.Browser{Address: "198.51.100.7", UserAgent: "Firefox"}, idp.VouchNone)
	must(err)
	_, _, err = gate.NewLink(ctx, in.Proof, idp.LinkPassword)
	must(err)
	_, _, err = gate.NewAPIToken(ctx, in.Proof, "CI", 0)
	must(err)
	m := idp.NewMail(idp.MailNewDevice, u, idp.Time(time.Now()))
	m.Data = map[string]string{"device": "Firefox"}
	r.store.Mails = true
	change := idp.Change{Mails: []idp.Mail{m}}
	for range 600 {
		change.Events = append(change.Events, idp.Event{ID: idp.NewEventID(), At: idp.Time(time.Now()), Kind: "signin.password.ok", UserID: u.ID})
	}
	_, err = r.store.Commit(ctx, change)
	must(err)
	_, err = r.Directory.EndSessions(ctx, u.ID, "a reason that the person is not told")
	must(err)
}

// TestEveryTableThatNamesAPersonIsToldOrLeftOut: what is added to the database is
// added here, too.
func TestEveryTableThatNamesAPersonIsToldOrLeftOut(t *testing.T) {
	t.Parallel()
	told := map[string]string{
		"credentials": "credentials", "members": "groups", "grants": "apps", "accounts": "accounts", "sessions": "sessions", "participants": "apps_opened",
		"token_families": "tokens", "api_tokens": "tokens", "links": "links", "events": "events", "consents": "consents", "known_devices": "browsers",
		"mails": "mails", "receipts": "endings", "endings": "endings",
		"deliveries": "",                     // what apps were told of an ending: endings
		"schedules":  "", "batch_people": "", // appointments
		"sign_ins": "", "mail_codes": "", "device_codes": "", // kept for minutes
		"replays":        "", // what was ended anew after a restore from backup: endings
		"initial_tokens": "", // an owner's, to let apps register themselves
	}
	columns := map[string]bool{}
	for f := range reflect.TypeFor[ownData]().Fields() {
		columns[f.Tag.Get("json")] = true
	}
	for _, table := range storetest.TablesOfPeople(t) {
		field, known := told[table]
		if !known || field != "" && !columns[field] {
			t.Errorf("the table %s names people: put it into the download, or say why not", table)
		}
		delete(told, table)
	}
	for table := range told {
		t.Errorf("no table %s names people any more", table)
	}
}

// TestAPersonDecidesAboutTheirOwnPage: language and request, for nobody else.
func TestAPersonDecidesAboutTheirOwnPage(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	if w := r.as(r.ada, r.deletion, http.MethodGet, "/deletion", nil); w.Code != http.StatusSeeOther {
		t.Errorf("a house that takes no requests asks: %d", w.Code)
	}
	if _, err := r.Directory.SetLook(t.Context(), idp.Look{Version: 1, DeletionRequests: true}); err != nil {
		t.Fatal(err)
	}
	if w := r.as(r.ada, r.deletion, http.MethodGet, "/deletion", nil); w.Code != http.StatusOK {
		t.Errorf("it does not ask: %d", w.Code)
	}
	r.as(r.ada, r.setLanguage, http.MethodPost, "/language", url.Values{"language": {"de"}})
	r.as(r.ada, r.askDeletion, http.MethodPost, "/deletion", nil)
	ada, eve := r.now(r.ada), r.now(r.eve)
	if ada.Language != "de" || ada.DeletionAskedAt.IsZero() || eve.Language != "" || !eve.DeletionAskedAt.IsZero() {
		t.Errorf("ada %+v, eve %+v", ada, eve)
	}
	r.as(r.ada, r.withdrawDeletion, http.MethodPost, "/deletion/withdraw", nil)
	if !r.now(r.ada).DeletionAskedAt.IsZero() {
		t.Error("it is asked still")
	}
}

func (r *room) now(u idp.User) idp.User {
	r.Helper()
	u, err := r.store.User(r.Context(), u.ID)
	if err != nil {
		r.Fatal(err)
	}
	return u
}

// TestTilesGoByUse: most sessions lately first, then the newest use, then by
// name; those opened last stand apart where there are many.
func TestTilesGoByUse(t *testing.T) {
	t.Parallel()
	at := func(h int) time.Time { return time.Date(2026, 11, 28, h, 0, 0, 0, time.UTC) }
	p := &Portal{Launch: func(a idp.App) Launch { return Launch{Href: "https://x.example/"} }}
	var access []idp.Access
	for _, name := range strings.Fields("zulu alpha bravo charlie delta echo foxtrot golf") {
		access = append(access, idp.Access{App: idp.App{ID: idp.AppID(name), Name: name}})
	}
	accounts := []idp.Account{{AppID: "delta", LastSeenAt: at(9)}, {AppID: "echo", LastSeenAt: at(8)}}
	opened := []idp.AppOpened{{AppID: "bravo", Sessions: 3, LastAt: at(3)}, {AppID: "charlie", Sessions: 3, LastAt: at(4)}, {AppID: "zulu", Sessions: 9, LastAt: at(1)}}
	names := func(list []tile) (out []string) {
		for _, t := range list {
			out = append(out, t.Name)
		}
		return out
	}
	all, recents := p.tiles(access, accounts, opened)
	if diff := cmp.Diff(strings.Fields("zulu charlie bravo delta echo alpha foxtrot golf"), names(all)); diff != "" || recents != nil {
		t.Errorf("of eight: %s, %v", diff, recents)
	}
	access = append(access, idp.Access{App: idp.App{ID: "hotel", Name: "hotel"}})
	_, recents = p.tiles(access, accounts, opened)
	if diff := cmp.Diff(strings.Fields("delta echo charlie bravo"), names(recents)); diff != "" {
		t.Errorf("opened lately: %s", diff)
	}
	narrow(all, " LPH  ")
	var shown []string
	for _, t := range all {
		if !t.Hidden {
			shown = append(shown, t.Name)
		}
	}
	if !cmp.Equal(shown, []string{"alpha"}) {
		t.Errorf("found %q", shown)
	}
}

// TestComingsSayHowAndWhere: how somebody proved who they are, on what, from
// where, with the tries that failed between them.
func TestComingsSayHowAndWhere(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	p := &Portal{Place: func(address, language string) string {
		if address == "203.0.113.7" {
			return "Berlin, " + map[string]string{"de": "Deutschland", "en": "Germany"}[language]
		}
		return ""
	}}
	for methods, want := range map[string]string{
		"pwd": "with a password", "pwd otp mfa": "a password and a code", "swk user mfa": "with a passkey", "hwk user mfa": "with a passkey",
		"pwd hwk mfa": "a password and a passkey", "otp": "with a code", "mail": "with a code from a mail", "": "Signed in",
	} {
		if got := signedInWith(t.Context(), strings.Fields(methods)); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %q", methods, got)
		}
	}
	got := p.comings(ui.WithLanguage(context.Background(), "de", ""),
		[]idp.Session{{CreatedAt: now, Methods: []string{"pwd"}, Address: "203.0.113.7", UserAgent: "Firefox/1 (Linux)"}},
		[]idp.Event{
			{At: now.Add(time.Hour), Kind: "signin.password.refuse", Actor: idp.Actor{Address: "198.51.100.1"}},
			{At: now, Kind: "signin.password.ok"}, {At: now, Kind: "user.change"},
		})
	want := []ui.Happening{
		{At: now.Add(time.Hour), Title: "Anmeldung abgewiesen", Detail: "198.51.100.1"},
		{At: now, Title: "Angemeldet mit einem Passwort", Detail: "Firefox auf Linux, 203.0.113.7 (Berlin, Deutschland)"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
