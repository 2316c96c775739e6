package console

import (
	"context"
	"net/http"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/web/ui"
)

// appList shows the apps and how access ends in each.
func (c *Console) appList(w http.ResponseWriter, r *http.Request) error {
	apps, err := c.Store.Apps(r.Context())
	if err != nil {
		return err
	}
	var v appsView
	for _, a := range apps {
		v.Apps = append(v.Apps, appRow{
			ID: string(a.ID), Name: a.Name, Protocol: protocolWords(a.Protocol), Identifier: a.Identifier, Lever: c.levers(a), Removed: a.Removed(),
		})
	}
	return ui.Render(w, r, http.StatusOK, appsPage(v))
}

// appShow shows one app: how access ends there, who has it, its settings.
func (c *Console) appShow(w http.ResponseWriter, r *http.Request) error {
	ctx, after := r.Context(), cursor(r)
	a, err := c.Store.App(ctx, idp.AppID(r.PathValue("id")))
	if err != nil {
		return err
	}
	v := appView{
		ID: string(a.ID), Name: a.Name, Protocol: protocolWords(a.Protocol), LaunchURL: a.LaunchURL,
		Settings: settings(a), Connect: c.connect(a, ""), SAML: a.SAML != nil, Removed: a.Removed(),
		Tries: !a.Removed() && (a.OIDC == nil || a.OIDC.ApplicationType != idp.ApplicationMachine),
	}
	if v.Secrets, err = c.Store.ClientSecrets(ctx, a); err != nil {
		return err
	}
	if v.Ends, err = c.endsWords(ctx, a); err != nil {
		return err
	}
	if v.Metadata, err = c.refresh(ctx, a); err != nil {
		return err
	}
	if !a.Removed() {
		if v.Findings, err = c.Directory.Review(ctx, a); err != nil {
			return err
		}
	}
	for _, rule := range a.Attributes {
		v.Attributes = append(v.Attributes, attributeRow{rule.Name, rule.Source})
	}
	if v.Grants, err = c.grantRows(ctx, a.ID); err != nil {
		return err
	}
	accounts, next, err := c.Store.AccountsOfApp(ctx, a.ID, after, pageSize)
	if err != nil {
		return err
	}
	for _, acc := range accounts {
		u, err := c.Store.User(ctx, acc.UserID)
		if err != nil {
			return err
		}
		p := row(u)
		p.Note = "Known there as " + acc.Subject
		v.People = append(v.People, p)
	}
	v.Pager = pager("/console/apps/"+string(a.ID), nil, after, next)
	return ui.Render(w, r, http.StatusOK, appPage(v))
}

// grantRows says who may use an app.
func (c *Console) grantRows(ctx context.Context, id idp.AppID) ([]grantRow, error) {
	grants, err := c.Store.Grants(ctx, id)
	if err != nil {
		return nil, err
	}
	who := c.names()
	out := make([]grantRow, 0, len(grants))
	for _, g := range grants {
		row := grantRow{Role: g.Role, From: g.FromAt, Until: g.UntilAt}
		if g.GroupID != "" {
			group, err := c.Store.Group(ctx, g.GroupID)
			if err != nil {
				return nil, err
			}
			row.Group, row.Name, row.Href = true, group.Name, "/console/groups/"+string(g.GroupID)
		} else {
			row.Href = "/console/users/" + string(g.UserID)
			if row.Name, err = who.of(ctx, g.UserID); err != nil {
				return nil, err
			}
		}
		out = append(out, row)
	}
	return out, nil
}

// endsWords says how access ends in an app.
func (c *Console) endsWords(ctx context.Context, a idp.App) ([]ui.Pair, error) {
	if a.OIDC != nil && a.OIDC.ApplicationType == idp.ApplicationMachine {
		return []ui.Pair{{Key: "Lever", Value: "None is needed: nobody signs in to a machine"}}, nil
	}
	x, err := c.Outbox.Ceiling(ctx, a, c.SessionLife)
	if err != nil {
		return nil, err
	}
	if !c.reached(a) {
		lever := "None"
		if byBrowser(a) {
			lever = "None. Only the person's own browser can end it, when they sign out; a suspension does not wait for that"
		}
		return []ui.Pair{{Key: "Lever", Value: lever}, {Key: "At most", Value: atMost(x)}}, nil
	}
	reach := "one session at a time: each is told of its own end"
	if a.WholeUserLogout {
		reach = "every session of the person, with one message"
	}
	proof := "Not asked: a line stays acknowledged, unless the app comes to us after the cut and is refused"
	if a.ProbeURL != "" {
		proof = "Its probe is asked afterwards: that is what makes a line verified"
	}
	return []ui.Pair{
		{Key: "Lever", Value: c.levers(a)}, {Key: "Reaches", Value: reach}, {Key: "At most", Value: atMost(x)}, {Key: "Proof", Value: proof},
	}, nil
}

// atMost says how long access to an app can outlive a suspension.
func atMost(x idp.Exposure) string {
	words := map[idp.Basis]string{
		idp.BasisLever:         "It is told at once. What was handed out just before can still land, and is ended within " + ui.Span(x.Within),
		idp.BasisAssertion:     ui.Span(x.Within) + ": its assertion says when the session ends (SessionNotOnOrAfter)",
		idp.BasisSessionExpiry: ui.Span(x.Within) + ": it ends its session at session_expiry",
		idp.BasisClosed:        "At once: nobody signs in there, and Gatehouse is asked about its tokens",
		idp.BasisJWT:           ui.Span(x.Within) + ": its access tokens are JWTs (RFC 9068), and an API that reads them by itself takes them until they expire",
		idp.BasisNothing:       "No end known: nothing we know of ends a session there",
	}[x.Basis]
	if x.Distrusted {
		words += ". It did not take what it was told last, so the lever is not counted on"
	}
	return words
}

// settings are what we know of an app, secrets left out.
func settings(a idp.App) []ui.Pair {
	var out []ui.Pair
	add := func(key, value string, copyable bool) {
		if value != "" {
			out = append(out, ui.Pair{Key: key, Value: value, Copy: copyable})
		}
	}
	switch {
	case a.OIDC != nil:
		add("Client ID", a.Identifier, true)
		add("Kind of app", kindWords(a.OIDC.ApplicationType), false)
		add("Client authentication", a.OIDC.AuthMethod, false)
		if a.OIDC.FAPI2 {
			add("Profile", "FAPI 2.0 Security Profile", false)
		}
		add("Public keys at", a.OIDC.JWKSURI, true)
		for _, u := range a.OIDC.RedirectURIs {
			add("Redirect address", u, true)
		}
		for _, u := range a.OIDC.PostLogoutRedirectURIs {
			add("After a sign-out", u, true)
		}
		add("Begins a sign-on at", a.OIDC.InitiateLoginURI, true)
		for _, u := range a.OIDC.Resources {
			add("Resource", u, true)
		}
		add("Back-channel logout", a.OIDC.BackchannelLogoutURI, true)
		tokenSettings(a.OIDC, add)
		add("Front-channel logout", a.OIDC.FrontchannelLogoutURI, true)
		add("ID token signed with", a.OIDC.IDTokenAlg, false)
		add("Consent", consentWords(*a.OIDC), false)
	case a.SAML != nil:
		add("Entity ID", a.Identifier, true)
		for _, acs := range a.SAML.ACS {
			add("Assertion consumer", acs.URL, true)
		}
		add("Logout over SOAP", a.SAML.SOAPLogoutURL, true)
		add("Logout by browser", a.SAML.FrontLogoutURL, true)
		add("NameID", nameIDWords(*a.SAML), false)
		add("Opened from the portal", launchWords(*a.SAML), false)
		add("RelayState then", a.SAML.RelayState, true)
		for _, cert := range a.SAML.SigningCerts {
			add("Signing certificate", directory.CertificateWords(cert), false)
		}
		add("Signed", signedWords(*a.SAML), false)
		add("Encrypted", encryptedWords(*a.SAML), false)
		if a.SAML.SessionTTL > 0 {
			add("Sessions end after", a.SAML.SessionTTL.Round(time.Minute).String(), false)
		}
	}
	add("Template", a.Template, false)
	add("Probe", a.ProbeURL, true)
	add("ID here", string(a.ID), true)
	return out
}

// nameIDWords says by what an app knows people.
func nameIDWords(s idp.SAMLSettings) string {
	if s.NameIDSource == "" {
		return formatWords(s.NameIDFormat)
	}
	return formatWords(s.NameIDFormat) + ", the person's " + s.NameIDSource
}

// launchWords says what its tile in the portal does.
func launchWords(s idp.SAMLSettings) string {
	if s.IdPInitiated {
		return "With an answer that it did not ask for (IdP-initiated)"
	}
	return ""
}

// consentWords says whether people are asked before the app learns of them.
func consentWords(o idp.OIDCSettings) string {
	if o.ThirdParty {
		return "Each person is asked what it may learn of them: it is somebody else's app"
	}
	return "Not asked: an app of your own"
}
