package redis

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/idp"
)

// AppStore reads apps with the number of the log at that moment.
type AppStore interface {
	Admission(ctx context.Context, p idp.Protocol, identifier string, user idp.UserID, now time.Time) (idp.Admission, error)
	// EntryTurns comes with when time alone may change what it says; zero: never.
	EntryTurns(ctx context.Context, p idp.Protocol, identifier string, user idp.UserID, now time.Time) (idp.Entry, time.Time, error)
	AppAt(ctx context.Context, id idp.AppID) (idp.App, int64, error)
	AppTruthByIdentifierAt(ctx context.Context, p idp.Protocol, identifier string) (idp.AppTruth, int64, error)
}

// Apps reads apps with copies in front of SQL.
type Apps struct {
	SQL   AppStore
	Redis *Redis

	decoded sync.Map // name of the copy to decodedApp
}

// decodedApp is an app as one copy says it: decoding costs more than asking.
type decodedApp struct {
	body  string
	truth idp.AppTruth
}

// App returns the app with this ID.
func (a *Apps) App(ctx context.Context, id idp.AppID) (idp.App, error) {
	t, err := a.read(ctx, appIDName(id), func() (t idp.AppTruth, n int64, err error) {
		t.App, n, err = a.SQL.AppAt(ctx, id)
		return t, n, err
	})
	return t.App, err
}

// AppByIdentifier returns the app with this client_id or entityID, in the
// tongue it speaks.
func (a *Apps) AppByIdentifier(ctx context.Context, p idp.Protocol, identifier string) (idp.App, error) {
	t, err := a.AppTruthByIdentifier(ctx, p, identifier)
	return t.App, err
}

// AppTruthByIdentifier returns the same with what its own passes hang on. All of
// it hangs on the app and the house, as the copy does.
func (a *Apps) AppTruthByIdentifier(ctx context.Context, p idp.Protocol, identifier string) (idp.AppTruth, error) {
	return a.read(ctx, appName(p, identifier), func() (idp.AppTruth, int64, error) {
		return a.SQL.AppTruthByIdentifierAt(ctx, p, identifier)
	})
}

// Admission returns the app with this client_id or entityID, and whether the user
// may use it now. That they may is kept, while time alone has changed nothing,
// with the number of then: a code given out on it is older than it might be, and
// so refused by more endings, never by fewer.
func (a *Apps) Admission(ctx context.Context, p idp.Protocol, identifier string, user idp.UserID, now time.Time) (idp.Admission, error) {
	app := appName(p, identifier)
	name := "g:" + string(user) + ":" + app
	if copies := a.Redis.readAll(ctx, app, name); copies != nil {
		t, known := a.decode(app, bodyOf(copies[0]))
		adm, granted := readAdmission(bodyOf(copies[1]), name)
		if known && granted && (adm.Until.IsZero() || now.Before(adm.Until)) {
			adm.App = t.App
			return adm, nil
		}
	}
	adm, err := a.SQL.Admission(ctx, p, identifier, user, now)
	if err == nil && adm.Granted && a.Redis.keeps() {
		life := time.Hour
		if !adm.Until.IsZero() {
			life = min(life, adm.Until.Sub(now))
		}
		a.Redis.write(ctx, name, adm.N, writeAdmission(adm, name), life, ofUser(user), ofApp(adm.App.ID))
	}
	return adm, err
}

// Entry returns the app with this client_id or entityID, and what a sign-on of
// the user to it goes by. Of who may use it a copy is kept as of an admission,
// until time alone may change the role.
func (a *Apps) Entry(ctx context.Context, p idp.Protocol, identifier string, user idp.UserID, now time.Time) (idp.Entry, error) {
	app := appName(p, identifier)
	name := "e:" + string(user) + ":" + app
	if copies := a.Redis.readAll(ctx, app, name); copies != nil {
		t, known := a.decode(app, bodyOf(copies[0]))
		var c copyOfEntry
		if known && json.Unmarshal([]byte(bodyOf(copies[1])), &c) == nil && c.Name == name && (c.Turns.IsZero() || now.Before(c.Turns)) {
			c.Entry.App = t.App
			return c.Entry, nil
		}
	}
	e, turns, err := a.SQL.EntryTurns(ctx, p, identifier, user, now)
	if err != nil || !e.Granted || !a.Redis.keeps() {
		return e, err
	}
	life := time.Hour
	if !turns.IsZero() {
		life = min(life, turns.Sub(now))
	}
	c := copyOfEntry{Name: name, Turns: turns, Entry: e}
	c.Entry.App = idp.App{} // which has a copy of its own
	body, err := json.Marshal(c)
	if err != nil {
		return e, err
	}
	a.Redis.write(ctx, name, e.N, string(body), life, ofUser(user), ofApp(e.App.ID))
	_, err = a.AppTruthByIdentifier(ctx, p, identifier)
	return e, err
}

type copyOfEntry struct {
	Name  string
	Turns time.Time
	idp.Entry
}

// The copy of an admission is its fields, one line each, and the name again.
func writeAdmission(adm idp.Admission, name string) string {
	until := int64(0)
	if !adm.Until.IsZero() {
		until = adm.Until.UnixMicro()
	}
	return strconv.FormatInt(adm.N, 36) + "\n" + strconv.FormatInt(until, 36) + "\n" + name
}

func readAdmission(body, name string) (adm idp.Admission, ok bool) {
	n, rest, _ := strings.Cut(body, "\n")
	end, said, _ := strings.Cut(rest, "\n")
	number, errN := strconv.ParseInt(n, 36, 64)
	until, errUntil := strconv.ParseInt(end, 36, 64)
	if said != name || errN != nil || errUntil != nil {
		return adm, false
	}
	if adm.Granted, adm.N = true, number; until != 0 {
		adm.Until = time.UnixMicro(until).UTC()
	}
	return adm, true
}

// appName is the key of an app's copy by what the app calls itself.
func appName(p idp.Protocol, identifier string) string {
	return "t:" + strconv.Itoa(len(p)) + string(p) + ":" + strconv.Quote(identifier)
}

func (a *Apps) read(ctx context.Context, name string, sql func() (idp.AppTruth, int64, error)) (idp.AppTruth, error) {
	if _, body, ok := a.Redis.read(ctx, name); ok {
		if t, ok := a.decode(name, body); ok {
			return t, nil
		}
	}
	t, n, err := sql()
	if err != nil {
		return idp.AppTruth{}, err
	}
	return t, a.keep(ctx, name, t, n)
}

// keep keeps a copy of what was read at number n.
func (a *Apps) keep(ctx context.Context, name string, t idp.AppTruth, n int64) error {
	if !a.Redis.keeps() {
		return nil
	}
	body, err := json.Marshal(copyOfApp{name, t})
	if err == nil {
		a.Redis.write(ctx, name, n, string(body), time.Hour, ofApp(t.App.ID))
	}
	return err
}

// appIDName is the key of an app's copy by its ID: without what its own passes
// hang on.
func appIDName(id idp.AppID) string { return "a:" + string(id) }

type copyOfApp struct {
	Name string
	idp.AppTruth
}

func (a *Apps) decode(name, body string) (idp.AppTruth, bool) {
	known, _ := a.decoded.Load(name)
	d, ok := known.(decodedApp)
	if !ok || d.body != body {
		var c copyOfApp
		if json.Unmarshal([]byte(body), &c) != nil || c.Name != name {
			return idp.AppTruth{}, false
		}
		d = decodedApp{body, c.AppTruth}
		a.decoded.Store(name, d)
	}
	// The caller's own.
	t := d.truth
	if t.App.OIDC != nil {
		t.App.OIDC = new(*t.App.OIDC)
	}
	if t.App.SAML != nil {
		t.App.SAML = new(*t.App.SAML)
	}
	t.App.Attributes = slices.Clone(t.App.Attributes)
	return t, true
}
