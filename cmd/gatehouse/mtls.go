package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"gatehouse/idp/oidc"
	"gatehouse/web"
)

// parseMTLS reads where apps come with a certificate: at a door of this
// server's own, or at a proxy that asks for it in our place.
func (c *Config) parseMTLS(rawURL, listen, ca string) error {
	c.MTLSListen, c.MTLSCA = listen, ca
	if rawURL == "" {
		if listen != "" || ca != "" {
			return errors.New("GATEHOUSE_MTLS_LISTEN and GATEHOUSE_MTLS_CA need GATEHOUSE_MTLS_URL, the address at which apps find that door")
		}
		return nil
	}
	u, err := url.Parse(strings.TrimSuffix(rawURL, "/"))
	switch {
	case err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("GATEHOUSE_MTLS_URL is an origin like https://mtls.id.example.com, not %q", rawURL)
	case u.Host == c.URL.Host:
		return errors.New("GATEHOUSE_MTLS_URL must differ from GATEHOUSE_URL: browsers go there, and would ask people for a certificate")
	case listen != "" && c.TLSCert == "":
		return errors.New("GATEHOUSE_MTLS_LISTEN needs GATEHOUSE_TLS_CERT and GATEHOUSE_TLS_KEY, whose certificate must be good for GATEHOUSE_MTLS_URL too")
	case listen == "" && len(c.TrustedProxies) == 0:
		return errors.New("GATEHOUSE_MTLS_URL needs either GATEHOUSE_MTLS_LISTEN, a door of this server, or GATEHOUSE_TRUSTED_PROXIES, which ask for certificates and say them in Client-Cert (RFC 9440)")
	}
	c.MTLSURL = u
	return nil
}

// mtls is how the provider sees certificates; nil when none are asked for.
func (c *Config) mtls() (*oidc.MTLS, error) {
	if c.MTLSURL == nil {
		return nil, nil
	}
	m := &oidc.MTLS{URL: c.MTLSURL.String()}
	if c.MTLSCA != "" {
		pem, err := os.ReadFile(c.MTLSCA)
		if err != nil {
			return nil, fmt.Errorf("GATEHOUSE_MTLS_CA: %w", err)
		}
		m.Roots = x509.NewCertPool()
		if !m.Roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("GATEHOUSE_MTLS_CA: %s holds no certificate in PEM", c.MTLSCA)
		}
	}
	if c.MTLSListen == "" {
		// A proxy says certificates at that address alone: at the other it asks
		// nobody, and may hand on what anybody wrote.
		m.FromProxy = func(r *http.Request) bool {
			return strings.EqualFold(r.Host, c.MTLSURL.Host) && web.FromProxy(r, c.TrustedProxies)
		}
	}
	return m, nil
}

// mtlsDoor listens where certificates are asked for; nil when there is no such
// door.
func (c *Config) mtlsDoor(ctx context.Context) (net.Listener, error) {
	if c.MTLSListen == "" {
		return nil, nil
	}
	door, err := listen(ctx, c.MTLSListen)
	if err != nil {
		return nil, fmt.Errorf("GATEHOUSE_MTLS_LISTEN: %w", err)
	}
	return door, nil
}

// newMTLSServer asks for a certificate and takes any, or none: whose it is, is
// decided where the app is known. It answers what apps call and no page.
func newMTLSServer(next http.Handler) *http.Server {
	paths := oidc.MTLSPaths()
	server := newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(paths, r.URL.Path) {
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}))
	server.TLSConfig = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	return server
}
