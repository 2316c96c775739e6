package portal

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/web/ui"
)

// Newcomers are browsers of which a person has yet to say whether they signed
// in there; *login.Login knows them. device is the raw secret of the browser
// that asks.
type Newcomers interface {
	Asked(ctx context.Context, user idp.UserID, device string) ([]idp.KnownDevice, error)
	AskedAbout(ctx context.Context, s idp.Session, fresh bool, device string, id idp.KnownDeviceID) (idp.KnownDevice, login.DisownAsks, error)
	Own(ctx context.Context, user idp.UserID, device string, id idp.KnownDeviceID) error
	Disown(ctx context.Context, s idp.Session, fresh bool, device string, id idp.KnownDeviceID, current, code string) (link string, err error)
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

// disownView is a sign-in that was not the person's, and what they are asked for.
type disownView struct {
	newDevice
	Asks     login.DisownAsks
	Username string
	// Elsewhere is where they sign in by a passkey in place of it.
	Elsewhere     string
	Current, Code string // what is wrong with either
}

// askDisown says what happens when a sign-in was not theirs.
func (p *Portal) askDisown(w http.ResponseWriter, r *http.Request) error {
	return p.showDisown(w, r, http.StatusOK, disownView{})
}

// showDisown renders the page, or leads past where somebody signs in first who could
// type nothing here.
func (p *Portal) showDisown(w http.ResponseWriter, r *http.Request, status int, v disownView) error {
	visit := ui.VisitOf(r.Context())
	d, asks, err := p.Newcomers.AskedAbout(r.Context(), visit.Session, visit.JustProven(), p.Cookies.Device(r), idp.KnownDeviceID(r.PathValue("id")))
	if err != nil {
		return err
	}
	v.newDevice, v.Asks, v.Username, v.Elsewhere = p.newDevice(r.Context(), d), asks, visit.User.Username, againFirst(r.URL.Path)
	if visit.JustProven() {
		v.Elsewhere = secondFirst(r.URL.Path)
	}
	if asks.Again || asks.Second {
		return ui.SeeOther(w, r, v.Elsewhere)
	}
	return ui.Render(w, r, status, disownPage(v))
}

// disown ends everything the person holds, and leads on to a new password.
func (p *Portal) disown(w http.ResponseWriter, r *http.Request) error {
	ctx, visit := r.Context(), ui.VisitOf(r.Context())
	link, err := p.Newcomers.Disown(ctx, visit.Session, visit.JustProven(), p.Cookies.Device(r), idp.KnownDeviceID(r.PathValue("id")),
		r.PostFormValue("current"), r.PostFormValue("code"))
	if slow, ok := errors.AsType[*login.ThrottledError](err); ok {
		return p.showDisown(w, r, slow.Err.Kind.Status(), disownView{Current: ui.Said(ctx, slow.Err), Code: ui.Said(ctx, slow.Err)})
	}
	if e, ok := errors.AsType[*idp.Error](err); ok && e.Kind == idp.Invalid {
		v := disownView{Current: ui.Said(ctx, e)}
		if e.Fields["code"] != "" {
			v.Current, v.Code = "", v.Current
		}
		return p.showDisown(w, r, http.StatusBadRequest, v)
	}
	if err != nil {
		return err
	}
	p.Cookies.ClearSession(w)
	return ui.SeeOther(w, r, "/link/"+link)
}
