package sessions

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"time"

	"gatehouse/idp"
)

// Gate accepts and issues passes. Its methods are safe for concurrent use.
type Gate struct {
	Backend Backend
	Now     func() time.Time
	// Idle is how long a session lives without use (it ends between Idle and
	// 1.1 times Idle after the last use); Absolute how long at most.
	Idle, Absolute time.Duration
	// Policy is what the house says now in place of Idle and Absolute; nil: they
	// stand. A shorter Idle is that of every session, a shorter Absolute that of
	// sessions that begin.
	Policy func() idp.Policy
}

func (g *Gate) policy() idp.Policy {
	if g.Policy == nil {
		return idp.Policy{}
	}
	return g.Policy()
}

func (g *Gate) lengths() (idle, absolute time.Duration) {
	return g.policy().Lengths(g.Idle, g.Absolute)
}

// refused is the one answer for a pass that is not good, whatever the reason:
// the reason is in the cause, for the log.
func refused(why string) error {
	return (&idp.Error{Kind: idp.Unauthenticated, Detail: "You are not signed in, or no longer. Sign in again."}).Because(reason(why))
}

type reason string

func (r reason) Error() string { return string(r) }

// Hash returns what is stored of a raw secret: hex SHA-256. The secrets are
// 256 random bits, so no slow hash is needed.
func Hash(raw string) string {
	sum := sha256.Sum256([]byte(raw))
	return hex.EncodeToString(sum[:])
}

// newSecret returns 256 random bits as base64url.
func newSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// plausible keeps absurd input away from the hash and SQL.
func plausible(raw string) bool { return len(raw) >= 20 && len(raw) <= 128 }

// Session accepts the raw secret of a session. It answers
// idp.Unauthenticated for one that is unknown, ended, expired, idle too long,
// or whose user's proof no longer stands; idp.Unavailable stays what it is.
func (g *Gate) Session(ctx context.Context, raw string) (idp.Session, error) {
	if !plausible(raw) {
		return idp.Session{}, refused("no session secret")
	}
	hash := Hash(raw)
	s, standing, err := g.Backend.SessionByHash(ctx, hash)
	if err != nil {
		return idp.Session{}, unknown(err, "unknown session")
	}
	now := g.Now()
	if err := g.judgeSession(s, standing, now); err != nil {
		return idp.Session{}, err
	}
	// Written at most once per tenth of the idle limit, so that reading is
	// the rule and writing the exception.
	if idle, _ := g.lengths(); now.Sub(s.LastSeenAt) >= idle/10 {
		if err := g.Backend.TouchSession(ctx, hash, idp.Time(now)); err != nil {
			return idp.Session{}, err
		}
		s.LastSeenAt = idp.Time(now)
	}
	return s, nil
}

func (g *Gate) judgeSession(s idp.Session, standing idp.Standing, now time.Time) error {
	idle, _ := g.lengths()
	switch {
	case !s.Stands(standing, s.CreatedAt):
		return refused("the session's proof does not stand")
	case !s.EndedAt.IsZero():
		return refused("the session has ended")
	case !now.Before(s.ExpiresAt):
		return refused("the session has expired")
	// The last tenth: LastSeenAt may lie that far behind the last use.
	case now.Sub(s.LastSeenAt) >= idle+idle/10:
		return refused("the session was idle too long")
	}
	return nil
}

// unknown turns the backend's idp.NotFound into the uniform refusal.
func unknown(err error, why string) error {
	if idp.IsKind(err, idp.NotFound) {
		return refused(why)
	}
	return err
}

// Start issues a session from a SignIn whose factors are proven, and marks the
// SignIn done, once. The raw secret is returned and never stored. address and
// userAgent describe the browser.
func (g *Gate) Start(ctx context.Context, in idp.SignIn, address, userAgent string) (raw string, s idp.Session, err error) {
	switch {
	case in.UserID == "" || len(in.Methods) == 0:
		return "", idp.Session{}, refused("nothing was proven in this sign-in")
	case in.Renews != "":
		return "", idp.Session{}, refused("this sign-in renews a session and starts none")
	}
	now := idp.Time(g.Now())
	_, absolute := g.lengths()
	s = idp.Session{
		ID:         idp.NewSessionID(),
		Proof:      in.Proof,
		AuthTime:   in.AuthTime,
		Methods:    in.Methods,
		CreatedAt:  now,
		LastSeenAt: now,
		ExpiresAt:  now.Add(absolute),
		Address:    address,
		UserAgent:  clip(userAgent, 256),
		Remembered: in.Remember == idp.RememberDone,
		Vouched:    in.Vouched,
	}
	raw = newSecret()
	if err := g.Backend.StartSession(ctx, s, Hash(raw), in.ID); err != nil {
		return "", idp.Session{}, err
	}
	return raw, s, nil
}

// Renew issues a new secret to a live session whose person has proven
// themselves anew in a SignIn, and marks the SignIn done, once. The old secret
// is dead; the session, its participants and what hangs on it live on. It
// answers idp.Unauthenticated for a session of another person or proof, or one
// that has ended meanwhile.
func (g *Gate) Renew(ctx context.Context, in idp.SignIn, s idp.Session) (raw string, renewed idp.Session, err error) {
	switch {
	case in.UserID == "" || len(in.Methods) == 0 || in.Proof != s.Proof:
		return "", idp.Session{}, refused("the sign-in is not of this session's person")
	case in.Renews != "" && in.Renews != s.ID:
		return "", idp.Session{}, refused("the sign-in renews another session")
	}
	now := idp.Time(g.Now())
	_, absolute := g.lengths()
	s.AuthTime, s.Methods, s.LastSeenAt = in.AuthTime, in.Methods, now
	if in.Renews == "" { // a step-up alone is no sign-in, and no longer life
		s.ExpiresAt = now.Add(absolute)
	}
	s.Remembered, s.Vouched = in.Remember == idp.RememberDone, in.Vouched
	raw = newSecret()
	if _, err := g.Backend.RenewSession(ctx, s, Hash(raw), in.ID); err != nil {
		return "", idp.Session{}, err
	}
	return raw, s, nil
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
