package idp

import "time"

// BatchState is how a suspension of many stands.
type BatchState string

const (
	BatchPreparing BatchState = "preparing" // whom it is about is being written down; nobody is suspended
	BatchRunning   BatchState = "running"
	BatchDone      BatchState = "done"
	BatchCancelled BatchState = "cancelled" // who was not suspended by then is not
)

// Batch is a suspension of many people, worked off page by page by whichever
// node holds it. Each of them gets an ending and a receipt of their own.
type Batch struct {
	ID        BatchID
	GroupID   GroupID // whose members they were; empty where they were named
	Reason    string
	Actor     Actor
	Myself    bool // whoever asked meant themselves, too
	CreatedAt time.Time
	State     BatchState
	// Total is how many people, of whom Done were suspended by it, Already were
	// suspended before, and Refused were not suspended.
	Total, Done, Already, Refused int
	// Cursor is the place up to which all are counted: what was ended there is
	// in force on every node.
	Cursor      int64
	FinishedAt  time.Time // zero while it is running
	CancelledBy Actor
}

// ToDo is how many are still to come, or were left out by a cancellation.
func (b Batch) ToDo() int { return b.Total - b.Done - b.Already - b.Refused }

// BatchPersonState is how one person of a batch stands.
type BatchPersonState string

const (
	PersonToDo    BatchPersonState = "todo"
	PersonDone    BatchPersonState = "done"    // suspended by it, in force everywhere
	PersonAlready BatchPersonState = "already" // suspended before
	PersonRefused BatchPersonState = "refused" // Note says why
)

// BatchPerson is one person of a batch.
type BatchPerson struct {
	Place     int64  // from 1
	UserID    UserID // empty where nobody has the name
	Name      string // as it was given, or the username
	State     BatchPersonState
	ReceiptID ReceiptID
	Note      string
	// User is who they are now, where that was asked for.
	User User
}

// BulkWish begins the keys of endings that are made by the thousand. What is
// ended otherwise overtakes them in being listed and told.
const BulkWish = "batch:"

// BatchCut is the suspension of one person of a batch: what is written
// together for them.
type BatchCut struct {
	Place  int64
	Ending Ending
	Event  Event
}
