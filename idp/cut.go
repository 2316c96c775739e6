package idp

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Cut is an ending as it is remembered outside the database, so that it can be
// made again where the database was lost and an older copy restored.
type Cut struct {
	N    int64      `json:"n"`
	Era  string     `json:"era"` // of the house when it was made: numbers compare within one era
	Kind EndingKind `json:"kind"`
	// Key is the wish, as in [Ending]: making the same cut again is making it
	// once.
	Key       string        `json:"key,omitempty"`
	UserID    UserID        `json:"user,omitempty"`
	Username  string        `json:"name,omitempty"` // for people who read the list
	SessionID SessionID     `json:"session,omitempty"`
	FamilyID  TokenFamilyID `json:"family,omitempty"`
	AppID     AppID         `json:"app,omitempty"`
	GroupID   GroupID       `json:"group,omitempty"`
	KeyID     KeyID         `json:"signing_key,omitempty"`
	Before    time.Time     `json:"before,omitzero"`
	Epoch     int64         `json:"epoch,omitempty"`
	Reason    string        `json:"reason,omitempty"`
	At        time.Time     `json:"at,omitzero"`
}

// Lasts reports whether what the cut ended would come back with an older copy
// of the database. What ended passes alone would not: a restore ends them all.
func (c Cut) Lasts() bool {
	switch c.Kind {
	case EndUser, EndGrant, EndKey, EndPasses:
		return true
	}
	return false
}

// Era names a generation of the house without telling it: numbers of the log
// compare only within one. Empty for a house without a generation.
func Era(generation string) string {
	if generation == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("gatehouse era\n" + generation))
	return hex.EncodeToString(sum[:8])
}

// HouseState says whether a house may serve.
type HouseState string

const (
	HouseOpen HouseState = ""
	// HouseRestoring: a restore from backup has begun and not come to its end.
	HouseRestoring HouseState = "restoring"
	// HouseUnconfirmed: restored from backup; nothing is accepted or issued
	// until an owner has confirmed the list of cuts on the machine.
	HouseUnconfirmed HouseState = "unconfirmed"
)

// House is the house's own row.
type House struct {
	State HouseState
	// Era is of its generation; empty while State is not HouseOpen.
	Era        string
	N          int64     // number of the newest row of the log
	RestoredAt time.Time // zero: never was restored
	// InPlace: it was put back by other means than a backup of ours, so that its
	// log may have gone on under numbers that other cuts had.
	InPlace bool
	From    Backup // what it was restored from
}

// Backup says what a backup is of.
type Backup struct {
	At     time.Time // every commit before this moment is in it
	N      int64     // number of the newest row of the log in it
	Era    string
	Schema int64  // version of the schema
	By     string // version of Gatehouse that made it
	Rows   int64  // of all tables together
}

// ReplayOutcome says what became of a cut that was made after the backup.
type ReplayOutcome string

const (
	ReplayedAgain   ReplayOutcome = "made again"
	ReplayedBefore  ReplayOutcome = "stood already" // what it ended is not there, or has ended
	ReplayedNothing ReplayOutcome = "nothing left"  // it ended passes, and those are all dead
	ReplayedUnknown ReplayOutcome = "unknown"       // of a person or thing that the backup does not know
	ReplayedByHand  ReplayOutcome = "do by hand"
)

// Replay is a line of the list that an owner confirms.
type Replay struct {
	Cut
	Outcome ReplayOutcome
	Detail  string // what to know or to do, in plain words
}
