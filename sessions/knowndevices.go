package sessions

import (
	"context"
	"time"

	"gatehouse/idp"
)

// KnownDeviceLife is how long a browser is known without being used.
const KnownDeviceLife = 400 * 24 * time.Hour

// Browser is what a browser says of itself, and where it is.
type Browser struct {
	Address   string
	UserAgent string
	// Known is the known device that this very request was found to come from; zero:
	// nobody has looked.
	Known idp.KnownDevice
	// ByMail: nothing but a code from a mail has let the person in by it.
	ByMail bool
	// Notice makes the mails by which the person is told of it; they are written with it
	// where it is new and asks. nil: nobody is told.
	Notice func(ctx context.Context) ([]idp.Mail, error)
}

// Seen is a device on which somebody has just signed in.
type Seen struct {
	Device idp.KnownDevice
	// Secret is what the browser is to keep from now on. It is not stored.
	Secret string
	// New: it was not known, or no longer, as this person's.
	New bool
}

// KnownDevice accepts the raw secret of a browser as a known device of one
// person: they have signed in here, and nothing has ended what they held since.
// It answers idp.Unauthenticated for anybody else's, also for no user at all
// (""), by the same work.
//
// Who asks for a second factor may leave it where the policy remembers the device
// ([idp.Policy.Remembers]), and nowhere else: a known device says nothing about
// factors by itself.
func (g *Gate) KnownDevice(ctx context.Context, raw string, user idp.UserID) (idp.KnownDevice, error) {
	if !plausible(raw) {
		return idp.KnownDevice{}, refused("no device secret")
	}
	d, standing, err := g.Backend.KnownDevice(ctx, Hash(raw), user)
	if err != nil {
		return idp.KnownDevice{}, unknown(err, "unknown device")
	}
	if err := g.judgeDevice(d, standing); err != nil {
		return idp.KnownDevice{}, err
	}
	return d, nil
}

func (g *Gate) judgeDevice(d idp.KnownDevice, standing idp.Standing) error {
	switch {
	case !d.Stands(standing, d.CreatedAt):
		return refused("the device's proof does not stand")
	case g.Now().Sub(d.LastSeenAt) >= KnownDeviceLife:
		return refused("the device was not seen for too long")
	}
	return nil
}

// Candidate finds who a canonical name means, by the same statement whoever that is,
// and whether it was typed on a device of theirs that is accepted as
// [Gate.KnownDevice] does; raw is the secret of the browser, "" for none. It answers
// idp.NotFound where it means nobody.
func (g *Gate) Candidate(ctx context.Context, canonical, raw string) (idp.Candidate, error) {
	hash := ""
	if plausible(raw) {
		hash = Hash(raw)
	}
	who, standing, err := g.Backend.Candidate(ctx, canonical, hash)
	if err == nil && (hash == "" || g.judgeDevice(who.Device, standing) != nil) {
		who.Device = idp.KnownDevice{}
	}
	return who, err
}

// KnowDevice remembers the browser with this raw secret ("": it has none) as
// the device of the person who has proven everything that was asked, in a statement
// that re-checks the proof; by is what speaks for it since then. (The first browser of a
// person is theirs, as far as anybody can tell, but where the policy asks by risk: then
// it has to be shown.) A browser that is not known as theirs
// gets a new secret, and with it whoever was known there before: a secret that
// somebody else has put there, or has read, is worth nothing for this person.
// That is an event (signin.device), and of one that asks the person is told (b.Notice):
// both are written with it, or nothing is. It answers idp.Unauthenticated where the
// proof does not stand.
func (g *Gate) KnowDevice(ctx context.Context, proof idp.Proof, raw string, b Browser, by idp.Vouch) (Seen, error) {
	now := idp.Time(g.Now())
	known, err := b.Known, error(nil)
	if known.Proof != proof {
		known, err = g.KnownDevice(ctx, raw, proof.UserID)
	}
	switch {
	case err == nil && known.Proof == proof:
		known, err = g.touch(ctx, known, b, by, now)
		return Seen{Device: known, Secret: raw}, err
	case err != nil && !idp.IsKind(err, idp.Unauthenticated):
		return Seen{}, err
	}
	was := ""
	if plausible(raw) {
		was = Hash(raw)
	}
	d := idp.KnownDevice{ID: idp.NewKnownDeviceID(), Proof: proof, CreatedAt: now, FirstAt: now, LastSeenAt: now,
		Address: b.Address, UserAgent: clip(b.UserAgent, 256), Vouched: by, ByMail: b.ByMail}
	policy := g.policy()
	first := idp.FirstVouch{By: idp.VouchPasskey, Policy: policy.Version}
	if policy.ByRisk() {
		first.By, d.Asks = by, by == idp.VouchNone
	}
	e := idp.Event{ID: idp.NewEventID(), At: now, Kind: "signin.device", Actor: idp.ActorOf(ctx), UserID: proof.UserID,
		Detail: map[string]string{"device": string(d.ID)}}
	e.Actor.Kind, e.Actor.UserID = "user", proof.UserID
	var told []idp.Mail
	if b.Notice != nil {
		if told, err = b.Notice(ctx); err != nil {
			return Seen{}, err
		}
	}
	fresh := newSecret()
	if d, err = g.Backend.KnowDevice(ctx, d, first, was, Hash(fresh), e, told...); err != nil {
		return Seen{}, err
	}
	return Seen{Device: d, Secret: fresh, New: true}, nil
}

// touch notes that a device was seen, at most once a day, and what speaks for it, where
// that is more than did, or more than a mail.
func (g *Gate) touch(ctx context.Context, d idp.KnownDevice, b Browser, by idp.Vouch, now time.Time) (idp.KnownDevice, error) {
	if by > d.Vouched || d.ByMail && !b.ByMail {
		d.Vouched, d.ByMail = max(by, d.Vouched), d.ByMail && b.ByMail
		if err := g.Backend.VouchKnownDevice(ctx, d); err != nil {
			return d, err
		}
	}
	if now.Sub(d.LastSeenAt) < 24*time.Hour {
		return d, nil
	}
	d.LastSeenAt, d.Address, d.UserAgent = now, b.Address, clip(b.UserAgent, 256)
	return d, g.Backend.TouchKnownDevice(ctx, d)
}

// KeepDevice has a device known still, by the same raw secret, whose person has just
// ended everything they held, in it and by a change of their own: proof is what that has
// left them, d the device as [Gate.KnownDevice] gave it before. It is remembered in place
// of a second factor no more. That is an event (device.keep). It answers
// idp.Unauthenticated where the proof does not stand.
func (g *Gate) KeepDevice(ctx context.Context, raw string, d idp.KnownDevice, proof idp.Proof) error {
	now := idp.Time(g.Now())
	d.Proof, d.CreatedAt = proof, now
	e := idp.Event{ID: idp.NewEventID(), At: now, Kind: "device.keep", Actor: idp.ActorOf(ctx), UserID: proof.UserID,
		Detail: map[string]string{"device": string(d.ID)}}
	e.Actor.Kind, e.Actor.UserID = "user", proof.UserID
	_, err := g.Backend.KnowDevice(ctx, d, idp.FirstVouch{By: d.Vouched}, Hash(raw), Hash(raw), e)
	return err
}

// TrustDevice has a known device remembered for as long as the policy says: its
// person need not prove a second factor there. Only who has just proven one may
// ask for it, on the device itself (d as [Gate.KnowDevice] or [Gate.KnownDevice]
// gave it). That is an event (signin.remember). It answers idp.Unauthenticated
// where the device's proof no longer stands.
func (g *Gate) TrustDevice(ctx context.Context, d idp.KnownDevice, by idp.Policy) error {
	now := idp.Time(g.Now())
	d.TrustedAt, d.TrustedUntil, d.TrustedBy = now, now.Add(by.Remember), by.Version
	e := idp.Event{ID: idp.NewEventID(), At: now, Kind: "signin.remember", Actor: idp.ActorOf(ctx), UserID: d.UserID,
		Detail: map[string]string{"device": string(d.ID), "until": d.TrustedUntil.Format(time.RFC3339)}}
	e.Actor.Kind, e.Actor.UserID = "user", d.UserID
	return g.Backend.TrustDevice(ctx, d, e)
}
