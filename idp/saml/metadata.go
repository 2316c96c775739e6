package saml

import (
	"cmp"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/keys"
	"gatehouse/idp/saml/wire"
)

// cacheDuration is how long a service provider may go without looking for new
// keys.
const cacheDuration = "PT6H"

// document is the metadata as it is served.
type document struct {
	state string // what it was made for
	keys  []idp.KeyID
	body  []byte
	etag  string
}

// metadata serves what service providers need to know of us (SAML Metadata
// §2.4.3). It names what is served and nothing else: there is no key to encrypt
// to.
func (p *Provider) metadata(w http.ResponseWriter, r *http.Request) {
	d, err := p.document(nil)
	p.serve(w, r, d, err)
}

// metadataFor serves the same for one app: its certificates, the one that signs
// for it first, and its kind of NameID. The entityID is that of the house, so an
// app may be led from one document to the other.
func (p *Provider) metadataFor(w http.ResponseWriter, r *http.Request) {
	app, err := p.Store.App(r.Context(), idp.AppID(r.PathValue("app")))
	if err == nil && (app.SAML == nil || app.Removed()) || idp.IsKind(err, idp.NotFound) {
		err = idp.Errorf(idp.NotFound, "There is no metadata here. That of the whole house is at %s.", p.BaseURL+pathMetadata)
	}
	var d *document
	if err == nil {
		d, err = p.document(&app)
	}
	if err == nil {
		p.noteReading(r, app.ID, d)
	}
	p.serve(w, r, d, err)
}

// readEvery is how often it is written down that an app reads the same again: it
// is a write that anybody can ask for.
const readEvery = time.Minute

// reading is the last one that was written down here.
type reading struct {
	document *document
	at       time.Time
}

// noteReading writes down which certificates were read for an app. A person who
// looks at the document is not the app.
func (p *Provider) noteReading(r *http.Request, app idp.AppID, d *document) {
	now := p.now()
	last, _ := p.readings.Load(app)
	before, _ := last.(reading)
	if r.Method != http.MethodGet || r.Header.Get("Sec-Fetch-Mode") != "" || before.document == d && now.Before(before.at.Add(readEvery)) {
		return
	}
	p.readings.Store(app, reading{d, now})
	err := p.Store.ReadKeys(r.Context(), d.keys, idp.KeyRead{AppID: app, LastAt: now, Address: idp.ActorOf(r.Context()).Address, Agent: clip(r.UserAgent())})
	if err != nil { // who reads gets the document all the same
		p.Log.WarnContext(r.Context(), "not written down that an app has read our metadata", "app", app, "error", err)
	}
}

func (p *Provider) serve(w http.ResponseWriter, r *http.Request, d *document, err error) {
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

// document is made once for each state of the keys, for app or, where that is
// nil, for all.
func (p *Provider) document(app *idp.App) (*document, error) {
	published, err := p.Ring.Published(keys.UseSAML)
	if err != nil {
		return nil, err
	}
	formats, of := issuable, idp.AppID("")
	if app != nil {
		formats, of = []string{cmp.Or(app.SAML.NameIDFormat, wire.NameIDPersistent)}, app.ID
		if published, err = p.keysOf(*app, published); err != nil {
			return nil, err
		}
	}
	made := &document{}
	for _, k := range published {
		made.keys = append(made.keys, idp.KeyID(k.ID))
	}
	until := p.validUntil()
	made.state = fmt.Sprint(made.keys, formats, until.Unix())
	if known, ok := p.documents.Load(of); ok && known.(*document).state == made.state {
		return known.(*document), nil
	}
	if err := p.write(made, published, formats, until); err != nil {
		return nil, err
	}
	p.documents.Store(of, made)
	return made, nil
}

// keysOf is what one app needs of the published keys: those of its algorithm,
// the one that signs for it first.
func (p *Provider) keysOf(app idp.App, published []keys.Key) ([]keys.Key, error) {
	signs, err := keyOf(p.Ring, app)
	if err != nil {
		return nil, err
	}
	of := []keys.Key{signs}
	for _, k := range published {
		if k.Algorithm == signs.Algorithm && k.ID != signs.ID {
			of = append(of, k)
		}
	}
	return of, nil
}

// validUntil is the moment until which a document of now is good, where the
// house wants there to be one: it moves in steps, so that a document is made,
// and signed, a few times in its life and not once for each reader.
func (p *Provider) validUntil() time.Time {
	if p.Validity == 0 {
		return time.Time{}
	}
	step := p.Validity / 8
	return p.now().Truncate(step).Add(step + p.Validity)
}

// write makes the document, signed by the first of its keys. The ID says what is
// in it, so that all nodes serve the same.
func (p *Provider) write(d *document, published []keys.Key, formats []string, until time.Time) error {
	certificates := make([]*x509.Certificate, len(published))
	for i, k := range published {
		certificates[i] = k.Certificate
	}
	el := wire.IdP{
		Entity: wire.Entity{
			EntityID:      p.EntityID,
			SigningCerts:  certificates,
			NameIDFormats: formats,
			ValidUntil:    until,
			SLO: []wire.Endpoint{
				{Binding: wire.Redirect, Location: p.sloURL(), Index: -1},
				{Binding: wire.POST, Location: p.sloURL(), Index: -1},
				{Binding: wire.SOAP, Location: p.sloSOAPURL(), Index: -1},
			},
		},
		SSO: []wire.Endpoint{
			{Binding: wire.Redirect, Location: p.ssoURL(), Index: -1},
			{Binding: wire.POST, Location: p.ssoURL(), Index: -1},
		},
		// Which app must sign is a setting of the app.
		WantAuthnRequestsSigned: false,
		About:                   p.About,
		CacheDuration:           cacheDuration,
	}.Element()
	sum := sha256.Sum256(wire.Serialize(el))
	el.CreateAttr("ID", "_"+hex.EncodeToString(sum[:16]))
	if err := (&wire.Signer{Key: published[0].Signer, Certificate: published[0].Certificate}).Sign(el); err != nil {
		return err
	}
	d.body = wire.Serialize(el)
	sum = sha256.Sum256(d.body)
	d.etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	return nil
}

func (p *Provider) ssoURL() string { return p.BaseURL + pathSSO }

func (p *Provider) sloURL() string { return p.BaseURL + pathSLO }

func (p *Provider) sloSOAPURL() string { return p.BaseURL + pathSLOSOAP }

// keyOf is the key that signs for an app: that of the algorithm its settings name.
func keyOf(ring *keys.Ring, app idp.App) (keys.Key, error) {
	return ring.KeyOf(keys.UseSAML, app.SAML.KeyAlgorithm(), app.SAML.SigningKey)
}

// signer signs for an app with the house's SAML key, as its settings say.
func signer(ring *keys.Ring, app idp.App) (*wire.Signer, error) {
	key, err := keyOf(ring, app)
	if err != nil {
		return nil, err
	}
	return &wire.Signer{Key: key.Signer, Certificate: key.Certificate, Hash: digest(app.SAML.SignatureAlg)}, nil
}

// digest is what the app's signatures are made over.
func digest(signatureAlg string) crypto.Hash {
	switch signatureAlg {
	case idp.SignRSASHA384:
		return crypto.SHA384
	case idp.SignRSASHA512:
		return crypto.SHA512
	}
	return crypto.SHA256
}
