package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

// lastSeenStep is how far behind an account's last_seen_at may be.
const lastSeenStep = time.Hour

// One answer to a request of an app: the request is spent by the statement that
// compares the proof, and with it are written, in the same transaction, account
// and participant. The app that has the person's name in this session already
// gets no new row, and its account none but once in lastSeenStep.
const (
	// Spent is what was never spent, or has expired since.
	spentInto = `INSERT INTO spent (kind, value, expires_at) `
	spentKept = ` ON CONFLICT (kind, value) DO UPDATE SET expires_at = excluded.expires_at WHERE spent.expires_at <= $5`
	valueGone = `SELECT count(*) FROM spent WHERE kind = $1 AND value = $2 AND expires_at > $3`

	spendGated = spentInto + `SELECT $8, $9, $10 FROM (` + issuable + `) WHERE ` + appAsks + `$11)` + spentKept

	// $8 to $10 the name, $11 what the account's subject must be if it follows.
	sameName    = `p.name_id_format = $8 AND p.name_qualifier = $9 AND p.sp_name_qualifier = $10`
	sameAccount = `c.user_id = $1 AND c.app_id = $6 AND c.format = $8 AND c.subject = p.name_id AND ($11 = '' OR c.subject = $11) AND c.last_seen_at > $12`

	againSQLite = `UPDATE participants AS p SET last_answer_at = CASE WHEN $5 > p.last_answer_at THEN $5 ELSE p.last_answer_at END
		WHERE p.session_id = $4 AND p.app_id = $6 AND ` + sameName + `
		AND EXISTS (SELECT 1 FROM accounts c WHERE ` + sameAccount + `)` + participantReturned
	// $13 the app's epoch, $14 to $16 what is spent.
	againPostgres = issuablePostgres + `known AS (SELECT p.session_id, p.app_id FROM ok
			JOIN participants p ON p.session_id = $4 AND p.app_id = $6 JOIN accounts c ON ` + sameAccount + `
			WHERE ` + sameName + ` AND ` + appAsks + `$13)),
		gone AS (` + spentInto + `SELECT $14, $15, $16 FROM known` + spentKept + ` RETURNING 1)
		UPDATE participants p SET last_answer_at = GREATEST(p.last_answer_at, $5) FROM known, gone
		WHERE p.session_id = known.session_id AND p.app_id = known.app_id` + participantReturned

	accountAnew        = accountInto + `VALUES ($1, $2, $3, $4, $5, $6, $7)` + accountKept + accountReturned
	accountAnewFollows = accountInto + `VALUES ($1, $2, $3, $4, $5, $6, $7)` + accountFollows + accountReturned

	// As assertPostgres; $20 to $22 what is spent.
	answerPostgres        = answerPostgresHead + accountKept + assertPostgresTail
	answerPostgresFollows = answerPostgresHead + accountFollows + assertPostgresTail
	answerPostgresHead    = issuablePostgres +
		`gone AS (` + spentInto + `SELECT $20, $21, $22 FROM ok WHERE ` + appAsks + `$19)` + spentKept + ` RETURNING 1),
		acc AS (` + accountInto + `SELECT $8, $6, $1, $9, $10, $11, $12 FROM ok, gone WHERE true`
)

// RecordAnswer is RecordAssertion that spends a value with it, all or nothing:
// idp.Conflict where that is spent already. Of an account that is not written
// anew it returns the Subject alone.
func (s *Store) RecordAnswer(ctx context.Context, proof idp.Proof, once idp.Once, p idp.Participant, a idp.Account) (idp.Participant, idp.Account, error) {
	w := s.writing(proof, p, a, p.LastAnswerAt)
	gone := []any{once.Kind, once.Value, us(once.Until)}
	write := w.answerSQLite
	if s.db.dialect("", answerPostgres) != "" {
		write = w.answerPostgres
	}
	written, err := write(ctx, s.db, gone)
	switch {
	case err != nil:
		return idp.Participant{}, idp.Account{}, s.wrap("record an answer", err)
	case !written:
		return idp.Participant{}, idp.Account{}, s.whyNot(ctx, valueGone, once.Kind, once.Value, us(w.now))
	}
	return w.p, w.a, nil
}

// name are the arguments of sameName and sameAccount after those of issuable.
func (w *writing) name() []any {
	n, subject := w.p.NameID, ""
	if w.a.Follows {
		subject = w.a.Subject
	}
	return []any{n.Format, n.NameQualifier, n.SPNameQualifier, subject, us(w.now.Add(-lastSeenStep))}
}

// again takes in the participant that an app's name in this session stands in.
func (w *writing) again(r row) error {
	if err := r.Scan(w.participantDest()...); err != nil {
		return err
	}
	w.a.Subject = w.p.NameID.Value
	return nil
}

func (w *writing) answerSQLite(ctx context.Context, db engine, gone []any) (written bool, err error) {
	fresh := *w
	return written, db.share(ctx, false, func(r runner) error {
		*w, written = fresh, false
		n, err := r.exec(ctx, spendGated, append(append(w.head(), gone...), w.p.AppEpoch)...)
		if err != nil || n == 0 {
			return err
		}
		written = true
		known := false
		err = r.query(ctx, func(r row) error { known = true; return w.again(r) }, againSQLite, append(w.head(), w.name()...)...)
		if err != nil || known {
			return err
		}
		account := accountAnew
		if w.a.Follows {
			account = accountAnewFollows
		}
		if err := r.query(ctx, func(r row) error { return r.Scan(w.accountDest()...) }, account, w.a.ID, w.a.AppID, w.a.UserID,
			w.a.Subject, w.a.Format, us(w.a.FirstSeenAt), us(w.a.LastSeenAt)); err != nil {
			return err
		}
		return r.query(ctx, func(r row) error { return r.Scan(w.participantDest()...) }, participantSQLite, w.kept()...)
	})
}

func (w *writing) answerPostgres(ctx context.Context, db engine, gone []any) (written bool, err error) {
	err = db.behind(ctx, w.turns(), func(r row) error { written = true; return w.again(r) }, againPostgres,
		append(append(append(w.head(), w.name()...), w.p.AppEpoch), gone...)...)
	if err != nil || written {
		return written, err
	}
	sql := answerPostgres
	if w.a.Follows {
		sql = answerPostgresFollows
	}
	return written, db.behind(ctx, w.turns(), func(r row) error {
		written = true
		return r.Scan(append(w.accountDest(), w.participantDest()...)...)
	}, sql, append(append(append(w.head(), w.account()...), w.participant()...), gone...)...)
}
