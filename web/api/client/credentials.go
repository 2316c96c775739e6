package client

import (
	"context"
	"net/http"
	"time"
)

// Credential is one thing with which a person can prove to be themselves; what
// it is checked against is shown to nobody.
type Credential struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind"`           // password, passkey, totp, recovery
	Name       string     `json:"name,omitempty"` // what the person calls it
	Synced     bool       `json:"synced"`         // of a passkey: kept in step over several devices when it was last used
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
}

// Credentials lists a person's credentials, the oldest first.
func (c *Client) Credentials(ctx context.Context, user string) ([]Credential, error) {
	page, err := get[Page[Credential]](ctx, c, "/users/"+seg(user)+"/credentials")
	return page.Items, err
}

// RemoveCredential removes one of a person's credentials, be it their last, and
// ends everything they hold.
func (c *Client) RemoveCredential(ctx context.Context, user, id string) (Receipt, error) {
	var r Receipt
	err := c.Do(ctx, http.MethodDelete, "/users/"+seg(user)+"/credentials/"+seg(id), nil, &r)
	return r, err
}
