package notary

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"gatehouse/idp"
)

// Store is what is to be signed and sealed, and where it is kept.
type Store interface {
	// ReceiptsToSign returns receipts of which a version is due.
	ReceiptsToSign(ctx context.Context, after idp.ReceiptID, now time.Time, n int) (due []idp.ReceiptID, next idp.ReceiptID, err error)
	// ClaimSigning gives one to make; idp.NotFound: somebody else makes it.
	ClaimSigning(ctx context.Context, id idp.ReceiptID, by string, now time.Time, lease time.Duration) (idp.ReceiptText, error)
	// SaveVersion writes it for good; idp.Conflict: the claim is lost.
	SaveVersion(ctx context.Context, v idp.SignedReceipt, by string, e idp.Event) error

	// Seal gives audit lines their places; idp.Conflict: another node does.
	Seal(ctx context.Context, now time.Time, n int) (int, error)
	ChainEnd(ctx context.Context) (idp.Place, error)
	LastCheckpoint(ctx context.Context) (idp.Checkpoint, error)
	SaveCheckpoint(ctx context.Context, c idp.Checkpoint) error
}

// Keys signs and publishes; *keys.Ring does.
type Keys interface {
	SignReceipt(typ string, claims any) (string, error)
	ReceiptJWKS() []byte
}

// Notary signs and seals for one node. Any number of them share a store. A zero
// value of a field with a default means the default.
type Notary struct {
	Store  Store
	Keys   Keys
	Issuer string // the house's public URL
	Now    func() time.Time
	Log    *slog.Logger

	Poll time.Duration // how often the store is asked; default 500 ms
	// Every is how often the place that the audit log has reached is signed,
	// where it went on; default five minutes.
	Every time.Duration

	reached idp.ReceiptID // of those with lines that turned
	signed  time.Time     // when a checkpoint was last looked for
}

const (
	batch = 100 // receipts looked at, and audit lines sealed, at once
	lease = 30 * time.Second
	// last is for what is still to be signed and sealed when the node stops.
	last = 2 * time.Second
)

// Run signs and seals until ctx ends, and then what is left, with a last
// checkpoint.
func (n *Notary) Run(ctx context.Context) {
	for next := time.NewTicker(cmp.Or(n.Poll, 500*time.Millisecond)); ; {
		n.round(ctx, false)
		select {
		case <-ctx.Done():
			next.Stop()
			rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), last)
			defer cancel()
			n.round(rest, true)
			return
		case <-next.C:
		}
	}
}

// round does what is due now.
func (n *Notary) round(ctx context.Context, leaving bool) {
	for _, task := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"seal the audit log", n.seal}, // first: a receipt says that its ending is in it
		{"sign receipts", n.signReceipts},
		{"sign a checkpoint", func(ctx context.Context) error { return n.checkpoint(ctx, leaving) }},
	} {
		if err := task.do(ctx); err != nil && ctx.Err() == nil {
			level := slog.LevelError
			if idp.IsKind(err, idp.Unavailable) {
				level = slog.LevelWarn // the store is away; it is asked again
			}
			n.Log.Log(ctx, level, "the notary could not "+task.name+", and tries again", "error", err)
		}
	}
}

func (n *Notary) now() time.Time { return idp.Time(n.Now()) }

// signReceipts makes a version of each receipt that is due.
func (n *Notary) signReceipts(ctx context.Context) error {
	for {
		due, next, err := n.Store.ReceiptsToSign(ctx, n.reached, n.now(), batch)
		if err != nil {
			return err
		}
		n.reached = next
		made := 0
		var failed error // of one, which keeps nobody from signing the others
		for _, id := range due {
			done, err := n.sign(ctx, id)
			if done {
				made++
			}
			if err != nil {
				failed = fmt.Errorf("receipt %s: %w", id, err)
			}
			if idp.IsKind(err, idp.Unavailable) || ctx.Err() != nil {
				return failed
			}
		}
		if failed != nil || made == 0 && next == "" {
			return failed
		}
	}
}

// sign makes the next version of a receipt, where nobody else does.
func (n *Notary) sign(ctx context.Context, id idp.ReceiptID) (done bool, err error) {
	by := rand.Text()
	text, err := n.Store.ClaimSigning(ctx, id, by, n.now(), lease)
	if idp.IsKind(err, idp.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	now := n.now()
	claims := receiptOf(n.Issuer, text, now)
	jws, err := n.Keys.SignReceipt(ReceiptType, claims)
	if err != nil {
		return false, err
	}
	v := idp.SignedReceipt{
		ReceiptID: id, Version: claims.Version, Hash: hash(jws), SignedAt: now, Final: claims.Final, JWS: jws,
		NextAfter: now.Add(pause(claims.Version, len(claims.Lines))),
	}
	err = n.Store.SaveVersion(ctx, v, by, idp.Event{
		ID: idp.NewEventID(), At: now, Kind: "receipt.sign", Actor: idp.Actor{Kind: "system"},
		Detail: map[string]string{"receipt": string(id), "version": strconv.FormatInt(v.Version, 10), "hash": v.Hash},
	})
	if idp.IsKind(err, idp.Conflict) {
		return false, nil
	}
	return err == nil, err
}

// pause is how long lines may go on turning before the next version: a second
// for the first ten, then twice as long each, up to a quarter of an hour, and
// longer for a receipt with very many lines. The last version, when all are
// final, does not wait for it.
func pause(version int64, lines int) time.Duration {
	p := time.Second << min(max(version-10, 0), 10)
	return min(p, 15*time.Minute) + time.Duration(lines/1000)*time.Second
}

// seal gives every audit line its place.
func (n *Notary) seal(ctx context.Context) error {
	for {
		sealed, err := n.Store.Seal(ctx, n.now(), batch)
		switch {
		case idp.IsKind(err, idp.Conflict):
			return nil // the other node goes on
		case err != nil:
			return err
		case sealed < batch:
			return nil
		}
	}
}

// checkpoint signs how far the audit log has come, when that is due.
func (n *Notary) checkpoint(ctx context.Context, leaving bool) error {
	every, now := cmp.Or(n.Every, 5*time.Minute), n.now()
	if !leaving && now.Sub(n.signed).Abs() < every {
		return nil
	}
	end, err := n.Store.ChainEnd(ctx)
	if err != nil {
		return err
	}
	before, err := n.Store.LastCheckpoint(ctx)
	if err != nil && !idp.IsKind(err, idp.NotFound) {
		return err
	}
	if end.Position > 0 {
		n.signed = now
	}
	if end.Position <= before.Position || !leaving && now.Sub(before.SignedAt).Abs() < every/2 {
		return nil // nothing new, or another node was here
	}
	jws, err := n.Keys.SignReceipt(CheckpointType, checkpoint{n.Issuer, format, Place(end), now})
	if err != nil {
		return err
	}
	return n.Store.SaveCheckpoint(ctx, idp.Checkpoint{Place: end, SignedAt: now, JWS: jws})
}

// PublishKeys answers with the public receipt keys.
func (n *Notary) PublishKeys(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Only GET is answered here.", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "max-age=60")
	_, _ = w.Write(n.Keys.ReceiptJWKS()) // the reader has gone: nobody to tell
}
