package storetest

import (
	"time"

	"gatehouse/idp"
)

func testDevices(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	h.grant(u, a)
	s := h.session(u)
	d := idp.DeviceCode{
		ID: idp.NewTokenFamilyID(), AppID: a.ID, AppEpoch: a.Epoch, Scopes: []string{"openid", "email"}, Address: "192.0.2.1",
		CreatedAt: h.now, ExpiresAt: h.now.Add(time.Minute),
	}
	h.ok(h.CreateDevice(h.ctx, d, "code", "user code", 5*time.Second))
	got, err := h.DeviceByUserCode(h.ctx, "user code")
	h.ok(err)
	h.same(d, got)
	for _, unknown := range []string{"", "code", "user"} {
		_, err = h.DeviceByUserCode(h.ctx, unknown)
		h.is(err, idp.NotFound)
	}
	_, err = h.PollDevice(h.ctx, "user code", a.ID, h.now, time.Second)
	h.is(err, idp.NotFound)
	_, err = h.PollDevice(h.ctx, "code", "app_other", h.now, time.Second)
	h.is(err, idp.NotFound)

	d.Proof, d.SessionID, d.SessionEnds, d.AuthTime, d.Methods = s.Proof, s.ID, s.ExpiresAt, s.AuthTime, s.Methods
	wrong := d
	wrong.Epoch++
	h.is(h.ConfirmDevice(h.ctx, wrong, h.now), idp.Unauthenticated)
	wrong = d
	wrong.AppID = h.app("crm").ID // for which there is no grant
	h.is(h.ConfirmDevice(h.ctx, wrong, h.now), idp.Unauthenticated)
	h.is(h.ConfirmDevice(h.ctx, d, d.ExpiresAt), idp.Unauthenticated)
	h.ok(h.ConfirmDevice(h.ctx, d, h.now))
	h.is(h.ConfirmDevice(h.ctx, d, h.now), idp.Conflict)
	h.is(h.DenyDevice(h.ctx, d.ID, h.now), idp.Conflict)
	d.DecidedAt = h.now
	got, err = h.PollDevice(h.ctx, "code", a.ID, h.now, time.Second)
	h.ok(err)
	h.same(d, got)

	h.ok(h.Purge(h.ctx, d.ExpiresAt.Add(time.Minute)))
	_, err = h.DeviceByUserCode(h.ctx, "user code")
	h.ok(err)
	h.ok(h.Purge(h.ctx, d.ExpiresAt.Add(2*time.Hour)))
	_, err = h.DeviceByUserCode(h.ctx, "user code")
	h.is(err, idp.NotFound)
}

func testHouseSecrets(h *house) {
	for _, fresh := range []string{"first", "second"} {
		got, err := h.HouseSecret(h.ctx, "salt", fresh)
		h.ok(err)
		h.same("first", got)
	}
	got, err := h.HouseSecret(h.ctx, "another", "its own")
	h.ok(err)
	h.same("its own", got)
}
