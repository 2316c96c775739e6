package main

import (
	"context"
	"strings"
	"text/tabwriter"
)

type appCmd struct {
	List appListCmd `cmd:"" help:"List apps."`
	Show appShowCmd `cmd:"" help:"Show an app's registration."`

	Add       appAddCmd       `cmd:"" help:"Register an app and print what to write into it: OpenID Connect, with --saml a service provider, or a well-known app from its template."`
	Templates appTemplatesCmd `cmd:"" help:"List the templates of well-known apps, or show one."`
	Preview   appPreviewCmd   `cmd:"" help:"Show what an app would be told of a person, without signing in as them."`
	Test      appTestCmd      `cmd:"" help:"Play a sign-on of a person at an app, by its vendor's rules; exits 3 if it would be refused."`

	Connect appConnectCmd `cmd:"" help:"Print what an app has to be told, its secret apart."`
	Check   appCheckCmd   `cmd:"" help:"Say what a reviewer would say of an app's registration; exits 3 if there is anything."`
	Secret  appSecretCmd  `cmd:"" help:"The secrets of an app: one, or two while the app is moved to a new one."`

	ReleaseName        appReleaseNameCmd        `cmd:"" help:"Let somebody else be known to a SAML app by a name that it knows a renamed person by, whose account there is gone."`
	Remove             appRemoveCmd             `cmd:"" help:"Remove an app for good: end all that it holds, and print the receipt."`
	RevokeRegistration appRevokeRegistrationCmd `cmd:"" help:"Take away the token with which an app manages its own registration; the app stays."`

	Metadata appMetadataCmd `cmd:"" help:"Register what a metadata document says of a SAML app, or with --dry-run print the difference."`

	EndAll appEndAllCmd `cmd:"" help:"End everything an app holds, of everybody, and print the receipt."`
}

type appListCmd struct{ remote }

// Run lists the apps.
func (c appListCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	found, err := api.Apps(ctx)
	if err != nil {
		return err
	}
	return c.print(found, func(w *tabwriter.Writer) {
		row(w, "NAME", "PROTOCOL", "IDENTIFIER", "ID")
		for _, a := range found {
			name := a.Name
			if a.Removed {
				name += " (removed)"
			}
			row(w, name, a.Protocol, a.Identifier, a.ID)
		}
	})
}

type appShowCmd struct {
	remote
	App string `arg:"" help:"Name or ID of the app."`
}

// Run shows the app.
func (c appShowCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	a, err := api.App(ctx, c.App)
	if err != nil {
		return err
	}
	return c.print(a, func(w *tabwriter.Writer) {
		row(w, "id", a.ID)
		row(w, "name", a.Name)
		row(w, "protocol", a.Protocol)
		row(w, "identifier", a.Identifier)
		row(w, "launch URL", or(a.LaunchURL, "-"))
		if a.Template != "" {
			row(w, "template", a.Template)
		}
		if a.Removed {
			row(w, "removed", "yes")
		}
		if a.RegisteredBy != "" {
			row(w, "registered itself by", a.RegisteredBy)
			row(w, "manages its registration", map[bool]string{true: "yes", false: "no more"}[a.ManagesItself])
		}
		if o := a.OIDC; o != nil {
			row(w, "application type", o.ApplicationType)
			for _, u := range o.RedirectURIs {
				row(w, "redirect URI", u)
			}
			row(w, "initiate login", or(o.InitiateLoginURI, "-"))
			for _, u := range o.Resources {
				row(w, "resource", u)
			}
			row(w, "client authentication", o.AuthMethod)
			row(w, "consent", map[bool]string{false: "not asked", true: "asked (third party)"}[o.ThirdParty])
			row(w, "back-channel logout", or(o.BackchannelLogoutURI, "-"))
			row(w, "front-channel logout", or(o.FrontchannelLogoutURI, "-"))
		}
		if s := a.SAML; s != nil {
			for _, acs := range s.ACS {
				row(w, "assertion consumer", acs.URL)
			}
			row(w, "NameID", strings.TrimSpace(s.NameIDFormat+" "+s.NameIDSource))
			row(w, "IdP-initiated", map[bool]string{true: "yes", false: "no"}[s.IdPInitiated])
			row(w, "SOAP logout", or(s.SOAPLogoutURL, "-"))
			row(w, "front-channel logout", or(strings.TrimSpace(s.FrontLogoutURL+" "+s.FrontLogoutBinding), "-"))
			row(w, "logout answers", or(s.FrontLogoutResponseURL, or(s.FrontLogoutURL, "-")))
		}
	})
}

type appEndAllCmd struct {
	remote
	App    string `arg:"" help:"Name or ID of the app."`
	Reason string `help:"Why; it stands in the receipt."`
}

// Run ends everything the app holds.
func (c appEndAllCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	r, err := api.EndApp(ctx, c.App, c.Reason)
	if err != nil {
		return err
	}
	return c.printReceipt(r)
}
