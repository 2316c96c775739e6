package client

import (
	"context"
	"net/http"
	"time"
)

// InitialToken lets whoever holds it register apps (RFC 7591). Secret is shown
// once, when it is made.
type InitialToken struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	UserID    string    `json:"user_id"` // the owner who made it, and with whom it ends
	Uses      int       `json:"uses"`    // that are left
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Secret    string    `json:"secret,omitempty"`
}

// InitialTokens lists the initial access tokens that were not revoked.
func (c *Client) InitialTokens(ctx context.Context) ([]InitialToken, error) {
	page, err := get[Page[InitialToken]](ctx, c, "/initial-tokens")
	return page.Items, err
}

// AddInitialToken makes an initial access token for so many registrations
// within ttl, a Go duration.
func (c *Client) AddInitialToken(ctx context.Context, name string, uses int, ttl string) (InitialToken, error) {
	return post[InitialToken](ctx, c, "/initial-tokens", map[string]any{"name": name, "uses": uses, "ttl": ttl})
}

// RevokeInitialToken revokes an initial access token; what was registered with
// it stays.
func (c *Client) RevokeInitialToken(ctx context.Context, id string) error {
	return c.Do(ctx, http.MethodDelete, "/initial-tokens/"+seg(id), nil, nil)
}
