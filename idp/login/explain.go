package login

import "gatehouse/idp"

// explained are the refusals of sign-ins, by the kind of their audit line and
// the rule in it; "" stands for any other rule.
var explained = map[string]map[string]idp.Explanation{
	"signin.password.refuse": {
		"unknown user":   {Meaning: "Nobody here has that username or email.", Side: idp.SidePerson, Change: "Sign in by the username or email that an owner sees on the person's page."},
		"suspended":      {Meaning: "The person is suspended.", Side: idp.SideHouse, Change: "Restore the person, if they are to sign in again."},
		"no password":    {Meaning: "The person has no password.", Side: idp.SideHouse, Change: "Make a link on the person's page, by which they set one."},
		"wrong password": {Meaning: "The password is not the person's.", Side: idp.SidePerson, Change: "Try again; if it is forgotten, an owner makes a link on the person's page."},
		"":               {Meaning: "The sign-in was refused.", Side: idp.SidePerson, Change: "Start again from the app or from the portal."},
	},
	"signin.password.throttle": {
		"account": {Meaning: "There were too many tries for this person. On a browser that they have signed in on before, they still get in.", Side: idp.SidePerson, Change: "Wait until the time in the line, or sign in on a browser that knows them. A link for a new password ends the wait."},
		"name":    {Meaning: "There were too many tries for a name that nobody has.", Side: idp.SidePerson, Change: "Wait until the time in the line, and see how the name is spelt."},
		"device":  {Meaning: "There were too many tries on a browser that the person has signed in on before.", Side: idp.SidePerson, Change: "Wait until the time in the line, or have an owner make a link for a new password."},
		"address": {Meaning: "There were too many tries from one address.", Side: idp.SideHouse, Change: "If a whole office or a proxy stands behind the address, name the proxy in GATEHOUSE_TRUSTED_PROXIES; people who have signed in on their browser before get in meanwhile."},
		"network": {Meaning: "There were too many tries from one network.", Side: idp.SideHouse, Change: "Wait; people who have signed in on their browser before get in meanwhile."},
		"":        {Meaning: "There were too many tries.", Side: idp.SidePerson, Change: "Wait until the time in the line."},
	},
	"signin.mail.refuse": {
		"": {Meaning: "The code was not that of the newest mail for this sign-in, or it was used, has run out, or was tried too often.", Side: idp.SidePerson, Change: "Have another code sent and type it in the same browser within ten minutes."},
	},
	"recovery.code.refuse": {
		"": {Meaning: "Somebody who has a link from the person's mailbox gave a code of their authenticator app, or a recovery code, that is not right or was used before.", Side: idp.SidePerson, Change: "If it was the person, they try the next code, or an owner makes a link on their page. If it was not, somebody reads their mails: have the mailbox secured."},
	},
	"signin.stuffing": {
		"house": {Meaning: "Far more sign-ins fail than is usual here: many stolen or guessed passwords are being tried, or an app or a directory has gone wrong.", Side: idp.SideHouse, Change: "Look at the audit log for where they come from, and keep those addresses out before they reach this house. Ask people for a second factor."},
		"":      {Meaning: "Somebody went through many names from one place, as with a list of stolen passwords. The place has become slow: each further name counts as many tries.", Side: idp.SideHouse, Change: "If it is an office behind one address, tell its people to sign in again in an hour, or on a browser that they have used before. If it is not, keep the address out before it reaches this house."},
	},
}

// Explain says what a refusal of a sign-in means; false for an audit line that
// is none.
func Explain(e idp.Event) (idp.Explanation, bool) {
	rules, ok := explained[e.Kind]
	if !ok {
		return idp.Explanation{}, false
	}
	rule := e.Detail["by"]
	if rule == "" {
		rule = e.Detail["reason"]
	}
	if x, ok := rules[rule]; ok {
		return x, true
	}
	return rules[""], true
}
