package portal

import (
	"context"
	"net/http"
	"slices"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// Newcomers are browsers of which a person has yet to say whether they signed
// in there; *login.Login knows them. device is the raw secret of the browser
// that asks.
type Newcomers interface {
	Asked(ctx context.Context, user idp.UserID, device string) ([]idp.KnownDevice, error)
	AskedAbout(ctx context.Context, s idp.Session, device string, id idp.KnownDeviceID) (d idp.KnownDevice, may bool, err error)
	Own(ctx context.Context, user idp.UserID, device string, id idp.KnownDeviceID) error
	Disown(ctx context.Context, s idp.Session, device string, id idp.KnownDeviceID) (link string, err error)
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
	return newDevice{ID: string(d.ID), Device: ui.DeviceIn(ctx, d.UserAgent), Address: p.where(ctx, d.Address), At: d.FirstAt}
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

// rememberedRow is a browser that is not asked for the second step.
type rememberedRow struct {
	ID, Device, Address string
	LastSeen, Until     time.Time
	Here                bool
}

// remembered are the person's browsers that are not asked for the second step, this
// one first.
func (p *Portal) remembered(r *http.Request) ([]rememberedRow, error) {
	if p.Login == nil {
		return nil, nil
	}
	ctx, me := r.Context(), ui.VisitOf(r.Context()).User.ID
	all, err := p.Login.RememberedOf(ctx, me)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	here, err := p.Login.Gate.KnownDevice(ctx, p.Cookies.Device(r), me)
	if err != nil && !idp.IsKind(err, idp.Unauthenticated) {
		return nil, err
	}
	var rows []rememberedRow
	for _, d := range all {
		row := rememberedRow{
			ID: string(d.ID), Device: ui.DeviceIn(ctx, d.UserAgent), Address: p.where(ctx, d.Address),
			LastSeen: d.LastSeenAt, Until: d.TrustedUntil, Here: d.ID == here.ID,
		}
		if row.Here {
			rows = slices.Insert(rows, 0, row)
			continue
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// untrustDevice has one of them asked again.
func (p *Portal) untrustDevice(w http.ResponseWriter, r *http.Request) error {
	me := ui.VisitOf(r.Context()).User.ID
	err := p.Login.AskAgain(r.Context(), me, idp.KnownDeviceID(r.PathValue("id")))
	if err != nil && !idp.IsKind(err, idp.NotFound) { // not found: it is asked already
		return err
	}
	return ui.SeeOther(w, r, "/#sessions")
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
	session := ui.VisitOf(r.Context()).Session
	d, may, err := p.Newcomers.AskedAbout(r.Context(), session, p.Cookies.Device(r), idp.KnownDeviceID(r.PathValue("id")))
	if err != nil {
		return err
	}
	if !may {
		return ui.SeeOther(w, r, secondFirst(r.URL.Path))
	}
	return ui.Render(w, r, http.StatusOK, disownPage(p.newDevice(r.Context(), d)))
}

// disown ends everything the person holds, and leads on to a new password.
func (p *Portal) disown(w http.ResponseWriter, r *http.Request) error {
	link, err := p.Newcomers.Disown(r.Context(), ui.VisitOf(r.Context()).Session, p.Cookies.Device(r), idp.KnownDeviceID(r.PathValue("id")))
	if err != nil {
		return err
	}
	p.Cookies.ClearSession(w)
	return ui.SeeOther(w, r, "/link/"+link)
}
