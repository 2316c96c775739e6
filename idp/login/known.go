package login

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse/idp"
)

// asks reports whether the person has yet to say whether a device is theirs.
func (l *Login) asks(d idp.KnownDevice) bool {
	return d.Asks && l.now().Sub(d.FirstAt) < idp.AskedFor
}

// Asked returns the devices of a user of which the browser with this raw device
// secret may say whether they are the user's own: those that came after it. Who
// has got in by a stolen password says nothing about their own browser.
func (l *Login) Asked(ctx context.Context, user idp.UserID, raw string) ([]idp.KnownDevice, error) {
	_, asked, err := l.asked(ctx, user, raw)
	return asked, err
}

func (l *Login) asked(ctx context.Context, user idp.UserID, raw string) (here idp.KnownDevice, asked []idp.KnownDevice, err error) {
	here, err = l.Gate.KnownDevice(ctx, raw, user)
	switch {
	case idp.IsKind(err, idp.Unauthenticated) || err == nil && l.asks(here):
		return here, nil, nil
	case err != nil:
		return here, nil, fmt.Errorf("look for a known device: %w", err)
	}
	all, err := l.Store.KnownDevices(ctx, user)
	if err != nil {
		return here, nil, err
	}
	return here, slices.DeleteFunc(all, func(d idp.KnownDevice) bool { return !l.asks(d) || !here.FirstAt.Before(d.FirstAt) }), nil
}

// perNewBrowser: of so many new browsers a person is told by mail. Whoever knows their
// password can have as many as they like; the rest is in the log, and on the own page.
func perNewBrowser() []limit { return []limit{{6, time.Hour}, {20, 24 * time.Hour}} }

// Notice makes the mail by which a person is told that somebody signed in on a browser
// that is new, as [sessions.Browser] takes it: device says it in words, place where it
// is, "" where nobody knows. Of many at once it makes none.
func (l *Login) Notice(ctx context.Context, proof idp.Proof, address, device, place string) ([]idp.Mail, error) {
	var named [2]idp.Limit
	for i, lim := range perNewBrowser() {
		named[i] = idp.Limit{Name: throttleName("new browsers", string(proof.UserID), lim.window), Most: lim.tries, Window: lim.window}
	}
	counted, err := l.countAll(ctx, named[:])
	if err != nil {
		return nil, fmt.Errorf("count mails about new browsers: %w", err)
	}
	if counted[0].N > named[0].Most || counted[1].N > named[1].Most {
		return nil, nil
	}
	m := idp.NewMail(idp.MailNewDevice, idp.User{ID: proof.UserID, Epoch: proof.Epoch}, l.now())
	m.Data = map[string]string{"device": device, "address": address}
	if place != "" {
		m.Data["address"] += " (" + place + ")"
	}
	return []idp.Mail{m}, nil
}

// answer finds the device that is asked about, and the one that answers.
func (l *Login) answer(ctx context.Context, user idp.UserID, raw string, id idp.KnownDeviceID) (here, d idp.KnownDevice, err error) {
	here, asked, err := l.asked(ctx, user, raw)
	if err != nil {
		return here, d, err
	}
	i := slices.IndexFunc(asked, func(d idp.KnownDevice) bool { return d.ID == id })
	if i < 0 {
		return here, d, idp.Errorf(idp.NotFound, "There is no such sign-in to say anything about from this browser.")
	}
	return here, asked[i], nil
}

func (l *Login) deviceEvent(ctx context.Context, kind string, user idp.UserID, id idp.KnownDeviceID) idp.Event {
	e := l.linkEvent(ctx, kind, user)
	e.Detail = map[string]string{"device": string(id)}
	return e
}

// Own says, in the browser with this raw device secret, that a device is the
// user's own. It answers idp.NotFound for one that is not among [Login.Asked].
func (l *Login) Own(ctx context.Context, user idp.UserID, raw string, id idp.KnownDeviceID) error {
	here, _, err := l.answer(ctx, user, raw, id)
	if err != nil {
		return err
	}
	return l.Store.OwnKnownDevice(ctx, id, user, here.Vouched, l.deviceEvent(ctx, "device.own", user, id))
}
