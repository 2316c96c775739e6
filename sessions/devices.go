package sessions

import (
	"context"
	"strings"
	"time"

	"gatehouse/idp"
)

const (
	// DeviceTTL is how long a device waits for a person.
	DeviceTTL = 10 * time.Minute
	// DeviceWait is how long a device waits between two polls, and how much
	// longer after each that came too soon (RFC 8628 §3.5).
	DeviceWait = 5 * time.Second
)

// userCodeLength makes 20^8 codes.
const userCodeLength = 8

// NewDevice issues the two codes of a device: the one it polls with, and the
// one that a person types. Nobody stands behind it yet. ID and times are set
// here. Neither code is stored.
func (g *Gate) NewDevice(ctx context.Context, d idp.DeviceCode) (raw, userCode string, issued idp.DeviceCode, err error) {
	d.ID, d.CreatedAt = idp.NewTokenFamilyID(), idp.Time(g.Now())
	d.ExpiresAt = d.CreatedAt.Add(DeviceTTL)
	raw, userCode = newSecret(), idp.NewCode(userCodeLength)
	if err := g.Backend.CreateDevice(ctx, d, Hash(raw), Hash(userCode), DeviceWait); err != nil {
		return "", "", idp.DeviceCode{}, err
	}
	return raw, ShowUserCode(userCode), d, nil
}

// CanonicalUserCode is what a person typed, without case and what stands
// between the letters; "" for what can be no code.
func CanonicalUserCode(typed string) string {
	if len(typed) > 64 {
		return ""
	}
	code := strings.Map(func(r rune) rune {
		if strings.ContainsRune(idp.CodeLetters, r) {
			return r
		}
		if r == '-' || r == ' ' || r == '.' || r == '_' {
			return -1
		}
		return '?'
	}, strings.ToUpper(typed))
	if len(code) != userCodeLength || strings.Contains(code, "?") {
		return ""
	}
	return code
}

// ShowUserCode is how a device shows what a person typed: BCDF-GHJK.
func ShowUserCode(typed string) string {
	code := CanonicalUserCode(typed)
	if code == "" {
		return ""
	}
	return code[:userCodeLength/2] + "-" + code[userCodeLength/2:]
}

// Device returns the device that waits with this user code, to show what it
// asks. It answers idp.NotFound for one that is not waiting, or no longer.
func (g *Gate) Device(ctx context.Context, typed string) (idp.DeviceCode, error) {
	code := CanonicalUserCode(typed)
	if code == "" {
		return idp.DeviceCode{}, noDevice("no user code")
	}
	d, err := g.Backend.DeviceByUserCode(ctx, Hash(code))
	switch {
	case idp.IsKind(err, idp.NotFound):
		return idp.DeviceCode{}, noDevice("unknown user code")
	case err != nil:
		return idp.DeviceCode{}, err
	case !d.DecidedAt.IsZero():
		return idp.DeviceCode{}, noDevice("decided before")
	case !g.Now().Before(d.ExpiresAt):
		return idp.DeviceCode{}, noDevice("the user code has expired")
	}
	return d, nil
}

func noDevice(why string) error {
	return (&idp.Error{Kind: idp.NotFound, Detail: "No device waits with this code. Look at the device again: a code works for ten minutes, once."}).Because(reason(why))
}

// ConfirmDevice lets a device that waits act for the person of a session: what
// it is given then hangs on that session as if it had been given there. It
// answers idp.Unauthenticated where proof, session or grant do not stand,
// idp.Conflict for a device that was decided before.
func (g *Gate) ConfirmDevice(ctx context.Context, s idp.Session, d idp.DeviceCode) error {
	d.Proof, d.SessionID, d.SessionEnds, d.AuthTime, d.Methods = s.Proof, s.ID, s.ExpiresAt, s.AuthTime, s.Methods
	return g.Backend.ConfirmDevice(ctx, d, idp.Time(g.Now()))
}

// DenyDevice turns a device that waits away, once and for all.
func (g *Gate) DenyDevice(ctx context.Context, d idp.DeviceCode) error {
	return g.Backend.DenyDevice(ctx, d.ID, idp.Time(g.Now()))
}

// PollDevice returns how it stands with the device of an app that holds this
// code, and notes that it asked. What it says of a person is good for
// [Gate.SpendCode] and nothing else: that is where it is accepted. It answers
// idp.Unauthenticated for a code that is not of this app.
func (g *Gate) PollDevice(ctx context.Context, raw string, app idp.AppID) (idp.DeviceCode, error) {
	if !plausible(raw) {
		return idp.DeviceCode{}, refused("no device code")
	}
	d, err := g.Backend.PollDevice(ctx, Hash(raw), app, idp.Time(g.Now()), DeviceWait)
	if err != nil {
		return idp.DeviceCode{}, unknown(err, "unknown device code")
	}
	return d, nil
}
