// Package fetch is the one way out of the house by HTTP. It owns the limits
// of outbound calls: https only, addresses that are not public refused at the
// moment of dialling, no redirects, no proxy, no cookies, bounded size, time
// and connections.
//
// It leaves what is asked and what the answer means to the tongues and
// idp/outbox, and the allow-list to the configuration (never to a page).
//
// The one invariant: the address that is connected to is the address that was
// checked, whatever a name resolved to before.
package fetch
