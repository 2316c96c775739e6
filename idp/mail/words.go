package mail

import (
	"slices"

	"gatehouse/idp"
)

// words are what a kind of mail says in one language. In braces stand {name} of
// the person, {house}, {until}, {at} and what the mail's Data has.
type words struct {
	Subject string
	Body    []string
	Button  string   // for the link, where it has one
	After   []string // in small letters
}

// languages that mails are written in; the first is what anybody gets who asks
// for none of them.
var languages = []string{"en", "de"}

// sayings has every kind in every language.
func sayings(lang string) map[idp.MailKind]words {
	if lang == "de" {
		return german()
	}
	return english()
}

func english() map[idp.MailKind]words {
	return map[idp.MailKind]words{
		idp.MailInvitation: {
			Subject: "Your account at {house}",
			Body:    []string{"Hello {name},", "You have an account at {house}. Your username is {username}.", "Choose a password to start:"},
			Button:  "Choose a password",
			After:   []string{"The link works once, until {until}. If you did not expect this mail, leave it: nothing happens by itself."},
		},
		idp.MailRecovery: {
			Subject: "Choose a new password for {house}",
			Body:    []string{"Hello {name},", "Somebody asked for a link with which the password of {username} at {house} is chosen anew. If that was you:"},
			Button:  "Choose a new password",
			After:   []string{"The link works once, until {until}.", "If it was not you, leave this mail. Your password stays as it is, and nobody but you has the link."},
		},
		idp.MailPasswordChanged: {
			Subject: "Your password for {house} was changed",
			Body: []string{"Hello {name},", "The password of {username} at {house} was changed on {at}. Everything that was signed in with the old one has ended.",
				"If that was not you, ask an owner of {house} for help at once."},
		},
		idp.MailNewDevice: {
			Subject: "A new sign-in at {house}",
			Body: []string{"Hello {name},", "On {at} somebody signed in as {username} at {house} with a browser that was not used before: {device}, from {address}.",
				"If that was you, there is nothing to do.",
				"If it was not, open {house} in a browser that you have used before: your page asks about this sign-in, and ends everything if you say that it was not yours. Or ask an owner for help at once."},
		},
		idp.MailLinkMade: {
			Subject: "A link to your account at {house} was made",
			Body: []string{"Hello {name},", "On {at} an owner of {house} made a link with which the password of {username} can be chosen anew.",
				"If you did not ask for that, tell an owner."},
		},
	}
}

func german() map[idp.MailKind]words {
	return map[idp.MailKind]words{
		idp.MailInvitation: {
			Subject: "Ihr Konto bei {house}",
			Body:    []string{"Guten Tag {name},", "Sie haben ein Konto bei {house}. Ihr Benutzername ist {username}.", "Wählen Sie zum Anfang ein Passwort:"},
			Button:  "Passwort wählen",
			After:   []string{"Der Link gilt einmal, bis {until}. Wenn Sie diese Mail nicht erwartet haben, lassen Sie sie liegen: von allein geschieht nichts."},
		},
		idp.MailRecovery: {
			Subject: "Neues Passwort für {house} wählen",
			Body:    []string{"Guten Tag {name},", "Jemand hat um einen Link gebeten, mit dem das Passwort von {username} bei {house} neu gewählt wird. Wenn Sie das waren:"},
			Button:  "Neues Passwort wählen",
			After:   []string{"Der Link gilt einmal, bis {until}.", "Wenn Sie es nicht waren, lassen Sie diese Mail liegen. Ihr Passwort bleibt, wie es ist, und niemand außer Ihnen hat den Link."},
		},
		idp.MailPasswordChanged: {
			Subject: "Ihr Passwort für {house} wurde geändert",
			Body: []string{"Guten Tag {name},", "Das Passwort von {username} bei {house} wurde geändert, {at}. Alles, was mit dem alten angemeldet war, ist beendet.",
				"Wenn Sie das nicht waren, bitten Sie sofort eine Person um Hilfe, die {house} betreut."},
		},
		idp.MailNewDevice: {
			Subject: "Neue Anmeldung bei {house}",
			Body: []string{"Guten Tag {name},", "Mit {username} hat sich jemand bei {house} in einem Browser angemeldet, der bisher nicht benutzt wurde: {device}, von {address}, {at}.",
				"Wenn Sie das waren, ist nichts zu tun.",
				"Wenn nicht, öffnen Sie {house} in einem Browser, den Sie schon benutzt haben: Ihre Seite fragt nach dieser Anmeldung und beendet alles, wenn Sie sagen, dass sie nicht von Ihnen war. Oder bitten Sie sofort eine Person um Hilfe, die {house} betreut."},
		},
		idp.MailLinkMade: {
			Subject: "Für Ihr Konto bei {house} wurde ein Link erstellt",
			Body: []string{"Guten Tag {name},", "Wer {house} betreut, hat einen Link erstellt, mit dem das Passwort von {username} neu gewählt werden kann, {at}.",
				"Wenn Sie nicht darum gebeten haben, sagen Sie dort Bescheid."},
		},
	}
}

// spoken is the first of these languages that mails are written in.
func spoken(wished ...string) string {
	for _, lang := range wished {
		if len(lang) >= 2 && slices.Contains(languages, lang[:2]) {
			return lang[:2]
		}
	}
	return languages[0]
}

// purposes are of the links that mails carry.
func purposes() map[idp.MailKind]idp.LinkPurpose {
	return map[idp.MailKind]idp.LinkPurpose{
		idp.MailInvitation: idp.LinkPassword,
		idp.MailRecovery:   idp.LinkRecovery,
	}
}
