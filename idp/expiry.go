package idp

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// Expiry is when a certificate comes to its end, one of ours or one that an app
// is known by, or the document that an app's registration was read from.
type Expiry struct {
	KeyID    KeyID  // ours
	AppID    AppID  // an app's
	App      string // its name
	Purpose  string // signing, encryption, pinned, metadata
	SHA256   string // fingerprint, hex; of a certificate only
	NotAfter time.Time
	Renewed  bool // it is read again before: only its end itself is spoken of
}

// Subject names what a reminder is about.
func (e Expiry) Subject() string {
	which := e.SHA256
	if !e.IsCertificate() {
		which = strconv.FormatInt(e.NotAfter.Unix(), 10)
	}
	return cmp.Or(string(e.AppID), string(e.KeyID)) + ":" + e.Purpose + ":" + which
}

// IsCertificate reports whether it is a certificate that ends, and not a document.
func (e Expiry) IsCertificate() bool { return e.SHA256 != "" }

// Reminder is that it was said of something that ends, so many days before its end.
type Reminder struct {
	Subject string
	Days    int // of RemindDays
	At      time.Time
}

// RemindDays is how many days before an end it is said; 0: that
// it has ended.
func RemindDays() []int { return []int{0, 1, 7, 14, 30} }

// Due returns which reminder is due: the last whose time has come, so that a house
// that was down says one thing and not four. False: none is yet.
func (e Expiry) Due(now time.Time) (days int, due bool) {
	if e.Renewed && now.Before(e.NotAfter) {
		return 0, false
	}
	i := slices.IndexFunc(RemindDays(), func(days int) bool {
		return !now.Before(e.NotAfter.Add(-time.Duration(days) * 24 * time.Hour))
	})
	if i < 0 {
		return 0, false
	}
	return RemindDays()[i], true
}
