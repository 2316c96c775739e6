package oidc

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
)

// pathUserCode is the page on which a person types what their device shows.
const pathUserCode = "/device"

const (
	// devicesPerMinute bounds what one address has us write down.
	devicesPerMinute = 60
	// devicePoll is told to devices; sessions.DeviceWait is what holds.
	devicePoll = 5 * time.Second
)

// DeviceAuthorization begins the grant of a device without a browser (RFC 8628
// §3.1). The client is authenticated.
func (s *server) DeviceAuthorization(ctx context.Context, r *op.ClientRequest[oidc.DeviceAuthorizationRequest]) (*op.Response, error) {
	p, app := s.p, r.Client.(*client).app
	if !app.OIDC.DeviceGrant {
		return nil, oidc.ErrUnauthorizedClient().WithDescription("This client is not registered for devices.")
	}
	address := idp.ActorOf(ctx).Address
	n, _, err := p.Tries.Count(ctx, "device.ask|"+address, time.Minute, p.now())
	switch {
	case err != nil:
		return nil, fault(err)
	case n > devicesPerMinute:
		return nil, op.NewStatusError(oidc.ErrSlowDown().WithDescription("Too many devices from this address. Try again in a minute."), http.StatusTooManyRequests)
	}
	raw, userCode, d, err := p.Gate.NewDevice(ctx, idp.DeviceCode{
		AppID: app.ID, AppEpoch: app.Epoch, Scopes: offered(r.Data.Scopes, *app.OIDC), Address: address,
	})
	if err != nil {
		return nil, fault(err)
	}
	p.note(ctx, idp.Event{Kind: "oidc.device.ask", AppID: app.ID})
	return op.NewResponse(&oidc.DeviceAuthorizationResponse{
		DeviceCode: raw, UserCode: userCode,
		VerificationURI: p.Issuer + pathUserCode, VerificationURIComplete: p.Issuer + pathUserCode + "?user_code=" + userCode,
		ExpiresIn: int(d.ExpiresAt.Sub(d.CreatedAt) / time.Second), Interval: int(devicePoll / time.Second),
	}), nil
}

// DeviceToken is grant_type device_code at the token endpoint (RFC 8628 §3.4):
// the device asks whether its person has confirmed it.
func (s *server) DeviceToken(ctx context.Context, r *op.ClientRequest[oidc.DeviceAccessTokenRequest]) (*op.Response, error) {
	p, app := s.p, r.Client.(*client).app
	bound, proof, err := p.confirmUnspent(ctx, app, r.Header)
	if err != nil {
		return nil, err
	}
	d, err := p.Gate.PollDevice(ctx, r.Data.DeviceCode, app.ID)
	switch {
	case idp.IsKind(err, idp.Unauthenticated):
		p.note(ctx, idp.Event{Kind: "oidc.device.refuse", AppID: app.ID, Detail: map[string]string{"reason": "not a device code of this client"}})
		return nil, invalidGrant(err)
	case err != nil:
		return nil, fault(err)
	case !p.now().Before(d.ExpiresAt):
		return nil, oidc.ErrExpiredDeviceCode().WithDescription("The device code has expired. Begin again.")
	case d.Denied:
		return nil, oidc.ErrAccessDenied().WithDescription("The person turned the device away.")
	case d.Hurried:
		return nil, oidc.ErrSlowDown().WithDescription("Too soon. Wait five seconds longer between two polls from now on.")
	case d.DecidedAt.IsZero():
		return nil, oidc.ErrAuthorizationPending().WithDescription("The person has not confirmed the device yet.")
	}
	if err := p.spendAt(ctx, app, proof); err != nil {
		return nil, err
	}
	c := codeOf(d)
	if c.Consent, err = p.consentTo(ctx, app, d); err != nil {
		return nil, err
	}
	return p.redeem(ctx, redemption{app: app, refuse: "oidc.device.refuse", reuse: "oidc.device.reuse", bound: bound}, c)
}

// consentTo returns the consent on which a confirmed device gets its tokens:
// none for an app of the organisation's own. A person who took it back since has
// taken the device back with it.
func (p *Provider) consentTo(ctx context.Context, app idp.App, d idp.DeviceCode) (idp.ConsentID, error) {
	if !app.OIDC.ThirdParty {
		return "", nil
	}
	c, err := p.Store.ConsentTo(ctx, d.UserID, app.ID)
	switch {
	case idp.IsKind(err, idp.NotFound):
		p.note(ctx, idp.Event{
			Kind: "oidc.device.refuse", UserID: d.UserID, AppID: app.ID, SessionID: d.SessionID,
			Detail: map[string]string{"reason": "the person took back their consent"},
		})
		return "", invalidGrant(err)
	case err != nil:
		return "", fault(err)
	}
	return c.ID, nil
}

// codeOf is what a confirmed device would hold, were it a browser.
func codeOf(d idp.DeviceCode) code {
	return code{
		ID: d.ID, User: d.UserID, Epoch: d.Epoch, Generation: d.Generation,
		Session: d.SessionID, SessionEnds: d.SessionEnds.Unix(),
		App: d.AppID, AppEpoch: d.AppEpoch, GrantedN: d.GrantedN, Scopes: d.Scopes,
		AuthTime: d.AuthTime.UnixMicro(), Methods: d.Methods,
	}
}

// Of user codes, how many one person and one address may try, and in what time:
// of 25 billion, one in a million waits at most.
const (
	triesOfPerson  = 20
	triesOfAddress = 100
	triesWindow    = 10 * time.Minute
)

// DeviceAsked returns the device that waits with what the person of s typed, and
// its app. It answers idp.NotFound where none does, idp.Throttled after too
// many tries, idp.Denied to a person who may not use the app. Whether the session
// is enough to confirm it, ProveForDevice says.
func (p *Provider) DeviceAsked(ctx context.Context, s idp.Session, typed string) (idp.DeviceCode, idp.App, error) {
	if err := p.countTry(ctx, s); err != nil {
		return idp.DeviceCode{}, idp.App{}, err
	}
	d, err := p.Gate.Device(ctx, typed)
	if err != nil {
		return idp.DeviceCode{}, idp.App{}, err
	}
	app, err := p.Store.App(ctx, d.AppID)
	switch {
	case err != nil:
		return idp.DeviceCode{}, idp.App{}, err
	case app.OIDC == nil || !app.OIDC.DeviceGrant || app.Epoch != d.AppEpoch:
		return idp.DeviceCode{}, idp.App{}, idp.Errorf(idp.NotFound, "%s takes no devices any more. Begin again on the device.", app.Name)
	}
	access, err := p.Store.Access(ctx, s.UserID, app.ID, p.now())
	if idp.IsKind(err, idp.NotFound) {
		p.note(ctx, idp.Event{
			Kind: "oidc.device.refuse", UserID: s.UserID, AppID: app.ID, SessionID: s.ID,
			Detail: map[string]string{"reason": "no grant for this app"},
		})
		err = idp.Errorf(idp.Denied, "You may not use %s. Ask the people who run it.", app.Name)
	}
	d.GrantedN = access.N
	return d, app, err
}

// ProveForDevice leads the person of s, who typed the code of a device of this app,
// to prove what the policy asks for there and their session lacks, and back to the
// code. led: it has answered. A device gets no more than a browser.
func (p *Provider) ProveForDevice(w http.ResponseWriter, r *http.Request, s idp.Session, app idp.App, typed string) (led bool, err error) {
	fresh, whole, err := p.SignIns.Suffices(r.Context(), s, app.ID)
	if err != nil || fresh && whole {
		return false, err
	}
	in := idp.SignIn{AppID: app.ID, ResumeURL: pathUserCode + "?" + url.Values{"user_code": {typed}}.Encode()}
	bind := p.Browser.Bind(w, r)
	if fresh {
		in, err = p.SignIns.StepUp(r.Context(), in, s, bind)
	} else {
		in.NotBefore = p.now()
		in, err = p.SignIns.Begin(r.Context(), in, bind)
	}
	if err != nil {
		return false, err
	}
	p.Browser.SignIn(w, r, in.ID)
	return true, nil
}

// provenFor answers idp.Denied where ProveForDevice would lead away.
func (p *Provider) provenFor(ctx context.Context, s idp.Session, app idp.App) error {
	fresh, whole, err := p.SignIns.Suffices(ctx, s, app.ID)
	if err == nil && !(fresh && whole) {
		err = idp.Errorf(idp.Denied, "%s asks that you have just signed in, or with a second factor. Type the code once more: you are asked for it then.", app.Name)
	}
	return err
}

func (p *Provider) countTry(ctx context.Context, s idp.Session) error {
	for name, most := range map[string]int{
		"device.try|" + string(s.UserID): triesOfPerson, "device.from|" + idp.ActorOf(ctx).Address: triesOfAddress,
	} {
		n, until, err := p.Tries.Count(ctx, name, triesWindow, p.now())
		switch {
		case err != nil:
			return err
		case n > most:
			return idp.Errorf(idp.Throttled, "Too many codes were tried. Wait until %s UTC, then type the one that the device shows.", until.UTC().Format("15:04"))
		}
	}
	return nil
}

// DecideDevice confirms or denies the device that waits with this user code for
// the person of s, and returns its app. Errors as in DeviceAsked, and
// idp.Unauthenticated where person, session or grant do not stand any more.
func (p *Provider) DecideDevice(ctx context.Context, s idp.Session, typed string, allow bool) (idp.App, error) {
	d, app, err := p.DeviceAsked(ctx, s, typed)
	if err == nil && allow { // who turns a device away need not prove more
		err = p.provenFor(ctx, s, app)
	}
	if err != nil {
		return idp.App{}, err
	}
	if allow && app.OIDC.ThirdParty {
		if _, err := p.Consents.GiveConsent(ctx, s.UserID, app.ID, d.Scopes); err != nil {
			return idp.App{}, err
		}
	}
	kind := "oidc.device.deny"
	if allow {
		kind, err = "oidc.device.confirm", p.Gate.ConfirmDevice(ctx, s, d)
	} else {
		err = p.Gate.DenyDevice(ctx, d)
	}
	if idp.IsKind(err, idp.Conflict) {
		err = idp.Errorf(idp.NotFound, "This device was decided before.").Because(err)
	}
	if err != nil {
		return idp.App{}, err
	}
	p.note(ctx, idp.Event{Kind: kind, UserID: s.UserID, AppID: app.ID, SessionID: s.ID, Detail: map[string]string{"device": d.Address}})
	return app, nil
}
