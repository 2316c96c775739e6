package storetest

import (
	"context"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/store"
)

// house is a store with what most cases begin with.
type house struct {
	*testing.T
	*store.Store
	ctx        context.Context
	now        time.Time
	generation string
}

func newHouse(t *testing.T, s *store.Store) *house {
	t.Helper()
	h := &house{T: t, Store: s, ctx: t.Context(), now: idp.Time(time.Now())}
	var err error
	if h.generation, err = s.Generation(h.ctx); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// is fails the test unless err is of this kind.
func (h *house) is(err error, kind idp.Kind) {
	h.Helper()
	if !idp.IsKind(err, kind) {
		h.Fatalf("got %v, want an error of kind %s", err, kind)
	}
}

func (h *house) commit(c idp.Change) idp.Committed {
	h.Helper()
	done, err := h.Commit(h.ctx, c)
	h.ok(err)
	return done
}

// user stores an active employee and returns them as stored.
func (h *house) user(name string) idp.User {
	h.Helper()
	u := idp.User{ID: idp.NewUserID(), Username: name, Email: name + "@example.com", DisplayName: "Person " + name,
		Role: idp.RoleEmployee, Status: idp.UserActive, Epoch: 1, CreatedAt: h.now, UpdatedAt: h.now}
	h.commit(idp.Change{Users: []idp.User{u}})
	u.Version = 1
	return u
}

// app stores an OIDC app.
func (h *house) app(name string) idp.App {
	h.Helper()
	a := idp.App{ID: idp.NewAppID(), Name: name, Protocol: idp.ProtocolOIDC, Identifier: "client-" + name,
		LaunchURL: "https://" + name + ".example.com", OIDC: &idp.OIDCSettings{RedirectURIs: []string{"https://x.example.com/cb"}},
		CreatedAt: h.now, UpdatedAt: h.now}
	h.commit(idp.Change{Apps: []idp.App{a}})
	a.Version = 1
	return a
}

// grant lets the user use the app.
func (h *house) grant(u idp.User, a idp.App) idp.Grant {
	h.Helper()
	g := idp.Grant{ID: idp.NewGrantID(), AppID: a.ID, UserID: u.ID, Role: "editor", CreatedAt: h.now}
	h.commit(idp.Change{Grants: []idp.Grant{g}})
	g.Version = 1
	return g
}

func (h *house) proof(u idp.User) idp.Proof {
	return idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: h.generation}
}

func (h *house) newSession(p idp.Proof) idp.Session {
	return idp.Session{ID: idp.NewSessionID(), Proof: p, AuthTime: h.now, Methods: []string{"pwd"}, CreatedAt: h.now,
		LastSeenAt: h.now, ExpiresAt: h.now.Add(time.Hour), Address: "192.0.2.1", UserAgent: "Browser"}
}

// session starts a session of the user; its hash is its ID.
func (h *house) session(u idp.User) idp.Session {
	h.Helper()
	s := h.newSession(h.proof(u))
	h.ok(h.StartSession(h.ctx, s, string(s.ID), ""))
	return s
}

func (h *house) participant(s idp.Session, a idp.App) (idp.Participant, idp.Account) {
	return idp.Participant{SessionID: s.ID, AppID: a.ID, UserID: s.UserID, SessionIndex: "index-" + string(s.ID),
			NameID:  idp.NameID{Value: "asked", Format: "persistent", NameQualifier: "idp", SPNameQualifier: "sp"},
			FirstAt: h.now, LastAnswerAt: h.now, AppEpoch: a.Epoch, GrantedN: h.logAt()},
		idp.Account{ID: idp.NewAccountID(), AppID: a.ID, UserID: s.UserID, Subject: "subject-" + string(s.UserID),
			Format: "persistent", FirstSeenAt: h.now, LastSeenAt: h.now}
}

func (h *house) newFamily(s idp.Session, a idp.App) idp.TokenFamily {
	return idp.TokenFamily{ID: idp.NewTokenFamilyID(), Proof: s.Proof, AppID: a.ID, AppEpoch: a.Epoch, GrantedN: h.logAt(), SessionID: s.ID,
		Scopes: []string{"openid", "profile"}, Nonce: "n", AuthTime: h.now, Methods: []string{"pwd"}, Seq: 1,
		RotatedAt: h.now, CreatedAt: h.now, ExpiresAt: h.now.Add(time.Hour)}
}

// logAt is the number that the log has come to.
func (h *house) logAt() int64 {
	h.Helper()
	found, err := h.House(h.ctx)
	h.ok(err)
	return found.N
}

// family spends a code for the app from the session.
func (h *house) family(s idp.Session, a idp.App, offline bool) idp.TokenFamily {
	h.Helper()
	f := h.newFamily(s, a)
	f.Offline = offline
	p, acc := h.participant(s, a)
	h.ok(h.SpendCode(h.ctx, f, p, acc))
	return f
}

func (h *house) ending(kind idp.EndingKind, u idp.UserID) *idp.Ending {
	return &idp.Ending{Kind: kind, UserID: u, Key: string(idp.NewEventID()), Reason: "left", At: h.now,
		Actor: idp.Actor{Kind: "user", UserID: "usr_admin"}, ReceiptID: idp.NewReceiptID()}
}

func (h *house) event(kind string, u idp.UserID) idp.Event {
	return idp.Event{ID: idp.NewEventID(), At: h.now, Kind: kind, UserID: u, Detail: map[string]string{"k": "v"}}
}

// suspend ends everything of the user and returns the receipt's head.
func (h *house) suspend(u idp.User) idp.Receipt {
	h.Helper()
	e := h.ending(idp.EndUser, u.ID)
	h.commit(idp.Change{Ending: e, Events: []idp.Event{h.event("user.suspend", u.ID)}})
	r, err := h.Receipt(h.ctx, e.ReceiptID)
	h.ok(err)
	return r
}

// restore lets a suspended user sign in again and returns them as they now
// stand.
func (h *house) restore(id idp.UserID) idp.User {
	h.Helper()
	u, err := h.User(h.ctx, id)
	h.ok(err)
	u.Status, u.SuspendedAt = idp.UserActive, time.Time{}
	h.commit(idp.Change{Users: []idp.User{u}, Supersede: []idp.UserID{id}})
	u, err = h.User(h.ctx, id)
	h.ok(err)
	return u
}
