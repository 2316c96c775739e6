package storetest

import (
	"fmt"
	"sync/atomic"
	"time"

	"gatehouse/idp"
)

func (h *house) newKnownDevice(p idp.Proof) idp.KnownDevice {
	return idp.KnownDevice{ID: idp.NewKnownDeviceID(), Proof: p, CreatedAt: h.now, FirstAt: h.now, LastSeenAt: h.now,
		Address: "192.0.2.1", UserAgent: "Browser"}
}

// first speaks for the first browser of a person, by the policy as it stands.
func (h *house) first(by idp.Vouch) idp.FirstVouch {
	h.Helper()
	p, err := h.Policy(h.ctx)
	h.ok(err)
	return idp.FirstVouch{By: by, Policy: p.Version}
}

// know remembers a device and returns it as it is kept.
func (h *house) know(d idp.KnownDevice, was, hash string) idp.KnownDevice {
	h.Helper()
	return h.knowBy(d, h.first(idp.VouchPasskey), was, hash)
}

// knowBy is know, where by speaks for the first.
func (h *house) knowBy(d idp.KnownDevice, by idp.FirstVouch, was, hash string) idp.KnownDevice {
	h.Helper()
	kept, err := h.KnowDevice(h.ctx, d, by, was, hash, h.event("signin.device", d.UserID))
	h.ok(err)
	h.same(h.read(hash, d.UserID), kept)
	return kept
}

func (h *house) read(hash string, user idp.UserID) idp.KnownDevice {
	h.Helper()
	d, _, err := h.KnownDevice(h.ctx, hash, user)
	h.ok(err)
	return d
}

func testKnownDevices(h *house) {
	ada, ben := h.user("ada"), h.user("ben")
	first := h.newKnownDevice(h.proof(ada))
	got1 := h.know(first, "", "one")
	first.Vouched = idp.VouchPasskey // nobody could tell it from another
	h.same(first, got1)
	_, standing, err := h.KnownDevice(h.ctx, "one", ada.ID)
	h.ok(err)
	h.same(true, first.Stands(standing, first.CreatedAt))
	for hash, user := range map[string]idp.UserID{"one": ben.ID, "": ada.ID, "two": ada.ID} {
		_, _, err := h.KnownDevice(h.ctx, hash, user)
		h.is(err, idp.NotFound)
	}

	for name, want := range map[string]idp.KnownDevice{"ada": first, "ada@example.com": first, "ben": {}} {
		who, as, err := h.Candidate(h.ctx, name, "one")
		h.ok(err)
		h.same(want, who.Device)
		h.same(standing, as)
	}

	// Whoever comes next to that browser moves all who are known there.
	other := h.know(h.newKnownDevice(h.proof(ben)), "one", "two")
	h.same(false, other.Asks)
	_, _, err = h.KnownDevice(h.ctx, "one", ada.ID)
	h.is(err, idp.NotFound)
	moved, _, err := h.KnownDevice(h.ctx, "two", ada.ID)
	h.ok(err)
	h.same(first, moved)

	// Another browser of the same person is news, until they say that it is theirs.
	second := h.know(h.newKnownDevice(h.proof(ada)), "", "three")
	h.same(true, second.Asks)
	h.same(idp.VouchNone, second.Vouched)
	h.is(h.OwnKnownDevice(h.ctx, second.ID, ben.ID, idp.VouchMail, h.event("device.own", ben.ID)), idp.NotFound)
	h.ok(h.OwnKnownDevice(h.ctx, second.ID, ada.ID, idp.VouchMail, h.event("device.own", ada.ID)))
	h.is(h.OwnKnownDevice(h.ctx, second.ID, ada.ID, idp.VouchPasskey, h.event("device.own", ada.ID)), idp.NotFound)

	second.TrustedAt, second.TrustedUntil, second.TrustedBy = h.now, h.now.Add(time.Hour), 7
	h.ok(h.TrustDevice(h.ctx, second, h.event("signin.remember", ada.ID)))
	second.LastSeenAt, second.Address, second.UserAgent = h.now.Add(time.Minute), "192.0.2.9", "Other"
	h.ok(h.TouchKnownDevice(h.ctx, second))
	second.Asks, second.Vouched = false, idp.VouchMail
	got, err := h.KnownDevices(h.ctx, ada.ID)
	h.ok(err)
	h.same([]idp.KnownDevice{second, first}, got)
	// It is remembered in place of a second factor until somebody says otherwise, of
	// this one or of all that the user has.
	h.is(h.UntrustDevice(h.ctx, second.ID, ben.ID, h.event("device.untrust", ben.ID)), idp.NotFound)
	h.ok(h.UntrustDevice(h.ctx, second.ID, ada.ID, h.event("device.untrust", ada.ID)))
	h.is(h.UntrustDevice(h.ctx, second.ID, ada.ID, h.event("device.untrust", ada.ID)), idp.NotFound)
	h.ok(h.TrustDevice(h.ctx, second, h.event("signin.remember", ada.ID)))
	_, err = h.Commit(h.ctx, idp.Change{UntrustDevices: []idp.UserID{ben.ID}})
	h.ok(err)
	untrusted := func() bool {
		d, _, err := h.KnownDevice(h.ctx, "three", ada.ID)
		h.ok(err)
		return d.TrustedAt.IsZero() && d.TrustedUntil.IsZero()
	}
	h.same(false, untrusted())
	_, err = h.Commit(h.ctx, idp.Change{UntrustDevices: []idp.UserID{ada.ID}})
	h.ok(err)
	h.same(true, untrusted())
	// What speaks for it grows, and where it carries another proof it does not.
	stale := second
	stale.Vouched, stale.Epoch = idp.VouchPasskey, second.Epoch+1
	h.ok(h.VouchKnownDevice(h.ctx, stale))
	for _, by := range []idp.Vouch{idp.VouchSecond, idp.VouchMail} {
		louder := second
		louder.Vouched = by
		h.ok(h.VouchKnownDevice(h.ctx, louder))
		d, _, err := h.KnownDevice(h.ctx, "three", ada.ID)
		h.ok(err)
		h.same(idp.VouchSecond, d.Vouched)
	}
	// That a mail alone has let its person in is said until more was given there.
	mailed := h.newKnownDevice(first.Proof)
	mailed.ByMail, mailed.Vouched = true, idp.VouchMail
	mailed = h.know(mailed, "", "mailed")
	h.same(true, mailed.ByMail)
	h.ok(h.VouchKnownDevice(h.ctx, mailed))
	stale = mailed
	stale.ByMail, stale.Epoch = false, mailed.Epoch+1
	h.ok(h.VouchKnownDevice(h.ctx, stale))
	h.same(mailed, h.read("mailed", ada.ID))
	mailed.ByMail = false
	h.ok(h.VouchKnownDevice(h.ctx, mailed))
	h.same(mailed, h.read("mailed", ada.ID))
	h.ok(h.ForgetKnownDevice(h.ctx, mailed.ID, ada.ID, h.event("device.forget", ada.ID)))
	back := second
	back.LastSeenAt = h.now
	h.ok(h.TouchKnownDevice(h.ctx, back))

	h.is(h.ForgetKnownDevice(h.ctx, second.ID, ben.ID, h.event("device.forget", ben.ID)), idp.NotFound)
	h.ok(h.ForgetKnownDevice(h.ctx, second.ID, ada.ID, h.event("device.forget", ada.ID)))
	_, _, err = h.KnownDevice(h.ctx, "three", ada.ID)
	h.is(err, idp.NotFound)

	h.suspend(ada)
	_, err = h.KnowDevice(h.ctx, h.newKnownDevice(first.Proof), idp.FirstVouch{}, "", "four", h.event("signin.device", ada.ID))
	h.is(err, idp.Unauthenticated)
	h.is(h.TrustDevice(h.ctx, first, h.event("signin.remember", ada.ID)), idp.Unauthenticated)
	listed, err := h.KnownDevices(h.ctx, ada.ID)
	h.ok(err)
	h.same(0, len(listed))
	back = h.newKnownDevice(h.proof(h.restore(ada.ID)))
	back.CreatedAt, back.LastSeenAt = h.now.Add(time.Second), h.now.Add(time.Second)
	again := h.know(back, "two", "five")
	// They were here before; but what spoke for it then was said of what has ended.
	back.ID, back.FirstAt = first.ID, first.FirstAt
	h.same(back, again)

	// Where nobody has said so for as long as they were asked, they were not.
	asking := h.know(h.newKnownDevice(back.Proof), "", "six")
	later := h.newKnownDevice(back.Proof)
	later.CreatedAt, later.LastSeenAt, later.FirstAt = h.now.Add(time.Second), h.now.Add(time.Second), asking.FirstAt
	kept := h.know(later, "six", "six")
	later.ID, later.Asks = asking.ID, true
	h.same(later, kept)
	month := asking.FirstAt.Add(idp.AskedFor + time.Minute)
	later.CreatedAt, later.LastSeenAt, later.FirstAt = month, month, month
	h.same(later, h.know(later, "six", "six"))

	h.ok(h.Purge(h.ctx, h.now.Add(399*24*time.Hour)))
	_, _, err = h.KnownDevice(h.ctx, "five", ada.ID)
	h.ok(err)
	h.ok(h.Purge(h.ctx, h.now.Add(401*24*time.Hour)))
	_, _, err = h.KnownDevice(h.ctx, "five", ada.ID)
	h.is(err, idp.NotFound)
}

// testFirstKnownDevice: whether the first of a person asks, and what speaks for it, is
// the caller's to say; of the second it is not, nor by a policy that was changed since.
func testFirstKnownDevice(h *house) {
	u := h.user("ada")
	d := h.newKnownDevice(h.proof(u))
	d.Asks = true
	h.same(d, h.knowBy(d, h.first(idp.VouchNone), "", "one"))
	d = h.newKnownDevice(h.proof(u))
	d.Vouched = idp.VouchSecond
	got := h.know(d, "", "two")
	d.Asks = true
	h.same(d, got)

	late, by := h.user("ben"), h.first(idp.VouchPasskey)
	p, err := h.Policy(h.ctx)
	h.ok(err)
	p.Rules = []idp.PolicyRule{{SecondFactor: true, Risk: true}}
	_, err = h.Commit(h.ctx, idp.Change{Policy: &p})
	h.ok(err)
	d = h.newKnownDevice(h.proof(late))
	h.same(d, h.knowBy(d, by, "", "three"))
}

// testManyKnownDevices: nobody fills the table without a cookie, and whoever comes in a
// crowd takes nobody's place but that of the crowd.
func testManyKnownDevices(h *house) {
	u := h.user("ada")
	day, n := 24*time.Hour, 0
	know := func(after time.Duration) idp.KnownDevice {
		d := h.newKnownDevice(h.proof(u))
		d.CreatedAt = h.now.Add(after)
		d.FirstAt, d.LastSeenAt = d.CreatedAt, d.CreatedAt
		n++
		return h.know(d, "", fmt.Sprint(n))
	}
	kept := func() map[idp.KnownDeviceID]bool {
		all, err := h.KnownDevices(h.ctx, u.ID)
		h.ok(err)
		ids := map[idp.KnownDeviceID]bool{}
		for _, d := range all {
			ids[d.ID] = true
		}
		return ids
	}
	first, second := know(0), know(time.Hour) // the second asks
	owned := know(2 * time.Hour)
	h.ok(h.OwnKnownDevice(h.ctx, owned.ID, u.ID, idp.VouchNone, h.event("device.own", u.ID)))
	young := know(20 * day)
	var crowd []idp.KnownDevice
	for i := range 60 {
		crowd = append(crowd, know(21*day+time.Duration(i)*time.Second))
		if ids := kept(); !ids[crowd[i].ID] || len(ids) > 40 {
			h.Fatalf("after %d of a crowd %d are known, the last among them: %v", i+1, len(ids), ids[crowd[i].ID])
		}
	}
	ids := kept()
	for name, d := range map[string]idp.KnownDevice{"the first": first, "an unanswered one": second, "one that is hers": owned, "a young one": young, "the crowd's first": crowd[0]} {
		if !ids[d.ID] {
			h.Errorf("%s was pushed out", name)
		}
	}
	h.same(false, ids[crowd[58].ID])
	// Few at a time, those go that nobody has seen for longest and nothing speaks for.
	for i := range 8 {
		know(time.Duration(40+i) * 8 * day)
	}
	ids = kept()
	h.same(40, len(ids))
	h.same([]bool{true, false, true, false, false}, []bool{ids[first.ID], ids[second.ID], ids[owned.ID], ids[young.ID], ids[crowd[0].ID]})
}

// testKnownDeviceRace lets devices be remembered and trusted while their person
// is suspended, again and again: once the suspension has returned, none stands.
func testKnownDeviceRace(h *house) {
	u := h.user("ada")
	for round := range 6 {
		var cut atomic.Bool
		shared := fmt.Sprint("shared ", round)
		d := h.newKnownDevice(h.proof(u))
		d.CreatedAt = d.CreatedAt.Add(time.Duration(round+1) * time.Second) // of more than are kept, it is the newest
		d = h.know(d, "", shared)
		d.TrustedAt, d.TrustedUntil = h.now, h.now.Add(time.Hour)
		h.parallel(17, func(i int) error {
			if i == 16 {
				e := h.ending(idp.EndUser, u.ID)
				_, err := h.Commit(h.ctx, idp.Change{Ending: e})
				cut.Store(true)
				return err
			}
			for n := range 4 {
				after := cut.Load()
				_, err := h.KnowDevice(h.ctx, h.newKnownDevice(d.Proof), idp.FirstVouch{}, fmt.Sprint(shared, i, n), fmt.Sprint(shared, i, n+1), h.event("signin.device", u.ID))
				if err == nil && after {
					return fmt.Errorf("remembered after the suspension")
				}
				if err != nil && !idp.IsKind(err, idp.Unauthenticated) {
					return err
				}
				after = cut.Load()
				err = h.TrustDevice(h.ctx, d, h.event("signin.remember", u.ID))
				if err == nil && after {
					return fmt.Errorf("trusted after the suspension")
				}
				// Not found: so many others pushed it out.
				if err != nil && !idp.IsKind(err, idp.Unauthenticated) && !idp.IsKind(err, idp.NotFound) {
					return err
				}
			}
			return nil
		})
		u = h.restore(u.ID)
		left, err := h.KnownDevices(h.ctx, u.ID)
		h.ok(err)
		h.same(0, len(left))
	}
	// One browser, many sign-ins at once: it is one device in the end, or as many
	// as secrets were given out, and nothing breaks.
	last := h.newKnownDevice(h.proof(u))
	last.CreatedAt = h.now.Add(time.Second) // so that none of before pushes it out
	h.know(last, "", "tab")
	h.parallel(16, func(i int) error {
		_, err := h.KnowDevice(h.ctx, h.newKnownDevice(h.proof(u)), idp.FirstVouch{}, "tab", fmt.Sprint("tab ", i), h.event("signin.device", u.ID))
		return err
	})
}
