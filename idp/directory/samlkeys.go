package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/idp"
)

const useSAML = "saml"

// An app that speaks SAML believes the certificates that it was given, and many
// are given one by hand. So a key of theirs is never replaced by the clock: the
// next one is published, apps are led over to it one by one and back again, and
// the one before retires when no app uses it.

// SAMLKeys returns how the certificates of the house stand, and for which app
// which key signs.
func (d *Directory) SAMLKeys(ctx context.Context) (idp.SAMLKeys, error) {
	r, err := d.rollover(ctx)
	if err != nil {
		return idp.SAMLKeys{}, err
	}
	reads, err := d.Store.KeyReads(ctx)
	if err != nil {
		return idp.SAMLKeys{}, err
	}
	out := idp.SAMLKeys{Keys: r.keys}
	for _, a := range r.apps {
		signs := r.signs(a)
		of := idp.AppKeys{App: a, Signs: *signs, Next: r.next(*signs)}
		for _, read := range reads {
			if read.AppID == a.ID {
				of.Reads = append(of.Reads, read)
			}
		}
		out.Apps = append(out.Apps, of)
	}
	return out, nil
}

// rolling are the keys and apps of one moment.
type rolling struct {
	rotation
	apps []idp.App // that speak SAML and were not removed, by name
}

func (d *Directory) rollover(ctx context.Context) (*rolling, error) {
	keys, err := d.Store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	apps, err := d.Store.Apps(ctx)
	if err != nil {
		return nil, err
	}
	r := &rolling{rotation: rotation{ctx: ctx, now: d.now()}}
	r.apps = slices.DeleteFunc(apps, func(a idp.App) bool { return a.SAML == nil || a.Removed() })
	r.keys = slices.DeleteFunc(keys, func(k idp.SigningKey) bool { return k.Use != useSAML || k.Over(r.now) })
	for _, a := range r.apps {
		if r.signs(a) == nil {
			return nil, idp.Errorf(idp.Internal, "no %s key signs for %s", a.SAML.KeyAlgorithm(), a.Name)
		}
	}
	return r, nil
}

func (r *rolling) signs(a idp.App) *idp.SigningKey { return idp.SignerFor(a, r.keys, r.now) }

// follows reports whether a was made after b, for the same.
func follows(a, b idp.SigningKey) bool {
	return a.Use == b.Use && a.Algorithm == b.Algorithm && a.CreatedAt.After(b.CreatedAt)
}

// next is the newest key that follows one; nil when there is none.
func (r *rolling) next(k idp.SigningKey) (next *idp.SigningKey) {
	for i := range r.keys {
		if follows(r.keys[i], k) && (next == nil || follows(r.keys[i], *next)) {
			next = &r.keys[i]
		}
	}
	return next
}

func (r *rolling) key(id idp.KeyID) (idp.SigningKey, error) {
	for _, k := range r.keys {
		if k.ID == id {
			return k, nil
		}
	}
	return idp.SigningKey{}, idp.Errorf(idp.NotFound, "There is no such SAML key, or it is published no more.")
}

// standard is the key that signs for every app that is bound to none.
func (r *rolling) standard(k idp.SigningKey) bool {
	return idp.Signer(r.keys, k.Use, k.Algorithm, r.now).ID == k.ID
}

// bind has a key sign for an app.
func (r *rolling) bind(a idp.App, k idp.SigningKey) {
	a.SAML = new(*a.SAML)
	a.SAML.SigningKey, a.UpdatedAt = k.ID, r.now
	if k.ID == "" || r.standard(k) {
		a.SAML.SigningKey = ""
	}
	r.change.Apps = append(r.change.Apps, a)
}

// NextSAMLKeys publishes the certificates that come next, beside those that
// sign: one for each algorithm. They sign for nobody yet, but for those of an
// algorithm that no app wants: there is nobody to lead over, so the new key takes
// its place at once. When it returns, every node shows them. idp.Conflict when
// they are published already.
func (d *Directory) NextSAMLKeys(ctx context.Context) (idp.SAMLKeys, error) {
	r, err := d.rollover(ctx)
	if err != nil {
		return idp.SAMLKeys{}, err
	}
	for _, newest := range r.keys {
		if newest.Waits() {
			return idp.SAMLKeys{}, idp.Errorf(idp.Conflict, "The next certificate is published already. Lead the apps over to it, or retire it.")
		}
		if newest.RetiredAt.IsZero() {
			if err := r.publishAfter(d, newest); err != nil {
				return idp.SAMLKeys{}, err
			}
		}
	}
	return d.rolled(ctx, r)
}

func (r *rolling) publishAfter(d *Directory, newest idp.SigningKey) error {
	next, err := d.Keys.Replacement(newest.Use, newest.Algorithm)
	if err != nil {
		return fmt.Errorf("make the key that follows %s: %w", newest.ID, err)
	}
	if !next.CreatedAt.After(newest.CreatedAt) { // by the clock of another node
		next.CreatedAt = newest.CreatedAt.Add(time.Microsecond)
	}
	retires := idp.Someday()
	if next.SignsAt = retires; !r.wanted(newest.Algorithm) {
		next.SignsAt, retires = r.now, r.now
	}
	r.turn(&newest, newest.SignsAt, retires)
	r.change.SigningKeys = append(r.change.SigningKeys, next)
	r.said(d.event(r.ctx, "key.next"), next, map[string]string{"follows": string(newest.ID)})
	return nil
}

// wanted reports whether an app wants signatures of this algorithm. One that is
// being set up wants what is usual.
func (r *rolling) wanted(algorithm string) bool {
	return algorithm == new(idp.SAMLSettings).KeyAlgorithm() || slices.ContainsFunc(r.apps, func(a idp.App) bool { return a.SAML.KeyAlgorithm() == algorithm })
}

// said writes an audit line about a key.
func (r *rolling) said(e idp.Event, k idp.SigningKey, detail map[string]string) {
	detail["key"], detail["use"], detail["algorithm"] = string(k.ID), k.Use, k.Algorithm
	e.Detail = detail
	r.change.Events = append(r.change.Events, e)
}

// rolled commits and says how things stand, when every node knows where a key
// turned and none has a copy that says another key of an app.
func (d *Directory) rolled(ctx context.Context, r *rolling) (idp.SAMLKeys, error) {
	if err := d.commitApps(ctx, r.change); err != nil {
		return idp.SAMLKeys{}, err
	}
	if len(r.change.TurnKeys) > 0 {
		if err := d.Keys.Settle(ctx); err != nil {
			return idp.SAMLKeys{}, err
		}
	}
	return d.SAMLKeys(ctx)
}

// SayAppHasKey writes down that an app has the certificate which comes next for
// it, as an owner knows who has put it there.
func (d *Directory) SayAppHasKey(ctx context.Context, id idp.AppID) (idp.SAMLKeys, error) {
	r, a, err := d.rolloverOf(ctx, id)
	if err != nil {
		return idp.SAMLKeys{}, err
	}
	next := r.next(*r.signs(a))
	if next == nil {
		return idp.SAMLKeys{}, idp.Errorf(idp.Invalid, "No certificate comes next for %s.", a.Name)
	}
	r.change.KeysHad = []idp.KeyRead{{AppID: a.ID, KeyID: next.ID, SaidAt: r.now}}
	e := d.event(ctx, "key.had")
	e.AppID = a.ID
	r.said(e, *next, map[string]string{"app": a.Name})
	return d.rolled(ctx, r)
}

func (d *Directory) rolloverOf(ctx context.Context, id idp.AppID) (*rolling, idp.App, error) {
	r, err := d.rollover(ctx)
	if err != nil {
		return nil, idp.App{}, err
	}
	i := slices.IndexFunc(r.apps, func(a idp.App) bool { return a.ID == id })
	if i < 0 {
		return nil, idp.App{}, idp.Errorf(idp.NotFound, "There is no such SAML app.")
	}
	return r, r.apps[i], nil
}

// SwitchApp has a key sign for one app: the one that comes next for it, or that
// named by to, which may lead back to one before. When it returns, no node signs
// with another key for that app. idp.Invalid for one that
// follows and that nobody is known to have read for the app.
func (d *Directory) SwitchApp(ctx context.Context, id idp.AppID, to idp.KeyID) (out idp.SAMLKeys, err error) {
	return out, retry(func() error {
		r, a, err := d.rolloverOf(ctx, id)
		if err != nil {
			return err
		}
		signs, target := *r.signs(a), r.next(*r.signs(a))
		if to != "" {
			k, err := r.key(to)
			if err != nil {
				return err
			}
			target = &k
		}
		switch {
		case target == nil:
			return idp.Errorf(idp.Invalid, "No certificate comes next for %s.", a.Name)
		case target.Algorithm != signs.Algorithm:
			return idp.Errorf(idp.Invalid, "%s wants signatures of %s, and this key makes those of %s.", a.Name, signs.Algorithm, target.Algorithm)
		}
		if follows(*target, signs) {
			unread, err := d.unread(ctx, []idp.App{a}, target.ID)
			if err != nil {
				return err
			}
			if len(unread) > 0 {
				return idp.Errorf(idp.Invalid, "%s is not known to have this certificate: nobody has read it at %s's address for our metadata, and it would refuse sign-ins. Give it the certificate and say that it has it.", a.Name, a.Name)
			}
		}
		r.bind(a, *target)
		e := d.event(ctx, "key.switch")
		e.AppID = a.ID
		r.said(e, *target, map[string]string{"app": a.Name, "before": string(signs.ID)})
		out, err = d.rolled(ctx, r)
		return err
	})
}

// unread names those of apps that are not known to have the certificate of a key.
func (d *Directory) unread(ctx context.Context, apps []idp.App, id idp.KeyID) (names []string, err error) {
	reads, err := d.Store.KeyReads(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range apps {
		if !slices.ContainsFunc(reads, func(r idp.KeyRead) bool { return r.AppID == a.ID && r.KeyID == id }) {
			names = append(names, a.Name)
		}
	}
	return names, nil
}

// SwitchRest has the keys that come next sign for every app, but for those in
// keep, which stay on the one that signs for them now. idp.Invalid, naming them,
// when an app that does not stay is not known to have its certificate, or when no
// key comes next.
func (d *Directory) SwitchRest(ctx context.Context, keep []idp.AppID) (out idp.SAMLKeys, err error) {
	return out, retry(func() error {
		r, err := d.rollover(ctx)
		if err != nil {
			return err
		}
		if err := d.leadOver(ctx, r, keep); err != nil {
			return err
		}
		out, err = d.rolled(ctx, r)
		return err
	})
}

func (d *Directory) leadOver(ctx context.Context, r *rolling, keep []idp.AppID) error {
	var missing []string
	for _, next := range r.keys {
		if !next.Waits() {
			continue
		}
		follow, kept := r.moved(next, keep)
		unread, err := d.unread(ctx, follow, next.ID)
		if err != nil {
			return err
		}
		missing = append(missing, unread...)
		r.turn(&next, r.now, next.RetiredAt)
		r.said(d.event(ctx, "key.switch_rest"), next, map[string]string{"kept": strings.Join(kept, ", ")})
	}
	switch {
	case len(r.change.TurnKeys) == 0:
		return idp.Errorf(idp.Invalid, "No certificate comes next. Publish one first.")
	case len(missing) > 0:
		return idp.Errorf(idp.Invalid, "Not known to have the next certificate: %s. They would refuse sign-ins. Leave them on the present one, or say that they have it.", strings.Join(missing, ", "))
	}
	return nil
}

// moved settles what each app is bound to once next signs for all: those in keep
// stay, those bound to it need not be any more, and those bound to one before it
// stay as they are. It returns who follows, and the names of who stays.
func (r *rolling) moved(next idp.SigningKey, keep []idp.AppID) (follow []idp.App, kept []string) {
	for _, a := range r.apps {
		if a.SAML.KeyAlgorithm() != next.Algorithm {
			continue
		}
		signs := *r.signs(a)
		switch {
		case signs.ID == next.ID:
			r.bind(a, idp.SigningKey{})
		case !r.standard(signs):
			kept = append(kept, a.Name)
		case slices.Contains(keep, a.ID):
			a.SAML = new(*a.SAML)
			a.SAML.SigningKey, a.UpdatedAt = signs.ID, r.now
			r.change.Apps = append(r.change.Apps, a)
			kept = append(kept, a.Name)
		default:
			follow = append(follow, a)
		}
	}
	return follow, kept
}

// RetireSAMLKey takes a certificate out of our metadata, one before the present
// or one that comes next; when it returns, no node signs with its key. While it
// signs for apps that is idp.Invalid, naming them, unless force is set: then the
// present key signs for them, and those that do not have its certificate refuse
// sign-ins. It is no revocation: nothing ends.
func (d *Directory) RetireSAMLKey(ctx context.Context, id idp.KeyID, force bool) (out idp.SAMLKeys, err error) {
	return out, retry(func() error {
		r, err := d.rollover(ctx)
		if err != nil {
			return err
		}
		k, err := r.key(id)
		if err != nil {
			return err
		}
		if r.standard(k) {
			return idp.Errorf(idp.Invalid, "This key signs for every app that is bound to no other. Publish the next one and lead the apps over, then retire this one. If it is no longer yours alone, revoke it.")
		}
		var users []string
		for _, a := range r.apps {
			if r.signs(a).ID == id {
				users = append(users, a.Name)
				r.bind(a, idp.SigningKey{})
			}
		}
		if len(users) > 0 && !force {
			return idp.Errorf(idp.Invalid, "This key still signs for %s. Lead them over first. By force, the present key signs for them, and those that do not have its certificate refuse sign-ins.", strings.Join(users, ", "))
		}
		r.turn(&k, k.SignsAt, r.now)
		if k.Waits() { // the one before it is the newest again
			before := idp.Signer(r.keys, k.Use, k.Algorithm, r.now)
			r.turn(before, before.SignsAt, time.Time{})
		}
		r.said(d.event(ctx, "key.retire"), k, map[string]string{"forced": strings.Join(users, ", ")})
		out, err = d.rolled(ctx, r)
		return err
	})
}
