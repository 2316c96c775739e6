// Command tally reads the events of `go test -json` and tells them to a person:
// a line for each package, the output of each test that did not pass, and a
// closing line "N passed, N failed". It owns the rule that a skipped test has
// not passed, and that a run in which nothing ran has proved nothing; running
// the tests is left to the Makefile, the services to e2e/with-services.sh.
package main

import (
	"fmt"
	"os"
)

func main() {
	run := Tally{Out: os.Stdout}
	if err := run.Read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		os.Exit(2)
	}
	if !run.Close() {
		os.Exit(1)
	}
}
