package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Where a method takes a user, an ID or a username will do; where it takes a
// group or an app, an ID or a name.

// Users lists people; search may be empty.
func (c *Client) Users(ctx context.Context, search, status string) ([]User, error) {
	return all[User](ctx, c, "/users?search="+url.QueryEscape(search)+"&status="+url.QueryEscape(status))
}

// User returns one person.
func (c *Client) User(ctx context.Context, user string) (User, error) {
	return get[User](ctx, c, "/users/"+seg(user))
}

// AddUser adds a person and returns the one-time link with which they set a
// password.
func (c *Client) AddUser(ctx context.Context, p Person) (Invitation, error) {
	return post[Invitation](ctx, c, "/users", p)
}

// ChangeUser sets what is known of a person.
func (c *Client) ChangeUser(ctx context.Context, user string, p Person) (User, error) {
	var out User
	err := c.Do(ctx, http.MethodPut, "/users/"+seg(user), p, &out)
	return out, err
}

// Invite returns a new one-time link for a person.
func (c *Client) Invite(ctx context.Context, user string) (Invitation, error) {
	return post[Invitation](ctx, c, "/users/"+seg(user)+"/invite", Invite{})
}

// MailInvitation has a new one-time link mailed to a person.
func (c *Client) MailInvitation(ctx context.Context, user string) (Invitation, error) {
	return post[Invitation](ctx, c, "/users/"+seg(user)+"/invite", Invite{Mail: true})
}

// Suspend ends everything a person holds, on every node, before it returns.
func (c *Client) Suspend(ctx context.Context, user, reason string) (Receipt, error) {
	return post[Receipt](ctx, c, "/users/"+seg(user)+"/suspend", map[string]string{"reason": reason})
}

// SuspendMyself suspends the token's own person, who means it. user names them
// once more; anybody else is suspended as by [Client.Suspend].
func (c *Client) SuspendMyself(ctx context.Context, user, reason string) (Receipt, error) {
	return post[Receipt](ctx, c, "/users/"+seg(user)+"/suspend", map[string]any{"reason": reason, "myself": true})
}

// Restore lets a suspended person sign in again.
func (c *Client) Restore(ctx context.Context, user string) (User, error) {
	return post[User](ctx, c, "/users/"+seg(user)+"/restore", struct{}{})
}

// Sessions lists a person's live sessions.
func (c *Client) Sessions(ctx context.Context, user string) ([]Session, error) {
	page, err := get[Page[Session]](ctx, c, "/users/"+seg(user)+"/sessions")
	return page.Items, err
}

// EndSession ends one session.
func (c *Client) EndSession(ctx context.Context, id, reason string) (Receipt, error) {
	return post[Receipt](ctx, c, "/sessions/"+seg(id)+"/end", map[string]string{"reason": reason})
}

// PreviewSuspension says what a suspension would end. Nothing is written.
func (c *Client) PreviewSuspension(ctx context.Context, user string) (Preview, error) {
	return get[Preview](ctx, c, "/users/"+seg(user)+"/suspend-preview")
}

// Exposure calls each with how long access would outlive a suspension: of one
// user, of everybody in one app, or, both empty, of everybody. Pages are not
// kept.
func (c *Client) Exposure(ctx context.Context, user, app string, each func(Exposure) error) error {
	for next := ""; ; {
		page, err := get[Page[Exposure]](ctx, c, "/exposure?user="+url.QueryEscape(user)+"&app="+url.QueryEscape(app)+"&after="+url.QueryEscape(next))
		if err != nil {
			return err
		}
		for _, e := range page.Items {
			if err := each(e); err != nil {
				return err
			}
		}
		if next = page.Next; next == "" {
			return nil
		}
	}
}

// EndSessions ends everything a person holds; they may sign in again.
func (c *Client) EndSessions(ctx context.Context, user, reason string) (Receipt, error) {
	return post[Receipt](ctx, c, "/users/"+seg(user)+"/end-sessions", map[string]string{"reason": reason})
}

// EndApp ends everything an app holds, of everybody.
func (c *Client) EndApp(ctx context.Context, app, reason string) (Receipt, error) {
	return post[Receipt](ctx, c, "/apps/"+seg(app)+"/end-sessions", map[string]string{"reason": reason})
}

// EndBefore ends everything that was made before a moment, of everybody; zero
// is now. The caller's own token is among it.
func (c *Client) EndBefore(ctx context.Context, before time.Time, reason string) (Receipt, error) {
	body := map[string]any{"reason": reason}
	if !before.IsZero() {
		body["before"] = before
	}
	return post[Receipt](ctx, c, "/end-before", body)
}

// Keys lists the signing keys, oldest first.
func (c *Client) Keys(ctx context.Context) ([]Key, error) { return all[Key](ctx, c, "/keys") }

// RotateKeys publishes the next signing keys of the OpenID Provider and returns
// all keys. They sign when apps can know them; now: at once.
func (c *Client) RotateKeys(ctx context.Context, now bool) ([]Key, error) {
	found, err := post[Page[Key]](ctx, c, "/keys/rotate", map[string]bool{"now": now})
	return found.Items, err
}

// RevokeKey revokes a signing key; one in use is replaced.
func (c *Client) RevokeKey(ctx context.Context, id, reason string) (Receipt, error) {
	return post[Receipt](ctx, c, "/keys/"+seg(id)+"/revoke", map[string]string{"reason": reason})
}

// Receipts lists receipts, newest first; user may be empty.
func (c *Client) Receipts(ctx context.Context, user string) ([]Receipt, error) {
	return all[Receipt](ctx, c, "/receipts?user="+url.QueryEscape(user))
}

// Receipt returns one receipt with its lines.
func (c *Client) Receipt(ctx context.Context, id string) (Receipt, error) {
	return get[Receipt](ctx, c, "/receipts/"+seg(id))
}

// Groups lists all groups.
func (c *Client) Groups(ctx context.Context) ([]Group, error) {
	page, err := get[Page[Group]](ctx, c, "/groups")
	return page.Items, err
}

// AddGroup adds a group.
func (c *Client) AddGroup(ctx context.Context, name string) (Group, error) {
	return post[Group](ctx, c, "/groups", map[string]string{"name": name})
}

// Join puts a person into a group.
func (c *Client) Join(ctx context.Context, group, user string) error {
	return c.Do(ctx, http.MethodPut, "/groups/"+seg(group)+"/members/"+seg(user), nil, nil)
}

// Leave takes a person out of a group and ends what they had by it alone.
func (c *Client) Leave(ctx context.Context, group, user string) (Receipt, error) {
	return del[Receipt](ctx, c, "/groups/"+seg(group)+"/members/"+seg(user))
}

// Apps lists all apps.
func (c *Client) Apps(ctx context.Context) ([]App, error) {
	page, err := get[Page[App]](ctx, c, "/apps")
	return page.Items, err
}

// App returns one app.
func (c *Client) App(ctx context.Context, app string) (App, error) {
	return get[App](ctx, c, "/apps/"+seg(app))
}

// AddApp registers an app; the answer shows its secret once.
func (c *Client) AddApp(ctx context.Context, a App) (App, error) {
	return post[App](ctx, c, "/apps", a)
}

// Grants lists the grants of an app.
func (c *Client) Grants(ctx context.Context, app string) ([]Grant, error) {
	page, err := get[Page[Grant]](ctx, c, "/apps/"+seg(app)+"/grants")
	return page.Items, err
}

// AddGrant lets a person or a group use an app.
func (c *Client) AddGrant(ctx context.Context, g Grant) (Grant, error) {
	return post[Grant](ctx, c, "/grants", g)
}

// RemoveGrant removes a grant of an app and ends what was issued by it alone.
func (c *Client) RemoveGrant(ctx context.Context, app, id string) (Receipt, error) {
	return del[Receipt](ctx, c, "/apps/"+seg(app)+"/grants/"+seg(id))
}

// Tokens lists the caller's API tokens.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	page, err := get[Page[Token]](ctx, c, "/tokens")
	return page.Items, err
}

// AddToken makes an API token of the caller; ttl is a Go duration, empty for
// none. The answer shows the secret once.
func (c *Client) AddToken(ctx context.Context, name, ttl string) (Token, error) {
	return post[Token](ctx, c, "/tokens", map[string]string{"name": name, "ttl": ttl})
}

// RevokeToken revokes an API token of the caller.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.Do(ctx, http.MethodDelete, "/tokens/"+seg(id), nil, nil)
}

// Events lists the newest audit lines of a person (empty: of all).
func (c *Client) Events(ctx context.Context, user string) ([]Event, error) {
	page, err := get[Page[Event]](ctx, c, "/events?user="+url.QueryEscape(user))
	return page.Items, err
}

// Apply makes the house what d says. With dryRun it only says what it would do.
func (c *Client) Apply(ctx context.Context, d Desired, dryRun bool) (Applied, error) {
	path := "/apply"
	if dryRun {
		path += "?dry_run=true"
	}
	return post[Applied](ctx, c, path, d)
}
