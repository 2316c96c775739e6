package redis

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/sessions"
)

// Backend is sql with copies in front of sessions and token families. What
// issues, spends or ends goes to sql, and is answered when it is in force.
func (r *Redis) Backend(sql sessions.Backend) sessions.Backend {
	return &backend{sql, r, &Apps{Redis: r}}
}

type backend struct {
	sessions.Backend
	redis *Redis
	apps  *Apps // their copies alone
}

// SessionByHash answers from the copy, or asks SQL and keeps a copy of what
// stands.
func (b *backend) SessionByHash(ctx context.Context, hash string) (idp.Session, idp.Standing, error) {
	name, id := sessionName(hash)
	if scopes, body, ok := b.redis.read(ctx, name); ok {
		if s, ok := readSession(scopes, body, id); ok {
			return s, idp.Standing{Status: idp.UserActive, Epoch: s.Epoch, Generation: s.Generation}, nil
		}
	}
	s, standing, err := b.Backend.SessionByHash(ctx, hash)
	if err == nil && s.Stands(standing, s.CreatedAt) && s.EndedAt.IsZero() {
		b.redis.write(ctx, name, standing.N, writeSession(s, id), time.Until(s.ExpiresAt), ofUser(s.UserID), ofSession(s.ID))
	}
	return s, standing, err
}

// TouchSession touches in SQL and drops the copy, which says less than SQL now.
func (b *backend) TouchSession(ctx context.Context, hash string, at time.Time) error {
	if err := b.Backend.TouchSession(ctx, hash, at); err != nil {
		return err
	}
	name, _ := sessionName(hash)
	b.redis.forget(ctx, name)
	return nil
}

// RenewSession answers when no node takes the old secret any more.
func (b *backend) RenewSession(ctx context.Context, s idp.Session, hash string, signIn idp.SignInID) (idp.Committed, error) {
	done, err := b.Backend.RenewSession(ctx, s, hash, signIn)
	if err == nil {
		b.redis.InForce(ctx, done, idp.Ending{Kind: idp.LogChange, UserID: s.UserID, SessionID: s.ID})
	}
	return done, err
}

// UseLink answers when what it changed is in force.
func (b *backend) UseLink(ctx context.Context, id idp.LinkID, now time.Time, change idp.Change) (idp.Committed, error) {
	done, err := b.Backend.UseLink(ctx, id, now, change)
	if err == nil {
		b.redis.force(ctx, done, change)
	}
	return done, err
}

// StartOver answers when what it ended is so on every node.
func (b *backend) StartOver(ctx context.Context, d idp.KnownDevice, l idp.Link, hash string, change idp.Change) (idp.Committed, error) {
	done, err := b.Backend.StartOver(ctx, d, l, hash, change)
	if err == nil {
		b.redis.force(ctx, done, change)
	}
	return done, err
}

// sessionName is the key of a session's copy, and the part of the hash that
// the copy itself says again: an answer to another question is none.
func sessionName(hash string) (name, id string) {
	raw, err := hex.DecodeString(hash)
	if err != nil {
		raw = []byte(hash)
	}
	text := base64.RawURLEncoding.EncodeToString(raw)
	return "s:" + text, text[:min(16, len(text))]
}

// remembered and vouched are more lines of the copy of a session, in a remembered
// browser and in one for which something speaks: who does not know them has a miss,
// and asks SQL.
const (
	remembered = "remembered"
	vouched    = "vouched "
)

// A session's copy is its fields, one line each; only what the gate needs, and
// the IDs only as what the copy hangs on: there are a million of them.
func writeSession(s idp.Session, id string) string {
	n := func(v int64) string { return strconv.FormatInt(v, 36) }
	f := []string{
		id, n(s.Epoch), s.Generation, strings.Join(s.Methods, " "),
		n(s.AuthTime.UnixMicro()), n(s.CreatedAt.UnixMicro()), n(s.LastSeenAt.UnixMicro()), n(s.ExpiresAt.UnixMicro()),
	}
	if s.Remembered {
		f = append(f, remembered)
	}
	if s.Vouched != idp.VouchNone {
		f = append(f, vouched+n(int64(s.Vouched)))
	}
	return strings.Join(f, "\n")
}

func readSession(scopes []string, body, id string) (s idp.Session, ok bool) {
	f := strings.Split(body, "\n")
	was, by, known := moreOf(f)
	if len(scopes) != 2 || !known || subtle.ConstantTimeCompare([]byte(f[0]), []byte(id)) != 1 {
		return s, false
	}
	var n [5]int64
	for i, at := range []int{1, 4, 5, 6, 7} {
		var err error
		if n[i], err = strconv.ParseInt(f[at], 36, 64); err != nil {
			return s, false
		}
	}
	at := func(i int) time.Time { return time.UnixMicro(n[i]).UTC() }
	s = idp.Session{
		ID:      idp.SessionID(strings.TrimPrefix(scopes[1], "s:")),
		Proof:   idp.Proof{UserID: idp.UserID(strings.TrimPrefix(scopes[0], "u:")), Epoch: n[0], Generation: f[2]},
		Methods: strings.Fields(f[3]), AuthTime: at(1), CreatedAt: at(2), LastSeenAt: at(3), ExpiresAt: at(4),
		Remembered: was, Vouched: by,
	}
	return s, true
}

// moreOf reads the lines beyond the eight that every copy has; known is false where
// there are others.
func moreOf(f []string) (was bool, by idp.Vouch, known bool) {
	if len(f) < 8 {
		return false, 0, false
	}
	f = f[8:]
	if len(f) > 0 && f[0] == remembered {
		was, f = true, f[1:]
	}
	if len(f) == 0 {
		return was, idp.VouchNone, true
	}
	digits, ok := strings.CutPrefix(f[0], vouched)
	n, err := strconv.ParseInt(digits, 36, 64)
	return was, idp.Vouch(n), ok && err == nil && len(f) == 1
}

// familyLife bounds a copy of a family: access tokens are short-lived.
const familyLife = time.Hour

// FamilyByID answers from the copy while time alone has changed nothing, or
// asks SQL and keeps a copy of what is alive.
func (b *backend) FamilyByID(ctx context.Context, id idp.TokenFamilyID, now time.Time) (idp.FamilyTruth, error) {
	if _, body, ok := b.redis.read(ctx, familyName(id)); ok {
		if t, ok := readFamily(body, id, now); ok {
			return t, nil
		}
	}
	t, err := b.Backend.FamilyByID(ctx, id, now)
	if err == nil {
		err = b.keepFamily(ctx, t, now)
	}
	return t, err
}

// FamilyOfTokens reads the copy of the family, and one that says that none of the
// tokens was ended, in one round trip. Ending one is about the family: neither
// copy outlives it.
func (b *backend) FamilyOfTokens(ctx context.Context, id idp.TokenFamilyID, tokens []idp.TokenID, now time.Time) (idp.FamilyTruth, error) {
	name, body := tokensName(id, tokens)
	if copies := b.redis.readAll(ctx, familyName(id), name); copies != nil && bodyOf(copies[1]) == body {
		if t, ok := readFamily(bodyOf(copies[0]), id, now); ok {
			return t, nil
		}
	}
	t, err := b.Backend.FamilyOfTokens(ctx, id, tokens, now)
	if err == nil && !t.TokenEnded {
		b.redis.write(ctx, name, t.Standing.N, body, familyLife, ofFamily(id))
		err = b.keepFamily(ctx, t, now)
	}
	return t, err
}

// tokensName is the key of the copy that says that none of a family's tokens was
// ended, and what it says.
func tokensName(family idp.TokenFamilyID, tokens []idp.TokenID) (name, body string) {
	body = string(family)
	for _, t := range tokens {
		body += ":" + string(t)
	}
	return "x:" + body, body
}

// FamilyAndApp reads both copies in one round trip.
func (b *backend) FamilyAndApp(ctx context.Context, id idp.TokenFamilyID, app idp.AppID, now time.Time) (idp.FamilyTruth, idp.App, error) {
	if copies := b.redis.readAll(ctx, familyName(id), appIDName(app)); copies != nil {
		t, ok := readFamily(bodyOf(copies[0]), id, now)
		of, known := b.apps.decode(appIDName(app), bodyOf(copies[1]))
		if ok && known && of.App.ID == t.Family.AppID {
			return t, of.App, nil
		}
	}
	t, of, err := b.Backend.FamilyAndApp(ctx, id, app, now)
	if err == nil {
		err = b.keepFamily(ctx, t, now)
	}
	if err == nil {
		err = b.apps.keep(ctx, appIDName(of.ID), idp.AppTruth{App: of}, t.Standing.N)
	}
	return t, of, err
}

func familyName(id idp.TokenFamilyID) string { return "f:" + string(id) }

// readFamily reads a copy, while time alone has changed nothing.
func readFamily(body string, id idp.TokenFamilyID, now time.Time) (t idp.FamilyTruth, ok bool) {
	ok = json.Unmarshal([]byte(body), &t) == nil && t.Family.ID == id && (t.Until.IsZero() || now.Before(t.Until))
	return t, ok
}

// keepFamily keeps a copy of what is alive.
func (b *backend) keepFamily(ctx context.Context, t idp.FamilyTruth, now time.Time) error {
	if b.redis.keeps() && t.Family.Stands(t.Standing, t.Family.CreatedAt) && t.Family.RevokedAt.IsZero() && t.SessionAlive &&
		t.Family.AppEpoch == t.AppEpoch && t.Granted {
		life := familyLife
		if !t.Until.IsZero() {
			life = min(life, t.Until.Sub(now))
		}
		body, err := json.Marshal(t)
		if err != nil {
			return err
		}
		b.redis.write(ctx, familyName(t.Family.ID), t.Standing.N, string(body), life,
			ofUser(t.Family.UserID), ofSession(t.Family.SessionID), ofFamily(t.Family.ID), ofApp(t.Family.AppID))
	}
	return nil
}
