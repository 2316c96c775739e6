package main

import (
	"strings"
	"testing"

	"gatehouse/idp"
)

// TestTheOwnersOfARestoredHouseAreNamed: a role that fell after the backup is in
// no journal, so an owner has to see who has it again.
func TestTheOwnersOfARestoredHouseAreNamed(t *testing.T) {
	t.Parallel()
	said := ownersWords([]idp.User{
		{Username: "ada", Status: idp.UserActive}, {Username: "bob", Status: idp.UserActive}, {Username: "cyd", Status: idp.UserSuspended},
	})
	if !strings.Contains(said, "Owners in this house: ada, bob. ") || strings.Contains(said, "cyd") {
		t.Errorf("said %q", said)
	}
	if said := ownersWords(nil); !strings.Contains(said, "Owners in this house: none. ") {
		t.Errorf("said %q", said)
	}
}
