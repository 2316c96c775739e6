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
			Body:    []string{"Hello {name},", "You have an account at {house}. Your username is {username}.", "Choose how you want to sign in:"},
			Button:  "Choose a password",
			After:   []string{"The link works once, until {until}. If you did not expect this mail, leave it: nothing happens by itself."},
		},
		idp.MailReset: {
			Subject: "Choose a new password for {house}",
			Body:    []string{"Hello {name},", "The people who run sign-in at {house} send you a link with which you choose a new password for {username}. Everything that is signed in ends with it."},
			Button:  "Choose a new password",
			After:   []string{"The link works once, until {until}. If you know nothing of it, leave this mail and tell them."},
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
				"If that was not you, ask the people who run sign-in at {house} for help at once."},
		},
		idp.MailSignInCode: {
			Subject: "Your code for {house}",
			Body:    []string{"Hello {name},", "With this code you sign in as {username} at {house}:", "{code}", "Type it in the browser in which you asked for it. It is good there alone, once, until {until}."},
			After:   []string{"Nobody will ask you for it. If you did not ask for a code, leave this mail: without your browser it is of no use."},
		},
		idp.MailConfirmCode: {
			Subject: "Confirm that it is you at {house}",
			Body:    []string{"Hello {name},", "Somebody who knows the password of {username} signs in at {house}, where we are not sure that it is you. If it is, this code confirms it:", "{code}", "Type it in the browser in which you sign in. It is good there alone, once, until {until}."},
			After:   []string{"Nobody will ask you for it. If it was not you, somebody else knows your password: give the code to nobody, and choose a new password."},
		},
		idp.MailRecovered: {
			Subject: "Your account at {house} was recovered",
			Body: []string{"Hello {name},", "On {at} the password of {username} at {house} was chosen anew by a link from a mail. Everything that was signed in has ended.",
				"If that was not you, somebody reads your mails: ask the people who run sign-in at {house} for help at once."},
		},
		idp.MailPasswordRemoved: {
			Subject: "Your password for {house} was removed",
			Body:    []string{"Hello {name},", "On {at} the people who run sign-in at {house} removed the password of {username}.", "If you know nothing of that, ask the people who run sign-in at {house} what it is about."},
		},
		idp.MailDisowned: {
			Subject: "Your account at {house} was ended everywhere",
			Body: []string{"Hello {name},", "On {at} somebody said on the page of {username} at {house} that a sign-in was not theirs. Everything that was signed in has ended, the password no longer works, and what was set up since that sign-in is removed.",
				"If that was not you, ask the people who run sign-in at {house} for help at once."},
		},
		idp.MailPasskeyAdded: {
			Subject: "A passkey was added at {house}",
			Body: []string{"Hello {name},", "On {at} a passkey was added to {username} at {house}: {passkey}. It signs in by itself.",
				"If that was not you, ask the people who run sign-in at {house} for help at once."},
		},
		idp.MailPasskeyRemoved: {
			Subject: "A passkey was removed at {house}",
			Body: []string{"Hello {name},", "On {at} a passkey of {username} at {house} was removed: {passkey}.",
				"If that was not you, and nobody has told you of it, ask the people who run sign-in at {house} for help at once."},
		},
		idp.MailPasskeyCopied: {
			Subject: "A passkey at {house} was refused: there may be a copy of it",
			Body: []string{"Hello {name},", "On {at} somebody tried to sign in as {username} at {house} with the passkey {passkey}, whose counter had gone back. That happens when there is a copy of it. Nobody was let in.",
				"Sign in by something else and remove that passkey on your page, or ask the people who run sign-in at {house} for help."},
		},
		idp.MailAppAdded: {
			Subject: "An authenticator app was set up at {house}",
			Body: []string{"Hello {name},", "On {at} an authenticator app was set up for {username} at {house}, and recovery codes with it. Its codes are asked for after the password from now on.",
				"If that was not you, ask the people who run sign-in at {house} for help at once."},
		},
		idp.MailAppRemoved: {
			Subject: "Your authenticator app was removed at {house}",
			Body: []string{"Hello {name},", "On {at} the authenticator app of {username} at {house} was removed, and the recovery codes with it.",
				"If that was not you, ask the people who run sign-in at {house} for help at once."},
		},
		idp.MailCodesMade: {
			Subject: "New recovery codes were made at {house}",
			Body: []string{"Hello {name},", "On {at} new recovery codes were made for {username} at {house}. Those of before no longer work.",
				"If that was not you, ask the people who run sign-in at {house} for help at once."},
		},
		idp.MailCodeUsed: {
			Subject: "A recovery code was used at {house}",
			Body: []string{"Hello {name},", "On {at} a recovery code of {username} at {house} was used, in place of the authenticator app. Recovery codes that are left: {left}.",
				"If that was not you, ask the people who run sign-in at {house} for help at once. If it was, and few are left, make new ones on your page."},
		},
		idp.MailFactorsReset: {
			Subject: "Your second factors at {house} were reset",
			Body: []string{"Hello {name},", "On {at} the people who run sign-in at {house} took away the authenticator app or the recovery codes of {username}. You sign in without them until you set up new ones on your page.",
				"If you did not ask for that, tell them at once."},
		},
		idp.MailNewDevice: {
			Subject: "A new sign-in at {house}",
			Body: []string{"Hello {name},", "On {at} somebody signed in as {username} at {house} with a browser that was not used before: {device}, from {address}.",
				"If that was you, there is nothing to do.",
				"If it was not, open {house} in a browser that you have used before: your page asks about this sign-in, and ends everything if you say that it was not yours. Or ask the people who run sign-in for help at once."},
		},
		idp.MailAddressChanged: {
			Subject: "Your mails from {house} go to another address",
			Body: []string{"Hello {name},", "On {at} the address of {username} at {house} was changed. Mails go to the new one from now on, this is the last to this one, and links that were sent here no longer work.",
				"If you know nothing of that, ask the people who run sign-in at {house} for help at once."},
		},
		idp.MailLinkMade: {
			Subject: "A link to your account at {house} was made",
			Body: []string{"Hello {name},", "On {at} the people who run sign-in at {house} made a link with which the password of {username} can be chosen anew.",
				"If you did not ask for that, tell them."},
		},
	}
}

func german() map[idp.MailKind]words {
	return map[idp.MailKind]words{
		idp.MailInvitation: {
			Subject: "Ihr Konto bei {house}",
			Body:    []string{"Guten Tag {name},", "Sie haben ein Konto bei {house}. Ihr Benutzername ist {username}.", "Wählen Sie, wie Sie sich anmelden möchten:"},
			Button:  "Passwort wählen",
			After:   []string{"Der Link gilt einmal, bis {until}. Wenn Sie diese Mail nicht erwartet haben, lassen Sie sie liegen: von allein geschieht nichts."},
		},
		idp.MailReset: {
			Subject: "Neues Passwort für {house} wählen",
			Body:    []string{"Guten Tag {name},", "Wer bei {house} die Anmeldung betreut, sendet Ihnen einen Link, mit dem Sie für {username} ein neues Passwort wählen. Alles, was angemeldet ist, endet damit."},
			Button:  "Neues Passwort wählen",
			After:   []string{"Der Link gilt einmal, bis {until}. Wenn Sie davon nichts wissen, lassen Sie diese Mail liegen und sagen Sie dort Bescheid."},
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
				"Wenn Sie das nicht waren, bitten Sie sofort eine Person um Hilfe, die bei {house} die Anmeldung betreut."},
		},
		idp.MailSignInCode: {
			Subject: "Ihr Code für {house}",
			Body:    []string{"Guten Tag {name},", "Mit diesem Code melden Sie sich als {username} bei {house} an:", "{code}", "Geben Sie ihn in dem Browser ein, in dem Sie ihn angefordert haben. Er gilt nur dort, einmal, bis {until}."},
			After:   []string{"Niemand wird Sie danach fragen. Wenn Sie keinen Code angefordert haben, lassen Sie diese Mail liegen: Ohne Ihren Browser ist er nutzlos."},
		},
		idp.MailConfirmCode: {
			Subject: "Bestätigen Sie, dass Sie es sind: {house}",
			Body:    []string{"Guten Tag {name},", "Jemand, der das Passwort von {username} kennt, meldet sich bei {house} an, und wir sind nicht sicher, dass Sie das sind. Wenn ja, bestätigt es dieser Code:", "{code}", "Geben Sie ihn in dem Browser ein, in dem Sie sich anmelden. Er gilt nur dort, einmal, bis {until}."},
			After:   []string{"Niemand wird Sie danach fragen. Wenn Sie es nicht waren, kennt jemand anders Ihr Passwort: Geben Sie den Code niemandem, und wählen Sie ein neues Passwort."},
		},
		idp.MailRecovered: {
			Subject: "Zugang zu Ihrem Konto bei {house} wiederhergestellt",
			Body: []string{"Guten Tag {name},", "Mit einem Link aus einer Mail wurde das Passwort von {username} bei {house} neu gewählt, {at}. Alles, was angemeldet war, ist beendet.",
				"Wenn Sie das nicht waren, liest jemand Ihre Mails: Bitten Sie sofort eine Person um Hilfe, die bei {house} die Anmeldung betreut."},
		},
		idp.MailPasswordRemoved: {
			Subject: "Ihr Passwort für {house} wurde entfernt",
			Body:    []string{"Guten Tag {name},", "Wer bei {house} die Anmeldung betreut, hat das Passwort von {username} entfernt, {at}.", "Wenn Sie davon nichts wissen, fragen Sie dort nach."},
		},
		idp.MailDisowned: {
			Subject: "Ihr Konto bei {house} wurde überall abgemeldet",
			Body: []string{"Guten Tag {name},", "Auf der Seite von {username} bei {house} hat jemand gesagt, dass eine Anmeldung nicht die eigene war, {at}. Alles, was angemeldet war, ist beendet, das Passwort gilt nicht mehr, und was seit dieser Anmeldung eingerichtet wurde, ist entfernt.",
				"Wenn Sie das nicht waren, bitten Sie sofort eine Person um Hilfe, die bei {house} die Anmeldung betreut."},
		},
		idp.MailPasskeyAdded: {
			Subject: "Neuer Passkey bei {house}",
			Body: []string{"Guten Tag {name},", "Für {username} bei {house} wurde ein Passkey hinzugefügt: {passkey}, {at}. Mit ihm allein kann man sich anmelden.",
				"Wenn Sie das nicht waren, bitten Sie sofort eine Person um Hilfe, die bei {house} die Anmeldung betreut."},
		},
		idp.MailPasskeyRemoved: {
			Subject: "Ein Passkey bei {house} wurde entfernt",
			Body: []string{"Guten Tag {name},", "Ein Passkey von {username} bei {house} wurde entfernt: {passkey}, {at}.",
				"Wenn Sie das nicht waren und Ihnen auch niemand davon gesagt hat, der bei {house} die Anmeldung betreut, bitten Sie dort sofort um Hilfe."},
		},
		idp.MailPasskeyCopied: {
			Subject: "Ein Passkey bei {house} wurde abgewiesen: Es gibt vielleicht eine Kopie davon",
			Body: []string{"Guten Tag {name},", "Jemand wollte sich als {username} bei {house} mit dem Passkey {passkey} anmelden, dessen Zähler zurückgegangen war, {at}. Das geschieht, wenn es eine Kopie davon gibt. Eingelassen wurde niemand.",
				"Melden Sie sich mit etwas anderem an und entfernen Sie diesen Passkey auf Ihrer Seite, oder bitten Sie eine Person um Hilfe, die bei {house} die Anmeldung betreut."},
		},
		idp.MailAppAdded: {
			Subject: "Authenticator-App bei {house} eingerichtet",
			Body: []string{"Guten Tag {name},", "Für {username} bei {house} wurde eine Authenticator-App eingerichtet, mit Wiederherstellungscodes, {at}. Ab jetzt wird nach dem Passwort nach ihren Codes gefragt.",
				"Wenn Sie das nicht waren, bitten Sie sofort eine Person um Hilfe, die bei {house} die Anmeldung betreut."},
		},
		idp.MailAppRemoved: {
			Subject: "Ihre Authenticator-App bei {house} wurde entfernt",
			Body: []string{"Guten Tag {name},", "Die Authenticator-App von {username} bei {house} wurde entfernt, und mit ihr die Wiederherstellungscodes, {at}.",
				"Wenn Sie das nicht waren, bitten Sie sofort eine Person um Hilfe, die bei {house} die Anmeldung betreut."},
		},
		idp.MailCodesMade: {
			Subject: "Neue Wiederherstellungscodes bei {house}",
			Body: []string{"Guten Tag {name},", "Für {username} bei {house} wurden neue Wiederherstellungscodes erzeugt, {at}. Die bisherigen gelten nicht mehr.",
				"Wenn Sie das nicht waren, bitten Sie sofort eine Person um Hilfe, die bei {house} die Anmeldung betreut."},
		},
		idp.MailCodeUsed: {
			Subject: "Wiederherstellungscode bei {house} benutzt",
			Body: []string{"Guten Tag {name},", "Ein Wiederherstellungscode von {username} bei {house} wurde anstelle der Authenticator-App benutzt, {at}. Wiederherstellungscodes, die noch gelten: {left}.",
				"Wenn Sie das nicht waren, bitten Sie sofort eine Person um Hilfe, die bei {house} die Anmeldung betreut. Wenn doch und nur noch wenige gelten, erzeugen Sie auf Ihrer Seite neue."},
		},
		idp.MailFactorsReset: {
			Subject: "Ihr zweiter Schritt bei {house} wurde zurückgesetzt",
			Body: []string{"Guten Tag {name},", "Wer bei {house} die Anmeldung betreut, hat die Authenticator-App oder die Wiederherstellungscodes von {username} entfernt, {at}. Sie melden sich ohne sie an, bis Sie auf Ihrer Seite neue einrichten.",
				"Wenn Sie nicht darum gebeten haben, sagen Sie dort sofort Bescheid."},
		},
		idp.MailNewDevice: {
			Subject: "Neue Anmeldung bei {house}",
			Body: []string{"Guten Tag {name},", "Mit {username} hat sich jemand bei {house} in einem Browser angemeldet, der bisher nicht benutzt wurde: {device}, von {address}, {at}.",
				"Wenn Sie das waren, ist nichts zu tun.",
				"Wenn nicht, öffnen Sie {house} in einem Browser, den Sie schon benutzt haben: Ihre Seite fragt nach dieser Anmeldung und beendet alles, wenn Sie sagen, dass sie nicht von Ihnen war. Oder bitten Sie sofort eine Person um Hilfe, die bei {house} die Anmeldung betreut."},
		},
		idp.MailAddressChanged: {
			Subject: "Ihre Mails von {house} gehen an eine andere Adresse",
			Body: []string{"Guten Tag {name},", "Die Adresse von {username} bei {house} wurde geändert, {at}. Mails gehen von nun an dorthin, dies ist die letzte an diese Adresse, und Links, die hierher gingen, gelten nicht mehr.",
				"Wenn Sie davon nichts wissen, bitten Sie sofort eine Person um Hilfe, die bei {house} die Anmeldung betreut."},
		},
		idp.MailLinkMade: {
			Subject: "Für Ihr Konto bei {house} wurde ein Link erstellt",
			Body: []string{"Guten Tag {name},", "Wer bei {house} die Anmeldung betreut, hat einen Link erstellt, mit dem das Passwort von {username} neu gewählt werden kann, {at}.",
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
		idp.MailReset:      idp.LinkReset,
		idp.MailRecovery:   idp.LinkRecovery,
	}
}
