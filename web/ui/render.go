package ui

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"

	"github.com/a-h/templ"
)

// Render writes a page. It renders into memory first, so that a view that
// fails gives an error and not half a page; after a nil error the answer is
// complete. Pages are never kept by a cache.
func Render(w http.ResponseWriter, r *http.Request, status int, page templ.Component) error {
	var b bytes.Buffer
	if err := page.Render(r.Context(), &b); err != nil {
		return fmt.Errorf("render %s: %w", r.URL.Path, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(b.Len())) // in one piece: half a page would be painted, and move
	w.WriteHeader(status)
	// The browser may be gone by now; there is nobody left to tell.
	_, _ = w.Write(b.Bytes())
	return nil
}

// SeeOther answers a post with a redirect to a page of our own, which is what
// makes a reload harmless. path is made by the house, never taken from input.
func SeeOther(w http.ResponseWriter, r *http.Request, path string) error {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}
