package saas

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/crewjam/saml"

	"gatehouse/idp/saml/wire"
)

// SAML makes the app a service provider. Its entityID is Config.BaseURL + MetadataPath.
type SAML struct {
	EntityID    string // of the identity provider
	MetadataURL string // where its metadata is fetched from; default: EntityID

	// Key and Certificate sign requests and logout answers: RSA, or ECDSA on P-256. Both or
	// neither; New makes a P-256 pair when there is none.
	Key         crypto.Signer
	Certificate *x509.Certificate

	// DecryptionKey opens assertions, and DecryptionCertificate is published for that: RSA. Both or
	// neither, unless Encrypted has New make them; without, nothing encrypted is taken.
	DecryptionKey         crypto.Decrypter
	DecryptionCertificate *x509.Certificate
	Encrypted             bool

	NameIDFormat string   // asked for in the AuthnRequest; default: the identity provider chooses
	SLOURLs      []string // accepted as Destination of a LogoutRequest; default: BaseURL + SLOPath

	ProbeIssuer  string // iss of probe tokens; empty: every probe is refused
	ProbeKeysURL string // its JWKS; default: ProbeIssuer + "/oauth/keys"
}

// landingLife is how long a verified answer waits for the browser to fetch its result.
const landingLife = time.Minute

// serviceProvider is the app's SAML half: AuthnRequest over HTTP-Redirect, Response over HTTP-POST,
// LogoutRequest over SOAP and, both ways, over HTTP-Redirect.
type serviceProvider struct {
	app      *App
	cfg      SAML
	entityID string
	acs      url.URL
	source   *url.URL // of the identity provider's metadata
	signer   *wire.Signer
	partner  *lazy[*partner]
	landed   *waiting[landing]
	leaving  *waiting[string]      // IDs of LogoutRequests by their RelayState
	probes   *oidc.IDTokenVerifier // nil: no probe issuer
}

// partner is the identity provider as its metadata describes it, read by both parsers.
type partner struct {
	entity *saml.EntityDescriptor
	certs  []*x509.Certificate
	slo    string // where it takes answers over HTTP-Redirect; may be empty
	sloAsk string // where it takes LogoutRequests over HTTP-Redirect; may be empty
}

func newServiceProvider(a *App, cfg SAML) (*serviceProvider, error) {
	if cfg.MetadataURL == "" {
		cfg.MetadataURL = cfg.EntityID
	}
	source, err := url.Parse(cfg.MetadataURL)
	if err != nil || source.Host == "" || cfg.EntityID == "" {
		return nil, fmt.Errorf("identity provider %q with metadata at %q is not usable", cfg.EntityID, cfg.MetadataURL)
	}
	if (cfg.Key == nil) != (cfg.Certificate == nil) {
		return nil, errors.New("a key needs its certificate, and a certificate its key")
	}
	if cfg.Key == nil {
		if cfg.Key, cfg.Certificate, err = newKey(a.base.Hostname(), a.cfg.Now()); err != nil {
			return nil, err
		}
	}
	if cfg.Encrypted && cfg.DecryptionKey == nil {
		if cfg.DecryptionKey, cfg.DecryptionCertificate, err = newDecrypter(a.base.Hostname(), a.cfg.Now()); err != nil {
			return nil, err
		}
	}
	if (cfg.DecryptionKey == nil) != (cfg.DecryptionCertificate == nil) {
		return nil, errors.New("a key to decrypt with needs its certificate, and the certificate its key")
	}
	if len(cfg.SLOURLs) == 0 {
		cfg.SLOURLs = []string{a.cfg.BaseURL + SLOPath}
	}
	p := &serviceProvider{
		app: a, cfg: cfg, entityID: a.cfg.BaseURL + MetadataPath, acs: *a.base.JoinPath(ACSPath), source: source,
		signer: &wire.Signer{Key: cfg.Key, Certificate: cfg.Certificate},
		landed: newWaiting[landing](a.cfg.Now, landingLife), leaving: newWaiting[string](a.cfg.Now, leavingLife),
	}
	p.partner = &lazy[*partner]{now: a.cfg.Now, fetch: p.fetchPartner}
	if cfg.ProbeIssuer != "" {
		if cfg.ProbeKeysURL == "" {
			cfg.ProbeKeysURL = strings.TrimSuffix(cfg.ProbeIssuer, "/") + "/oauth/keys"
		}
		ctx := oidc.ClientContext(context.Background(), a.cfg.HTTP)
		p.probes = oidc.NewVerifier(cfg.ProbeIssuer, oidc.NewRemoteKeySet(ctx, cfg.ProbeKeysURL), &oidc.Config{
			ClientID: p.entityID, Now: a.cfg.Now, SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256},
		})
	}
	return p, nil
}

func (p *serviceProvider) register(mux *http.ServeMux) {
	mux.HandleFunc("GET "+MetadataPath, asset("application/samlmetadata+xml", p.metadata()))
	mux.Handle("POST "+ACSPath, p.app.page(p.consume))
	mux.Handle("GET "+landedPath, p.app.page(p.land))
	mux.HandleFunc("POST "+SLOPath, p.logout)
	mux.Handle("GET "+SLOPath, p.app.page(p.byBrowser))
}

func (p *serviceProvider) origin() string { return p.source.Scheme + "://" + p.source.Host }

func (p *serviceProvider) probe(ctx context.Context, token string) (string, error) {
	if p.probes == nil {
		return "", errors.New("no issuer of probes is known")
	}
	claims, err := p.app.verifyProbe(ctx, p.probes, token)
	if err == nil && claims.NameID == "" {
		err = errors.New("the probe token has no name_id")
	}
	return claims.NameID, err
}

func (p *serviceProvider) fetchPartner() (*partner, error) {
	res, err := p.app.cfg.HTTP.Get(p.cfg.MetadataURL)
	if err != nil {
		return nil, fmt.Errorf("fetch the metadata of %s: %w", p.cfg.EntityID, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch the metadata of %s: answer %d", p.cfg.EntityID, res.StatusCode)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("read the metadata of %s: %w", p.cfg.EntityID, err)
	}
	return partnerOf(body, p.cfg.EntityID, p.app.cfg.Now())
}

// partnerOf reads the metadata of one identity provider.
func partnerOf(metadata []byte, entityID string, now time.Time) (*partner, error) {
	read, err := wire.ParseIdPMetadata(metadata, now)
	if err != nil {
		return nil, fmt.Errorf("read the metadata of %s: %w", entityID, err)
	}
	entity := new(saml.EntityDescriptor)
	if err := xml.Unmarshal(metadata, entity); err != nil {
		return nil, fmt.Errorf("read the metadata of %s: %w", entityID, err)
	}
	if read.EntityID != entityID || entity.EntityID != entityID {
		return nil, fmt.Errorf("the metadata is of another entity than %s", entityID)
	}
	return &partner{entity: entity, certs: read.SigningCerts, slo: redirectService(read.SLO), sloAsk: askedAt(read.SLO)}, nil
}

// provider is crewjam's service provider for this partner. It gets neither key nor encryption: requests
// are signed by wire, and no key to encrypt to is published.
func (p *serviceProvider) provider(idp *partner) *saml.ServiceProvider {
	format := saml.NameIDFormat(p.cfg.NameIDFormat)
	if format == "" {
		format = saml.UnspecifiedNameIDFormat
	}
	return &saml.ServiceProvider{
		EntityID: p.entityID, AcsURL: p.acs, MetadataURL: *p.app.base.JoinPath(MetadataPath),
		IDPMetadata: idp.entity, AuthnNameIDFormat: format,
	}
}

func (p *serviceProvider) begin(_ context.Context, b *begun) (string, error) {
	idp, err := p.partner.get()
	if err != nil {
		return "", err
	}
	sp := p.provider(idp)
	to := sp.GetSSOBindingLocation(saml.HTTPRedirectBinding)
	if to == "" {
		return "", errors.New("the identity provider takes no request over HTTP-Redirect")
	}
	req, err := sp.MakeAuthenticationRequest(to, saml.HTTPRedirectBinding, saml.HTTPPostBinding)
	if err != nil {
		return "", fmt.Errorf("make the AuthnRequest: %w", err)
	}
	if p.cfg.NameIDFormat == "" {
		req.NameIDPolicy.Format = nil // else it would be sent empty, which is no URI
	}
	req.IssueInstant = p.app.cfg.Now().UTC()
	b.requestID = req.ID
	there, err := p.signer.RedirectURL(to, wire.ParamRequest, wire.Serialize(req.Element()), b.state)
	if err != nil {
		return "", fmt.Errorf("sign the AuthnRequest: %w", err)
	}
	return there, nil
}

// Metadata returns the service provider's metadata as GET /saml/metadata serves them, so that whoever
// runs the app can register it before it listens; nil for a relying party.
func (a *App) Metadata() []byte {
	if p, ok := a.protocol.(*serviceProvider); ok {
		return p.metadata()
	}
	return nil
}

// metadata publishes the key that signs, and where there is one the key to encrypt to.
func (p *serviceProvider) metadata() []byte {
	sp := wire.SP{
		Entity: wire.Entity{
			EntityID: p.entityID, SigningCerts: []*x509.Certificate{p.cfg.Certificate},
			SLO: []wire.Endpoint{
				{Binding: wire.SOAP, Location: p.cfg.SLOURLs[0], Index: -1},
				{Binding: wire.Redirect, Location: p.frontSLO(), Index: -1},
			},
		},
		ACS:                 []wire.Endpoint{{Binding: wire.POST, Location: p.acs.String(), Default: true}},
		AuthnRequestsSigned: true, WantAssertionsSigned: true,
	}
	if p.cfg.DecryptionCertificate != nil {
		sp.EncryptionKeys = []wire.EncryptionKey{{
			Certificate: p.cfg.DecryptionCertificate, Methods: []string{wire.AES256GCM, wire.AES128GCM, wire.OAEPMGF1P},
		}}
	}
	if p.cfg.NameIDFormat != "" {
		sp.NameIDFormats = []string{p.cfg.NameIDFormat}
	}
	return wire.Serialize(sp.Element())
}

// frontSLO is where a browser brings a LogoutRequest.
func (p *serviceProvider) frontSLO() string { return p.app.cfg.BaseURL + SLOPath }

// newKey makes a P-256 key and a self-signed certificate around it, as metadata want one.
func newKey(host string, now time.Time) (crypto.Signer, *x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a signing key: %w", err)
	}
	cert, err := selfSigned(key, host, now, x509.KeyUsageDigitalSignature)
	return key, cert, err
}

// newDecrypter makes an RSA key, and a certificate as newKey does.
func newDecrypter(host string, now time.Time) (crypto.Decrypter, *x509.Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key to decrypt with: %w", err)
	}
	cert, err := selfSigned(key, host, now, x509.KeyUsageKeyEncipherment)
	return key, cert, err
}

func selfSigned(key crypto.Signer, host string, now time.Time, use x509.KeyUsage) (*x509.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: host},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0), KeyUsage: use,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	return cert, nil
}
