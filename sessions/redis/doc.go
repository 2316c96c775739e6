// Package redis keeps copies of what the gate reads most (sessions, token
// families, apps) in one Redis process, and counts tries there. It owns every
// Redis command of the house, the trust lease, and the registration of the one
// process that is trusted.
//
// It leaves the truth to the store: whatever is written or spent once goes to
// SQL, and so does every question that a copy cannot answer. It leaves what a
// pass must be to package sessions.
//
// How a copy stays true (DESIGN section 4, items 7 to 10). Every copy carries
// the number of the log at which its rows were read. Every row of the log that
// has been applied here left its number as a mark on what it is about: the
// house, a user, an app, a session or a token family. The watermark says that
// all rows up to it were applied. A copy counts only when no mark it hangs on
// is younger than itself; a copy is written only where the watermark is not
// younger; and an answer counts only under a lease, which names the process,
// the key generation and a number that the answer's watermark must reach.
//
// The one invariant: an answer from here is never older than one second, and
// no ending is answered with success while a node may still give an older one.
// Without a Redis, or when it fails in any way, every question goes to SQL:
// the same answers, slower.
package redis
