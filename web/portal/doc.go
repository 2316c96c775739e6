// Package portal is the page of every employee: my apps, where I am signed in,
// what happened to my account lately.
//
// It owns those views and the verbs a person has over their own sessions. What
// a person may use comes from idp/directory, which sessions stand from
// sessions.
//
// The invariant: everything on it belongs to the person of the session, never
// to an ID from the address.
package portal
