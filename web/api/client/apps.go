package client

import (
	"context"
	"net/http"
	"net/url"
)

// Connect returns what an app has to be told to be connected, its secret apart.
func (c *Client) Connect(ctx context.Context, app string) ([]Setting, error) {
	page, err := get[Page[Setting]](ctx, c, "/apps/"+seg(app)+"/connect")
	return page.Items, err
}

// Secrets lists an app's secrets by ID, newest first.
func (c *Client) Secrets(ctx context.Context, app string) ([]ClientSecret, error) {
	page, err := get[Page[ClientSecret]](ctx, c, "/apps/"+seg(app)+"/secrets")
	return page.Items, err
}

// AddSecret gives an app a second secret; the answer shows it once.
func (c *Client) AddSecret(ctx context.Context, app string) (ClientSecret, error) {
	return post[ClientSecret](ctx, c, "/apps/"+seg(app)+"/secrets", struct{}{})
}

// RemoveSecret removes one of an app's secrets; the last one never.
func (c *Client) RemoveSecret(ctx context.Context, app, secret string) error {
	return c.Do(ctx, http.MethodDelete, "/apps/"+seg(app)+"/secrets/"+seg(secret), nil, nil)
}

// RemoveApp removes an app and ends all that it holds.
func (c *Client) RemoveApp(ctx context.Context, app, reason string) (Receipt, error) {
	return del[Receipt](ctx, c, "/apps/"+seg(app)+"?"+url.Values{"reason": {reason}}.Encode())
}

// ReleaseName lets somebody else be known to a SAML app by a name that it knows a
// renamed person by, whose account there is gone.
func (c *Client) ReleaseName(ctx context.Context, app, name string) error {
	return c.Do(ctx, http.MethodDelete, "/apps/"+seg(app)+"/names/"+seg(name), nil, nil)
}

// RevokeRegistration takes away the token with which an app manages its own
// registration.
func (c *Client) RevokeRegistration(ctx context.Context, app string) error {
	return c.Do(ctx, http.MethodDelete, "/apps/"+seg(app)+"/registration", nil, nil)
}

// Finding is what a reviewer would say of an app's registration.
type Finding struct {
	Rule   string `json:"rule"` // a name for it that stays
	What   string `json:"what"`
	Why    string `json:"why"`
	Change string `json:"change"`
}

// Check reads an app's registration as a reviewer would; nothing is said where
// all is well.
func (c *Client) Check(ctx context.Context, app string) ([]Finding, error) {
	page, err := get[Page[Finding]](ctx, c, "/apps/"+seg(app)+"/check")
	return page.Items, err
}
