package saas

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Where the app's endpoints are, below Config.BaseURL: what has to be registered at the identity
// provider.
const (
	LoginPath             = "/login"               // starts a sign-in (GET)
	CallbackPath          = "/callback"            // OIDC redirect URI
	SignedOutPath         = "/signed-out"          // OIDC post-logout redirect URI
	BackchannelLogoutPath = "/backchannel-logout"  // OIDC backchannel_logout_uri
	FrontchannelPath      = "/frontchannel-logout" // OIDC frontchannel_logout_uri
	MetadataPath          = "/saml/metadata"       // SAML metadata; BaseURL + MetadataPath is the entityID
	ACSPath               = "/saml/acs"            // SAML assertion consumer service, HTTP-POST
	SLOPath               = "/saml/slo"            // SAML single logout service: SOAP, and HTTP-Redirect or HTTP-POST by a browser
	ProbePath             = "/probe"               // POST {token}: {"sessions": n}
)

// Product is what the app plays.
type Product string

// The two products.
const (
	Wiki Product = "wiki"
	CRM  Product = "crm"
)

// Config says what the app is and whom it trusts. Exactly one of OIDC and SAML is set.
type Config struct {
	Product Product // default: Wiki with OIDC, CRM with SAML
	Name    string  // what the pages call it; its letters and digits name the cookies; default by product
	BaseURL string  // where browsers reach it, scheme and host only; https makes its cookies Secure
	IdPName string  // what the pages call the identity provider; default "Gatehouse"

	OIDC *OIDC
	SAML *SAML

	Lifetime time.Duration // the app's own limit on a session; default 12 hours
	Inspect  bool          // GET /accounts.json answers without a session too: for the demo and tests only

	Now  func() time.Time // default time.Now
	Log  *slog.Logger     // default discards
	HTTP *http.Client     // to the identity provider; default has a timeout of 10 s
}

// App is one running app. Its state lives in memory and is bounded; make it with New.
type App struct {
	cfg      Config
	base     *url.URL
	book     *book
	begun    *waiting[begun]
	spent    *spent
	protocol protocol
	pages    *pages
}

// protocol is what the app needs of the tongue it speaks with the identity provider.
type protocol interface {
	// begin returns the URL that sends the browser away to sign in, and notes in b what the answer
	// must match.
	begin(ctx context.Context, b *begun) (string, error)
	// register adds the protocol's own endpoints.
	register(mux *http.ServeMux)
	// signOutURL returns where to send the browser after its session here has ended, or "" when
	// the session at the identity provider is left alone.
	signOutURL(ctx context.Context, s session) string
	// probe verifies a probe token and returns the subject it asks about.
	probe(ctx context.Context, token string) (string, error)
	// origin is the identity provider's origin, for form-action.
	origin() string
}

// New checks the configuration. It makes no request: discovery and metadata are fetched when they are
// first needed, so that the app can start before its identity provider.
func New(cfg Config) (*App, error) {
	if (cfg.OIDC == nil) == (cfg.SAML == nil) {
		return nil, errors.New("sample app: exactly one of OIDC and SAML is needed")
	}
	base, err := url.Parse(strings.TrimSuffix(cfg.BaseURL, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") || base.Path != "" {
		return nil, fmt.Errorf("sample app: base URL %q is not a scheme and host", cfg.BaseURL)
	}
	cfg.BaseURL = base.String()
	cfg.fillDefaults()
	if cfg.Product != Wiki && cfg.Product != CRM {
		return nil, fmt.Errorf("sample app: no product %q", cfg.Product)
	}
	a := &App{
		cfg: cfg, base: base,
		book:  newBook(cfg.Now),
		begun: newWaiting[begun](cfg.Now, 10*time.Minute),
		spent: newSpent(cfg.Now),
	}
	if a.protocol, err = newProtocol(a); err != nil {
		return nil, fmt.Errorf("sample app: %w", err)
	}
	if a.pages, err = parsePages(a); err != nil {
		return nil, fmt.Errorf("sample app: %w", err)
	}
	return a, nil
}

func newProtocol(a *App) (protocol, error) {
	if a.cfg.OIDC != nil {
		return newRelyingParty(a, *a.cfg.OIDC)
	}
	return newServiceProvider(a, *a.cfg.SAML)
}

func (c *Config) fillDefaults() {
	if c.Product == "" {
		c.Product = Wiki
		if c.SAML != nil {
			c.Product = CRM
		}
	}
	if c.Name == "" {
		c.Name = map[Product]string{Wiki: "Wiki", CRM: "CRM"}[c.Product]
	}
	if c.IdPName == "" {
		c.IdPName = "Gatehouse"
	}
	if c.Lifetime <= 0 {
		c.Lifetime = 12 * time.Hour
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.HTTP = guarded(c.HTTP)
}

// Handler returns the whole app. Endpoints for the identity provider do not look at the Host header:
// it may reach them by an address of its own.
func (a *App) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", a.page(a.home))
	mux.Handle("GET /pages/{page}", a.page(a.article))
	mux.Handle("GET /account", a.page(a.account))
	mux.Handle("GET /accounts", a.page(a.accounts))
	mux.Handle("GET "+LoginPath, a.page(a.login))
	mux.Handle("POST /logout", http.NewCrossOriginProtection().Handler(a.page(a.logout)))
	mux.Handle("GET "+SignedOutPath, a.page(a.signedOut))
	mux.HandleFunc("GET /app.css", asset("text/css; charset=utf-8", a.pages.style))
	mux.HandleFunc("GET /icon.svg", asset("image/svg+xml", a.pages.icon))
	mux.HandleFunc("GET /accounts.json", a.accountsJSON)
	mux.HandleFunc("GET /whoami.json", a.whoamiJSON)
	mux.HandleFunc("POST "+ProbePath, a.probe)
	mux.Handle("/", a.page(a.notFound))
	a.protocol.register(mux)
	return a.headers(mux)
}

// headers sets what every answer carries.
func (a *App) headers(next http.Handler) http.Handler {
	policy := "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; " +
		// Chromium applies form-action to the whole redirect chain, and sign-out goes on to the provider.
		"form-action 'self' " + a.protocol.origin()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
