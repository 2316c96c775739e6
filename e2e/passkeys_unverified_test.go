package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"

	"gatehouse/web/api/client"
)

// passkeysOf are what an owner sees of somebody's passkeys.
func passkeysOf(t testing.TB, api *client.Client, user string) (keys []client.Credential) {
	t.Helper()
	all, err := api.Credentials(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.Kind == "passkey" {
			keys = append(keys, c)
		}
	}
	return keys
}

// TestWhoIsNotVerifiedHasNoPasskey: an authenticator that knows no finger and no
// PIN, one that does not recognise who stands before it, and one that lies are no
// passkey here: at the page where one is made and at the sign-in, in plain words and
// with the password as the way on. As the second step after a password a touch is
// all that is asked.
func TestWhoIsNotVerifiedHasNoPasskey(t *testing.T) {
	t.Parallel()
	p := meet(t, nil)
	b := browser(t)
	otherwise := b.byButton()
	defer otherwise()
	b.open(p.URL)
	signIn(b, "ada", adasPassword)
	b.sees("Hello, ada")
	none := func(how string) {
		t.Helper()
		if keys := passkeysOf(t, p.API, "ada"); len(keys) != 0 {
			t.Errorf("%s, %+v is kept", how, keys)
		}
	}

	// A key with a button alone: the browser itself does not take it.
	button := b.authenticatorAs(webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportUsb, HasResidentKey: true})
	b.open(p.URL + "/passkeys")
	b.touches(button, "Add a passkey")
	b.sees("No passkey was made. Try again when you are ready.")
	none("of a key with a button alone")
	b.loses(button)

	// Somebody else's finger.
	device := b.authenticator(webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportUsb})
	b.recognises(device, false)
	b.open(p.URL + "/passkeys")
	b.touches(device, "Add a passkey")
	b.sees("No passkey was made. Try again when you are ready.")
	none("of somebody else's finger")

	// One that says that it did not look: the house refuses it, and it is taken off
	// the device again.
	b.recognises(device, true)
	b.says(device, webauthn.SetResponseOverrideBitsParams{IsBadUV: new(true)})
	b.expect("400")
	b.open(p.URL + "/passkeys")
	b.touches(device, "Add a passkey")
	b.sees("This passkey could not be read. Add it once more, or use another device.")
	none("unverified")
	until(t, actWithin, "what was not kept is gone from the device", func() bool { return len(b.kept(device)) == 0 })
	b.says(device, webauthn.SetResponseOverrideBitsParams{})
	b.touches(device, "Add a passkey") // on the page with the refusal
	b.sees("On this device or key alone")

	// At the sign-in.
	b.signsOut(p.URL, device)
	b.recognises(device, false)
	b.touches(device, "Use a passkey")
	b.sees("Username or email")
	b.recognises(device, true)
	b.says(device, webauthn.SetResponseOverrideBitsParams{IsBadUV: new(true)})
	b.expect("401")
	b.touches(device, "Use a passkey")
	b.sees("This passkey does not sign you in here. Try it once more, or use your password.")
	if !strings.Contains(b.text(), "Username or email") {
		t.Errorf("there is no way on:\n%s", b.text())
	}
	b.says(device, webauthn.SetResponseOverrideBitsParams{IsBadUP: new(true)})
	b.touches(device, "Use a passkey")
	until(t, actWithin, "the house refuses what nobody touched", func() bool {
		return strings.Count(p.Log.String(), `/passkey","status":401`) > 1
	})
	b.sees("This passkey does not sign you in here.")

	// The same key on one with a button alone: no passkey, but the second step after
	// the password.
	key := b.kept(device)[0]
	b.loses(device)
	button = b.authenticatorAs(webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportUsb})
	b.do(call(addCredential, map[string]any{"authenticatorId": button, "credential": map[string]any{
		"credentialId": key.CredentialID, "isResidentCredential": true, "rpId": "localhost", "privateKey": key.PrivateKey,
		"userHandle": key.UserHandle, "signCount": key.SignCount,
	}}))
	if _, err := p.API.SetPolicy(t.Context(), client.Policy{Rules: []client.PolicyRule{{SecondFactor: true}}}, true, false); err != nil {
		t.Fatal(err)
	}
	b.open(p.URL)
	b.touches(button, "Use a passkey")
	b.sees("Username or email")
	b.present(button, false)
	signIn(b, "ada", adasPassword)
	b.sees("Show once more that it is you, with a passkey of yours.")
	b.touches(button, "Use a passkey")
	b.sees("Hello, ada")
	if keys := passkeysOf(t, p.API, "ada"); len(keys) != 1 || keys[0].LastUsedAt == nil {
		t.Errorf("kept: %+v", keys)
	}
}

// addCredential is webauthn.AddCredential without what this Chromium does not know.
var addCredential = cdp.Command[map[string]any, cdp.Empty]{Method: webauthn.CommandAddCredential}

// TestACopyIsShownWhileThereIsOne: two authenticators at once, one whose passkeys can
// be copied and one whose cannot; the page follows the flags of the last use.
func TestACopyIsShownWhileThereIsOne(t *testing.T) {
	t.Parallel()
	p := meet(t, nil)
	b := browser(t)
	b.byButton()
	manager := b.authenticator(webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportInternal, DefaultBackupEligibility: true})
	b.open(p.URL)
	signIn(b, "ada", adasPassword)
	b.sees("Sign in faster next time")
	b.touches(manager, "Add a passkey")
	b.sees("Hello, ada")
	b.signsOut(p.URL, manager)
	b.touches(manager, "Use a passkey") // another is added by who has shown one
	b.sees("Hello, ada")
	b.present(manager, false)
	bound := b.authenticator(webauthn.VirtualAuthenticatorOptions{Transport: webauthn.AuthenticatorTransportUsb})
	b.open(p.URL + "/passkeys")
	b.touches(bound, "Add a passkey")
	b.sees("Passkeys 2")
	shows := func(copies, alone int) {
		t.Helper()
		b.open(p.URL + "/passkeys")
		text := b.text()
		if n, m := strings.Count(text, "Kept on all your devices"), strings.Count(text, "On this device or key alone"); n != copies || m != alone {
			t.Errorf("%d are shown with a copy and %d without, want %d and %d", n, m, copies, alone)
		}
	}
	shows(0, 2) // it could be copied, and is not
	for _, state := range []bool{true, false, true} {
		b.signsOut(p.URL, bound)
		key := b.kept(manager)[0]
		b.do(call(webauthn.SetCredentialProperties, webauthn.SetCredentialPropertiesParams{
			AuthenticatorID: manager, CredentialID: key.CredentialID, BackupEligibility: new(true), BackupState: &state,
		}))
		b.touches(manager, "Use a passkey")
		b.sees("Hello, ada")
		b.present(manager, false)
		if state {
			shows(1, 1)
		} else {
			shows(0, 2)
		}
	}

	// What could be copied once can be ever after (WebAuthn L3 §7.2 step 20).
	b.signsOut(p.URL, manager)
	b.do(call(webauthn.SetCredentialProperties, webauthn.SetCredentialPropertiesParams{
		AuthenticatorID: manager, CredentialID: b.kept(manager)[0].CredentialID, BackupEligibility: new(false), BackupState: new(false),
	}))
	b.expect("401")
	b.touches(manager, "Use a passkey")
	b.sees("This passkey does not sign you in here.")
	b.present(manager, false)
	b.touches(bound, "Use a passkey")
	b.sees("Hello, ada")
}
