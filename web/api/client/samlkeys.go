package client

import (
	"context"
	"time"
)

// SAMLKeys is how the certificates of the house stand, and for which app which
// key signs.
type SAMLKeys struct {
	Keys []Certificate `json:"keys"` // that are published, oldest first
	Apps []AppKeys     `json:"apps"`
}

// Certificate is a SAML key with its certificate.
type Certificate struct {
	Key
	SHA256   string    `json:"sha256"` // fingerprint, hex
	NotAfter time.Time `json:"not_after"`
	PEM      string    `json:"pem"`
}

// AppKeys is how they stand for one app.
type AppKeys struct {
	ID    string    `json:"id"`
	App   string    `json:"app"`
	Signs string    `json:"signs"`          // ID of the key that signs for it
	Next  string    `json:"next,omitempty"` // ID of the key that comes for it
	Ready bool      `json:"ready"`          // it is known to have the certificate of next
	Reads []KeyRead `json:"reads"`
}

// KeyRead is what is known of an app having a certificate: when somebody read it
// at the app's own address for our metadata, and when an owner said so.
type KeyRead struct {
	Key     string     `json:"key"`
	First   *time.Time `json:"first,omitempty"`
	Last    *time.Time `json:"last,omitempty"`
	Address string     `json:"address,omitempty"`
	Agent   string     `json:"agent,omitempty"`
	Said    *time.Time `json:"said,omitempty"`
}

// SAMLKeys says how the certificates of the house stand.
func (c *Client) SAMLKeys(ctx context.Context) (SAMLKeys, error) {
	return get[SAMLKeys](ctx, c, "/keys/saml")
}

// NextSAMLKeys publishes the certificates that come next; they sign for nobody yet.
func (c *Client) NextSAMLKeys(ctx context.Context) (SAMLKeys, error) {
	return post[SAMLKeys](ctx, c, "/keys/saml/next", nil)
}

// SayAppHasKey says that an app has the certificate that comes next for it.
func (c *Client) SayAppHasKey(ctx context.Context, app string) (SAMLKeys, error) {
	return post[SAMLKeys](ctx, c, "/keys/saml/had", map[string]string{"app": app})
}

// SwitchApp has another key sign for an app: the next, or the one named.
func (c *Client) SwitchApp(ctx context.Context, app, key string) (SAMLKeys, error) {
	return post[SAMLKeys](ctx, c, "/keys/saml/switch", map[string]string{"app": app, "key": key})
}

// SwitchRest has the next keys sign for all apps but those to keep.
func (c *Client) SwitchRest(ctx context.Context, keep []string) (SAMLKeys, error) {
	return post[SAMLKeys](ctx, c, "/keys/saml/switch", map[string]any{"rest": true, "keep": keep})
}

// RetireSAMLKey takes a certificate out of our metadata; force: also while its
// key signs for apps.
func (c *Client) RetireSAMLKey(ctx context.Context, key string, force bool) (SAMLKeys, error) {
	return post[SAMLKeys](ctx, c, "/keys/"+seg(key)+"/retire", map[string]bool{"force": force})
}
