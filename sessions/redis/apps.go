package redis

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"

	"gatehouse/idp"
)

// AppStore reads apps with the number of the log at that moment.
type AppStore interface {
	AppAt(ctx context.Context, id idp.AppID) (idp.App, int64, error)
	AppByIdentifierAt(ctx context.Context, p idp.Protocol, identifier string) (idp.App, int64, error)
}

// Apps reads apps with copies in front of SQL.
type Apps struct {
	SQL   AppStore
	Redis *Redis

	decoded sync.Map // name of the copy to decodedApp
}

// decodedApp is an app as one copy says it: decoding costs more than asking.
type decodedApp struct {
	body string
	app  idp.App
}

// App returns the app with this ID.
func (a *Apps) App(ctx context.Context, id idp.AppID) (idp.App, error) {
	return a.read(ctx, "a:"+string(id), func() (idp.App, int64, error) { return a.SQL.AppAt(ctx, id) })
}

// AppByIdentifier returns the app with this client_id or entityID, in the
// tongue it speaks.
func (a *Apps) AppByIdentifier(ctx context.Context, p idp.Protocol, identifier string) (idp.App, error) {
	return a.read(ctx, appName(p, identifier), func() (idp.App, int64, error) {
		return a.SQL.AppByIdentifierAt(ctx, p, identifier)
	})
}

// appName is the key of an app's copy by what the app calls itself.
func appName(p idp.Protocol, identifier string) string {
	return "i:" + strconv.Itoa(len(p)) + string(p) + ":" + strconv.Quote(identifier)
}

func (a *Apps) read(ctx context.Context, name string, sql func() (idp.App, int64, error)) (idp.App, error) {
	if _, body, ok := a.Redis.read(ctx, name); ok {
		if app, ok := a.decode(name, body); ok {
			return app, nil
		}
	}
	app, n, err := sql()
	if err != nil {
		return idp.App{}, err
	}
	body, err := json.Marshal(copyOfApp{name, app})
	if err != nil {
		return idp.App{}, err
	}
	a.Redis.write(ctx, name, n, string(body), time.Hour, ofApp(app.ID))
	return app, nil
}

type copyOfApp struct {
	Name string
	App  idp.App
}

func (a *Apps) decode(name, body string) (idp.App, bool) {
	known, _ := a.decoded.Load(name)
	d, ok := known.(decodedApp)
	if !ok || d.body != body {
		var c copyOfApp
		if json.Unmarshal([]byte(body), &c) != nil || c.Name != name {
			return idp.App{}, false
		}
		d = decodedApp{body, c.App}
		a.decoded.Store(name, d)
	}
	// The caller's own.
	app := d.app
	if app.OIDC != nil {
		app.OIDC = new(*app.OIDC)
	}
	if app.SAML != nil {
		app.SAML = new(*app.SAML)
	}
	app.Attributes = slices.Clone(app.Attributes)
	return app, true
}
