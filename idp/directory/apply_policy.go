package directory

import (
	"reflect"

	"gatehouse/idp"
)

// policy sets the policy, unless it would lock somebody out: that is accepted
// where one sees whom, not in a file.
func (p *plan) policy(want DesiredPolicy) error {
	was, err := p.d.Store.Policy(p.ctx)
	if err != nil {
		return err
	}
	to := want.Policy
	to.Rules, to.Version, to.UpdatedAt = nil, was.Version, was.UpdatedAt
	for _, r := range want.Rules {
		rule, err := p.rule(r)
		if err != nil {
			return err
		}
		to.Rules = append(to.Rules, rule)
	}
	to.RememberSince, to.RememberSinceAt = rememberSince(was, to)
	if reflect.DeepEqual(to, was) {
		return nil
	}
	if err := p.d.checkPolicy(to); err != nil {
		return err
	}
	if err := p.d.someOwnerGetsIn(p.ctx, to, was); err != nil {
		return err
	}
	out, err := p.d.Store.LockedOut(p.ctx, to, was, shownLockedOut)
	if err != nil {
		return err
	}
	if out.Anybody() {
		return idp.Errorf(idp.Conflict, "%s Ask them to add one first, or set the policy in the console or by gatehouse policy set, where you can accept it.", out.Sentence())
	}
	to.UpdatedAt = p.d.now()
	to.RememberSince, to.RememberSinceAt = rememberSince(was, to)
	p.change.Policy = &to
	e := p.d.policyEvent(p.ctx, to, out)
	e.Detail["by"] = "apply"
	p.found, p.change.Events = append(p.found, Difference{Verb: "change", Kind: "policy"}), append(p.change.Events, e)
	return nil
}

func (p *plan) rule(want DesiredRule) (idp.PolicyRule, error) {
	r := want.PolicyRule
	r.GroupID, r.AppID = "", ""
	if want.Group != "" {
		g, err := named(p.groups, want.Group, func() (idp.Group, error) { return p.d.Store.GroupByName(p.ctx, want.Group) })
		if err != nil {
			return r, unknownName("group", want.Group, err)
		}
		r.GroupID = g.ID
	}
	if want.App != "" {
		a, err := named(p.apps, want.App, func() (idp.App, error) { return p.d.Store.AppByName(p.ctx, want.App) })
		if err != nil {
			return r, unknownName("app", want.App, err)
		}
		r.AppID = a.ID
	}
	return r, nil
}
