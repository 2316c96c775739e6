package client

import (
	"context"
	"net/url"
	"time"
)

// Delivery is a line of a receipt that is not settled yet, or has failed.
type Delivery struct {
	Line
	ReceiptID string     `json:"receipt_id"`
	User      string     `json:"user,omitempty"` // username
	CreatedAt time.Time  `json:"created_at"`
	RevivedAt *time.Time `json:"revived_at,omitempty"` // when a line that had failed was last tried again by hand
	NotedAt   *time.Time `json:"noted_at,omitempty"`   // when an admin took note that the line has failed
}

// SessionFilter narrows the sessions of a house. Its zero value: all.
type SessionFilter struct {
	User, App string
	Address   string // one, a network (10.2.0.0/16), or how it begins (10.2.)
	OlderThan string // 90m, 8h, 2d
}

// DeliveryFilter narrows the deliveries of a house. Its zero value: all that
// are not settled, or have failed.
type DeliveryFilter struct {
	State     string // failed, retrying, sent or alive
	App, User string
}

// ReceiptFilter narrows the receipts of a house. Its zero value: all.
type ReceiptFilter struct {
	User, Kind   string
	Open, Failed bool
}

// SessionsNow lists who is signed in now, the newest sign-in first.
func (c *Client) SessionsNow(ctx context.Context, f SessionFilter) ([]Session, error) {
	return all[Session](ctx, c, "/sessions?"+query("user", f.User, "app", f.App, "address", f.Address, "older_than", f.OlderThan))
}

// Deliveries lists what apps are still to be told, the newest first.
func (c *Client) Deliveries(ctx context.Context, f DeliveryFilter) ([]Delivery, error) {
	return all[Delivery](ctx, c, "/deliveries?"+query("state", f.State, "app", f.App, "user", f.User))
}

// RetryDelivery has the app told now. A line that had failed is tried for
// another day.
func (c *Client) RetryDelivery(ctx context.Context, id string) (Delivery, error) {
	return post[Delivery](ctx, c, "/deliveries/"+seg(id)+"/retry", nil)
}

// NoteDelivery takes note that a line has failed: its alarm is over.
func (c *Client) NoteDelivery(ctx context.Context, id string) (Delivery, error) {
	return post[Delivery](ctx, c, "/deliveries/"+seg(id)+"/note", nil)
}

// ReceiptsNow lists receipts, newest first.
func (c *Client) ReceiptsNow(ctx context.Context, f ReceiptFilter) ([]Receipt, error) {
	open, failed := "", ""
	if f.Open {
		open = "true"
	}
	if f.Failed {
		failed = "true"
	}
	return all[Receipt](ctx, c, "/receipts?"+query("user", f.User, "kind", f.Kind, "open", open, "failed", failed))
}

// query is the part of an address after the question mark; what is empty is
// left out.
func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q.Encode()
}
