package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/web/api/client"
)

func (a *API) policyShow(r *http.Request, _ caller) (int, any, error) {
	p, err := a.Store.Policy(r.Context())
	if err != nil {
		return 0, nil, err
	}
	return a.policyTold(r, p, nil)
}

// policySet sets the policy, or with dry_run says whom it would lock out.
func (a *API) policySet(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[client.Policy](r)
	if err != nil {
		return 0, nil, err
	}
	p, err := a.policyWanted(r, in)
	if err != nil {
		return 0, nil, err
	}
	out, err := a.Directory.LockedOut(r.Context(), p)
	if err != nil {
		return 0, nil, err
	}
	if r.URL.Query().Get("dry_run") != "true" {
		if p, err = a.Directory.SetPolicy(r.Context(), p, r.URL.Query().Get("accept") == "true"); err != nil {
			return 0, nil, err
		}
	}
	return a.policyTold(r, p, &out)
}

func (a *API) policyWanted(r *http.Request, in client.Policy) (idp.Policy, error) {
	want, err := desiredPolicy(in)
	if err != nil {
		return idp.Policy{}, err
	}
	p := want.Policy
	if p.Version = in.Version; p.Version == 0 {
		was, err := a.Store.Policy(r.Context())
		if err != nil {
			return p, err
		}
		p.Version = was.Version
	}
	for _, named := range want.Rules {
		rule := named.PolicyRule
		if named.Group != "" {
			g, err := a.group(r, named.Group)
			if err != nil {
				return p, err
			}
			rule.GroupID = g.ID
		}
		if named.App != "" {
			app, err := a.app(r, named.App)
			if err != nil {
				return p, err
			}
			rule.AppID = app.ID
		}
		p.Rules = append(p.Rules, rule)
	}
	return p, nil
}

// desiredPolicy reads a policy, by names.
func desiredPolicy(in client.Policy) (directory.DesiredPolicy, error) {
	var out directory.DesiredPolicy
	var err error
	out.EmailCode, out.MailRecovers = in.EmailCode, in.MailRecovers
	if out.Idle, err = span("idle", in.Idle); err != nil {
		return out, err
	}
	if out.Absolute, err = span("absolute", in.Absolute); err != nil {
		return out, err
	}
	if out.Remember, err = days("remember", in.Remember); err != nil {
		return out, err
	}
	for _, r := range in.Rules {
		rule := directory.DesiredRule{Group: r.Group, App: r.App, PolicyRule: idp.PolicyRule{Owners: r.Owners, SecondFactor: r.SecondFactor, Passkey: r.Passkey, Risk: r.Risk, LetIn: r.LetIn}}
		if rule.Owners && r.Group != "" {
			detail := "A rule is for owners, for a group or for everybody."
			return out, &idp.Error{Kind: idp.Invalid, Detail: detail, Fields: map[string]string{"rules": detail}}
		}
		if rule.MaxAge, err = span("max_age", r.MaxAge); err != nil {
			return out, err
		}
		out.Rules = append(out.Rules, rule)
	}
	return out, nil
}

// days reads a number of whole days, like 30d; empty: zero.
func days(field, typed string) (time.Duration, error) {
	if typed == "" {
		return 0, nil
	}
	digits, ok := strings.CutSuffix(typed, "d")
	n, err := strconv.ParseUint(digits, 10, 12)
	if !ok || err != nil || n == 0 {
		detail := "Say whole days, like 30d."
		return 0, &idp.Error{Kind: idp.Invalid, Detail: detail, Fields: map[string]string{field: detail}}
	}
	return time.Duration(n) * 24 * time.Hour, nil
}

func daysText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + "d"
}

// policyTold says a policy by the names of groups and apps.
func (a *API) policyTold(r *http.Request, p idp.Policy, locked *idp.LockedOut) (int, any, error) {
	out := client.Policy{
		Idle: spanText(p.Idle), Absolute: spanText(p.Absolute), Remember: daysText(p.Remember), EmailCode: p.EmailCode, MailRecovers: p.MailRecovers, Version: p.Version,
	}
	for _, rule := range p.Rules {
		told := client.PolicyRule{Owners: rule.Owners, SecondFactor: rule.SecondFactor, Passkey: rule.Passkey, MaxAge: spanText(rule.MaxAge), Risk: rule.Risk, LetIn: rule.LetIn}
		if rule.GroupID != "" {
			g, err := a.Store.Group(r.Context(), rule.GroupID)
			if err != nil {
				return 0, nil, err
			}
			told.Group = g.Name
		}
		if rule.AppID != "" {
			app, err := a.Store.App(r.Context(), rule.AppID)
			if err != nil {
				return 0, nil, err
			}
			told.App = app.Name
		}
		out.Rules, out.Sentences = append(out.Rules, told), append(out.Sentences, rule.Sentence(told.Group, told.App))
	}
	out.Sentences = append(out.Sentences, p.Sentences()...)
	if locked != nil {
		out.LocksOut = &client.LocksOut{
			Count: locked.Total(), Mailed: locked.Mailed, Sentence: locked.Sentence(),
			Users: each(slices.Concat(locked.Users, locked.UnmailedUsers, locked.CodelessUsers), func(u idp.User) string { return u.Username }),
		}
	}
	return http.StatusOK, out, nil
}
