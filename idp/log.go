package idp

import "time"

// Registration names the one Redis process whose copies the house trusts, and
// the generation of keys they stand under (DESIGN section 4, item 9). The zero
// value: none is trusted.
type Registration struct {
	N          int64  // its row in the log; 0: there never was one
	RunID      string // of the process; empty: none
	ReplID     string // its master_replid
	Generation string // prefix of the keys; random, never used before
}

// Position is how far the log has come, of one moment.
type Position struct {
	N int64 // number of the newest row
	Registration
	Ahead time.Duration // of this node's clock before the database's, where that has one
}
