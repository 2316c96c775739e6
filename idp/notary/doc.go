// Package notary makes what the house did provable to somebody who does not
// trust it: [Notary] signs each version of each receipt, seals the audit log
// into a chain of hashes and signs where that stands; [VerifyReceipts] and
// [Walk] check it with nothing but the public keys.
//
// It leaves keys to idp/keys, lines and their states to idp/outbox, rows and
// who may sign what to store, and words on a terminal to cmd.
//
// The one invariant: what was signed once is never signed again in other words.
// A receipt has one version of each number, each holds the hash of the one
// before, and every version and every audit line has one place in the chain.
package notary
