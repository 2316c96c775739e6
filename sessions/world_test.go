package sessions_test

import (
	"context"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/jit"
	"gatehouse/sessions"
	"gatehouse/store"
)

const bind = "the-browser-binding-secret-of-these-tests"

// world is a house with one person and one app, on a real store, with a clock
// that the test moves.
type world struct {
	t     *testing.T
	ctx   context.Context
	store *store.Store
	gate  *sessions.Gate
	dir   *directory.Directory
	now   time.Time
	user  idp.UserID
	app   idp.App
}

func newWorld(t *testing.T, s *store.Store) *world {
	t.Helper()
	w := &world{t: t, ctx: context.Background(), store: s, now: time.Now()}
	clock := func() time.Time { return w.now }
	w.gate = &sessions.Gate{Backend: s, Now: clock, Idle: time.Hour, Absolute: 12 * time.Hour}
	w.dir = &directory.Directory{Store: s, Passes: w.gate, CheckRules: jit.CheckRules, Now: clock}
	name := string(idp.NewUserID())
	u, err := w.dir.AddUser(w.ctx, directory.Person{Username: name})
	w.must(err)
	w.user = u.ID
	w.app, err = w.dir.AddApp(w.ctx, idp.App{
		Name: name, Protocol: idp.ProtocolOIDC, Identifier: name,
		OIDC: &idp.OIDCSettings{AuthMethod: "none", RedirectURIs: []string{"https://app.example/cb"}},
	})
	w.must(err)
	_, err = w.dir.Grant(w.ctx, idp.Grant{AppID: w.app.ID, UserID: u.ID})
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) must2(_ string, s idp.Session, err error) idp.Session {
	w.t.Helper()
	w.must(err)
	return s
}

func (w *world) suspend() {
	w.t.Helper()
	_, err := w.dir.Suspend(w.ctx, w.user, "test")
	w.must(err)
}

func (w *world) restore() {
	w.t.Helper()
	_, err := w.dir.Restore(w.ctx, w.user)
	w.must(err)
}

// machineSecret stands for the hash of a secret, machineSecretID names it.
const machineSecret = "machine-secret-1"

var machineSecretID = string(idp.SecretIDOf(machineSecret))

// machine is an app that acts for itself, as it is registered right now.
func (w *world) machine() idp.App {
	w.t.Helper()
	name := "machine of " + w.app.Name
	a, err := w.store.AppByName(w.ctx, name)
	if idp.IsKind(err, idp.NotFound) {
		now := idp.Time(w.now)
		_, err = w.store.Commit(w.ctx, idp.Change{Apps: []idp.App{{
			ID: idp.NewAppID(), Name: name, Protocol: idp.ProtocolOIDC, Identifier: name, CreatedAt: now, UpdatedAt: now,
			OIDC: &idp.OIDCSettings{ApplicationType: idp.ApplicationMachine, AuthMethod: "client_secret_basic", SecretHashes: []string{machineSecret}},
		}}})
		w.must(err)
		a, err = w.store.AppByName(w.ctx, name)
	}
	w.must(err)
	return a
}

// machineTruth is the same with what its passes hang on.
func (w *world) machineTruth() idp.AppTruth {
	w.t.Helper()
	t, err := w.store.AppTruth(w.ctx, w.machine().ID, "")
	w.must(err)
	return t
}

// later moves the clock.
func (w *world) later(d time.Duration) { w.now = w.now.Add(d) }

// proof is what proving a factor right now would carry.
func (w *world) proof() idp.Proof {
	w.t.Helper()
	u, err := w.store.User(w.ctx, w.user)
	w.must(err)
	generation, err := w.store.Generation(w.ctx)
	w.must(err)
	return idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: generation}
}

func (w *world) begun() idp.SignIn {
	w.t.Helper()
	in, err := w.gate.BeginSignIn(w.ctx, idp.SignIn{ResumeURL: "/"}, bind)
	w.must(err)
	return in
}

func (w *world) proven() idp.SignIn {
	w.t.Helper()
	in, err := w.gate.Prove(w.ctx, w.begun(), w.proof(), idp.Witness{}, "pwd")
	w.must(err)
	return in
}

func (w *world) session() (string, idp.Session) {
	w.t.Helper()
	raw, s, err := w.gate.Start(w.ctx, w.proven(), "192.0.2.1", "test")
	w.must(err)
	return raw, s
}

func (w *world) participant(s idp.Session) idp.Participant {
	now := idp.Time(w.now)
	return idp.Participant{
		SessionID: s.ID, AppID: w.app.ID, UserID: w.user, SessionIndex: "sid", NameID: idp.NameID{Value: string(w.user)},
		FirstAt: now, LastAnswerAt: now, AppEpoch: w.app.Epoch,
	}
}

func (w *world) account(format string) idp.Account {
	now := idp.Time(w.now)
	return idp.Account{
		ID: idp.NewAccountID(), AppID: w.app.ID, UserID: w.user, Subject: string(w.user), Format: format, FirstSeenAt: now, LastSeenAt: now,
	}
}

// code is what a code carries, not yet spent.
func (w *world) code() (idp.TokenFamily, idp.Participant, idp.Account) {
	w.t.Helper()
	_, s := w.session()
	now := idp.Time(w.now)
	return idp.TokenFamily{
		ID: idp.NewTokenFamilyID(), Proof: s.Proof, AppID: w.app.ID, AppEpoch: w.app.Epoch, SessionID: s.ID, Scopes: []string{"openid", "offline_access"},
		AuthTime: s.AuthTime, Methods: s.Methods, Offline: true, Seq: 1, RotatedAt: now, CreatedAt: now, ExpiresAt: now.Add(24 * time.Hour),
	}, w.participant(s), w.account("")
}

// device is one that waits for a person.
func (w *world) device() (string, idp.DeviceCode) {
	w.t.Helper()
	raw, _, d, err := w.gate.NewDevice(w.ctx, idp.DeviceCode{AppID: w.app.ID, AppEpoch: w.app.Epoch, Scopes: []string{"openid"}})
	w.must(err)
	return raw, d
}

func (w *world) family() idp.TokenFamily {
	w.t.Helper()
	f, p, a := w.code()
	w.must(w.gate.SpendCode(w.ctx, f, p, a))
	return f
}

func (w *world) link() (string, idp.Link) {
	w.t.Helper()
	raw, l, err := w.gate.NewLink(w.ctx, w.proof(), idp.LinkPassword)
	w.must(err)
	return raw, l
}

func (w *world) password() idp.Credential {
	now := idp.Time(w.now)
	return idp.Credential{ID: idp.NewCredentialID(), UserID: w.user, Kind: idp.CredentialPassword, Data: "$test$", CreatedAt: now, UpdatedAt: now}
}

// knownDevice is a browser on which the person has just signed in.
func (w *world) knownDevice() (string, idp.KnownDevice) {
	w.t.Helper()
	seen, err := w.gate.KnowDevice(w.ctx, w.proof(), "", sessions.Browser{Address: "192.0.2.1", UserAgent: "test"}, idp.VouchNone)
	w.must(err)
	return seen.Secret, seen.Device
}

// startingOver ends what the person of a device holds.
func (w *world) startingOver(d idp.KnownDevice) idp.Change {
	return idp.Change{
		ForgetDevices: []idp.KnownDevice{{ID: d.ID, Proof: idp.Proof{UserID: d.UserID}}},
		Ending: &idp.Ending{Kind: idp.EndPasses, UserID: d.UserID, Key: "over/" + string(idp.NewLinkID()), Reason: "test",
			At: idp.Time(w.now), ReceiptID: idp.NewReceiptID()},
	}
}
