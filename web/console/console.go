package console

import (
	"context"
	"net/http"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/outbox"
	"gatehouse/web/ui"
)

// Store is what the console reads.
type Store interface {
	People
	Holdings
	Receipts
	Views
	Scheduled
	Look(ctx context.Context) (idp.Look, error)
	Policy(ctx context.Context) (idp.Policy, error)
	AskedDeletion(ctx context.Context) ([]idp.User, error)
	App(ctx context.Context, id idp.AppID) (idp.App, error)
	Apps(ctx context.Context) ([]idp.App, error)
	Grants(ctx context.Context, id idp.AppID) ([]idp.Grant, error)
	MetadataRefresh(ctx context.Context, id idp.AppID) (idp.MetadataRefresh, error)
	ClientSecrets(ctx context.Context, a idp.App) ([]idp.ClientSecret, error)
	APITokens(ctx context.Context, id idp.UserID) ([]idp.APIToken, error)
	InitialTokens(ctx context.Context) ([]idp.InitialToken, error)
	AccountsOfApp(ctx context.Context, id idp.AppID, after string, limit int) ([]idp.Account, string, error)
}

// People reads people and their groups.
type People interface {
	User(ctx context.Context, id idp.UserID) (idp.User, error)
	Users(ctx context.Context, q idp.UserQuery) ([]idp.User, string, error)
	UserCounts(ctx context.Context) (active, suspended int, err error)
	Group(ctx context.Context, id idp.GroupID) (idp.Group, error)
	Groups(ctx context.Context) ([]idp.Group, error)
	GroupsOf(ctx context.Context, id idp.UserID) ([]idp.Group, error)
	Members(ctx context.Context, id idp.GroupID, after string, limit int) ([]idp.User, string, error)
}

// Holdings reads what a person holds.
type Holdings interface {
	AccessOf(ctx context.Context, id idp.UserID, now time.Time) ([]idp.Access, error)
	Accounts(ctx context.Context, id idp.UserID) ([]idp.Account, error)
	Sessions(ctx context.Context, id idp.UserID, now time.Time) ([]idp.Session, error)
	Credentials(ctx context.Context, id idp.UserID) ([]idp.Credential, error)
	SessionByID(ctx context.Context, id idp.SessionID) (idp.Session, error)
	Participants(ctx context.Context, id idp.UserID, now time.Time) ([]idp.Participant, error)
	Families(ctx context.Context, id idp.UserID, now time.Time) ([]idp.TokenFamily, error)
	Events(ctx context.Context, q idp.EventQuery) ([]idp.Event, string, error)
	EventsOfKind(ctx context.Context, kind string, since time.Time) ([]idp.Event, error)
	EventsAbout(ctx context.Context, correlation string) ([]idp.Event, error)
	RefusedMessages(ctx context.Context, correlation string) (map[idp.EventID]idp.RefusedMessage, error)
}

// Scheduled reads what is to come, and what is under way.
type Scheduled interface {
	Schedules(ctx context.Context, q idp.ScheduleQuery) ([]idp.Schedule, string, error)
	Batch(ctx context.Context, id idp.BatchID) (idp.Batch, error)
	Batches(ctx context.Context, after string, n int) ([]idp.Batch, string, error)
	BatchPeople(ctx context.Context, id idp.BatchID, state idp.BatchPersonState, after string, n int) ([]idp.BatchPerson, string, error)
}

// Receipts reads receipts and their lines.
type Receipts interface {
	Receipt(ctx context.Context, id idp.ReceiptID) (idp.Receipt, error)
	LastReceipt(ctx context.Context, id idp.UserID, kind idp.EndingKind) (idp.Receipt, error)
	Deliveries(ctx context.Context, id idp.ReceiptID) ([]idp.Delivery, error)
	SignedReceipt(ctx context.Context, id idp.ReceiptID, version int64) (idp.SignedReceipt, error)
}

// Console is the room's table of contents and what its pages stand on.
type Console struct {
	Store     Store
	Directory *directory.Directory
	Outbox    *outbox.Worker // what a suspension would do; it need not run here
	// URL is the public URL of the house, without a slash at its end.
	URL string
	// Registration is where apps register themselves (RFC 7591); empty where the
	// house lets none.
	Registration string
	Documents    Documents
	Refresher    Refresher
	// Connect returns what an app has to be told to be connected; secret is its
	// raw secret, where that is known.
	Connect func(a idp.App, secret string) []idp.Setting
	// Explain says what a refusal means and what to change; false for an audit
	// line that is none.
	Explain func(e idp.Event) (idp.Explanation, bool)
	// Preview is what an app would be told of a person, and Test how its service
	// provider, played by us, takes a sign-on of theirs. Both are written down.
	Preview func(ctx context.Context, a idp.App, u idp.User) (idp.AppPreview, error)
	Test    func(ctx context.Context, a idp.App, u idp.User) (idp.AppTest, error)
	// ResetFactors takes away a person's second factors with everything that they
	// hold, and returns the receipt; "" where there was nothing to take away.
	ResetFactors func(ctx context.Context, id idp.UserID) (idp.ReceiptID, error)
	// RemoveCredential takes one of a person's credentials away with everything that
	// they hold, and returns the receipt; login.RemoveCredential does.
	RemoveCredential func(ctx context.Context, user idp.UserID, id idp.CredentialID) (idp.ReceiptID, error)
	// SessionLife is how long a session at Gatehouse can last.
	SessionLife time.Duration
	// Closing ends live receipts when the house stops. May be nil.
	Closing <-chan struct{}
	// Idle is after what time without use a session is over; zero: never.
	Idle time.Duration
	// Stuffing reports whether far more sign-ins fail than usual. May be nil.
	Stuffing func() bool

	alarm alarm
}

// Routes lists every page of the room with the access it demands.
func (c *Console) Routes() []ui.Route {
	routes := []ui.Route{
		{Pattern: "GET /console", Handler: c.start},
		{Pattern: "GET /console/users", Handler: c.userList},
		{Pattern: "GET /console/users/new", Recent: true, Handler: c.userNew},
		{Pattern: "POST /console/users", Recent: true, Handler: c.userAdd},
		{Pattern: "GET /console/users/{id}", Handler: c.userShow},
		{Pattern: "POST /console/users/{id}/link", Recent: true, Handler: c.userLink},
		{Pattern: "GET /console/users/{id}/credentials/{credential}/remove", Recent: true, Handler: c.credentialConfirm},
		{Pattern: "POST /console/users/{id}/credentials/{credential}/remove", Recent: true, Handler: c.credentialRemove},
		{Pattern: "GET /console/users/{id}/suspend", Handler: c.userSuspendPreview},
		{Pattern: "POST /console/users/{id}/suspend", Handler: c.userSuspend},
		{Pattern: "GET /console/users/{id}/schedule", Handler: c.userScheduleForm},
		{Pattern: "POST /console/users/{id}/schedule", Handler: c.userSchedule},
		{Pattern: "GET /console/scheduled", Handler: c.scheduleList},
		{Pattern: "POST /console/schedules/{id}/cancel", Handler: c.scheduleCancel},
		{Pattern: "GET /console/batches", Handler: c.batchList},
		{Pattern: "GET /console/batches/{id}", Handler: c.batchShow},
		{Pattern: "GET /console/batches/{id}/live", Handler: c.batchLive},
		{Pattern: "GET /console/batches/{id}/cancel", Handler: c.batchCancelConfirm},
		{Pattern: "POST /console/batches/{id}/cancel", Handler: c.batchCancel},
		{Pattern: "GET /console/groups/{id}/suspend", Handler: c.groupSuspendPreview},
		{Pattern: "POST /console/groups/{id}/suspend", Handler: c.groupSuspend},
		{Pattern: "GET /console/users/{id}/restore", Recent: true, Handler: c.userRestoreConfirm},
		{Pattern: "POST /console/users/{id}/restore", Recent: true, Handler: c.userRestore},
		{Pattern: "GET /console/users/{id}/reset-factors", Recent: true, Handler: c.userFactorsConfirm},
		{Pattern: "POST /console/users/{id}/reset-factors", Recent: true, Handler: c.userFactors},
		{Pattern: "GET /console/users/{id}/end-sessions", Handler: c.userEndSessionsConfirm},
		{Pattern: "POST /console/users/{id}/end-sessions", Handler: c.userEndSessions},
		{Pattern: "GET /console/sessions", Handler: c.sessionList},
		{Pattern: "GET /console/sessions/live", Handler: c.sessionListLive},
		{Pattern: "GET /console/sessions/{id}/end", Handler: c.sessionEndConfirm},
		{Pattern: "POST /console/sessions/{id}/end", Handler: c.sessionEnd},
		{Pattern: "GET /console/deliveries", Handler: c.deliveryList},
		{Pattern: "GET /console/deliveries/live", Handler: c.deliveryListLive},
		{Pattern: "POST /console/deliveries/{id}/retry", Handler: c.deliveryRetry},
		{Pattern: "POST /console/deliveries/{id}/note", Handler: c.deliveryNote},
		{Pattern: "POST /console/deliveries/note-failed", Handler: c.deliveryNoteFailed},
		{Pattern: "GET /console/receipts", Handler: c.receiptList},
		{Pattern: "GET /console/receipts/live", Handler: c.receiptListLive},
		{Pattern: "GET /console/receipts/{id}", Handler: c.receiptShow},
		{Pattern: "GET /console/receipts/{id}/live", Handler: c.receiptLive},
		{Pattern: "GET /console/receipts/{id}/signed", Handler: c.receiptSigned},
		{Pattern: "GET /console/apps", Handler: c.appList},
		{Pattern: "GET /console/apps/new", Handler: c.appNew},
		{Pattern: "POST /console/apps", Handler: c.appAdd},
		{Pattern: "GET /console/apps/new/saml", Handler: c.samlNew},
		{Pattern: "POST /console/apps/saml/read", Handler: c.samlRead, Upload: maxUpload},
		{Pattern: "POST /console/apps/saml/typed", Handler: c.samlTyped},
		{Pattern: "POST /console/apps/saml", Handler: c.samlAdd},
		{Pattern: "GET /console/apps/{id}/metadata", Handler: c.metadataForm},
		{Pattern: "POST /console/apps/{id}/metadata/read", Handler: c.metadataRead, Upload: maxUpload},
		{Pattern: "POST /console/apps/{id}/metadata", Handler: c.metadataApply},
		{Pattern: "GET /console/apps/{id}/metadata/waiting", Handler: c.metadataWaiting},
		{Pattern: "POST /console/apps/{id}/metadata/source", Handler: c.metadataSource},
		{Pattern: "POST /console/apps/{id}/metadata/refresh", Handler: c.metadataRefresh},
		{Pattern: "GET /console/apps/{id}/settings", Handler: c.appSettings},
		{Pattern: "POST /console/apps/{id}/settings", Handler: c.appChange},
		{Pattern: "POST /console/apps/{id}/settings/preview", Handler: c.appChangePreview},
		{Pattern: "GET /console/apps/{id}/names", Handler: c.nameForm},
		{Pattern: "POST /console/apps/{id}/names/release", Handler: c.nameRelease},
		{Pattern: "GET /console/apps/{id}/remove", Handler: c.appRemoveConfirm},
		{Pattern: "POST /console/apps/{id}/remove", Handler: c.appRemove},
		{Pattern: "GET /console/app-templates", Handler: c.templateList},
		{Pattern: "GET /console/app-templates/{id}", Handler: c.templateShow},
		{Pattern: "POST /console/app-templates/{id}", Handler: c.templateUse},
		{Pattern: "GET /console/apps/{id}/preview", Handler: c.appTry},
		{Pattern: "POST /console/apps/{id}/preview", Handler: c.appPreview},
		{Pattern: "POST /console/apps/{id}/test", Handler: c.appTest},
		{Pattern: "GET /console/apps/{id}", Handler: c.appShow},
		{Pattern: "POST /console/apps/{id}/secrets", Handler: c.secretAdd},
		{Pattern: "GET /console/apps/{id}/secrets/{secret}/remove", Handler: c.secretRemoveConfirm},
		{Pattern: "POST /console/apps/{id}/secrets/{secret}/remove", Handler: c.secretRemove},
		{Pattern: "GET /console/apps/{id}/end-sessions", Handler: c.appEndSessionsConfirm},
		{Pattern: "POST /console/apps/{id}/end-sessions", Handler: c.appEndSessions},
		{Pattern: "GET /console/explain", Handler: c.explain},
		{Pattern: "GET /console/emergency", Handler: c.emergency},
		{Pattern: "GET /console/emergency/end-before", Handler: c.endBeforeConfirm},
		{Pattern: "POST /console/emergency/end-before", Handler: c.endBefore},
		{Pattern: "GET /console/keys/{id}/revoke", Handler: c.keyRevokeConfirm},
		{Pattern: "POST /console/keys/{id}/revoke", Handler: c.keyRevoke},
		{Pattern: "GET /console/alarms", Handler: c.alarmShow},
		{Pattern: "GET /console/certificates", Handler: c.certificates},
		{Pattern: "POST /console/certificates/next", Handler: c.certificateNext},
		{Pattern: "POST /console/certificates/had", Handler: c.certificateHad},
		{Pattern: "POST /console/certificates/switch", Handler: c.certificateSwitch},
		{Pattern: "POST /console/certificates/rest", Handler: c.certificateRest},
		{Pattern: "GET /console/certificates/{id}/retire", Handler: c.certificateRetireConfirm},
		{Pattern: "POST /console/certificates/{id}/retire", Handler: c.certificateRetire},
		{Pattern: "GET /console/policy", Handler: c.policy},
		{Pattern: "POST /console/policy/rules", Recent: true, Handler: c.policyRuleAdd},
		{Pattern: "POST /console/policy/rules/remove", Recent: true, Handler: c.policyRuleRemove},
		{Pattern: "POST /console/policy/ways", Recent: true, Handler: c.policyWays},
		{Pattern: "POST /console/policy/remember", Recent: true, Handler: c.policyRemember},
		{Pattern: "POST /console/policy/lengths", Recent: true, Handler: c.policyLengths},
		{Pattern: "GET /console/look", Handler: c.look},
		{Pattern: "POST /console/look", Handler: c.lookSet, Upload: maxLookForm},
		{Pattern: "POST /console/users/{id}/keep", Handler: c.userKeep},
		{Pattern: "GET /console/tokens", Handler: c.tokenList},
		{Pattern: "POST /console/tokens", Recent: true, Handler: c.tokenAdd},
		{Pattern: "POST /console/tokens/{id}/revoke", Handler: c.tokenRevoke},
		{Pattern: "GET /console/initial-tokens", Handler: c.initialTokenList},
		{Pattern: "POST /console/initial-tokens", Recent: true, Handler: c.initialTokenAdd},
		{Pattern: "POST /console/initial-tokens/{id}/revoke", Handler: c.initialTokenRevoke},
		{Pattern: "GET /console/groups", Handler: c.groupList},
		{Pattern: "GET /console/groups/{id}", Handler: c.groupShow},
	}
	for i := range routes {
		routes[i].Access = ui.OwnerOnly
		if !strings.HasSuffix(routes[i].Pattern, "/live") {
			routes[i].Handler = c.alarmed(routes[i].Handler)
		}
	}
	return routes
}

func (c *Console) start(w http.ResponseWriter, r *http.Request) error {
	return ui.SeeOther(w, r, "/console/users")
}

// pageSize is how many rows a list shows at once.
const pageSize = 50

// cursor returns the cursor of the request's page, empty for the first one.
func cursor(r *http.Request) string {
	after := r.URL.Query().Get("after")
	if len(after) > 300 {
		return ""
	}
	return after
}
