package idp

import (
	"slices"
	"testing"
	"time"
)

// TestADemandIsAllThatAnyRuleAsks of a person at an app, and nothing of anybody
// else or anywhere else.
func TestADemandIsAllThatAnyRuleAsks(t *testing.T) {
	p := Policy{Rules: []PolicyRule{
		{Owners: true, SecondFactor: true},
		{GroupID: "finance", AppID: "payroll", SecondFactor: true, MaxAge: time.Hour},
		{AppID: "payroll", MaxAge: 15 * time.Minute},
		{GroupID: "staff", AppID: "payroll", MaxAge: 8 * time.Hour},
		{AppID: "crm", SecondFactor: true, Risk: true},
		{GroupID: "staff", AppID: "crm", Passkey: true, Risk: true, LetIn: true},
		{AppID: "blog", SecondFactor: true, Risk: true, LetIn: true},
	}}
	finance, staff := []GroupID{"finance"}, []GroupID{"staff"}
	for _, c := range []struct {
		name   string
		owner  bool
		groups []GroupID
		app    AppID
		want   Demand
	}{
		{"nobody in particular, the house", false, nil, "", Demand{}},
		{"nobody in particular, an app without rules", false, finance, "wiki", Demand{}},
		{"an owner, the house", true, nil, "", Demand{SecondFactor: true}},
		{"an owner, any app", true, staff, "wiki", Demand{SecondFactor: true}},
		{"everybody at the app", false, nil, "payroll", Demand{MaxAge: 15 * time.Minute}},
		{"the shortest age wins", false, staff, "payroll", Demand{MaxAge: 15 * time.Minute}},
		{"rules add up", false, append(finance, staff...), "payroll", Demand{SecondFactor: true, MaxAge: 15 * time.Minute}},
		{"a rule for an app is none for the house", false, finance, "", Demand{}},
		{"by risk", false, nil, "crm", Demand{Risk: RiskDemand{SecondFactor: true, Mail: true}}},
		{"by risk, and whom one of the rules lets in is not let in by the other", false, staff, "crm", Demand{Risk: RiskDemand{SecondFactor: true, Passkey: true, Mail: true}}},
		{"by risk, let in", false, nil, "blog", Demand{Risk: RiskDemand{SecondFactor: true}}},
	} {
		if got := p.Demand(c.owner, c.groups, c.app); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	if (Policy{}).Demand(true, finance, "payroll") != (Demand{}) || !(Policy{}).Silent("payroll") {
		t.Error("an empty policy asks something")
	}
	only := Policy{Rules: p.Rules[1:2]}
	if only.ByRisk() || !p.ByRisk() {
		t.Error("which policies ask by risk")
	}
	if only.Silent("payroll") || !only.Silent("wiki") || !only.Silent("") || p.Silent("wiki") {
		t.Error("which apps a policy is silent about")
	}
}

// TestAPolicyOnlyShortensSessions.
func TestAPolicyOnlyShortensSessions(t *testing.T) {
	for _, c := range []struct {
		p              Policy
		idle, absolute time.Duration
	}{
		{Policy{}, 2 * time.Hour, 12 * time.Hour},
		{Policy{Idle: time.Hour}, time.Hour, 12 * time.Hour},
		{Policy{Idle: 3 * time.Hour, Absolute: time.Hour}, 2 * time.Hour, time.Hour},
	} {
		if idle, absolute := c.p.Lengths(2*time.Hour, 12*time.Hour); idle != c.idle || absolute != c.absolute {
			t.Errorf("%+v: %s and %s", c.p, idle, absolute)
		}
	}
}

// TestAPolicyReadsAsSentences.
func TestAPolicyReadsAsSentences(t *testing.T) {
	for want, r := range map[string]PolicyRule{
		"Owners need a second factor to sign in.": {Owners: true, SecondFactor: true},
		"Everybody needs a passkey to sign in.":   {Passkey: true},
		"Everybody needs a second factor to sign in, where the browser does not know them or many names are tried from the same place; who has no second factor is asked for a code by mail there.":         {SecondFactor: true, Risk: true},
		"People in Finance need a passkey for Payroll, where the browser does not know them or many names are tried from the same place; who has no second factor is let in without one, and told by mail.": {GroupID: "g", AppID: "a", Passkey: true, Risk: true, LetIn: true},
		"People in Finance need a passkey for Payroll, and to have proven who they are within 15 minutes when they open it.":                                                                                {GroupID: "g", AppID: "a", Passkey: true, MaxAge: 15 * time.Minute},
		"Everybody needs a second factor to sign in.":                                                                          {SecondFactor: true},
		"People in Finance need a second factor for Payroll.":                                                                  {GroupID: "g", AppID: "a", SecondFactor: true},
		"Everybody needs to have proven who they are within 15 minutes when they open Payroll.":                                {AppID: "a", MaxAge: 15 * time.Minute},
		"People in Finance need a second factor for Payroll, and to have proven who they are within 1 hour when they open it.": {GroupID: "g", AppID: "a", SecondFactor: true, MaxAge: time.Hour},
	} {
		if got := r.Sentence("Finance", "Payroll"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	got := Policy{Idle: 90 * time.Minute, Absolute: 8 * time.Hour, Remember: 30 * 24 * time.Hour}.Sentences()
	want := []string{
		"A session ends after 90 minutes without use, and after 8 hours in any case.",
		"A browser in which somebody has given their second factor need not be asked for it again for 30 days.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if out := (LockedOut{Count: 3, Users: []User{{DisplayName: "Ada"}, {DisplayName: "Bob"}}}).Sentence(); out !=
		"3 people who are asked for a second factor have none, and get no further than their own page there before they have set one up: Ada, Bob and 1 more." {
		t.Error(out)
	}
	out := LockedOut{Mailed: 12, Unmailed: 1, UnmailedUsers: []User{{DisplayName: "Cyd"}}}
	if got := out.Sentence(); !out.Anybody() || got != "One person has no second factor, and no code can be mailed to them: where a sign-in is a risk, nothing but a link from an owner lets them in: Cyd. "+
		"12 people have no second factor, and are asked for a code by mail where a sign-in is a risk." {
		t.Error(got)
	}
	if out := (LockedOut{Codeless: 2, CodelessUsers: []User{{DisplayName: "Ada"}}}); !out.Anybody() || out.Total() != 2 || out.Sentence() !=
		"2 people have neither a password nor a passkey: without codes by mail, nothing lets them in before they have set one by a link: Ada and 1 more." {
		t.Error(out.Sentence())
	}
	if out := (LockedOut{Mailed: 1}); out.Anybody() || out.Sentence() != "One person has no second factor, and is asked for a code by mail where a sign-in is a risk." {
		t.Errorf("%v: %s", out.Anybody(), out.Sentence())
	}
}

// TestABrowserIsRememberedNoLongerThanThePolicySaysNow.
func TestABrowserIsRememberedNoLongerThanThePolicySaysNow(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	d := KnownDevice{TrustedAt: at, TrustedUntil: at.Add(30 * day), TrustedBy: 5}
	for name, c := range map[string]struct {
		p     Policy
		until time.Time
	}{
		"as it was":           {Policy{Remember: 30 * day, RememberSince: 5}, at.Add(30 * day)},
		"shorter":             {Policy{Remember: 7 * day, RememberSince: 2}, at.Add(7 * day)},
		"longer":              {Policy{Remember: 90 * day, RememberSince: 2}, at.Add(30 * day)},
		"off":                 {Policy{RememberSince: 2}, time.Time{}},
		"off, and then again": {Policy{Remember: 30 * day, RememberSince: 6}, time.Time{}},
	} {
		if got := c.p.RememberedUntil(d); !got.Equal(c.until) {
			t.Errorf("%s: until %s, want %s", name, got, c.until)
		}
		if c.p.Remembers(d, c.until) || !c.until.IsZero() && !c.p.Remembers(d, c.until.Add(-time.Second)) {
			t.Errorf("%s: not to the second", name)
		}
	}
	if (Policy{Remember: 30 * day}).Remembers(KnownDevice{}, at) {
		t.Error("a device that nobody asked to remember is remembered")
	}
}
