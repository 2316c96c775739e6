package console_test

import "testing"

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
	ada.submit("/policy/ways", "email_code", unchecked).wants(200, "/console/policy", "after 8 hours in any case").lacks("People may sign in with a code")
	if p, err := h.store.Policy(t.Context()); err != nil || p.EmailCode || p.Version != 4 {
		t.Errorf("policy %+v, %v", p, err)
	}
}
