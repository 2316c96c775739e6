package store

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/idp"
)

// A house never loses its last active owner. The statement that would suspend
// or demote one writes NULL where no other is left, which no user may hold:
// everything is taken back. So that two do not count on each other, owners
// that are about to go queue for one lock, always after their own turn.
const (
	lastOwner = `role = 'owner' AND status = 'active' AND NOT EXISTS (
		SELECT 1 FROM users o WHERE o.role = 'owner' AND o.status = 'active' AND o.id <> users.id)`
	ownersTurn  = `SELECT pg_advisory_xact_lock(7305432219) FROM users WHERE id = $1 AND role = 'owner'`
	ungrantTurn = `SELECT pg_advisory_xact_lock(7305432221)`
	regrantTurn = `SELECT pg_advisory_xact_lock_shared(7305432221)`
)

func lastOwnerStays(cause error) error {
	return idp.Errorf(idp.Denied, "This is the last owner. Make someone else an owner first.").Because(cause)
}

// missing says what a NULL means that was refused in this column of this
// table.
func missing(table, column string, cause error) error {
	if table == "users" && (column == "role" || column == "status") {
		return lastOwnerStays(cause)
	}
	return fmt.Errorf("%w: %w", errMissing, cause)
}

// userTurns queue for everybody a change touches before it touches anyone, in
// one order for all changes.
func (s *Store) userTurns(c idp.Change) []step {
	ending := c.Ending != nil
	var steps []step
	if ending {
		e := c.Ending
		if ofAppAlone(*e) {
			steps = s.turn(takeTurn, e.AppID)
		} else {
			steps = s.turn(turnOfEnding, e.Kind, e.UserID, e.SessionID, e.FamilyID)
		}
	}
	for _, id := range touched(c) {
		steps = append(steps, s.turn(takeTurn, id)...)
	}
	if ending && c.Ending.Kind == idp.EndUser {
		steps = append(steps, s.turn(ownersTurn, c.Ending.UserID)...)
	}
	for _, u := range c.Users {
		if u.Version > 0 && u.Role != idp.RoleOwner {
			steps = append(steps, s.turn(ownersTurn, u.ID)...)
		}
	}
	if !ending && len(c.Users) > 0 {
		steps = append(steps, s.turn(namesTurn)...)
	}
	return append(steps, s.regrantTurns(c)...)
}

// touched is whose rows the change writes, and to whom it gives something: what
// is given is wholly before the end of what they had, or after it. In order,
// each once.
func touched(c idp.Change) []idp.UserID {
	var ids []idp.UserID
	for _, u := range c.Users {
		ids = append(ids, u.ID)
	}
	if c.Ending == nil {
		for _, g := range c.Grants {
			if g.UserID != "" {
				ids = append(ids, g.UserID)
			}
		}
		for _, m := range c.Members {
			ids = append(ids, m.UserID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// regrantTurns keep what grants an app, or lets somebody into a group, apart
// from the end of a group's grant in the same way.
func (s *Store) regrantTurns(c idp.Change) []step {
	switch {
	case c.Ending != nil && c.Ending.Kind == idp.EndGrant && c.Ending.UserID == "":
		return s.turn(ungrantTurn)
	case c.Ending == nil && len(c.Grants)+len(c.Members) > 0:
		return s.turn(regrantTurn)
	}
	return nil
}

// ofAppAlone reports whether what is ended is everybody's, in one app.
func ofAppAlone(e idp.Ending) bool {
	return e.Kind == idp.EndApp || e.Kind == idp.EndGrant && e.UserID == ""
}

func byID(users []idp.User) []idp.User {
	return slices.SortedFunc(slices.Values(users), func(a, b idp.User) int { return strings.Compare(string(a.ID), string(b.ID)) })
}
