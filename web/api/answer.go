package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

// answer writes a success; nothing is sent before the whole of it encodes.
func (a *API) answer(w http.ResponseWriter, r *http.Request, status int, answer any) {
	w.Header().Set("Cache-Control", "no-store")
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	if err := enc.Encode(answer); err != nil {
		a.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// refuse renders an error as problem+json (RFC 9457). Causes go to the log
// alone.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	a.refuseWith(w, r, idp.KindOf(err).Status(), err)
}

// refuseWith is refuse with another status than the one of the error's kind.
func (a *API) refuseWith(w http.ResponseWriter, r *http.Request, status int, err error) {
	kind := idp.KindOf(err)
	id := idp.ActorOf(r.Context()).CorrelationID
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	a.Log.LogAttrs(r.Context(), level, "api refused", slog.String("correlation_id", id),
		slog.String("kind", string(kind)), slog.String("error", err.Error()))
	p := client.Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Kind: string(kind), CorrelationID: id,
	}
	if e, ok := errors.AsType[*idp.Error](err); ok && kind != idp.Internal {
		p.Detail, p.Fields = e.Detail, e.Fields
	}
	switch kind {
	case idp.Unauthenticated:
		w.Header().Set("WWW-Authenticate", `Bearer realm="gatehouse"`)
	case idp.Unavailable, idp.Throttled:
		w.Header().Set("Retry-After", "5")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(p) // headers are out: nobody to tell
}

// maxRequest bounds a request body, in bytes.
const maxRequest = 1 << 20

// maxBatch bounds the body that names many people, in bytes.
const maxBatch = 8 << 20

// decode reads a JSON body strictly: one value, no unknown fields.
func decode[T any](r *http.Request) (T, error) { return decodeUpTo[T](r, maxRequest) }

func decodeUpTo[T any](r *http.Request, most int64) (T, error) {
	var in T
	dec := json.NewDecoder(io.LimitReader(r.Body, most+1))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return in, idp.Errorf(idp.Invalid, "The request body is not the JSON that this address takes. See /api/v1/openapi.json.").Because(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return in, idp.Errorf(idp.Invalid, "The request body holds more than one JSON value, or is too large.")
	}
	return in, nil
}
