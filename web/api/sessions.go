package api

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

func (a *API) sessionList(r *http.Request, _ caller) (int, any, error) {
	u, err := a.user(r)
	if err != nil {
		return 0, nil, err
	}
	live, err := a.Store.Sessions(r.Context(), u.ID, a.Now())
	if err != nil {
		return 0, nil, err
	}
	apps, err := a.appsBySession(r, u.ID)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Page[client.Session]{Items: each(live, func(s idp.Session) client.Session {
		return session(s, apps[s.ID])
	})}, nil
}

func session(s idp.Session, apps []string) client.Session {
	return client.Session{
		ID: string(s.ID), UserID: string(s.UserID), Address: s.Address, UserAgent: s.UserAgent,
		CreatedAt: s.CreatedAt, LastSeenAt: s.LastSeenAt, ExpiresAt: s.ExpiresAt, Apps: apps,
	}
}

func (a *API) appsBySession(r *http.Request, id idp.UserID) (map[idp.SessionID][]string, error) {
	participants, err := a.Store.Participants(r.Context(), id, a.Now())
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

func (a *API) appNames(r *http.Request) (map[idp.AppID]string, error) {
	apps, err := a.Store.Apps(r.Context())
	if err != nil {
		return nil, err
	}
	names := make(map[idp.AppID]string, len(apps))
	for _, app := range apps {
		names[app.ID] = app.Name
	}
	return names, nil
}

func (a *API) sessionEnd(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[reasoned](r)
	if err != nil {
		return 0, nil, err
	}
	id := r.PathValue("session")
	if !idp.ValidID("ses", id) {
		return 0, nil, idp.Errorf(idp.NotFound, "There is no session %q.", id)
	}
	done, err := a.Directory.EndSession(r.Context(), idp.SessionID(id), in.Reason)
	return a.receipt(r, done, err)
}

func (a *API) userEndSessions(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[reasoned](r)
	if err != nil {
		return 0, nil, err
	}
	u, err := a.user(r)
	if err != nil {
		return 0, nil, err
	}
	done, err := a.Directory.EndSessions(r.Context(), u.ID, in.Reason)
	return a.receipt(r, done, err)
}
