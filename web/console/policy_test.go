package console_test

import (
	"testing"

	"gatehouse/idp"
)

// TestAnOwnerAllowsACodeByMail, and takes it back; the rest of the policy stays, and
// who decides on what is gone by now is told so.
func TestAnOwnerAllowsACodeByMail(t *testing.T) {
	h := newHouse(t)
	ada := h.owner()
	ada.open("/console/policy").wants(200, "/console/policy", "A code by mail", "sends no mails yet")
	ada.submit("/policy/lengths", "absolute", "8h").wants(200, "/console/policy", "after 8 hours in any case")
	ada.submit("/policy/ways", "email_code", "yes").wants(200, "/console/policy", "People may sign in with a code that is mailed to them", "after 8 hours in any case")
	if p, err := h.store.Policy(t.Context()); err != nil || !p.EmailCode || p.Version != 3 {
		t.Errorf("policy %+v, %v", p, err)
	}
	ada.submit("/policy/ways", "version", "2", "email_code", unchecked).wants(409, "/console/policy/ways", "changed meanwhile")
	ada.submit("/policy/ways", "mail_recovers", "yes").wants(200, "/console/policy", "People may sign in with a code", "with a link from a mail, in any browser")
	ada.submit("/policy/ways", "mail_recovers", unchecked).wants(200, "/console/policy", "People may sign in with a code").lacks("with a link from a mail")
	ada.submit("/policy/ways", "email_code", unchecked).wants(200, "/console/policy", "after 8 hours in any case").lacks("People may sign in with a code")
	if p, err := h.store.Policy(t.Context()); err != nil || p.EmailCode || p.MailRecovers || p.Version != 6 {
		t.Errorf("policy %+v, %v", p, err)
	}
}

// TestWhatIsAcceptedIsWhatWasTyped: both boxes, where taking the one away locks somebody out
// and is asked about first.
func TestWhatIsAcceptedIsWhatWasTyped(t *testing.T) {
	h := newHouse(t)
	ada := h.owner()
	ada.open("/console/users/new")
	ada.submit("/users", "username", "grace", "name", "Grace Hopper", "email", "grace@example.org")
	h.store.Mails = true
	ada.open("/console/policy")
	ada.submit("/policy/ways", "email_code", "yes").wants(200, "/console/policy", "People may sign in with a code")
	ada.submit("/policy/ways", "email_code", unchecked, "mail_recovers", "yes").wants(409, "/console/policy/ways", "Nothing is changed yet", "Grace Hopper")
	ada.submit("/policy/ways", "accept", "yes").wants(200, "/console/policy", "with a link from a mail, in any browser").lacks("People may sign in with a code")
	if p, err := h.store.Policy(t.Context()); err != nil || p.EmailCode || !p.MailRecovers {
		t.Errorf("policy %+v, %v", p, err)
	}
}

// TestAnOwnerAsksByRisk, and is told before whom that asks for what, also where nobody
// is locked out by it.
func TestAnOwnerAsksByRisk(t *testing.T) {
	h := newHouse(t)
	ada := h.owner()
	ada.open("/console/users/new")
	ada.submit("/users", "username", "grace", "name", "Grace Hopper")
	h.store.Mails = true
	ada.open("/console/policy").wants(200, "/console/policy", "Where a sign-in is a risk")
	ada.submit("/policy/rules", "when", "let_in", "factor", "").wants(400, "/console/policy/rules", "A rule by risk asks for a second factor or for a passkey")
	ada.submit("/policy/rules", "when", "risk", "factor", "second").wants(409, "/console/policy/rules", "Nothing is changed yet", "no code can be mailed to them", "Grace Hopper")
	if p, err := h.store.Policy(t.Context()); err != nil || p.Version != 1 {
		t.Fatalf("asked, and made: %+v, %v", p, err)
	}
	ada.submit("/policy/rules", "accept", "yes").wants(200, "/console/policy", "where the browser does not know them", "asked for a code by mail there")
	ada.submit("/policy/rules", "when", "let_in", "who", "owners", "factor", "second").wants(200, "/console/policy", "let in without one, and told by mail")
	p, err := h.store.Policy(t.Context())
	want := []idp.PolicyRule{{SecondFactor: true, Risk: true}, {Owners: true, SecondFactor: true, Risk: true, LetIn: true}}
	if err != nil || len(p.Rules) != 2 || p.Rules[0] != want[0] || p.Rules[1] != want[1] {
		t.Errorf("policy %+v, %v", p, err)
	}
}
