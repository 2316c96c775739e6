package directory

import (
	"context"
	"strings"

	"gatehouse/idp"
)

// SetMetadataSource says where an app's metadata is read again, and by which
// certificate (PEM) it is proven there; both empty: nowhere. It answers
// idp.Invalid, naming metadata_url or metadata_pin, and as ChangeApp.
func (d *Directory) SetMetadataSource(ctx context.Context, id idp.AppID, url, pin string) error {
	e := d.event(ctx, "app.metadata.source")
	e.Detail = map[string]string{"url": url, "pin": "none"}
	if pin = strings.TrimSpace(pin); pin != "" {
		e.Detail["pin"] = CertificateWords(pin)
	}
	return d.changeApp(ctx, id, e, func(a *idp.App) error {
		if err := standing(*a); err != nil {
			return err
		}
		if a.SAML == nil {
			return idp.Errorf(idp.Invalid, "The app %s does not speak SAML.", a.Name)
		}
		a.SAML.Metadata.URL, a.SAML.Metadata.Pin = strings.TrimSpace(url), pin
		return d.checkSource(a.SAML.Metadata)
	})
}
