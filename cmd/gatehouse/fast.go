package main

import (
	"context"
	"time"

	"gatehouse/idp"
	"gatehouse/sessions"
	"gatehouse/sessions/redis"
	"gatehouse/store"
)

// forced is the store whose endings are answered when they are in force on
// every node.
type forced struct {
	*store.Store
	commits redis.Committer
	redis   *redis.Redis
	metrics *metrics
}

func (f *forced) Commit(ctx context.Context, c idp.Change) (idp.Committed, error) {
	asked := time.Now()
	done, err := f.commits.Commit(ctx, c)
	if c.Ending != nil {
		f.metrics.ended(c.Ending.Kind, asked, err)
	}
	if err == nil {
		f.metrics.noted(c.Events)
	}
	return done, err
}

// Record writes audit lines and counts them.
func (f *forced) Record(ctx context.Context, events ...idp.Event) error {
	f.metrics.noted(events)
	return f.Store.Record(ctx, events...)
}

// OwnKnownDevice and UntrustDevice are the store's, and their audit lines are counted.
func (f *forced) OwnKnownDevice(ctx context.Context, id idp.KnownDeviceID, user idp.UserID, by idp.Vouch, e idp.Event) error {
	return f.metrics.written(f.Store.OwnKnownDevice(ctx, id, user, by, e), e)
}

// UntrustDevice is as OwnKnownDevice.
func (f *forced) UntrustDevice(ctx context.Context, id idp.KnownDeviceID, user idp.UserID, e idp.Event) error {
	return f.metrics.written(f.Store.UntrustDevice(ctx, id, user, e), e)
}

// witnessed is what the gate asks, with the audit lines counted that are written
// with a pass.
type witnessed struct {
	sessions.Backend
	metrics *metrics
}

func (b *witnessed) ProveSignIn(ctx context.Context, s idp.SignIn, now time.Time, w idp.Witness) error {
	return b.metrics.written(b.Backend.ProveSignIn(ctx, s, now, w), w.Events...)
}

func (b *witnessed) KnowDevice(ctx context.Context, d idp.KnownDevice, first idp.FirstVouch, was, hash string, e idp.Event, told ...idp.Mail) (idp.KnownDevice, error) {
	d, err := b.Backend.KnowDevice(ctx, d, first, was, hash, e, told...)
	return d, b.metrics.written(err, e)
}

func (b *witnessed) TrustDevice(ctx context.Context, d idp.KnownDevice, e idp.Event) error {
	return b.metrics.written(b.Backend.TrustDevice(ctx, d, e), e)
}

func (b *witnessed) CreateLink(ctx context.Context, l idp.Link, hash string, with idp.Change) error {
	return b.metrics.written(b.Backend.CreateLink(ctx, l, hash, with), with.Events...)
}

func (b *witnessed) UseLink(ctx context.Context, id idp.LinkID, now time.Time, change idp.Change) (idp.Committed, error) {
	done, err := b.Backend.UseLink(ctx, id, now, change)
	return done, b.metrics.written(err, change.Events...)
}

func (b *witnessed) StartOver(ctx context.Context, d idp.KnownDevice, l idp.Link, hash string, change idp.Change) (idp.Committed, error) {
	done, err := b.Backend.StartOver(ctx, d, l, hash, change)
	return done, b.metrics.written(err, change.Events...)
}

// InForce returns when the row of the log with this number, which somebody may
// have committed a moment ago and not lived to answer, is in the cut journal of
// this node and in force on every node.
func (f *forced) InForce(ctx context.Context, n int64) error {
	if err := f.KeepAgain(ctx, n); err != nil {
		return err
	}
	return f.redis.InForceAt(ctx, n)
}

// counted is the same with tries counted in Redis.
type counted struct {
	*forced
	counts *redis.Counts
}

func (c *counted) Count(ctx context.Context, name string, window time.Duration, now time.Time) (int, time.Time, error) {
	return c.counts.Count(ctx, name, window, now)
}

func (c *counted) CountBy(ctx context.Context, name string, by int, window time.Duration, now time.Time) (int, time.Time, error) {
	return c.counts.CountBy(ctx, name, by, window, now)
}

func (c *counted) CountTwo(ctx context.Context, first, second idp.Limit, now time.Time) (one, two idp.Tries, err error) {
	return c.counts.CountTwo(ctx, first, second, now)
}

func (c *counted) Uncount(ctx context.Context, names ...string) error {
	return c.counts.Uncount(ctx, names...)
}

// remembered is the audited store with copies of apps in front.
type remembered struct {
	*audited
	apps *redis.Apps
}

func (r *remembered) App(ctx context.Context, id idp.AppID) (idp.App, error) {
	return r.apps.App(ctx, id)
}

func (r *remembered) AppByIdentifier(ctx context.Context, p idp.Protocol, identifier string) (idp.App, error) {
	return r.apps.AppByIdentifier(ctx, p, identifier)
}

func (r *remembered) Admission(ctx context.Context, p idp.Protocol, identifier string, user idp.UserID, now time.Time) (idp.Admission, error) {
	return r.apps.Admission(ctx, p, identifier, user, now)
}

func (r *remembered) Entry(ctx context.Context, p idp.Protocol, identifier string, user idp.UserID, now time.Time) (idp.Entry, error) {
	return r.apps.Entry(ctx, p, identifier, user, now)
}

func (r *remembered) AppTruthByIdentifier(ctx context.Context, p idp.Protocol, identifier string) (idp.AppTruth, error) {
	return r.apps.AppTruthByIdentifier(ctx, p, identifier)
}
