package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	// A mail of before a restore from backup may have been sent then.
	insertMail = `INSERT INTO mails (id, kind, user_id, epoch, generation, language, data, attempts, created_at, next_at,
		claimed_by, claimed_until, state, answer, finished_at)
		SELECT $1, $2, $3, $4, h.generation, $5, $6, 0, $7, $8, '', 0, $9, '', $10 FROM house h`

	mailColumns = `id, kind, user_id, epoch, generation, language, data, attempts, created_at, next_at, state, answer, finished_at`
	// $2 is now, $4 that by the clock which nodes share.
	claimMails = `UPDATE mails SET claimed_by = $1, claimed_until = $3, attempts = attempts + 1 WHERE id IN (
		SELECT id FROM mails WHERE finished_at = 0 AND next_at <= $2 AND claimed_until <= $4 ORDER BY next_at, id LIMIT $5`
	mailsFailed = `SELECT count(*) FROM mails WHERE finished_at <> 0 AND finished_at >= $1 AND state = 'failed'`

	returnMails        = ` RETURNING ` + mailColumns
	claimMailsSQLite   = claimMails + `)` + returnMails
	claimMailsPostgres = claimMails + ` FOR UPDATE SKIP LOCKED) AND claimed_until <= $4` + returnMails
	saveMail           = `UPDATE mails SET state = $3, next_at = $4, answer = $5, finished_at = $6, claimed_by = '', claimed_until = 0
		WHERE id = $1 AND claimed_by = $2 AND finished_at = 0`
	mailsOf = `SELECT ` + mailColumns + ` FROM mails WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2`
)

func scanMail(r row) (m idp.Mail, err error) {
	return m, r.Scan(&m.ID, &m.Kind, &m.UserID, &m.Epoch, &m.Generation, &m.Language, inJSON(&m.Data), &m.Attempts,
		at(&m.CreatedAt), at(&m.NextAt), &m.State, &m.Answer, at(&m.FinishedAt))
}

// mailSteps writes mails where somebody sends them.
func (s *Store) mailSteps(mails []idp.Mail) []step {
	if !s.Mails {
		return nil
	}
	var steps []step
	for _, m := range mails {
		if m.UserID == "" {
			// It is written for the work's sake alone: who asks in many names that
			// nobody has does not get in front of those who wait.
			m.State, m.FinishedAt = idp.MailDropped, m.CreatedAt
		}
		steps = append(steps, do(insertMail, m.ID, m.Kind, m.UserID, m.Epoch, m.Language, asJSON(m.Data), us(m.CreatedAt), us(m.NextAt),
			m.State, us(m.FinishedAt)))
	}
	return steps
}

// ClaimMails gives the hand up to limit mails that are due, for as long as the
// lease, and counts the attempt. A hand is for one claim: its name is never
// used again.
func (s *Store) ClaimMails(ctx context.Context, hand string, now time.Time, lease time.Duration, limit int) ([]idp.Mail, error) {
	held := s.shared(now)
	return returning(ctx, s, "claim mails", scanMail, s.db.dialect(claimMailsSQLite, claimMailsPostgres),
		hand, us(now), us(held.Add(lease)), us(held), limit)
}

// SaveMail writes what became of a mail, with the events that say so, where
// that hand still holds it; idp.Conflict where not.
func (s *Store) SaveMail(ctx context.Context, m idp.Mail, hand string, events ...idp.Event) error {
	steps := []step{must(idp.Errorf(idp.Conflict, "This mail is no longer in this worker's hands."), saveMail, m.ID, hand, m.State, us(m.NextAt), m.Answer, us(m.FinishedAt))}
	return s.tx(ctx, "save a mail", func(r runner) error { return r.batch(ctx, append(steps, eventSteps(events)...)) })
}

// MailsFailed returns how many mails have failed for good since then.
func (s *Store) MailsFailed(ctx context.Context, since time.Time) (int, error) {
	return one(ctx, s, "mails that failed", func(r row) (n int, err error) { return n, r.Scan(&n) }, mailsFailed, us(since))
}

// MailsOf returns the newest mails to a person that are still remembered.
func (s *Store) MailsOf(ctx context.Context, user idp.UserID, n int) ([]idp.Mail, error) {
	return list(ctx, s, "mails", scanMail, mailsOf, user, n)
}
