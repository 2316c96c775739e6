package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// SignedReceipt is a version of a receipt as it was signed, for good. JWS is a
// compact JWS of one of the keys at /.well-known/gatehouse-receipts.
type SignedReceipt struct {
	ID       string    `json:"id"`
	Version  int64     `json:"version"`
	SignedAt time.Time `json:"signed_at"`
	Final    bool      `json:"final"` // every line was
	Hash     string    `json:"hash"`  // hex SHA-256 of jws
	JWS      string    `json:"jws"`
}

// ChainLink is one place of the sealed audit log. Row is the line that is there
// now; absent when it is gone.
type ChainLink struct {
	Position int64     `json:"position"`
	EventID  string    `json:"event_id"`
	Hash     string    `json:"hash"`
	SealedAt time.Time `json:"sealed_at"`
	Row      *AuditRow `json:"row,omitempty"`
}

// AuditRow is an audit line exactly as it is stored.
type AuditRow struct {
	ID        string `json:"id"`
	At        int64  `json:"at"` // UTC microseconds
	Kind      string `json:"kind"`
	Actor     string `json:"actor"` // JSON text
	UserID    string `json:"user_id"`
	AppID     string `json:"app_id"`
	SessionID string `json:"session_id"`
	Detail    string `json:"detail"`   // JSON text
	Position  int64  `json:"position"` // where it says that it stands
}

// Checkpoint is a place of the audit log that the house has signed.
type Checkpoint struct {
	Position int64     `json:"position"`
	Hash     string    `json:"hash"`
	SignedAt time.Time `json:"signed_at"`
	JWS      string    `json:"jws"`
}

// SignedReceipt returns a signed version of a receipt; 0 is the newest.
func (c *Client) SignedReceipt(ctx context.Context, id string, version int64) (SignedReceipt, error) {
	path := "/receipts/" + seg(id) + "/signed"
	if version > 0 {
		path += "?version=" + strconv.FormatInt(version, 10)
	}
	return get[SignedReceipt](ctx, c, path)
}

// Chain calls next with every place of the sealed audit log, in order.
func (c *Client) Chain(ctx context.Context, next func(ChainLink) error) error {
	return eachOf(ctx, c, "/events/chain", next)
}

// Checkpoints lists what the house has signed of the audit log, oldest first.
func (c *Client) Checkpoints(ctx context.Context) ([]Checkpoint, error) {
	return all[Checkpoint](ctx, c, "/events/checkpoints")
}

// NewestCheckpoint is the last of them.
func (c *Client) NewestCheckpoint(ctx context.Context) (Checkpoint, error) {
	page, err := get[Page[Checkpoint]](ctx, c, "/events/checkpoints?newest=true")
	if err != nil || len(page.Items) == 0 {
		return Checkpoint{}, err
	}
	return page.Items[0], nil
}

// Unchained calls next with every audit line that claims a place in the chain
// which is not its own.
func (c *Client) Unchained(ctx context.Context, next func(AuditRow) error) error {
	return eachOf(ctx, c, "/events/unchained", next)
}

// eachOf walks the pages of a list without keeping them.
func eachOf[T any](ctx context.Context, c *Client, path string, each func(T) error) error {
	for next := ""; ; {
		page, err := get[Page[T]](ctx, c, path+"?limit=500&after="+url.QueryEscape(next))
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			if err := each(item); err != nil {
				return err
			}
		}
		if next = page.Next; next == "" {
			return nil
		}
	}
}

// ReceiptKeys returns the public receipt keys, a JWK set. It needs no token.
func (c *Client) ReceiptKeys(ctx context.Context) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.URL, "/")+"/.well-known/gatehouse-receipts", nil)
	if err != nil {
		return nil, err
	}
	httpClient := c.HTTP
	if httpClient == nil {
		httpClient = &http.Client{Timeout: 30 * time.Second}
	}
	res, err := httpClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("reach Gatehouse: %w", err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the receipt keys: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s when it was asked for its receipt keys: check the URL", req.URL.Host, res.Status)
	}
	return raw, nil
}
