package api

import (
	"context"
	"net/http"
	"time"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

// Views is what the live views read: each answers a page at a bounded price.
type Views interface {
	SessionsNow(ctx context.Context, q idp.SessionQuery, now time.Time) ([]idp.Session, string, error)
	DeliveriesNow(ctx context.Context, q idp.DeliveryQuery) ([]idp.Delivery, string, error)
	ReceiptsNow(ctx context.Context, q idp.ReceiptQuery) ([]idp.Receipt, string, error)
	ParticipantsOf(ctx context.Context, ids []idp.SessionID) ([]idp.Participant, error)
	UsersByID(ctx context.Context, ids []idp.UserID) (map[idp.UserID]idp.User, error)
}

// narrows names what narrows the list of a route; none for other routes.
func narrows(pattern string) []string {
	var by []string
	switch pattern {
	case "GET /api/v1/sessions":
		by = []string{"user", "app", "address", "older_than"}
	case "GET /api/v1/deliveries":
		by = []string{"state", "app", "user"}
	case "GET /api/v1/receipts":
		by = []string{"user", "kind", "open", "failed"}
	case "GET /api/v1/receipts/{receipt}/signed":
		return []string{"version"}
	case "GET /api/v1/events/chain":
	case "GET /api/v1/events/checkpoints":
		by = []string{"newest"}
	case "GET /api/v1/events/unchained":
		return []string{"after"}
	case "GET /api/v1/schedules":
		by = []string{"user", "state"}
	case "GET /api/v1/batches":
	case "GET /api/v1/batches/{batch}/people":
		by = []string{"state"}
	case "DELETE /api/v1/apps/{app}":
		return []string{"reason"}
	case "POST /api/v1/batches", "PUT /api/v1/apps/{app}/metadata":
		return []string{"dry_run"}
	case "PUT /api/v1/policy":
		return []string{"dry_run", "accept"}
	default:
		return nil
	}
	return append(by, "after", "limit")
}

// someone is the person that the request's list is narrowed to; none: nobody
// in particular.
func (a *API) someone(r *http.Request) (idp.UserID, error) {
	ref := r.URL.Query().Get("user")
	if ref == "" {
		return "", nil
	}
	u, err := a.userNamed(r, ref)
	return u.ID, err
}

// someApp is the app that the request's list is narrowed to.
func (a *API) someApp(r *http.Request) (idp.AppID, error) {
	ref := r.URL.Query().Get("app")
	if ref == "" {
		return "", nil
	}
	app, err := a.app(r, ref)
	return app.ID, err
}

func (a *API) sessionsNow(r *http.Request, _ caller) (int, any, error) {
	ctx, in := r.Context(), r.URL.Query()
	q := idp.SessionQuery{Idle: a.Idle}
	var err error
	if q.UserID, err = a.someone(r); err != nil {
		return 0, nil, err
	}
	if q.AppID, err = a.someApp(r); err != nil {
		return 0, nil, err
	}
	if err := q.From(in.Get("address")); err != nil {
		return 0, nil, err
	}
	if err := q.OlderThan(in.Get("older_than"), a.Now()); err != nil {
		return 0, nil, err
	}
	q.After, q.Limit = paging(r)
	live, next, err := a.Store.SessionsNow(ctx, q, a.Now())
	if err != nil {
		return 0, nil, err
	}
	people, err := a.Store.UsersByID(ctx, each(live, func(s idp.Session) idp.UserID { return s.UserID }))
	if err != nil {
		return 0, nil, err
	}
	opened, err := a.opened(r, live)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Page[client.Session]{Next: next, Items: each(live, func(s idp.Session) client.Session {
		return client.Session{
			ID: string(s.ID), UserID: string(s.UserID), User: people[s.UserID].Username, Address: s.Address, UserAgent: s.UserAgent,
			CreatedAt: s.CreatedAt, LastSeenAt: s.LastSeenAt, ExpiresAt: s.ExpiresAt, Apps: opened[s.ID],
		}
	})}, nil
}

// opened names the apps that got something from these sessions.
func (a *API) opened(r *http.Request, live []idp.Session) (map[idp.SessionID][]string, error) {
	participants, err := a.Store.ParticipantsOf(r.Context(), each(live, func(s idp.Session) idp.SessionID { return s.ID }))
	if err != nil {
		return nil, err
	}
	names, err := a.appNames(r)
	if err != nil {
		return nil, err
	}
	apps := map[idp.SessionID][]string{}
	for _, p := range participants {
		apps[p.SessionID] = append(apps[p.SessionID], names[p.AppID])
	}
	return apps, nil
}
