package idp

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// SessionQuery selects sessions that are alive, of everybody, the newest
// sign-in first. Its zero value selects all.
type SessionQuery struct {
	UserID UserID
	AppID  AppID // that the session has opened
	// Address of the browser at sign-in: the whole of it, or, with Prefix, how
	// it begins.
	Address string
	Prefix  bool
	Before  time.Time     // begun before this moment; zero: any
	Idle    time.Duration // sessions not used for that long are over; zero: none is
	After   string        // cursor of the page before; empty: the first
	Limit   int           // 1 to 500; 0: 50
}

// DeliveryQuery selects lines that are not settled, or that have failed, the
// newest first.
type DeliveryQuery struct {
	State  DeliveryState // failed, retrying, sent or alive; empty: any of these
	AppID  AppID
	UserID UserID
	After  string // cursor of the page before; empty: the first
	Limit  int    // 1 to 500; 0: 50
}

// ReceiptQuery selects receipts, the newest first.
type ReceiptQuery struct {
	UserID UserID
	Kind   EndingKind
	Open   bool   // some line may still change, or be added
	Failed bool   // some line has failed
	After  string // cursor of the page before; empty: the first
	Limit  int    // 1 to 500; 0: 50
}

// LineCounts sums up the lines of a receipt.
type LineCounts struct {
	By    map[DeliveryState]int
	Until time.Time // the latest ceiling of the lines alive; zero for none
	More  bool      // there are more lines than were counted
}

// From sets what addresses q selects: one address, a network of whole octets
// in CIDR notation (10.2.0.0/16), or how an address begins (10.2.). Empty: any.
func (q *SessionQuery) From(text string) error {
	text = strings.ToLower(strings.TrimSpace(text))
	if a, err := netip.ParseAddr(text); err == nil {
		q.Address, q.Prefix = a.String(), false
		return nil
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		switch {
		case p.Bits() == p.Addr().BitLen():
			q.Address, q.Prefix = p.Addr().String(), false
		case p.Addr().Is4() && p.Bits() > 0 && p.Bits()%8 == 0:
			octets := strings.SplitAfter(p.Masked().Addr().String(), ".")
			q.Address, q.Prefix = strings.Join(octets[:p.Bits()/8], ""), true
		default:
			return Errorf(Invalid, "Only networks of whole octets can be looked for (10.0.0.0/8, 10.2.0.0/16, 10.2.3.0/24). Or write how the address begins.")
		}
		return nil
	}
	if len(text) > 45 || strings.Trim(text, "0123456789abcdef.:") != "" {
		return Errorf(Invalid, "This is no address, nor how one begins: %.60q.", text)
	}
	q.Address, q.Prefix = text, text != ""
	return nil
}

// OlderThan sets the age that q selects: a Go duration (8h, 90m) or days (2d).
// Empty: any.
func (q *SessionQuery) OlderThan(text string, now time.Time) error {
	text = strings.TrimSpace(text)
	if text == "" {
		q.Before = time.Time{}
		return nil
	}
	age, err := time.ParseDuration(text)
	if days, found := strings.CutSuffix(text, "d"); found {
		n := 0
		n, err = strconv.Atoi(days)
		age = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || age <= 0 || age > 10*365*24*time.Hour {
		return Errorf(Invalid, "This is no age: %.60q. Write 90m, 8h or 2d.", text)
	}
	q.Before = Time(now.Add(-age))
	return nil
}
