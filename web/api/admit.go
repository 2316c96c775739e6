package api

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"net/http"
	"strings"

	"gatehouse/idp"
)

// caller is who called: an owner through an API token, or nobody but the
// holder of the bootstrap token.
type caller struct {
	user  idp.User
	token idp.APIToken
}

// admit runs the route's handler once its access is proven, with the actor in
// the context.
func (a *API) admit(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var c caller
		actor := idp.ActorOf(r.Context())
		if rt.access != anyone {
			var err error
			if c, actor, err = a.prove(r, rt.access, actor); err == nil && r.ContentLength != 0 {
				// A body that is sent slowly would else act for a token that was
				// revoked, or a person who was suspended, meanwhile.
				var body []byte
				if body, err = io.ReadAll(r.Body); err != nil {
					a.refuse(w, r, idp.Errorf(idp.Invalid, "The request body did not arrive whole, or is too large.").Because(err))
					return
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
				c, actor, err = a.prove(r, rt.access, actor)
			}
			if err != nil {
				r = r.WithContext(idp.WithActor(r.Context(), actor))
				a.note(r, rt, err)
				a.refuse(w, r, err)
				return
			}
		}
		r = r.WithContext(idp.WithActor(r.Context(), actor))
		status, answer, err := rt.handler(r, c)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		a.answer(w, r, status, answer)
	})
}

// note writes down who was refused what. The refusal stands also when that
// fails.
func (a *API) note(r *http.Request, rt route, why error) {
	if kind := idp.KindOf(why); kind != idp.Unauthenticated && kind != idp.Denied {
		return
	}
	err := a.Store.Record(r.Context(), idp.Event{
		ID: idp.NewEventID(), At: idp.Time(a.Now()), Kind: "api.refuse", Actor: idp.ActorOf(r.Context()),
		Detail: map[string]string{"action": rt.pattern, "reason": why.Error()},
	})
	if err != nil {
		a.Log.ErrorContext(r.Context(), "audit line not written", "kind", "api.refuse", "error", err)
	}
}

func (a *API) prove(r *http.Request, want access, actor idp.Actor) (caller, idp.Actor, error) {
	scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || raw == "" {
		return caller{}, actor, idp.Errorf(idp.Unauthenticated, "Send an API token: Authorization: Bearer TOKEN.")
	}
	if a.isBootstrap(raw) {
		exists, err := a.Store.OwnerExists(r.Context())
		switch {
		case err != nil:
			return caller{}, actor, err
		case exists:
			return caller{}, actor, idp.Errorf(idp.Unauthenticated, "The bootstrap token works only while there is no owner. Use an API token.")
		case want != ownerOrBootstrap:
			return caller{}, actor, idp.Errorf(idp.Unauthenticated, "API tokens belong to an owner, and the bootstrap token is nobody's. Become the first owner with the link that the server printed, then make a token in the console.")
		}
		actor.Kind = "bootstrap"
		return caller{}, actor, nil
	}
	token, user, err := a.Gate.APIToken(r.Context(), raw)
	if idp.IsKind(err, idp.Unauthenticated) {
		return caller{}, actor, idp.Errorf(idp.Unauthenticated, "This API token is not valid, or no longer. Make a new one in the console.").Because(err)
	}
	if err != nil {
		return caller{}, actor, err
	}
	actor.Kind, actor.UserID = "token", user.ID
	if user.Role != idp.RoleOwner {
		return caller{}, actor, idp.Errorf(idp.Denied, "The admin API is for owners.")
	}
	return caller{user, token}, actor, nil
}

func (a *API) isBootstrap(raw string) bool {
	if a.Bootstrap == "" {
		return false
	}
	got, want := sha256.Sum256([]byte(raw)), sha256.Sum256([]byte(a.Bootstrap))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}
