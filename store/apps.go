package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"gatehouse/idp"
)

const (
	appColumns = `a.id, a.name, a.protocol, a.identifier, a.settings, a.created_at, a.updated_at, a.version, a.epoch`

	insertApp = `INSERT INTO apps (id, name, protocol, identifier, settings, created_at, updated_at, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 1)`
	updateApp = `UPDATE apps SET name = $3, identifier = $4, settings = $5, updated_at = $6, version = version + 1
		WHERE id = $1 AND version = $2`
	appByID         = `SELECT ` + appColumns + ` FROM apps a WHERE a.id = $1`
	appByName       = `SELECT ` + appColumns + ` FROM apps a WHERE a.name = $1`
	appByIdentifier = `SELECT ` + appColumns + ` FROM apps a WHERE a.identifier = $2 AND a.protocol = $1`
	appByIDAt       = `SELECT ` + appColumns + `, c.n FROM apps a CROSS JOIN counter c WHERE a.id = $1`
	allApps         = `SELECT ` + appColumns + ` FROM apps a ORDER BY a.name`
)

// settings is everything of an app that no statement asks for.
type settings struct {
	LaunchURL       string              `json:",omitempty"`
	ProbeURL        string              `json:",omitempty"`
	WholeUserLogout bool                `json:",omitempty"`
	OIDC            *idp.OIDCSettings   `json:",omitempty"`
	SAML            *idp.SAMLSettings   `json:",omitempty"`
	Attributes      []idp.AttributeRule `json:",omitempty"`
	Template        string              `json:",omitempty"`
}

// appRow is an app as its row has it; app puts it together.
type appRow struct {
	app idp.App
	set string
}

func (a *appRow) dest() []any {
	return []any{&a.app.ID, &a.app.Name, &a.app.Protocol, &a.app.Identifier, &a.set,
		at(&a.app.CreatedAt), at(&a.app.UpdatedAt), &a.app.Version, &a.app.Epoch}
}

// appSettings are the settings of one version of an app, decoded.
type appSettings struct {
	version int64
	settings
}

// app puts a row together. Every sign-on reads an app, and its settings change
// seldom: they are decoded once per version. The row itself, and with it the
// version, is always read.
func (s *Store) app(a *appRow) (idp.App, error) {
	known, ok := s.settings.Load(a.app.ID)
	decoded, _ := known.(appSettings)
	if !ok || decoded.version != a.app.Version {
		decoded = appSettings{version: a.app.Version}
		if err := json.Unmarshal([]byte(a.set), &decoded.settings); err != nil {
			return idp.App{}, fmt.Errorf("settings of app %s: %w", a.app.ID, err)
		}
		s.settings.Store(a.app.ID, decoded)
	}
	app := a.app
	app.LaunchURL, app.ProbeURL, app.WholeUserLogout = decoded.LaunchURL, decoded.ProbeURL, decoded.WholeUserLogout
	app.Template = decoded.Template
	// The caller's own copies: verbs fill in defaults.
	if decoded.OIDC != nil {
		app.OIDC = new(*decoded.OIDC)
	}
	if decoded.SAML != nil {
		app.SAML = new(*decoded.SAML)
	}
	app.Attributes = slices.Clone(decoded.Attributes)
	return app, nil
}

func (s *Store) scanApp(r row) (idp.App, error) {
	var a appRow
	if err := r.Scan(a.dest()...); err != nil {
		return idp.App{}, err
	}
	return s.app(&a)
}

func appStep(a idp.App) step {
	set := asJSON(settings{a.LaunchURL, a.ProbeURL, a.WholeUserLogout, a.OIDC, a.SAML, a.Attributes, a.Template})
	if a.Version == 0 {
		return do(insertApp, a.ID, a.Name, a.Protocol, a.Identifier, set, us(a.CreatedAt), us(a.UpdatedAt))
	}
	return must(stale("app"), updateApp, a.ID, a.Version, a.Name, a.Identifier, set, us(a.UpdatedAt))
}

// App returns the app with this ID.
func (s *Store) App(ctx context.Context, id idp.AppID) (idp.App, error) {
	return one(ctx, s, "app", s.scanApp, appByID, id)
}

// AppByIdentifier returns the app with this client_id or entityID, in the
// tongue it speaks.
func (s *Store) AppByIdentifier(ctx context.Context, p idp.Protocol, identifier string) (idp.App, error) {
	return one(ctx, s, "app", s.scanApp, appByIdentifier, p, identifier)
}

// AppAt returns the app with this ID, and the number of the newest row of the
// log at that moment.
func (s *Store) AppAt(ctx context.Context, id idp.AppID) (app idp.App, n int64, err error) {
	app, err = one(ctx, s, "app", func(r row) (idp.App, error) {
		var a appRow
		if err := r.Scan(append(a.dest(), &n)...); err != nil {
			return idp.App{}, err
		}
		return s.app(&a)
	}, appByIDAt, id)
	return app, n, err
}

// AppByName returns the app with this name.
func (s *Store) AppByName(ctx context.Context, name string) (idp.App, error) {
	return one(ctx, s, "app", s.scanApp, appByName, name)
}

// Apps returns all apps by name.
func (s *Store) Apps(ctx context.Context) ([]idp.App, error) {
	return list(ctx, s, "apps", s.scanApp, allApps)
}
