// Package idp is the ground of the house: its nouns (people, groups, apps,
// grants, sessions, passes, deliveries, receipts), their IDs, the one error
// type, and the Change in which a decision is handed to the store.
//
// It owns words and nothing else: verbs live in idp/directory and idp/login,
// SQL in store, the gate in sessions. It imports the standard library only,
// so every room can speak its language.
//
// The one invariant: a noun here says what is remembered, never how. Times
// are UTC at microsecond precision ([Time]); a pass carries its [Proof].
package idp
