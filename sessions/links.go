package sessions

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	// LinkTTL is how long an invitation works: there is nothing behind it yet.
	LinkTTL = 72 * time.Hour
	// ResetTTL is how long a link works that opens an account somebody has, or
	// makes one more owner; RecoveryTTL one that anybody can have mailed to a
	// person.
	ResetTTL    = time.Hour
	RecoveryTTL = 15 * time.Minute
)

func linkTTL(p idp.LinkPurpose) time.Duration {
	switch p {
	case idp.LinkRecovery:
		return RecoveryTTL
	case idp.LinkOwner, idp.LinkReset:
		return ResetTTL
	}
	return LinkTTL
}

// NewLink issues a one-time link for a user, or for one who becomes an owner by
// it (proof with the house's generation alone). The raw secret is returned and
// never stored.
func (g *Gate) NewLink(ctx context.Context, proof idp.Proof, purpose idp.LinkPurpose) (raw string, l idp.Link, err error) {
	return g.NewLinkWith(ctx, proof, purpose, idp.Change{})
}

// NewLinkWith is NewLink, and makes the change (events, mails) that goes with
// the link: both or neither.
func (g *Gate) NewLinkWith(ctx context.Context, proof idp.Proof, purpose idp.LinkPurpose, with idp.Change) (raw string, l idp.Link, err error) {
	now := idp.Time(g.Now())
	l = idp.Link{ID: idp.NewLinkID(), Proof: proof, Purpose: purpose, CreatedAt: now, ExpiresAt: now.Add(linkTTL(purpose))}
	raw = newSecret()
	if err := g.Backend.CreateLink(ctx, l, Hash(raw), with); err != nil {
		return "", idp.Link{}, err
	}
	return raw, l, nil
}

// Link accepts the raw secret of an unused link without spending it, to show
// its page.
func (g *Gate) Link(ctx context.Context, raw string) (idp.Link, error) {
	if !plausible(raw) {
		return idp.Link{}, linkRefused("no link secret")
	}
	l, standing, err := g.Backend.LinkByHash(ctx, Hash(raw))
	switch {
	case idp.IsKind(err, idp.NotFound):
		return idp.Link{}, linkRefused("unknown link")
	case err != nil:
		return idp.Link{}, err
	case !l.UsedAt.IsZero():
		return idp.Link{}, linkRefused("the link was used")
	case !g.Now().Before(l.ExpiresAt):
		return idp.Link{}, linkRefused("the link has expired")
	case l.UserID == "" && !standing.Keeps(l.Generation, l.CreatedAt),
		l.UserID != "" && !l.Stands(standing, l.CreatedAt):
		return idp.Link{}, linkRefused("the link's proof does not stand")
	}
	return l, nil
}

func linkRefused(why string) error {
	return (&idp.Error{Kind: idp.Unauthenticated, Detail: "This link no longer works: it was used, has expired, or was replaced. Ask an admin for a new one."}).Because(reason(why))
}

// UseLink spends a link once and makes the change that it allows (a new
// password, the first owner), both or neither. It answers idp.Unauthenticated
// for a link that no longer works, idp.Conflict for a first-owner link when
// there is an owner already.
func (g *Gate) UseLink(ctx context.Context, l idp.Link, change idp.Change) (idp.Committed, error) {
	done, err := g.Backend.UseLink(ctx, l.ID, idp.Time(g.Now()), change)
	if idp.IsKind(err, idp.Unauthenticated) {
		return idp.Committed{}, linkRefused("the link was spent meanwhile")
	}
	return done, err
}

// StartOver makes a change that ends everything that the person of a known device holds
// (its Ending, idp.EndPasses), and gives them, who have asked for it in that browser, what
// they begin anew with: a link by which they set a password, and the browser, which
// stays known by the secret it has. All of it, or nothing: nobody who ends what is
// theirs is left without a way in. It answers idp.Unauthenticated where the device's proof
// does not stand.
func (g *Gate) StartOver(ctx context.Context, d idp.KnownDevice, change idp.Change) (raw string, done idp.Committed, err error) {
	now := idp.Time(g.Now())
	l := idp.Link{ID: idp.NewLinkID(), Proof: d.Proof, Purpose: idp.LinkReset, CreatedAt: now, ExpiresAt: now.Add(ResetTTL)}
	raw = newSecret()
	if done, err = g.Backend.StartOver(ctx, d, l, Hash(raw), change); err != nil {
		return "", idp.Committed{}, err
	}
	return raw, done, nil
}

// NewAPIToken issues an API token of a user. ttl zero: no end of its own.
func (g *Gate) NewAPIToken(ctx context.Context, proof idp.Proof, name string, ttl time.Duration) (raw string, t idp.APIToken, err error) {
	now := idp.Time(g.Now())
	t = idp.APIToken{ID: idp.NewAPITokenID(), Proof: proof, Name: name, CreatedAt: now}
	if ttl > 0 {
		t.ExpiresAt = now.Add(ttl)
	}
	raw = newSecret()
	if err := g.Backend.CreateAPIToken(ctx, t, Hash(raw)); err != nil {
		return "", idp.APIToken{}, err
	}
	return raw, t, nil
}

// APIToken accepts the raw secret of an API token and returns it with its
// user, whose role is that of this very moment.
func (g *Gate) APIToken(ctx context.Context, raw string) (idp.APIToken, idp.User, error) {
	if !plausible(raw) {
		return idp.APIToken{}, idp.User{}, refused("no API token")
	}
	t, u, standing, err := g.Backend.APITokenByHash(ctx, Hash(raw))
	switch {
	case err != nil:
		return idp.APIToken{}, idp.User{}, unknown(err, "unknown API token")
	case !t.Stands(standing, t.CreatedAt):
		return idp.APIToken{}, idp.User{}, refused("the API token's proof does not stand")
	case !t.RevokedAt.IsZero():
		return idp.APIToken{}, idp.User{}, refused("the API token was revoked")
	case !t.ExpiresAt.IsZero() && !g.Now().Before(t.ExpiresAt):
		return idp.APIToken{}, idp.User{}, refused("the API token has expired")
	}
	return t, u, nil
}
