package console

import (
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// peopleView is the list of people.
type peopleView struct {
	Search string
	Total  int // people in all; negative when not counted
	People []personRow
	Pager  ui.Pager
	// AskedDeletion are those who asked to be deleted.
	AskedDeletion []personRow
}

// personRow is one person of a list. Note says why the person stands in it.
type personRow struct {
	ID, Name, Username, Email string
	Owner                     bool
	Suspended                 bool
	Added                     time.Time
	Note                      string
}

// personView is the page of one person: the true inventory.
type personView struct {
	ID, Name, Username, Email string
	Owner, Suspended          bool
	SuspendedAt, CreatedAt    time.Time
	DeletionAskedAt           time.Time
	ReceiptID                 string // of the newest suspension; empty when there is none
	Exposure                  exposure
	Groups                    []groupRow
	Apps                      []appAccess
	Sessions                  []sessionRow
	Accounts                  []accountRow
	Timeline                  []ui.Happening
	Schedules                 []scheduleRow // that are to come
	Credentials               []idp.Credential
	Mails                     bool // they can be sent a link by mail
}

// exposure is how long the person would stay in, were they suspended now.
type exposure struct {
	Prompt int         // apps that have a lever
	Alive  []aliveLine // apps that end by themselves
}

// aliveLine is an app that nothing reaches before its own ceiling.
type aliveLine struct {
	App   string
	Until time.Time // zero: unknown
}

// appAccess is an app the person may use, and why.
type appAccess struct {
	ID, Name, Role string
	Reason         string // "granted to the group Sales", "granted directly"
	From, Until    time.Time
	Lever          string
	LastUsed       time.Time
}

// sessionRow is a signed-in browser of the person.
type sessionRow struct {
	ID, Device, Address string
	Methods             string
	Since, LastSeen     time.Time
	Apps                []string
	Here                bool
}

// accountRow is the person's record in an app.
type accountRow struct {
	App, Subject, Format string
	FirstSeen, LastSeen  time.Time
}

// groupRow is a group; Gives names the apps it gives to a person.
type groupRow struct {
	ID, Name string
	Gives    string
	Added    time.Time
}

// previewView says what a suspension would end, before it does.
type previewView struct {
	ID, Name, Username string
	Action             string
	Sessions           int
	Offline, Tokens    int
	Browsers           []string
	Lines              []previewLine
	Exposure           exposure
	Reason, Error      string
	Myself             bool
}

// previewLine is one app of the preview: what the person holds there, what
// will be done about it, and what survives until when.
type previewLine struct {
	App      string
	Holds    string // "1 session", "2 sessions, 1 offline token"
	Lever    string
	Survives string // plain words; empty when nothing does
	Until    time.Time
}

// confirmView asks before an act that cannot be taken back.
type confirmView struct {
	Title, Action, Button string
	Danger                bool
	Section               string
	BackHref, Back        string
	Facts                 []ui.Pair
	Meaning               []string
	Hidden                []ui.Pair // fields that say what was asked before
}

// receiptView is the list of what an ending ended and how.
type receiptView struct {
	ID, Title string
	AboutURL  string // page of the person, or of the group
	Person    string // or the group whose grant has ended
	What      string // "Suspension", "End of a session"
	Subject   string // "Grace Hopper is out", "The session of Grace Hopper has ended"
	Whole     bool   // the person is out, and not just something of theirs ended
	Reason    string
	Actor     string
	AskedAt   time.Time
	CutAt     time.Time
	Number    int64
	Listing   bool
	Lines     []receiptLine
	SettledAt time.Time // when the last line became final; zero while one is open
	Restored  bool
	// Version is the newest that is signed; 0: none is yet.
	Version     int64
	SignedAt    time.Time
	SignedFinal bool // every line was final in it
}

// receiptLine is one line of a receipt.
type receiptLine struct {
	ID, App, AppID string
	Lever          string
	State          ui.State
	Attempts       int
	LatencyMS      int64 // from the cut to the app's first answer; 0: none yet
	Answer         string
	Evidence       string
	NextAt         time.Time
	Ceiling        time.Time
	AgainAt        time.Time
}

// receiptRow is one receipt of the list.
type receiptRow struct {
	ID, What, Person, Actor, Reason string
	At                              time.Time
	Tally                           ui.Tally
	More                            bool // there are more lines than were counted
	Listing                         bool
	Until                           time.Time
}

// receiptsView is the list of receipts, newest first.
type receiptsView struct {
	liveList
	Receipts []receiptRow
	User     string // whom the list is narrowed to, as written
	State    string // open or failed; empty: any
	Narrowed bool
	Tabs     []ui.Tab
	Kinds    []ui.Choice
	Errors   map[string]string
}

// sessionsView is who is signed in now, the newest sign-in first.
type sessionsView struct {
	liveList
	Rows             []nowRow
	User, Address    string // what the list is narrowed to, as written
	PersonID, Person string // whom it is narrowed to
	Narrowed         bool
	Apps, Ages       []ui.Choice
	Errors           map[string]string
}

// nowRow is a signed-in browser and whose it is.
type nowRow struct {
	sessionRow
	PersonID, Person, Username string
}

// deliveriesView is what apps are still to be told, the newest first.
type deliveriesView struct {
	liveList
	Lines    []deliveryRow
	User     string // whom the list is narrowed to, as written
	List     string // what was asked, to come back to
	Narrowed bool
	State    ui.State
	Unnoted  bool // a line has failed that nobody has taken note of
	Tabs     []ui.Tab
	Apps     []ui.Choice
	Errors   map[string]string
}

// deliveryRow is a line of a receipt that is not settled, or has failed.
type deliveryRow struct {
	receiptLine
	PersonID, Person, ReceiptID string
	Since                       time.Time
	Retry                       bool // may be tried now
	Failed, Noted               bool
}

// appRow is one app of the list.
type appRow struct {
	ID, Name, Protocol, Identifier, Lever string
	Removed                               bool
}

// appsView is the list of apps.
type appsView struct{ Apps []appRow }

// appView is the page of one app.
type appView struct {
	ID, Name, Protocol string
	LaunchURL          string
	Ends               []ui.Pair // how access ends there, in words
	Settings           []ui.Pair
	Findings           []idp.Finding // what a reviewer would say
	Tries              bool          // people sign in to it
	Secrets            []idp.ClientSecret
	Connect            []string // what the app needs to know of us: NAME=value
	Attributes         []attributeRow
	Grants             []grantRow
	People             []personRow
	Pager              ui.Pager
	SAML, Removed      bool
	Metadata           refreshView
}

// attributeRow is one attribute or claim the app is told.
type attributeRow struct{ Name, Source string }

// grantRow is who may use an app.
type grantRow struct {
	Group       bool
	Name, Href  string
	Role        string
	From, Until time.Time
}

// groupsView is the list of groups.
type groupsView struct{ Groups []groupRow }

// groupView is the page of one group.
type groupView struct {
	ID, Name  string
	CreatedAt time.Time
	Apps      []appAccess
	People    []personRow
	Pager     ui.Pager
}

// addPersonView is the form with which a person is added.
type addPersonView struct {
	Username, Email, Name string
	Owner                 bool
	Mails                 bool // the house sends mails
	Invite                bool // by mail
	Errors                map[string]string
}

// addedPersonView shows the one-time link, once; without a Link it is on its
// way to Email.
type addedPersonView struct {
	ID, Name, Username string
	Email, Link        string
	Until              time.Time
	New                bool // the person was just added, not given a new link
}

// tokensView is the list of one's API tokens, with the form for another. Secret
// is that of the one just made, shown once.
type tokensView struct {
	Tokens              []tokenRow
	Name, Error, Secret string
}

// tokenRow is one API token of the list.
type tokenRow struct {
	ID, Name        string
	Made, ExpiresAt time.Time // ExpiresAt zero: no end of its own
}
