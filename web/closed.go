package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"gatehouse/sessions"
	"gatehouse/web/ui"
)

// whileOpen answers with the reason, while there is one why the house is
// closed, instead of asking next.
func (s *Server) whileOpen(next http.Handler) http.Handler {
	if s.Closed == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		why := s.Closed()
		if why == "" {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Retry-After", "60")
		w.Header().Set("Cache-Control", "no-store")
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			if err := ui.Render(w, r, http.StatusServiceUnavailable, ui.Closed(why)); err == nil {
				return
			}
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = json.NewEncoder(w).Encode(map[string]any{ // headers are out: nobody to tell
			"type": "about:blank", "title": "Service Unavailable", "status": http.StatusServiceUnavailable, "kind": "unavailable", "detail": why,
			"error": "temporarily_unavailable", "error_description": why, // RFC 6749 §4.1.2.1, for apps
		})
	})
}

// public reports whether a tongue's handler takes no pass: apps still need its
// keys and metadata, to believe a logout that they are told meanwhile.
func (m Mount) public() bool {
	return !slices.ContainsFunc(m.Passes, func(p sessions.Pass) bool { return p != sessions.None })
}
