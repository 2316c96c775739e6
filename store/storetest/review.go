package storetest

import (
	"time"

	"gatehouse/idp"
)

// testAppUse: who may use an app, and how it is used, at one moment.
func testAppUse(h *house) {
	ada, bob := h.user("ada"), h.user("bob")
	a := h.app("wiki")
	use := func(want idp.AppUse) {
		h.Helper()
		got, err := h.AppUse(h.ctx, a.ID, h.now)
		h.ok(err)
		h.same(want, got)
	}
	use(idp.AppUse{Looked: 2})
	h.grant(ada, a)
	use(idp.AppUse{Looked: 2, May: 1})
	g := idp.Group{ID: idp.NewGroupID(), Name: "staff", CreatedAt: h.now}
	h.commit(idp.Change{Groups: []idp.Group{g}})
	h.commit(idp.Change{Members: []idp.Membership{{GroupID: g.ID, UserID: bob.ID, SinceAt: h.now}}})
	h.commit(idp.Change{Grants: []idp.Grant{{ID: idp.NewGrantID(), AppID: a.ID, GroupID: g.ID, CreatedAt: h.now, UntilAt: h.now.Add(time.Hour)}}})
	use(idp.AppUse{Looked: 2, May: 2})
	h.family(h.session(ada), a, false)
	use(idp.AppUse{Looked: 2, May: 2, Used: true})
	h.family(h.session(ada), a, true)
	use(idp.AppUse{Looked: 2, May: 2, Used: true, ManySessions: true, Offline: true})
	h.commit(idp.Change{Ending: &idp.Ending{Kind: idp.EndPasses, UserID: ada.ID, Key: "k", At: h.now, ReceiptID: idp.NewReceiptID()}})
	h.now = h.now.Add(time.Hour)
	use(idp.AppUse{Looked: 2, May: 1, Used: true})
}
