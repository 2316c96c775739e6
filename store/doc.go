// Package store is what the house remembers: SQL, and nothing but SQL, on
// SQLite and on PostgreSQL behind one type, [Store].
//
// It owns the schema (migrations), every statement, and what one transaction
// is. It leaves decisions to idp/directory, idp/login and idp/outbox, and the
// life of passes to sessions: those rooms each name the few methods they need
// in an interface of their own.
//
// The one invariant (DESIGN section 4, items 3 to 6): a pass is written only
// by a statement that finds its proof still standing in the same moment, and
// an ending is one transaction of constant size whose number in the
// revocation log has no gap. So whatever overlaps an ending is either refused
// or seen by it.
//
// Statements are constants, shared where both databases allow it and side by
// side where not. Refusals come as idp errors: [idp.NotFound],
// [idp.Conflict], [idp.Unauthenticated], and [idp.Unavailable] when the
// database does not answer.
package store
