package login

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse/idp"
)

// undisputed is how long a device is somebody's own without their word.
const undisputed = 30 * 24 * time.Hour

// asks reports whether the person has yet to say whether a device is theirs.
func (l *Login) asks(d idp.KnownDevice) bool {
	return d.Asks && l.now().Sub(d.FirstAt) < undisputed
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

// AskedAbout returns one of what [Login.Asked] does, and whether the person of the
// session has proven enough to disown it; idp.NotFound for another.
func (l *Login) AskedAbout(ctx context.Context, s idp.Session, raw string, id idp.KnownDeviceID) (d idp.KnownDevice, may bool, err error) {
	if _, d, err = l.answer(ctx, s.UserID, raw, id); err != nil {
		return d, false, err
	}
	_, err = l.mayDisown(ctx, s, d)
	if idp.IsKind(err, idp.Denied) {
		return d, false, nil
	}
	return d, err == nil, err
}

// mayDisown returns what the person of a session signs in with and keeps when a
// device is not theirs, and refuses them like mayChange: by these credentials, for
// what was enrolled since may be the other's, and keeps nobody from ending it.
func (l *Login) mayDisown(ctx context.Context, s idp.Session, d idp.KnownDevice) (gone []idp.Credential, err error) {
	u, all, err := l.factorsOf(ctx, s.UserID)
	if err != nil {
		return nil, err
	}
	kept := slices.DeleteFunc(slices.Clone(all), func(c idp.Credential) bool { return !c.CreatedAt.Before(d.FirstAt) })
	gone = slices.DeleteFunc(all, func(c idp.Credential) bool { return c.Kind != idp.CredentialPassword && c.CreatedAt.Before(d.FirstAt) })
	return gone, l.mayChange(u, kept, s)
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

// Disown says, in the browser with this raw device secret, that the sign-in on
// a device was not the person's of this session: everything that they hold ends,
// with a receipt; the password, and whatever else was enrolled since then, is no
// proof any more; every browser but this one is forgotten, and this one stays known. It
// returns the raw secret of a link by which they set a new password: only somebody who has
// just proven themselves may be given it. Where it is lost, this browser is where another
// one works, that they have mailed. It answers idp.NotFound like Own, and
// idp.Denied to who had a second factor before and has not proven it.
func (l *Login) Disown(ctx context.Context, s idp.Session, raw string, id idp.KnownDeviceID) (link string, err error) {
	here, d, err := l.answer(ctx, s.UserID, raw, id)
	if err != nil {
		return "", err
	}
	gone, err := l.mayDisown(ctx, s, d)
	if err != nil {
		return "", err
	}
	if link, _, err = l.Gate.StartOver(ctx, here, l.disowning(ctx, d, here.ID, gone)); err != nil {
		return "", err
	}
	l.wake()
	return link, nil
}

// disowning is the change that makes a device nobody's.
func (l *Login) disowning(ctx context.Context, d idp.KnownDevice, keep idp.KnownDeviceID, gone []idp.Credential) idp.Change {
	e := l.deviceEvent(ctx, "device.disown", d.UserID, d.ID)
	return idp.Change{
		RemoveCredentials: gone,
		ForgetDevices:     []idp.KnownDevice{{ID: keep, Proof: idp.Proof{UserID: d.UserID}}},
		Events:            []idp.Event{e},
		Mails:             []idp.Mail{l.notice(idp.MailDisowned, idp.User{ID: d.UserID, Epoch: d.Epoch})},
		Ending: &idp.Ending{
			Kind: idp.EndPasses, UserID: d.UserID, Key: "disown/" + string(d.ID), Reason: "a sign-in that was not theirs",
			Actor: e.Actor, At: l.now(), ReceiptID: idp.NewReceiptID(),
		},
	}
}
