package outbox

import (
	"context"
	"time"

	"gatehouse/idp"
)

// Store is the queue, and what a line is made of.
type Store interface {
	Receipts
	Queue
	Keeping
}

// Receipts is what listing reads and writes.
type Receipts interface {
	Receipt(ctx context.Context, id idp.ReceiptID) (idp.Receipt, error)
	// ClaimReceipt holds one receipt that is not listed yet and says how far
	// its listing has come; idp.NotFound when there is none.
	ClaimReceipt(ctx context.Context, hand string, now time.Time, lease time.Duration) (r idp.Receipt, cursor string, err error)
	// CutParticipants, CutAccounts and CutFamilies are what r's ending cut.
	CutParticipants(ctx context.Context, r idp.Receipt, after string, limit int) ([]idp.Participant, string, error)
	CutAccounts(ctx context.Context, r idp.Receipt) ([]idp.Account, error)
	CutFamilies(ctx context.Context, r idp.Receipt) ([]idp.TokenFamily, error)
	// NamesTold are what else apps were told in these sessions, beside the name
	// that their participants have.
	NamesTold(ctx context.Context, ids []idp.SessionID) ([]idp.Participant, error)
	// SessionEnds says when these sessions expire.
	SessionEnds(ctx context.Context, ids []idp.SessionID) (map[idp.SessionID]time.Time, error)
	// Deliveries are the lines of a receipt so far.
	Deliveries(ctx context.Context, id idp.ReceiptID) ([]idp.Delivery, error)
	// ListPage adds lines and moves the cursor in one transaction, and keeps
	// what is known of a line that exists. idp.Conflict: the claim is lost.
	ListPage(ctx context.Context, r idp.ReceiptID, hand string, lines []idp.Delivery, cursor string, done bool, now time.Time) error
}

// Queue is what sending reads and writes.
type Queue interface {
	App(ctx context.Context, id idp.AppID) (idp.App, error)
	Apps(ctx context.Context) ([]idp.App, error)
	// Participant is what app got from that session; idp.NotFound.
	Participant(ctx context.Context, session idp.SessionID, app idp.AppID) (idp.Participant, error)
	// ClaimDeliveries holds up to limit due lines, at most perApp of an app
	// over all workers, in order per app and user.
	ClaimDeliveries(ctx context.Context, hand string, now time.Time, lease time.Duration, limit, perApp int) ([]idp.Delivery, error)
	// AppsInTrouble are those that did not take the newest thing they were told
	// since.
	AppsInTrouble(ctx context.Context, since time.Time) ([]idp.AppID, error)
	// SaveDelivery writes d and frees it. idp.Conflict: the claim is lost, or
	// the line was superseded.
	SaveDelivery(ctx context.Context, d idp.Delivery, hand string) error
	// ReleaseClaims frees everything that worker, or a hand of it (its name, a
	// slash and more), holds.
	ReleaseClaims(ctx context.Context, worker string) error
}

// Keeping is what time alone does.
type Keeping interface {
	// EndedByCeiling turns lines whose ceiling has passed into ended ones, and
	// those without one, when NextAt has, into manual ones.
	EndedByCeiling(ctx context.Context, now time.Time) (int, error)
	// Purge removes what has expired.
	Purge(ctx context.Context, now time.Time) error
}
