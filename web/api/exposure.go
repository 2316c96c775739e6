package api

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

// suspendPreview answers what a suspension would end. It writes nothing.
func (a *API) suspendPreview(r *http.Request, _ caller) (int, any, error) {
	ctx := r.Context()
	u, err := a.user(r)
	if err != nil {
		return 0, nil, err
	}
	lines, err := a.Outbox.Preview(ctx, u)
	if err != nil {
		return 0, nil, err
	}
	names, err := a.appNames(r)
	if err != nil {
		return 0, nil, err
	}
	out := client.Preview{UserID: string(u.ID), Username: u.Username, Lines: each(lines, func(d idp.Delivery) client.Line {
		l := line(d, names[d.AppID])
		l.ID, l.Destroys = "", a.Outbox.Destroys(d.Lever)
		return l
	})}
	sessions, err := a.Store.Sessions(ctx, u.ID, a.Now())
	if err != nil {
		return 0, nil, err
	}
	opened, err := a.appsBySession(r, u.ID)
	if err != nil {
		return 0, nil, err
	}
	out.Sessions = each(sessions, func(s idp.Session) client.Session { return session(s, opened[s.ID]) })
	families, err := a.Store.Families(ctx, u.ID, a.Now())
	if err != nil {
		return 0, nil, err
	}
	out.Families = each(families, func(f idp.TokenFamily) client.Family {
		return client.Family{App: names[f.AppID], Scopes: f.Scopes, CreatedAt: f.CreatedAt, ExpiresAt: f.ExpiresAt}
	})
	accounts, err := a.Store.Accounts(ctx, u.ID)
	if err != nil {
		return 0, nil, err
	}
	out.Accounts = each(accounts, func(acc idp.Account) client.Account {
		return client.Account{App: names[acc.AppID], Subject: acc.Subject, FirstSeenAt: acc.FirstSeenAt, LastSeenAt: acc.LastSeenAt}
	})
	tokens, err := a.Store.APITokens(ctx, u.ID)
	if err != nil {
		return 0, nil, err
	}
	for _, t := range tokens {
		if t.RevokedAt.IsZero() && (t.ExpiresAt.IsZero() || a.Now().Before(t.ExpiresAt)) {
			out.Tokens = append(out.Tokens, token(t))
		}
	}
	return http.StatusOK, out, nil
}

// exposed is how many people a page of exposures looks at.
const exposed = 50

// exposureList answers how long people would keep access if they were suspended
// now: of one person, of everybody in one app, or of everybody. Who holds
// nothing has no line.
func (a *API) exposureList(r *http.Request, _ caller) (int, any, error) {
	q := r.URL.Query()
	var only idp.AppID
	if ref := q.Get("app"); ref != "" {
		found, err := a.app(r, ref)
		if err != nil {
			return 0, nil, err
		}
		only = found.ID
	}
	people, next, err := a.exposedPeople(r)
	if err != nil {
		return 0, nil, err
	}
	names, err := a.appNames(r)
	if err != nil {
		return 0, nil, err
	}
	page := client.Page[client.Exposure]{Items: []client.Exposure{}, Next: next}
	for _, u := range people {
		found, err := a.Outbox.Exposure(r.Context(), u)
		if err != nil {
			return 0, nil, err
		}
		for _, e := range found {
			if only == "" || e.AppID == only {
				page.Items = append(page.Items, exposure(e, u, names[e.AppID]))
			}
		}
	}
	return http.StatusOK, page, nil
}

// exposedPeople are the one that is asked for, or a page of everybody who is
// active.
func (a *API) exposedPeople(r *http.Request) ([]idp.User, string, error) {
	if ref := r.URL.Query().Get("user"); ref != "" {
		u, err := a.userNamed(r, ref)
		return []idp.User{u}, "", err
	}
	after, _ := paging(r)
	return a.Store.Users(r.Context(), idp.UserQuery{Status: idp.UserActive, After: after, Limit: exposed})
}

func exposure(e idp.Exposure, u idp.User, app string) client.Exposure {
	out := client.Exposure{
		UserID: string(u.ID), Username: u.Username, AppID: string(e.AppID), App: app, Basis: string(e.Basis), Lever: string(e.Lever),
		Verified: e.Verified, Distrusted: e.Distrusted,
	}
	if e.Basis != idp.BasisNothing {
		out.Seconds = new(int64(e.Within.Seconds()))
	}
	return out
}
