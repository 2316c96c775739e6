package directory_test

import (
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/sessions"
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

// TestANewAddressEndsWhatLiesInTheMailboxOfBefore: links and codes, by hand and by a
// file; that mailbox is told, and a new link is not kept waiting. A new name alone
// ends nothing.
func TestANewAddressEndsWhatLiesInTheMailboxOfBefore(t *testing.T) {
	t.Parallel()
	d, s := newDirectory(t)
	s.Mails, d.Mails = true, true
	at := func(address string) directory.Person { return directory.Person{Username: "ada", Email: address} }
	ada := must[idp.User](t)(d.AddUser(t.Context(), at("ada@old.example")))
	gate := d.Passes.(*sessions.Gate)
	proof := idp.Proof{UserID: ada.ID, Epoch: ada.Epoch, Generation: must[string](t)(s.Generation(t.Context()))}
	link := func(purpose idp.LinkPurpose) string {
		raw, _, err := gate.NewLink(t.Context(), proof, purpose)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	good := func(raw string) bool {
		_, err := gate.Link(t.Context(), raw)
		if err != nil && !idp.IsKind(err, idp.Unauthenticated) {
			t.Fatal(err)
		}
		return err == nil
	}
	for name, change := range map[string]func(address string){
		"by hand": func(address string) {
			must[idp.User](t)(d.ChangeUser(t.Context(), ada.ID, at(address)))
		},
		"by a file": func(address string) {
			must[[]directory.Difference](t)(d.Apply(t.Context(), directory.Desired{Users: []directory.DesiredUser{{Person: at(address)}}}, false))
		},
	} {
		old := must[idp.User](t)(s.User(t.Context(), ada.ID)).Email
		recovery, invitation := link(idp.LinkRecovery), link(idp.LinkPassword)
		in, err := gate.BeginSignIn(t.Context(), idp.SignIn{ResumeURL: "/"}, "a raw secret of the browser, long enough")
		if err != nil {
			t.Fatal(err)
		}
		must[idp.MailCode](t)(gate.NewMailCode(t.Context(), proof, in.ID, "mac"))
		must[idp.User](t)(d.ChangeUser(t.Context(), ada.ID, directory.Person{Username: "ada", Email: old, DisplayName: "Ada " + name}))
		if !good(recovery) || !good(invitation) {
			t.Fatalf("%s: another display name has ended a link", name)
		}
		change(name[3:4] + "@new.example")
		if good(recovery) || good(invitation) {
			t.Errorf("%s: a link in the old mailbox is good", name)
		}
		if _, err := gate.MailCode(t.Context(), in, "mac"); !idp.IsKind(err, idp.Unauthenticated) {
			t.Errorf("%s: a code in the old mailbox: %v", name, err)
		}
		if under := must[bool](t)(s.RecoveryUnderWay(t.Context(), ada.ID, time.Now())); under {
			t.Errorf("%s: the link in the old mailbox keeps another waiting", name)
		}
		if m := must[[]idp.Mail](t)(s.MailsOf(t.Context(), ada.ID, 1)); len(m) != 1 || m[0].Kind != idp.MailAddressChanged || m[0].Data["old"] != old {
			t.Errorf("%s: told %+v", name, m)
		}
	}
}
