package saml

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"slices"

	"gatehouse/idp"
	"gatehouse/idp/keys"
	"gatehouse/idp/saml/wire"
)

// cacheDuration is how long a service provider may go without looking for new
// keys. There is no validUntil: one that read the document once, as most do,
// must not stop signing people in by itself.
const cacheDuration = "PT6H"

// document is the metadata as it is served.
type document struct {
	certificates []*x509.Certificate // what it was made for
	body         []byte
	etag         string
}

// metadata serves what service providers need to know of us (SAML Metadata
// §2.4.3). It names what is served and nothing else: there is no key to encrypt
// to. The single logout service takes answers; apps demand that there is one.
func (p *Provider) metadata(w http.ResponseWriter, r *http.Request) {
	d, err := p.document()
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	h := w.Header()
	h.Set("ETag", d.etag)
	h.Set("Cache-Control", "public, max-age=300")
	if r.Header.Get("If-None-Match") == d.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/samlmetadata+xml")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(d.body) // the reader went away
}

// document is made once for each set of certificates.
func (p *Provider) document() (*document, error) {
	certificates, err := p.certificates()
	if err != nil {
		return nil, err
	}
	if d := p.published.Load(); d != nil && slices.EqualFunc(d.certificates, certificates, (*x509.Certificate).Equal) {
		return d, nil
	}
	el := wire.IdP{
		Entity: wire.Entity{
			EntityID:      p.EntityID,
			SigningCerts:  certificates,
			NameIDFormats: []string{wire.NameIDPersistent, wire.NameIDEmail},
			SLO: []wire.Endpoint{
				{Binding: wire.Redirect, Location: p.sloURL(), Index: -1},
				{Binding: wire.POST, Location: p.sloURL(), Index: -1},
			},
		},
		SSO: []wire.Endpoint{
			{Binding: wire.Redirect, Location: p.ssoURL(), Index: -1},
			{Binding: wire.POST, Location: p.ssoURL(), Index: -1},
		},
		// Which app must sign is a setting of the app.
		WantAuthnRequestsSigned: false,
	}.Element()
	el.CreateAttr("cacheDuration", cacheDuration)
	d := &document{certificates: certificates, body: wire.Serialize(el)}
	sum := sha256.Sum256(d.body)
	d.etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	p.published.Store(d)
	return d, nil
}

// certificates are what apps verify by. That of RSA comes first: some apps read
// one and no more, and most are signed for with it.
func (p *Provider) certificates() ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for _, alg := range []string{keys.RS256, keys.ES256} {
		key, err := p.Ring.Key(keys.UseSAML, alg)
		if err != nil {
			return nil, err
		}
		all = append(all, key.Certificate)
	}
	return all, nil
}

func (p *Provider) ssoURL() string { return p.BaseURL + pathSSO }

func (p *Provider) sloURL() string { return p.BaseURL + pathSLO }

// signer signs for app, with the house's SAML key for the algorithm that its
// settings name.
func signer(ring *keys.Ring, app idp.App) (*wire.Signer, error) {
	alg, hash := algorithm(app.SAML.SignatureAlg)
	key, err := ring.Key(keys.UseSAML, alg)
	if err != nil {
		return nil, err
	}
	return &wire.Signer{Key: key.Signer, Certificate: key.Certificate, Hash: hash}, nil
}

// algorithm is which key of the ring signs, and over which digest.
func algorithm(name string) (alg string, hash crypto.Hash) {
	switch name {
	case idp.SignECDSASHA256:
		return keys.ES256, crypto.SHA256
	case idp.SignRSASHA384:
		return keys.RS256, crypto.SHA384
	case idp.SignRSASHA512:
		return keys.RS256, crypto.SHA512
	}
	return keys.RS256, crypto.SHA256
}
