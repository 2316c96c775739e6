package console

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"time"

	"gatehouse/idp"
)

const (
	// livePoll is how often a live receipt looks at its lines.
	livePoll = 200 * time.Millisecond
	// liveFor is how long one stream lasts before the browser asks again, and
	// with that is checked again: a role that was taken away counts from then.
	liveFor = 20 * time.Second
)

// receiptLive tells a browser that the receipt has changed.
func (c *Console) receiptLive(w http.ResponseWriter, r *http.Request) error {
	id := idp.ReceiptID(r.PathValue("id"))
	return c.live(w, r, livePoll, func(ctx context.Context) (uint64, error) { return c.fingerprint(ctx, id) })
}

// live tells a browser, by Server-Sent Events, that what a page shows has
// changed; the browser then takes the page again. The event carries nothing:
// there is one renderer, and one access check. It looks every so often, and
// rests ten times as long as a look takes.
func (c *Console) live(w http.ResponseWriter, r *http.Request, every time.Duration, look func(context.Context) (uint64, error)) error {
	seen, err := look(r.Context())
	if err != nil {
		return err
	}
	out := http.NewResponseController(w)
	if err := out.SetWriteDeadline(time.Now().Add(liveFor + 5*time.Second)); err != nil {
		return fmt.Errorf("live page: %w", err)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	// The page may be older than this first look.
	if !say(w, out) {
		return nil
	}
	next := time.NewTimer(every)
	defer next.Stop()
	over := time.NewTimer(liveFor)
	defer over.Stop()
	for {
		select {
		case <-r.Context().Done():
			return nil
		case <-c.Closing:
			return nil
		case <-over.C:
			return nil
		case <-next.C:
		}
		begun := time.Now()
		now, err := look(r.Context())
		if err != nil {
			// The answer has begun: the browser asks again by itself.
			return nil
		}
		if now != seen {
			seen = now
			if !say(w, out) {
				return nil
			}
		}
		next.Reset(max(every, 10*time.Since(begun)))
	}
}

func say(w io.Writer, out *http.ResponseController) bool {
	if _, err := io.WriteString(w, "retry: 500\nevent: change\ndata: \n\n"); err != nil {
		return false
	}
	return out.Flush() == nil
}

// fingerprint changes with anything a receipt shows.
func (c *Console) fingerprint(ctx context.Context, id idp.ReceiptID) (uint64, error) {
	rc, err := c.Store.Receipt(ctx, id)
	if err != nil {
		return 0, err
	}
	lines, err := c.Store.Deliveries(ctx, id)
	if err != nil {
		return 0, err
	}
	h := fnv.New64a()
	fmt.Fprint(h, rc.ListedAt.UnixMicro(), rc.Version)
	for _, d := range lines {
		fmt.Fprint(h, d.ID, d.State, d.Attempts, d.LatencyMS, d.Answer, d.Evidence,
			d.NextAt.UnixMicro(), d.AgainAt.UnixMicro(), d.Ceiling.UnixMicro())
	}
	return h.Sum64(), nil
}
