package oidc

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// originsTTL is how long the set of known origins is believed. It decides only
// whether a browser shows a page what any other client could read as well.
const originsTTL = 30 * time.Second

// origins is the set of origins of all registered redirect URIs.
type origins struct {
	mu     sync.Mutex
	readAt time.Time
	known  map[string]bool
}

// cors lets pages of registered apps read the answer, without credentials;
// any other Origin gets the answer without leave to read it.
func (p *Provider) cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if origin == "" {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Add("Vary", "Origin")
		if p.knownOrigin(r.Context(), origin) {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Methods", "GET, POST")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP")
			h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce")
			h.Set("Access-Control-Max-Age", "600")
		}
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (p *Provider) knownOrigin(ctx context.Context, origin string) bool {
	p.origins.mu.Lock()
	defer p.origins.mu.Unlock()
	if now := p.Now(); p.origins.known == nil || now.Sub(p.origins.readAt) > originsTTL {
		apps, err := p.Store.Apps(ctx)
		if err != nil {
			p.Log.ErrorContext(ctx, "origins of apps not read", "error", err)
			return false
		}
		known := make(map[string]bool)
		for _, app := range apps {
			if app.OIDC == nil || app.OIDC.Removed {
				continue
			}
			for _, uri := range app.OIDC.RedirectURIs {
				known[originOf(uri)] = true
			}
		}
		p.origins.known, p.origins.readAt = known, now
	}
	return p.origins.known[origin]
}

// originOf returns the origin of a redirect URI; for a private-use scheme the
// scheme with its colon, which is what CSP calls it.
func originOf(uri string) string {
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return ""
	case u.Scheme == "https" || u.Scheme == "http":
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + ":"
}
