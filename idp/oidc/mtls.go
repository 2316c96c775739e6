package oidc

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
)

// How clients authenticate with a certificate (RFC 8705 §2).
const (
	authTLS           oidc.AuthMethod = "tls_client_auth"
	authSelfSignedTLS oidc.AuthMethod = "self_signed_tls_client_auth"
)

// MTLS is how apps come with a certificate (RFC 8705).
type MTLS struct {
	// URL is the origin at which a certificate is asked for, without a trailing
	// slash: a door of its own, so that no browser is asked.
	URL string
	// Roots is what the certificates of tls_client_auth must lead to. Nil:
	// none is accepted for that method.
	Roots *x509.CertPool
	// FromProxy reports whether r comes from a proxy that asks for the
	// certificate in our place, proves that its key is held, and says it in
	// headers (RFC 9440). Nil: nobody is believed.
	FromProxy func(r *http.Request) bool
}

// MTLSPaths are the endpoints that answer at MTLS.URL too (RFC 8705 §5).
func MTLSPaths() []string {
	return []string{pathToken, pathPAR, pathDevice, pathIntrospect, pathRevoke, pathUserinfo}
}

type chainKey struct{}

// withChain lets the handlers see the certificates of which the caller has
// proven to hold the key, leaf first.
func (p *Provider) withChain(next http.Handler) http.Handler {
	if p.MTLS == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chain, err := p.MTLS.chain(r)
		if err != nil {
			writeError(w, r, invalidRequest("The header with the client certificate cannot be read.").WithParent(err))
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), chainKey{}, chain)))
	})
}

func (m *MTLS) chain(r *http.Request) ([]*x509.Certificate, error) {
	switch {
	case r.TLS != nil && len(r.TLS.PeerCertificates) > 0:
		return r.TLS.PeerCertificates, nil
	case m.FromProxy != nil && m.FromProxy(r):
		return chainIn(r.Header)
	}
	return nil, nil
}

// chainIn reads the certificates that a proxy has put into headers (RFC 9440
// §2): Client-Cert is a byte sequence, Client-Cert-Chain a list of them.
func chainIn(h http.Header) ([]*x509.Certificate, error) {
	const longest = 10
	leaf := h.Values("Client-Cert")
	if len(leaf) == 0 {
		return nil, nil
	}
	if len(leaf) > 1 {
		return nil, errors.New("more than one Client-Cert")
	}
	items := leaf
	if rest := strings.Join(h.Values("Client-Cert-Chain"), ","); rest != "" {
		items = append(slices.Clone(leaf), strings.Split(rest, ",")...)
	}
	if len(items) > longest {
		return nil, errors.New("the chain is too long")
	}
	chain := make([]*x509.Certificate, len(items))
	for i, item := range items {
		// RFC 8941 §3.3.5: base64 between colons.
		item = strings.Trim(item, " \t")
		if len(item) < 2 || item[0] != ':' || item[len(item)-1] != ':' {
			return nil, errors.New("not a byte sequence")
		}
		der, err := base64.StdEncoding.DecodeString(item[1 : len(item)-1])
		if err != nil {
			return nil, err
		}
		if chain[i], err = x509.ParseCertificate(der); err != nil {
			return nil, err
		}
	}
	return chain, nil
}

func chainOf(ctx context.Context) []*x509.Certificate {
	chain, _ := ctx.Value(chainKey{}).([]*x509.Certificate)
	return chain
}

// certificateHash is the x5t#S256 of the caller's certificate (RFC 8705 §3.1);
// "" when it came without one.
func certificateHash(ctx context.Context) string {
	chain := chainOf(ctx)
	if len(chain) == 0 {
		return ""
	}
	sum := sha256.Sum256(chain[0].Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func byCertificate(app idp.App) bool {
	return app.OIDC.AuthMethod == string(authTLS) || app.OIDC.AuthMethod == string(authSelfSignedTLS)
}

// checkCertificate authenticates an app by the certificate it came with.
func (p *Provider) checkCertificate(ctx context.Context, app idp.App) error {
	chain := chainOf(ctx)
	switch {
	case len(chain) == 0:
		return p.refuseClient(ctx, app, "came without a client certificate")
	case p.now().Before(chain[0].NotBefore) || p.now().After(chain[0].NotAfter):
		return p.refuseClient(ctx, app, "its certificate has expired, or is not good yet")
	case app.OIDC.AuthMethod == string(authSelfSignedTLS):
		return p.checkSelfSigned(ctx, app, chain[0])
	case p.MTLS.Roots == nil:
		return p.refuseClient(ctx, app, "no authorities for client certificates are configured")
	case !leadsTo(chain, p.MTLS.Roots, p.now()):
		return p.refuseClient(ctx, app, "its certificate is of no authority that is trusted")
	case !names(app.OIDC.TLSSubject, chain[0]):
		return p.refuseClient(ctx, app, "its certificate has another subject")
	}
	return nil
}

// checkSelfSigned compares with the certificates registered with the app's
// keys (RFC 8705 §2.2).
func (p *Provider) checkSelfSigned(ctx context.Context, app idp.App, cert *x509.Certificate) error {
	set, err := p.keysOf(ctx, app, "")
	switch {
	case idp.IsKind(err, idp.Unavailable):
		return fault(err)
	case err != nil:
		return p.refuseClient(ctx, app, reason(err))
	}
	found := 0
	for _, known := range set.Certificates() {
		found |= subtle.ConstantTimeCompare(known.Raw, cert.Raw)
	}
	if found != 1 {
		return p.refuseClient(ctx, app, "its certificate is not registered")
	}
	return nil
}

func leadsTo(chain []*x509.Certificate, roots *x509.CertPool, now time.Time) bool {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err == nil
}

// names reports whether a certificate has the registered subject (RFC 8705
// §2.1.2); a registration that names none has none.
func names(want idp.TLSSubject, cert *x509.Certificate) bool {
	var have []string
	switch {
	case want.DN != "":
		return same(want.DN, subjectDN(cert))
	case want.DNS != "":
		want.DNS = strings.ToLower(want.DNS)
		for _, name := range cert.DNSNames {
			have = append(have, strings.ToLower(name))
		}
		return anySame(want.DNS, have)
	case want.URI != "":
		for _, u := range cert.URIs {
			have = append(have, u.String())
		}
		return anySame(want.URI, have)
	case want.IP != "":
		for _, ip := range cert.IPAddresses {
			have = append(have, ip.String())
		}
		ip := net.ParseIP(want.IP)
		return ip != nil && anySame(ip.String(), have)
	case want.Email != "":
		return anySame(want.Email, cert.EmailAddresses)
	}
	return false
}

func anySame(want string, have []string) bool {
	found := false
	for _, h := range have {
		found = same(want, h) || found
	}
	return found
}

// subjectDN is the subject as RFC 4514 writes it, in the certificate's own
// order: what openssl prints with -nameopt RFC2253.
func subjectDN(cert *x509.Certificate) string {
	var rdns pkix.RDNSequence
	if rest, err := asn1.Unmarshal(cert.RawSubject, &rdns); err != nil || len(rest) > 0 {
		return ""
	}
	return rdns.String()
}

// introspectByCertificate answers introspection by a client that brings a
// certificate and nothing else: the library knows secrets and assertions alone.
func (p *Provider) introspectByCertificate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := present(r.Header, r.PostForm)
		if err != nil || c.method != oidc.AuthMethodNone {
			next.ServeHTTP(w, r)
			return
		}
		app, err := p.app(r.Context(), c.id)
		if err != nil || !byCertificate(app) { // a public client may not ask, whatever it brings
			writeError(w, r, invalidClient(errors.New("no credentials")))
			return
		}
		token := r.PostForm.Get("token")
		if token == "" {
			writeError(w, r, invalidRequest("token is missing."))
			return
		}
		answer, err := (&server{p: p}).Introspect(r.Context(), &op.Request[op.IntrospectionRequest]{
			Header: r.Header, Form: r.Form,
			Data: &op.IntrospectionRequest{ClientCredentials: &op.ClientCredentials{}, IntrospectionRequest: &oidc.IntrospectionRequest{Token: token}},
		})
		if err != nil {
			writeError(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer.Data) // an error here means that the client went away
	})
}

// mtlsAliases are the endpoints at which a certificate is asked for (RFC 8705
// §5).
type mtlsAliases struct {
	Token         string `json:"token_endpoint"`
	Introspection string `json:"introspection_endpoint"`
	Revocation    string `json:"revocation_endpoint"`
	Userinfo      string `json:"userinfo_endpoint"`
	PAR           string `json:"pushed_authorization_request_endpoint"`
	Device        string `json:"device_authorization_endpoint"`
}

func (m *MTLS) aliases() *mtlsAliases {
	return &mtlsAliases{m.URL + pathToken, m.URL + pathIntrospect, m.URL + pathRevoke, m.URL + pathUserinfo, m.URL + pathPAR, m.URL + pathDevice}
}

// methods are the ways of authentication that a certificate makes possible.
func (m *MTLS) methods() []oidc.AuthMethod {
	if m.Roots == nil {
		return []oidc.AuthMethod{authSelfSignedTLS}
	}
	return []oidc.AuthMethod{authTLS, authSelfSignedTLS}
}
