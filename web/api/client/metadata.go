package client

import (
	"context"
	"net/http"
	"time"
)

// MetadataSource is where a service provider's metadata is taken from: a
// document as text, or an address that the server reads. EntityID says which, of a
// document of several. Pin is the certificate (PEM) that has to have signed the
// document as a whole; an address may then be that of a federation.
type MetadataSource struct {
	Metadata string `json:"metadata,omitempty"`
	URL      string `json:"url,omitempty"`
	EntityID string `json:"entity_id,omitempty"`
	Pin      string `json:"pin,omitempty"`
}

// Metadata is what a document says of a service provider; nothing of it is
// registered yet.
type Metadata struct {
	EntityID string `json:"entity_id"`
	Name     string `json:"name,omitempty"` // what it calls itself for people
	// SAML is what would be registered.
	SAML         SAML                 `json:"saml"`
	Certificates []SigningCertificate `json:"certificates"`
	ValidUntil   *time.Time           `json:"valid_until,omitempty"`
	Warnings     []string             `json:"warnings"`
	// Changes are those of an app that has this entityID already; absent where
	// none has.
	Changes []SettingChange `json:"changes,omitempty"`
}

// SigningCertificate is one that signs a service provider's requests.
type SigningCertificate struct {
	Subject  string    `json:"subject"`
	SHA256   string    `json:"sha256"` // fingerprint, hex
	NotAfter time.Time `json:"not_after"`
}

// SettingChange is one setting that a document changes; old is absent for what
// is new, new for what goes.
type SettingChange struct {
	Setting string `json:"setting"`
	Old     string `json:"old,omitempty"`
	New     string `json:"new,omitempty"`
}

// MetadataApplied is what a document changed of an app, or would change.
type MetadataApplied struct {
	DryRun   bool            `json:"dry_run"`
	Changes  []SettingChange `json:"changes"`
	Warnings []string        `json:"warnings"`
}

// ReadMetadata reads metadata as for a registration, and registers nothing.
func (c *Client) ReadMetadata(ctx context.Context, from MetadataSource) (Metadata, error) {
	return post[Metadata](ctx, c, "/saml/metadata", from)
}

// ApplyMetadata registers what a document says of an app; with dryRun it only
// says what that would change.
func (c *Client) ApplyMetadata(ctx context.Context, app string, from MetadataSource, dryRun bool) (MetadataApplied, error) {
	path := "/apps/" + seg(app) + "/metadata"
	if dryRun {
		path += "?dry_run=true"
	}
	var out MetadataApplied
	err := c.Do(ctx, http.MethodPut, path, from, &out)
	return out, err
}

// MetadataAddress is where an app's metadata is read again. Pin is the
// certificate (PEM) that signs it there: with it, what is proven is registered by
// itself.
type MetadataAddress struct {
	URL string `json:"url"`
	Pin string `json:"pin,omitempty"`
}

// MetadataRefresh is how reading an app's metadata again stands.
type MetadataRefresh struct {
	URL          string          `json:"url"`
	Pinned       bool            `json:"pinned"`
	ValidUntil   *time.Time      `json:"valid_until,omitempty"` // of what is registered
	NextAt       *time.Time      `json:"next_at,omitempty"`
	CheckedAt    *time.Time      `json:"checked_at,omitempty"`
	Outcome      string          `json:"outcome,omitempty"` // unchanged, applied, waiting, refused or unreachable
	Detail       string          `json:"detail,omitempty"`
	Failures     int             `json:"failures"`          // in a row
	Waiting      string          `json:"waiting,omitempty"` // a document that waits for an owner
	WaitingSince *time.Time      `json:"waiting_since,omitempty"`
	Changes      []SettingChange `json:"changes,omitempty"` // what that would change
}

// MetadataRefresh says how reading an app's metadata again stands.
func (c *Client) MetadataRefresh(ctx context.Context, app string) (MetadataRefresh, error) {
	return get[MetadataRefresh](ctx, c, "/apps/"+seg(app)+"/metadata")
}

// SetMetadataAddress says where an app's metadata is read again.
func (c *Client) SetMetadataAddress(ctx context.Context, app string, to MetadataAddress) error {
	return c.Do(ctx, http.MethodPut, "/apps/"+seg(app)+"/metadata/source", to, nil)
}

// RefreshMetadata reads an app's metadata again now.
func (c *Client) RefreshMetadata(ctx context.Context, app string) (MetadataRefresh, error) {
	return post[MetadataRefresh](ctx, c, "/apps/"+seg(app)+"/metadata/refresh", struct{}{})
}
