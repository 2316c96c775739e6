package signin

import (
	"time"

	"gatehouse/idp"
	"gatehouse/idp/login"
)

// identifyView asks who is there.
type identifyView struct {
	Aside    aside
	Action   string
	Cancel   string // where they say that they do not want to; empty where nobody waits for that
	Home     bool   // they are signed in, and may leave for their apps
	App      string // name of the app the person is on the way to; empty for Gatehouse itself
	Username string
	Error    string
	Made     string   // what they have just made by a link; the words for anything else are none
	People   []person // who have signed in on this browser
	Forget   string   // where one of them is forgotten
	Passkey  passkeyView
	// PasskeyError is about a passkey that was tried.
	PasskeyError string
}

// name is what the field for it holds: nothing, where it is for another account than
// that of who has just made a passkey.
func (v identifyView) name() string {
	if v.Made == madePasskey {
		return ""
	}
	return v.Username
}

// passkeyView is the form that brings a passkey's answer; without a State, there
// is none.
type passkeyView struct {
	login.Ceremony
	Action   string
	Page     string // where the ceremony is begun anew
	Username string // who was named already; empty: nobody
}

// passwordView asks for the password of the person named before.
type passwordView struct {
	Aside    aside
	Action   string
	Back     string // address at which another person can be named
	Cancel   string
	Home     bool // they are signed in, and may leave for their apps
	App      string
	Username string
	Error    string
	Mail     string // where a code is asked for by mail; empty: none is
	Passkey  passkeyView
	// PasskeyError is about a passkey that was tried.
	PasskeyError string
}

// mailedView asks for a code that was mailed.
type mailedView struct {
	Aside    aside
	Action   string
	Again    string // where another is asked for
	Password string // where the password is asked for instead
	Back     string
	Cancel   string
	App      string
	Username string
	None     string // why none is on its way; empty: one may be
	Error    string
}

// confirmView asks for a code by mail, beside the password.
type confirmView struct {
	Aside  aside
	Action string
	Send   string // where a code, or another, is asked for
	Cancel string
	App    string
	Sent   string // the word that one is on its way; "": none is
	Error  string
}

// codeView asks for a second factor.
type codeView struct {
	Aside        aside
	Action       string
	Cancel       string
	Home         bool // they are signed in, and may leave for their apps
	App          string
	Codes        bool // by a code of some kind
	Recovery     bool // the person has recovery codes
	Remember     int  // for so many days it need not be asked for in this browser again; 0: it is
	Error        string
	Passkey      passkeyView // without a State where the person has no passkey
	PasskeyError string
}

// noFactorView says that something is asked for which the person does not have.
type noFactorView struct {
	Aside   aside
	App     string
	Action  string // where they are led to set it up
	Cancel  string
	Home    bool // they are signed in, and may leave for their apps
	Passkey bool // it is a passkey, and not any second factor
}

// setPasswordView is the page behind a one-time link.
type setPasswordView struct {
	Action    string
	Name      string
	Username  string
	MinLength int
	Until     time.Time
	Error     string
	Beside    login.Beside // what is shown beside the link
	CodeError string
	// Passkey is made in place of the password; without a State, there is none.
	Passkey      passkeyView
	PasskeyError string
	// Known and Unknown are what the browser is told of one that was not kept.
	Known, Unknown string
}

// firstOwnerView is the page behind the first one-time link of a new house.
type firstOwnerView struct {
	Action    string
	MinLength int
	Name      string
	Username  string
	Email     string
	Until     time.Time
	Errors    map[string]string
}

// signingOutView leads a browser through apps, and then to the address To.
type signingOutView struct {
	Calls []idp.FrontCall
	To    string
}

// signedOutView says what became of a sign-out. Known is false where this
// browser has signed out of nothing, or long ago.
type signedOutView struct {
	Known bool
	Apps  []toldApp
	More  int  // apps beyond those that are listed
	Live  bool // something may still turn
}

// toldApp is how an app stands, for the person who has signed out.
type toldApp struct {
	Name   string
	Stands stands
	Words  string
}

// signOutView asks whether to end the session; App is set when an app asked.
type signOutView struct {
	Action string
	App    string
	Hidden [][2]string // what the tongue needs back
	Stays  bool        // and will not be led where the app wants
}
