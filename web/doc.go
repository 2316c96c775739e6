// Package web is the front of the house: one mux for browser routes and one
// for API routes, the middleware before them (correlation ID, address, size
// and origin checks, security headers, session lookup), and the cookies.
//
// It owns cookies and nothing of what pages say: pages live in web/ui,
// web/signin, web/portal and web/console, the admin API in web/api, protocols
// in the tongues, which reach the browser only through [Browser].
//
// The one invariant: no handler runs before the access that its route declares
// was proven in this very request.
package web
