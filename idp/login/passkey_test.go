package login

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"gatehouse/idp"
	"gatehouse/idp/keys"
)

// device is an authenticator with one key. Its party is where it believes to be.
type device struct {
	virtualwebauthn.Authenticator
	key   virtualwebauthn.Credential
	party virtualwebauthn.RelyingParty
}

// newKey is one as devices make them: virtualwebauthn leaves the zeros in front
// of a coordinate away, which RFC 9053 §7.1.1 forbids and the provider refuses.
func newKey() virtualwebauthn.Credential {
	const whole = 77 // bytes of a COSE key on P-256
	for {
		if key := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(key.Key.AttestationData()) == whole {
			return key
		}
	}
}

func newDevice() *device {
	return &device{
		Authenticator: virtualwebauthn.NewAuthenticator(), key: newKey(),
		party: virtualwebauthn.RelyingParty{ID: "house.example", Name: "Gatehouse", Origin: "https://house.example"},
	}
}

// make answers a ceremony in which a passkey is made.
func (d *device) make(t testing.TB, c Ceremony) string {
	t.Helper()
	options, err := virtualwebauthn.ParseAttestationOptions(c.Options)
	if err != nil {
		t.Fatal(err)
	}
	handle, err := base64.RawURLEncoding.DecodeString(options.UserID)
	if err != nil {
		handle = []byte(options.UserID)
	}
	d.Options.UserHandle = handle
	return virtualwebauthn.CreateAttestationResponse(d.party, d.Authenticator, d.key, *options)
}

// use answers a ceremony in which somebody signs in.
func (d *device) use(t testing.TB, c Ceremony) string {
	t.Helper()
	options, err := virtualwebauthn.ParseAssertionOptions(c.Options)
	if err != nil {
		t.Fatal(err)
	}
	d.key.Counter++
	return virtualwebauthn.CreateAssertionResponse(d.party, d.Authenticator, d.key, *options)
}

func passkeyHouse(t *testing.T, more ...func(*PasskeySettings)) *house {
	t.Helper()
	h := newHouse(t)
	h.havePasskeys(more...)
	return h
}

func (h *house) havePasskeys(more ...func(*PasskeySettings)) {
	h.Helper()
	box, err := keys.NewBox([]byte("a root key of the house, long enough"))
	h.ok(err)
	s := PasskeySettings{URL: &url.URL{Scheme: "https", Host: "house.example"}, House: "Gatehouse", Box: box, Salt: []byte("salt of the house")}
	for _, f := range more {
		f(&s)
	}
	h.Passkeys, err = NewPasskeys(s)
	h.ok(err)
}

func (h *house) session(u idp.User) idp.Session {
	h.Helper()
	generation, err := h.store.Generation(h.Context())
	h.ok(err)
	in, err := h.gate.Prove(h.Context(), h.begin(), idp.Proof{UserID: u.ID, Epoch: 1, Generation: generation}, idp.Witness{}, "pwd", "mfa")
	h.ok(err)
	_, s, err := h.gate.Start(h.Context(), in, "192.0.2.1", "a browser")
	h.ok(err)
	return s
}

func (h *house) enrol(u idp.User, d *device) idp.Credential {
	h.Helper()
	s := h.session(u)
	c, err := h.NewPasskey(h.Context(), s)
	h.ok(err)
	made, err := h.AddPasskey(h.Context(), s, c.State, d.make(h, c), "Chrome on Linux")
	h.ok(err)
	d.AddCredential(d.key)
	return made
}

func (h *house) offer(in idp.SignIn) Ceremony {
	h.Helper()
	c, err := h.OfferPasskey(h.Context(), in)
	h.ok(err)
	return c
}

// touch tries a passkey in a sign-in of its own.
func (h *house) touch(d *device) (idp.SignIn, error) {
	h.Helper()
	in := h.begin()
	c := h.offer(in)
	return h.Passkey(h.from("198.51.100.7"), in, c.State, d.use(h, c))
}

// refused tries a passkey that must be refused for this reason, in the events,
// with the one answer.
func (h *house) refused(d *device, reason string) {
	h.Helper()
	_, err := h.touch(d)
	h.refusedFor(err, reason)
}

func (h *house) refusedFor(err error, reason string) {
	h.Helper()
	h.is(err, idp.Unauthenticated)
	if err.Error() != refusedPasskey().Error() {
		h.Errorf("the refusal says %q: not the one answer", err)
	}
	events := h.events("signin.passkey.refuse")
	if len(events) == 0 || !strings.Contains(events[0].Detail["reason"], reason) {
		h.Errorf("refused as %v, want %q", events, reason)
	}
	h.clock.pass(time.Second) // so that the next event is the newest
}

func TestAPasskeySignsIn(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	u, d := h.user("grace", ""), newDevice()
	c := h.enrol(u, d)
	if c.Name != "Chrome on Linux" {
		t.Errorf("it is called %q", c.Name)
	}
	in, err := h.touch(d)
	h.ok(err)
	if in.UserID != u.ID || !slices.Equal(in.Methods, []string{"hwk", "user", "mfa"}) || Next(in) != StepDone {
		t.Errorf("proven: %+v", in)
	}
	all, err := h.store.Credentials(t.Context(), u.ID)
	h.ok(err)
	if len(all) != 1 || all[0].LastUsedAt.IsZero() || !strings.Contains(all[0].Data, `"signCount":1`) {
		t.Errorf("kept: %+v", all)
	}
	ok := h.events("signin.passkey.ok")
	if len(ok) != 1 || ok[0].UserID != u.ID || ok[0].Actor.UserID != u.ID || ok[0].Detail["credential"] != string(c.ID) {
		t.Errorf("events: %+v", ok)
	}
	handle := h.Passkeys.handle(u.ID)
	if len(handle) != 64 || strings.Contains(string(handle), string(u.ID)) || string(handle) == string(h.Passkeys.handle(idp.NewUserID())) {
		t.Error("the user handle is not 64 bytes of their own that tell nothing")
	}
}

func TestWA01OnlyTheHousesOrigins(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t, func(s *PasskeySettings) { s.Origins = []string{"https://house.test"} })
	u, d := h.user("grace", ""), newDevice()
	h.enrol(u, d)
	for _, origin := range []string{
		"https://evil.example", "http://house.example", "https://house.example:8443", "https://sub.house.example",
		"https://xn--huse-6na.example", "https://house.example.evil.example", "null", "",
	} {
		d.party.Origin = origin
		h.refused(d, "does not verify")
	}
	for _, origin := range []string{"https://house.example", "https://house.test"} {
		d.party.Origin = origin
		_, err := h.touch(d)
		h.ok(err)
	}
	s := h.session(u)
	c, err := h.NewPasskey(t.Context(), s)
	h.ok(err)
	other := newDevice()
	other.party.Origin = "https://evil.example"
	_, err = h.AddPasskey(t.Context(), s, c.State, other.make(t, c), "")
	h.is(err, idp.Invalid)
}

func TestWA02OnlyTheHousesDomain(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	u, d := h.user("grace", ""), newDevice()
	h.enrol(u, d)
	for _, id := range []string{"evil.example", "example", "sub.house.example", ""} {
		d.party.ID = id
		h.refused(d, "does not verify")
	}
}

func TestWA03AChallengeIsGoodOnceForItsSignIn(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	u, d := h.user("grace", ""), newDevice()
	h.enrol(u, d)

	in := h.begin()
	c := h.offer(in)
	answer := d.use(t, c)
	_, err := h.Passkey(t.Context(), in, c.State, answer)
	h.ok(err)
	_, err = h.Passkey(t.Context(), in, c.State, answer)
	h.refusedFor(err, "used before")

	c = h.offer(in)
	_, err = h.Passkey(t.Context(), h.begin(), c.State, d.use(t, c))
	h.refusedFor(err, "another sign-in")

	first, second := h.offer(in), h.offer(in)
	_, err = h.Passkey(t.Context(), in, second.State, d.use(t, first))
	h.refusedFor(err, "does not verify")
	_, err = h.Passkey(t.Context(), in, second.State, d.use(t, second))
	h.refusedFor(err, "used before") // by the try that failed

	c = h.offer(in)
	_, err = h.Passkey(t.Context(), in, "", d.use(t, c))
	h.refusedFor(err, "no ceremony")
	making, err := h.NewPasskey(t.Context(), h.session(u))
	h.ok(err)
	_, err = h.Passkey(t.Context(), in, making.State, d.use(t, c))
	h.refusedFor(err, "no ceremony")

	h.clock.pass(ceremonyTime)
	_, err = h.Passkey(t.Context(), in, c.State, d.use(t, c))
	h.refusedFor(err, "expired")
}

// TestWA03OneOfManyWins: the same answer, many times at once.
func TestWA03OneOfManyWins(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	u, d := h.user("grace", ""), newDevice()
	h.enrol(u, d)
	in := h.begin()
	c := h.offer(in)
	answer := d.use(t, c)
	var won atomic.Int32
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if _, err := h.Passkey(t.Context(), in, c.State, answer); err == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 64 won", won.Load())
	}
}

func TestWA04ThePersonIsVerified(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	u, d := h.user("grace", secret), newDevice()
	s := h.session(u)
	c, err := h.NewPasskey(t.Context(), s)
	h.ok(err)
	d.Options.UserNotVerified = true
	_, err = h.AddPasskey(t.Context(), s, c.State, d.make(t, c), "")
	h.is(err, idp.Invalid)

	d.Options.UserNotVerified = false
	h.enrol(u, d)
	d.Options.UserNotVerified = true
	h.refused(d, "does not verify")

	// After the password, touching it is the second factor.
	in, err := h.Password(h.from("198.51.100.7"), h.begin(), "grace", secret)
	h.ok(err)
	second := h.offer(in)
	in, err = h.Passkey(t.Context(), in, second.State, d.use(t, second))
	h.ok(err)
	if !slices.Equal(in.Methods, []string{"pwd", "hwk", "user", "mfa"}) {
		t.Errorf("proven by %v", in.Methods)
	}

	d.Options.UserNotVerified, d.Options.UserNotPresent = false, true
	h.refused(d, "does not verify")
}

func TestWA05NobodyElsesPasskey(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	ada, grace := h.user("ada", secret), h.user("grace", secret)
	hers, other := newDevice(), newDevice()
	h.enrol(ada, hers)
	h.enrol(grace, other)

	// Ada's password, and then Grace's passkey.
	half, err := h.Password(h.from("198.51.100.7"), h.begin(), "ada", secret)
	h.ok(err)
	c := h.offer(half)
	if strings.Contains(c.Options, lookupOf(other.key.ID)) || !strings.Contains(c.Options, lookupOf(hers.key.ID)) {
		t.Errorf("the ceremony names others' passkeys: %s", c.Options)
	}
	_, err = h.Passkey(t.Context(), half, c.State, other.use(t, c))
	h.refusedFor(err, "somebody else")

	// A ceremony that began for nobody, in a sign-in that is Ada's by now.
	in := h.begin()
	c = h.offer(in)
	half, err = h.Password(h.from("198.51.100.7"), in, "ada", secret)
	h.ok(err)
	_, err = h.Passkey(t.Context(), half, c.State, other.use(t, c))
	h.refusedFor(err, "somebody else")

	// Grace's credential under Ada's handle.
	mine := other.Options.UserHandle
	other.Options.UserHandle = hers.Options.UserHandle
	h.refused(other, "does not verify")
	other.Options.UserHandle = nil
	h.refused(other, "does not verify")
	other.Options.UserHandle = mine
	_, err = h.touch(other)
	h.ok(err)
}

func TestWA06APasskeyIsOnePersons(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	ada, grace, d := h.user("ada", ""), h.user("grace", ""), newDevice()
	h.enrol(ada, d)
	for _, u := range []idp.User{grace, ada} {
		s := h.session(u)
		c, err := h.NewPasskey(t.Context(), s)
		h.ok(err)
		thief := *d
		_, err = h.AddPasskey(t.Context(), s, c.State, thief.make(t, c), "")
		h.is(err, idp.Denied)
	}
	in, err := h.touch(d)
	h.ok(err)
	if in.UserID != ada.ID {
		t.Errorf("it signs in %s", in.UserID)
	}
	s := h.session(ada)
	c, err := h.NewPasskey(t.Context(), s)
	h.ok(err)
	if !strings.Contains(c.Options, lookupOf(d.key.ID)) {
		t.Error("a device that has one of hers is not excluded")
	}
}

func TestACounterThatGoesBack(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	h.store.Mails = true
	bound, synced := newDevice(), newDevice()
	ada, grace := h.user("ada", ""), h.user("grace", "")
	h.enrol(ada, bound)
	synced.Options.BackupEligible = true
	h.enrol(grace, synced)
	for _, d := range []*device{bound, synced} {
		d.key.Counter = 10
		_, err := h.touch(d)
		h.ok(err)
		d.key.Counter = 4
	}
	h.refused(bound, "counter went back")
	in, err := h.touch(synced)
	h.ok(err)
	if in.Methods[0] != "swk" {
		t.Errorf("a synced passkey proves %v", in.Methods)
	}
	if got := len(h.events("signin.passkey.clone")); got != 2 {
		t.Errorf("%d events of a clone, want 2", got)
	}
	copies := func(u idp.User) (n int) {
		for _, m := range h.mailsTo(u.ID) {
			if m.Kind == idp.MailPasskeyCopied {
				n++
			}
		}
		return n
	}
	for range 3 { // told once a day, however often it is tried
		bound.key.Counter = 4
		h.refused(bound, "counter went back")
	}
	if n, none := copies(ada), copies(grace); n != 1 || none != 0 {
		t.Errorf("told %d times, and %d times of one that is kept in step", n, none)
	}
	h.clock.pass(25 * time.Hour)
	bound.key.Counter = 4
	h.refused(bound, "counter went back")
	if n := copies(ada); n != 2 {
		t.Errorf("a day later told %d times", n)
	}
	bound.key.Counter = 20
	_, err = h.touch(bound) // the true one goes on
	h.ok(err)
}

func TestAPasskeyMayBecomeSyncedAndNotTheOtherWay(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	d := newDevice()
	h.enrol(h.user("grace", ""), d)
	d.Options.BackupEligible, d.Options.BackupState = true, true
	_, err := h.touch(d)
	h.ok(err)
	_, err = h.touch(d)
	h.ok(err)
	if got := len(h.events("signin.passkey.synced")); got != 1 {
		t.Errorf("%d events that it is synced, want 1", got)
	}
	d.Options.BackupEligible, d.Options.BackupState = false, false
	h.refused(d, reasonUnsynced)
}

// TestTheBackupStateIsKept (WebAuthn L3 §6.1.3): what is kept says whether there is a
// copy now, after each use, and so does what the person and an owner see.
func TestTheBackupStateIsKept(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	u, d := h.user("grace", ""), newDevice()
	d.Options.BackupEligible = true
	made := h.enrol(u, d)
	holds := func(want bool) {
		t.Helper()
		all, err := h.store.Credentials(t.Context(), u.ID)
		h.ok(err)
		kept, err := keptOf(all[0])
		h.ok(err)
		shown, err := PasskeysOf(all)
		h.ok(err)
		if all[0].ID != made.ID || kept.Flags.BackupState != want || !kept.Flags.BackupEligible || shown[0].Synced != want {
			t.Errorf("kept %+v, shown %+v, want a copy: %t", kept.Flags, shown, want)
		}
	}
	holds(false)
	for _, state := range []bool{true, true, false, true} {
		d.Options.BackupState = state
		in, err := h.touch(d)
		h.ok(err)
		if in.Methods[0] != "swk" { // whether or not it was copied yet: it can be
			t.Errorf("it proves %v", in.Methods)
		}
		holds(state)
	}
	d.Options.BackupEligible = false // §7.2 step 20: a copy of what cannot be copied
	h.refused(d, "does not verify")
	holds(true)
}

// TestEveryoneIsRefusedAlike: unknown, removed, suspended, and no address is
// tried without end.
func TestEveryoneIsRefusedAlike(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	u, d, second := h.user("grace", ""), newDevice(), newDevice()
	stranger := newDevice()
	stranger.Options.UserHandle = h.Passkeys.handle(u.ID)
	h.refused(stranger, "unknown passkey")
	c := h.enrol(u, d)
	h.enrol(u, second)
	h.ok(h.RemovePasskey(t.Context(), h.own(u), c.ID))
	h.refused(d, "unknown passkey")
	h.suspend(u)
	h.refused(second, "suspended")

	var err error
	for range 200 {
		if _, err = h.touch(stranger); !idp.IsKind(err, idp.Unauthenticated) {
			break
		}
	}
	h.is(err, idp.Throttled)
}

// TestASuspensionBetweenProofAndWriteHolds: the gate has the last word.
func TestASuspensionBetweenProofAndWriteHolds(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	u, d := h.user("grace", ""), newDevice()
	h.enrol(u, d)
	h.Gate = &cutting{Gate: h.Gate, cut: func() { h.suspend(u) }}
	_, err := h.touch(d)
	h.is(err, idp.Unauthenticated)
	s := idp.Session{ID: idp.NewSessionID(), Proof: idp.Proof{UserID: u.ID, Epoch: 1}, Methods: []string{"pwd", "mfa"}}
	_, err = h.NewPasskey(t.Context(), s)
	h.is(err, idp.Unauthenticated)
}

// notKept is what becomes of a passkey that is refused for this reason, in the events.
func (h *house) notKept(err error, reason string) {
	h.Helper()
	h.is(err, idp.Invalid)
	if events := h.events("passkey.refuse"); len(events) == 0 || !strings.Contains(events[0].Detail["reason"], reason) {
		h.Errorf("refused as %v, want %q", events, reason)
	}
	h.clock.pass(time.Second) // so that the next event is the newest
}

// TestWA08HostileAnswers: each is refused for what is wrong with it. Those of an
// authenticator differ in nothing else from an honest one, which is taken.
func TestWA08HostileAnswers(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	u := h.user("grace", "")
	s := h.session(u)
	making := func() Ceremony {
		c, err := h.NewPasskey(t.Context(), s)
		h.ok(err)
		return c
	}
	for name, answer := range hostile() {
		t.Log(name)
		why := "an answer that cannot be read"
		if len(answer) > maxResponse {
			why = "the answer is too long"
		}
		in := h.begin()
		c := h.offer(in)
		_, err := h.Passkey(t.Context(), in, c.State, answer)
		h.refusedFor(err, why)
		_, err = h.AddPasskey(t.Context(), s, making().State, answer, "")
		h.notKept(err, why)
	}
	for name, x := range attested() {
		t.Log(name)
		c := making()
		answer := x.answer(t, newDevice().make(t, c))
		_, err := h.AddPasskey(t.Context(), s, c.State, answer, "")
		if x.event == "" {
			h.ok(err)
			continue
		}
		h.notKept(err, x.event)
		var said protocol.CredentialCreationResponse
		h.ok(json.Unmarshal([]byte(answer), &said))
		if _, err = said.AttestationResponse.Parse(); !saysInside(err, x.parser) {
			t.Errorf("%s: the parser says %v, want %q", name, err, x.parser)
		}
	}
	d := newDevice()
	h.enrol(u, d)
	for name, x := range asserted() {
		t.Log(name)
		in := h.begin()
		c := h.offer(in)
		answer := d.asserts(t, d.use(t, c), x.extensions)
		_, err := h.Passkey(t.Context(), in, c.State, answer)
		if x.parser == "" {
			h.ok(err)
			continue
		}
		h.refusedFor(err, "an answer that cannot be read")
		if _, err = protocol.ParseCredentialRequestResponseBytes([]byte(answer)); !saysInside(err, x.parser) {
			t.Errorf("%s: the parser says %v, want %q", name, err, x.parser)
		}
	}
	d = newDevice()
	d.key = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeRSA)
	c := making()
	if _, err := h.AddPasskey(t.Context(), s, c.State, d.make(t, c), ""); err != nil {
		t.Errorf("an honest RSA key: %v", err)
	}
}

// TestWA08HostileAnswersCostLittle, counted by what they have a node allocate, while
// no other test runs: what is too long is not read, and what is deep not gone into.
func TestWA08HostileAnswersCostLittle(t *testing.T) {
	h := passkeyHouse(t)
	s, d := h.session(h.user("grace", "")), newDevice()
	costs := func(name, answer string) {
		in := h.begin()
		get := h.offer(in)
		make, err := h.NewPasskey(t.Context(), s)
		h.ok(err)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		_, err = h.Passkey(t.Context(), in, get.State, answer)
		h.is(err, idp.Unauthenticated)
		_, err = h.AddPasskey(t.Context(), s, make.State, answer, "")
		h.is(err, idp.Invalid)
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		n := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %d KiB in %s", name, n>>10, took)
		if n > 1<<20 { // the ceremonies and the database are in it
			t.Errorf("%s has the house allocate %d KiB", name, n>>10)
		}
	}
	for name, answer := range hostile() {
		costs(name, answer)
	}
	for name, x := range attested() {
		c, err := h.NewPasskey(t.Context(), s)
		h.ok(err)
		costs(name, x.answer(t, d.make(t, c))) // of another ceremony, so that none is taken
	}
	for name, x := range asserted() {
		costs(name, d.asserts(t, d.use(t, h.offer(h.begin())), x.extensions))
	}
}

// saysInside reports whether an error of the library says words, also where it says
// them to developers alone; nil says "".
func saysInside(err error, words string) bool {
	if err == nil {
		return words == ""
	}
	said := func(err error) string {
		if e, ok := err.(*protocol.Error); ok {
			return e.Details + e.DevInfo
		}
		return err.Error()
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if words != "" && strings.Contains(said(err), words) {
			return true
		}
	}
	return false
}

// hostile are answers that no browser gives.
func hostile() map[string]string {
	return map[string]string{
		"nothing": "", "no JSON": "{", "null": "null", "list": "[]", "empty": "{}",
		"10 MB":     `{"id":"` + strings.Repeat("A", 10<<20) + `"}`,
		"deep JSON": strings.Repeat(`{"response":`, 5000),
	}
}

// attestation is what an authenticator made of an honest one's data; event is for what
// it is refused, "" for one that is taken, and parser what the library says of it.
type attestation struct {
	object        func(data []byte) []byte
	event, parser string
}

// attested are honest and hostile attestations.
func attested() map[string]attestation {
	const format, statement, unread = "\x63fmt\x64none", "\x67attStmt\xa0", "an answer that cannot be read"
	object := func(head string, data []byte, tail string) []byte {
		return slices.Concat([]byte(head+format+statement+"\x68authData\x59"), []byte{byte(len(data) >> 8), byte(len(data))}, data, []byte(tail))
	}
	with := func(head, tail string) func([]byte) []byte {
		return func(data []byte) []byte { return object(head, data, tail) }
	}
	key := func(cose []byte) func([]byte) []byte { // in place of the honest one
		return func(data []byte) []byte {
			return object("\xa3", append(slices.Clone(data[:55+int(data[53])<<8+int(data[54])]), cose...), "")
		}
	}
	deep := strings.Repeat("\x81", 5000) + "\x00"
	return map[string]attestation{
		"honest":         {with("\xa3", ""), "", ""},
		"depth bomb":     {with("\xa4", "\x61x"+deep), unread, "exceeded max nested level"},
		"duplicate keys": {with("\xa4", format), unread, "duplicate map key"},
		"trailing bytes": {with("\xa3", "\x00"), unread, "extraneous data"},
		"huge length":    {with("\xa4", "\x61x\x5b\x7f\xff\xff\xff\xff\xff\xff\xff"), unread, "unexpected EOF"},
		"endless":        {with("\xbf", "\xff"), unread, "indefinite-length"},

		"an honest key":             {key(rsaKey(2048, "\x01\x00\x01")), "", ""},
		"a key that is a bomb":      {key([]byte(deep)), unread, "exceeded max nested level"},
		"a key with duplicate keys": {key(append([]byte{0xa5, 0x01, 0x03}, rsaKey(2048, "\x01\x00\x01")[1:]...)), unread, "duplicate map key"},
		"a key and more":            {key(append(rsaKey(2048, "\x01\x00\x01"), 0)), unread, "Leftover"},
		"RSA 512":                   {key(rsaKey(512, "\x01\x00\x01")), "a weak key", ""},
		"a point off the curve":     {key(pointKey("x", "y")), "a weak key", ""},
	}
}

// answer is an honest answer with another attestation.
func (x attestation) answer(t testing.TB, honest string) string {
	t.Helper()
	return rewritten(t, honest, func(response map[string]any) {
		var said struct {
			Data []byte `cbor:"authData"`
		}
		if err := webauthncbor.Unmarshal(unbase(t, response["attestationObject"]), &said); err != nil {
			t.Fatal(err)
		}
		response["attestationObject"] = base64.RawURLEncoding.EncodeToString(x.object(said.Data))
	})
}

// assertion is what stands after the fixed part of an authenticator's data, and what
// the library says of it; "": it is taken.
type assertion struct{ extensions, parser string }

// asserted are honest and hostile extensions.
func asserted() map[string]assertion {
	return map[string]assertion{
		"honest":         {"\xa1\x61x\xf5", ""},
		"depth bomb":     {"\xa1\x61x" + strings.Repeat("\x81", 5000) + "\x00", "exceeded max nested level"},
		"duplicate keys": {"\xa2\x61x\xf5\x61x\xf5", "duplicate map key"},
		"trailing bytes": {"\xa1\x61x\xf5\x00", "Leftover"},
		"huge length":    {"\xa1\x61x\x5b\x7f\xff\xff\xff\xff\xff\xff\xff", "unexpected EOF"},
		"endless":        {"\xbf\x61x\xf5\xff", "indefinite-length"},
	}
}

// asserts is an honest answer with extensions, signed by the same key.
func (d *device) asserts(t testing.TB, honest, extensions string) string {
	t.Helper()
	return rewritten(t, honest, func(response map[string]any) {
		data := unbase(t, response["authenticatorData"])
		data[32] |= 0x80 // ED
		data = append(data, extensions...)
		client := sha256.Sum256(unbase(t, response["clientDataJSON"]))
		digest := sha256.Sum256(slices.Concat(data, client[:]))
		signature, err := d.key.Key.Sign(digest[:])
		if err != nil {
			t.Fatal(err)
		}
		response["authenticatorData"] = base64.RawURLEncoding.EncodeToString(data)
		response["signature"] = base64.RawURLEncoding.EncodeToString(signature)
	})
}

// rewritten is an answer in whose response something was changed.
func rewritten(t testing.TB, answer string, change func(response map[string]any)) string {
	t.Helper()
	var whole map[string]any
	if err := json.Unmarshal([]byte(answer), &whole); err != nil {
		t.Fatal(err)
	}
	change(whole["response"].(map[string]any))
	b, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func unbase(t testing.TB, field any) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(field.(string), "="))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rsaKey is a COSE key of RS256 (RFC 8230 §4) with a modulus that is no product of
// two primes.
func rsaKey(bits int, e string) []byte {
	n := append([]byte{0x80}, make([]byte, bits/8-1)...)
	head := []byte{0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20, 0x59, byte(len(n) >> 8), byte(len(n))}
	return append(append(append(head, n...), 0x21, 0x40|byte(len(e))), e...)
}

// pointKey is a COSE key of ES256 (RFC 9053 §7.1.1) with a point that hashes make.
func pointKey(x, y string) []byte {
	a, b := sha256.Sum256([]byte(x)), sha256.Sum256([]byte(y))
	head := []byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}
	return append(append(append(head, a[:]...), 0x22, 0x58, 0x20), b[:]...)
}

// TestWA08WeakKeys: what a COSE key may be.
func TestWA08WeakKeys(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		key  []byte
		want bool
	}{
		"RSA 2048":        {rsaKey(2048, "\x01\x00\x01"), true},
		"RSA 512":         {rsaKey(512, "\x01\x00\x01"), false},
		"RSA 1024":        {rsaKey(1024, "\x01\x00\x01"), false},
		"RSA exponent 1":  {rsaKey(2048, "\x01"), false},
		"RSA exponent 3":  {rsaKey(2048, "\x03"), false},
		"RSA even":        {rsaKey(2048, "\x01\x00\x02"), false},
		"point off curve": {pointKey("x", "y"), false},
		"nothing":         {nil, false},
	} {
		if got := strongKey(c.key); got != c.want {
			t.Errorf("%s is taken: %v", name, got)
		}
	}
}

func FuzzPasskeyAnswer(f *testing.F) {
	for _, answer := range hostile() {
		if len(answer) < 1<<16 {
			f.Add(answer)
		}
	}
	d := newDevice()
	made := virtualwebauthn.CreateAttestationResponse(d.party, d.Authenticator, d.key, virtualwebauthn.AttestationOptions{Challenge: []byte("a challenge of nobody's")})
	for _, x := range attested() {
		f.Add(x.answer(f, made))
	}
	used := virtualwebauthn.CreateAssertionResponse(d.party, d.Authenticator, d.key, virtualwebauthn.AssertionOptions{Challenge: []byte("a challenge of nobody's")})
	for _, x := range asserted() {
		f.Add(d.asserts(f, used, x.extensions))
	}
	f.Fuzz(func(t *testing.T, answer string) { readAnswers(answer) })
}

// TestStatementsOfAPasskey holds what a sign-in by a passkey asks of the
// database, with BEGIN and COMMIT: the challenge is spent, the passkey looked
// up, and what it has become, the proof and its event are one commit.
func TestStatementsOfAPasskey(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	u, d := h.user("grace", ""), newDevice()
	h.enrol(u, d)
	in := h.begin()
	c, err := h.OfferPasskey(t.Context(), in)
	h.ok(err)
	answer, before := d.use(t, c), h.store.Statements()
	_, err = h.Passkey(t.Context(), in, c.State, answer)
	h.ok(err)
	if n := h.store.Statements() - before; n > 7 {
		t.Errorf("%d statements, want at most 7", n)
	}
}
