package idp

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
	"time"
)

// IDs are typed so that the compiler keeps them apart. Their text is a short
// prefix, an underscore and 128 random bits in lower-case base32: safe in a
// URL, a log line and a sealed token, and without a colon. An ID is a name,
// never a secret.
type (
	UserID        string
	GroupID       string
	AppID         string
	GrantID       string
	AccountID     string
	SessionID     string
	SignInID      string
	CredentialID  string
	LinkID        string
	TokenFamilyID string
	APITokenID    string
	TokenID       string
	KeyID         string
	EventID       string
	ReceiptID     string
	DeliveryID    string
	ScheduleID    string
	BatchID       string
	ConsentID     string
	MailID        string
)

// Each New*ID returns a fresh ID of its kind.
func NewUserID() UserID               { return UserID(newID("usr")) }
func NewGroupID() GroupID             { return GroupID(newID("grp")) }
func NewAppID() AppID                 { return AppID(newID("app")) }
func NewGrantID() GrantID             { return GrantID(newID("gnt")) }
func NewAccountID() AccountID         { return AccountID(newID("acc")) }
func NewSessionID() SessionID         { return SessionID(newID("ses")) }
func NewSignInID() SignInID           { return SignInID(newID("sin")) }
func NewCredentialID() CredentialID   { return CredentialID(newID("crd")) }
func NewLinkID() LinkID               { return LinkID(newID("lnk")) }
func NewTokenFamilyID() TokenFamilyID { return TokenFamilyID(newID("fam")) }
func NewAPITokenID() APITokenID       { return APITokenID(newID("tok")) }
func NewTokenID() TokenID             { return TokenID(newID("tkn")) }
func NewKeyID() KeyID                 { return KeyID(newID("key")) }
func NewEventID() EventID             { return EventID(newID("evt")) }
func NewReceiptID() ReceiptID         { return ReceiptID(newID("rcp")) }
func NewDeliveryID() DeliveryID       { return DeliveryID(newID("dlv")) }
func NewScheduleID() ScheduleID       { return ScheduleID(newID("sch")) }
func NewBatchID() BatchID             { return BatchID(newID("bat")) }
func NewConsentID() ConsentID         { return ConsentID(newID("con")) }
func NewMailID() MailID               { return MailID(newID("mai")) }

var idEncoding = base32.NewEncoding("abcdefghijkmnpqrstuvwxyz23456789").WithPadding(base32.NoPadding)

func newID(prefix string) string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand crashes the process instead
	return prefix + "_" + idEncoding.EncodeToString(b[:])
}

// Bytes are the random bytes that the ID is made of; false for what is none.
func (id SessionID) Bytes() (b [16]byte, ok bool) {
	if !ValidID("ses", string(id)) {
		return b, false
	}
	_, err := idEncoding.Decode(b[:], []byte(id)[len("ses_"):])
	return b, err == nil
}

// SessionIDOf is the ID with these bytes.
func SessionIDOf(b [16]byte) SessionID {
	return SessionID("ses_" + idEncoding.EncodeToString(b[:]))
}

// ValidID reports whether s has the shape of an ID with this prefix ("usr").
// Handlers refuse anything else before it reaches SQL or a log.
func ValidID(prefix, s string) bool {
	rest, ok := strings.CutPrefix(s, prefix+"_")
	if !ok || len(rest) != 26 {
		return false
	}
	_, err := idEncoding.DecodeString(rest)
	return err == nil
}

// Time returns t as the house remembers it: UTC, whole microseconds, no
// monotonic reading. What is written compares equal to what is read back.
func Time(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// CodeLetters are twenty, for codes that people type: no vowel, so that no word
// comes of them, and nothing that reads like another.
const CodeLetters = "BCDFGHJKLMNPQRSTVWXZ"

// NewCode draws n of [CodeLetters], each as likely: 20^n codes.
func NewCode(n int) string {
	var code []byte
	for len(code) < n {
		var b [16]byte
		rand.Read(b[:])
		for _, x := range b {
			// 240 is a multiple of 20: every letter is as likely.
			if x < 240 && len(code) < n {
				code = append(code, CodeLetters[int(x)%len(CodeLetters)])
			}
		}
	}
	return string(code)
}
