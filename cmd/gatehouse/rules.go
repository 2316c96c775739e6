package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"gatehouse/idp"
	"gatehouse/store"
)

// rules keep the policy in memory, so that following it costs no statement where
// it asks nothing.
type rules struct {
	store *store.Store
	now   atomic.Pointer[idp.Policy]
}

// policy is what the house asks now.
func (r *rules) policy() idp.Policy {
	if p := r.now.Load(); p != nil {
		return *p
	}
	return idp.Policy{}
}

// follow goes by p from now on, unless a newer one is known: what was read may
// come after what was just set.
func (r *rules) follow(p idp.Policy) {
	for {
		was := r.now.Load()
		if was != nil && was.Version > p.Version || r.now.CompareAndSwap(was, &p) {
			return
		}
	}
}

func (r *rules) read(ctx context.Context) error {
	p, err := r.store.Policy(ctx)
	if err != nil {
		return fmt.Errorf("read what is asked of people who sign in: %w", err)
	}
	r.follow(p)
	return nil
}

// demand is what the policy asks of somebody for an app, "" for the house itself.
func (r *rules) demand(ctx context.Context, id idp.UserID, app idp.AppID) (idp.Demand, error) {
	p := r.policy()
	if p.Silent(app) {
		return idp.Demand{}, nil
	}
	u, err := r.store.User(ctx, id)
	if err != nil {
		return idp.Demand{}, fmt.Errorf("read of whom something is asked: %w", err)
	}
	in, err := r.store.GroupsOf(ctx, id)
	if err != nil {
		return idp.Demand{}, fmt.Errorf("read of whom something is asked: %w", err)
	}
	groups := make([]idp.GroupID, len(in))
	for i, g := range in {
		groups[i] = g.ID
	}
	return p.Demand(u.Role == idp.RoleOwner, groups, app), nil
}
