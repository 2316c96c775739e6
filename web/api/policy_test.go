package api_test

import (
	"errors"
	"slices"
	"testing"

	"gatehouse/web/api/client"
)

// TestThePolicyComesAndGoesByTheAPI, by names and in sentences, and says whom it
// locks out before it is set.
func TestThePolicyComesAndGoesByTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.client(bootstrap)
	ctx := t.Context()
	if _, err := c.Apply(ctx, client.Desired{
		Groups: []string{"Finance"}, Users: []client.DesiredUser{{Person: client.Person{Username: "bob"}, Groups: []string{"Finance"}}},
		Policy: &client.Policy{Absolute: "8h"},
	}, false); err != nil {
		t.Fatal(err)
	}
	was, err := c.Policy(ctx)
	if err != nil || was.Absolute != "8h0m0s" || was.Version != 2 {
		t.Fatalf("policy %+v, %v", was, err)
	}
	want := client.Policy{Idle: "1h", Absolute: "8h", EmailCode: true, MailRecovers: true, Remember: "30d", Rules: []client.PolicyRule{{Group: "Finance", SecondFactor: true}}}
	looked, err := c.SetPolicy(ctx, want, false, true)
	if err != nil || looked.LocksOut == nil || looked.LocksOut.Count != 1 || !slices.Equal(looked.LocksOut.Users, []string{"bob"}) {
		t.Fatalf("looked %+v, %v", looked, err)
	}
	_, err = c.SetPolicy(ctx, want, false, false)
	if p, ok := errors.AsType[*client.Problem](err); !ok || p.Status != 409 {
		t.Fatalf("set before it was accepted: %v", err)
	}
	if now, err := c.Policy(ctx); err != nil || now.Version != 2 || now.Rules != nil {
		t.Errorf("looking, or what was refused, has set %+v, %v", now, err)
	}
	set, err := c.SetPolicy(ctx, want, true, false)
	sentences := []string{
		"People in Finance need a second factor to sign in.",
		"People may sign in with a code that is mailed to them; who has a second factor is asked for it, too.",
		"Who has nothing but a password chooses a new one with a link from a mail, in any browser.",
		"A session ends after 1 hour without use, and after 8 hours in any case.",
		"A browser in which somebody has given their second factor need not be asked for it again for 30 days.",
	}
	if err != nil || set.Version != 3 || !slices.Equal(set.Sentences, sentences) {
		t.Errorf("set %+v, %v", set, err)
	}
	now, err := c.Policy(ctx)
	if err != nil || now.Idle != "1h0m0s" || now.Remember != "30d" || !now.EmailCode || !now.MailRecovers || !slices.Equal(now.Rules, want.Rules) {
		t.Errorf("policy %+v, %v", now, err)
	}
	now.Version = 2
	bad := []client.Policy{
		now, {Idle: "soon"}, {Remember: "720h"}, {Remember: "0d"}, {Remember: "-1d"}, {Remember: "91d"}, {Remember: "d"}, {Rules: []client.PolicyRule{{SecondFactor: true, Passkey: true}}}, {Rules: []client.PolicyRule{{Risk: true}}}, {Rules: []client.PolicyRule{{SecondFactor: true, LetIn: true}}}, {Absolute: "99h"}, {Rules: []client.PolicyRule{{Group: "Nobody", SecondFactor: true}}},
		{Rules: []client.PolicyRule{{Owners: true, Group: "Finance", SecondFactor: true}}}, {Rules: []client.PolicyRule{{App: "Nothing", MaxAge: "5m"}}},
	}
	for _, p := range bad {
		if _, err := c.SetPolicy(ctx, p, true, false); err == nil {
			t.Errorf("taken: %+v", p)
		}
	}
}

// TestARuleByRiskComesAndGoesByTheAPI, with whom it asks for a code by mail.
func TestARuleByRiskComesAndGoesByTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.Mails = true
	c := h.client(bootstrap)
	ctx := t.Context()
	if _, err := c.Apply(ctx, client.Desired{Users: []client.DesiredUser{{Person: client.Person{Username: "bob", Email: "bob@example.org"}}, {Person: client.Person{Username: "cyd"}}}}, false); err != nil {
		t.Fatal(err)
	}
	want := client.Policy{Rules: []client.PolicyRule{{SecondFactor: true, Risk: true}, {Owners: true, SecondFactor: true, Risk: true, LetIn: true}}}
	looked, err := c.SetPolicy(ctx, want, false, true)
	if err != nil || looked.LocksOut == nil || looked.LocksOut.Mailed != 1 || looked.LocksOut.Count != 1 || !slices.Equal(looked.LocksOut.Users, []string{"cyd"}) {
		t.Fatalf("looked %+v, %v", looked.LocksOut, err)
	}
	if _, err := c.SetPolicy(ctx, want, false, false); err == nil {
		t.Error("set before it was accepted")
	}
	set, err := c.SetPolicy(ctx, want, true, false)
	if err != nil || !slices.Equal(set.Rules, want.Rules) || len(set.Sentences) != 2 {
		t.Errorf("set %+v, %v", set, err)
	}
	if done, err := c.Apply(ctx, client.Desired{Policy: &client.Policy{Rules: want.Rules}}, false); err != nil || len(done.Changes) != 0 {
		t.Errorf("the same by a file: %+v, %v", done, err)
	}
}
