package storetest

import (
	"testing"

	"gatehouse/store"
)

// Run holds the stores that fresh returns against everything the methods of
// store promise. Each case gets a store of its own.
func Run(t *testing.T, fresh func(*testing.T) *store.Store) {
	for _, c := range []struct {
		name string
		run  func(*house)
	}{
		{"the house keeps its generation", testHouse},
		{"users are kept by version", testUsers},
		{"credentials of several kinds", testCredentials},
		{"user lists go by key", testUserPages},
		{"access comes with its reason", testGroupsAndAccess},
		{"events and keys", testEventsAndKeys},
		{"audit lines are found by correlation ID", testEventsAbout},
		{"what is said of secrets follows the app", testSecrets},
		{"a review sees how an app is used", testAppUse},
		{"a sign-in is proven, done and spent once", testSignIns},
		{"a device waits, and is forgotten", testDevices},
		{"a secret of the house is made once", testHouseSecrets},
		{"where metadata is read again follows the app", testRefreshes},
		{"nothing is issued on a dead proof", testNothingIsIssuedOnADeadProof},
		{"a request is answered once, and again", testAnswers},
		{"messages that were refused", testRefusedMessages},
		{"all names that an app was told", testNames},
		{"a sign-on is read at once", testEntry},
		{"a code is spent once and its family rotates", testCodes},
		{"an offline family outlives a sign-out only", testOfflineFamilies},
		{"a session that ran out is found until somebody has seen to it", testExpiredSessions},
		{"a session that is renewed has not run out", testRenewedSession},
		{"who is suspended right after a session ran out is listed", testCutRightAfterExpiry},
		{"links work once", testLinks},
		{"an owner's link of the machine makes an owner beside others", testOwnerLinks},
		{"a mail is in one hand at a time", testMails},
		{"many workers claim each mail once", testMailRace},
		{"a recovery is under way", testRecoveryUnderWay},
		{"a code that was mailed is good once, in its sign-in", testMailCodes},
		{"API tokens carry their user", testAPITokens},
		{"initial access tokens are spent use by use", testInitialTokens},
		{"a browser is known as a person's", testKnownDevices},
		{"the first browser of a person", testFirstKnownDevice},
		{"so many browsers of a person are known", testManyKnownDevices},
		{"what overlaps a suspension is no known device after it", testKnownDeviceRace},
		{"spent values, counts and purge", testSpentThrottlesAndPurge},
		{"an ending is made once and always wins", testEndings},
		{"one token is ended alone", testEndedTokens},
		{"a suspension is of constant size", testSuspendIsConstant},
		{"a session check is one statement", testStatements},
		{"the log says what copies must know", testLog},
		{"one Redis is registered at a time", testRegistration},
		{"a clock that is wrong is seen", testClock},
		{"a renewed session's old secret is in the log", testRenewedInLog},
		{"a receipt lists what was cut", testCut},
		{"every page of every receipt lists what the rules say", testCutsAreComplete},
		{"an ending has the refresh tokens that ended shortly before", testFamiliesThatEndedBefore},
		{"the end of a grant ends what it alone covered", testGrantsEnd},
		{"who was let in by a group that is gone is listed", testGroupDismantled},
		{"who was suspended and is back is listed", testEndedThenRestored},
		{"what no app confirmed is listed when its grant ends", testUnconfirmedIsUngranted},
		{"the end of a group's grant is of constant size, and of everybody at once", testUngrantIsConstant},
		{"a grant comes to its end once", testGrantsComeToTheirEnd},
		{"no code outlives its grant", testNoCodeOutlivesItsGrant},
		{"a grant is narrowed by an ending", testGrantsAreNarrowed},
		{"all that an app holds ends", testAllOfAnAppEnds},
		{"all that is older ends", testAllOlderEnds},
		{"a key ends and is replaced", testAKeyEnds},
		{"many nodes rotate a key once", testKeysTurn},
		{"who has read which certificate", testKeyReads},
		{"a reminder is given once", testReminders},
		{"the look of the house is kept by version", testLook},
		{"the policy is kept by version", testPolicy},
		{"whom a policy locks out is told", testLockedOut},
		{"who asked to be deleted is listed", testDeletionAsked},
		{"what a person opened, and when they came", testSignInsAndAppsOpened},
		{"a consent is one for a person and an app", testConsents},
		{"what an app holds of a person is found", testFamiliesIn},
		{"a scheduled suspension runs once, and says how it went", testSchedules},
		{"many are suspended page by page, each once", testBatches},
		{"what is ended by hand overtakes many", testByHandFirst},
		{"the last owner stays, also among many", testBatchKeepsAnOwner},
		{"a line that is found again stays where it is", testFoundAgain},
		{"what an app never confirmed is cut again", testCutUnconfirmed},
		{"only the app itself proves, and only what it was told", testEvidence},
		{"deliveries are claimed in order", testClaims},
		{"a line that was tried holds up no newer one", testTriedHoldsUpNothing},
		{"a restore takes back suspensions only", testRestoreTakesBackSuspensions},
		{"a restore takes back every line that is open", testRestoreTakesBackWhatIsOpen},
		{"a restore supersedes whatever is pending", testRestoreSupersedes},
		{"who is signed in now is found by whom, where and since when", testSessionsNow},
		{"lines that are not settled are found by state, app and person", testDeliveriesNow},
		{"an admin has a line tried again, once", testRetryDelivery},
		{"an alarm stands until somebody takes note", testDeadLetters},
		{"receipts are found by how they stand", testReceiptsNow},
		{"a receipt is signed, version after version", testVersions},
		{"whatever turns a line has it signed again", testEveryTurnIsSigned},
		{"many nodes sign each version once", testVersionRace},
		{"audit lines get a place in the chain", testChain},
		{"many nodes seal each line once", testSealRace},
		{"a browser is led and an app answers, before and after the listing", testLedByBrowser},
		{"the last owner stays", testLastOwner},
		{"two owners cannot both go", testOwnerRace},
		{"changes of the same people never lock each other out", testChangeRace},
		{"lines widen, are superseded and end", testLines},
		{"one of many wins", testRaces},
		{"numbers have no gap under parallel endings", testNumbers},
		{"what overlaps a suspension is refused or listed", testSuspendRace},
		{"a storm of sign-ons cannot starve a suspension", testStorm},
		{"what overlaps the end of a grant is refused, or dies with it", testGrantRace},
		{"a storm of sign-ons cannot starve an ending of an app", testAppStorm},
		{"two workers claim disjoint deliveries", testClaimRace},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(newHouse(t, fresh(t)))
		})
	}
}

func testHouse(h *house) {
	h.ok(h.Migrate(h.ctx))
	again, err := h.Generation(h.ctx)
	h.ok(err)
	if again != h.generation || len(again) < 20 {
		h.Errorf("generation %q became %q", h.generation, again)
	}
	h.ok(h.Ping(h.ctx))
}
