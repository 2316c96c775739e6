package client

import (
	"context"
	"net/http"
)

// Look is how the pages that everybody sees look. A Logo that is not named stays
// as it is when a look is set; an empty one is taken away.
type Look struct {
	Name     string  `json:"name,omitempty" yaml:"name,omitempty"`         // of the organisation; empty: Gatehouse
	Language string  `json:"language,omitempty" yaml:"language,omitempty"` // en or de, where a browser asks for neither
	Accent   string  `json:"accent,omitempty" yaml:"accent,omitempty"`     // #rrggbb; empty: Gatehouse's own
	Logo     *string `json:"logo,omitempty" yaml:"logo,omitempty"`         // an SVG or PNG of at most 12 KiB, in base64
	LogoType string  `json:"logo_type,omitempty" yaml:"-"`                 // told, never taken
	// LogoFile names a file with the logo, beside the YAML file that says so.
	LogoFile string `json:"-" yaml:"logo_file,omitempty"`
	// DeletionRequests: people may ask, on their own page, to be deleted.
	DeletionRequests bool `json:"deletion_requests,omitempty" yaml:"deletion_requests,omitempty"`
}

// Look returns how the pages look.
func (c *Client) Look(ctx context.Context) (Look, error) { return get[Look](ctx, c, "/look") }

// SetLook sets how the pages look.
func (c *Client) SetLook(ctx context.Context, l Look) (Look, error) {
	var out Look
	err := c.Do(ctx, http.MethodPut, "/look", l, &out)
	return out, err
}
