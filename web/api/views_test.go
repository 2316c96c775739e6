package api_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/web/api/client"
)

// signedIn starts a session of the person, from this address.
func (h *house) signedIn(u idp.User, address string) idp.Session {
	h.t.Helper()
	generation, err := h.store.Generation(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	proof := idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: generation}
	_, s, err := h.gate.Start(h.t.Context(), idp.SignIn{Proof: proof, Methods: []string{"pwd"}}, address, "Browser")
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// failing makes a suspension whose one line has failed, of a person and an app
// with these names.
func (h *house) failing(name, app string) (idp.Receipt, idp.Delivery) {
	h.t.Helper()
	ctx, now := h.t.Context(), idp.Time(time.Now())
	u, err := h.dir.AddUser(ctx, directory.Person{Username: name})
	check := func(err error) {
		h.t.Helper()
		if err != nil {
			h.t.Fatal(err)
		}
	}
	check(err)
	a := idp.App{ID: idp.NewAppID(), Name: app, Protocol: idp.ProtocolOIDC, Identifier: app,
		OIDC: &idp.OIDCSettings{RedirectURIs: []string{"https://x.example/cb"}}, CreatedAt: now, UpdatedAt: now}
	_, err = h.store.Commit(ctx, idp.Change{Apps: []idp.App{a}})
	check(err)
	r, err := h.dir.Suspend(ctx, u.ID, "")
	check(err)
	d := idp.Delivery{ID: idp.NewDeliveryID(), ReceiptID: r.ID, UserID: u.ID, AppID: a.ID, Lever: idp.LeverBackchannel,
		State: idp.DeliveryFailed, Attempts: 99, Answer: "It answered 500.", CreatedAt: now, NextAt: now, FinishedAt: now}
	_, _, err = h.store.ClaimReceipt(ctx, "w", now, time.Minute)
	check(err)
	check(h.store.ListPage(ctx, r.ID, "w", []idp.Delivery{d}, "", true, now))
	return r, d
}

func TestWhoIsSignedInNowIsListedByWhomWhereAndSinceWhen(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	grace, token := h.token("grace", idp.RoleOwner)
	ada, _ := h.token("ada", idp.RoleEmployee)
	h.signedIn(grace, "10.2.0.1")
	first, second := h.signedIn(ada, "10.2.0.2"), h.signedIn(ada, "192.0.2.7")
	c := h.client(token)
	for name, f := range map[string]struct {
		client.SessionFilter
		want int
	}{
		"all":            {client.SessionFilter{}, 3},
		"of a person":    {client.SessionFilter{User: "ADA"}, 2},
		"from a network": {client.SessionFilter{Address: "10.2.0.0/16"}, 2},
		"from there":     {client.SessionFilter{Address: "192.0.2.7"}, 1},
		"old":            {client.SessionFilter{OlderThan: "1h"}, 0},
	} {
		if found, err := c.SessionsNow(ctx, f.SessionFilter); err != nil || len(found) != f.want {
			t.Errorf("%s: %+v (%v), want %d", name, found, err, f.want)
		}
	}
	found, err := c.SessionsNow(ctx, client.SessionFilter{User: "ada", Address: "10."})
	if err != nil || len(found) != 1 || found[0].ID != string(first.ID) || found[0].User != "ada" {
		t.Errorf("%+v (%v)", found, err)
	}
	if _, err := c.EndSession(ctx, string(second.ID), ""); err != nil {
		t.Fatal(err)
	}
	if found, err := c.SessionsNow(ctx, client.SessionFilter{User: "ada"}); err != nil || len(found) != 1 {
		t.Errorf("after one was ended: %+v (%v)", found, err)
	}
	for name, f := range map[string]client.SessionFilter{
		"no such person": {User: "nobody"}, "no such app": {App: "nothing"}, "no address": {Address: "here"}, "no age": {OlderThan: "old"},
	} {
		if _, err := c.SessionsNow(ctx, f); status(err) != 404 && status(err) != 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestADeadDeliveryIsListedAndTriedAgainOnce(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	_, token := h.token("grace", idp.RoleOwner)
	r, d := h.failing("ada", "Wiki")
	c := h.client(token)
	dead, err := c.Deliveries(ctx, client.DeliveryFilter{State: "failed", App: "Wiki", User: "ada"})
	if err != nil || len(dead) != 1 || dead[0].ID != string(d.ID) || dead[0].ReceiptID != string(r.ID) || dead[0].App != "Wiki" || dead[0].User != "ada" {
		t.Fatalf("%+v (%v)", dead, err)
	}
	if failed, err := c.ReceiptsNow(ctx, client.ReceiptFilter{Failed: true}); err != nil || len(failed) != 1 || failed[0].ID != string(r.ID) {
		t.Errorf("receipts with a failed line: %+v (%v)", failed, err)
	}
	for range 2 {
		again, err := c.RetryDelivery(ctx, string(d.ID))
		if err != nil || again.State != "retrying" || again.Final || again.RevivedAt == nil || again.Attempts != 99 {
			t.Fatalf("%+v (%v)", again, err)
		}
	}
	if open, err := c.ReceiptsNow(ctx, client.ReceiptFilter{Open: true, User: "ada", Kind: "user"}); err != nil || len(open) != 1 {
		t.Errorf("receipts that are open: %+v (%v)", open, err)
	}
	events, err := c.Events(ctx, "ada")
	n := 0
	for _, e := range events {
		if e.Kind == "delivery.retry" {
			n++
		}
	}
	if err != nil || n != 1 {
		t.Errorf("%d audit lines of it (%v), want 1", n, err)
	}
	if _, err := c.Restore(ctx, "ada"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.RetryDelivery(ctx, string(d.ID)); status(err) != http.StatusConflict {
		t.Errorf("superseded, and retried: %v", err)
	}
	for _, id := range []string{string(idp.NewDeliveryID()), "dlv_x", "%2e%2e"} {
		if _, err := c.RetryDelivery(ctx, id); status(err) != http.StatusNotFound {
			t.Errorf("%s: %v", id, err)
		}
	}
	if _, err := c.Deliveries(ctx, client.DeliveryFilter{State: "verified"}); status(err) != http.StatusBadRequest {
		t.Errorf("a state that is not listed: %v", err)
	}
}
