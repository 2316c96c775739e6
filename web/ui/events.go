package ui

import "strings"

// EventWords says the kind of an audit event in words for a timeline. A kind
// it does not know is shown as it is: it is a word of the trade already.
func EventWords(kind string) string {
	switch kind {
	case "user.add":
		return "Added"
	case "user.change":
		return "Details changed"
	case "password.set":
		return "Password set"
	case "passkey.add":
		return "Added a passkey"
	case "passkey.rename":
		return "Renamed a passkey"
	case "passkey.remove":
		return "Removed a passkey"
	case "passkey.refuse":
		return "A new passkey was refused"
	case "factor.totp.add":
		return "Authenticator app added"
	case "factor.recovery.renew":
		return "New recovery codes made"
	case "factor.remove":
		return "Authenticator app and recovery codes taken away"
	case "credential.remove":
		return "A credential was taken away by an owner"
	case "signin.passkey.clone":
		return "A passkey's counter went back: there may be a copy of it"
	case "signin.passkey.synced":
		return "A passkey is now kept on several devices"
	case "password.change.refuse":
		return "Gave a wrong current password"
	case "admin.recover":
		return "A one-time link was made on the machine"
	case "user.invite":
		return "Invited by mail"
	case "link.make":
		return "An owner made a one-time link"
	case "link.mail":
		return "A one-time link was mailed"
	case "mail.sent":
		return "A mail was sent"
	case "mail.drop":
		return "A mail was not sent"
	case "mail.fail":
		return "A mail could not be sent"
	case "signin.mail.ask":
		return "A code was asked for by mail"
	case "recovery.code.refuse":
		return "A wrong code was given beside a link from a mail"
	case "recovery.ask":
		return "A link was asked for by mail"
	case "owner.recover":
		return "Became an owner by a link from the machine"
	case "owner.first":
		return "Became the first owner"
	case "user.deletion.ask":
		return "Asked to be deleted"
	case "user.deletion.drop":
		return "Request to be deleted taken off the list"
	case "app.name.release":
		return "A name at an app was given free"
	case "house.policy":
		return "Policy changed"
	case "user.data":
		return "Downloaded what is kept about them"
	case "house.look":
		return "Look of the pages changed"
	case "user.suspend":
		return "Suspended"
	case "user.suspend.schedule":
		return "Suspension scheduled"
	case "user.suspend.cancel":
		return "Scheduled suspension cancelled"
	case "user.suspend.fail":
		return "Scheduled suspension failed"
	case "user.suspend.already":
		return "Scheduled suspension: suspended already"
	case "user.restore":
		return "Restored"
	case "signin.device":
		return "Signed in on a browser that was not known"
	case "signin.risk.refuse":
		return "Gave the password where it alone does not let in, and had nothing else to show"
	case "device.keep":
		return "The browser stays known over a new password"
	case "device.own":
		return "Said that a sign-in was theirs"
	case "device.disown":
		return "Said that a sign-in was not theirs"
	case "device.disown.refuse":
		return "Saying that a sign-in was not theirs refused"
	case "device.forget":
		return "Had a browser forgotten"
	case "oidc.device.confirm":
		return "Signed in on a device"
	case "oidc.device.deny":
		return "Turned a device away"
	case "oidc.exchange":
		return "An app acted for them at another"
	case "session.end":
		return "Session ended"
	case "session.expire":
		return "Session ran out"
	case "session.sign_out":
		return "Signed out"
	case "tokens.end":
		return "Tokens revoked"
	case "delivery.retry":
		return "An app is told again, by hand"
	case "delivery.note":
		return "An owner took note that an app could not be told"
	case "delivery.note_all":
		return "An owner took note of all that apps could not be told"
	case "console.refuse", "api.refuse":
		return "Refused an owner's action"
	case "group.join":
		return "Joined a group"
	case "group.leave":
		return "Left a group"
	case "consent.give":
		return "Allowed an app to know them"
	case "consent.revoke":
		return "Took back what they had allowed an app"
	case "oidc.signin.cancel":
		return "Went back to an app without signing in"
	case "token.end":
		return "A token revoked"
	case "oidc.consent.cancel":
		return "Did not allow an app to know them"
	case "key.rotate":
		return "Next signing key published"
	case "key.hasten":
		return "Next signing key put to use early"
	case "certificate.expiring":
		return "A SAML certificate comes to its end"
	case "certificate.expired":
		return "A SAML certificate has come to its end"
	case "metadata.expiring":
		return "The metadata of an app come to their end"
	case "metadata.expired":
		return "The metadata of an app have come to their end"
	case "app.preview":
		return "Looked at what an app would be told of them"
	case "app.test":
		return "Played a sign-on of theirs at an app"
	case "key.next":
		return "Next SAML certificate published"
	case "key.had":
		return "An owner said that an app has the next certificate"
	case "key.switch":
		return "Another SAML key signs for an app"
	case "key.switch_rest":
		return "The next SAML key signs for all apps"
	case "key.retire":
		return "SAML certificate retired"
	case "grant.add":
		return "App granted"
	case "grant.remove":
		return "App taken away"
	case "oidc.authorize.deny":
		return "Not let into an app"
	case "oidc.client.refuse":
		return "An app did not prove that it is the app"
	case "oidc.code.burn", "oidc.code.reuse", "oidc.refresh.reuse":
		return "A code or token was misused"
	case "app.secret.add":
		return "App got a second secret"
	case "app.secret.remove":
		return "Secret of an app removed"
	}
	switch {
	case strings.HasPrefix(kind, "signin.") && strings.HasSuffix(kind, ".refuse"):
		return "Sign-in refused"
	case strings.HasPrefix(kind, "signin.") && strings.HasSuffix(kind, ".throttle"):
		return "Sign-in slowed down after too many tries"
	case strings.HasPrefix(kind, "signin."):
		return "Signed in"
	case (strings.HasPrefix(kind, "oidc.") || strings.HasPrefix(kind, "saml.")) && strings.HasSuffix(kind, ".refuse"):
		return "An app's request was refused"
	}
	return kind
}
