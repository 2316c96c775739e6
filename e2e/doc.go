// Package e2e tests the whole house as a browser, an app and an admin would:
// it builds the binary, runs it, and talks to it over HTTP, through Chromium and
// on the command line. It imports nothing of ours but web/api/client, so that
// what it proves holds for an outsider; what needs a look inside is tested in
// the room itself. house_test.go holds up the walls between the rooms.
//
// The one invariant: a test here never passes because something was missing.
// No PostgreSQL, no Chromium, an error in the binary's log, a violation of the
// page's security policy: each fails the test that met it.
package e2e
