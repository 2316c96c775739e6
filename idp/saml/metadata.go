package saml

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/http"

	"gatehouse/idp/keys"
	"gatehouse/idp/saml/wire"
)

// cacheDuration is how long a service provider may go without looking for new
// keys. There is no validUntil: one that read the document once, as most do,
// must not stop signing people in by itself.
const cacheDuration = "PT6H"

// document is the metadata as it is served.
type document struct {
	certificate *x509.Certificate // what it was made for
	body        []byte
	etag        string
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

// document is made once for each certificate.
func (p *Provider) document() (*document, error) {
	key, err := p.Ring.Key(keys.UseSAML, keys.RS256)
	if err != nil {
		return nil, err
	}
	if d := p.published.Load(); d != nil && d.certificate.Equal(key.Certificate) {
		return d, nil
	}
	el := wire.IdP{
		Entity: wire.Entity{
			EntityID:      p.EntityID,
			SigningCerts:  []*x509.Certificate{key.Certificate},
			NameIDFormats: issuable,
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
	d := &document{certificate: key.Certificate, body: wire.Serialize(el)}
	sum := sha256.Sum256(d.body)
	d.etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	p.published.Store(d)
	return d, nil
}

func (p *Provider) ssoURL() string { return p.BaseURL + pathSSO }

func (p *Provider) sloURL() string { return p.BaseURL + pathSLO }

// signer signs with the house's SAML key.
func signer(ring *keys.Ring) (*wire.Signer, error) {
	key, err := ring.Key(keys.UseSAML, keys.RS256)
	if err != nil {
		return nil, err
	}
	return &wire.Signer{Key: key.Signer, Certificate: key.Certificate}, nil
}
