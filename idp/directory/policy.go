package directory

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"gatehouse/idp"
)

const (
	maxRules = 50
	// minIdle is longer than what is not known of the last use of a session, a
	// tenth of the house's own limit: nobody is signed out at work by a change.
	minIdle = 15 * time.Minute
	day     = 24 * time.Hour
	// shownLockedOut is how many people are named whom a policy would lock out.
	shownLockedOut = 20
)

// Policies reads the policy and whom it asks.
type Policies interface {
	Policy(ctx context.Context) (idp.Policy, error)
	LockedOut(ctx context.Context, p, was idp.Policy, n int) (idp.LockedOut, error)
	KnownDevices(ctx context.Context, user idp.UserID) ([]idp.KnownDevice, error)
}

// LockedOut checks a policy that is to be and says who would get no further by it
// than their own page who still does: people of whom it asks a second factor or a
// passkey, and who have none, and those who sign in by nothing but codes by mail, where
// it takes these no more. It names the first 20 of each. It says too who is asked for a
// code by mail, which locks nobody out. It answers idp.Invalid naming the field.
func (d *Directory) LockedOut(ctx context.Context, p idp.Policy) (idp.LockedOut, error) {
	if err := d.checkPolicy(p); err != nil {
		return idp.LockedOut{}, err
	}
	if err := d.knowsThem(ctx, p.Rules); err != nil {
		return idp.LockedOut{}, err
	}
	was, err := d.Store.Policy(ctx)
	if err != nil {
		return idp.LockedOut{}, err
	}
	return d.Store.LockedOut(ctx, p, was, shownLockedOut)
}

// SetPolicy sets what is asked of people who sign in; p.Version is the one it was
// decided on. It answers idp.Invalid naming the field, idp.Conflict where the
// policy has changed or where it locks somebody out and accepted is false, and
// idp.Denied, whatever is accepted, where no owner could get into the console any
// more.
func (d *Directory) SetPolicy(ctx context.Context, p idp.Policy, accepted bool) (idp.Policy, error) {
	out, err := d.LockedOut(ctx, p)
	if err != nil {
		return p, err
	}
	was, err := d.Store.Policy(ctx)
	if err != nil {
		return p, err
	}
	if err := d.someOwnerGetsIn(ctx, p, was); err != nil {
		return p, err
	}
	if out.Anybody() && !accepted {
		return p, idp.Errorf(idp.Conflict, "%s Ask them to add one first, or say that you accept it.", out.Sentence())
	}
	p.UpdatedAt = d.now()
	p.RememberSince, p.RememberSinceAt = rememberSince(was, p)
	if _, err := d.Store.Commit(ctx, idp.Change{Policy: &p, Events: []idp.Event{d.policyEvent(ctx, p, out)}}); err != nil {
		return p, err
	}
	p.Version++
	if d.Ruled != nil {
		d.Ruled(p)
	}
	return p, nil
}

func (d *Directory) policyEvent(ctx context.Context, p idp.Policy, out idp.LockedOut) idp.Event {
	e := d.event(ctx, "house.policy")
	e.Detail = map[string]string{
		"idle": spanDetail(p.Idle), "absolute": spanDetail(p.Absolute), "remember": spanDetail(p.Remember),
		"email_code": strconv.FormatBool(p.EmailCode), "mail_recovers": strconv.FormatBool(p.MailRecovers),
	}
	for i, r := range p.Rules {
		e.Detail[fmt.Sprintf("rule %d", i+1)] = r.Sentence(string(r.GroupID), string(r.AppID))
	}
	if out.Anybody() {
		e.Detail["locked_out"] = fmt.Sprint(out.Total())
	}
	return e
}

// rememberSince is the version by which a policy, when it is set, has last turned
// on that browsers are remembered, and when that was: one that was remembered
// before it was off comes back by no change.
func rememberSince(was, p idp.Policy) (int64, time.Time) {
	switch {
	case p.Remember == 0:
		return 0, time.Time{}
	case was.Remember == 0:
		return p.Version + 1, p.UpdatedAt
	}
	return was.RememberSince, was.RememberSinceAt
}

func spanDetail(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// bar is what keeps an owner out of the console; the zero value: nothing does.
type bar string

const (
	noPasskey bar = "No owner has a passkey, so none could get into the console by this. Add one for yourself first."
	noSecond  bar = "No owner has a second factor, so none could get into the console by this. Add one for yourself first."
	noFirst   bar = "No owner has a password or a passkey, so none could sign in without a code by mail. Set one for yourself first."
	noRisk    bar = "No owner has a second factor or a browser that is known, and no code can be mailed to any, so none could get into the console by this. Add a second factor for yourself first."
	noOwnKey  bar = "No owner has a passkey or a browser that is known by one, so none could get into the console by this. Add a passkey for yourself first."
)

// passing reports whether it comes and goes with what people do, also where the policy
// stays as it is.
func (b bar) passing() bool { return b == noFirst || b == noRisk || b == noOwnKey }

// someOwnerGetsIn answers idp.Denied for a policy by which no owner could get into
// the console as they are: who has nothing but a first factor, where a second is asked,
// gets to their own page alone. Where none could by the policy of before either, because
// nothing was set up yet, or browsers are known no more, that is no reason.
func (d *Directory) someOwnerGetsIn(ctx context.Context, p, was idp.Policy) error {
	owners, err := d.Store.Owners(ctx)
	if err != nil {
		return err
	}
	var why bar
	gotIn := false
	for _, u := range owners {
		if u.Status != idp.UserActive {
			continue
		}
		o, err := d.owner(ctx, u)
		if err != nil {
			return err
		}
		by := o.bar(p)
		if by == "" {
			return nil
		}
		if why == "" || by.passing() {
			why = by
		}
		gotIn = gotIn || o.bar(was) == ""
	}
	if why == "" || why.passing() && !gotIn {
		return nil // no owner yet: the house is furnished by its first token
	}
	return &idp.Error{Kind: idp.Denied, Detail: string(why)}
}

// ownerNow is an owner with what they have to get in by.
type ownerNow struct {
	groups []idp.GroupID
	has    map[idp.CredentialKind]bool
	mailed bool // a code can be
	by     idp.Vouch
}

func (d *Directory) owner(ctx context.Context, u idp.User) (ownerNow, error) {
	o := ownerNow{has: map[idp.CredentialKind]bool{}, mailed: d.Mails && u.Email != ""}
	groups, err := d.Store.GroupsOf(ctx, u.ID)
	if err != nil {
		return o, err
	}
	o.groups = groupIDs(groups)
	all, err := d.Store.Credentials(ctx, u.ID)
	if err != nil {
		return o, err
	}
	for _, c := range all {
		o.has[c.Kind] = true
	}
	browsers, err := d.Store.KnownDevices(ctx, u.ID)
	for _, b := range browsers {
		o.by = max(o.by, b.Vouched)
	}
	return o, err
}

// bar is what keeps the owner out of the console by a policy.
func (o ownerNow) bar(p idp.Policy) bar {
	asked := p.Demand(true, o.groups, "")
	second := o.has[idp.CredentialTOTP] || o.has[idp.CredentialPasskey]
	switch {
	case asked.Passkey && !o.has[idp.CredentialPasskey]:
		return noPasskey
	case asked.SecondFactor && !second:
		return noSecond
	case !o.has[idp.CredentialPassword] && !o.has[idp.CredentialPasskey] && !(p.EmailCode && o.mailed):
		return noFirst
	case asked.Risk.Mail && !second && !o.mailed && o.by < idp.VouchMail:
		return noRisk
	case asked.Risk.Passkey && second && !o.has[idp.CredentialPasskey] && o.by < idp.VouchPasskey:
		return noOwnKey
	}
	return ""
}

func groupIDs(groups []idp.Group) []idp.GroupID {
	var ids []idp.GroupID
	for _, g := range groups {
		ids = append(ids, g.ID)
	}
	return ids
}

func (d *Directory) checkPolicy(p idp.Policy) error {
	if err := d.checkLengths(p); err != nil {
		return err
	}
	if p.Remember != 0 && (p.Remember < day || p.Remember > 90*day || p.Remember%day != 0) {
		return invalid("remember", "A browser can be remembered for 1 to 90 days, or not at all.")
	}
	if len(p.Rules) > maxRules {
		return invalid("rules", fmt.Sprintf("At most %d rules.", maxRules))
	}
	for i, r := range p.Rules {
		if err := checkRule(r); err != nil {
			return err
		}
		if r.Passkey && !d.Passkeys {
			return invalid("rules", "This house can have no passkeys at its address, so none can be asked for.")
		}
		if slices.Contains(p.Rules[:i], r) {
			return invalid("rules", "The same rule stands there twice.")
		}
	}
	return nil
}

// knowsThem answers idp.NotFound for a rule of a group or an app that there is not.
func (d *Directory) knowsThem(ctx context.Context, rules []idp.PolicyRule) error {
	for _, r := range rules {
		if r.GroupID != "" {
			if _, err := d.Store.Group(ctx, r.GroupID); err != nil {
				return err
			}
		}
		if r.AppID != "" {
			if _, err := d.Store.App(ctx, r.AppID); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkRule(r idp.PolicyRule) error {
	switch {
	case r.Owners && r.GroupID != "":
		return invalid("rules", "A rule is for owners, for a group or for everybody.")
	case r.LetIn && !r.Risk:
		return invalid("rules", "Whom a rule lets in without a second factor is said of a rule by risk.")
	case r.Risk && (r.MaxAge != 0 || !r.SecondFactor && !r.Passkey):
		return invalid("rules", "A rule by risk asks for a second factor or for a passkey, and for nothing else.")
	case !r.SecondFactor && !r.Passkey && r.MaxAge == 0:
		return invalid("rules", "A rule asks for a second factor, for a passkey, or for a proof that is not too old.")
	case r.SecondFactor && r.Passkey:
		return invalid("rules", "A rule asks for a second factor or for a passkey, which is more.")
	case r.MaxAge != 0 && r.AppID == "":
		return invalid("rules", "How old a proof may be is said for one app. For all, say how long a session lasts.")
	case r.MaxAge < 0 || r.MaxAge > 0 && r.MaxAge < time.Minute:
		return invalid("rules", "A proof that may be less than a minute old cannot be made in time.")
	}
	return nil
}

// checkLengths: the house's own lengths are the longest.
func (d *Directory) checkLengths(p idp.Policy) error {
	switch {
	case p.Idle != 0 && (p.Idle < minIdle || p.Idle > d.Sessions.Idle):
		return invalid("idle", fmt.Sprintf("A session can go without use for %s to %s.", idp.PlainSpan(minIdle), idp.PlainSpan(d.Sessions.Idle)))
	case p.Absolute != 0 && (p.Absolute < 15*time.Minute || p.Absolute > d.Sessions.Absolute):
		return invalid("absolute", fmt.Sprintf("A session can last 15 minutes to %s.", idp.PlainSpan(d.Sessions.Absolute)))
	}
	return nil
}
