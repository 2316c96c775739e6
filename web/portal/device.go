package portal

import (
	"context"
	"errors"
	"net/http"

	"gatehouse/idp"
	"gatehouse/sessions"
	"gatehouse/web/ui"
)

// Devices are those without a browser that wait for a person to confirm them
// (RFC 8628); *oidc.Provider has them.
type Devices interface {
	// DeviceAsked returns the device that waits with the code a person typed,
	// and its app. idp.NotFound: none does; idp.Throttled: too many tries;
	// idp.Denied: the person may not use the app.
	DeviceAsked(ctx context.Context, s idp.Session, typed string) (idp.DeviceCode, idp.App, error)
	// ProveForDevice leads the person to prove what the policy asks for at that app,
	// and back to the code; led: it has answered.
	ProveForDevice(w http.ResponseWriter, r *http.Request, s idp.Session, app idp.App, typed string) (led bool, err error)
	// DecideDevice confirms or denies it, with the same errors.
	DecideDevice(ctx context.Context, s idp.Session, typed string, allow bool) (idp.App, error)
}

// deviceAsk asks for the code that a device shows, and then whether its app may
// act for the person, once they have proven what the policy asks for there. Looking
// decides nothing.
func (p *Portal) deviceAsk(w http.ResponseWriter, r *http.Request) error {
	typed := r.URL.Query().Get("user_code")
	if typed == "" {
		return ui.Render(w, r, http.StatusOK, deviceCodePage(deviceCodeView{}))
	}
	v := ui.VisitOf(r.Context())
	d, app, err := p.Devices.DeviceAsked(r.Context(), v.Session, typed)
	if err != nil {
		return codeAgain(w, r, typed, err)
	}
	if led, err := p.Devices.ProveForDevice(w, r, v.Session, app, typed); led || err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, deviceConfirmPage(deviceConfirmView{
		UserCode: sessions.ShowUserCode(typed), App: app.Name, Identifier: app.Identifier, Person: v.User.Name(), Username: v.User.Username,
		Learns: ui.Learns(r.Context(), app, d.Scopes), ComesBack: ui.ComesBack(d.Scopes), Address: d.Address, AskedAt: d.CreatedAt,
	}))
}

// deviceDecide does what the person decided. What is not clearly yes is no.
func (p *Portal) deviceDecide(w http.ResponseWriter, r *http.Request) error {
	typed, allow := r.PostFormValue("user_code"), r.PostFormValue("decision") == "allow"
	app, err := p.Devices.DecideDevice(r.Context(), ui.VisitOf(r.Context()).Session, typed, allow)
	if err != nil {
		return codeAgain(w, r, typed, err)
	}
	return ui.Render(w, r, http.StatusOK, deviceDonePage(deviceDoneView{App: app.Name, Allowed: allow}))
}

// codeAgain shows the form again where another code may help.
func codeAgain(w http.ResponseWriter, r *http.Request, typed string, err error) error {
	e, ok := errors.AsType[*idp.Error](err)
	if !ok || e.Kind != idp.NotFound && e.Kind != idp.Throttled {
		return err
	}
	return ui.Render(w, r, e.Kind.Status(), deviceCodePage(deviceCodeView{UserCode: clip(typed), Error: ui.Said(r.Context(), e)}))
}

// clip keeps what was typed to what a code can be.
func clip(s string) string { return s[:min(len(s), 32)] }
