package main

import (
	"context"
	"errors"
	"text/tabwriter"

	"gatehouse/web/api/client"
)

type appAddCmd struct {
	remote
	Name        string            `arg:"" optional:"" help:"What people see when they sign in; a template has one."`
	Template    string            `help:"Register it from this template; see gatehouse app templates."`
	Set         map[string]string `help:"Answer a question of the template: NAME=VALUE; may be repeated." mapsep:"none"`
	Type        string            `default:"web" enum:"web,single_page,native,machine" help:"Kind of app: web, single_page, native or machine. What fits it is set by itself."`
	ClientID    string            `name:"client-id" help:"Its client_id; without it, one is made."`
	RedirectURI []string          `name:"redirect-uri" sep:"none" help:"Where answers go, byte by byte; may be repeated. None for a machine."`
	AfterLogout []string          `name:"post-logout-redirect-uri" sep:"none" help:"Where people may be led after a sign-out; may be repeated."`
	Backchannel string            `name:"backchannel-logout-uri" help:"Where it is told that somebody is out."`
	LaunchURL   string            `name:"launch-url" help:"Where its tile leads."`
	Offline     bool              `help:"It may act for a person who has signed out (offline_access)."`

	SAML        bool     `name:"saml" help:"It is a SAML service provider: give --metadata, --metadata-url, or --entity-id and --acs."`
	Metadata    string   `group:"SAML" help:"Metadata file of the service provider; - for standard input."`
	MetadataURL string   `group:"SAML" name:"metadata-url" help:"Where its metadata is published; the server reads it, and reads it again once a day."`
	MetadataPin string   `group:"SAML" name:"metadata-pin" help:"PEM file of the certificate that signs it, in the file or there: what it has not signed as a whole is refused. What is proven by it at the address later is registered by itself."`
	EntityID    string   `group:"SAML" name:"entity-id" help:"Its entityID, for an app without metadata, or to take it from a file of many."`
	ACS         []string `group:"SAML" name:"acs" sep:"none" help:"Where answers go (AssertionConsumerService, HTTP-POST), for an app without metadata; may be repeated."`
	Cert        []string `group:"SAML" sep:"none" help:"PEM file of a certificate that signs its requests, for an app without metadata; may be repeated."`
	DryRun      bool     `group:"SAML" help:"Print what its metadata says and register nothing."`
}

// Run registers the app.
func (c appAddCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	want := client.App{Name: c.Name, Identifier: c.ClientID, LaunchURL: c.LaunchURL, Template: c.Template, Set: c.Set}
	switch {
	case c.SAML && c.Template != "":
		return errors.New("a template says itself which protocol its app speaks: leave --saml out")
	case c.SAML:
		if want, err = c.serviceProvider(); err != nil {
			return err
		}
		if c.DryRun {
			return c.printMetadata(ctx, api, *want.SAML)
		}
	case c.Template == "":
		want.Protocol = "oidc"
		want.OIDC = &client.OIDC{
			ApplicationType: c.Type, RedirectURIs: c.RedirectURI, PostLogoutRedirectURIs: c.AfterLogout,
			BackchannelLogoutURI: c.Backchannel, AllowOfflineAccess: c.Offline,
		}
	}
	a, err := api.AddApp(ctx, want)
	if err != nil {
		return err
	}
	return c.print(a, func(w *tabwriter.Writer) {
		row(w, "# "+a.Name+", "+a.ID+". A secret is shown once. Nobody may use the app until it is granted.")
		connectLines(w, a.Connect)
	})
}

type appConnectCmd struct {
	remote
	App string `arg:"" help:"Name or ID of the app."`
}

// Run prints what the app has to be told.
func (c appConnectCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	found, err := api.Connect(ctx, c.App)
	if err != nil {
		return err
	}
	return c.print(found, func(w *tabwriter.Writer) { connectLines(w, found) })
}

// connectLines prints lines that can be pasted into a file of settings.
func connectLines(w *tabwriter.Writer, lines []client.Setting) {
	for _, s := range lines {
		row(w, s.Name+"="+s.Value)
	}
}

type appSecretCmd struct {
	List   appSecretListCmd   `cmd:"" help:"List an app's secrets: when each was made and last used."`
	Add    appSecretAddCmd    `cmd:"" help:"Give an app a second secret and print it once."`
	Remove appSecretRemoveCmd `cmd:"" help:"Remove one of an app's two secrets."`
}

type appSecretListCmd struct {
	remote
	App string `arg:"" help:"Name or ID of the app."`
}

// Run lists the secrets.
func (c appSecretListCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	found, err := api.Secrets(ctx, c.App)
	if err != nil {
		return err
	}
	return c.print(found, func(w *tabwriter.Writer) {
		row(w, "SECRET", "MADE", "LAST USED")
		for _, s := range found {
			row(w, s.ID, at(s.MadeAt), at(s.UsedAt))
		}
	})
}

type appSecretAddCmd struct {
	remote
	App string `arg:"" help:"Name or ID of the app."`
}

// Run gives the app a second secret.
func (c appSecretAddCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	s, err := api.AddSecret(ctx, c.App)
	if err != nil {
		return err
	}
	return c.print(s, func(w *tabwriter.Writer) {
		row(w, "secret", s.ID)
		row(w, "shown once", s.Secret)
	})
}

type appSecretRemoveCmd struct {
	remote
	App    string `arg:"" help:"Name or ID of the app."`
	Secret string `arg:"" help:"ID of the secret."`
}

// Run removes the secret.
func (c appSecretRemoveCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	return api.RemoveSecret(ctx, c.App, c.Secret)
}
