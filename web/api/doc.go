// Package api is the admin API at /api/v1: JSON over HTTP with a bearer token,
// for the command line and for automation. Its shapes are web/api/client's, its
// verbs idp/directory's; it adds neither rules nor state.
//
// It leaves cookies and pages to the other rooms of web: a request here is
// proven by its API token alone (or by the bootstrap token, while no owner
// exists), so no form of another site can speak for a browser.
//
// The one invariant: a route without a declared access is not mounted, and the
// role behind a token is read from SQL in the same request.
package api
