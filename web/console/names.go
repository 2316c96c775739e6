package console

import (
	"context"
	"net/url"
	"strings"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// names looks people up by ID while a page is made, each once.
type names struct {
	store People
	known map[idp.UserID]string
}

func (c *Console) names() *names { return &names{store: c.Store, known: map[idp.UserID]string{}} }

// of returns the name of a person; the ID where the person is not found.
func (n *names) of(ctx context.Context, id idp.UserID) (string, error) {
	if name, ok := n.known[id]; ok {
		return name, nil
	}
	u, err := n.store.User(ctx, id)
	name := u.Name()
	switch {
	case idp.IsKind(err, idp.NotFound):
		name = string(id)
	case err != nil:
		return "", err
	}
	n.known[id] = name
	return name, nil
}

// actor says who did something.
func (n *names) actor(ctx context.Context, a idp.Actor) (string, error) {
	switch a.Kind {
	case "system":
		return "Gatehouse itself", nil
	case "machine":
		return "the command line on the machine", nil
	case "bootstrap":
		return "the bootstrap token", nil
	case "app":
		return "an app, by its protocol", nil
	}
	if a.UserID == "" {
		return "somebody not signed in", nil
	}
	name, err := n.of(ctx, a.UserID)
	switch a.Kind {
	case "token":
		name = "an API token of " + name
	case "schedule":
		name = "the schedule of " + name
	}
	return name, err
}

// byID maps the house's apps by their IDs.
func (c *Console) byID(ctx context.Context) (map[idp.AppID]idp.App, error) {
	apps, err := c.Store.Apps(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[idp.AppID]idp.App, len(apps))
	for _, a := range apps {
		out[a.ID] = a
	}
	return out, nil
}

// levers says in words what reaches an app.
func (c *Console) levers(a idp.App) string {
	if !c.reached(a) && byBrowser(a) {
		return "Their own browser, when they sign out"
	}
	names := c.Outbox.LeversOf(a)
	words := make([]string, len(names))
	for i, l := range names {
		words[i] = leverWords(l)
	}
	return strings.Join(words, ", ")
}

// reached reports whether anything reaches an app.
func (c *Console) reached(a idp.App) bool { return c.Outbox.LeversOf(a)[0] != idp.LeverNone }

// byBrowser reports whether the browser of somebody who signs out is led to the
// app, where nothing else reaches it.
func byBrowser(a idp.App) bool {
	return a.OIDC != nil && a.OIDC.FrontchannelLogoutURI != "" || a.SAML != nil && a.SAML.FrontLogoutURL != ""
}

func leverWords(l idp.Lever) string {
	switch l {
	case idp.LeverBackchannel:
		return "Back-channel logout"
	case idp.LeverSOAP:
		return "LogoutRequest over SOAP"
	case idp.LeverFrontchannel:
		return "Their own browser, by a frame"
	case idp.LeverSAMLFront:
		return "Their own browser, with a LogoutRequest"
	case idp.LeverNone:
		return "None: ends by itself"
	case idp.LeverExpiry:
		return "None: JWT access tokens, which live until they expire"
	}
	return string(l)
}

func protocolWords(p idp.Protocol) string {
	switch p {
	case idp.ProtocolOIDC:
		return "OpenID Connect"
	case idp.ProtocolSAML:
		return "SAML"
	}
	return string(p)
}

// formatWords shortens a NameID format URN to its last word.
func formatWords(format string) string {
	if format == "" {
		return "OpenID Connect subject"
	}
	return format[strings.LastIndexByte(format, ':')+1:]
}

// methodWords says the authentication methods of a session (RFC 8176).
func methodWords(methods []string) string {
	out := make([]string, len(methods))
	for i, m := range methods {
		switch m {
		case "pwd":
			out[i] = "password"
		case "mail":
			out[i] = "code by mail"
		default:
			out[i] = m
		}
	}
	return strings.Join(out, ", ")
}

func row(u idp.User) personRow {
	return personRow{
		ID: string(u.ID), Name: u.Name(), Username: u.Username, Email: u.Email,
		Owner: u.Role == idp.RoleOwner, Suspended: u.Status == idp.UserSuspended, Added: u.CreatedAt,
	}
}

func rows(us []idp.User) []personRow {
	out := make([]personRow, len(us))
	for i, u := range us {
		out[i] = row(u)
	}
	return out
}

// pager leads on in a list at path; query holds what else the address says.
func pager(path string, query url.Values, after, next string) ui.Pager {
	var p ui.Pager
	with := func(cursor string) string {
		q := url.Values{}
		for k, v := range query {
			q[k] = v
		}
		if cursor != "" {
			q.Set("after", cursor)
		}
		if len(q) == 0 {
			return path
		}
		return path + "?" + q.Encode()
	}
	if after != "" {
		p.First = with("")
	}
	if next != "" {
		p.Next = with(next)
	}
	return p
}
