package console

import (
	"errors"
	"net/http"
	"strings"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/web/ui"
)

// appKind is one kind of app that can be registered here.
type appKind struct{ Value, Name, Means string }

var appKinds = []appKind{
	{idp.ApplicationWeb, "Web", "runs on a server and keeps a secret"},
	{idp.ApplicationSinglePage, "Single page", "runs in the browser, without a secret"},
	{idp.ApplicationNative, "Native", "runs on a phone or a desktop, without a secret"},
	{idp.ApplicationMachine, "Machine", "acts for itself; nobody signs in to it"},
}

// kindWords names a kind of app.
func kindWords(kind string) string {
	for _, k := range appKinds {
		if k.Value == kind {
			return k.Name
		}
	}
	return kind
}

// appNewView is the form with which an app is registered.
type appNewView struct {
	Name, Type, Redirects, AfterLogout, Backchannel, LaunchURL string
	Offline                                                    bool
	Errors                                                     map[string]string
}

// appAddedView is what is shown once of an app: its secret, and what it has to
// be told.
type appAddedView struct {
	ID, Name, Secret string
	Connect          []string // NAME=value
	Second           bool     // it is a second secret of a known app
	SAML             bool
}

// appNew shows the form with which an app is registered.
func (c *Console) appNew(w http.ResponseWriter, r *http.Request) error {
	return ui.Render(w, r, http.StatusOK, appNewPage(appNewView{Type: idp.ApplicationWeb}))
}

// appAdd registers an app and shows its secret in this very answer, because
// nothing keeps it.
func (c *Console) appAdd(w http.ResponseWriter, r *http.Request) error {
	v := appNewView{
		Name: r.PostFormValue("name"), Type: r.PostFormValue("type"), LaunchURL: strings.TrimSpace(r.PostFormValue("launch_url")),
		Redirects: r.PostFormValue("redirect_uris"), AfterLogout: r.PostFormValue("post_logout_redirect_uris"),
		Backchannel: strings.TrimSpace(r.PostFormValue("backchannel_logout_uri")), Offline: r.PostFormValue("offline") == "yes",
	}
	want := idp.App{Name: v.Name, Protocol: idp.ProtocolOIDC, LaunchURL: v.LaunchURL, OIDC: &idp.OIDCSettings{
		ApplicationType: v.Type, RedirectURIs: strings.Fields(v.Redirects), PostLogoutRedirectURIs: strings.Fields(v.AfterLogout),
		BackchannelLogoutURI: v.Backchannel, AllowOfflineAccess: v.Offline,
	}}
	directory.OIDCDefaults(want.OIDC)
	var secret string
	if want.OIDC.AuthMethod != "none" {
		var hash string
		secret, hash = directory.NewSecret()
		want.OIDC.SecretHashes = []string{hash}
	}
	a, err := c.Directory.AddApp(r.Context(), want)
	if idp.IsKind(err, idp.Invalid) || idp.IsKind(err, idp.Conflict) {
		v.Errors = appErrors(err)
		return ui.Render(w, r, idp.KindOf(err).Status(), appNewPage(v))
	}
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusCreated, appAddedPage(appAddedView{
		ID: string(a.ID), Name: a.Name, Secret: secret, Connect: c.connect(a, secret),
	}))
}

// connect is what an app has to be told, line by line.
func (c *Console) connect(a idp.App, secret string) []string {
	var lines []string
	for _, s := range c.Connect(a, secret) {
		lines = append(lines, s.Name+"="+s.Value)
	}
	return lines
}

// appErrors says which field of the form an error is about; the name, when it
// is about none of them.
func appErrors(err error) map[string]string {
	e, ok := errors.AsType[*idp.Error](err)
	if !ok {
		return nil
	}
	for _, field := range []string{"redirect_uris", "post_logout_redirect_uris", "backchannel_logout_uri", "launch_url"} {
		if words := e.Fields[field]; words != "" {
			return map[string]string{field: words}
		}
	}
	return map[string]string{"name": e.Detail}
}
