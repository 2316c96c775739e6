package storetest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/idp"
)

// parallel runs fn n times at once and fails the test at their first error.
func (h *house) parallel(n int, fn func(i int) error) {
	h.Helper()
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = fn(i) })
	}
	wg.Wait()
	for _, err := range errs {
		h.ok(err)
	}
}

func testRaces(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	h.grant(u, a)
	s := h.session(u)
	f := h.newFamily(s, a)
	wins := func(what string, run func(i int) error) {
		h.Helper()
		var won atomic.Int64
		h.parallel(64, func(i int) error {
			err := run(i)
			if err == nil {
				won.Add(1)
			} else if !idp.IsKind(err, idp.Conflict) && !idp.IsKind(err, idp.Unauthenticated) {
				return err
			}
			return nil
		})
		if won.Load() != 1 {
			h.Errorf("%s: %d of 64 won", what, won.Load())
		}
	}
	wins("one code", func(int) error { p, acc := h.participant(s, a); return h.SpendCode(h.ctx, f, p, acc) })
	wins("one value", func(int) error { return h.Spend(h.ctx, "jti", "x", h.now.Add(time.Hour)) })
	step := idp.Credential{ID: idp.NewCredentialID(), UserID: u.ID, Kind: idp.CredentialTOTP, CreatedAt: h.now, UpdatedAt: h.now}
	h.commit(idp.Change{Credentials: []idp.Credential{step}})
	wins("one time step", func(int) error { return h.SpendCredential(h.ctx, step, 57, h.now) })
	in := idp.SignIn{ID: idp.NewSignInID(), CreatedAt: h.now, ExpiresAt: h.now.Add(time.Hour)}
	h.ok(h.CreateSignIn(h.ctx, in))
	in.Proof, in.Methods, in.AuthTime = s.Proof, []string{"pwd"}, h.now
	h.ok(h.ProveSignIn(h.ctx, in, h.now, idp.Witness{}))
	wins("one code that proves", func(int) error {
		spent := step
		spent.Mark = 58
		return h.ProveSignIn(h.ctx, in, h.now, idp.Witness{Spent: spent, Events: []idp.Event{h.event("signin.code.ok", u.ID)}})
	})
	wins("one sign-in done", func(i int) error { return h.StartSession(h.ctx, h.newSession(s.Proof), fmt.Sprint(i), in.ID) })
	wins("one sign-in spent", func(int) error { _, err := h.SpendSignIn(h.ctx, in.ID, in.BindHash, h.now); return err })
	var links []idp.LinkID
	for i := range 4 {
		l := idp.Link{ID: idp.NewLinkID(), Proof: idp.Proof{Generation: h.generation}, Purpose: idp.LinkFirstOwner, CreatedAt: h.now, ExpiresAt: h.now.Add(time.Hour)}
		h.ok(h.CreateLink(h.ctx, l, fmt.Sprint("link", i), idp.Change{}))
		links = append(links, l.ID)
	}
	wins("one first owner", func(i int) error {
		o := idp.User{ID: idp.NewUserID(), Username: fmt.Sprint("owner", i), Role: idp.RoleOwner, Status: idp.UserActive, Epoch: 1}
		_, err := h.UseLink(h.ctx, links[i%4], h.now, idp.Change{Users: []idp.User{o}})
		return err
	})

	h.parallel(64, func(int) error {
		got, err := h.Rotate(h.ctx, f.ID, f.Proof, 1, h.now, time.Minute)
		if err == nil && got.Seq != 2 {
			err = fmt.Errorf("rotated to %d", got.Seq)
		}
		return err
	})
	var highest atomic.Int64
	h.parallel(64, func(int) error {
		n, _, err := h.Count(h.ctx, "c", time.Hour, h.now)
		for old := highest.Load(); int64(n) > old && !highest.CompareAndSwap(old, int64(n)); old = highest.Load() {
		}
		return err
	})
	h.same(int64(64), highest.Load())
}

func testNumbers(h *house) {
	var users []idp.User
	for i := range 16 {
		users = append(users, h.user(fmt.Sprint("u", i)))
	}
	var seen sync.Map
	h.parallel(64, func(i int) error {
		done, err := h.Commit(h.ctx, idp.Change{Ending: h.ending(idp.EndPasses, users[i%16].ID)})
		seen.Store(done.N, true)
		return err
	})
	for n := int64(1); n <= 64; n++ {
		if _, ok := seen.Load(n); !ok {
			h.Errorf("number %d is missing", n)
		}
	}
	for _, u := range users {
		got, err := h.User(h.ctx, u.ID)
		h.ok(err)
		h.same(int64(5), got.Epoch)
	}
}

// testSuspendRace lets sign-ons and code exchanges run while their user is
// suspended, again and again: what returned success is on the list, and
// nothing is written once the suspension has returned.
func testSuspendRace(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	h.grant(u, a)
	for range 8 {
		var (
			cut    atomic.Bool
			mu     sync.Mutex
			issued = map[idp.SessionID]bool{}
			ended  idp.Receipt
		)
		h.parallel(13, func(i int) error {
			if i == 0 {
				time.Sleep(5 * time.Millisecond)
				e := h.ending(idp.EndUser, u.ID)
				if _, err := h.Commit(h.ctx, idp.Change{Ending: e}); err != nil {
					return err
				}
				cut.Store(true)
				var err error
				ended, err = h.Receipt(h.ctx, e.ReceiptID)
				return err
			}
			for {
				late := cut.Load()
				s := h.newSession(h.proof(u))
				err := h.StartSession(h.ctx, s, string(s.ID), "")
				p, acc := h.participant(s, a)
				switch {
				case err != nil:
				case i%3 == 0:
					err = h.SpendCode(h.ctx, h.newFamily(s, a), p, acc)
				case i%3 == 1:
					if _, _, err = h.RecordAnswer(h.ctx, s.Proof, h.once("a"+string(s.ID)), p, acc); err == nil {
						_, _, err = h.RecordAnswer(h.ctx, s.Proof, h.once("b"+string(s.ID)), p, acc)
					}
				default:
					_, _, err = h.RecordAssertion(h.ctx, s.Proof, p, acc)
				}
				switch {
				case idp.IsKind(err, idp.Unauthenticated):
					return nil
				case err != nil:
					return err
				case late:
					return fmt.Errorf("a pass was written after the suspension had returned")
				}
				mu.Lock()
				issued[s.ID] = true
				mu.Unlock()
			}
		})
		listed := map[idp.SessionID]bool{}
		for after := ""; ; {
			page, next, err := h.CutParticipants(h.ctx, ended, after, 500)
			h.ok(err)
			for _, p := range page {
				listed[p.SessionID] = true
			}
			if after = next; next == "" {
				break
			}
		}
		for id := range issued {
			if !listed[id] {
				h.Fatalf("session %s got an answer and is not on the receipt", id)
			}
		}
		u = h.restore(u.ID)
	}
}

// testStorm suspends a user whose sessions are being used without pause.
func testStorm(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	h.grant(u, a)
	s := h.session(u)
	ctx, stop := context.WithCancel(h.ctx)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for ctx.Err() == nil {
				p, acc := h.participant(s, a)
				if _, _, err := h.RecordAssertion(ctx, s.Proof, p, acc); idp.IsKind(err, idp.Unauthenticated) {
					return
				}
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	_, err := h.Commit(h.ctx, idp.Change{Ending: h.ending(idp.EndUser, u.ID)})
	stop()
	wg.Wait()
	h.ok(err)
}

func testClaimRace(h *house) {
	h.receiptWith(200, 4)
	var mu sync.Mutex
	held := map[idp.DeliveryID]string{}
	h.parallel(8, func(i int) error {
		worker := fmt.Sprint("w", i)
		for range 5 {
			got, err := h.ClaimDeliveries(h.ctx, worker, h.now, time.Minute, 10, 30)
			if err != nil {
				return err
			}
			mu.Lock()
			for _, d := range got {
				if other, taken := held[d.ID]; taken {
					err = fmt.Errorf("%s and %s hold the same delivery", worker, other)
				}
				held[d.ID] = worker
			}
			mu.Unlock()
			if err != nil {
				return err
			}
		}
		return nil
	})
	h.same(4*30, len(held)) // never more than 30 of an app
	h.ok(h.ReleaseClaims(h.ctx, "w0"))
}

// testGrantRace lets code exchanges and sign-ons run while what they are
// granted by comes to its end, in each of the ways it can: a family that got an
// answer is dead from then on, also when the app is granted again, and nothing
// is written once the ending has returned.
func testGrantRace(h *house) {
	u, a := h.user("ada"), h.app("wiki")
	staff := idp.Group{ID: idp.NewGroupID(), Name: "staff", CreatedAt: h.now}
	h.commit(idp.Change{Groups: []idp.Group{staff}})
	member := idp.Membership{GroupID: staff.ID, UserID: u.ID, SinceAt: h.now}
	h.commit(idp.Change{Members: []idp.Membership{member}})
	s := h.session(u)
	for range 4 {
		own := h.grant(u, a)
		h.overlap(s, a, idp.Ending{UserID: u.ID, AppID: a.ID}, idp.Change{RemoveGrants: []idp.GrantID{own.ID}})

		through := idp.Grant{ID: idp.NewGrantID(), AppID: a.ID, GroupID: staff.ID, CreatedAt: h.now}
		h.commit(idp.Change{Grants: []idp.Grant{through}})
		h.overlap(s, a, idp.Ending{UserID: u.ID, GroupID: staff.ID}, idp.Change{RemoveMembers: []idp.Membership{member}})
		h.commit(idp.Change{Members: []idp.Membership{member}})

		h.overlap(s, a, idp.Ending{AppID: a.ID, GroupID: staff.ID}, idp.Change{RemoveGrants: []idp.GrantID{through.ID}})
	}
}

// overlap ends what covers the session in the app while it is being used, and
// grants the app again afterwards, for a moment.
func (h *house) overlap(s idp.Session, a idp.App, e idp.Ending, c idp.Change) {
	h.Helper()
	var (
		cut    atomic.Bool
		mu     sync.Mutex
		issued []idp.TokenFamily
	)
	h.parallel(9, func(i int) error {
		if i == 0 {
			time.Sleep(5 * time.Millisecond)
			e.Kind, e.At, e.Key, e.ReceiptID = idp.EndGrant, h.now, string(idp.NewReceiptID()), idp.NewReceiptID()
			c.Ending = &e
			_, err := h.Commit(h.ctx, c)
			cut.Store(true)
			return err
		}
		for {
			late := cut.Load()
			f := h.newFamily(s, a)
			f.Offline = true
			p, acc := h.participant(s, a)
			var err error
			switch i % 3 {
			case 0:
				_, _, err = h.RecordAssertion(h.ctx, s.Proof, p, acc)
			case 1:
				_, _, err = h.RecordAnswer(h.ctx, s.Proof, h.once(string(f.ID)), p, acc)
			default:
				err = h.SpendCode(h.ctx, f, p, acc)
			}
			switch {
			case idp.IsKind(err, idp.Unauthenticated):
				return nil
			case err != nil:
				return err
			case late:
				return fmt.Errorf("a pass was written after the end of its grant had returned")
			case i%3 == 2:
				mu.Lock()
				issued = append(issued, f)
				mu.Unlock()
			}
		}
	})
	again := h.grant(idp.User{ID: s.UserID}, a)
	for _, f := range issued {
		if h.alive(f) {
			h.Errorf("a family of before the end of its grant (of user %q, group %q) lives again", e.UserID, e.GroupID)
		}
		_, err := h.Rotate(h.ctx, f.ID, f.Proof, f.Seq, h.now, time.Minute)
		h.is(err, idp.Unauthenticated)
	}
	h.endGrant(idp.Ending{UserID: s.UserID, AppID: a.ID}, idp.Change{RemoveGrants: []idp.GrantID{again.ID}})
}

// testAppStorm ends what a group has in an app that many people use without
// pause, and then all that the app holds.
func testAppStorm(h *house) {
	a := h.app("wiki")
	staff := idp.Group{ID: idp.NewGroupID(), Name: "staff", CreatedAt: h.now}
	h.commit(idp.Change{Groups: []idp.Group{staff}})
	ctx, stop := context.WithCancel(h.ctx)
	var wg sync.WaitGroup
	for i := range 32 {
		u := h.user(fmt.Sprint("u", i))
		h.grant(u, a)
		s := h.session(u)
		wg.Go(func() {
			for ctx.Err() == nil {
				p, acc := h.participant(s, a)
				if _, _, err := h.RecordAssertion(ctx, s.Proof, p, acc); idp.IsKind(err, idp.Unauthenticated) {
					return
				}
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	_, err := h.Commit(h.ctx, idp.Change{Ending: &idp.Ending{Kind: idp.EndGrant, GroupID: staff.ID, AppID: a.ID, Key: "grant", ReceiptID: idp.NewReceiptID(), At: h.now}})
	_, err2 := h.Commit(h.ctx, idp.Change{Ending: &idp.Ending{Kind: idp.EndApp, AppID: a.ID, Key: "app", ReceiptID: idp.NewReceiptID(), At: h.now}})
	stop()
	wg.Wait()
	h.ok(err)
	h.ok(err2)
}
