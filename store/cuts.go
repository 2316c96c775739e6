package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"gatehouse/idp"
)

// The list of what an ending cut is read in passes, each in the order of an
// index: first by the sessions that had not expired ten minutes before the cut,
// ended or not; then, of an ending of everybody, by the refresh tokens that
// outlive a session; last by what older receipts told an app that never
// confirmed it. A statement looks at so many rows as the page is long and says of
// each whether it matches, so that it costs the same in any house.
//
// What changes meanwhile is not missed: a session that is renewed moves ahead
// (back only where a new setting has just shortened sessions), and one that ends
// stays where it is. Something may be found by more than one pass; its line is
// the same.
const (
	passSessions  = "sessions"
	passFamilies  = "families"
	passUnheard   = "unheard"
	passOfSubject = "subject" // within passUnheard: what one person ever had in one app
)

// unheardAt is how many groups of lines one statement looks at: each costs some
// ten steps in an index.
const unheardAt = 100

const (
	// The columns of a participant that may not be there.
	maybeParticipant = `COALESCE(p.session_id, ''), COALESCE(p.app_id, ''), COALESCE(p.user_id, ''), COALESCE(p.session_index, ''),
		COALESCE(p.name_id, ''), COALESCE(p.name_id_format, ''), COALESCE(p.name_qualifier, ''), COALESCE(p.sp_name_qualifier, ''),
		COALESCE(p.first_at, 0), COALESCE(p.last_answer_at, 0)`

	// Spelled as the partial indexes are.
	isUnheard = `.state NOT IN ('acknowledged', 'verified', 'ended')`
	isHeard   = `.state IN ('acknowledged', 'verified')`

	// A grant whose end was made covers nobody after it, whatever its dates say by
	// the clock of the one who asks.
	covering = ` AND (g.ended_at = 0 OR g.ended_at > ?) AND g.from_at <= ? AND (g.until_at = 0 OR g.until_at > ?))`
	// Who was a member, and what was granted to the group, is not asked: by the
	// time of the listing both may be gone. That nothing covers them any more says
	// the rest.
	uncovered = `NOT EXISTS (SELECT 1 FROM grants g WHERE g.app_id = p.app_id AND g.user_id = p.user_id` + covering + `
		AND NOT EXISTS (SELECT 1 FROM members m JOIN grants g ON g.group_id = m.group_id AND g.app_id = p.app_id
			WHERE m.user_id = p.user_id` + covering

	// Everything of before ended now; what an earlier one of its kind ended is
	// older than that.
	ofGeneration = `s.generation <> (SELECT h.generation FROM house h) AND s.created_at > COALESCE((SELECT max(x.cut_at) FROM receipts x
		WHERE x.kind = 'before' AND x.before_at = 0 AND x.n < ?), 0)`
	// A key of a tongue signed for all of its apps, as long as it was in use.
	ofKey = `EXISTS (SELECT 1 FROM signing_keys k JOIN apps a ON a.protocol = k.use
		WHERE k.id = ? AND a.id = p.app_id AND p.last_answer_at >= k.created_at AND p.first_at <= k.retired_at + ?)`
)

// landing is how long before a cut an answer may have been handed out and
// still land in its app after it.
const landing = 10 * time.Minute

// handedOutSince is since when a JWT may have been handed out that is good for
// somebody after the receipt's ending: what was revoked after that is a part of it.
func handedOutSince(r idp.Receipt) int64 { return us(r.CutAt.Add(-idp.JWTsReach)) }

// cutWalk is how far the listing of a receipt has come: key is the last row that
// was looked at in a pass.
type cutWalk struct {
	r    idp.Receipt
	join func(table, of, on, first string) string
	pass string // "" at the end
	key  [3]string
}

// What stands beside a row that is looked at, if anything. PostgreSQL would
// sooner read a whole table than 500 rows here and there.
func joinSQLite(table, of, on, _ string) string {
	return ` LEFT JOIN ` + table + ` ` + of + ` ON ` + on
}
func joinPostgres(table, of, on, first string) string {
	return ` LEFT JOIN LATERAL (SELECT * FROM ` + table + ` ` + of + ` WHERE ` + on + first + `) ` + of + ` ON TRUE`
}

// candidate is a row that was looked at.
type candidate struct {
	key     [3]string
	verdict int
	p       idp.Participant
}

// The verdicts on a candidate.
const (
	cutNot = iota
	cutThis
	cutSubject // whatever the person has in the app is to be looked at
)

// CutParticipants returns a page of the apps that the receipt's ending threw
// somebody out of: the participants of what it ended, those who got an answer
// within ten minutes before it, since that can still land in the app, and, unless
// it ended one session alone, those whose logout by an older receipt the app has
// not confirmed. A page may hold fewer than n, even none, and still have a next:
// its cursor says how far was looked. One who is found in two ways may come
// twice.
func (s *Store) CutParticipants(ctx context.Context, r idp.Receipt, after string, n int) ([]idp.Participant, string, error) {
	w := newCutWalk(r, after)
	if w.join = joinSQLite; s.db.dialect("", "postgres") != "" {
		w.join = joinPostgres
	}
	p := cutPage{n: limit(n)}
	for w.pass != "" && len(p.found) < p.n && p.looked < lookAt {
		if err := w.look(ctx, s, &p); err != nil {
			return nil, "", err
		}
	}
	if w.pass == "" {
		return p.found, "", nil
	}
	return p.found, cursor(w.pass, w.key[0], w.key[1], w.key[2]), nil
}

// cutPage is a page in the making: what was found, and of how many rows.
type cutPage struct {
	found     []idp.Participant
	n, looked int
}

// look makes one statement of its pass, and those that its rows ask for.
func (w *cutWalk) look(ctx context.Context, s *Store, p *cutPage) error {
	among := p.n - len(p.found)
	if w.pass == passUnheard {
		among = min(among, unheardAt)
	}
	a := &asked{}
	rows, err := list(ctx, s, "what was cut", scanCandidate, w.statement(a, among), a.args...)
	if err != nil {
		return err
	}
	p.looked += len(rows) + 1
	for _, c := range rows {
		if len(p.found) == p.n {
			return nil // what is left is read again
		}
		w.key = c.key
		switch c.verdict {
		case cutThis:
			p.found = append(p.found, c.p)
		case cutSubject:
			w.pass = passOfSubject
			for w.pass == passOfSubject {
				if len(p.found) == p.n || p.looked >= lookAt {
					return nil
				}
				if err := w.look(ctx, s, p); err != nil {
					return err
				}
			}
		}
	}
	if len(rows) < among {
		w.next()
	}
	return nil
}

func scanCandidate(r row) (c candidate, err error) {
	p := &c.p
	return c, r.Scan(&c.key[0], &c.key[1], &c.key[2], &c.verdict, at(&p.TokensEndedAt), &p.SessionID, &p.AppID, &p.UserID, &p.SessionIndex, &p.NameID.Value,
		&p.NameID.Format, &p.NameID.NameQualifier, &p.NameID.SPNameQualifier, at(&p.FirstAt), at(&p.LastAnswerAt))
}

// newCutWalk goes on from the cursor. One that cannot be read, as of an older
// version, begins again: to list twice is to list once.
func newCutWalk(r idp.Receipt, after string) *cutWalk {
	w := &cutWalk{r: r}
	if key, err := keyOf(after, 4); err == nil && key[0] != "" {
		w.pass, w.key = key[0], [3]string(key[1:])
		if _, err := wholeNumber(w.key[0]); err == nil || w.pass == passUnheard || w.pass == passOfSubject {
			return w
		}
	}
	w.begin(passSessions)
	return w
}

// begin puts the walk before the first row of a pass.
func (w *cutWalk) begin(pass string) {
	w.pass, w.key = pass, [3]string{}
	switch {
	case pass == passUnheard:
		w.key[0] = string(w.r.UserID)
	case pass == passFamilies:
		w.key[0] = strconv.FormatInt(us(w.r.CutAt)+1, 10)
	case w.r.Kind == idp.EndSession:
		w.key[0] = "0"
	default: // whoever got an answer had a session that had not expired
		w.key[0] = strconv.FormatInt(us(w.r.CutAt.Add(-landing)), 10)
	}
}

// next goes on after the last row of a pass.
func (w *cutWalk) next() {
	switch {
	case w.pass == passOfSubject:
		w.pass, w.key[2] = passUnheard, ""
	case w.pass == passUnheard, w.r.Kind == idp.EndSession:
		w.pass = ""
	case w.pass == passSessions && ofEverybody(w.r):
		w.begin(passFamilies)
	default:
		w.begin(passUnheard)
	}
}

// ofEverybody reports whether an ending is of all that an app, a time or a key
// has given out.
func ofEverybody(r idp.Receipt) bool {
	return r.Kind == idp.EndApp || r.Kind == idp.EndBefore || r.Kind == idp.EndKey
}

// asked collects the arguments of a statement that is put together.
type asked struct{ args []any }

// of is a text with the arguments' numbers for its question marks.
func (a *asked) of(text string, args ...any) string {
	for _, v := range args {
		a.args = append(a.args, v)
		text = strings.Replace(text, "?", "$"+strconv.Itoa(len(a.args)), 1)
	}
	return text
}

func (w *cutWalk) statement(a *asked, n int) string {
	switch w.pass {
	case passFamilies:
		return w.byFamilies(a, n)
	case passUnheard:
		return w.byUnheard(a, n)
	case passOfSubject:
		return w.ofSubject(a, n)
	}
	return w.bySessions(a, n)
}

// bySessions goes by session and app; a session whose apps have all been looked
// at has "" for its app.
func (w *cutWalk) bySessions(a *asked, n int) string {
	expires, _ := wholeNumber(w.key[0]) // see newCutWalk
	id, app := w.key[1], w.key[2]
	verdict := `p.app_id IS NOT NULL AND ` + w.whom(a) + ` AND (` + w.live(a) + `)`
	driver := ""
	switch {
	case w.r.Kind == idp.EndSession:
		driver = a.of(`s.id = ? AND `, w.r.SessionID)
	case w.r.UserID != "":
		driver = a.of(`s.user_id = ? AND `, w.r.UserID)
	}
	return `SELECT CAST(s.expires_at AS TEXT), s.id, COALESCE(p.app_id, ''), CASE WHEN ` + verdict + ` THEN 1 ELSE 0 END, 0, ` + maybeParticipant + `
		FROM (SELECT * FROM sessions s WHERE ` + driver + a.of(`(s.expires_at, s.id) >= (?, ?) AND (? <> '' OR s.id <> ?)
			ORDER BY s.expires_at, s.id LIMIT ?`, expires, id, app, id, n) + `) s` +
		w.join(`participants`, `p`, `p.session_id = s.id`+w.inApp(a, "p")+a.of(` AND (s.id <> ? OR p.app_id > ?)`, id, app),
			` ORDER BY p.app_id LIMIT 500`) + a.of(` ORDER BY s.expires_at, s.id, p.app_id LIMIT ?`, n)
}

// byFamilies goes by token families that lived on when their session had ended.
// Of one that ended by itself a while before the cut, without a receipt, only what
// it had handed out is left.
func (w *cutWalk) byFamilies(a *asked, n int) string {
	expires, _ := wholeNumber(w.key[0])
	verdict := w.whom(a) + ` AND NOT (` + w.live(a) + a.of(`) AND (f.revoked_at = 0 OR f.revoked_at >= ?)`, handedOutSince(w.r))
	return `SELECT CAST(f.expires_at AS TEXT), f.id, '', CASE WHEN ` + verdict + ` THEN 1 ELSE 0 END, ` +
		a.of(`CASE WHEN f.revoked_at < ? THEN f.revoked_at ELSE 0 END, `, us(w.r.CutAt)) + maybeParticipant + `
		FROM (SELECT * FROM token_families f WHERE f.offline = 1 ` + a.of(`AND (f.expires_at, f.id) > (?, ?)
			ORDER BY f.expires_at, f.id LIMIT ?`, expires, w.key[1], n) + `) f` +
		w.join(`participants`, `p`, `p.session_id = f.session_id AND p.app_id = f.app_id`+w.inApp(a, "p"), ` LIMIT 1`) +
		w.join(`sessions`, `s`, `s.id = p.session_id`, ` LIMIT 1`) + ` ORDER BY f.expires_at, f.id`
}

// byUnheard goes by person, app and session ("": all of them) of lines that no
// app has confirmed, from each to the next: how many lines there are of one does
// not matter.
func (w *cutWalk) byUnheard(a *asked, n int) string {
	after := func(user, app, session string) string {
		if w.r.UserID != "" {
			return a.of(`e.user_id = ? AND (e.app_id, e.session_id) > (`, w.r.UserID) + app + `, ` + session + `) ORDER BY e.app_id, e.session_id`
		}
		return `(e.user_id, e.app_id, e.session_id) > (` + user + `, ` + app + `, ` + session + `) ORDER BY e.user_id, e.app_id, e.session_id`
	}
	user := ""
	if w.r.UserID == "" {
		user = a.of(`?`, w.key[0])
	}
	next := `(SELECT e.id FROM deliveries e WHERE e` + isUnheard + ` AND `
	first := next + after(user, a.of(`?`, w.key[1]), a.of(`?`, w.key[2])) + ` LIMIT 1)`
	// SQLite goes by the whole key only where the other side is no column.
	then := next + after(`c.user_id`, `c.app_id || ''`, `c.session_id || ''`) + ` LIMIT 1)`
	return `WITH RECURSIVE c (i, user_id, app_id, session_id) AS (
			SELECT 1, d.user_id, d.app_id, d.session_id FROM deliveries d WHERE d.id = ` + first + `
			UNION ALL SELECT c.i + 1, d.user_id, d.app_id, d.session_id FROM c JOIN deliveries d ON d.id = ` + then + a.of(` WHERE c.i < ?`, n) + `)
		SELECT c.user_id, c.app_id, c.session_id, CASE WHEN c.session_id = '' AND ` + w.unheard(a, "c", "''") + w.inApp(a, "c") + ` THEN 2
			WHEN ` + w.unheardOnly(a) + ` THEN 1 ELSE 0 END, 0, ` + maybeParticipant + ` FROM c` +
		w.join(`participants`, `p`, `p.session_id = c.session_id AND p.app_id = c.app_id`+w.inApp(a, "p"), ` LIMIT 1`) +
		w.join(`sessions`, `s`, `s.id = p.session_id`, ` LIMIT 1`) + ` ORDER BY c.i`
}

// ofSubject goes by the sessions of one person in one app.
func (w *cutWalk) ofSubject(a *asked, n int) string {
	return `SELECT p.user_id, p.app_id, p.session_id, CASE WHEN ` + w.unheardOnly(a) + ` THEN 1 ELSE 0 END, 0, ` + participantColumns + `
		FROM participants p` + w.join(`sessions`, `s`, `s.id = p.session_id`, ` LIMIT 1`) + ` WHERE ` + a.of(`p.user_id = ? AND p.app_id = ? AND p.session_id > ?
		ORDER BY p.session_id LIMIT ?`, w.key[0], w.key[1], w.key[2], n)
}

// unheardOnly is what the pass by unconfirmed lines is for.
func (w *cutWalk) unheardOnly(a *asked) string {
	return w.whom(a) + ` AND NOT (` + w.live(a) + `) AND ` + w.unheard(a, "p", "p.session_id", "''")
}

// unheard is the condition that of what older receipts told the app of the
// person and any of these sessions the newest was not confirmed, nor anything
// after it.
func (w *cutWalk) unheard(a *asked, of string, sessions ...string) string {
	newest := func(state string) string {
		var each []string
		for _, session := range sessions {
			each = append(each, `SELECT max(d.receipt_n) AS n FROM deliveries d WHERE d.user_id = `+of+`.user_id AND d.app_id = `+of+`.app_id
				AND d.session_id = `+session+` AND d`+state+a.of(` AND d.receipt_n < ?`, w.r.N))
		}
		return `(SELECT max(x.n) FROM (` + strings.Join(each, ` UNION ALL `) + `) x)`
	}
	return newest(isUnheard) + ` >= COALESCE(` + newest(isHeard) + `, 0)`
}

// inApp narrows to the app of an ending that is of one.
func (w *cutWalk) inApp(a *asked, of string) string {
	if w.r.AppID == "" {
		return ""
	}
	return a.of(` AND `+of+`.app_id = ?`, w.r.AppID)
}

// live is what was open at the cut, or could still become so: sessions that were
// alive, and answers handed out up to ten minutes before, whatever became of
// their session since (DESIGN section 4, item 14). Everything of a person ended
// the sessions of the epoch right before it; those of older epochs were ended by
// older cuts. Of other endings the epoch does not count: who is suspended and
// restored before the listing is told of by nobody else.
//
// A session that ran out a moment before everything of its person ended is told
// of too, since nobody looks for it any more; see ExpiredSessions.
func (w *cutWalk) live(a *asked) string {
	cut := us(w.r.CutAt)
	alive := a.of(`(s.ended_at = 0 OR s.ended_at >= ?)`, cut)
	switch w.r.Kind {
	case idp.EndUser, idp.EndPasses:
		alive += a.of(` AND s.expires_at > ? AND s.epoch = ?`, us(w.r.CutAt.Add(-landing)), w.r.Epoch-1)
	case idp.EndSession:
		alive += a.of(` AND (s.expires_at > ? OR s.ended_by = 'expired')`, cut)
	default:
		alive += a.of(` AND s.expires_at > ?`, cut)
	}
	return alive + a.of(` OR p.last_answer_at >= ?`, us(w.r.CutAt.Add(-landing)))
}

// whom is whom the ending concerned, of the participants that its pass is over.
func (w *cutWalk) whom(a *asked) string {
	r, cut := w.r, us(w.r.CutAt)
	switch {
	case r.Kind == idp.EndSession:
		return a.of(`s.id = ?`, r.SessionID)
	case r.Kind == idp.EndGrant:
		return a.of(uncovered, cut, cut, cut, cut, cut, cut)
	case r.Kind == idp.EndApp:
		return a.of(`p.app_epoch < ?`, r.Epoch)
	case r.Kind == idp.EndKey:
		return a.of(ofKey, r.KeyID, int64(landing/time.Microsecond))
	case r.Kind == idp.EndBefore && r.Before.IsZero():
		return a.of(ofGeneration, r.N)
	case r.Kind == idp.EndBefore:
		return a.of(`s.created_at < ?`, us(r.Before))
	}
	return a.of(`s.epoch < ?`, r.Epoch)
}
