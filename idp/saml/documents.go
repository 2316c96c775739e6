package saml

import (
	"context"
	"net/http"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/fetch"
	"gatehouse/idp/saml/wire"
)

// MaxDocument bounds the metadata of one service provider, in bytes.
const MaxDocument = wire.MaxMessage

// Documents reads the metadata of service providers, wherever it comes from.
type Documents struct {
	Fetch *fetch.Client
	Now   func() time.Time
}

// Read is Read of this moment.
func (d *Documents) Read(b []byte) (idp.Metadata, error) { return Read(b, d.Now()) }

// Get fetches a document of at most 256 KiB, which it does not read and vouches
// for in nothing. It answers as fetch does, and idp.Unavailable for a status
// other than 200.
func (d *Documents) Get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSpace(url), nil)
	if err != nil {
		return nil, idp.Errorf(idp.Invalid, "This is not an address that metadata can be read from.").Because(err)
	}
	req.Header.Set("Accept", "application/samlmetadata+xml, application/xml, text/xml")
	answer, err := d.Fetch.Do(req, fetch.MaxBody(MaxDocument))
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, idp.Errorf(idp.Unavailable, "%s answered %d %s.", req.URL.Host, answer.Status, http.StatusText(answer.Status))
	}
	return answer.Body, nil
}
