// Package directory holds the verbs on people, groups, apps and grants: add,
// change, suspend, restore, join, grant, end. Every face of the house (console,
// API, CLI) calls these and nothing else to change who may do what.
//
// It leaves proof of identity and secrets to idp/login, the gate to sessions,
// the telling of apps to idp/outbox, SQL to store.
//
// The one invariant: a verb reads, decides in a pure function, and hands one
// idp.Change to Store.Commit; a decision on something that changed meanwhile
// is made again. Endings carry no version and always win: there is one verb
// that suspends, and every door leads to it.
package directory
