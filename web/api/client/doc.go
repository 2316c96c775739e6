// Package client is the admin API at /api/v1 from outside: the request and
// response types, and a Go client. The server, the command line and the
// end-to-end tests use the very same types, so they cannot drift apart.
//
// It owns the shapes on the wire and leaves all meaning to web/api. Fields are
// snake_case; times are RFC 3339 in UTC and left out when there is none;
// errors are problem+json ([Problem], RFC 9457).
package client
