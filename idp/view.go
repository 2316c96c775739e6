package idp

import "time"

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
