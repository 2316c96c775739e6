package saml

import (
	"context"
	"io"
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
func (d *Documents) Get(ctx context.Context, url string) (document []byte, err error) {
	err = d.get(ctx, url, func(body io.Reader) error {
		document, err = io.ReadAll(body)
		return err
	}, fetch.MaxBody(MaxDocument))
	return document, err
}

// GetSigned is Choose of what is at an address, which is signed with the pin: of at
// most 64 MiB, within maxWait. What does not begin with a signature by it is not
// read to its end. It answers also as Get.
func (d *Documents) GetSigned(ctx context.Context, url, entityID, pin string) (document []byte, among []idp.ListedEntity, err error) {
	err = d.get(ctx, url, func(body io.Reader) error {
		document, among, err = d.Choose(body, entityID, pin)
		return err
	}, fetch.MaxBody(wire.MaxAggregate), fetch.Timeout(maxWait))
	return document, among, err
}

// maxWait bounds how long a signed document may take to come: less than an answer
// to whoever waits for it may.
const maxWait = 25 * time.Second

func (d *Documents) get(ctx context.Context, url string, read func(body io.Reader) error, limits ...fetch.Option) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSpace(url), nil)
	if err != nil {
		return idp.Errorf(idp.Invalid, "This is not an address that metadata can be read from.").Because(err)
	}
	req.Header.Set("Accept", "application/samlmetadata+xml, application/xml, text/xml")
	return d.Fetch.Read(req, func(status int, _ http.Header, body io.Reader) error {
		if status != http.StatusOK {
			return idp.Errorf(idp.Unavailable, "%s answered %d %s.", req.URL.Host, status, http.StatusText(status))
		}
		return read(body)
	}, limits...)
}
