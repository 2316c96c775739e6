package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"gatehouse/idp"
	"gatehouse/store"
)

// drain is how long a stopping server lets requests finish.
const drain = 20 * time.Second

type serveCmd struct {
	Config string `help:"YAML file with settings; the environment wins over it."`
}

// Run serves until ctx ends, then lets requests finish and gives claims back.
func (s serveCmd) Run(ctx context.Context) error {
	c, err := loadConfig(os.Environ(), s.Config)
	if err != nil {
		return err
	}
	if err := c.prepare(); err != nil {
		return err
	}
	log := newLog(os.Stderr)
	h, err := build(ctx, c, log)
	if err != nil {
		return err
	}
	defer h.store.Close()
	if err := h.redis.Look(ctx); err != nil {
		return err
	}
	if why := h.cuts.closed(); why != "" {
		log.Warn("closed: "+why, "see", "gatehouse restore-backup")
	}
	if err := h.inviteFirstOwner(ctx, c); err != nil {
		return err
	}
	door, err := listen(ctx, c.Listen)
	if err != nil {
		return err
	}
	if h.metrics != nil {
		side, err := listen(ctx, c.Metrics)
		if err != nil {
			return errors.Join(fmt.Errorf("GATEHOUSE_METRICS: %w", err), door.Close())
		}
		measured, measuring := context.WithCancel(context.WithoutCancel(ctx))
		var reads sync.WaitGroup
		reads.Go(func() {
			if err := h.metrics.serve(measured, side); err != nil {
				log.Error("metrics are read no more", "error", err)
			}
		})
		defer reads.Wait()
		defer measuring()
	}
	side, err := c.mtlsDoor(ctx)
	if err != nil {
		return errors.Join(err, door.Close())
	}
	log.Info("serving", "url", c.URL.String(), "listen", c.Listen, "version", version)
	return h.serve(ctx, doors{main: door, mtls: side}, c.TLSCert, c.TLSKey)
}

// inviteFirstOwner prints a one-time link while there is no owner.
func (h *house) inviteFirstOwner(ctx context.Context, c Config) error {
	exists, err := h.store.OwnerExists(ctx)
	if err != nil || exists {
		return err
	}
	generation, err := h.store.Generation(ctx)
	if err != nil || generation == "" {
		return err
	}
	raw, l, err := h.gate.NewLink(ctx, idp.Proof{Generation: generation}, idp.LinkFirstOwner)
	if err != nil {
		return err
	}
	fmt.Printf("There is no owner yet. Open this link once, before %s, to become the first:\n\n    %s/link/%s\n\n",
		l.ExpiresAt.Format(time.RFC3339), c.URL, raw)
	return nil
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	var l net.ListenConfig
	return l.Listen(ctx, "tcp", addr)
}

// garbagePercent lets the heap grow to four times what lives before it is
// collected. What lives is about 5 MiB, so with Go's default of 100 the
// collector would run many times a second under load, for a few MiB.
const garbagePercent = 300

// doors are where a server answers; mtls may be nil.
type doors struct{ main, mtls net.Listener }

// serve answers at the doors, which it closes, and works until ctx ends.
func (h *house) serve(ctx context.Context, at doors, cert, key string) error {
	debug.SetGCPercent(garbagePercent)
	ctx, stop := context.WithCancelCause(ctx)
	var tasks sync.WaitGroup
	// Requests that are still answered want their Redis, and may end something.
	answering, answered := context.WithCancel(context.WithoutCancel(ctx))
	defer answered()
	tasks.Go(func() {
		if err := h.worker.Run(store.InBackground(answering)); err != nil {
			stop(fmt.Errorf("outbox: %w", err))
		}
	})
	tasks.Go(func() {
		if err := h.redis.Run(answering); err != nil {
			stop(fmt.Errorf("redis: %w", err))
		}
	})
	tasks.Go(func() {
		h.ring.Follow(ctx, func(err error) {
			h.worker.Log.WarnContext(ctx, "the signing keys could not be read again", "error", err)
		})
	})
	tasks.Go(func() { h.warm(ctx) })
	tasks.Go(func() { h.notary.Run(answering) })
	tasks.Go(func() { h.cuts.run(ctx) })
	tasks.Go(func() { noteSecretUses(store.InBackground(ctx), h.secretUses, h.worker.Log) })
	tasks.Go(func() { sendMails(ctx, h) })
	tasks.Go(func() { endDue(ctx, h.directory, h.cuts.closed, h.worker.Log) })
	tasks.Go(func() { endExpired(store.InBackground(ctx), h.directory, h.cuts.closed, h.worker.Log) })
	tasks.Go(func() {
		rotateKeys(store.InBackground(ctx), h.directory, h.rotation, h.cuts.closed, h.worker.Log)
	})
	tasks.Go(func() { h.followLook(store.InBackground(ctx)) })
	tasks.Go(func() { h.seeHashes(store.InBackground(ctx)) })
	tasks.Go(func() { remind(store.InBackground(ctx), h.directory, h.cuts.closed, h.worker.Log) })
	tasks.Go(func() { workBatches(store.InBackground(ctx), h.directory, h.cuts.closed, h.worker.Name, h.worker.Log) })
	tasks.Go(func() { refreshMetadata(store.InBackground(ctx), h.refresher, h.cuts.closed, h.worker.Log) })
	way := &leaving{next: h.handler}
	server := newServer(way)
	tasks.Go(func() {
		var err error
		if cert != "" {
			err = server.ServeTLS(at.main, cert, key)
		} else {
			err = server.Serve(at.main)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			stop(fmt.Errorf("serve: %w", err))
		}
	})
	certified := newMTLSServer(way)
	if at.mtls != nil {
		tasks.Go(func() {
			if err := certified.ServeTLS(at.mtls, cert, key); !errors.Is(err, http.ErrServerClosed) {
				stop(fmt.Errorf("serve at GATEHOUSE_MTLS_LISTEN: %w", err))
			}
		})
	}
	<-ctx.Done()
	close(h.closing)
	way.leave()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	err := errors.Join(server.Shutdown(grace), certified.Shutdown(grace))
	answered()
	tasks.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// newServer bounds what a peer may do: slow headers, slow bodies, idle
// connections, large headers. Answers that stream (the live receipt) lift
// their own write limit.
func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		// What it says of broken peers is noise that anybody can make.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
}

type migrateCmd struct {
	Config string `help:"YAML file with settings; the environment wins over it."`
}

// Run migrates the database and leaves.
func (m migrateCmd) Run(ctx context.Context) error {
	c, err := loadConfig(os.Environ(), m.Config)
	if err != nil {
		return err
	}
	if err := c.prepare(); err != nil {
		return err
	}
	db, err := store.Open(ctx, c.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	fmt.Println("The database has the schema of this version.")
	return nil
}
