package login

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/sessions"
)

// knownTo is the secret of a browser on which a person has signed in.
func (h *house) knownTo(u idp.User, raw string) string {
	h.Helper()
	generation, err := h.store.Generation(h.Context())
	h.ok(err)
	seen, err := h.gate.KnowDevice(h.Context(), idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: generation}, raw, sessions.Browser{}, idp.VouchNone)
	h.ok(err)
	return seen.Secret
}

// tryOn tries a password on a browser with this device cookie.
func (h *house) tryOn(device, address, username, password string) error {
	h.Helper()
	in := h.begin()
	in.Device = device
	_, err := h.Password(h.from(address), in, username, password)
	return err
}

func TestBF03AStrangerKeepsNobodyOutOfTheirOwnBrowser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna, berta := h.user("anna", secret), h.user("berta", secret)
	hers, bertas := h.knownTo(anna, ""), h.knownTo(berta, "")
	// A stranger, in the same office, until nothing is answered any more.
	for i := range 300 {
		_ = h.try("192.0.2.1", fmt.Sprint("name ", i), "wrong")
		_ = h.try(fmt.Sprintf("2001:db8:%x::1", i), "anna", "wrong")
	}
	h.is(h.try("198.51.100.7", "anna", secret), idp.Throttled)
	h.is(h.try("192.0.2.1", "anna", secret), idp.Throttled)
	h.ok(h.tryOn(hers, "192.0.2.1", "anna", secret))
	h.ok(h.tryOn(hers, "198.51.100.7", "anna@example.org", secret))

	// Somebody else's browser is a stranger's for her.
	for _, device := range []string{bertas, "a device cookie that somebody has made up", ""} {
		if n := h.hashes(func() { h.is(h.tryOn(device, "192.0.2.1", "anna", secret), idp.Throttled) }); n != 0 {
			t.Errorf("%d hashes on another device", n)
		}
	}

	// Her browser in other hands has a budget of its own, and no more.
	n := h.hashes(func() {
		for range 30 {
			_ = h.tryOn(hers, "203.0.113.1", "anna", "wrong")
		}
	})
	if n != 10 {
		t.Errorf("%d guesses evaluated on a known device", n)
	}
	h.is(h.tryOn(hers, "192.0.2.1", "anna", secret), idp.Throttled)
}

// TestBF03NobodyKeepsAPasskeyOutAtItsOwnBrowser: what strangers try at an address,
// with passwords and with passkeys of their own making, is not counted there; nor
// does it keep a person who is in from changing their password. Whoever has such a
// browser has a budget as an address has.
func TestBF03NobodyKeepsAPasskeyOutAtItsOwnBrowser(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	anna, key := h.user("anna", secret), newDevice()
	h.enrol(anna, key)
	hers := h.knownTo(anna, "")
	at := func(device string) error {
		in := h.begin()
		c := h.offer(in)
		in.Device = device
		_, err := h.Passkey(h.from("192.0.2.1"), in, c.State, key.use(t, c))
		return err
	}
	_, s := h.sessionOf(anna, secret)
	s.Methods = []string{"pwd", "mfa"}
	for i := range 60 {
		_ = h.try("192.0.2.1", fmt.Sprint("name ", i), "wrong")
	}
	h.is(at(""), idp.Throttled)
	for range 60 { // what was right counts against nobody
		h.ok(at(hers))
	}
	h.ok(h.ChangePassword(h.from("192.0.2.1"), s, "", secret, "another password"))
	for range 60 {
		in := h.begin()
		in.Device = hers
		_, _ = h.Passkey(h.from("203.0.113.9"), in, "x", "{}")
	}
	h.is(at(hers), idp.Throttled)
}

func TestBF03AKnownDeviceDiesWithWhatThePersonHolds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	hers := h.knownTo(anna, "")
	for range 11 {
		_ = h.try("", "anna", "wrong")
	}
	h.ok(h.tryOn(hers, "", "anna", secret))
	_, err := h.store.Commit(h.Context(), idp.Change{Ending: &idp.Ending{Kind: idp.EndPasses, UserID: anna.ID,
		Key: "x", At: idp.Time(h.clock.now()), ReceiptID: idp.NewReceiptID()}})
	h.ok(err)
	h.is(h.tryOn(hers, "", "anna", secret), idp.Throttled)
}

// TestSE01ADeviceCookieThatSomebodyPlantedIsWorthNothing: who put their own
// browser's secret into a victim's browser does not know the one that counts
// after the victim has signed in there.
func TestSE01ADeviceCookieThatSomebodyPlantedIsWorthNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna, eve := h.user("anna", secret), h.user("eve", secret)
	planted := h.knownTo(eve, "")
	hers := h.knownTo(anna, planted)
	if hers == planted {
		t.Fatal("the secret stayed as it was")
	}
	for _, made := range []string{planted, "a secret that eve has made up herself"} {
		if _, err := h.gate.KnownDevice(h.Context(), made, anna.ID); !idp.IsKind(err, idp.Unauthenticated) {
			t.Errorf("%.9s: %v", made, err)
		}
	}
	for _, u := range []idp.User{anna, eve} { // one browser, two people
		_, err := h.gate.KnownDevice(h.Context(), hers, u.ID)
		h.ok(err)
		if again := h.knownTo(u, hers); again != hers {
			t.Error("a secret that is known was replaced")
		}
	}
}

// TestEN01ADeviceCookieTellsNothing: with a cookie that is nobody's, or another
// person's, an unknown, a suspended and a known name are refused alike, at one
// hash and as many statements.
func TestEN01ADeviceCookieTellsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	eve, gone := h.user("eve", secret), h.user("gone", secret)
	h.user("anna", secret)
	h.user("empty", "")
	suspended := h.knownTo(gone, "")
	h.suspend(gone)
	eves := h.knownTo(eve, "")
	for name, device := range map[string]string{"another's": eves, "of a suspended person": suspended, "made up": "a secret that nobody has ever given out"} {
		var want string
		for i, username := range []string{"anna", "gone", "empty", "nobody", "no\x00body"} {
			in := h.begin()
			in.Device = device
			var err error
			ctx := h.from(fmt.Sprintf("2001:db8:%x::1", i))
			before := h.store.Statements()
			hashes := h.hashes(func() { _, err = h.Password(ctx, in, username, "wrong") })
			h.is(err, idp.Unauthenticated)
			got := fmt.Sprintf("%v, %d hashes, %d statements", err, hashes, h.store.Statements()-before)
			if username == "no\x00body" { // can be no name: it is not looked for
				continue
			}
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s, %q: %s, want %s", name, username, got, want)
			}
		}
	}
}

// TestStatementsOfASignIn holds what a password sign-in asks of the database,
// beside its hash, with BEGIN and COMMIT. One is what the person has as a second
// factor.
func TestStatementsOfASignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	hers := h.knownTo(anna, "")
	for name, c := range map[string]struct {
		device, address string
		most            uint64
	}{
		"on a known device": {hers, "192.0.2.1", 7},
		"on a new one":      {"", "198.51.100.1", 9},
	} {
		in := h.begin()
		in.Device = c.device
		before := h.store.Statements()
		_, err := h.Password(h.from(c.address), in, "anna", secret)
		h.ok(err)
		if n := h.store.Statements() - before; n > c.most {
			t.Errorf("%s: %d statements, want at most %d", name, n, c.most)
		}
	}
}

// newcomer signs u in on a browser that has no device cookie.
func (h *house) newcomer(u idp.User) (string, idp.KnownDevice) {
	h.Helper()
	h.clock.pass(time.Minute)
	raw := h.knownTo(u, "")
	d, err := h.gate.KnownDevice(h.Context(), raw, u.ID)
	h.ok(err)
	return raw, d
}

// TestOnlyAnOlderBrowserSaysWhetherANewOneIsTheirs: who has got in by a stolen
// password cannot say that it was all right, from wherever they sign in.
func TestOnlyAnOlderBrowserSaysWhetherANewOneIsTheirs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna, eve := h.user("anna", secret), h.user("eve", secret)
	hers, first := h.newcomer(anna)
	if first.Asks {
		t.Error("the first browser of all is news")
	}
	eves, _ := h.newcomer(eve)
	stolen, second := h.newcomer(anna)
	more, third := h.newcomer(anna)
	asked := func(user idp.User, raw string) int {
		got, err := h.Asked(t.Context(), user.ID, raw)
		h.ok(err)
		return len(got)
	}
	for name, c := range map[string]struct {
		user idp.User
		raw  string
		want int
	}{
		"hers": {anna, hers, 2}, "the new one": {anna, stolen, 0}, "one newer": {anna, more, 0},
		"another person's": {anna, eves, 0}, "another person": {eve, hers, 0}, "none": {anna, "", 0},
	} {
		if got := asked(c.user, c.raw); got != c.want {
			t.Errorf("%s is asked about %d, want %d", name, got, c.want)
		}
		for _, d := range []idp.KnownDevice{second, third, first} {
			if c.want == 0 || d.ID == first.ID {
				h.is(h.Own(t.Context(), c.user.ID, c.raw, d.ID), idp.NotFound)
				_, err := h.Disown(t.Context(), h.own(c.user), true, c.raw, d.ID, "", "")
				h.is(err, idp.NotFound)
			}
		}
	}
	h.ok(h.Own(t.Context(), anna.ID, hers, second.ID))
	h.is(h.Own(t.Context(), anna.ID, hers, second.ID), idp.NotFound)
	if got := asked(anna, hers); got != 1 {
		t.Errorf("asked about %d", got)
	}
	if got := asked(anna, stolen); got != 1 { // hers now, and older than the third
		t.Errorf("a browser that is hers is asked about %d", got)
	}
	newest, fourth := h.newcomer(anna)
	h.ok(h.Own(t.Context(), anna.ID, hers, fourth.ID))
	if got := asked(anna, newest); got != 0 {
		t.Errorf("a browser of hers is asked about %d that came before it", got)
	}
	h.clock.pass(31 * 24 * time.Hour)
	if got := asked(anna, hers); got != 0 {
		t.Errorf("asked about %d after a month", got)
	}
}

// TestABrowserThatNobodyAnsweredForBeginsAnew: who has waited for a month with a stolen
// password is no older friend after it was replaced than on the first day.
func TestABrowserThatNobodyAnsweredForBeginsAnew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	hers, _ := h.newcomer(anna)
	thiefs, _ := h.newcomer(anna)
	h.clock.pass(31 * 24 * time.Hour)
	h.ok(h.set(t.Context(), h.link(anna, idp.LinkReset), "another password", ""))
	anna, err := h.store.User(t.Context(), anna.ID)
	h.ok(err)
	hers = h.knownTo(anna, hers)
	_, laptop := h.newcomer(anna)
	h.clock.pass(time.Minute)
	thiefs = h.knownTo(anna, thiefs)
	thief, err := h.gate.KnownDevice(t.Context(), thiefs, anna.ID)
	h.ok(err)
	if asked, err := h.Asked(t.Context(), anna.ID, thiefs); err != nil || len(asked) != 0 {
		t.Errorf("the thief is asked about %+v, %v", asked, err)
	}
	asked, err := h.Asked(t.Context(), anna.ID, hers)
	h.ok(err)
	if ids := deviceIDs(asked); !slices.Equal(ids, []idp.KnownDeviceID{thief.ID, laptop.ID}) {
		t.Errorf("she is asked about %+v", asked)
	}
}

func deviceIDs(ds []idp.KnownDevice) (ids []idp.KnownDeviceID) {
	for _, d := range ds {
		ids = append(ids, d.ID)
	}
	return ids
}

// TestThisWasNotMeEndsEverything: sessions, browsers and what was enrolled since
// are worth nothing any more, in any hands; the person sets a new password by a
// link, and comes in with it.
func TestThisWasNotMeEndsEverything(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	enrol := func(kind idp.CredentialKind, lookup string) idp.CredentialID {
		now := idp.Time(h.clock.now())
		c := idp.Credential{ID: idp.NewCredentialID(), UserID: anna.ID, Kind: kind, Lookup: lookup, CreatedAt: now, UpdatedAt: now}
		_, err := h.store.Commit(t.Context(), idp.Change{Credentials: []idp.Credential{c}})
		h.ok(err)
		return c.ID
	}
	own := enrol(idp.CredentialPasskey, "hers")
	hers, _ := h.newcomer(anna)
	stolen, intruder := h.newcomer(anna)
	session := func() (raw string) {
		in, err := h.Password(t.Context(), h.begin(), "anna", secret)
		h.ok(err)
		raw, _, err = h.gate.Start(t.Context(), in, "", "")
		h.ok(err)
		return raw
	}
	sessions := []string{session(), session()}
	h.clock.pass(time.Minute)
	enrol(idp.CredentialPasskey, "the intruder's")

	raw, err := h.Disown(t.Context(), h.own(anna), true, hers, intruder.ID, "", "")
	h.ok(err)
	for _, s := range sessions {
		_, err := h.gate.Session(t.Context(), s)
		h.is(err, idp.Unauthenticated)
	}
	_, err = h.gate.KnownDevice(t.Context(), stolen, anna.ID)
	h.is(err, idp.Unauthenticated)
	h.is(h.try("", "anna", secret), idp.Unauthenticated)
	left, err := h.store.Credentials(t.Context(), anna.ID)
	h.ok(err)
	if len(left) != 1 || left[0].ID != own {
		t.Errorf("left to sign in with: %+v", left)
	}
	receipts, _, err := h.store.Receipts(t.Context(), anna.ID, "", 10)
	h.ok(err)
	if len(receipts) != 1 || receipts[0].Kind != idp.EndPasses {
		t.Errorf("receipts %+v", receipts)
	}
	link, err := h.gate.Link(t.Context(), raw)
	h.ok(err)
	h.ok(h.set(t.Context(), link, secret+" anew", ""))
	h.ok(h.try("", "anna", secret+" anew"))
	u, err := h.store.User(t.Context(), anna.ID)
	h.ok(err)
	// Hers was here before; the intruder's is as new as on the first day.
	for device, asks := range map[string]bool{hers: false, stolen: true} {
		d, err := h.gate.KnownDevice(t.Context(), h.knownTo(u, device), anna.ID)
		h.ok(err)
		if d.Asks != asks || d.ID == intruder.ID || asks != d.FirstAt.Equal(idp.Time(h.clock.now())) {
			t.Errorf("known as %+v, asks %v", d, asks)
		}
	}
	if len(h.events("device.disown")) != 1 {
		t.Error("no event")
	}
}

// answerLost is a gate whose answer to who starts over does not arrive, or which cannot
// ask the database for it.
type answerLost struct {
	Gate
	before bool
}

func (g answerLost) StartOver(ctx context.Context, d idp.KnownDevice, change idp.Change) (string, idp.Committed, error) {
	if !g.before {
		if _, _, err := g.Gate.StartOver(ctx, d, change); err != nil {
			return "", idp.Committed{}, err
		}
	}
	return "", idp.Committed{}, idp.Errorf(idp.Unavailable, "The database does not answer.")
}

// TestNobodyIsLeftWithoutAWayInByDisowning: where it fails nothing has ended, and where
// the answer is lost, the browser it was asked in is known still, and a link from a mail
// works there.
func TestNobodyIsLeftWithoutAWayInByDisowning(t *testing.T) {
	t.Parallel()
	for _, before := range []bool{true, false} {
		h := newHouse(t)
		anna := h.user("anna", secret)
		hers, _ := h.newcomer(anna)
		thiefs, intruder := h.newcomer(anna)
		whole := h.Gate
		h.Gate = answerLost{whole, before}
		_, err := h.Disown(t.Context(), h.own(anna), true, hers, intruder.ID, "", "")
		h.is(err, idp.Unavailable)
		h.Gate = whole
		if before {
			h.ok(h.try("", "anna", secret))
			_, err = h.Disown(t.Context(), h.own(anna), true, hers, intruder.ID, "", "")
			h.ok(err)
			continue
		}
		h.is(h.try("", "anna", secret), idp.Unauthenticated)
		anna, err = h.store.User(t.Context(), anna.ID)
		h.ok(err)
		l := h.link(anna, idp.LinkRecovery)
		_, err = h.SetPassword(t.Context(), l, thiefs, "the thief's password", "")
		h.is(err, idp.Denied)
		_, err = h.SetPassword(t.Context(), l, hers, "another password", "")
		h.ok(err)
		h.ok(h.try("", "anna", "another password"))
	}
}

// asked is what somebody is asked for to disown a sign-in, in a session by these methods.
func (h *house) asked(u idp.User, fresh bool, device string, about idp.KnownDeviceID, methods ...string) (idp.Session, DisownAsks) {
	h.Helper()
	s := h.own(u)
	s.Methods = methods
	_, asks, err := h.AskedAbout(h.Context(), s, fresh, device, about)
	h.ok(err)
	return s, asks
}

// TestDisowningAsksForWhatWasThereBefore: who had a second factor proves it first, on
// the page, however long ago they signed in, and what an intruder has set up since keeps
// nobody from ending it.
func TestDisowningAsksForWhatWasThereBefore(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	anna, eve, grace := h.user("anna", secret), h.user("eve", secret), h.user("grace", secret)
	phone, _ := h.sets(anna)
	h.enrol(grace, newDevice())
	hers, _ := h.newcomer(anna)
	_, annas := h.newcomer(anna)
	eves, _ := h.newcomer(eve)
	_, intruder := h.newcomer(eve)
	theirs, _ := h.sets(eve) // the intruder's app
	graces, _ := h.newcomer(grace)
	_, third := h.newcomer(grace)
	for name, c := range map[string]struct {
		user    idp.User
		device  string
		about   idp.KnownDeviceID
		fresh   bool
		methods []string
		want    DisownAsks
	}{
		"just by all":                   {anna, hers, annas.ID, true, []string{"pwd", "otp", "mfa"}, DisownAsks{}},
		"by all, a while ago":           {anna, hers, annas.ID, false, []string{"pwd", "otp", "mfa"}, DisownAsks{Password: true}},
		"just by the password":          {anna, hers, annas.ID, true, []string{"pwd"}, DisownAsks{Code: true}},
		"by the password, a while ago":  {anna, hers, annas.ID, false, []string{"pwd"}, DisownAsks{Password: true, Code: true}},
		"with an app of the intruder's": {eve, eves, intruder.ID, true, []string{"pwd"}, DisownAsks{}},
		"the same, a while ago":         {eve, eves, intruder.ID, false, []string{"pwd"}, DisownAsks{Password: true}},
		"just by a mail":                {eve, eves, intruder.ID, true, []string{"mail"}, DisownAsks{Password: true}},
		"with a passkey, a while ago":   {grace, graces, third.ID, false, []string{"pwd"}, DisownAsks{Password: true, Passkey: true, Again: true}},
		"with a passkey, just by other": {grace, graces, third.ID, true, []string{"pwd"}, DisownAsks{Passkey: true, Second: true}},
		"by the passkey, a while ago":   {grace, graces, third.ID, false, []string{"hwk", "user", "mfa"}, DisownAsks{Password: true, Passkey: true}},
		"just by the passkey":           {grace, graces, third.ID, true, []string{"hwk", "user", "mfa"}, DisownAsks{Passkey: true}},
	} {
		if _, asks := h.asked(c.user, c.fresh, c.device, c.about, c.methods...); asks != c.want || asks.Any() != (c.want != DisownAsks{Passkey: c.want.Passkey}) {
			t.Errorf("%s: asked for %+v, want %+v", name, asks, c.want)
		}
	}
	disown := func(u idp.User, fresh bool, device string, about idp.KnownDeviceID, current, code string, methods ...string) error {
		s, _ := h.asked(u, fresh, device, about, methods...)
		_, err := h.Disown(t.Context(), s, fresh, device, about, current, code)
		return err
	}
	left := func(u idp.User) int {
		all, err := h.store.Credentials(t.Context(), u.ID)
		h.ok(err)
		return len(all)
	}
	h.is(disown(grace, false, graces, third.ID, secret, "", "pwd"), idp.Denied)
	for what, c := range map[string]struct{ current, code, field string }{
		"nothing": {"", "", "current"}, "a wrong password": {"wrong", phone.code(), "current"},
		"no code": {secret, "", "code"}, "a wrong code": {secret, "000000", "code"},
	} {
		if err := disown(anna, false, hers, annas.ID, c.current, c.code, "pwd"); field(err) != c.field {
			t.Errorf("with %s: %v", what, err)
		}
	}
	if err := disown(eve, false, eves, intruder.ID, "wrong", theirs.code(), "pwd"); field(err) != "current" {
		t.Errorf("by the intruder's code: %v", err)
	}
	if left(anna) != 12 || left(eve) != 12 { // password, app, ten codes
		t.Errorf("%d and %d credentials are left", left(anna), left(eve))
	}
	if e := h.events("device.disown.refuse"); len(e) != 4 {
		t.Errorf("%d refusals in the log", len(e))
	} else if x, ok := Explain(e[0]); !ok || x.Meaning == "" {
		t.Error("a refusal is not explained")
	}
	h.ok(disown(anna, false, hers, annas.ID, secret, phone.code(), "pwd"))
	h.ok(disown(eve, false, eves, intruder.ID, secret, "", "pwd"))
	h.ok(disown(grace, true, graces, third.ID, "", "", "hwk", "user", "mfa"))
	if left(anna) != 11 || left(eve) != 0 || left(grace) != 1 {
		t.Errorf("left to sign in with: %d, %d, %d", left(anna), left(eve), left(grace))
	}
}

// TestBF03NobodyKeepsAPersonFromDisowning: what whoever has the password tries in a session
// of their own is not counted in hers; hers has a budget.
func TestBF03NobodyKeepsAPersonFromDisowning(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	hers, _ := h.newcomer(anna)
	h.clock.pass(idp.AskedFor)
	_, intruder := h.newcomer(anna)
	s := h.own(anna)
	s.Methods = []string{"pwd"}
	for range 12 {
		_ = h.ChangePassword(t.Context(), s, "", "wrong", "another password")
		_ = h.try("", "anna", "wrong")
	}
	var err error
	for range 11 {
		_, err = h.Disown(t.Context(), s, false, hers, intruder.ID, "wrong", "")
	}
	if _, slow := errors.AsType[*ThrottledError](err); !slow {
		t.Errorf("the eleventh try: %v", err)
	}
	h.clock.pass(5 * time.Minute)
	_, err = h.Disown(t.Context(), s, false, hers, intruder.ID, secret, "")
	h.ok(err)
}

// toldOf signs u in on a new browser, as the page does that has them told of it.
func (h *house) toldOf(u idp.User) (sessions.Seen, error) {
	h.Helper()
	generation, err := h.store.Generation(h.Context())
	h.ok(err)
	proof := idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: generation}
	b := sessions.Browser{Address: "203.0.113.7", UserAgent: "Firefox", Notice: func(ctx context.Context) ([]idp.Mail, error) {
		return h.Notice(ctx, proof, "203.0.113.7", "Firefox on Linux", "Berlin, Germany")
	}}
	return h.gate.KnowDevice(h.Context(), proof, "", b, idp.VouchNone)
}

func TestANewDeviceIsToldByMail(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.Mails = true
	anna := h.user("anna", secret)
	for i, want := range []int{0, 1} { // there is nothing to tell the first one from
		_, err := h.toldOf(anna)
		h.ok(err)
		if got := h.mailsTo(anna.ID); len(got) != want {
			t.Errorf("after device %d there are %d mails, want %d", i, len(got), want)
		}
	}
	if m := h.mailsTo(anna.ID)[0]; m.Kind != idp.MailNewDevice || m.Data["address"] != "203.0.113.7 (Berlin, Germany)" || m.Data["device"] != "Firefox on Linux" {
		t.Errorf("%+v", m)
	}
}

// TestBF03WhoHasThePasswordBlindsNobody: however many browsers they come with, the
// person's own stays known and is asked about them, and their mailbox is not filled.
func TestBF03WhoHasThePasswordBlindsNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.Mails = true
	anna := h.user("anna", secret)
	h.newcomer(anna) // the first, which she has no more
	hers, laptop := h.newcomer(anna)
	h.clock.pass(idp.AskedFor)
	for range 60 {
		seen, err := h.toldOf(anna)
		h.ok(err)
		_, err = h.gate.KnowDevice(t.Context(), seen.Device.Proof, "", sessions.Browser{}, idp.VouchPasskey) // of their own
		h.ok(err)
		h.clock.pass(time.Second)
	}
	d, err := h.gate.KnownDevice(t.Context(), hers, anna.ID)
	if err != nil || d.ID != laptop.ID {
		t.Fatalf("her browser is %+v, %v", d, err)
	}
	if asked, err := h.Asked(t.Context(), anna.ID, hers); err != nil || len(asked) == 0 {
		t.Errorf("she is asked about %d, %v", len(asked), err)
	}
	if n := len(h.mailsTo(anna.ID)); n != 6 {
		t.Errorf("%d mails within an hour", n)
	}
	if n := len(h.events("signin.device")); n != 122 {
		t.Errorf("%d lines in the log", n)
	}
}
