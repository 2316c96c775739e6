package storetest

import (
	"time"

	"gatehouse/idp"
)

// testFamiliesThatEndedBefore: what a refresh token handed out as a JWT outlives
// it by an hour at most, so an ending soon after that has the token family too.
func testFamiliesThatEndedBefore(h *house) {
	a := h.app("wiki")
	cuts := map[string]func(idp.User, idp.Session, idp.Grant) idp.Receipt{
		"suspension": func(u idp.User, _ idp.Session, _ idp.Grant) idp.Receipt { return h.suspend(u) },
		"session":    func(_ idp.User, s idp.Session, _ idp.Grant) idp.Receipt { return h.endSession(s) },
		"grant": func(u idp.User, _ idp.Session, g idp.Grant) idp.Receipt {
			return h.endGrant(idp.Ending{UserID: u.ID, AppID: a.ID}, idp.Change{RemoveGrants: []idp.GrantID{g.ID}})
		},
	}
	for name, end := range cuts {
		for _, c := range []struct {
			before time.Duration
			listed int
		}{{0, 1}, {time.Minute, 1}, {time.Hour, 1}, {time.Hour + time.Minute, 0}} {
			u := h.user(name + c.before.String())
			g := h.grant(u, a)
			s := h.session(u)
			p, account := h.participant(s, a)
			f := h.newFamily(s, a)
			f.Offline, f.ExpiresAt = true, h.now.Add(100*time.Hour)
			h.ok(h.SpendCode(h.ctx, f, p, account))
			cut := h.now.Add(10 * time.Hour)
			if c.before > 0 {
				h.Now = func() time.Time { return cut.Add(-c.before) }
				e := h.ending(idp.EndFamily, u.ID)
				e.FamilyID, e.ReceiptID = f.ID, ""
				h.commit(idp.Change{Ending: e})
			}
			h.Now = func() time.Time { return cut }
			families, err := h.CutFamilies(h.ctx, end(u, s, g))
			h.ok(err)
			if len(families) != c.listed {
				h.Errorf("%s, %s after it was revoked: %d token families, want %d", name, c.before, len(families), c.listed)
			}
			h.Now = time.Now
		}
	}
}
