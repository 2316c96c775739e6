package console

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/web/ui"
)

// Views is what the live lists read: each answers a page at a bounded price.
type Views interface {
	SessionsNow(ctx context.Context, q idp.SessionQuery, now time.Time) ([]idp.Session, string, error)
	DeliveriesNow(ctx context.Context, q idp.DeliveryQuery) ([]idp.Delivery, string, error)
	ReceiptsNow(ctx context.Context, q idp.ReceiptQuery) ([]idp.Receipt, string, error)
	DeadLetters(ctx context.Context) (int, error)
	MailsFailed(ctx context.Context, since time.Time) (int, error)
	CountLines(ctx context.Context, id idp.ReceiptID, atMost int) (idp.LineCounts, error)
	ParticipantsOf(ctx context.Context, ids []idp.SessionID) ([]idp.Participant, error)
	UsersByID(ctx context.Context, ids []idp.UserID) (map[idp.UserID]idp.User, error)
	UserByName(ctx context.Context, canonical string) (idp.User, error)
}

// listPoll is how often a live list looks at itself.
const listPoll = time.Second

// asked is what an address says of a list: what narrows it, and which page.
type asked struct {
	url.Values // only what this list knows, and only what is not empty
}

// ask reads what narrows a list out of the request's address.
func ask(r *http.Request, known ...string) asked {
	return keep(r.URL.Query(), known)
}

func keep(from url.Values, known []string) asked {
	a := asked{url.Values{}}
	for _, name := range known {
		if v := strings.TrimSpace(from.Get(name)); v != "" && len(v) <= 200 {
			a.Set(name, v)
		}
	}
	return a
}

// at is the address of the list at path that shows what was asked.
func (a asked) at(path string) string {
	if len(a.Values) == 0 {
		return path
	}
	return path + "?" + a.Encode()
}

// with is the same list narrowed in another way, from its first page; value
// empty: not in this way.
func (a asked) with(name, value string) asked {
	b := asked{url.Values{}}
	for k, v := range a.Values {
		b.Values[k] = slices.Clone(v)
	}
	b.Del("after")
	b.Del(name)
	if value != "" {
		b.Set(name, value)
	}
	return b
}

// narrowed reports whether anything narrows the list.
func (a asked) narrowed() bool { return len(a.with("after", "").Values) > 0 }

// liveList is the part of a list that turns live.
type liveList struct {
	Live string // address that says when it has changed
	// Far: the page is not full although there may be more: it says how far
	// was looked.
	Far   bool
	Pager ui.Pager
}

// listOf leads on in the list at path, of which a page with so many rows was
// read.
func (a asked) listOf(path, next string, rows, full int) liveList {
	first := a.with("after", "")
	l := liveList{Live: a.at(path + "/live"), Far: next != "" && rows < full}
	l.Pager = pager(path, first.Values, a.Get("after"), next)
	if l.Far {
		l.Pager.NextLabel = "Look further"
	}
	return l
}

// somebody finds the person whom a filter names, by ID, username or email. Who
// is not found is said to be by the error.
func (c *Console) somebody(ctx context.Context, ref string) (idp.User, error) {
	if ref == "" {
		return idp.User{}, nil
	}
	if idp.ValidID("usr", ref) {
		return c.Store.User(ctx, idp.UserID(ref))
	}
	u, err := directory.Named(ctx, c.Store.UserByName, ref)
	if idp.IsKind(err, idp.NotFound) || idp.IsKind(err, idp.Invalid) {
		return u, nobody(ref)
	}
	return u, err
}

func nobody(ref string) error {
	return idp.Errorf(idp.Invalid, "Nobody has the username or email %.80q.", ref)
}

// said is the message of an error that a filter's field shows; other errors
// are no message.
func said(err error) (string, error) {
	if idp.IsKind(err, idp.Invalid) || idp.IsKind(err, idp.NotFound) {
		return detailOf(err), nil
	}
	return "", err
}

func detailOf(err error) string {
	if e, ok := errors.AsType[*idp.Error](err); ok {
		return e.Detail
	}
	return err.Error()
}

// appChoices are the apps that a filter offers, by name.
func (c *Console) appChoices(apps map[idp.AppID]idp.App, chosen string) []ui.Choice {
	out := []ui.Choice{{Label: "Any app", Chosen: chosen == ""}}
	for _, a := range apps {
		out = append(out, ui.Choice{Value: string(a.ID), Label: a.Name, Chosen: string(a.ID) == chosen})
	}
	slices.SortFunc(out[1:], func(a, b ui.Choice) int { return strings.Compare(strings.ToLower(a.Label), strings.ToLower(b.Label)) })
	return out
}

// printed changes with anything that a view shows.
func printed(view any) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%+v", view)
	return h.Sum64()
}
