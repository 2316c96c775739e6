package directory

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"gatehouse/idp"
)

// Apps is what is known of apps, who may use them, and as whom.
type Apps interface {
	App(ctx context.Context, id idp.AppID) (idp.App, error)
	AppByName(ctx context.Context, name string) (idp.App, error)
	AppByIdentifier(ctx context.Context, p idp.Protocol, identifier string) (idp.App, error)
	Apps(ctx context.Context) ([]idp.App, error)
	Grants(ctx context.Context, id idp.AppID) ([]idp.Grant, error)
	DueGrants(ctx context.Context, now time.Time, limit int) ([]idp.Grant, error)
	AccountBySubject(ctx context.Context, app idp.AppID, subject string) (idp.Account, error)
}

// AddApp registers an app; a relying party without a client_id gets one. It
// answers idp.Invalid naming the field, and idp.Conflict when name, client_id
// or entityID is taken.
func (d *Directory) AddApp(ctx context.Context, a idp.App) (idp.App, error) {
	a.ID, a.Version = idp.NewAppID(), 0
	if a.Identifier == "" && a.Protocol == idp.ProtocolOIDC {
		a.Identifier = NewClientID()
	}
	a.CreatedAt = d.now()
	made, err := d.makeRoom(ctx, a)
	if err != nil {
		return idp.App{}, err
	}
	return d.putApp(ctx, "app.add", a, made...)
}

// CheckApp answers idp.Invalid, naming the field, for a registration that AddApp
// would refuse; nothing is written.
func (d *Directory) CheckApp(a idp.App) error {
	if a.OIDC != nil {
		a.OIDC = new(*a.OIDC)
	}
	if a.SAML != nil {
		a.SAML = new(*a.SAML)
	}
	return d.checkApp(&a)
}

// ChangeApp replaces the registration of an app; a.Version is the version it
// was made from (idp.Conflict when that is stale, or the app was removed). When it
// returns, no node goes by what was before.
func (d *Directory) ChangeApp(ctx context.Context, a idp.App) (idp.App, error) {
	have, err := d.Store.App(ctx, a.ID)
	if err != nil {
		return idp.App{}, err
	}
	if err := standing(have); err != nil {
		return idp.App{}, err
	}
	if err := d.checkApp(&a); err != nil {
		return idp.App{}, err
	}
	if err := keepSubjects(have, a); err != nil {
		return idp.App{}, err
	}
	keepExposed(have, &a, d.now())
	keepKey(have, &a)
	return d.putApp(ctx, "app.change", a)
}

// keepKey carries over which key signs for an app, which is said by the verbs on
// keys alone, and which documents were registered for it.
func keepKey(have idp.App, want *idp.App) {
	if have.SAML != nil && want.SAML != nil {
		want.SAML = new(*want.SAML)
		want.SAML.SigningKey, want.SAML.Metadata.Before = have.SAML.SigningKey, have.SAML.Metadata.Before
	}
}

// putApp writes the app after others that change with it.
func (d *Directory) putApp(ctx context.Context, kind string, a idp.App, before ...idp.App) (idp.App, error) {
	if err := d.checkApp(&a); err != nil {
		return idp.App{}, err
	}
	a.UpdatedAt = d.now()
	e := d.event(ctx, kind)
	e.AppID = a.ID
	e.Detail = map[string]string{"app": a.Name}
	if err := d.commitApps(ctx, idp.Change{Apps: append(before, a), Events: []idp.Event{e}}); err != nil {
		return idp.App{}, err
	}
	a.Version++
	return a, nil
}

// commitApps returns when no node has a copy of what apps were before: an address
// that was taken out gets no answer any more, and none goes out unencrypted.
func (d *Directory) commitApps(ctx context.Context, c idp.Change) error {
	done, err := d.Store.Commit(ctx, c)
	if err != nil || done.N == 0 || len(c.Apps) == 0 { // no copy says otherwise
		return err
	}
	return d.Store.InForce(ctx, done.N)
}

// stands returns when what was found to be so already is so on every node: who
// made it so may have died before that.
func (d *Directory) stands(ctx context.Context) error {
	n, err := d.Store.Newest(ctx)
	if err != nil {
		return err
	}
	return d.Store.InForce(ctx, n)
}

// NewSecret returns a client secret of 256 random bits, to be shown once, and
// what is stored of it. It is hex, so that no command line takes it for a flag.
func NewSecret() (raw, hash string) {
	var b [32]byte
	rand.Read(b[:])
	raw = hex.EncodeToString(b[:])
	return raw, HashSecret(raw)
}

// HashSecret returns what is stored of a client secret: hex SHA-256. Secrets
// of an app carry 256 random bits, so a slow hash would only slow us.
func HashSecret(raw string) string {
	sum := sha256.Sum256([]byte(raw))
	return hex.EncodeToString(sum[:])
}
