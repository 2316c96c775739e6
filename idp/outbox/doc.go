// Package outbox tells the world what has ended. Its [Worker] turns each
// receipt into lines (one per app, or one per app and session), sends each
// line by its app's [Lever] until the app has acknowledged it, asks the app
// for evidence, and writes down what happened.
//
// It leaves to store the queue itself (claims, order per app and user,
// superseded lines), to the tongues how a logout is said, to sessions what is
// refused here: an ending is in force before the outbox hears of it.
//
// The one invariant: nothing is lost and nothing is said to be done that is
// not. Every step is written before the next is taken, every write is held by
// a claim that runs out, and every repeat changes nothing: lines have the ID
// that their receipt, app and session give them, and a message that may have
// been sent is sent again with a fresh token. A line is final only when
// nothing handed out before the cut can land any more.
package outbox
