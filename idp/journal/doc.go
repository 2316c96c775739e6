// Package journal is the cut journal: what was ended, kept in files of each
// node outside the database, so that a restore from an old backup can make
// every cut again.
//
// It owns the files: their lines, their checksums, appending, rotating and
// reading. It leaves making the cuts again to idp/directory, and what a backup
// is to store.
//
// The one invariant: when [Journal.Keep] has returned nil, the cut is on disk
// here. A line is never changed, and one that was changed is found by number.
package journal
