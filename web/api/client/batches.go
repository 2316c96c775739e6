package client

import (
	"context"
	"time"
)

// Many says whom to suspend together: users (ID, username or e-mail address),
// or the members of a group (ID or name).
type Many struct {
	Users  []string `json:"users,omitempty"`
	Group  string   `json:"group,omitempty"`
	Reason string   `json:"reason"`
	Myself bool     `json:"myself,omitempty"` // the token's own person, too, when among them
}

// Batch is a suspension of many. Done counts who was suspended by it and is out
// everywhere.
type Batch struct {
	ID          string     `json:"id,omitempty"`
	State       string     `json:"state"` // preparing, running, done, cancelled; or dry_run
	GroupID     string     `json:"group_id,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	Actor       string     `json:"actor,omitempty"`
	CreatedAt   *time.Time `json:"created_at,omitempty"`
	Total       int        `json:"total"`
	Done        int        `json:"done"`
	Already     int        `json:"already"` // were suspended before
	Refused     int        `json:"refused"`
	ToDo        int        `json:"to_do"`
	FinishedAt  *time.Time `json:"finished_at,omitempty"`
	CancelledBy string     `json:"cancelled_by,omitempty"`
	// People are, of a dry run, those who would not be suspended; at most the
	// first thousand.
	People []BatchPerson `json:"people,omitempty"`
}

// Over reports whether the batch comes to nothing more.
func (b Batch) Over() bool { return b.State == "done" || b.State == "cancelled" }

// BatchPerson is one person of a batch.
type BatchPerson struct {
	Place     int    `json:"place"`
	Name      string `json:"name"`
	UserID    string `json:"user_id,omitempty"`
	State     string `json:"state"` // todo, done, already or refused
	ReceiptID string `json:"receipt_id,omitempty"`
	Note      string `json:"note,omitempty"`
}

// SuspendMany has many people suspended and returns at once; [Client.Batch]
// says how far it has come.
func (c *Client) SuspendMany(ctx context.Context, m Many) (Batch, error) {
	return post[Batch](ctx, c, "/batches", m)
}

// PlanMany says what [Client.SuspendMany] would do.
func (c *Client) PlanMany(ctx context.Context, m Many) (Batch, error) {
	return post[Batch](ctx, c, "/batches?dry_run=true", m)
}

// Batches lists suspensions of many, the newest first.
func (c *Client) Batches(ctx context.Context) ([]Batch, error) { return all[Batch](ctx, c, "/batches") }

// Batch returns how a suspension of many stands.
func (c *Client) Batch(ctx context.Context, id string) (Batch, error) {
	return get[Batch](ctx, c, "/batches/"+seg(id))
}

// BatchPeople lists the people of a batch, of one state or (empty) all.
func (c *Client) BatchPeople(ctx context.Context, id, state string) ([]BatchPerson, error) {
	return all[BatchPerson](ctx, c, "/batches/"+seg(id)+"/people?"+query("state", state))
}

// CancelBatch leaves out who is not suspended yet.
func (c *Client) CancelBatch(ctx context.Context, id string) (Batch, error) {
	return post[Batch](ctx, c, "/batches/"+seg(id)+"/cancel", nil)
}
