package main

import (
	"context"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/saml"
	"gatehouse/jit/saas"
)

// furnish brings the demo's people, groups, apps and grants in; what is there
// already (--data) stays.
func (h *house) furnish(ctx context.Context, at demoSites, wikiSecretHash string, crm *saas.App) error {
	entity, settings, err := importApp(crm)
	if err != nil {
		return err
	}
	settings.SOAPLogoutURL = "http://" + at.crm.listen + saas.SLOPath
	settings.RequireSigned = len(settings.SigningCerts) > 0
	want := directory.Desired{
		Groups: []string{"Engineering", "Sales"},
		Apps: []idp.App{{
			Name: "Wiki", Protocol: idp.ProtocolOIDC, Identifier: "wiki", LaunchURL: at.wiki.url + saas.LoginPath,
			ProbeURL: "http://" + at.wiki.listen + saas.ProbePath,
			OIDC: &idp.OIDCSettings{
				SecretHashes: []string{wikiSecretHash}, RedirectURIs: []string{at.wiki.url + saas.CallbackPath},
				PostLogoutRedirectURIs: []string{at.wiki.url + saas.SignedOutPath},
				BackchannelLogoutURI:   "http://" + at.wiki.listen + saas.BackchannelLogoutPath, IDTokenAlg: "ES256",
			},
		}, {
			Name: "CRM", Protocol: idp.ProtocolSAML, Identifier: entity, LaunchURL: at.crm.url + saas.LoginPath,
			ProbeURL: "http://" + at.crm.listen + saas.ProbePath, SAML: &settings,
		}},
		Grants: []directory.DesiredGrant{{App: "Wiki", Group: "Engineering"}, {App: "CRM", Group: "Engineering", Grant: idp.Grant{Role: "editor"}}, {App: "CRM", Group: "Sales"}},
	}
	for i, p := range demoPeople {
		groups := []string{"Engineering"}
		if i == len(demoPeople)-1 {
			groups = []string{"Engineering", "Sales"}
		}
		want.Users = append(want.Users, directory.DesiredUser{Person: p, Groups: groups})
	}
	added, err := h.directory.Apply(ctx, want, false)
	if err != nil {
		return err
	}
	for _, d := range added {
		if d.Verb == "add" && d.Kind == "user" {
			if err := h.givePassword(ctx, d.User); err != nil {
				return err
			}
		}
	}
	return nil
}

// importApp reads the app's own metadata, as an admin would.
func importApp(app *saas.App) (string, idp.SAMLSettings, error) {
	return saml.Import(app.Metadata())
}

// givePassword sets the demo's password the way a person would: by a one-time
// link.
func (h *house) givePassword(ctx context.Context, u idp.User) error {
	raw, _, err := h.directory.Invite(ctx, u)
	if err != nil {
		return err
	}
	link, err := h.gate.Link(ctx, raw)
	if err != nil {
		return err
	}
	_, err = h.login.SetPassword(ctx, link, "", demoPassword, "")
	return err
}
