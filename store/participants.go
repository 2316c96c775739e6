package store

import (
	"cmp"
	"context"
	"time"

	"gatehouse/idp"
)

const (
	participantColumns = `p.session_id, p.app_id, p.user_id, p.session_index, p.name_id, p.name_id_format,
		p.name_qualifier, p.sp_name_qualifier, p.first_at, p.last_answer_at`

	liveParticipants = `SELECT ` + participantColumns + ` FROM participants p JOIN sessions s ON s.id = p.session_id
		JOIN users u ON u.id = s.user_id CROSS JOIN house h
		WHERE p.user_id = $1 AND ` + alive + ` ORDER BY p.session_id, p.app_id`
	participantsFound  = `SELECT ` + participantColumns + ` FROM participants p WHERE p.app_id = $1 AND `
	participantsNewest = ` ORDER BY p.last_answer_at DESC, p.session_id LIMIT 500`
	// Whoever an app knows by an account of that subject.
	participantsKnown = participantsFound + `p.user_id IN (SELECT a.user_id FROM accounts a WHERE a.app_id = $1 AND a.subject = $2)` + participantsNewest
	participantsNamed = participantsFound + `p.name_id = $2` + participantsNewest
	participantByKey  = `SELECT ` + participantColumns + ` FROM participants p WHERE p.session_id = $1 AND p.app_id = $2`

	// Who is written down is known by: $1 to $3 the proof, $4 the session, $5
	// now, $6 the app, $7 when it was found to be granted; then the account $8 to
	// $12 and the participant $13 to $19: the last is the epoch that the app had
	// when it asked.
	appAsks     = `EXISTS (SELECT 1 FROM apps a WHERE a.id = $6 AND a.epoch = `
	accountInto = `INSERT INTO accounts (id, app_id, user_id, subject, format, first_seen_at, last_seen_at) `
	accountKept = ` ON CONFLICT (user_id, app_id, format) DO UPDATE SET last_seen_at =
		CASE WHEN excluded.last_seen_at > accounts.last_seen_at THEN excluded.last_seen_at ELSE accounts.last_seen_at END`
	// A subject that follows what it is made from is replaced.
	accountFollows  = accountKept + `, subject = excluded.subject`
	accountReturned = ` RETURNING id, subject, first_seen_at, last_seen_at`

	participantInto = `INSERT INTO participants (session_id, app_id, user_id, session_index, name_id, name_id_format,
		name_qualifier, sp_name_qualifier, first_at, last_answer_at, app_epoch) `
	participantKept = ` ON CONFLICT (session_id, app_id) DO UPDATE SET last_answer_at =
		CASE WHEN excluded.last_answer_at > participants.last_answer_at THEN excluded.last_answer_at ELSE participants.last_answer_at END`
	participantReturned = ` RETURNING session_index, name_id, name_id_format, name_qualifier, sp_name_qualifier, first_at, last_answer_at`

	// The two databases differ in how much one statement can do.
	assertPostgres        = assertPostgresHead + accountKept + assertPostgresTail
	assertPostgresFollows = assertPostgresHead + accountFollows + assertPostgresTail
	assertPostgresHead    = issuablePostgres +
		`acc AS (` + accountInto + `SELECT $8, $6, $1, $9, $10, $11, $12 FROM ok WHERE ` + appAsks + `$19)`
	assertPostgresTail = accountReturned + `),
		part AS (` + participantInto + `SELECT $4, $6, $1, $13, acc.subject, $14, $15, $16, $17, $18, $19 FROM acc` + participantKept + participantReturned + `)
		SELECT acc.id, acc.subject, acc.first_seen_at, acc.last_seen_at, part.session_index, part.name_id,
		part.name_id_format, part.name_qualifier, part.sp_name_qualifier, part.first_at, part.last_answer_at FROM acc, part`
	assertAccountSQLite        = assertAccountHead + accountKept + accountReturned
	assertAccountSQLiteFollows = assertAccountHead + accountFollows + accountReturned
	assertAccountHead          = accountInto + `SELECT $8, $6, $1, $9, $10, $11, $12 FROM (` + issuable + `) WHERE ` + appAsks + `$13)`
	knownSQLite                = participantInto + `VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)` + participantKept
	participantSQLite          = knownSQLite + participantReturned

	familyInto = `INSERT INTO token_families (id, user_id, epoch, generation, app_id, session_id, scopes, nonce, auth_time,
		methods, offline, seq, rotated_at, created_at, expires_at, revoked_at, app_epoch, since_n) `
	codePostgres = issuablePostgres +
		`fam AS (` + familyInto + `SELECT $20, $1, $2, $3, $6, $4, $21, $22, $23, $24, $25, $26, $27, $28, $29, 0, $19, ` + logAt + ` FROM ok WHERE ` + appAsks + `$19)
			ON CONFLICT (id) DO NOTHING RETURNING id),
		acc AS (` + accountInto + `SELECT $8, $6, $1, $9, $10, $11, $12 FROM fam` + accountKept + accountReturned + `),
		part AS (` + participantInto + `SELECT $4, $6, $1, $13, acc.subject, $14, $15, $16, $17, $18, $19 FROM acc` + participantKept + `)
		SELECT id FROM fam`
	codeSQLite = familyInto + `SELECT $8, $1, $2, $3, $6, $4, $9, $10, $11, $12, $13, $14, $15, $16, $17, 0, $18, ` + logAt + `
		FROM (` + issuable + `) WHERE ` + appAsks + `$18) ON CONFLICT (id) DO NOTHING`
	accountSQLite = accountInto + `VALUES ($1, $2, $3, $4, $5, $6, $7)` + accountKept + ` RETURNING subject`
	codeSpent     = `SELECT count(*) FROM token_families WHERE id = $1`
)

func scanParticipant(r row) (p idp.Participant, err error) {
	return p, r.Scan(&p.SessionID, &p.AppID, &p.UserID, &p.SessionIndex, &p.NameID.Value, &p.NameID.Format,
		&p.NameID.NameQualifier, &p.NameID.SPNameQualifier, at(&p.FirstAt), at(&p.LastAnswerAt))
}

// Participants returns the apps that got something from a user's live
// sessions, by session and app.
func (s *Store) Participants(ctx context.Context, user idp.UserID, now time.Time) ([]idp.Participant, error) {
	return list(ctx, s, "participants", scanParticipant, liveParticipants, user, us(now))
}

// Participant returns what an app got from a session.
func (s *Store) Participant(ctx context.Context, session idp.SessionID, app idp.AppID) (idp.Participant, error) {
	return one(ctx, s, "participant", scanParticipant, participantByKey, session, app)
}

// ParticipantsKnown returns what an app got of whomever it knows by an account of
// this subject, from sessions alive or ended, newest first, at most 500.
func (s *Store) ParticipantsKnown(ctx context.Context, app idp.AppID, subject string) ([]idp.Participant, error) {
	return list(ctx, s, "participants of a subject", scanParticipant, participantsKnown, app, subject)
}

// ParticipantsNamed is the same of whomever the app was told of by this
// NameID.Value, also where no account has it any more. It looks at everything
// that the app got.
func (s *Store) ParticipantsNamed(ctx context.Context, app idp.AppID, name string) ([]idp.Participant, error) {
	return list(ctx, s, "participants of a name", scanParticipant, participantsNamed, app, name)
}

// writing is one issue to an app: what is written down in the step that issues
// it (DESIGN section 4, item 4).
type writing struct {
	proof idp.Proof
	p     idp.Participant
	a     idp.Account
	now   time.Time
}

// turns are those that the writing shares while it is made.
func (w *writing) turns() step { return do(shareTurns, w.proof.UserID, w.p.AppID) }

// head are the arguments of issuable.
func (w *writing) head() []any {
	return []any{w.proof.UserID, w.proof.Epoch, w.proof.Generation, w.p.SessionID, us(w.now), w.p.AppID, w.p.GrantedN}
}

func (w *writing) account() []any {
	return []any{w.a.ID, w.a.Subject, w.a.Format, us(w.a.FirstSeenAt), us(w.a.LastSeenAt)}
}

func (w *writing) participant() []any {
	n := w.p.NameID
	return []any{w.p.SessionIndex, n.Format, n.NameQualifier, n.SPNameQualifier, us(w.p.FirstAt), us(w.p.LastAnswerAt), w.p.AppEpoch}
}

func (w *writing) accountDest() []any {
	return []any{&w.a.ID, &w.a.Subject, at(&w.a.FirstSeenAt), at(&w.a.LastSeenAt)}
}

func (w *writing) participantDest() []any {
	return []any{&w.p.SessionIndex, &w.p.NameID.Value, &w.p.NameID.Format, &w.p.NameID.NameQualifier,
		&w.p.NameID.SPNameQualifier, at(&w.p.FirstAt), at(&w.p.LastAnswerAt)}
}

// kept are the arguments of what writes the participant on SQLite, after the
// account.
func (w *writing) kept() []any {
	n := w.p.NameID
	return []any{w.p.SessionID, w.p.AppID, w.proof.UserID, w.p.SessionIndex, w.a.Subject, n.Format, n.NameQualifier,
		n.SPNameQualifier, us(w.p.FirstAt), us(w.p.LastAnswerAt), w.p.AppEpoch}
}

// writing fills in what the caller may leave out: whose it is and when.
func (s *Store) writing(proof idp.Proof, p idp.Participant, a idp.Account, now time.Time) *writing {
	if now.IsZero() {
		now = idp.Time(s.Now())
	}
	p.UserID, a.UserID, a.AppID = proof.UserID, proof.UserID, p.AppID
	p.FirstAt, p.LastAnswerAt = orNow(p.FirstAt, now), orNow(p.LastAnswerAt, now)
	a.FirstSeenAt, a.LastSeenAt = orNow(a.FirstSeenAt, now), orNow(a.LastSeenAt, now)
	a.ID = cmp.Or(a.ID, idp.NewAccountID())
	return &writing{proof, p, a, now}
}

func orNow(t, now time.Time) time.Time {
	if t.IsZero() {
		return now
	}
	return t
}

// RecordAssertion writes participant and account where proof, session and
// grant stand, and returns both as they now are: a known account keeps its
// Subject unless it follows, a known participant its SessionIndex and NameID,
// and the NameID.Value of a new one is the account's Subject. The moment is
// p.LastAnswerAt. idp.Unauthenticated where something does not stand.
func (s *Store) RecordAssertion(ctx context.Context, proof idp.Proof, p idp.Participant, a idp.Account) (idp.Participant, idp.Account, error) {
	w := s.writing(proof, p, a, p.LastAnswerAt)
	written := false
	account := func(r row) error { written = true; return r.Scan(w.accountDest()...) }
	args := append(w.head(), w.account()...)
	onSQLite, onPostgres := assertAccountSQLite, assertPostgres
	if a.Follows {
		onSQLite, onPostgres = assertAccountSQLiteFollows, assertPostgresFollows
	}
	var err error
	if sql := s.db.dialect("", onPostgres); sql != "" {
		err = s.db.behind(ctx, w.turns(), func(r row) error {
			written = true
			return r.Scan(append(w.accountDest(), w.participantDest()...)...)
		}, sql, append(args, w.participant()...)...)
	} else {
		fresh := *w
		err = s.db.share(ctx, false, func(r runner) error {
			*w, written = fresh, false
			if err := r.query(ctx, account, onSQLite, append(args, w.p.AppEpoch)...); err != nil || !written {
				return err
			}
			return r.query(ctx, func(r row) error { return r.Scan(w.participantDest()...) }, participantSQLite, w.kept()...)
		})
	}
	switch {
	case err != nil:
		return idp.Participant{}, idp.Account{}, s.wrap("record an assertion", err)
	case !written:
		return idp.Participant{}, idp.Account{}, refused()
	}
	return w.p, w.a, nil
}

// SpendCode writes the token family (its ID is the code's), its participant
// and account where proof, session and grant stand. The moment is
// f.CreatedAt. idp.Conflict when the code was spent before,
// idp.Unauthenticated where something does not stand.
func (s *Store) SpendCode(ctx context.Context, f idp.TokenFamily, p idp.Participant, a idp.Account) error {
	p.SessionID, p.AppID, p.AppEpoch, p.GrantedN = f.SessionID, f.AppID, f.AppEpoch, f.GrantedN
	w := s.writing(f.Proof, p, a, f.CreatedAt)
	family := []any{f.ID, joined(f.Scopes), f.Nonce, us(f.AuthTime), joined(f.Methods), bit(f.Offline), f.Seq,
		us(f.RotatedAt), us(w.now), us(f.ExpiresAt)}
	written := false
	var err error
	if sql := s.db.dialect("", codePostgres); sql != "" {
		args := append(append(append(w.head(), w.account()...), w.participant()...), family...)
		err = s.db.behind(ctx, w.turns(), func(row) error { written = true; return nil }, sql, args...)
	} else {
		fresh := *w
		err = s.db.share(ctx, false, func(r runner) error {
			*w = fresh
			n, err := r.exec(ctx, codeSQLite, append(append(w.head(), family...), w.p.AppEpoch)...)
			if written = n > 0; err != nil || !written {
				return err
			}
			subject := func(r row) error { return r.Scan(&w.a.Subject) }
			if err := r.query(ctx, subject, accountSQLite, w.a.ID, w.a.AppID, w.a.UserID, w.a.Subject, w.a.Format,
				us(w.a.FirstSeenAt), us(w.a.LastSeenAt)); err != nil {
				return err
			}
			_, err = r.exec(ctx, knownSQLite, w.kept()...)
			return err
		})
	}
	switch {
	case err != nil:
		return s.wrap("spend a code", err)
	case !written:
		return s.whyNot(ctx, codeSpent, f.ID)
	}
	return nil
}
