package web

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"gatehouse/idp"
)

// maxBody bounds every request body of the house, in bytes; parsers have
// smaller limits of their own.
const maxBody = 1 << 20

// maxBatch is the same for the one address that takes a hundred thousand names;
// its body is read when the caller is known.
const maxBatch = 8 << 20

func bodyLimit(r *http.Request) int64 {
	if r.Method == http.MethodPost && r.URL.Path == "/api/v1/batches" {
		return maxBatch
	}
	return maxBody
}

// maxDrain is how much of a body that no handler wanted is still read, so that
// the refusal reaches its sender: a connection closed in mid-body is reset, and
// a browser then shows its own words instead of ours.
const maxDrain = 4 << 20

// begin is the first thing that happens to a request: it gets its correlation
// ID and its actor (nobody yet, from this address), a bounded body, one log
// line at the end, and a net under panics.
func (s *Server) begin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		actor := idp.Actor{Kind: "anonymous", Address: address(r, s.TrustedProxies), CorrelationID: newCorrelationID()}
		ctx := s.Faces.Over(idp.WithActor(r.Context(), actor), r.Header.Get("Accept-Language"))
		r = r.WithContext(ctx)
		body := r.Body
		r.Body = &boundedBody{http.MaxBytesReader(w, body, bodyLimit(r)), body}
		w.Header().Set("X-Correlation-ID", actor.CorrelationID)
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			if p := recover(); p != nil {
				s.panicked(rec, r, p)
			}
			if s.Answered != nil {
				s.Answered(r.Pattern, rec.status, time.Since(started))
			}
			s.Log.LogAttrs(r.Context(), slog.LevelInfo, "request",
				slog.String("correlation_id", actor.CorrelationID), slog.String("method", r.Method),
				slog.String("path", logged(r.URL.Path)), slog.Int("status", rec.status), slog.String("address", actor.Address),
				slog.Duration("took", time.Since(started)))
		}()
		next.ServeHTTP(rec, r)
		_, _ = io.CopyN(io.Discard, body, maxDrain) // what is left of it, if anything
	})
}

// boundedBody is a body with the bound that every one has, and the one below it.
type boundedBody struct {
	io.ReadCloser
	whole io.ReadCloser
}

// uploadTime is how long an upload and its answer may take: 64 MiB over a slow
// line.
const uploadTime = 5 * time.Minute

// makeWay lets an owner send a larger body than others, and take longer. The
// deadlines stay as they are where the connection has none.
func makeWay(w http.ResponseWriter, r *http.Request, most int64) {
	body, ok := r.Body.(*boundedBody)
	if !ok {
		return
	}
	r.Body = http.MaxBytesReader(w, body.whole, most)
	until := time.Now().Add(uploadTime)
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(until)
	_ = control.SetWriteDeadline(until)
}

// logged is what may stand in the log of a path: no query, which carries codes
// and assertions, no secret of a one-time link, and not more than 200 bytes.
func logged(path string) string {
	if strings.HasPrefix(path, linkPath) {
		return linkPath + "-"
	}
	if len(path) > 200 {
		return path[:200]
	}
	return path
}

// linkPath is where one-time links lead; what follows is their secret.
const linkPath = "/link/"

// panicked turns a panic into a logged error and, while nothing was written,
// into the page for one.
func (s *Server) panicked(w *recorder, r *http.Request, p any) {
	if p == http.ErrAbortHandler {
		panic(p)
	}
	s.Log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("correlation_id", idp.ActorOf(r.Context()).CorrelationID),
		slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
	if !w.written {
		s.Pages.Problem(w, r, fmt.Errorf("panic: %v", p))
	}
}

func newCorrelationID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// recorder notes the status for the log line.
type recorder struct {
	http.ResponseWriter
	status  int
	written bool
}

func (r *recorder) WriteHeader(status int) {
	if !r.written {
		r.status, r.written = status, true
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.written = true
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection (Server-Sent
// Events flush through it).
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
