package login

import (
	"maps"
	"strings"

	"gatehouse/idp"
)

// explained are the refusals of sign-ins, by the kind of their audit line and
// the rule in it; "" stands for any other rule.
var explained = map[string]map[string]idp.Explanation{
	"signin.password.refuse": {
		"unknown user":   {Meaning: "Nobody here has that username or email.", Side: idp.SidePerson, Change: "Sign in by the username or email that an owner sees on the person's page."},
		"suspended":      {Meaning: "The person is suspended.", Side: idp.SideHouse, Change: "Restore the person, if they are to sign in again."},
		"no password":    {Meaning: "The person has no password.", Side: idp.SideHouse, Change: "Make a link on the person's page, by which they set one."},
		notAnyMore:       stoodNoMore(),
		"wrong password": {Meaning: "The password is not the person's.", Side: idp.SidePerson, Change: "Try again; if it is forgotten, an owner makes a link on the person's page."},
		"":               {Meaning: "The sign-in was refused.", Side: idp.SidePerson, Change: "Start again from the app or from the portal."},
	},
	"signin.password.throttle": {
		"account":      {Meaning: "There were too many tries for this person. On a browser that they have signed in on before, they still get in.", Side: idp.SidePerson, Change: "Wait until the time in the line, or sign in on a browser that knows them. A link for a new password ends the wait."},
		"name":         {Meaning: "There were too many tries for a name that nobody has.", Side: idp.SidePerson, Change: "Wait until the time in the line, and see how the name is spelt."},
		"device":       {Meaning: "There were too many tries on a browser that the person has signed in on before.", Side: idp.SidePerson, Change: "Wait until the time in the line, or have an owner make a link for a new password."},
		"address":      {Meaning: "There were too many tries from one address.", Side: idp.SideHouse, Change: "If a whole office or a proxy stands behind the address, name the proxy in GATEHOUSE_TRUSTED_PROXIES; people who have signed in on their browser before get in meanwhile."},
		"code":         {Meaning: "There were too many codes for this person, of whatever kind. Whoever typed them knew the first factor.", Side: idp.SidePerson, Change: "Wait until the time in the line. If it was not the person, have them change their password: somebody else knows it."},
		"offer":        {Meaning: "There were too many codes while the person added an authenticator app.", Side: idp.SidePerson, Change: "See that the clock of the phone is right, wait until the time in the line, and scan the new code."},
		"change":       {Meaning: "There were too many tries of the current password while somebody who is signed in changed it.", Side: idp.SidePerson, Change: "Wait until the time in the line. If it was not the person, end their sessions."},
		"disown":       {Meaning: "There were too many tries of the current password while somebody who is signed in said that another sign-in was not theirs.", Side: idp.SidePerson, Change: "Wait until the time in the line, or end what the person holds, and make them a link on their page."},
		"disown code":  {Meaning: "There were too many codes while somebody who is signed in said that another sign-in was not theirs.", Side: idp.SidePerson, Change: "Wait until the time in the line, or end what the person holds, and make them a link on their page."},
		"confirmation": {Meaning: "Too many codes were mailed to a person for sign-ins that are a risk: somebody who knows their password asks for them.", Side: idp.SidePerson, Change: "If it is the person, they wait until the time in the line. If it is not, have them choose a new password."},
		"code mails":   {Meaning: "Too many codes to sign in with were asked for by mail in one name, from one browser or network.", Side: idp.SidePerson, Change: "Wait until the time in the line, or sign in by a password or a passkey. From another network, or on a browser that they have signed in on before, the person gets one meanwhile."},
		"network":      {Meaning: "There were too many tries from one network.", Side: idp.SideHouse, Change: "Wait; people who have signed in on their browser before get in meanwhile."},
		"":             {Meaning: "There were too many tries.", Side: idp.SidePerson, Change: "Wait until the time in the line."},
	},
	"signin.mail.refuse": {
		"": {Meaning: "The code was not that of the newest mail for this sign-in, or it was used, has run out, or was tried too often.", Side: idp.SidePerson, Change: "Have another code sent and type it in the same browser within ten minutes."},
	},
	"signin.risk.refuse": {
		"no mails are sent":        {Meaning: "The password was right, on a browser that is not known as the person's or from where many names are tried. A rule asks for more there; the person has no second factor, and this house sends no mails by which a code could come.", Side: idp.SideHouse, Change: "Make a link on the person's page: the browser in which they use it is known as theirs. Set GATEHOUSE_SMTP, or have the person add a passkey or an authenticator app where they are signed in."},
		"no address of the person": {Meaning: "The password was right, on a browser that is not known as the person's or from where many names are tried. A rule asks for more there; the person has no second factor, and no email address to which a code could be sent.", Side: idp.SideHouse, Change: "Add their email address, or make a link on the person's page: the browser in which they use it is known as theirs. Then have them add a passkey or an authenticator app."},
		"":                         {Meaning: "A rule asks for more where a sign-in is a risk, and there was nothing that the person could show.", Side: idp.SideHouse, Change: "Make a link on the person's page."},
	},
	"recovery.code.refuse": {
		"": {Meaning: "Somebody who has a link from the person's mailbox gave a code of their authenticator app, or a recovery code, that is not right or was used before.", Side: idp.SidePerson, Change: "If it was the person, they try the next code, or an owner makes a link on their page. If it was not, somebody reads their mails: have the mailbox secured."},
	},
	"signin.stuffing": {
		"house": {Meaning: "Far more sign-ins fail than is usual here: many stolen or guessed passwords are being tried, or an app or a directory has gone wrong.", Side: idp.SideHouse, Change: "Look at the audit log for where they come from, and keep those addresses out before they reach this house. Ask people for a second factor."},
		"":      {Meaning: "Somebody went through many names from one place, as with a list of stolen passwords. The place has become slow: each further name counts as many tries.", Side: idp.SideHouse, Change: "If it is an office behind one address, tell its people to sign in again in an hour, or on a browser that they have used before. If it is not, keep the address out before it reaches this house."},
	},
	"signin.passkey.refuse": with(ceremonies("sign-in"), map[string]idp.Explanation{
		notAnyMore:                   stoodNoMore(),
		"unknown passkey":            {Meaning: "The passkey is not, or no longer, one of this house. The device still offers it.", Side: idp.SidePerson, Change: "Sign in another way and add a passkey; remove the old one on the device, which browsers that can do by themselves after the next sign-in."},
		"a passkey of somebody else": {Meaning: "In a sign-in whose first factor was one person's, the passkey was another's.", Side: idp.SidePerson, Change: "Choose a passkey of the same person, or start again as the other."},
		"the counter went back":      {Meaning: "The key has counted less than before: there may be a copy of it, and a key that cannot leave its device has none.", Side: idp.SideHouse, Change: "Ask the person what happened. If they have one device, remove the passkey on their page here, which ends their sessions, and have them make a new one."},
		"suspended":                  {Meaning: "The person is suspended.", Side: idp.SideHouse, Change: "Restore the person, if they are to sign in again."},
		unverified + reasonUnsynced:  {Meaning: "The passkey was kept in step over several devices and now says that it is not, which no true one does.", Side: idp.SideHouse, Change: "Remove the passkey on the person's page here and have them make a new one."},
		unverified + reasonSignature: {Meaning: "The signature is not of the key that is kept here.", Side: idp.SidePerson, Change: "Try once more. If it stays, remove the passkey here and on the device, and add a new one."},
		"":                           {Meaning: "The passkey's answer was refused.", Side: idp.SidePerson, Change: "Try once more, or sign in another way."},
	}),
	"passkey.refuse": with(ceremonies("page"), map[string]idp.Explanation{
		"a weak key":                        {Meaning: "The authenticator made a key that can be broken: an RSA key of less than 2048 bits, or of an unusual exponent.", Side: idp.SidePerson, Change: "Use another authenticator, or update this one."},
		"no AAGUID":                         {Meaning: "The answer does not say what made the passkey where it has to.", Side: idp.SidePerson, Change: "Use another authenticator."},
		"not on the list":                   {Meaning: "This house takes passkeys of certain authenticators, and of this one it does not.", Side: idp.SideHouse, Change: "Add its AAGUID to GATEHOUSE_PASSKEY_AUTHENTICATORS, if you want it taken. One that does not say what it is has only zeros, and cannot be on the list."},
		reasonUnvouched:                     {Meaning: "The authenticator shows no certificate that leads to one of GATEHOUSE_PASSKEY_ROOTS. Whoever builds one can call it what they like, so its word alone does not count.", Side: idp.SideHouse, Change: "Add the certificate of its maker to that file, if you want it taken. Managers that keep passkeys in step have none."},
		"the passkey is somebody's already": {Meaning: "The credential ID is that of a passkey that is kept here already.", Side: idp.SidePerson, Change: "Make a new passkey, and do not import one that belongs to another account."},
		"":                                  {Meaning: "The new passkey's answer was refused.", Side: idp.SidePerson, Change: "Add it once more, or use another device."},
	}),
	"signin.code.refuse": {
		notAnyMore:            stoodNoMore(),
		"no code":             {Meaning: "What was typed is neither six digits nor a recovery code that the person has.", Side: idp.SidePerson, Change: "Type the six digits that the app shows, or a recovery code as it was printed."},
		"wrong code":          {Meaning: "The six digits are not those of the person's authenticator app at this time.", Side: idp.SidePerson, Change: "Wait for the next code. If it stays, set the clock of the phone by the network, or use a recovery code."},
		"wrong recovery code": {Meaning: "It is none of the person's recovery codes, or one of an older set.", Side: idp.SidePerson, Change: "Use one of the newest set; without any, an owner resets the second factors on the person's page."},
		"code used before":    {Meaning: "The code was used before: each counts once.", Side: idp.SidePerson, Change: "Wait for the next code of the app, or take the next recovery code. If the person has not used it, somebody saw it: have them change their password."},
		"":                    {Meaning: "The code was refused.", Side: idp.SidePerson, Change: "Wait for the next code and try again."},
	},
	"device.disown.refuse": {
		"wrong password": {Meaning: "Somebody who is signed in said that another sign-in was not theirs, and did not know the current password.", Side: idp.SidePerson, Change: "If it is forgotten, an owner makes a link on the person's page, and ends what they hold there."},
		"":               {Meaning: "Somebody who is signed in said that another sign-in was not theirs, and gave a code that is not right or was used before.", Side: idp.SidePerson, Change: "They try the next code. Without any, an owner makes a link on the person's page, and ends what they hold there."},
	},
	"password.change.refuse": {
		"wrong password": {Meaning: "Somebody who is signed in did not know the current password.", Side: idp.SidePerson, Change: "If it is forgotten, an owner makes a link on the person's page. If it was not the person, end their sessions."},
		"":               {Meaning: "The change of the password was refused.", Side: idp.SidePerson, Change: "Open the page again and repeat."},
	},
}

// stoodNoMore is of a proof that was right too late.
func stoodNoMore() idp.Explanation {
	return idp.Explanation{Meaning: "What was right when it was looked at did not stand any more when it was written down: the person was suspended meanwhile, or what they used was removed, or the sign-in, or the session that it was for, was over or another person's.", Side: idp.SidePerson, Change: "Start again; if it stays, see whether the person is suspended."}
}

// unverified begins the reason of an answer that was read and does not verify.
const unverified = "it does not verify: "

// ceremonies are the rules of a passkey's ceremony, which begins with a page and
// hangs on a sign-in or a session.
func ceremonies(on string) map[string]idp.Explanation {
	return map[string]idp.Explanation{
		"no ceremony of ours":           {Meaning: "What came with the answer was not sealed by this house: a page of before a change of its root key, or a forged form.", Side: idp.SidePerson, Change: "Open the " + on + " again. If it stays for everybody, see that all nodes have the same GATEHOUSE_SECRET."},
		"a ceremony of another sign-in": {Meaning: "The answer belongs to another " + on + " than the one it was sent to, as with two open tabs.", Side: idp.SidePerson, Change: "Close the other tabs and start again."},
		"the ceremony has expired":      {Meaning: "More than five minutes went by between the page and the answer.", Side: idp.SidePerson, Change: "Start again. If it is always so, compare the clocks of the nodes."},
		"the challenge was used before": {Meaning: "The same answer came twice: a button pressed twice, or somebody who sends again what they have seen.", Side: idp.SidePerson, Change: "Start again. A try uses its challenge up, whatever comes of it."},
		"the answer is too long":        {Meaning: "The answer is longer than any true one.", Side: idp.SidePerson, Change: "Use another browser or authenticator; extensions that change passkeys may do this."},
		"an answer that cannot be read": {Meaning: "The answer is not of the form that browsers give (WebAuthn).", Side: idp.SidePerson, Change: "Update the browser, or use another; extensions that change passkeys may do this."},
		unverified + reasonOrigin:       {Meaning: "The passkey was used at another address than this house's: a page that looks like it, or an address that is not named as one of its own.", Side: idp.SideHouse, Change: "If the address is yours, name it in GATEHOUSE_PASSKEY_ORIGINS. If not, somebody is copying your sign-in: warn your people."},
		unverified + reasonDomain:       {Meaning: "The passkey is of another domain than this house's.", Side: idp.SideHouse, Change: "See that GATEHOUSE_URL and GATEHOUSE_PASSKEY_DOMAIN are what they were when the passkeys were made: another domain loses all of them."},
		unverified + reasonUnverified:   {Meaning: "The authenticator did not ask for finger, face or PIN, and alone it has to.", Side: idp.SidePerson, Change: "Set a PIN on the security key or a lock on the device; or sign in by password, and use it as the second step."},
		unverified + reasonUntouched:    {Meaning: "The authenticator says that nobody touched it.", Side: idp.SidePerson, Change: "Touch the key when the browser asks. If it stays, use another."},
		unverified + reasonChallenge:    {Meaning: "The passkey signed the challenge of another page.", Side: idp.SidePerson, Change: "Close other tabs of the sign-in and start again."},
		"it does not verify":            {Meaning: "The answer breaks a rule of WebAuthn.", Side: idp.SidePerson, Change: "Try once more, or use another browser or authenticator. If it stays, report the rule with the name of the authenticator."},
	}
}

// with are both, of several.
func with(rules ...map[string]idp.Explanation) map[string]idp.Explanation {
	all := map[string]idp.Explanation{}
	for _, r := range rules {
		maps.Copy(all, r)
	}
	return all
}

// ruleOf is the rule that a reason in an audit line is of, and what did not hold
// where it says so.
func ruleOf(kind, reason string) (rule, failed string) {
	if _, own := explained[kind][reason]; own {
		return reason, ""
	}
	if what, ok := strings.CutPrefix(reason, unverified); ok {
		return "it does not verify", what
	}
	if aaguid, ok := strings.CutSuffix(reason, " is not on the list"); ok {
		return "not on the list", aaguid
	}
	return "", ""
}

// Explain says what a refusal of a sign-in means; false for an audit line that
// is none.
func Explain(e idp.Event) (idp.Explanation, bool) {
	rules, ok := explained[e.Kind]
	if !ok {
		return idp.Explanation{}, false
	}
	reason := e.Detail["by"]
	if reason == "" {
		reason = e.Detail["reason"]
	}
	rule, failed := ruleOf(e.Kind, reason)
	x := rules[rule]
	x.Failed = failed
	return x, true
}
