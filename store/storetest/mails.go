package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/idp"
)

func testMails(h *house) {
	u := h.user("ada")
	m := idp.NewMail(idp.MailInvitation, u, h.now)
	m.Language, m.Data = "de", map[string]string{"device": "Firefox"}
	h.commit(idp.Change{Mails: []idp.Mail{m}})
	none, err := h.ClaimMails(h.ctx, "a", h.now, time.Minute, 10)
	h.ok(err)
	h.same(0, len(none)) // this house sends none, so none waits

	h.Mails = true
	h.commit(idp.Change{Mails: []idp.Mail{idp.NewMail(idp.MailRecovery, idp.User{}, h.now)}}) // to nobody: it waits for nothing
	h.commit(idp.Change{Mails: []idp.Mail{m}})
	early, err := h.ClaimMails(h.ctx, "a", h.now.Add(-time.Second), time.Minute, 10)
	h.ok(err)
	h.same(0, len(early))
	got, err := h.ClaimMails(h.ctx, "a", h.now, time.Minute, 10)
	h.ok(err)
	m.Generation, m.Attempts = h.generation, 1
	h.same([]idp.Mail{m}, got)
	held, err := h.ClaimMails(h.ctx, "b", h.now.Add(59*time.Second), time.Minute, 10)
	h.ok(err)
	h.same(0, len(held))
	again, err := h.ClaimMails(h.ctx, "b", h.now.Add(time.Minute), time.Minute, 10)
	h.ok(err)
	h.same(2, again[0].Attempts)

	m = again[0]
	m.State, m.FinishedAt = idp.MailSent, h.now
	h.is(h.SaveMail(h.ctx, m, "a", h.event("mail.sent", u.ID)), idp.Conflict) // its claim was lost
	h.ok(h.SaveMail(h.ctx, m, "b", h.event("mail.sent", u.ID)))
	h.is(h.SaveMail(h.ctx, m, "b"), idp.Conflict)
	kept, err := h.MailsOf(h.ctx, u.ID, 10)
	h.ok(err)
	h.same([]idp.Mail{m}, kept)
	h.same(1, h.eventsOf("mail.sent"))
	h.commit(idp.Change{Mails: []idp.Mail{idp.NewMail(idp.MailPasswordChanged, u, h.now)}})
	lost, err := h.ClaimMails(h.ctx, "c", h.now, time.Minute, 10)
	h.ok(err)
	lost[0].State, lost[0].FinishedAt = idp.MailFailed, h.now
	h.ok(h.SaveMail(h.ctx, lost[0], "c", h.event("mail.fail", u.ID)))
	for since, want := range map[time.Duration]int{0: 1, time.Second: 0, -time.Hour: 1} {
		failed, err := h.MailsFailed(h.ctx, h.now.Add(since))
		h.ok(err)
		h.same(want, failed)
	}
	h.ok(h.Purge(h.ctx, h.now.Add(31*24*time.Hour)))
	kept, err = h.MailsOf(h.ctx, u.ID, 10)
	h.ok(err)
	h.same(0, len(kept))
}

// testRecoveryUnderWay: a link that works, or waits to be mailed, of this person
// and of now.
func testRecoveryUnderWay(h *house) {
	h.Mails = true
	ada, bob := h.user("ada"), h.user("bob")
	is := func(want bool) {
		h.Helper()
		for u, want := range map[idp.UserID]bool{ada.ID: want, bob.ID: false, "": false} {
			got, err := h.RecoveryUnderWay(h.ctx, u, h.now)
			h.ok(err)
			h.same(want, got)
		}
	}
	is(false)
	m := idp.NewMail(idp.MailRecovery, ada, h.now)
	h.commit(idp.Change{Mails: []idp.Mail{m, idp.NewMail(idp.MailPasswordChanged, bob, h.now), idp.NewMail(idp.MailRecovery, idp.User{}, h.now)}})
	is(true)
	claimed, err := h.ClaimMails(h.ctx, "a", h.now, time.Minute, 10)
	h.ok(err)
	is(true)
	for _, m := range claimed {
		m.State, m.FinishedAt = idp.MailSent, h.now
		h.ok(h.SaveMail(h.ctx, m, "a"))
	}
	is(false) // it took no link with it
	link := func(purpose idp.LinkPurpose, at time.Time) idp.Link {
		h.Helper()
		l := idp.Link{ID: idp.NewLinkID(), Proof: h.proof(ada), Purpose: purpose, CreatedAt: at, ExpiresAt: at.Add(time.Hour)}
		h.ok(h.CreateLink(h.ctx, l, string(l.ID), idp.Change{}))
		return l
	}
	link(idp.LinkReset, h.now)
	is(false)
	link(idp.LinkRecovery, h.now.Add(-time.Hour))
	is(false) // it has ended
	l := link(idp.LinkRecovery, h.now)
	is(true)
	_, err = h.UseLink(h.ctx, l.ID, h.now, idp.Change{})
	h.ok(err)
	is(false)
	link(idp.LinkRecovery, h.now)
	h.commit(idp.Change{Mails: []idp.Mail{idp.NewMail(idp.MailRecovery, ada, h.now)}})
	is(true)
	h.suspend(ada)
	is(false)
}

func testMailRace(h *house) {
	h.Mails = true
	u := h.user("ada")
	const mails = 40
	for range mails {
		h.commit(idp.Change{Mails: []idp.Mail{idp.NewMail(idp.MailPasswordChanged, u, h.now)}})
	}
	var claimed atomic.Int64
	var seen sync.Map
	var workers sync.WaitGroup
	for i := range 8 {
		workers.Go(func() {
			for round := range mails {
				got, err := h.ClaimMails(h.ctx, fmt.Sprint(i, "/", round), h.now, time.Minute, 3)
				if err != nil {
					h.Error(err)
				}
				for _, m := range got {
					if _, twice := seen.LoadOrStore(m.ID, true); twice {
						h.Errorf("%s is in two hands", m.ID)
					}
				}
				claimed.Add(int64(len(got)))
				if claimed.Load() >= mails {
					return
				}
			}
		})
	}
	workers.Wait()
	h.same(int64(mails), claimed.Load())
}

// eventsOf counts the newest audit lines of a kind.
func (h *house) eventsOf(kind string) int {
	h.Helper()
	events, _, err := h.Events(h.ctx, idp.EventQuery{Limit: 500})
	h.ok(err)
	n := 0
	for _, e := range events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}
