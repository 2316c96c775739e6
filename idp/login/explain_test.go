package login

import (
	"crypto/x509"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
)

// TestEveryRefusalOfASignInIsExplained drives each rule and asks what its line
// means: every one has words of its own.
func TestEveryRefusalOfASignInIsExplained(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := h.user("cora", secret)
	p, _ := h.sets(u)
	for range 12 {
		_, _ = h.Code(h.Context(), h.half("cora"), "000000")
		_ = h.ChangePassword(h.from("203.0.113.9"), h.own(u), "", "wrong", "another one, long enough")
		h.clock.pass(10 * time.Second)
	}
	other := h.user("otto", secret)
	offer, err := h.OfferTOTP(other, "gatehouse.test")
	h.ok(err)
	for range 12 {
		_, _ = h.AddTOTP(h.Context(), h.own(other), offer.Sealed, p.code())
	}
	dina := h.user("dina", secret)
	h.sets(dina)
	dinas, _ := h.newcomer(dina)
	_, theirs := h.newcomer(dina)
	for range 12 {
		s, _ := h.asked(dina, false, dinas, theirs.ID, "pwd")
		_, _ = h.Disown(h.Context(), s, false, dinas, theirs.ID, "wrong", "")
		_, _ = h.Disown(h.Context(), s, true, dinas, theirs.ID, "", "000000")
	}
	h.user("anna", secret)
	h.user("empty", "")
	h.suspend(h.user("gone", secret))
	hers := h.knownTo(h.user("dora", secret), "")
	gone := h.user("gina", secret)
	gate := h.Gate
	h.Gate = &cutting{Gate: gate, cut: func() { h.suspend(gone) }}
	h.is(h.try("", "gina", secret), idp.Unauthenticated)
	h.Gate = gate
	for range 12 {
		for _, name := range []string{"anna", "empty", "gone", "nobody"} {
			_ = h.try("", name, "wrong")
		}
		_ = h.tryOn(hers, "", "dora", "wrong")
	}
	for i := range 200 {
		_ = h.try("192.0.2.1", strings.Repeat("x", i+1), "wrong")
		_ = h.try("198.51.100."+string(rune('0'+i%10)), strings.Repeat("y", i+1), "wrong")
	}
	h.asks(byRisk)
	rita := h.user("rita", secret)
	for _, mails := range []bool{false, true} {
		h.Mails = mails
		for range 6 {
			_ = h.SendConfirmation(h.from("203.0.113.200"), h.types(rita, "", "203.0.113.200", ""), "en")
		}
	}
	h.MailCodes = func() bool { return true }
	for range 4 {
		_, _ = h.MailCode(h.from("203.0.113.201"), h.begin(), "rita", "en")
	}
	rita.Email = ""
	_, err = h.store.Commit(t.Context(), idp.Change{Users: []idp.User{rita}})
	h.ok(err)
	h.types(rita, "", "203.0.113.200", "")
	seen := map[string]map[string]bool{}
	for _, kind := range []string{"signin.password.refuse", "signin.password.throttle", "signin.risk.refuse", "signin.stuffing"} {
		seen[kind] = map[string]bool{}
		for _, e := range h.events(kind) {
			x, ok := Explain(e)
			if !ok || x.Meaning == "" || x.Change == "" || x.Side == "" {
				t.Errorf("%s %v is not explained", kind, e.Detail)
			}
			rule := e.Detail["by"] + e.Detail["reason"]
			if _, own := explained[kind][rule]; !own && kind != "signin.stuffing" {
				t.Errorf("%s by %q has no words of its own", kind, rule)
			}
			seen[kind][rule] = true
		}
	}
	for kind, rules := range explained {
		if seen[kind] == nil {
			continue
		}
		for rule := range rules {
			if rule != "" && !seen[kind][rule] {
				t.Errorf("%s by %q is explained, and never happens", kind, rule)
			}
		}
	}
	if _, ok := Explain(idp.Event{Kind: "signin.password.ok"}); ok {
		t.Error("a sign-in is explained as a refusal")
	}
}

// TestEveryRefusalOfAPasskeyAndACodeIsExplained drives each rule of a ceremony and
// of a code, and asks what its line means: each has words of its own, and none is
// explained that never happens.
func TestEveryRefusalOfAPasskeyAndACodeIsExplained(t *testing.T) {
	t.Parallel()
	const taken = "08987058-cadc-4b81-b6e1-30de50dcbe96"
	// What the library's own parser keeps away, or a unit test alone can make.
	unseen := map[string][]string{"passkey.refuse": {"a weak key", "no AAGUID"}}
	h := passkeyHouse(t)
	u, eve := h.user("grace", secret), h.user("eve", secret)
	d, hers := newDevice(), newDevice()
	h.enrol(u, d)
	h.enrol(eve, hers)

	// Adding one.
	adds := func(change func(d *device, c *Ceremony, s *idp.Session) string) {
		t.Helper()
		s, n := h.session(u), newDevice()
		c, err := h.NewPasskey(t.Context(), s)
		h.ok(err)
		_, err = h.AddPasskey(h.from("192.0.2.1"), s, c.State, change(n, &c, &s), "")
		if err == nil {
			t.Error("a passkey was added that was to be refused")
		}
	}
	adds(func(d *device, c *Ceremony, _ *idp.Session) string { c.State = "x"; return d.make(t, *c) })
	adds(func(d *device, c *Ceremony, s *idp.Session) string { *s = h.session(eve); return d.make(t, *c) })
	adds(func(d *device, c *Ceremony, _ *idp.Session) string { h.clock.pass(ceremonyTime); return d.make(t, *c) })
	adds(func(d *device, c *Ceremony, s *idp.Session) string {
		answer := d.make(t, *c)
		_, err := h.AddPasskey(t.Context(), *s, c.State, answer, "")
		h.ok(err)
		return answer
	})
	adds(func(*device, *Ceremony, *idp.Session) string { return strings.Repeat("x", maxResponse+1) })
	adds(func(*device, *Ceremony, *idp.Session) string { return "{}" })
	adds(func(n *device, c *Ceremony, _ *idp.Session) string { n.key = hers.key; return n.make(t, *c) })
	ways := map[string]func(d *device){
		reasonOrigin:     func(d *device) { d.party.Origin = "https://evil.example" },
		reasonDomain:     func(d *device) { d.party.ID = "evil.example" },
		reasonUnverified: func(d *device) { d.Options.UserNotVerified = true },
		reasonUntouched:  func(d *device) { d.Options.UserNotPresent = true },
		"another rule":   func(d *device) { d.Options.BackupState = true },
	}
	for _, way := range ways {
		adds(func(n *device, c *Ceremony, _ *idp.Session) string { way(n); return n.make(t, *c) })
	}
	adds(func(n *device, _ *Ceremony, s *idp.Session) string {
		c, err := h.NewPasskey(t.Context(), *s)
		h.ok(err)
		return n.make(t, c)
	})
	h.Passkeys.permitted = []string{taken}
	adds(func(n *device, c *Ceremony, _ *idp.Session) string { return n.make(t, *c) })
	h.Passkeys.permitted, h.Passkeys.roots = nil, x509.NewCertPool()
	adds(func(n *device, c *Ceremony, _ *idp.Session) string { return n.make(t, *c) })
	h.Passkeys.roots = nil

	// Signing in.
	signs := func(change func(d device, c *Ceremony, in *idp.SignIn) string) {
		t.Helper()
		in := h.begin()
		c := h.offer(in)
		d.key.Counter++
		_, err := h.Passkey(h.Context(), in, c.State, change(*d, &c, &in))
		h.is(err, idp.Unauthenticated)
	}
	signs(func(d device, c *Ceremony, _ *idp.SignIn) string { c.State = "x"; return d.use(t, *c) })
	signs(func(d device, c *Ceremony, in *idp.SignIn) string { *in = h.begin(); return d.use(t, *c) })
	signs(func(d device, c *Ceremony, _ *idp.SignIn) string { h.clock.pass(ceremonyTime); return d.use(t, *c) })
	signs(func(d device, c *Ceremony, in *idp.SignIn) string {
		answer := d.use(t, *c)
		_, err := h.Passkey(t.Context(), *in, c.State, answer)
		h.ok(err)
		return answer
	})
	signs(func(device, *Ceremony, *idp.SignIn) string { return strings.Repeat("x", maxResponse+1) })
	signs(func(device, *Ceremony, *idp.SignIn) string { return "{}" })
	signs(func(d device, c *Ceremony, _ *idp.SignIn) string { n := d; n.key = newKey(); return n.use(t, *c) })
	for _, way := range ways {
		signs(func(d device, c *Ceremony, _ *idp.SignIn) string { way(&d); return d.use(t, *c) })
	}
	signs(func(d device, _ *Ceremony, in *idp.SignIn) string { return d.use(t, h.offer(*in)) })
	signs(func(d device, c *Ceremony, _ *idp.SignIn) string { // her ID, another's key
		n := newKey()
		n.ID = d.key.ID
		d.key = n
		return d.use(t, *c)
	})
	half, err := h.Password(h.from("198.51.100.7"), h.begin(), "grace", secret)
	h.ok(err)
	c := h.offer(half)
	_, err = h.Passkey(t.Context(), half, c.State, hers.use(t, c))
	h.is(err, idp.Unauthenticated)
	d.key.Counter += 100
	_, err = h.touch(d)
	h.ok(err)
	d.key.Counter -= 50
	refused := func() {
		t.Helper()
		_, err := h.touch(d)
		h.is(err, idp.Unauthenticated)
	}
	refused() // the counter went back
	d.key.Counter += 100
	d.Options.BackupEligible, d.Options.BackupState = true, true
	_, err = h.touch(d)
	h.ok(err)
	d.Options.BackupEligible, d.Options.BackupState = false, false
	refused()
	d.Options.BackupEligible, d.Options.BackupState = true, true
	gate := h.Gate
	h.Gate = &cutting{Gate: gate, cut: func() { h.suspend(u) }}
	refused() // suspended while it was looked at
	h.Gate = gate
	refused() // suspended

	// A code.
	ada := h.user("ada", secret)
	p, codes := h.sets(ada)
	codeWith := func(typed string) {
		t.Helper()
		_, err := h.Code(t.Context(), h.half("ada"), typed)
		h.is(err, idp.Unauthenticated)
		h.clock.pass(10 * time.Minute)
	}
	codeWith("hello")
	codeWith("000000")
	codeWith("BBBB-BBBB-BBBB")
	_, err = h.Code(t.Context(), h.half("ada"), codes[0])
	h.ok(err)
	codeWith(codes[0])
	waiting := h.half("ada")
	h.Store = &between{Store: h.Store, happens: func() {
		_, err := h.store.Commit(t.Context(), idp.Change{RemoveCredentials: codesOf(h, ada)})
		h.ok(err)
	}}
	_, err = h.Code(t.Context(), waiting, p.code())
	h.is(err, idp.Unauthenticated)
	h.is(h.ChangePassword(h.from("192.0.2.1"), h.own(ada), "", "wrong", "another one, long enough"), idp.Invalid)
	bea := h.user("bea", secret)
	hersToo, _ := h.sets(bea)
	waiting = h.half("bea")
	h.Gate = &cutting{Gate: gate, cut: func() { h.suspend(bea) }}
	_, err = h.Code(t.Context(), waiting, hersToo.code())
	h.is(err, idp.Unauthenticated)

	for _, kind := range []string{"signin.passkey.refuse", "passkey.refuse", "signin.code.refuse", "password.change.refuse"} {
		seen := map[string]bool{}
		for _, e := range h.events(kind) {
			rule, failed := ruleOf(kind, e.Detail["reason"])
			x, ok := Explain(e)
			if !ok || rule == "" || x.Meaning == "" || x.Change == "" || x.Side == "" || x.Failed != failed {
				t.Errorf("%s %v is not explained: %+v", kind, e.Detail, x)
			}
			seen[rule] = true
		}
		for _, rule := range slices.Sorted(maps.Keys(explained[kind])) {
			if rule != "" && !seen[rule] && !slices.Contains(unseen[kind], rule) {
				t.Errorf("%s by %q is explained, and never happens", kind, rule)
			}
		}
	}
}

// codesOf are what somebody has of codes.
func codesOf(h *house, u idp.User) []idp.Credential {
	h.Helper()
	all, err := h.store.Credentials(h.Context(), u.ID)
	h.ok(err)
	return codesAmong(all)
}
