package idp

import "time"

// DeviceCode is one request of a device without a browser (RFC 8628). Only the
// hashes of its two codes are stored.
type DeviceCode struct {
	ID       TokenFamilyID // of the family it will be exchanged for
	AppID    AppID
	AppEpoch int64 // the app's Epoch when the device asked
	Scopes   []string
	Address  string // of the device
	// CreatedAt to ExpiresAt is how long it can be confirmed and exchanged.
	CreatedAt time.Time
	ExpiresAt time.Time
	// Hurried: the device has just asked sooner than it may.
	Hurried bool
	// DecidedAt is when a person confirmed or denied it; zero: nobody did.
	DecidedAt time.Time
	Denied    bool
	// Proof and what follows are of the session that confirmed it.
	Proof
	SessionID   SessionID
	SessionEnds time.Time
	AuthTime    time.Time
	Methods     []string
	GrantedN    int64 // the [Access].N by which it was confirmed
}
