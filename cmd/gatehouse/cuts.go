package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/journal"
	"gatehouse/store"
)

// cutsDir is where a node keeps its cut journal.
func cutsDir(c Config) string { return filepath.Join(c.Data, "cuts") }

// cuts is the cut journal of this node, and whether the house may serve.
type cuts struct {
	store   *store.Store
	journal *journal.Journal
	behind  func() bool // the database went back in time under this node
	state   atomic.Pointer[idp.House]
	log     *slog.Logger
}

// refuseNewHouse refuses an empty database where this node has a cut journal:
// it would be another house, in which nobody was ever suspended. A SQLite file
// whose write-ahead log was lost may look like that.
func refuseNewHouse(ctx context.Context, c Config, db *store.Store) error {
	_, found, err := journal.Open(cutsDir(c))
	if err != nil || len(found.Cuts) == 0 {
		return err
	}
	empty, err := db.Empty(ctx)
	if err != nil || !empty {
		return err
	}
	return idp.Errorf(idp.Unavailable, "The database is empty, and the cut journal in %s is that of a house with people in it. Put the database back, or restore a backup with gatehouse restore-backup; a new house was not founded. "+
		"If you want one, take that directory away first.", cutsDir(c))
}

// keepCuts refuses a house that must not be served, and has every ending kept
// in the journal from here on.
func keepCuts(ctx context.Context, c Config, db *store.Store, m *metrics, log *slog.Logger) (*cuts, error) {
	h, err := db.House(ctx)
	if err != nil {
		return nil, err
	}
	if h.State == idp.HouseRestoring {
		return nil, idp.Errorf(idp.Unavailable, "A backup was being restored into this database, and that was not finished. Run gatehouse restore-backup with the same file again.")
	}
	j, content, err := journal.Open(cutsDir(c))
	if err != nil {
		return nil, err
	}
	if len(content.Broken) > 0 {
		log.Error("the cut journal is broken; it goes on in a new file", "lines", content.Broken)
	}
	if err := content.Check(ctx, h, db); err != nil {
		return nil, err
	}
	j.Who = db.EraAndName
	k := &cuts{store: db, journal: j, behind: func() bool { return false }, log: log}
	k.state.Store(&h)
	// Success stands without the journal: the database has the cut.
	db.Kept = func(ctx context.Context, e idp.Ending) {
		err := j.Keep(ctx, e)
		if err == nil {
			return
		}
		m.journalFailed()
		if errors.Is(err, context.DeadlineExceeded) {
			log.WarnContext(ctx, "the cut journal is slow: a cut is answered before it stands there", "number", e.N, "error", err)
			return
		}
		log.ErrorContext(ctx, "the cut journal does not take a cut; only the database has it", "number", e.N, "error", err)
	}
	return k, nil
}

// run follows the log and the state of the house until ctx ends.
func (k *cuts) run(ctx context.Context) {
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		k.journal.Follow(ctx, k.store, k.log)
	}()
	for next := time.NewTicker(time.Second); ; {
		select {
		case <-ctx.Done():
			next.Stop()
			<-followed
			if err := k.journal.Close(); err != nil {
				k.log.WarnContext(ctx, "close the cut journal", "error", err)
			}
			return
		case <-next.C:
		}
		if h, err := k.store.House(ctx); err == nil {
			k.state.Store(&h)
		}
	}
}

// closed says why nobody may come in; "" when they may.
func (k *cuts) closed() string {
	h := k.state.Load()
	switch {
	case k.behind(), k.journal.Forked():
		return "The database of this Gatehouse has gone back in time. The people who run it have to restore it properly first."
	case h.State != idp.HouseOpen:
		return "Gatehouse was restored from a backup and waits for an owner to confirm that nobody is let in who was suspended meanwhile."
	}
	return ""
}
