package directory_test

import (
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
)

// TestALinkForWhoCanSignInIsShort, and is told; an invitation has days, by hand
// and by mail.
func TestALinkForWhoCanSignInIsShort(t *testing.T) {
	t.Parallel()
	d, s := newDirectory(t)
	s.Mails, d.Mails = true, true
	person := func(name string) idp.User {
		return must[idp.User](t)(d.AddUser(t.Context(), directory.Person{Username: name, Email: name + "@example.org"}))
	}
	fresh, ada := person("fresh"), person("ada")
	give(t, s, ada, idp.CredentialPasskey)
	for u, want := range map[idp.User]struct {
		purpose idp.LinkPurpose
		life    time.Duration
		mails   []idp.MailKind
	}{
		fresh: {idp.LinkPassword, 72 * time.Hour, []idp.MailKind{idp.MailInvitation}},
		ada:   {idp.LinkReset, time.Hour, []idp.MailKind{idp.MailReset, idp.MailLinkMade}},
	} {
		_, l, err := d.Invite(t.Context(), u)
		if err != nil || l.Purpose != want.purpose || l.ExpiresAt.Sub(l.CreatedAt) != want.life {
			t.Errorf("%s: %s for %s, %v", u.Username, l.Purpose, l.ExpiresAt.Sub(l.CreatedAt), err)
		}
		if err := d.MailInvitation(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		got := must[[]idp.Mail](t)(s.MailsOf(t.Context(), u.ID, 10))
		if len(got) != len(want.mails) {
			t.Fatalf("%s: %+v", u.Username, got)
		}
		for i, kind := range want.mails {
			if got[i].Kind != kind {
				t.Errorf("%s: told %s, want %s", u.Username, got[i].Kind, kind)
			}
		}
	}
}
