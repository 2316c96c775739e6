package store

import (
	"cmp"
	"context"
	"time"

	"gatehouse/idp"
)

const (
	insertSignIn = `INSERT INTO sign_ins (id, protocol, app_id, request, resume_url, end_origin, bind_hash, login_hint,
		ui_locales, not_before, user_id, epoch, generation, methods, auth_time, session_id, created_at, expires_at, done_at, spent_at,
		several, renews, passkey)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $12, $9, '', 0, '', '', 0, '', $10, $11, 0, 0, $13, $14, $15)`
	signInColumns = `sign_ins.id, sign_ins.protocol, sign_ins.app_id, sign_ins.request, sign_ins.resume_url, sign_ins.end_origin, sign_ins.bind_hash, sign_ins.login_hint,
		sign_ins.ui_locales, sign_ins.not_before, sign_ins.user_id, sign_ins.epoch, sign_ins.generation, sign_ins.methods, sign_ins.auth_time, sign_ins.session_id, sign_ins.created_at, sign_ins.expires_at,
		sign_ins.done_at, sign_ins.spent_at, sign_ins.several, sign_ins.has, sign_ins.renews, sign_ins.passkey, sign_ins.remember, sign_ins.vouched, sign_ins.confirm,
		COALESCE((SELECT a.name FROM apps a WHERE a.id = sign_ins.app_id), '')`
	signInByID = `SELECT ` + signInColumns + `, COALESCE(u.status, ''), COALESCE(u.epoch, 0), h.generation, h.cut_before, c.n
		FROM sign_ins CROSS JOIN house h CROSS JOIN counter c LEFT JOIN users u ON u.id = sign_ins.user_id WHERE sign_ins.id = $1`

	// $4 is the SignIn, $5 now, $6 and $7 what was proven, $8 to $13 what that
	// is to be followed by.
	prove     = proveInto + `WHERE ` + provable
	proveInto = `UPDATE sign_ins SET user_id = $1, epoch = $2, generation = $3, methods = $6, auth_time = $7, several = $8, has = $9,
		passkey = $10, remember = $11, vouched = $12, confirm = $13 `
	provable = `id = $4 AND done_at = 0 AND expires_at > $5
		AND (user_id = '' OR (user_id = $1 AND epoch = $2 AND generation = $3)) AND ` + sinceCut + ` AND EXISTS (SELECT 1 FROM ok)
		AND (renews = '' OR EXISTS (SELECT 1 FROM sessions s CROSS JOIN house h WHERE s.id = sign_ins.renews AND s.user_id = $1
			AND s.ended_at = 0 AND s.expires_at > $5 AND s.epoch = $2 AND s.generation = h.generation AND s.created_at >= h.cut_before))`
	proveSQLite = standingSQLite + ` ` + prove
	// $14 is the credential that was used, '' for none, $15 what it has become,
	// $16 the audit lines.
	provePostgres = standingPostgres + `,
		used AS (UPDATE credentials c SET data = $15, last_used_at = $5 FROM ok WHERE c.id = $14 AND c.user_id = ok.id RETURNING c.id),
		proved AS (` + prove + ` AND (CAST($14 AS TEXT) = '' OR EXISTS (SELECT 1 FROM used)) RETURNING id),
		` + proveTold + `$16` + proveEnd
	proveTold = `told AS (INSERT INTO events (id, at, kind, actor, user_id, app_id, session_id, detail, correlation)
			SELECT e->>0, CAST(e->>1 AS BIGINT), e->>2, e->>3, e->>4, e->>5, e->>6, e->>7, e->>8
			FROM proved CROSS JOIN jsonb_array_elements(CAST(`
	proveEnd = ` AS JSONB)) e)
		SELECT id FROM proved`

	// What a factor is proven by, and spent by that: spent where the proof can be
	// recorded, and nowhere else. $14 are the audit lines, $15 and $16 what is spent.
	spendInto       = standingPostgres + `, ready AS (SELECT id FROM sign_ins WHERE ` + provable + ` FOR UPDATE), spent AS (`
	spendProves     = `), proved AS (` + proveInto + `FROM spent WHERE sign_ins.id = $4 RETURNING sign_ins.id), ` + proveTold + `$14` + proveEnd
	proveByCode     = spendInto + `UPDATE credentials c SET mark = $16, last_used_at = $5 FROM ready WHERE c.id = $15 AND c.user_id = $1 AND c.mark < $16 RETURNING c.id` + spendProves
	proveByMailCode = spendInto + `UPDATE mail_codes m SET used_at = $5 FROM ready
		WHERE m.sign_in_id = ready.id AND m.mac = $15 AND m.user_id = $1 AND m.epoch = $2 AND m.used_at = 0 AND m.expires_at > $5 RETURNING m.sign_in_id` + spendProves

	// The SignIn is spent where its user and its session are alive.
	signInAlive = `sign_ins i JOIN users u ON u.id = i.user_id
		JOIN sessions s ON s.id = i.session_id AND s.user_id = i.user_id CROSS JOIN house h
		WHERE i.id = $1 AND i.bind_hash = $3 AND i.done_at <> 0 AND i.expires_at > $2 AND i.epoch = u.epoch AND i.generation = h.generation
		AND i.created_at >= h.cut_before
		AND ` + alive
	spend         = `) UPDATE sign_ins SET spent_at = $2 WHERE id = (SELECT id FROM ok) AND spent_at = 0 RETURNING ` + signInColumns
	spendSQLite   = `WITH ok AS (SELECT i.id FROM ` + signInAlive + spend
	spendPostgres = `WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(hashtextextended(i.user_id, 0))
		FROM sign_ins i WHERE i.id = $1), ok AS (SELECT i.id FROM turn CROSS JOIN ` + signInAlive + lockBoth + spend
	signInSpent = `SELECT count(*) FROM sign_ins WHERE id = $1 AND bind_hash = $2 AND spent_at <> 0`
)

func signInDest(i *idp.SignIn) []any {
	return []any{
		&i.ID, &i.Protocol, &i.AppID, opaque(&i.Request), &i.ResumeURL, &i.EndOrigin, &i.BindHash, &i.LoginHint,
		words(&i.UILocales), at(&i.NotBefore), &i.UserID, &i.Epoch, &i.Generation, words(&i.Methods), at(&i.AuthTime), &i.SessionID, at(&i.CreatedAt), at(&i.ExpiresAt),
		at(&i.DoneAt), at(&i.SpentAt), flag(&i.Several), words(&i.Has), &i.Renews, flag(&i.Passkey), &i.Remember, &i.Vouched, &i.Confirm,
		&i.AppName,
	}
}

// CreateSignIn writes a SignIn of nobody: proof, session and ends of s are not
// written.
func (s *Store) CreateSignIn(ctx context.Context, i idp.SignIn) error {
	_, err := s.exec(ctx, "create a sign-in", insertSignIn, i.ID, i.Protocol, i.AppID, armoured(i.Request), i.ResumeURL,
		i.EndOrigin, i.BindHash, i.LoginHint, us(i.NotBefore), us(i.CreatedAt), us(i.ExpiresAt), joined(i.UILocales),
		bit(i.Several), i.Renews, bit(i.Passkey))
	return err
}

// SignInByID finds a SignIn with the standing of its Proof's user of the same
// moment; zero while no factor was proven.
func (s *Store) SignInByID(ctx context.Context, id idp.SignInID) (idp.SignIn, idp.Standing, error) {
	var st idp.Standing
	in, err := one(ctx, s, "sign-in", func(r row) (i idp.SignIn, err error) {
		return i, r.Scan(append(signInDest(&i), standingDest(&st)...)...)
	}, signInByID, id)
	if in.UserID == "" {
		st = idp.Standing{}
	}
	return in, st, err
}

// ProveSignIn records Proof, Methods, AuthTime, and what that is to be followed by
// (Several, Passkey, Has, Remember, Vouched, Confirm) of i where the stored SignIn
// is unfinished, unexpired and of nobody or of the same proof, and the proof
// stands, and the session that it renews, and what goes with it is there still:
// idp.Unauthenticated where not. The audit lines are written then, and only then, and
// what is spent by it is spent: idp.Conflict where a credential was spent before, so
// that of many who spend the same only one does.
func (s *Store) ProveSignIn(ctx context.Context, i idp.SignIn, now time.Time, w idp.Witness) error {
	args := []any{i.UserID, i.Epoch, i.Generation, i.ID, us(now), joined(i.Methods), us(i.AuthTime), bit(i.Several), joined(i.Has), bit(i.Passkey), i.Remember, i.Vouched, i.Confirm}
	events := eventSteps(w.Events)
	postgres, told := s.db.dialect("", provePostgres) != "", ""
	if postgres {
		lines := make([][]any, len(events))
		for i, e := range events {
			lines[i] = e.args
		}
		told = asJSON(lines)
	}
	if w.Spent.ID != "" || w.MailCode != "" {
		steps := append(s.spendingSteps(args, told, now, w), s.mailSteps(w.Told)...)
		if !postgres {
			steps = append(steps, events...)
		}
		return s.proveBySpending(ctx, steps, w)
	}
	if postgres {
		args = append(args, w.Used.ID, w.Used.Data, told)
	}
	return s.issue(ctx, "prove a sign-in", args, provePostgres, func(r runner) error {
		var steps []step
		if w.Used.ID != "" {
			steps = append(steps, must(refused(), touchCredential, w.Used.ID, w.Used.Data, us(now), i.UserID))
		}
		return r.batch(ctx, append(append(steps, must(refused(), proveSQLite, args...)), events...))
	})
}

// spendingSteps spend what w says and record what is proven by that, or refuse; args are
// those of prove, told the audit lines where one statement does it all.
func (s *Store) spendingSteps(args []any, told string, now time.Time, w idp.Witness) []step {
	sql, what, spent := proveByMailCode, spendMailCode, []any{w.MailCode}
	if w.Spent.ID != "" {
		sql, what, spent = proveByCode, spendCredential, []any{w.Spent.ID, w.Spent.Mark}
	}
	if sql = s.db.dialect("", sql); sql != "" {
		return []step{must(refused(), sql, append(append(args, told), spent...)...)}
	}
	whose := []any{args[3], w.MailCode, us(now), args[0], args[1]}
	if w.Spent.ID != "" {
		whose = []any{w.Spent.ID, w.Spent.Mark, us(now), args[0]}
	}
	return []step{must(refused(), what, whose...), must(refused(), proveSQLite, args...)}
}

// proveBySpending runs them: one statement by itself, several in one transaction.
func (s *Store) proveBySpending(ctx context.Context, steps []step, w idp.Witness) error {
	var err error
	if len(steps) > 1 {
		if err = s.db.share(ctx, false, func(r runner) error { return r.batch(ctx, steps) }); err != nil {
			err = s.wrap("prove a sign-in", err)
		}
	} else if n, failed := s.exec(ctx, "prove a sign-in", steps[0].sql, steps[0].args...); failed != nil || n == 0 {
		err = cmp.Or(failed, refused())
	}
	if idp.IsKind(err, idp.Unauthenticated) && w.Spent.ID != "" {
		return s.whyNot(ctx, credentialSpent, w.Spent.ID, w.Spent.Mark)
	}
	return err
}

// SpendSignIn marks a finished SignIn, bound by the secret of this hash, as answered,
// once, and returns it: idp.Conflict the second time; idp.Unauthenticated where its
// proof or session does not stand, or it is another browser's. One statement, where it
// refuses nobody.
func (s *Store) SpendSignIn(ctx context.Context, id idp.SignInID, bindHash string, now time.Time) (idp.SignIn, error) {
	spent, err := returning(ctx, s, "spend a sign-in", func(r row) (i idp.SignIn, err error) {
		return i, r.Scan(signInDest(&i)...)
	}, s.db.dialect(spendSQLite, spendPostgres), id, us(now), bindHash)
	switch {
	case err != nil:
		return idp.SignIn{}, err
	case len(spent) == 0:
		return idp.SignIn{}, s.whyNot(ctx, signInSpent, id, bindHash)
	}
	return spent[0], nil
}

// whyNot tells, after a refusal, whether something was spent before
// (idp.Conflict) or never could be (idp.Unauthenticated). sql counts what was
// spent.
func (s *Store) whyNot(ctx context.Context, sql string, args ...any) error {
	n, err := one(ctx, s, "spent value", func(r row) (n int64, err error) { return n, r.Scan(&n) }, sql, args...)
	switch {
	case err != nil:
		return err
	case n > 0:
		return spentBefore()
	}
	return refused()
}
