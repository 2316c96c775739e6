package sessions_test

import (
	"crypto/rand"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/sessions"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

// A path is one way to have a pass accepted or issued. prepare makes what must
// exist before the cut; the function it returns is the attempt.
type path struct {
	pass     sessions.Pass
	covers   []string // methods of sessions.Backend it goes through
	prepare  func(w *world) func() error
	ofNobody bool // it stands for an app itself: no cut of a person reaches it
}

// paths is the table of the gate: every way in. A method of Backend or of Gate
// that no line names fails TestEveryWayInIsInTheTable.
var paths = []path{
	{pass: sessions.SessionUsed, covers: []string{"SessionByHash", "TouchSession"}, prepare: func(w *world) func() error {
		raw, _ := w.session()
		return func() error {
			w.now = w.now.Add(w.gate.Idle / 5) // the touch is due
			_, err := w.gate.Session(w.ctx, raw)
			return err
		}
	}},
	{pass: sessions.SignInUsed, covers: []string{"SignInByID"}, prepare: func(w *world) func() error {
		in := w.proven()
		return func() error { _, err := w.gate.SignIn(w.ctx, in.ID, bind); return err }
	}},
	{pass: sessions.SignInProven, covers: []string{"ProveSignIn"}, prepare: func(w *world) func() error {
		in, proof := w.begun(), w.proof()
		return func() error { _, err := w.gate.Prove(w.ctx, in, proof, idp.Witness{}, "pwd"); return err }
	}},
	{pass: sessions.SignInProven, prepare: func(w *world) func() error {
		_, s := w.session()
		return func() error { _, err := w.gate.BeginFrom(w.ctx, idp.SignIn{ResumeURL: "/"}, s, bind); return err }
	}},
	{pass: sessions.SessionStarted, covers: []string{"StartSession"}, prepare: func(w *world) func() error {
		in := w.proven()
		return func() error { _, _, err := w.gate.Start(w.ctx, in, "192.0.2.1", "test"); return err }
	}},
	{pass: sessions.SessionRenewed, covers: []string{"RenewSession"}, prepare: func(w *world) func() error {
		_, s := w.session()
		in := w.proven()
		return func() error { _, _, err := w.gate.Renew(w.ctx, in, s); return err }
	}},
	{pass: sessions.SignInResumed, covers: []string{"SpendSignIn"}, prepare: func(w *world) func() error {
		in := w.proven()
		w.must2(w.gate.Start(w.ctx, in, "192.0.2.1", "test"))
		return func() error { _, err := w.gate.Resume(w.ctx, in.ID, bind); return err }
	}},
	{pass: sessions.Code, covers: []string{"SpendCode"}, prepare: func(w *world) func() error {
		f, p, a := w.code()
		return func() error { return w.gate.SpendCode(w.ctx, f, p, a) }
	}},
	{pass: sessions.RefreshToken, covers: []string{"Rotate"}, prepare: func(w *world) func() error {
		f := w.family()
		return func() error { _, err := w.gate.Rotate(w.ctx, f.ID, f.Proof, f.Seq); return err }
	}},
	{pass: sessions.AccessToken, covers: []string{"FamilyByID"}, prepare: func(w *world) func() error {
		f := w.family()
		return func() error { _, err := w.gate.Family(w.ctx, f.ID, f.Proof); return err }
	}},
	{pass: sessions.AccessToken, covers: []string{"FamilyAndApp"}, prepare: func(w *world) func() error {
		f := w.family()
		return func() error { _, _, err := w.gate.FamilyAndApp(w.ctx, f.ID, f.AppID, f.Proof); return err }
	}},
	{pass: sessions.AccessToken, covers: []string{"FamilyOfTokens"}, prepare: func(w *world) func() error {
		f, tokens := w.family(), []idp.TokenID{idp.NewTokenID(), idp.NewTokenID()}
		return func() error { _, err := w.gate.Exchanged(w.ctx, f.ID, tokens, f.Proof); return err }
	}},
	{pass: sessions.AccessToken, covers: []string{"FamilyOfRefreshToken"}, prepare: func(w *world) func() error {
		f := w.family()
		return func() error { _, err := w.gate.RefreshFamily(w.ctx, f.ID, f.Proof); return err }
	}},
	{pass: sessions.Assertion, covers: []string{"RecordAssertion"}, prepare: func(w *world) func() error {
		_, s := w.session()
		return func() error {
			_, _, err := w.gate.Assert(w.ctx, s.Proof, w.participant(s), w.account("nameid"))
			return err
		}
	}},
	{pass: sessions.Assertion, covers: []string{"RecordAnswer"}, prepare: func(w *world) func() error {
		_, s := w.session()
		return func() error {
			once := idp.Once{Kind: "request", Value: rand.Text(), Until: w.now.Add(time.Minute)}
			_, _, err := w.gate.Answer(w.ctx, s.Proof, once, w.participant(s), w.account("nameid"))
			return err
		}
	}},
	{pass: sessions.LinkIssued, covers: []string{"CreateLink"}, prepare: func(w *world) func() error {
		proof := w.proof()
		return func() error { _, _, err := w.gate.NewLink(w.ctx, proof, idp.LinkPassword); return err }
	}},
	{pass: sessions.LinkIssued, covers: []string{"CreateLink"}, prepare: func(w *world) func() error {
		proof := w.proof()
		return func() error {
			_, _, err := w.gate.NewLinkWith(w.ctx, proof, idp.LinkRecovery, idp.Change{Events: []idp.Event{{ID: idp.NewEventID(), Kind: "link.mail", UserID: proof.UserID}}})
			return err
		}
	}},
	{pass: sessions.LinkOpened, covers: []string{"LinkByHash"}, prepare: func(w *world) func() error {
		raw, _ := w.link()
		return func() error { _, err := w.gate.Link(w.ctx, raw); return err }
	}},
	{pass: sessions.LinkUsed, covers: []string{"UseLink"}, prepare: func(w *world) func() error {
		_, l := w.link()
		return func() error {
			_, err := w.gate.UseLink(w.ctx, l, idp.Change{Passwords: []idp.Credential{w.password()}})
			return err
		}
	}},
	{pass: sessions.LinkIssued, covers: []string{"StartOver"}, prepare: func(w *world) func() error {
		_, d := w.knownDevice()
		return func() error { _, _, err := w.gate.StartOver(w.ctx, d, w.startingOver(d)); return err }
	}},
	{pass: sessions.APITokenIssued, covers: []string{"CreateAPIToken"}, prepare: func(w *world) func() error {
		proof := w.proof()
		return func() error { _, _, err := w.gate.NewAPIToken(w.ctx, proof, "t", 0); return err }
	}},
	{pass: sessions.APITokenUsed, covers: []string{"APITokenByHash"}, prepare: func(w *world) func() error {
		raw, _, err := w.gate.NewAPIToken(w.ctx, w.proof(), "t", 0)
		w.must(err)
		return func() error { _, _, err := w.gate.APIToken(w.ctx, raw); return err }
	}},
	{pass: sessions.DeviceConfirmed, covers: []string{"ConfirmDevice"}, prepare: func(w *world) func() error {
		_, s := w.session()
		_, d := w.device()
		return func() error { return w.gate.ConfirmDevice(w.ctx, s, d) }
	}},
	{pass: sessions.DeviceCode, covers: []string{"PollDevice"}, prepare: func(w *world) func() error {
		raw, d := w.device()
		_, s := w.session()
		w.must(w.gate.ConfirmDevice(w.ctx, s, d))
		return func() error {
			d, err := w.gate.PollDevice(w.ctx, raw, w.app.ID)
			if err != nil {
				return err
			}
			f := idp.TokenFamily{
				ID: d.ID, Proof: d.Proof, AppID: d.AppID, AppEpoch: d.AppEpoch, SessionID: d.SessionID, AuthTime: d.AuthTime,
				Methods: d.Methods, CreatedAt: idp.Time(w.now), RotatedAt: idp.Time(w.now), ExpiresAt: d.SessionEnds,
			}
			return w.gate.SpendCode(w.ctx, f, w.participant(s), w.account(""))
		}
	}},
	// What is issued beside an ending is worth nothing after it.
	{pass: sessions.AppTokenIssued, ofNobody: true, prepare: func(w *world) func() error {
		asked, a := w.now, w.machineTruth()
		return func() error {
			p, err := w.gate.NewApp(a, machineSecretID, asked)
			w.must(err)
			_, err = w.gate.App(w.ctx, p)
			return err
		}
	}},
	{pass: sessions.AppTokenUsed, covers: []string{"AppTruth"}, ofNobody: true, prepare: func(w *world) func() error {
		p, err := w.gate.NewApp(w.machineTruth(), machineSecretID, w.now)
		w.must(err)
		return func() error { _, err := w.gate.App(w.ctx, p); return err }
	}},
	{pass: sessions.InitialTokenIssued, covers: []string{"CreateInitialToken"}, prepare: func(w *world) func() error {
		proof := w.proof()
		return func() error { _, _, err := w.gate.NewInitialToken(w.ctx, proof, "t", 1, time.Hour); return err }
	}},
	{pass: sessions.InitialTokenUsed, covers: []string{"SpendInitialToken"}, prepare: func(w *world) func() error {
		raw, _, err := w.gate.NewInitialToken(w.ctx, w.proof(), "t", 9, time.Hour)
		w.must(err)
		return func() error { _, err := w.gate.SpendInitialToken(w.ctx, raw); return err }
	}},
	{pass: sessions.MailCodeIssued, covers: []string{"CreateMailCode"}, prepare: func(w *world) func() error {
		proof, in := w.proof(), w.begun()
		return func() error { _, err := w.gate.NewMailCode(w.ctx, proof, in.ID, "mac"); return err }
	}},
	{pass: sessions.MailCodeUsed, covers: []string{"TryMailCode"}, prepare: func(w *world) func() error {
		in := w.begun()
		_, err := w.gate.NewMailCode(w.ctx, w.proof(), in.ID, "mac")
		w.must(err)
		return func() error { _, err := w.gate.MailCode(w.ctx, in, "mac"); return err }
	}},
	{pass: sessions.KnownDevice, covers: []string{"KnownDevice", "TouchKnownDevice"}, prepare: func(w *world) func() error {
		raw, _ := w.knownDevice()
		return func() error { _, err := w.gate.KnownDevice(w.ctx, raw, w.user); return err }
	}},
	{pass: sessions.KnownDevice, covers: []string{"Candidate"}, prepare: func(w *world) func() error {
		raw, _ := w.knownDevice()
		u, err := w.store.User(w.ctx, w.user)
		w.must(err)
		return func() error {
			who, err := w.gate.Candidate(w.ctx, u.Username, raw)
			if err == nil && who.Device.ID == "" {
				err = idp.Errorf(idp.Unauthenticated, "the device is not known")
			}
			return err
		}
	}},
	{pass: sessions.DeviceRemembered, covers: []string{"KnowDevice", "VouchKnownDevice"}, prepare: func(w *world) func() error {
		proof := w.proof()
		return func() error {
			_, err := w.gate.KnowDevice(w.ctx, proof, "", sessions.Browser{}, idp.VouchNone)
			return err
		}
	}},
	{pass: sessions.DeviceRemembered, prepare: func(w *world) func() error {
		raw, d := w.knownDevice()
		return func() error { return w.gate.KeepDevice(w.ctx, raw, d, d.Proof) }
	}},
	{pass: sessions.DeviceTrusted, covers: []string{"TrustDevice"}, prepare: func(w *world) func() error {
		_, d := w.knownDevice()
		return func() error { return w.gate.TrustDevice(w.ctx, d, idp.Policy{Remember: time.Hour}) }
	}},
}

// without are the methods that carry no user, and why that is safe.
var without = map[string]string{
	"CreateSignIn":     "a SignIn is nobody's until a factor is proven in it",
	"CreateDevice":     "a device code is nobody's until a person confirms it",
	"DeviceByUserCode": "says what a device asks for; nobody's",
	"DenyDevice":       "gives nothing",
	"Spend":            "spends a value of a message; no pass comes of it",
}

// TestEveryWayInIsInTheTable fails when a pass-reading or pass-writing method
// is not covered by the table above.
func TestEveryWayInIsInTheTable(t *testing.T) {
	var covered []string
	var ways []sessions.Pass
	for _, p := range paths {
		covered = append(covered, p.covers...)
		ways = append(ways, p.pass)
	}
	for _, pass := range sessions.Passes() {
		if !slices.Contains(ways, pass) {
			t.Errorf("%q is in no line of the gate's table", pass)
		}
	}
	backend := reflect.TypeFor[sessions.Backend]()
	for i := range backend.NumMethod() {
		name := backend.Method(i).Name
		if without[name] == "" && !slices.Contains(covered, name) {
			t.Errorf("Backend.%s is in no line of the gate's table: a way in that no suspension is tested against", name)
		}
	}
	// A Gate method is one line of the table, or goes through none of Backend.
	if methods, lines := reflect.TypeFor[*sessions.Gate]().NumMethod(), len(paths)+len(without); methods != lines {
		t.Errorf("Gate has %d methods, the table %d lines (with those that carry no user)", methods, lines)
	}
}

func backends(t *testing.T, f func(t *testing.T, s *store.Store)) {
	for name, open := range map[string]func(testing.TB) *store.Store{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, open(t))
		})
	}
}

// TestNoWayInAfterTheCut is RV-01 at the gate: each way in works before the
// suspension, is refused from its return on (I1), stays refused for what was
// made before when the person is restored (I2), and works anew after that.
func TestNoWayInAfterTheCut(t *testing.T) {
	backends(t, func(t *testing.T, s *store.Store) {
		for _, p := range paths {
			t.Run(string(p.pass), func(t *testing.T) {
				w := newWorld(t, s)
				if err := p.prepare(w)(); err != nil {
					t.Fatalf("before the cut: %v", err)
				}
				attempt := p.prepare(w)
				w.suspend()
				if p.ofNobody {
					if err := attempt(); err != nil {
						t.Errorf("after the cut of a person, for nobody's pass: %v", err)
					}
					return
				}
				if err := attempt(); !idp.IsKind(err, idp.Unauthenticated) {
					t.Errorf("after the cut: got %v, want a refusal", err)
				}
				w.restore()
				if err := attempt(); !idp.IsKind(err, idp.Unauthenticated) {
					t.Errorf("made before the cut, used after the restore: got %v, want a refusal", err)
				}
				if err := p.prepare(w)(); err != nil {
					t.Errorf("made after the restore: %v", err)
				}
			})
		}
	})
}

// TestWhoStartsOverHasTheLinkAndTheBrowser, and nothing else of before.
func TestWhoStartsOverHasTheLinkAndTheBrowser(t *testing.T) {
	backends(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		here, d := w.knownDevice()
		there, _ := w.knownDevice()
		session, _ := w.session()
		old, _ := w.link()
		raw, done, err := w.gate.StartOver(w.ctx, d, w.startingOver(d))
		w.must(err)
		if done.N == 0 || done.ReceiptID == "" {
			t.Errorf("committed %+v", done)
		}
		now, err := w.gate.KnownDevice(w.ctx, here, w.user)
		if err != nil || now.ID != d.ID || now.Epoch != done.Epoch || !now.FirstAt.Equal(d.FirstAt) {
			t.Errorf("its browser is %+v, %v", now, err)
		}
		l, err := w.gate.Link(w.ctx, raw)
		if err != nil || l.Purpose != idp.LinkReset || l.Proof != now.Proof {
			t.Errorf("the link is %+v, %v", l, err)
		}
		for what, try := range map[string]func() error{
			"another browser": func() error { _, err := w.gate.KnownDevice(w.ctx, there, w.user); return err },
			"a session":       func() error { _, err := w.gate.Session(w.ctx, session); return err },
			"a link":          func() error { _, err := w.gate.Link(w.ctx, old); return err },
			"once more":       func() error { _, _, err := w.gate.StartOver(w.ctx, d, w.startingOver(d)); return err },
		} {
			if err := try(); !idp.IsKind(err, idp.Unauthenticated) {
				t.Errorf("%s: %v", what, err)
			}
		}
		_, err = w.gate.UseLink(w.ctx, l, idp.Change{Passwords: []idp.Credential{w.password()}})
		w.must(err)
	})
}

// TestNoWayInAfterAllOlderHasEnded: everything made before a moment is refused
// from the ending's return on, whether the moment is now or lies behind, and
// what is made after works.
func TestNoWayInAfterAllOlderHasEnded(t *testing.T) {
	backends(t, func(t *testing.T, s *store.Store) {
		for i, p := range paths {
			for _, now := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, now %v", p.pass, now), func(t *testing.T) {
					w := newWorld(t, s)
					w.later(time.Duration(i) * time.Hour) // the house is the same: nothing older is good
					attempt := p.prepare(w)
					w.later(time.Minute)
					var before time.Time
					if !now {
						before = w.now.Add(-time.Second)
					}
					_, err := w.dir.EndBefore(w.ctx, before, "test")
					w.must(err)
					// A bare proof carries no time: what is issued by it is newer.
					issued := !now && slices.Contains([]sessions.Pass{sessions.LinkIssued, sessions.APITokenIssued, sessions.InitialTokenIssued, sessions.DeviceRemembered}, p.pass)
					if err := attempt(); !idp.IsKind(err, idp.Unauthenticated) && !issued {
						t.Errorf("after the ending: got %v, want a refusal", err)
					}
					if err := p.prepare(w)(); err != nil {
						t.Errorf("made after the ending: %v", err)
					}
				})
			}
		}
	})
}

// TestNoTokenOfAnAppOutlivesItsEnding: codes, tokens and answers that an app
// asked for before everything it holds was ended are refused; the person's
// session is not its to lose.
func TestNoTokenOfAnAppOutlivesItsEnding(t *testing.T) {
	backends(t, func(t *testing.T, s *store.Store) {
		for _, p := range paths {
			t.Run(string(p.pass), func(t *testing.T) {
				w := newWorld(t, s)
				attempt := p.prepare(w)
				_, err := w.dir.EndApp(w.ctx, w.ended(p).ID, "test")
				w.must(err)
				ofApp := slices.Contains([]sessions.Pass{sessions.Code, sessions.RefreshToken, sessions.AccessToken, sessions.Assertion,
					sessions.DeviceConfirmed, sessions.DeviceCode, sessions.AppTokenIssued, sessions.AppTokenUsed}, p.pass)
				if err := attempt(); idp.IsKind(err, idp.Unauthenticated) != ofApp || err != nil && !ofApp {
					t.Errorf("after the ending: got %v, want a refusal %v", err, ofApp)
				}
				w.app, err = w.store.App(w.ctx, w.app.ID)
				w.must(err)
				if err := p.prepare(w)(); err != nil {
					t.Errorf("made after the ending: %v", err)
				}
			})
		}
	})
}

// TestNoWayInFromAnotherGeneration: after a restore from backup, or when all
// before a moment was ended, nothing made before is good.
func TestNoWayInFromAnotherGeneration(t *testing.T) {
	made := time.Unix(1000, 0)
	standing := idp.Standing{Status: idp.UserActive, Epoch: 7, Generation: "now", CutBefore: made}
	for name, c := range map[string]struct {
		proof idp.Proof
		made  time.Time
		want  bool
	}{
		"same":               {idp.Proof{UserID: "u", Epoch: 7, Generation: "now"}, made, true},
		"older epoch":        {idp.Proof{UserID: "u", Epoch: 6, Generation: "now"}, made, false},
		"newer epoch":        {idp.Proof{UserID: "u", Epoch: 8, Generation: "now"}, made, false},
		"another generation": {idp.Proof{UserID: "u", Epoch: 7, Generation: "before"}, made, false},
		"made before":        {idp.Proof{UserID: "u", Epoch: 7, Generation: "now"}, made.Add(-time.Microsecond), false},
	} {
		if got := c.proof.Stands(standing, c.made); got != c.want {
			t.Errorf("%s: stands = %v, want %v", name, got, c.want)
		}
	}
	if (idp.Proof{}).Stands(idp.Standing{Status: idp.UserActive}, made) {
		t.Error("an empty proof stands")
	}
	standing.Status = idp.UserSuspended
	if (idp.Proof{UserID: "u", Epoch: 7, Generation: "now"}).Stands(standing, made) {
		t.Error("the proof of a suspended user stands")
	}
}

// TestSE07SessionEndsIdleAndAbsolute: idle between the limit and 1.1 times it,
// absolute at the limit.
func TestSE07SessionEndsIdleAndAbsolute(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	raw, s := w.session()
	for w.now.Before(s.ExpiresAt.Add(-w.gate.Idle / 2)) {
		w.now = w.now.Add(w.gate.Idle / 2)
		if _, err := w.gate.Session(w.ctx, raw); err != nil {
			t.Fatalf("in use, at %s: %v", w.now.Sub(s.CreatedAt), err)
		}
	}
	w.now = s.ExpiresAt
	if _, err := w.gate.Session(w.ctx, raw); !idp.IsKind(err, idp.Unauthenticated) {
		t.Errorf("at its absolute end: %v", err)
	}
	raw, _ = w.session()
	w.now = w.now.Add(w.gate.Idle - time.Second)
	if _, err := w.gate.Session(w.ctx, raw); err != nil {
		t.Errorf("a second before the idle limit: %v", err)
	}
	w.now = w.now.Add(w.gate.Idle + w.gate.Idle/10)
	if _, err := w.gate.Session(w.ctx, raw); !idp.IsKind(err, idp.Unauthenticated) {
		t.Errorf("at 1.1 times the idle limit: %v", err)
	}
}

// TestSE07APolicyShortensSessions: how long without use, of those that there are;
// how long at most, of those that begin or are renewed.
func TestSE07APolicyShortensSessions(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	var p idp.Policy
	w.gate.Policy = func() idp.Policy { return p }
	old, s := w.session()
	if got := s.ExpiresAt.Sub(s.CreatedAt); got != w.gate.Absolute {
		t.Errorf("without a policy a session lasts %s", got)
	}
	p = idp.Policy{Idle: w.gate.Idle / 2, Absolute: w.gate.Absolute / 2}
	_, short := w.session()
	if got := short.ExpiresAt.Sub(short.CreatedAt); got != p.Absolute {
		t.Errorf("a session that begins lasts %s, want %s", got, p.Absolute)
	}
	w.now = w.now.Add(p.Idle - time.Second)
	if _, err := w.gate.Session(w.ctx, old); err != nil {
		t.Errorf("a second before the policy's idle limit: %v", err)
	}
	w.now = w.now.Add(p.Idle + p.Idle/10)
	if _, err := w.gate.Session(w.ctx, old); !idp.IsKind(err, idp.Unauthenticated) {
		t.Errorf("a session that began before the policy, at 1.1 times its idle limit: %v", err)
	}
}

// TestSessionCheckIsOneStatement: the figure that the fast path starts from.
func TestSessionCheckIsOneStatement(t *testing.T) {
	backends(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		raw, _ := w.session()
		before := s.Statements()
		if _, err := w.gate.Session(w.ctx, raw); err != nil {
			t.Fatal(err)
		}
		if got := s.Statements() - before; got != 1 {
			t.Errorf("a session check took %d statements, want 1", got)
		}
	})
}

// TestSE01RenewKillsTheOldSecret: proving oneself anew changes the session's
// secret, and only that of one's own session.
func TestSE01RenewKillsTheOldSecret(t *testing.T) {
	backends(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		before, session := w.session()
		w.now = w.now.Add(time.Minute)
		after, renewed, err := w.gate.Renew(w.ctx, w.proven(), session)
		w.must(err)
		if _, err := w.gate.Session(w.ctx, before); !idp.IsKind(err, idp.Unauthenticated) {
			t.Errorf("the old secret: %v", err)
		}
		got, err := w.gate.Session(w.ctx, after)
		if err != nil || got.ID != session.ID || !got.AuthTime.After(session.AuthTime) || !got.AuthTime.Equal(renewed.AuthTime) {
			t.Errorf("the new secret: session %s proven at %s, %v", got.ID, got.AuthTime, err)
		}
		other := newWorld(t, s)
		other.now = w.now
		if _, _, err := w.gate.Renew(w.ctx, other.proven(), session); !idp.IsKind(err, idp.Unauthenticated) {
			t.Errorf("somebody else's sign-in renewed the session: %v", err)
		}
		_, err = w.dir.EndSession(w.ctx, session.ID, "")
		w.must(err)
		if _, _, err := w.gate.Renew(w.ctx, w.proven(), session); !idp.IsKind(err, idp.Unauthenticated) {
			t.Errorf("an ended session was renewed: %v", err)
		}
	})
}

// TestSignInIsBoundToItsBrowser: CO-09 at the gate.
func TestSignInIsBoundToItsBrowser(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	in := w.proven()
	other := "another-browser-another-browser-another-bro"
	if _, err := w.gate.SignIn(w.ctx, in.ID, other); !idp.IsKind(err, idp.Unauthenticated) {
		t.Errorf("another browser read the sign-in: %v", err)
	}
	w.must2(w.gate.Start(w.ctx, in, "", ""))
	if _, err := w.gate.Resume(w.ctx, in.ID, other); !idp.IsKind(err, idp.Unauthenticated) {
		t.Errorf("another browser resumed the sign-in: %v", err)
	}
	if _, err := w.gate.Resume(w.ctx, in.ID, bind); err != nil {
		t.Errorf("its own browser: %v", err)
	}
	if _, err := w.gate.Resume(w.ctx, in.ID, bind); !idp.IsKind(err, idp.Conflict) {
		t.Errorf("the second time: %v, want conflict", err)
	}
	if _, _, err := w.gate.Start(w.ctx, in, "", ""); err == nil {
		t.Error("two sessions were started from one sign-in")
	}
}

// ended is the app that a path is about.
func (w *world) ended(p path) idp.App {
	if p.ofNobody {
		return w.machine()
	}
	return w.app
}

// TestAppTokenEndsWithTheSecretItCameBy: taking away a secret ends what it
// brought, and nothing that the other one did.
func TestAppTokenEndsWithTheSecretItCameBy(t *testing.T) {
	backends(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		a := w.machine()
		p, err := w.gate.NewApp(w.machineTruth(), machineSecretID, w.now)
		w.must(err)
		change := func(of func(*idp.OIDCSettings)) {
			a, err = s.App(w.ctx, a.ID)
			w.must(err)
			of(a.OIDC)
			_, err = s.Commit(w.ctx, idp.Change{Apps: []idp.App{a}})
			w.must(err)
		}
		replace := func(secrets ...string) { change(func(o *idp.OIDCSettings) { o.SecretHashes = secrets }) }
		replace(machineSecret, "another")
		if _, err := w.gate.App(w.ctx, p); err != nil {
			t.Errorf("with a second secret beside: %v", err)
		}
		replace("another")
		if _, err := w.gate.App(w.ctx, p); !idp.IsKind(err, idp.Unauthenticated) {
			t.Errorf("its secret is gone: %v", err)
		}
		if _, err := w.gate.NewApp(w.machineTruth(), machineSecretID, w.now); !idp.IsKind(err, idp.Unauthenticated) {
			t.Errorf("a new one by the secret that is gone: %v", err)
		}
		replace(machineSecret)
		change(func(o *idp.OIDCSettings) { o.ApplicationType = "web" })
		if _, err := w.gate.App(w.ctx, p); !idp.IsKind(err, idp.Unauthenticated) {
			t.Errorf("it is no machine any more: %v", err)
		}
	})
}
