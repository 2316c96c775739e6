package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/idp"
)

// Replay makes cuts again that were made after the backup which the house was
// restored from, and says of each what became of it. A cut carries its wish:
// making it again twice makes it once. What ended passes alone needs nothing,
// since a restore ends all of them. An error is about the house, not a cut.
func (d *Directory) Replay(ctx context.Context, cuts []idp.Cut) ([]idp.Replay, error) {
	list := make([]idp.Replay, 0, len(cuts))
	for _, c := range cuts {
		done := idp.Replay{Cut: c}
		var err error
		if done.Outcome, done.Detail, err = d.replay(ctx, c); err != nil {
			return list, fmt.Errorf("make cut %d again: %w", c.N, err)
		}
		list = append(list, done)
	}
	return list, nil
}

func (d *Directory) replay(ctx context.Context, c idp.Cut) (idp.ReplayOutcome, string, error) {
	switch c.Kind {
	case idp.EndUser:
		return d.replaySuspension(ctx, c)
	case idp.EndGrant:
		return d.replayGrant(ctx, c)
	case idp.EndKey:
		return d.replayRevocation(ctx, c)
	case idp.EndPasses:
		if strings.HasPrefix(c.Key, "password/") {
			return idp.ReplayedByHand, "The password was changed after the backup, and the older one works again. If that one was known to others, have a new one set.", nil
		}
	}
	return idp.ReplayedNothing, "", nil
}

func (d *Directory) replaySuspension(ctx context.Context, c idp.Cut) (idp.ReplayOutcome, string, error) {
	u, err := d.Store.User(ctx, c.UserID)
	switch {
	case idp.IsKind(err, idp.NotFound):
		return idp.ReplayedUnknown, "This person was added after the backup and is not there.", nil
	case err != nil:
		return "", "", err
	case u.Status == idp.UserSuspended:
		return idp.ReplayedBefore, "", nil
	}
	e := d.event(ctx, "user.suspend")
	e.UserID = u.ID
	_, err = d.end(ctx, idp.Change{Ending: &idp.Ending{
		Kind: idp.EndUser, UserID: u.ID, Key: replayKey(c), Reason: c.Reason, At: d.now(),
	}}, e)
	if idp.IsKind(err, idp.Denied) {
		return idp.ReplayedByHand, "This is the last owner in the backup. Make someone else an owner, then suspend them again.", nil
	}
	if err != nil {
		return "", "", err
	}
	return idp.ReplayedAgain, "If they were restored after that, restore them again.", nil
}

func (d *Directory) replayRevocation(ctx context.Context, c idp.Cut) (idp.ReplayOutcome, string, error) {
	keys, err := d.Store.SigningKeys(ctx)
	if err != nil {
		return "", "", err
	}
	i := slices.IndexFunc(keys, func(k idp.SigningKey) bool { return k.ID == c.KeyID })
	if i < 0 || !keys[i].RevokedAt.IsZero() {
		return idp.ReplayedBefore, "", nil
	}
	if _, err := d.EndKey(ctx, c.KeyID, c.Reason); err != nil {
		return "", "", err
	}
	return idp.ReplayedAgain, "", nil
}

// replayKey is a wish of its own: after a restore the epochs that name wishes
// are given once more.
func replayKey(c idp.Cut) string { return fmt.Sprintf("replay:%s:%d:%s", c.Era, c.N, c.Key) }

func (d *Directory) replayGrant(ctx context.Context, c idp.Cut) (idp.ReplayOutcome, string, error) {
	if strings.HasPrefix(c.Key, "until:") {
		return idp.ReplayedNothing, "", nil // it ends by itself again
	}
	if c.AppID == "" {
		return d.replayLeave(ctx, c)
	}
	grants, err := d.Store.Grants(ctx, c.AppID)
	if err != nil && !idp.IsKind(err, idp.NotFound) {
		return "", "", err
	}
	for _, g := range grants {
		if g.UserID != c.UserID || g.GroupID != c.GroupID {
			continue
		}
		if _, err := d.endGrant(ctx, g, "grant.remove", idp.Change{
			RemoveGrants: []idp.GrantID{g.ID}, Ending: &idp.Ending{Key: replayKey(c), Reason: c.Reason},
		}); err != nil {
			return "", "", err
		}
		return idp.ReplayedAgain, "If the app was granted again after that, grant it again.", nil
	}
	return idp.ReplayedBefore, "", nil
}

func (d *Directory) replayLeave(ctx context.Context, c idp.Cut) (idp.ReplayOutcome, string, error) {
	groups, err := d.Store.GroupsOf(ctx, c.UserID)
	if err != nil && !idp.IsKind(err, idp.NotFound) {
		return "", "", err
	}
	for _, g := range groups {
		if g.ID != c.GroupID {
			continue
		}
		e, err := d.membership(ctx, "group.leave", c.GroupID, c.UserID)
		if err != nil {
			return "", "", err
		}
		_, err = d.end(ctx, idp.Change{
			RemoveMembers: []idp.Membership{{GroupID: c.GroupID, UserID: c.UserID}},
			Ending: &idp.Ending{
				Kind: idp.EndGrant, UserID: c.UserID, GroupID: c.GroupID, Key: replayKey(c), Reason: c.Reason, At: d.now(),
			},
		}, e)
		if err != nil {
			return "", "", err
		}
		return idp.ReplayedAgain, "If they joined again after that, add them again.", nil
	}
	return idp.ReplayedBefore, "", nil
}
