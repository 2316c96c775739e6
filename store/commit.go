package store

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"gatehouse/idp"
)

// Commit makes a change so, all of it or nothing. What would leave the house
// without an active owner is idp.Denied. A row decided on a version
// that is no longer the newest is idp.Conflict; so is a name that is taken. A
// change of what copies may say takes a number of the log, too.
//
// A change with an ending always wins: no version is checked, and the same
// Ending.Key again answers what was committed then. Only that a session ran out
// is idp.Conflict where the session was renewed meanwhile. An ending of what does
// not exist is idp.NotFound. When Commit has returned success the ending is
// durable; when it has answered idp.Unavailable the ending may yet come into
// force, and the same key tells.
func (s *Store) Commit(ctx context.Context, c idp.Change) (idp.Committed, error) {
	return s.commit(ctx, nil, c)
}

// commit makes the change so in one transaction with the steps before it.
func (s *Store) commit(ctx context.Context, before []step, c idp.Change) (idp.Committed, error) {
	c.Users = byID(c.Users)
	if c.Ending != nil {
		return s.end(ctx, before, c)
	}
	now := idp.Time(s.Now())
	steps := slices.Concat(before, s.userTurns(c), s.changeSteps(c, now))
	if e, told := changed(c); told {
		e.Key, e.Actor, e.At = newWish(), idp.ActorOf(ctx), now
		n, err := s.db.log(ctx, steps, logRow{ending: e})
		if err != nil {
			return idp.Committed{}, s.wrap("commit", err)
		}
		return s.committed(n, ""), nil
	}
	err := s.tx(ctx, "commit", func(r runner) error { return r.batch(ctx, steps) })
	if err != nil {
		return idp.Committed{}, err
	}
	return idp.Committed{At: idp.Time(s.Now())}, nil
}

// changed says of whom copies may now say what is no longer so: of one user,
// of one app, or (neither) of anybody. Nobody has a copy of what is new.
func changed(c idp.Change) (e idp.Ending, told bool) {
	users, apps := map[idp.UserID]bool{}, map[idp.AppID]bool{}
	for _, u := range c.Users {
		if u.Version > 0 {
			users[u.ID] = true
		}
	}
	for _, m := range slices.Concat(c.Members, c.RemoveMembers) {
		users[m.UserID] = true
	}
	for _, a := range c.Apps {
		if a.Version > 0 {
			apps[a.ID] = true
		}
	}
	for _, g := range c.Grants {
		if g.UserID != "" {
			users[g.UserID] = true
		} else {
			apps[g.AppID] = true
		}
	}
	e.Kind = idp.LogChange
	if len(c.RemoveGrants) == 0 && len(users)+len(apps) == 1 {
		for id := range users {
			e.UserID = id
		}
		for id := range apps {
			e.AppID = id
		}
	}
	return e, len(users)+len(apps)+len(c.RemoveGrants) > 0
}

// newWish is the key of what is never wished for twice.
func newWish() string { return "once:" + rand.Text() }

// changeSteps are the rows of a change in the order in which they hang on
// each other, when everybody's turn has come. Users come first: their row is
// the lock that an issue waits for.
func (s *Store) changeSteps(c idp.Change, now time.Time) []step {
	var steps []step
	for _, u := range c.Users {
		steps = append(steps, userStep(u))
	}
	if c.Look != nil {
		steps = append(steps, lookStep(*c.Look))
	}
	if c.Policy != nil {
		steps = append(steps, policyStep(*c.Policy))
	}
	for _, g := range c.Groups {
		steps = append(steps, groupStep(g))
	}
	for _, a := range c.Apps {
		steps = append(append(append(steps, appStep(a)), secretSteps(a)...), refreshSteps(a)...)
	}
	for _, m := range c.RemoveMembers {
		steps = append(steps, do(deleteMember, m.GroupID, m.UserID))
	}
	for _, m := range c.Members {
		steps = append(steps, do(insertMember, m.GroupID, m.UserID, us(m.SinceAt)))
	}
	for _, id := range c.RemoveGrants {
		steps = append(steps, do(deleteGrant, id))
	}
	for _, g := range c.EndGrants {
		steps = append(steps, do(endGrant, g.ID, g.Version, us(now)))
	}
	for _, g := range c.Grants {
		if c.Ending != nil && g.Version > 0 {
			steps = append(steps, do(narrowGrant, g.ID, g.Role, us(g.FromAt), us(g.UntilAt), us(now)))
			continue
		}
		steps = append(steps, grantStep(g, now))
	}
	steps = append(steps, regrantedSteps(c, now)...)
	steps = append(steps, credentialSteps(c)...)
	for _, d := range c.ForgetDevices {
		steps = append(steps, do(forgetOtherDevices, d.UserID, d.ID))
	}
	for _, id := range c.UntrustDevices {
		steps = append(steps, do(untrustDevices, id))
	}
	for _, id := range c.EndLinks {
		steps = append(steps, do(endLinks, id, us(now)), do(endMailCodes, id, us(now)))
	}
	for _, t := range c.TurnKeys {
		steps = append(steps, turnStep(t))
	}
	for _, k := range c.SigningKeys {
		steps = append(steps, keyStep(k))
	}
	for _, r := range c.Reminders {
		steps = append(steps, reminderStep(r))
	}
	for _, a := range c.ReleaseAccounts {
		steps = append(steps, must(stale("account"), releaseAccount, a.ID, a.Subject))
	}
	for _, r := range c.KeysHad {
		steps = append(steps, do(sayKey, r.AppID, r.KeyID, us(r.SaidAt)))
	}
	for _, cn := range c.Consents {
		steps = append(steps, consentStep(cn))
	}
	for _, id := range c.RemoveConsents {
		steps = append(steps, do(deleteConsent, id))
	}
	for _, sc := range c.Schedules {
		steps = append(steps, scheduleStep(sc))
	}
	for _, id := range c.Supersede {
		steps = append(steps, do(supersede, id, us(now)))
	}
	return append(append(steps, s.mailSteps(c.Mails)...), eventSteps(c.Events)...)
}

// stale refuses a row that was decided on a version that is gone.
func stale(noun string) error {
	return idp.Errorf(idp.Conflict, "The %s was changed meanwhile. Look at it again and repeat.", noun)
}
