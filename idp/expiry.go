package idp

import (
	"cmp"
	"slices"
	"time"
)

// Expiry is when a certificate comes to its end: one of ours, or one that an app
// is known by.
type Expiry struct {
	KeyID    KeyID  // ours
	AppID    AppID  // an app's
	App      string // its name
	Purpose  string // signing or encryption
	SHA256   string // fingerprint, hex
	NotAfter time.Time
}

// Subject names what a reminder is about.
func (e Expiry) Subject() string {
	return cmp.Or(string(e.AppID), string(e.KeyID)) + ":" + e.Purpose + ":" + e.SHA256
}

// Reminder is that it was said of a certificate, so many days before its end.
type Reminder struct {
	Subject string
	Days    int // of RemindDays
	At      time.Time
}

// RemindDays is how many days before the end of a certificate it is said; 0: that
// it has ended.
func RemindDays() []int { return []int{0, 1, 7, 14, 30} }

// Due returns which reminder is due: the last whose time has come, so that a house
// that was down says one thing and not four. False: none is yet.
func (e Expiry) Due(now time.Time) (days int, due bool) {
	i := slices.IndexFunc(RemindDays(), func(days int) bool {
		return !now.Before(e.NotAfter.Add(-time.Duration(days) * 24 * time.Hour))
	})
	if i < 0 {
		return 0, false
	}
	return RemindDays()[i], true
}
