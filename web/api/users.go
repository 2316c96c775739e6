package api

import (
	"context"
	"net/http"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/web/api/client"
)

// People is people, and what each of them holds.
type People interface {
	User(ctx context.Context, id idp.UserID) (idp.User, error)
	UserByName(ctx context.Context, canonical string) (idp.User, error)
	Users(ctx context.Context, q idp.UserQuery) ([]idp.User, string, error)
	OwnerExists(ctx context.Context) (bool, error)
	Credentials(ctx context.Context, id idp.UserID) ([]idp.Credential, error)
	Sessions(ctx context.Context, id idp.UserID, now time.Time) ([]idp.Session, error)
	Participants(ctx context.Context, id idp.UserID, now time.Time) ([]idp.Participant, error)
	Families(ctx context.Context, id idp.UserID, now time.Time) ([]idp.TokenFamily, error)
	Accounts(ctx context.Context, id idp.UserID) ([]idp.Account, error)
}

func (a *API) userList(r *http.Request, _ caller) (int, any, error) {
	after, limit := paging(r)
	q := r.URL.Query()
	users, next, err := a.Store.Users(r.Context(), idp.UserQuery{
		Search: q.Get("search"), Status: idp.UserStatus(q.Get("status")), After: after, Limit: limit,
	})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Page[client.User]{Items: each(users, user), Next: next}, nil
}

func (a *API) userShow(r *http.Request, _ caller) (int, any, error) {
	u, err := a.user(r)
	if err != nil {
		return 0, nil, err
	}
	groups, err := a.Store.GroupsOf(r.Context(), u.ID)
	if err != nil {
		return 0, nil, err
	}
	out := user(u)
	for _, g := range groups {
		out.Groups = append(out.Groups, g.Name)
	}
	return http.StatusOK, out, nil
}

func (a *API) userAdd(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[client.Person](r)
	if err != nil {
		return 0, nil, err
	}
	u, err := a.Directory.AddUser(r.Context(), person(in))
	if err != nil {
		return 0, nil, err
	}
	if in.PasswordHash != "" {
		return http.StatusCreated, client.Invitation{User: user(u)}, nil // they can sign in already
	}
	return a.invited(r, u)
}

func (a *API) userChange(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[client.Person](r)
	if err != nil {
		return 0, nil, err
	}
	if in.PasswordHash != "" {
		return 0, nil, idp.Errorf(idp.Invalid, "A password hash is taken over with a new person only. Make a one-time link for this one.")
	}
	u, err := a.user(r)
	if err != nil {
		return 0, nil, err
	}
	if u, err = a.Directory.ChangeUser(r.Context(), u.ID, person(in)); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, user(u), nil
}

func (a *API) userInvite(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[client.Invite](r)
	if err != nil {
		return 0, nil, err
	}
	u, err := a.user(r)
	if err != nil {
		return 0, nil, err
	}
	if !in.Mail {
		return a.invited(r, u)
	}
	return http.StatusAccepted, client.Invitation{User: user(u), Mailed: true}, a.Directory.MailInvitation(r.Context(), u)
}

// invited answers with a one-time link for u.
func (a *API) invited(r *http.Request, u idp.User) (int, any, error) {
	raw, l, err := a.Directory.Invite(r.Context(), u)
	if idp.IsKind(err, idp.Unauthenticated) {
		return 0, nil, idp.Errorf(idp.Conflict, "%s is suspended. Restore them first.", u.Username).Because(err)
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, client.Invitation{User: user(u), Link: a.URL.String() + "/link/" + raw, ExpiresAt: l.ExpiresAt}, nil
}

func (a *API) userSuspend(r *http.Request, c caller) (int, any, error) {
	in, err := decode[suspension](r)
	if err != nil {
		return 0, nil, err
	}
	u, err := a.user(r)
	if err != nil {
		return 0, nil, err
	}
	if in.Myself && u.ID == c.user.ID {
		receipt, err := a.Directory.SuspendMyself(r.Context(), in.Reason)
		return a.receipt(r, receipt, err)
	}
	receipt, err := a.Directory.Suspend(r.Context(), u.ID, in.Reason)
	return a.receipt(r, receipt, err)
}

func (a *API) userRestore(r *http.Request, _ caller) (int, any, error) {
	u, err := a.user(r)
	if err != nil {
		return 0, nil, err
	}
	if u, err = a.Directory.Restore(r.Context(), u.ID); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, user(u), nil
}

func person(p client.Person) directory.Person {
	return directory.Person{
		Username: p.Username, Email: p.Email, DisplayName: p.DisplayName,
		GivenName: p.GivenName, FamilyName: p.FamilyName, Role: idp.Role(p.Role),
		PasswordHash: p.PasswordHash,
	}
}
