package store

import (
	"cmp"
	"context"
	"time"

	"gatehouse/idp"
)

const (
	// The newest of a sign-in replaces those before it. Where somebody has proven
	// something in the sign-in, there is one for them alone, and only where it is asked
	// for; where it is over, there is none.
	mailCodeInto = `INSERT INTO mail_codes (sign_in_id, user_id, epoch, generation, mac, tries, created_at, expires_at, used_at) `
	waits        = `EXISTS (SELECT 1 FROM sign_ins i WHERE i.id = $4
		AND (i.user_id = '' OR i.user_id = $1 AND i.epoch = $2 AND i.generation = $3 AND i.confirm = 1) AND i.done_at = 0 AND i.expires_at > $6 AND i.` + sinceCut + `)`
	replacing = ` ON CONFLICT (sign_in_id) DO UPDATE SET user_id = excluded.user_id, epoch = excluded.epoch, generation = excluded.generation,
		mac = excluded.mac, tries = 0, created_at = excluded.created_at, expires_at = excluded.expires_at, used_at = 0`
	mailCodeSQLite   = mailCodeInto + `SELECT $4, u.id, $2, $3, $5, 0, $6, $7, 0 FROM users u CROSS JOIN house h WHERE ` + proven + ` AND ` + waits + replacing
	mailCodePostgres = standingPostgres + ` ` + mailCodeInto + `SELECT $4, ok.id, $2, $3, $5, 0, $6, $7, 0 FROM ok WHERE ` + waits + replacing

	endMailCodes = `UPDATE mail_codes SET used_at = $2 WHERE user_id = $1 AND used_at = 0`

	// One statement looks and counts what was wrong, so that of many at once no more are
	// looked at than may be. The code is spent where what it proves is recorded.
	tryMailCode = `UPDATE mail_codes SET tries = tries + CASE WHEN mac = $2 THEN 0 ELSE 1 END
		WHERE sign_in_id = $1 AND used_at = 0 AND tries < $4 AND expires_at > $3
		AND EXISTS (SELECT 1 FROM users u CROSS JOIN house h WHERE u.id = mail_codes.user_id AND u.status = 'active'
			AND u.epoch = mail_codes.epoch AND h.generation = mail_codes.generation AND mail_codes.created_at >= h.cut_before)
		RETURNING user_id, epoch, generation, CASE WHEN mac = $2 THEN 1 ELSE 0 END`
	spendMailCode = `UPDATE mail_codes SET used_at = $3 WHERE sign_in_id = $1 AND mac = $2 AND user_id = $4 AND epoch = $5 AND used_at = 0 AND expires_at > $3`
	mailCodeOf    = `SELECT user_id FROM mail_codes WHERE sign_in_id = $1`
)

// CreateMailCode writes a code for a SignIn that is not over and of nobody, or of who
// is asked for one in it, in place
// of those before it, where its proof stands; idp.Unauthenticated where not.
func (s *Store) CreateMailCode(ctx context.Context, c idp.MailCode) error {
	n, err := s.exec(ctx, "write a code that is mailed", s.db.dialect(mailCodeSQLite, mailCodePostgres),
		c.UserID, c.Epoch, c.Generation, c.SignInID, c.MAC, us(c.CreatedAt), us(c.ExpiresAt))
	if err == nil && n == 0 {
		err = refused()
	}
	return err
}

// TryMailCode looks whether the code of a SignIn has this MAC, and returns the proof it
// carries; [Store.ProveSignIn] spends it. Every other is idp.Unauthenticated and counts:
// after so many tries the code is good no more. With that, the proof says whose code it
// would have been, for the audit log; of a SignIn without any, nobody's.
func (s *Store) TryMailCode(ctx context.Context, in idp.SignInID, mac string, tries int, now time.Time) (idp.Proof, error) {
	type tried struct {
		idp.Proof
		right bool
	}
	found, err := returning(ctx, s, "look at a code that was mailed", func(r row) (t tried, err error) {
		return t, r.Scan(&t.UserID, &t.Epoch, &t.Generation, flag(&t.right))
	}, tryMailCode, in, mac, us(now), tries)
	switch {
	case err != nil:
		return idp.Proof{}, err
	case len(found) > 0 && found[0].right:
		return found[0].Proof, nil
	}
	// Asked for whatever was found, so that the work says nothing of it.
	whose, err := list(ctx, s, "whose code it is", func(r row) (p idp.Proof, err error) { return p, r.Scan(&p.UserID) }, mailCodeOf, in)
	if err != nil || len(whose) == 0 {
		return idp.Proof{}, cmp.Or(err, error(refused()))
	}
	return whose[0], refused()
}
