package login

import (
	"context"
	"fmt"

	"gatehouse/idp"
	"gatehouse/idp/login/password"
)

// attempt is one try of a password, looked up and not yet judged.
type attempt struct {
	typed      string
	user       idp.User // zero: unknown
	phc        string
	generation string
	// device is the known device of this person that it comes from; without an ID,
	// from none.
	device idp.KnownDevice
}

func (a attempt) known() bool { return a.device.ID != "" }

// Password proves the SignIn's user by username (or e-mail address) and
// password. Every refusal is the same idp.Unauthenticated and cost one hash.
// Too many tries for the person or from the address, or more hashes asked for
// than can be computed soon, are a [*ThrottledError] and cost none. Tries on a
// known device of the person count for themselves. The try and its outcome are
// in the events before the answer is given.
func (l *Login) Password(ctx context.Context, in idp.SignIn, username, password string) (idp.SignIn, error) {
	ctx, leave, ok := l.Enter(ctx, in.Device)
	if !ok {
		return l.TooBusy(ctx, in, username, password)
	}
	defer leave()
	a, account, err := l.admit(ctx, in, username)
	if err != nil {
		return idp.SignIn{}, err
	}
	ctx, seated, ok := l.Hasher.Seat(ctx, a.known())
	if !ok {
		return l.TooBusy(ctx, in, username, password)
	}
	defer seated()
	right, outdated, err := l.Hasher.Verify(ctx, l.hashOf(a), password)
	if err != nil {
		return idp.SignIn{}, l.soon(err)
	}
	if why := a.refusal(right); why != "" {
		return idp.SignIn{}, l.refuse(ctx, in, a, why)
	}
	if outdated {
		if err := l.rehash(ctx, a, password); err != nil {
			return idp.SignIn{}, err
		}
	}
	return l.accept(ctx, in, a, account)
}

// Enter takes a place among those who wait for their password to be judged, on a
// browser with this raw device secret ("" for none), and reports whether there is one.
// [Login.Password] with the context that it returns is judged in it; leave gives it
// back, where that has not.
func (l *Login) Enter(ctx context.Context, device string) (inside context.Context, leave func(), ok bool) {
	return l.Hasher.Enter(ctx, device != "")
}

// TooBusy is Password for who is refused at such a moment. It asks nothing of the
// database, waits for nothing, and counts against nobody.
func (l *Login) TooBusy(context.Context, idp.SignIn, string, string) (idp.SignIn, error) {
	return idp.SignIn{}, l.soon(password.Busy())
}

// lookup finds who is meant, and whether on a known device of theirs: device is the
// browser's secret. A name that cannot be one is nobody's.
func (l *Login) lookup(ctx context.Context, username, device string) (attempt, error) {
	a := attempt{typed: username}
	all, err := l.Spellings(username)
	if err != nil {
		return a, nil
	}
	a.typed = all[0]
	for _, name := range all { // all of them, whoever is found: it is the same work
		who, err := l.Gate.Candidate(ctx, name, device)
		switch {
		case idp.IsKind(err, idp.NotFound):
		case err != nil:
			return attempt{}, fmt.Errorf("look up who signs in: %w", err)
		case a.user.ID == "":
			a.user, a.phc, a.generation, a.device = who.User, who.PHC, who.Generation, who.Device
		}
	}
	return a, nil
}

// refusal says why the attempt fails, for the events; "" when it does not.
func (a attempt) refusal(right bool) string {
	switch {
	case a.user.ID == "":
		return "unknown user"
	case a.user.Status != idp.UserActive:
		return "suspended"
	case a.phc == "":
		return "no password"
	case !right:
		return "wrong password"
	}
	return ""
}

func (l *Login) refuse(ctx context.Context, in idp.SignIn, a attempt, why string) error {
	e := l.event(ctx, "signin.password.refuse")
	e.UserID, e.AppID = a.user.ID, in.AppID
	e.Detail = map[string]string{"reason": why}
	if a.user.ID == "" {
		e.Detail["name"] = readable(a.typed, maxTyped)
	}
	if err := l.Store.Record(ctx, e); err != nil {
		return fmt.Errorf("record the refusal: %w", err)
	}
	if err := l.suspect(ctx, a); err != nil {
		return err
	}
	return refused()
}

// refused is the one refusal.
func refused() error {
	return idp.Errorf(idp.Unauthenticated, "Username and password do not match, or this person may not sign in. Check both and try again.")
}

// accept records the proof, with its event: a proof without an event is not
// given.
func (l *Login) accept(ctx context.Context, in idp.SignIn, a attempt, account tally) (idp.SignIn, error) {
	in.Person, in.Known = a.user, a.device
	proof := idp.Proof{UserID: a.user.ID, Epoch: a.user.Epoch, Generation: a.generation}
	next, why, err := l.second(ctx, in, a.user.ID, a.device)
	if err != nil {
		return idp.SignIn{}, err
	}
	e := l.event(ctx, "signin.password.ok")
	e.UserID, e.AppID = a.user.ID, in.AppID
	e.Actor.Kind, e.Actor.UserID = "user", a.user.ID // whoever that was has just proven it
	if next.Remember == idp.RememberDone {
		e.Detail = map[string]string{"remembered": string(a.device.ID)}
	}
	if err := l.forgive(ctx, account); err != nil {
		return idp.SignIn{}, err
	}
	proven, err := l.Gate.Prove(ctx, next, proof, idp.Witness{Events: l.onRisk(ctx, e, next, why)}, methodPassword)
	if idp.IsKind(err, idp.Unauthenticated) {
		return idp.SignIn{}, l.refuse(ctx, in, a, notAnyMore)
	}
	return proven, err
}

// notAnyMore is why a proof was refused that was right when it was looked at:
// suspended meanwhile, or a sign-in of someone else, or over.
const notAnyMore = "it does not stand any more"

// rehash replaces a hash that was made with other parameters than today's. It
// carries the user's version: where the person changed meanwhile, the hash
// waits for the next sign-in.
func (l *Login) rehash(ctx context.Context, a attempt, password string) error {
	credential, err := l.credential(ctx, a.user.ID, password)
	if err != nil {
		return err
	}
	_, err = l.Store.Commit(ctx, idp.Change{Users: []idp.User{a.user}, Passwords: []idp.Credential{credential}})
	if err != nil && !idp.IsKind(err, idp.Conflict) {
		return fmt.Errorf("store the new hash: %w", err)
	}
	return nil
}
