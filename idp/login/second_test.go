package login

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"gatehouse/idp"
	"gatehouse/sessions"
)

// phone is an authenticator app that took the secret of an offer.
type phone struct {
	*house
	secret string
}

func (p *phone) code() string { return p.codeAt(p.clock.now()) }

func (p *phone) codeAt(at time.Time) string {
	p.Helper()
	code, err := totp.GenerateCode(p.secret, at)
	p.ok(err)
	return code
}

// sets gives a person a phone, and returns their recovery codes with it. The
// next code is a fresh one.
func (h *house) sets(u idp.User) (*phone, []string) {
	h.Helper()
	offer, err := h.OfferTOTP(u, "gatehouse.test")
	h.ok(err)
	p := &phone{h, offer.Secret}
	codes, err := h.AddTOTP(h.Context(), h.own(u), offer.Sealed, p.code())
	h.ok(err)
	h.clock.pass(time.Minute)
	return p, codes
}

// own is a session of somebody who has proven all they have, of this moment.
func (h *house) own(u idp.User) idp.Session {
	h.Helper()
	u, err := h.store.User(h.Context(), u.ID)
	h.ok(err)
	generation, err := h.store.Generation(h.Context())
	h.ok(err)
	return idp.Session{ID: "ses_own", Proof: idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: generation}, Methods: []string{"pwd", "mfa"}}
}

// TestWaysInAreChangedByWhoHasProvenAll: a password alone adds no other way in
// where there is a second factor, and nothing is changed from a session that was
// ended meanwhile.
func TestWaysInAreChangedByWhoHasProvenAll(t *testing.T) {
	t.Parallel()
	h := passkeyHouse(t)
	u := h.user("ada", secret)
	p, _ := h.sets(u)
	half := h.own(u)
	half.Methods = []string{"pwd"}
	stale := h.own(u)
	stale.Epoch++
	for s, kind := range map[*idp.Session]idp.Kind{&half: idp.Denied, &stale: idp.Unauthenticated} {
		_, err := h.RenewRecovery(t.Context(), *s)
		h.is(err, kind)
		h.is(h.RemoveOwnFactors(t.Context(), *s), kind)
		_, err = h.AddTOTP(t.Context(), *s, "", p.code())
		h.is(err, kind)
		_, err = h.NewPasskey(t.Context(), *s)
		h.is(err, kind)
		h.is(h.RemovePasskey(t.Context(), *s, "crd_x"), kind)
	}
	if may, err := h.MayChange(t.Context(), half); may || err != nil {
		t.Errorf("a password alone may change: %v, %v", may, err)
	}
	_, err := h.RenewRecovery(t.Context(), h.own(u))
	h.ok(err)
	h.suspend(u)
	_, err = h.RenewRecovery(t.Context(), h.own(u))
	h.is(err, idp.Unauthenticated)
}

// half is a sign-in whose password is proven.
func (h *house) half(username string) idp.SignIn {
	h.Helper()
	in, err := h.Password(h.from("192.0.2.1"), h.begin(), username, secret)
	h.ok(err)
	return in
}

// TestMF01HalfASignInIsNone: with the password alone there is no session, from
// the sign-in as it is stored.
func TestMF01HalfASignInIsNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, _ := h.sets(h.user("ada", secret))
	in := h.half("ada")
	stored, err := h.gate.SignIn(t.Context(), in.ID, bind)
	h.ok(err)
	if got := Next(stored); got != StepCode {
		t.Fatalf("after the password comes %s", got)
	}
	_, err = h.gate.Resume(t.Context(), in.ID, bind)
	h.is(err, idp.Unauthenticated)
	done, err := h.Code(h.from("192.0.2.1"), stored, p.code())
	h.ok(err)
	if Next(done) != StepDone || !slices.Equal(done.Methods, []string{"pwd", "otp", "mfa"}) {
		t.Errorf("after the code: %s, %v", Next(done), done.Methods)
	}
	if n := len(h.events("signin.code.ok")); n != 1 {
		t.Errorf("%d events of it", n)
	}
	_, err = h.Code(h.from("192.0.2.1"), h.begin(), p.code())
	h.is(err, idp.Conflict) // nobody has proven anything in that one
}

// TestMF03ACodeCountsOnce: within its step, with spaces, in another sign-in, and
// from 64 at once; nor does one of an earlier step count after a later one.
func TestMF03ACodeCountsOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, _ := h.sets(h.user("ada", secret))
	earlier, code := p.codeAt(h.clock.now().Add(-totpPeriod)), p.code()
	in := h.half("ada")
	_, err := h.Code(t.Context(), in, " "+code[:3]+" "+code[3:]+" ")
	h.ok(err)
	for name, again := range map[string]string{"the same": code, "the same, spelled otherwise": code[:3] + "-" + code[3:], "an earlier one": earlier} {
		_, err := h.Code(t.Context(), h.half("ada"), again)
		if !idp.IsKind(err, idp.Unauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}

	h.clock.pass(time.Hour)
	code = p.code()
	var won atomic.Int64
	var all sync.WaitGroup
	tries := make([]idp.SignIn, 8)
	for i := range tries {
		tries[i] = h.half("ada")
	}
	for i := range 64 {
		all.Go(func() {
			if _, err := h.Code(t.Context(), tries[i%len(tries)], code); err == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("one code was good %d times", won.Load())
	}
}

// TestCL02NoClockBringsACodeBack: an hour back and forth, what was spent stays spent, and
// so does what was good before it.
func TestCL02NoClockBringsACodeBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, recovery := h.sets(h.user("ada", secret))
	h.clock.pass(time.Hour)
	spent, earlier := p.code(), p.codeAt(h.clock.now().Add(-time.Hour))
	_, err := h.Code(t.Context(), h.half("ada"), spent)
	h.ok(err)
	_, err = h.Code(t.Context(), h.half("ada"), recovery[0])
	h.ok(err)
	refused := func(when, code string) {
		t.Helper()
		if _, err := h.Code(t.Context(), h.half("ada"), code); !idp.IsKind(err, idp.Unauthenticated) {
			t.Errorf("%s: %v", when, err)
		}
	}
	h.clock.pass(-time.Hour)
	refused("an hour back, the code of then", earlier)
	refused("an hour back, a recovery code that was spent", recovery[0])
	h.clock.pass(time.Hour)
	refused("here again", spent)
	h.clock.pass(time.Hour)
	refused("an hour on", spent)
	refused("an hour on, a recovery code that was spent", recovery[0])
	_, err = h.Code(t.Context(), h.half("ada"), p.code())
	h.ok(err)
}

// TestMF05ARecoveryCodeCountsOnce from 64 sign-ins at once; it is kept as no one
// can read it, and new codes void all old ones.
func TestMF05ARecoveryCodeCountsOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := h.user("ada", secret)
	_, codes := h.sets(u)
	if len(codes) != recoveryCodes || len(slices.Compact(slices.Sorted(slices.Values(codes)))) != recoveryCodes {
		t.Fatalf("recovery codes %d", len(codes))
	}
	kept, err := h.store.Credentials(t.Context(), u.ID)
	h.ok(err)
	for _, c := range kept {
		for _, code := range codes {
			if strings.Contains(c.Data, code) || strings.Contains(c.Data, strings.ReplaceAll(code, "-", "")) {
				t.Error("a recovery code is kept in clear")
			}
		}
	}
	var won atomic.Int64
	var all sync.WaitGroup
	in := h.half("ada")
	for range 64 {
		all.Go(func() {
			done, err := h.Code(t.Context(), in, strings.ToLower(codes[3]))
			if err == nil {
				won.Add(1)
				if slices.Contains(done.Methods, "otp") || !MultiFactor(done.Methods) {
					t.Errorf("a recovery code made methods %v", done.Methods)
				}
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("one recovery code was good %d times", won.Load())
	}
	h.clock.pass(time.Hour)
	fresh, err := h.RenewRecovery(t.Context(), h.own(u))
	h.ok(err)
	_, err = h.Code(t.Context(), h.half("ada"), codes[4])
	h.is(err, idp.Unauthenticated)
	_, err = h.Code(t.Context(), h.half("ada"), fresh[0])
	h.ok(err)
}

// TestBF05GuessesOfCodesAreCountedTogether: however many sign-ins they are
// spread over, and whichever kind of code; another person is not touched.
func TestBF05GuessesOfCodesAreCountedTogether(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, _ := h.sets(h.user("ada", secret))
	other, _ := h.sets(h.user("eve", secret))
	limit := perCode()[0].tries
	for i := range 2 * limit {
		guess := []string{"000000", "BBBB-BBBB-BBBB"}[i%2]
		_, err := h.Code(t.Context(), h.half("ada"), guess)
		_, slow := errors.AsType[*ThrottledError](err)
		if slow != (i >= limit) {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	_, err := h.Code(t.Context(), h.half("ada"), p.code())
	if _, slow := errors.AsType[*ThrottledError](err); !slow {
		t.Errorf("the right code after them: %v", err)
	}
	_, err = h.Code(t.Context(), h.half("eve"), other.code())
	h.ok(err)
	h.clock.pass(perCode()[0].window + time.Second)
	_, err = h.Code(t.Context(), h.half("ada"), p.code())
	h.ok(err)
}

// TestASuspendedPersonsCodeIsRefused as a wrong one is.
func TestASuspendedPersonsCodeIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := h.user("ada", secret)
	p, _ := h.sets(u)
	in := h.half("ada")
	_, wrong := h.Code(t.Context(), in, "000000")
	h.suspend(u)
	_, err := h.Code(t.Context(), in, p.code())
	if err == nil || err.Error() != wrong.Error() {
		t.Errorf("suspended: %v; wrong: %v", err, wrong)
	}
}

// TestOnlyWhatIsMissingIsAsked: a session that lacks a second factor becomes one
// that has two, and the sign-in in which that is proven is good for nothing else.
func TestOnlyWhatIsMissingIsAsked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := h.user("ada", secret)
	_, session, err := h.gate.Start(t.Context(), h.half("ada"), "", "")
	h.ok(err)
	p, _ := h.sets(u)

	in, err := h.StepUp(t.Context(), idp.SignIn{ResumeURL: "/resume"}, session, bind)
	h.ok(err)
	if Next(in) != StepCode {
		t.Fatalf("it asks for %s", Next(in))
	}
	in, err = h.Code(t.Context(), in, p.code())
	h.ok(err)
	_, _, err = h.gate.Start(t.Context(), in, "", "")
	h.is(err, idp.Unauthenticated)
	_, another, err := h.gate.Start(t.Context(), h.full(p), "", "")
	h.ok(err)
	_, _, err = h.gate.Renew(t.Context(), in, another)
	h.is(err, idp.Unauthenticated)
	_, renewed, err := h.gate.Renew(t.Context(), in, session)
	h.ok(err)
	if renewed.ID != session.ID || !MultiFactor(renewed.Methods) {
		t.Errorf("renewed to %s with %v", renewed.ID, renewed.Methods)
	}
}

// TestAStepUpMakesNoSessionYounger: what it shows beside a proof of hours ago, by a code
// of an app or from a mail, is no sign-in, and gives no longer life either.
func TestAStepUpMakesNoSessionYounger(t *testing.T) {
	t.Parallel()
	h := risky(t)
	ada, anna := h.user("ada", secret), h.user("anna", secret)
	up := func(s idp.Session, prove func(in idp.SignIn) (idp.SignIn, error)) {
		t.Helper()
		in, err := h.StepUp(h.from("192.0.2.1"), idp.SignIn{ResumeURL: "/passkeys"}, s, bind)
		h.ok(err)
		in, err = prove(in)
		h.ok(err)
		if Next(in) != StepDone {
			t.Fatalf("the step-up waits for %s", Next(in))
		}
		raw, _, err := h.gate.Renew(t.Context(), in, s)
		h.ok(err)
		now, err := h.gate.Session(t.Context(), raw)
		h.ok(err)
		if !now.AuthTime.Equal(s.AuthTime) || !now.ExpiresAt.Equal(s.ExpiresAt) {
			t.Errorf("%v: proven at %s, not %s, until %s, not %s", now.Methods, now.AuthTime, s.AuthTime, now.ExpiresAt, s.ExpiresAt)
		}
	}
	hers := h.half("ada")
	p, _ := h.sets(ada)
	byPassword, _ := h.enters(hers, "")
	h.asks(idp.PolicyRule{AppID: "app_payroll", SecondFactor: true, Risk: true})
	annas, _ := h.enters(h.types(anna, "", "192.0.2.1", ""), "")
	h.clock.pass(50 * time.Minute)
	up(byPassword, func(in idp.SignIn) (idp.SignIn, error) { return h.Code(h.from("192.0.2.1"), in, p.code()) })
	up(annas, func(in idp.SignIn) (idp.SignIn, error) {
		h.ok(h.SendConfirmation(h.from("192.0.2.1"), in, "en"))
		return h.Confirm(h.from("192.0.2.1"), in, h.mailed()[in.ID])
	})
}

// TestAStepUpDiesWithItsSession before it is finished.
func TestAStepUpDiesWithItsSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := h.user("ada", secret)
	_, session, err := h.gate.Start(t.Context(), h.half("ada"), "", "")
	h.ok(err)
	p, _ := h.sets(u)
	in, err := h.StepUp(t.Context(), idp.SignIn{ResumeURL: "/resume"}, session, bind)
	h.ok(err)
	_, err = h.store.Commit(t.Context(), idp.Change{Ending: &idp.Ending{Kind: idp.EndSession, UserID: u.ID, SessionID: session.ID,
		Key: "end/" + string(session.ID), At: idp.Time(h.clock.now()), ReceiptID: idp.NewReceiptID()}})
	h.ok(err)
	_, err = h.Code(t.Context(), in, p.code())
	h.is(err, idp.Unauthenticated)
	_, err = h.StepUp(t.Context(), idp.SignIn{ResumeURL: "/resume"}, session, bind)
	h.is(err, idp.Unauthenticated)
}

// full is a sign-in with both factors proven, later.
func (h *house) full(p *phone) idp.SignIn {
	h.Helper()
	h.clock.pass(time.Minute)
	in, err := h.Code(h.Context(), h.half("ada"), p.code())
	h.ok(err)
	return in
}

// TestWithoutTheAppThereIsOneStep again, and its recovery codes are void.
func TestWithoutTheAppThereIsOneStep(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := h.user("ada", secret)
	h.sets(u)
	offer, err := h.OfferTOTP(u, "gatehouse.test")
	h.ok(err)
	_, err = h.AddTOTP(t.Context(), h.own(u), offer.Sealed, (&phone{h, offer.Secret}).code())
	h.is(err, idp.Conflict) // a second one
	_, err = h.RemoveSecondFactors(t.Context(), u.ID)
	h.ok(err)
	if in := h.half("ada"); Next(in) != StepDone {
		t.Errorf("it asks for %s", Next(in))
	}
	_, err = h.RenewRecovery(t.Context(), h.own(u))
	h.is(err, idp.Conflict)
	if kept, err := h.store.Credentials(t.Context(), u.ID); err != nil || len(kept) != 1 {
		t.Errorf("kept %d credentials, %v", len(kept), err)
	}
}

// TestAnOfferIsOfOnePersonForAWhile, and a wrong code keeps nothing.
func TestAnOfferIsOfOnePersonForAWhile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u, eve := h.user("ada", secret), h.user("eve", secret)
	offer, err := h.OfferTOTP(u, "gatehouse.test")
	h.ok(err)
	p := &phone{h, offer.Secret}
	_, err = h.AddTOTP(t.Context(), h.own(u), offer.Sealed, "000000")
	h.is(err, idp.Invalid)
	_, err = h.AddTOTP(t.Context(), h.own(eve), offer.Sealed, p.code())
	h.is(err, idp.Invalid)
	h.clock.pass(offerLife)
	_, err = h.AddTOTP(t.Context(), h.own(u), offer.Sealed, p.code())
	h.is(err, idp.Invalid)
	if kept, err := h.store.Credentials(t.Context(), u.ID); err != nil || len(kept) != 1 {
		t.Errorf("kept %d credentials, %v", len(kept), err)
	}
}

func TestOneFactorOfSeveral(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ had, one []string }{
		{[]string{"pwd"}, []string{"pwd"}},
		{[]string{"pwd", "otp", "mfa"}, []string{"pwd"}},
		{[]string{"swk", "user", "mfa"}, []string{"swk", "user"}},
		{nil, nil},
	} {
		if got := OneFactor(c.had); !slices.Equal(got, c.one) {
			t.Errorf("of %v: %v, want %v", c.had, got, c.one)
		}
	}
}

// TestBF05AThiefOfThePasswordKeepsNobodyFromTheirCodes: whoever has the password and
// guesses shuts out neither code of hers in a browser in which she has given one before,
// and has no more tries by browsers of their own.
func TestBF05AThiefOfThePasswordKeepsNobodyFromTheirCodes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := h.user("ada", secret)
	first := h.knownTo(u, "") // of the thief's, let us say, is every other one
	thiefs := []string{"", h.knownTo(u, ""), h.knownTo(u, "")}
	p, recovery := h.sets(u)
	limit := perCode()[0].tries
	looked := 0
	for i := range 4 * limit {
		in := h.half("ada")
		in.Device = thiefs[i%len(thiefs)]
		_, err := h.Code(t.Context(), in, "000000")
		if idp.IsKind(err, idp.Unauthenticated) {
			looked++
			continue
		}
		h.is(err, idp.Throttled)
	}
	if looked != limit {
		t.Errorf("%d guesses on browsers of a thief were looked at, at most %d may be", looked, limit)
	}
	for _, code := range []string{p.code(), recovery[0]} {
		in := h.half("ada")
		in.Device = first
		_, err := h.Code(t.Context(), in, code)
		h.ok(err)
	}
	h.clock.pass(time.Minute)
	// One in which a second factor was given counts for itself too, and is no more than
	// one that guesses.
	generation, err := h.store.Generation(t.Context())
	h.ok(err)
	seen, err := h.gate.KnowDevice(t.Context(), idp.Proof{UserID: u.ID, Epoch: 1, Generation: generation}, "", sessions.Browser{}, idp.VouchSecond)
	h.ok(err)
	for i := range limit + 1 {
		in := h.half("ada")
		in.Device = seen.Secret
		_, err := h.Code(t.Context(), in, "000000")
		h.is(err, []idp.Kind{idp.Unauthenticated, idp.Throttled}[i/limit])
	}
}

// TestACodeIsSpentOnlyWithWhatItProves: where the session that is to be renewed by it has
// ended, or the database is away, a code is good still.
func TestACodeIsSpentOnlyWithWhatItProves(t *testing.T) {
	t.Parallel()
	h := mailHouse(t)
	u := h.user("ada", secret)
	_, session, err := h.gate.Start(t.Context(), h.half("ada"), "", "")
	h.ok(err)
	p, recovery := h.sets(u)
	in, err := h.StepUp(t.Context(), idp.SignIn{ResumeURL: "/resume"}, session, bind)
	h.ok(err)
	_, err = h.store.Commit(t.Context(), idp.Change{Ending: &idp.Ending{Kind: idp.EndSession, UserID: u.ID, SessionID: session.ID,
		Key: "end/" + string(session.ID), At: idp.Time(h.clock.now()), ReceiptID: idp.NewReceiptID()}})
	h.ok(err)
	before := len(h.mailsTo(u.ID))
	for _, code := range []string{p.code(), recovery[0]} {
		_, err = h.Code(t.Context(), in, code)
		h.is(err, idp.Unauthenticated)
	}
	if n := len(h.mailsTo(u.ID)); n != before {
		t.Error("she is told of a recovery code that was not used")
	}
	gate := h.Gate
	for _, code := range []string{p.code(), recovery[0]} {
		in := h.half("ada")
		h.Gate = &away{Gate: gate}
		_, err = h.Code(t.Context(), in, code)
		h.is(err, idp.Unavailable)
		h.Gate = gate
		_, err = h.Code(t.Context(), in, code)
		h.ok(err)
		h.clock.pass(time.Hour)
	}

	berta := h.user("berta", secret)
	in, code := h.asksCode("berta", "192.0.2.1", "")
	h.Gate = &away{Gate: gate}
	for range 6 {
		_, err = h.MailedCode(h.from("192.0.2.1"), in, code)
		h.is(err, idp.Unavailable)
	}
	h.Gate = gate
	in, err = h.MailedCode(h.from("192.0.2.1"), in, code)
	h.ok(err)
	if in.UserID != berta.ID || Next(in) != StepDone {
		t.Errorf("%s by %s", Next(in), in.UserID)
	}
}

// away is a gate whose database cannot be written while a factor is recorded.
type away struct{ Gate }

func (*away) Prove(context.Context, idp.SignIn, idp.Proof, idp.Witness, ...string) (idp.SignIn, error) {
	return idp.SignIn{}, idp.Errorf(idp.Unavailable, "The database is away.")
}
