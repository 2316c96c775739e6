package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/idp"
)

const (
	selectPolicy = `SELECT rules, idle, absolute, email_code, updated_at, version, remember, remember_since, remember_since_at, mail_recovers FROM house_policy WHERE id = 1`
	updatePolicy = `UPDATE house_policy SET rules = $2, idle = $3, absolute = $4, updated_at = $5, email_code = $6, remember = $7, remember_since = $8, remember_since_at = $9, mail_recovers = $10,
		version = version + 1 WHERE id = 1 AND version = $1`

	// A recovery code stands in for a second factor, and is none by itself.
	hasSecondFactor = `EXISTS (SELECT 1 FROM credentials c WHERE c.user_id = u.id AND c.kind IN ('totp', 'passkey'))`
	hasPasskey      = `EXISTS (SELECT 1 FROM credentials c WHERE c.user_id = u.id AND c.kind = 'passkey')`
	hasPassword     = `EXISTS (SELECT 1 FROM credentials c WHERE c.user_id = u.id AND c.kind = 'password')`

	// Nothing but a code by mail lets them in.
	codeless = ` FROM users u WHERE u.status = 'active' AND u.email <> '' AND NOT ` + hasPassword + ` AND NOT ` + hasPasskey
)

// Policy returns what the house asks of people who sign in.
func (s *Store) Policy(ctx context.Context) (idp.Policy, error) {
	return one(ctx, s, "policy", func(r row) (p idp.Policy, err error) {
		return p, r.Scan(inJSON(&p.Rules), span(&p.Idle), span(&p.Absolute), flag(&p.EmailCode), at(&p.UpdatedAt), &p.Version,
			span(&p.Remember), &p.RememberSince, at(&p.RememberSinceAt), flag(&p.MailRecovers))
	}, selectPolicy)
}

func policyStep(p idp.Policy) step {
	return must(stale("policy"), updatePolicy, p.Version, asJSON(p.Rules), p.Idle.Microseconds(), p.Absolute.Microseconds(), us(p.UpdatedAt),
		bit(p.EmailCode), p.Remember.Microseconds(), p.RememberSince, us(p.RememberSinceAt), bit(p.MailRecovers))
}

func span(d *time.Duration) integer {
	return func(n int64) { *d = time.Duration(n) * time.Microsecond }
}

// LockedOut returns how many active people have no second factor, or no passkey,
// although the rules of a policy ask them for one, and the first n of them by username;
// of those whom a rule asks by risk for a code by mail, how many can and cannot have one;
// and how many sign in by nothing but a code by mail, where the policy of before takes
// these and this one does not. Whom the rules of before ask already is left out. A rule
// for an app asks those who may use it now.
func (s *Store) LockedOut(ctx context.Context, p, was idp.Policy, n int) (idp.LockedOut, error) {
	rules, before := p.Rules, was.Rules
	out := idp.LockedOut{Passkey: slices.ContainsFunc(rules, func(r idp.PolicyRule) bool { return r.Passkey })}
	var err error
	if s.Mails && was.EmailCode && !p.EmailCode {
		if out.Codeless, out.CodelessUsers, err = s.counted(ctx, codeless, nil, n); err != nil {
			return out, err
		}
	}
	if out.Count, out.Users, err = s.asked(ctx, rules, before, lacks, "1 = 1", n); err != nil || !slices.ContainsFunc(rules, byMail) {
		return out, err
	}
	unmailed, mailed := `u.email = ''`, `u.email <> ''`
	if !s.Mails {
		unmailed, mailed = "1 = 1", "1 = 0"
	}
	if out.Unmailed, out.UnmailedUsers, err = s.asked(ctx, rules, before, lacksOnRisk, unmailed, n); err != nil {
		return out, err
	}
	out.Mailed, _, err = s.asked(ctx, rules, before, lacksOnRisk, mailed, 1)
	return out, err
}

// asked counts whom the rules newly ask for what they lack, and lists the first n.
func (s *Store) asked(ctx context.Context, rules, before []idp.PolicyRule, lacks func(idp.PolicyRule) string, and string, n int) (count int, first []idp.User, err error) {
	q := ruled{now: us(s.Now()), lacks: lacks}
	newly, already := q.anyOf(rules), q.anyOf(before)
	return s.counted(ctx, ` FROM users u WHERE u.status = 'active' AND `+and+` AND (`+newly+`) AND NOT (`+already+`)`, q.args, n)
}

// counted counts people, and lists the first n.
func (s *Store) counted(ctx context.Context, where string, args []any, n int) (count int, first []idp.User, err error) {
	_, err = one(ctx, s, "people locked out", func(r row) (struct{}, error) { return struct{}{}, r.Scan(&count) }, `SELECT count(*)`+where, args...)
	if err != nil || count == 0 {
		return count, nil, err
	}
	first, err = list(ctx, s, "people locked out", scanUser,
		fmt.Sprintf(`SELECT %s%s ORDER BY u.username LIMIT %d`, userColumns, where, limit(n)), args...)
	return count, first, err
}

// lacks says who lacks what a rule asks for and has to set it up; "" for a rule that
// asks for nothing of the kind. Where a rule asks by risk, another second factor lets
// its person to where a passkey is set up.
func lacks(r idp.PolicyRule) string {
	switch {
	case r.Risk && r.Passkey:
		return hasSecondFactor + ` AND NOT ` + hasPasskey
	case r.Risk:
		return ""
	case r.Passkey:
		return `NOT ` + hasPasskey
	case r.SecondFactor:
		return `NOT ` + hasSecondFactor
	}
	return ""
}

// byMail reports whether a rule asks people for a code by mail.
func byMail(r idp.PolicyRule) bool { return r.Risk && !r.LetIn }

func lacksOnRisk(r idp.PolicyRule) string {
	if !byMail(r) {
		return ""
	}
	return `NOT ` + hasSecondFactor
}

// ruled writes rules as conditions on a user u, whom they ask for what the user
// does not have.
type ruled struct {
	now   int64
	lacks func(idp.PolicyRule) string
	args  []any
}

func (q *ruled) arg(v any) string {
	q.args = append(q.args, v)
	return fmt.Sprintf("$%d", len(q.args))
}

func (q *ruled) anyOf(rules []idp.PolicyRule) string {
	some := []string{"1 = 0"}
	for _, r := range rules {
		if what := q.lacks(r); what != "" {
			some = append(some, what+" AND "+q.rule(r))
		}
	}
	return strings.Join(some, " OR ")
}

func (q *ruled) rule(r idp.PolicyRule) string {
	all := []string{"1 = 1"}
	switch {
	case r.Owners:
		all = append(all, `u.role = 'owner'`)
	case r.GroupID != "":
		all = append(all, `EXISTS (SELECT 1 FROM members m WHERE m.user_id = u.id AND m.group_id = `+q.arg(r.GroupID)+`)`)
	}
	if r.AppID != "" {
		app, now := q.arg(r.AppID), q.arg(q.now)
		all = append(all, `EXISTS (SELECT 1 FROM grants g WHERE g.app_id = `+app+` AND g.ended_at = 0
			AND g.from_at <= `+now+` AND (g.until_at = 0 OR g.until_at > `+now+`)
			AND (g.user_id = u.id OR g.group_id IN (SELECT m.group_id FROM members m WHERE m.user_id = u.id)))`)
	}
	return "(" + strings.Join(all, " AND ") + ")"
}
