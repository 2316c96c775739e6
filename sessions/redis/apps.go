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
	t, err := a.read(ctx, "a:"+string(id), func() (t idp.AppTruth, n int64, err error) {
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
	body, err := json.Marshal(copyOfApp{name, t})
	if err != nil {
		return idp.AppTruth{}, err
	}
	a.Redis.write(ctx, name, n, string(body), time.Hour, ofApp(t.App.ID))
	return t, nil
}

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
