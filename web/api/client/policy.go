package client

import (
	"context"
	"net/http"
)

// Policy is what the house asks of people who sign in, and how long that lasts.
// Time spans are Go durations; empty: the house's own.
type Policy struct {
	Rules    []PolicyRule `json:"rules,omitempty" yaml:"rules,omitempty"`
	Idle     string       `json:"idle,omitempty" yaml:"idle,omitempty"`         // a session ends after so long without use
	Absolute string       `json:"absolute,omitempty" yaml:"absolute,omitempty"` // a session ends after so long in any case
	// EmailCode: people may sign in with a code that is mailed to them.
	EmailCode bool `json:"email_code,omitempty" yaml:"email_code,omitempty"`
	// MailRecovers: a link from a mail is enough to choose a new password, for who has
	// nothing else; without, it works in a browser that they have signed in with.
	MailRecovers bool `json:"mail_recovers,omitempty" yaml:"mail_recovers,omitempty"`
	// Remember is for how many days a browser need not be asked for the second factor
	// again in which somebody gave theirs, like 30d; empty: it always is.
	Remember string `json:"remember,omitempty" yaml:"remember,omitempty"`
	// Version is the one that a new policy is decided on; 0: whichever is the newest.
	Version int64 `json:"version,omitempty" yaml:"-"`
	// Sentences say the policy in plain English; told, never taken.
	Sentences []string `json:"sentences,omitempty" yaml:"-"`
	// LocksOut is whom a policy that is set, or would be, locks out; told, never taken.
	LocksOut *LocksOut `json:"locks_out,omitempty" yaml:"-"`
}

// PolicyRule asks something of owners, of a group (by its name) or, with neither,
// of everybody; for one app (by its name) or for every sign-in.
type PolicyRule struct {
	Owners       bool   `json:"owners,omitempty" yaml:"owners,omitempty"`
	Group        string `json:"group,omitempty" yaml:"group,omitempty"`
	App          string `json:"app,omitempty" yaml:"app,omitempty"`
	SecondFactor bool   `json:"second_factor,omitempty" yaml:"second_factor,omitempty"`
	Passkey      bool   `json:"passkey,omitempty" yaml:"passkey,omitempty"` // a passkey, and no other second factor
	MaxAge       string `json:"max_age,omitempty" yaml:"max_age,omitempty"` // how old the proof may be when the app is opened
	// Risk: only where a sign-in is a risk: in a browser that does not know the person,
	// or from where many names are tried. Who has no second factor is asked for a code by
	// mail there, or, with LetIn, let in and told.
	Risk  bool `json:"risk,omitempty" yaml:"risk,omitempty"`
	LetIn bool `json:"let_in,omitempty" yaml:"let_in,omitempty"`
}

// LocksOut are people of whom a second factor or a passkey is asked and who have
// none: they get no further than their own page. By a rule by risk, they are those whom
// no code can be mailed: a link from an owner lets them in. Without codes by mail, they
// are those who have neither a password nor a passkey.
type LocksOut struct {
	Count    int      `json:"count"`
	Mailed   int      `json:"mailed,omitempty"` // how many are asked for a code by mail where a sign-in is a risk
	Users    []string `json:"users"`            // the first of them, by username
	Sentence string   `json:"sentence,omitempty"`
}

// Policy returns the policy.
func (c *Client) Policy(ctx context.Context) (Policy, error) { return get[Policy](ctx, c, "/policy") }

// SetPolicy sets the policy. One that locks somebody out is refused unless that
// is accepted. With dryRun it only says whom.
func (c *Client) SetPolicy(ctx context.Context, p Policy, accept, dryRun bool) (Policy, error) {
	path := "/policy"
	switch {
	case dryRun:
		path += "?dry_run=true"
	case accept:
		path += "?accept=true"
	}
	var out Policy
	err := c.Do(ctx, http.MethodPut, path, p, &out)
	return out, err
}

// ResetFactors takes away a person's authenticator app and recovery codes, and
// ends everything they hold. Where there were none nothing ends, and the receipt is
// empty.
func (c *Client) ResetFactors(ctx context.Context, user string) (Receipt, error) {
	var r Receipt
	err := c.Do(ctx, http.MethodPost, "/users/"+seg(user)+"/reset-factors", nil, &r)
	return r, err
}
