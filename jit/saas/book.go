package saas

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"time"
)

// Bounds on the app's memory.
const (
	maxAccounts = 10_000
	maxSessions = 50_000
	keepEnded   = 24 * time.Hour // how long a browser with an ended session is told so
)

// errFull says that the app's memory is used up.
var errFull = errors.New("the app holds as many accounts or sessions as it can")

// EndKind is who ended a session.
type EndKind string

// Who ends sessions.
const (
	EndedByIdP      EndKind = "identity provider" // a verified logout message
	EndedByStatedAt EndKind = "stated end"        // the moment stated in the ID token or assertion came
	EndedByLimit    EndKind = "limit"             // the app's own limit
	EndedByPerson   EndKind = "sign-out"          // the person signed out here
	EndedByReplaced EndKind = "replaced"          // the same browser signed in again
)

// session is a signed-in browser. The value of its cookie is kept as a digest only.
type session struct {
	account accountKey
	format  string // SAML: format of the NameID
	index   string // OIDC sid, SAML SessionIndex
	idToken string
	started time.Time
	until   time.Time // when it ends by itself
	untilBy EndKind   // EndedByStatedAt or EndedByLimit
	untilIs string    // what EndedBy says then
	ended   time.Time // zero while alive
	kind    EndKind
	endedBy string // "logout token jti=…"
	beyond  string // what the identity provider said of the rest, when the person signed out here
}

type accountKey struct{ issuer, subject string }

// SessionView is one session as the pages and GET /accounts.json show it: never its secret.
type SessionView struct {
	StartedAt time.Time  `json:"started_at"`
	EndsAt    time.Time  `json:"ends_at"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	EndedKind EndKind    `json:"ended_kind,omitempty"`
	EndedBy   string     `json:"ended_by,omitempty"` // the message: "logout token jti=…", "LogoutRequest ID=…"
}

// Person is an account with its sessions, newest first.
type Person struct {
	Account
	Sessions []SessionView `json:"sessions"`
	Live     int           `json:"live_sessions"`
}

// book holds the accounts and sessions.
type book struct {
	now func() time.Time

	mu       sync.Mutex
	accounts map[accountKey]*Account
	sessions map[[32]byte]*session
}

func newBook(now func() time.Time) *book {
	return &book{now: now, accounts: make(map[accountKey]*Account), sessions: make(map[[32]byte]*session)}
}

// signIn creates or updates the account and starts a session for secret; the session of the browser's
// old cookie, if it lives, ends. Both or neither.
func (b *book) signIn(id identity, secret, oldSecret string, lifetime time.Duration) (made bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	key := accountKey{id.issuer, id.subject}
	if len(b.sessions) >= maxSessions {
		b.forgetEnded(now)
	}
	account, known := b.accounts[key]
	if len(b.sessions) >= maxSessions || (!known && len(b.accounts) >= maxAccounts) {
		return false, errFull
	}
	if !known {
		account = &Account{ID: len(b.accounts) + 1, Issuer: id.issuer, Subject: id.subject, FirstSeen: now}
		b.accounts[key] = account
	}
	account.update(id, now)
	if old := b.sessions[digest(oldSecret)]; old != nil && old.alive(now) {
		old.end(now, EndedByReplaced, "a new sign-in in the same browser")
	}
	s := &session{
		account: key, format: id.nameIDFormat, index: id.index, idToken: id.idToken,
		started: now, until: now.Add(lifetime), untilBy: EndedByLimit, untilIs: "the app's own limit",
	}
	if !id.until.IsZero() && id.until.Before(s.until) {
		s.until, s.untilBy, s.untilIs = id.until, EndedByStatedAt, id.untilIs
	}
	b.sessions[digest(secret)] = s
	return !known, nil
}

// find returns the session of a cookie and its account as they stand now; ok is false when no session
// of that cookie is remembered. Whoever asks looks at s.ended.
func (b *book) find(secret string) (s session, account Account, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := b.sessions[digest(secret)]
	if found == nil {
		return session{}, Account{}, false
	}
	found.expire(b.now())
	return *found, *b.accounts[found.account], true
}

// note keeps what became of the rest when the session of a cookie had been ended by the person.
func (b *book) note(secret, beyond string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.sessions[digest(secret)]; s != nil {
		s.beyond = beyond
	}
}

// endOne ends the session of a cookie.
func (b *book) endOne(secret string, kind EndKind, by string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.sessions[digest(secret)]; s != nil && s.alive(b.now()) {
		s.end(b.now(), kind, by)
	}
}

// endMatching ends every live session that matches, and returns how many that were.
func (b *book) endMatching(match func(session) bool, by string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, n := b.now(), 0
	for _, s := range b.sessions {
		if s.alive(now) && match(*s) {
			s.end(now, EndedByIdP, by)
			n++
		}
	}
	return n
}

// live counts the live sessions of a subject.
func (b *book) live(key accountKey) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, n := b.now(), 0
	for _, s := range b.sessions {
		if s.account == key && s.alive(now) {
			n++
		}
	}
	return n
}

// people lists every account with its sessions, in the order they came.
func (b *book) people() []Person {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	byAccount := make(map[accountKey]*Person, len(b.accounts))
	people := make([]Person, len(b.accounts))
	for key, account := range b.accounts {
		p := &people[account.ID-1]
		p.Account, p.Sessions = *account, []SessionView{}
		byAccount[key] = p
	}
	for _, s := range b.sessions {
		s.expire(now)
		p := byAccount[s.account]
		p.Sessions = append(p.Sessions, s.view())
		if s.ended.IsZero() {
			p.Live++
		}
	}
	for i := range people {
		slices.SortFunc(people[i].Sessions, func(x, y SessionView) int {
			return cmp.Compare(y.StartedAt.UnixNano(), x.StartedAt.UnixNano())
		})
	}
	return people
}

// forgetEnded drops the sessions that ended long ago, and when that is not enough every ended one.
func (b *book) forgetEnded(now time.Time) {
	for _, age := range []time.Duration{keepEnded, 0} {
		for key, s := range b.sessions {
			if s.expire(now); !s.ended.IsZero() && now.Sub(s.ended) >= age {
				delete(b.sessions, key)
			}
		}
		if len(b.sessions) < maxSessions {
			return
		}
	}
}

func (s *session) alive(now time.Time) bool {
	s.expire(now)
	return s.ended.IsZero()
}

// expire ends a session whose own end has come, at that moment.
func (s *session) expire(now time.Time) {
	if s.ended.IsZero() && !now.Before(s.until) {
		s.end(s.until, s.untilBy, s.untilIs)
	}
}

// end marks the session ended, once: the first ending stays.
func (s *session) end(at time.Time, kind EndKind, by string) {
	if s.ended.IsZero() {
		s.ended, s.kind, s.endedBy, s.idToken = at, kind, by, ""
	}
}

func (s *session) view() SessionView {
	v := SessionView{StartedAt: s.started, EndsAt: s.until}
	if !s.ended.IsZero() {
		ended := s.ended
		v.EndedAt, v.EndedKind, v.EndedBy = &ended, s.kind, s.endedBy
	}
	return v
}
