// Package console is what owners see: people, groups, apps, the suspension of
// a person and its receipt.
//
// It owns these views and one file per action. What a verb does is decided in
// idp/directory, what is read comes from small interfaces of this room; the
// mux of web has checked the session and the role before a handler runs.
//
// The invariant: no page says that access has ended unless the lines behind it
// do. A receipt is called complete only when every line is final, and
// "everywhere" is said only when every line is verified or its ceiling has
// passed.
package console
