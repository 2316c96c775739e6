// Package mail sends what waits in the store: it claims a mail, makes its text
// and its link, hands it to the mail server, and writes down what became of it.
//
// It leaves the reason for a mail to the verbs, which write it into their
// Change, and SQL to store.
//
// The one invariant: a link, or a code, exists only from the moment in which its mail is
// sent, made by the proof that the mail carries. So no secret rests in a queue,
// a suspended person is sent nothing, and an ending that came between makes
// the link impossible.
package mail
