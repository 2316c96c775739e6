package client

import "context"

// Explained is an audit line of one request; of a refusal, with which rule it
// was and what to change on which side.
type Explained struct {
	Event   Event  `json:"event"`
	Refused bool   `json:"refused"`
	Meaning string `json:"meaning,omitempty"`
	Failed  string `json:"failed,omitempty"` // what did not hold, of this very message
	Side    string `json:"side,omitempty"`   // app, gatehouse or person
	Change  string `json:"change,omitempty"`
	// Message is what the app sent, by Binding: XML, redacted. It is kept for a
	// week, of SAML.
	Message string `json:"message,omitempty"`
	Binding string `json:"binding,omitempty"`
}

// Explain returns what was written down under a correlation ID, oldest first.
func (c *Client) Explain(ctx context.Context, correlationID string) ([]Explained, error) {
	page, err := get[Page[Explained]](ctx, c, "/explain/"+seg(correlationID))
	return page.Items, err
}
