package mail

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	rand2 "math/rand/v2"
	"strings"
	"time"

	"gatehouse/idp"
)

// Store is what the worker asks of the store; see there for the contracts.
type Store interface {
	User(ctx context.Context, id idp.UserID) (idp.User, error)
	Look(ctx context.Context) (idp.Look, error)
	ClaimMails(ctx context.Context, hand string, now time.Time, lease time.Duration, limit int) ([]idp.Mail, error)
	SaveMail(ctx context.Context, m idp.Mail, hand string, events ...idp.Event) error
}

// Links makes one-time links; *sessions.Gate does.
type Links interface {
	NewLinkWith(ctx context.Context, proof idp.Proof, purpose idp.LinkPurpose, with idp.Change) (raw string, l idp.Link, err error)
}

// Codes makes the codes that mails carry; *login.Login does.
type Codes interface {
	WriteCode(ctx context.Context, m idp.Mail) (idp.Mail, time.Time, error)
}

// Worker sends mails. Any number of workers may share a store.
type Worker struct {
	Store  Store
	Links  Links
	Codes  Codes
	Server *Server
	URL    string // of the house, without a slash at its end
	// House is its name as people know it, where its look says no other.
	House string
	Now   func() time.Time
	Log   *slog.Logger
}

const (
	atOnce = 20
	// lease outlives a conversation about a page of mails, each step of which
	// has its own patience.
	lease    = 10 * time.Minute
	deadline = 24 * time.Hour // then a mail has failed
	minPause = 15 * time.Second
	maxPause = 30 * time.Minute
)

// Send sends the mails that are due, and returns how many the mail server took.
// Two workers that claim at once get different ones. An error is of the store,
// or says that the mail server cannot be reached: what was claimed waits.
func (w *Worker) Send(ctx context.Context) (int, error) {
	hand := "mail/" + rand.Text()
	mails, err := w.Store.ClaimMails(ctx, hand, w.now(), lease, atOnce)
	if err != nil || len(mails) == 0 {
		return 0, err
	}
	talk, unreachable := w.Server.dial(ctx)
	if unreachable == nil {
		defer talk.close()
	}
	sent := 0
	stopped := ctx
	ctx = context.WithoutCancel(ctx) // what became of a mail is written down also when the house stops
	for _, m := range mails {
		if unreachable == nil {
			unreachable = stopped.Err()
		}
		done, events := w.settle(m, w.one(ctx, talk, m, unreachable))
		if err := w.Store.SaveMail(ctx, done, hand, events...); err != nil {
			return sent, err
		}
		if done.State == idp.MailSent {
			sent++
		}
	}
	return sent, unreachable
}

func (w *Worker) now() time.Time { return idp.Time(w.Now()) }

// nobody says why a mail is sent to nobody any more.
type nobody string

func (n nobody) Error() string { return string(n) }

// one sends one mail. Whether anybody may have it is asked as late as can be.
func (w *Worker) one(ctx context.Context, talk *conversation, m idp.Mail, unreachable error) error {
	u, err := w.reader(ctx, m)
	if err != nil {
		return err
	}
	if unreachable != nil {
		return unreachable
	}
	look, err := w.Store.Look(ctx)
	if err != nil {
		return err
	}
	lang := spoken(u.Language, m.Language, look.Language)
	var link string
	var until time.Time
	if m.Kind == idp.MailSignInCode || m.Kind == idp.MailConfirmCode {
		m, until, err = w.Codes.WriteCode(ctx, m)
	} else {
		link, until, err = w.link(ctx, m)
	}
	if idp.IsKind(err, idp.Unauthenticated) {
		return nobody("what the person held was ended since, or the sign-in is over")
	}
	if err != nil {
		return err
	}
	if link != "" || m.Kind == idp.MailSignInCode || m.Kind == idp.MailConfirmCode {
		if err := w.stillThere(ctx, u); err != nil {
			return err
		}
	}
	look.Name = cmp.Or(look.Name, w.House)
	l, err := render(m, u, look, lang, link, until)
	if err != nil {
		return &refusal{err}
	}
	l.id, l.at = string(m.ID)+"."+fmt.Sprint(m.Attempts)+"@"+w.Server.host, w.now()
	return talk.send(w.Server.from, l)
}

// reader is whom a mail goes to.
func (w *Worker) reader(ctx context.Context, m idp.Mail) (idp.User, error) {
	if m.UserID == "" {
		return idp.User{}, nobody("nobody has this name")
	}
	u, err := w.Store.User(ctx, m.UserID)
	switch {
	case idp.IsKind(err, idp.NotFound):
		return u, nobody("the person was removed")
	case err != nil:
		return u, err
	case u.Status != idp.UserActive:
		return u, nobody("suspended")
	case m.Kind == idp.MailAddressChanged:
		u.Email = m.Data["old"]
	case u.Email == "":
		return u, nobody("the person has no address")
	}
	return u, nil
}

// stillThere refuses to send a link or a code to an address that was changed while
// it was made: those that were made before the change have ended with it.
func (w *Worker) stillThere(ctx context.Context, u idp.User) error {
	now, err := w.Store.User(ctx, u.ID)
	if err == nil && now.Email != u.Email {
		err = errors.New("the address was changed meanwhile")
	}
	return err
}

// link makes the link of a mail that has one, by the proof of before.
func (w *Worker) link(ctx context.Context, m idp.Mail) (string, time.Time, error) {
	purpose, has := purposes()[m.Kind]
	if !has {
		return "", time.Time{}, nil
	}
	e := w.event("link.mail", m)
	e.Detail = map[string]string{"purpose": string(purpose)}
	raw, l, err := w.Links.NewLinkWith(ctx, m.Proof, purpose, idp.Change{Events: []idp.Event{e}})
	return w.URL + "/link/" + raw, l.ExpiresAt, err
}

// settle says what becomes of a mail after a try, and what the log is told.
func (w *Worker) settle(m idp.Mail, err error) (idp.Mail, []idp.Event) {
	now := w.now()
	e := w.event("mail.sent", m)
	e.Detail = map[string]string{"kind": string(m.Kind)}
	m.State, m.FinishedAt, m.Answer = idp.MailSent, now, ""
	if err == nil {
		return m, []idp.Event{e}
	}
	m.Answer = clip(err.Error())
	e.Detail["reason"] = m.Answer
	if none, ok := errors.AsType[nobody](err); ok {
		e.Kind, m.State = "mail.drop", idp.MailDropped
		if none == nobody("nobody has this name") {
			return m, nil // who asked is in the log already
		}
		return m, []idp.Event{e}
	}
	if _, final := errors.AsType[*refusal](err); final || !now.Before(m.CreatedAt.Add(deadline)) {
		e.Kind, m.State = "mail.fail", idp.MailFailed
		w.Log.Error("a mail failed for good", "mail", m.ID, "kind", m.Kind, "error", m.Answer)
		return m, []idp.Event{e}
	}
	m.State, m.FinishedAt, m.NextAt = idp.MailWaiting, time.Time{}, now.Add(pause(m.Attempts, rand2.Float64()))
	return m, nil
}

// pause grows with the attempts and is spread, so that a mail server that comes
// back is not met by everything at once.
func pause(attempts int, chance float64) time.Duration {
	ceiling := min(maxPause, minPause<<min(max(attempts-1, 0), 10))
	return ceiling/2 + time.Duration(chance*float64(ceiling/2))
}

func (w *Worker) event(kind string, m idp.Mail) idp.Event {
	return idp.Event{ID: idp.NewEventID(), At: w.now(), Kind: kind, Actor: idp.Actor{Kind: "system"}, UserID: m.UserID}
}

const maxAnswer = 300

// clip keeps of a mail server's words what a database takes.
func clip(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
	return strings.ToValidUTF8(s[:min(len(s), maxAnswer)], "")
}
