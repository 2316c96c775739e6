package portal

import (
	"context"
	"net/http"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// Newcomers are browsers of which a person has yet to say whether they signed
// in there; *login.Login knows them. device is the raw secret of the browser
// that asks.
type Newcomers interface {
	Asked(ctx context.Context, user idp.UserID, device string) ([]idp.KnownDevice, error)
	AskedAbout(ctx context.Context, user idp.UserID, device string, id idp.KnownDeviceID) (idp.KnownDevice, error)
	Own(ctx context.Context, user idp.UserID, device string, id idp.KnownDeviceID) error
	Disown(ctx context.Context, user idp.UserID, device string, id idp.KnownDeviceID) (link string, err error)
}

// Cookies are what the browser is known by; web.Cookies does.
type Cookies interface {
	Device(r *http.Request) string
	ClearSession(w http.ResponseWriter)
}

// newDevice is a sign-in to be asked about.
type newDevice struct {
	ID      string
	Device  string
	Address string
	At      time.Time
}

func (p *Portal) newDevice(ctx context.Context, d idp.KnownDevice) newDevice {
	return newDevice{ID: string(d.ID), Device: ui.DeviceIn(ctx, d.UserAgent), Address: d.Address, At: d.FirstAt}
}

// newDevices are those that this browser may say something about.
func (p *Portal) newDevices(r *http.Request) ([]newDevice, error) {
	device := p.Cookies.Device(r)
	if device == "" {
		return nil, nil
	}
	asked, err := p.Newcomers.Asked(r.Context(), ui.VisitOf(r.Context()).User.ID, device)
	var out []newDevice
	for _, d := range asked {
		out = append(out, p.newDevice(r.Context(), d))
	}
	return out, err
}

// ownDevice takes the person's word that a sign-in was theirs.
func (p *Portal) ownDevice(w http.ResponseWriter, r *http.Request) error {
	me := ui.VisitOf(r.Context()).User.ID
	if err := p.Newcomers.Own(r.Context(), me, p.Cookies.Device(r), idp.KnownDeviceID(r.PathValue("id"))); err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/")
}

// askDisown says what happens when a sign-in was not theirs.
func (p *Portal) askDisown(w http.ResponseWriter, r *http.Request) error {
	me := ui.VisitOf(r.Context()).User.ID
	d, err := p.Newcomers.AskedAbout(r.Context(), me, p.Cookies.Device(r), idp.KnownDeviceID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, disownPage(p.newDevice(r.Context(), d)))
}

// disown ends everything the person holds, and leads on to a new password.
func (p *Portal) disown(w http.ResponseWriter, r *http.Request) error {
	me := ui.VisitOf(r.Context()).User.ID
	link, err := p.Newcomers.Disown(r.Context(), me, p.Cookies.Device(r), idp.KnownDeviceID(r.PathValue("id")))
	if err != nil {
		return err
	}
	p.Cookies.ClearSession(w)
	return ui.SeeOther(w, r, "/link/"+link)
}
