package idp

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// AuditRow is an audit line exactly as it is stored, which is what is sealed.
type AuditRow struct {
	ID        EventID
	AtMicros  int64 // UTC microseconds
	Kind      string
	Actor     string // JSON text
	UserID    UserID
	AppID     AppID
	SessionID SessionID
	Detail    string // JSON text
	// Position is where the row itself says that it stands.
	Position int64
}

// chainFormat stands in front of all that is hashed for a link.
const chainFormat = "gatehouse audit 1"

// Hash is what the chain holds at a position for this row, behind the hash of
// the position before ("" at the first): hex SHA-256 over a row of netstrings
// (length in decimal, colon, bytes, comma), so that no two rows read alike.
func (r AuditRow) Hash(previous string, position int64) string {
	var text []byte
	for _, field := range []string{
		chainFormat, previous, strconv.FormatInt(position, 10), string(r.ID), strconv.FormatInt(r.AtMicros, 10), r.Kind, r.Actor,
		string(r.UserID), string(r.AppID), string(r.SessionID), r.Detail,
	} {
		text = strconv.AppendInt(text, int64(len(field)), 10)
		text = append(append(append(text, ':'), field...), ',')
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// ChainLink is one place of the chain.
type ChainLink struct {
	Position int64
	EventID  EventID
	Hash     string
	SealedAt time.Time
	// Row is the audit line of that ID; nil when there is none.
	Row *AuditRow
}

// Place is how far the chain has come, or had come; its zero value is the
// beginning.
type Place struct {
	Position int64
	Hash     string
}

// Checkpoint is a place of the chain that the house has signed: a log that no
// longer leads there was changed.
type Checkpoint struct {
	Place
	SignedAt time.Time
	JWS      string
}

// SignedReceipt is one version of a receipt, as it was signed and will stay.
type SignedReceipt struct {
	ReceiptID ReceiptID
	Version   int64
	Hash      string // hex SHA-256 of JWS
	SignedAt  time.Time
	Final     bool // all lines were
	JWS       string
	// NextAfter: while lines are open, the next version is not signed earlier.
	NextAfter time.Time
}

// ReceiptText is what a version of a receipt is made of, all of one moment.
type ReceiptText struct {
	Receipt
	Username string // of UserID
	ActorBy  string // username of the actor
	Lines    []ReceiptLine
	// Previous is the hash of the version before; empty before the first.
	Previous string
	Audit    Place // how far the audit log was sealed
	Era      string
}

// ReceiptLine is a line with the names of that moment.
type ReceiptLine struct {
	Delivery
	App      string
	Username string
}
