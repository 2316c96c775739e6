package notary

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"gatehouse/idp"
)

// The typ of what receipt keys sign (docs/receipts.md).
const (
	ReceiptType    = "gatehouse-receipt+jws"
	CheckpointType = "gatehouse-checkpoint+jws"
)

// format is the number of the formats below. One that says less, or the same in
// other words, is another.
const format = 1

// Receipt is the claims of a signed version of a receipt.
type Receipt struct {
	Issuer   string    `json:"iss"` // the house's public URL
	Format   int       `json:"format"`
	ID       string    `json:"receipt"`
	Number   int64     `json:"number"` // of the ending in the log
	Version  int64     `json:"version"`
	Previous string    `json:"previous,omitempty"` // hash of the version before
	SignedAt time.Time `json:"signed_at"`
	Final    bool      `json:"final"` // every line is
	Audit    Place     `json:"audit"`
	Era      string    `json:"era,omitempty"` // of the house: another after a restore from backup

	Kind     string    `json:"kind"`
	User     *Person   `json:"user,omitempty"` // absent where it is of several people
	Session  string    `json:"session,omitempty"`
	App      string    `json:"app,omitempty"`
	Group    string    `json:"group,omitempty"`
	Key      string    `json:"key,omitempty"`
	Before   time.Time `json:"before,omitzero"`
	Epoch    int64     `json:"epoch"`
	Reason   string    `json:"reason,omitempty"`
	Actor    Actor     `json:"actor"`
	AskedAt  time.Time `json:"asked_at"`
	CutAt    time.Time `json:"cut_at"` // nothing is accepted from here on
	ListedAt time.Time `json:"listed_at"`
	Lines    []Line    `json:"lines"`
}

// Person is a user by ID, and by the username of that moment.
type Person struct {
	ID       string `json:"id"`
	Username string `json:"username,omitempty"`
}

// Actor is who asked for the ending.
type Actor struct {
	Kind     string `json:"kind"` // user, token, bootstrap, machine, system
	ID       string `json:"id,omitempty"`
	Username string `json:"username,omitempty"`
}

// Place is how far the audit log was sealed at that moment.
type Place struct {
	Position int64  `json:"position"`
	Hash     string `json:"hash,omitempty"`
}

// Line is what became of one thing to end.
type Line struct {
	ID          string    `json:"id"`
	App         string    `json:"app"`
	AppName     string    `json:"app_name,omitempty"`
	User        Person    `json:"user"`
	Session     string    `json:"session,omitempty"`
	Lever       string    `json:"lever"`
	State       string    `json:"state"`
	Attempts    int       `json:"attempts"`
	LatencyMS   int64     `json:"latency_ms,omitempty"` // from the cut to the first acknowledgement
	Answer      string    `json:"answer,omitempty"`
	Evidence    string    `json:"evidence,omitempty"`
	Ceiling     time.Time `json:"ceiling,omitzero"` // by when it has ended by itself
	CreatedAt   time.Time `json:"created_at"`
	FirstSentAt time.Time `json:"first_sent_at,omitzero"`
	AckedAt     time.Time `json:"acknowledged_at,omitzero"`
	VerifiedAt  time.Time `json:"verified_at,omitzero"`
	AgainAt     time.Time `json:"again_at,omitzero"` // when it is told once more
	FinishedAt  time.Time `json:"finished_at,omitzero"`
}

// checkpoint is the claims of a signed place of the audit log.
type checkpoint struct {
	Issuer string `json:"iss"`
	Format int    `json:"format"`
	Place
	SignedAt time.Time `json:"signed_at"`
}

// hash is what a version says of the one before: of the whole JWS, in hex.
func hash(jws string) string {
	sum := sha256.Sum256([]byte(jws))
	return hex.EncodeToString(sum[:])
}

// receiptOf writes the next version of a receipt.
func receiptOf(issuer string, t idp.ReceiptText, now time.Time) Receipt {
	r := Receipt{
		Issuer: issuer, Format: format, ID: string(t.ID), Number: t.N, Version: t.Version + 1, Previous: t.Previous,
		SignedAt: now, Final: !t.Listing(), Audit: Place(t.Audit), Era: t.Era,
		Kind: string(t.Kind), Session: string(t.SessionID), App: string(t.AppID), Group: string(t.GroupID), Key: string(t.KeyID),
		Before: t.Before, Epoch: t.Epoch, Reason: t.Reason,
		Actor:   Actor{Kind: t.Actor.Kind, ID: cmp.Or(string(t.Actor.UserID), string(t.Actor.AppID)), Username: t.ActorBy},
		AskedAt: t.AskedAt, CutAt: t.CutAt, ListedAt: t.ListedAt, Lines: make([]Line, len(t.Lines)),
	}
	if t.UserID != "" {
		r.User = &Person{string(t.UserID), t.Username}
	}
	for i, l := range t.Lines {
		r.Final = r.Final && l.State.Final()
		r.Lines[i] = Line{
			ID: string(l.ID), App: string(l.AppID), AppName: l.App, User: Person{string(l.UserID), l.Username},
			Session: string(l.SessionID), Lever: string(l.Lever), State: string(l.State), Attempts: l.Attempts, LatencyMS: l.LatencyMS,
			Answer: l.Answer, Evidence: l.Evidence, Ceiling: l.Ceiling, CreatedAt: l.CreatedAt, FirstSentAt: l.FirstSentAt,
			AckedAt: l.AckedAt, VerifiedAt: l.VerifiedAt, AgainAt: l.AgainAt, FinishedAt: l.FinishedAt,
		}
	}
	return r
}
