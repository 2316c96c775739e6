package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/outbox"
	"gatehouse/web/api/client"
)

// Store is what the API reads, and where it writes down what it was asked.
type Store interface {
	People
	Groups
	Apps
	Receipts
	Schedules
	Batches
	Refusals
	Tokens
	Proofs
	Views
	Look(ctx context.Context) (idp.Look, error)
	Policy(ctx context.Context) (idp.Policy, error)
	Events(ctx context.Context, q idp.EventQuery) ([]idp.Event, string, error)
	Record(ctx context.Context, events ...idp.Event) error
}

// Gate accepts API tokens; *sessions.Gate does.
type Gate interface {
	APIToken(ctx context.Context, raw string) (idp.APIToken, idp.User, error)
}

// API answers /api/v1.
type API struct {
	// ResetFactors takes away a person's second factors with everything that they
	// hold, and returns the receipt; "" where there was nothing to take away.
	ResetFactors func(ctx context.Context, id idp.UserID) (idp.ReceiptID, error)
	Directory    *directory.Directory
	Outbox       *outbox.Worker // what a suspension would do; it need not run here
	Store        Store
	Gate         Gate
	URL          *url.URL // public URL, for links
	// Bootstrap is the token that works while no owner exists; empty: none.
	Bootstrap string
	Documents Documents
	Refresher Refresher
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
	// RemoveCredential takes one of a person's credentials away with everything that
	// they hold, and returns the receipt; login.RemoveCredential does.
	RemoveCredential func(ctx context.Context, user idp.UserID, id idp.CredentialID) (idp.ReceiptID, error)

	Log *slog.Logger
	Now func() time.Time
	// Idle is after what time without use a session is over; zero: never.
	Idle time.Duration
}

// handler answers one request, or says why not; a nil answer is 204.
type handler func(r *http.Request, c caller) (status int, answer any, err error)

// access is what a route demands of its caller.
type access int

const (
	undeclared access = iota
	anyone            // nothing of anybody is shown
	ownerToken        // an API token of an active owner
	ownerOrBootstrap
)

// route is one line of the API: what answers where, what it demands of its
// caller, and the shapes of its body and answer (nil: none), from which the
// OpenAPI document is made.
type route struct {
	pattern string
	access  access
	summary string
	in, out any
	handler handler
}

type reasoned struct {
	Reason string `json:"reason"`
}

// rotation is what is said with one: Now does not wait for the apps.
type rotation struct {
	Now bool `json:"now,omitempty"`
}

// suspension is what is said with one; Myself says that the caller means
// themselves.
type suspension struct {
	Reason string `json:"reason"`
	Myself bool   `json:"myself,omitempty"`
}

// appointment is what is said of a suspension that is to come.
type appointment struct {
	At     string `json:"at"`   // 2026-12-01 17:00
	Zone   string `json:"zone"` // Europe/Berlin
	Reason string `json:"reason"`
	Myself bool   `json:"myself,omitempty"`
}

type endBefore struct {
	Before *time.Time `json:"before,omitempty"`
	Reason string     `json:"reason"`
}

type named struct {
	Name string `json:"name"`
}

type newToken struct {
	Name string `json:"name"`
	TTL  string `json:"ttl"`
}

type newInitial struct {
	Name string `json:"name"`
	Uses int    `json:"uses"`
	TTL  string `json:"ttl"`
}

func (a *API) routes() []route {
	const owner = ownerOrBootstrap
	return []route{
		{"GET /api/v1/openapi.json", anyone, "This document", nil, nil, a.openAPI},
		{"GET /api/v1/users", owner, "List people", nil, client.Page[client.User]{}, a.userList},
		{"POST /api/v1/users", owner, "Add a person; answers with a one-time link", client.Person{}, client.Invitation{}, a.userAdd},
		{"GET /api/v1/users/{user}", owner, "Show a person, by ID or username", nil, client.User{}, a.userShow},
		{"PUT /api/v1/users/{user}", owner, "Set what is known of a person", client.Person{}, client.User{}, a.userChange},
		{"POST /api/v1/users/{user}/invite", owner, "Make a new one-time link, or have one mailed to them", client.Invite{}, client.Invitation{}, a.userInvite},
		{"POST /api/v1/users/{user}/suspend", owner, "Suspend: end everything the person holds; oneself only with myself", suspension{}, client.Receipt{}, a.userSuspend},
		{"GET /api/v1/users/{user}/suspend-preview", owner, "What a suspension would end; nothing is written", nil, client.Preview{}, a.suspendPreview},
		{"POST /api/v1/users/{user}/suspend-schedule", owner, "Have a person suspended at a minute of a time zone", appointment{}, client.Schedule{}, a.scheduleAdd},
		{"GET /api/v1/schedules", owner, "List scheduled suspensions, newest first", nil, client.Page[client.Schedule]{}, a.scheduleList},
		{"GET /api/v1/schedules/{schedule}", owner, "Show a scheduled suspension", nil, client.Schedule{}, a.scheduleShow},
		{"POST /api/v1/schedules/{schedule}/cancel", owner, "Take a scheduled suspension back", nil, client.Schedule{}, a.scheduleCancel},
		{"POST /api/v1/batches", owner, "Suspend many, by name or as members of a group; with dry_run=true nothing is written", client.Many{}, client.Batch{}, a.batchAdd},
		{"GET /api/v1/batches", owner, "List suspensions of many, newest first", nil, client.Page[client.Batch]{}, a.batchList},
		{"GET /api/v1/batches/{batch}", owner, "Show how a suspension of many stands", nil, client.Batch{}, a.batchShow},
		{"GET /api/v1/batches/{batch}/people", owner, "List the people of a suspension of many", nil, client.Page[client.BatchPerson]{}, a.batchPeople},
		{"POST /api/v1/batches/{batch}/cancel", owner, "Leave out who is not suspended yet", nil, client.Batch{}, a.batchCancel},
		{"GET /api/v1/exposure", owner, "How long access would outlive a suspension: of a user, of an app, or of everybody", nil, client.Page[client.Exposure]{}, a.exposureList},
		{"POST /api/v1/users/{user}/restore", owner, "Let a suspended person sign in again", nil, client.User{}, a.userRestore},
		{"POST /api/v1/users/{user}/reset-factors", owner, "Take away a person's authenticator app and recovery codes, and end everything they hold; without any, nothing ends", nil, client.Receipt{}, a.userFactorsReset},
		{"GET /api/v1/users/{user}/sessions", owner, "List a person's live sessions", nil, client.Page[client.Session]{}, a.sessionList},
		{"GET /api/v1/users/{user}/credentials", owner, "List with what a person can prove to be themselves, the oldest first", nil, client.Page[client.Credential]{}, a.credentialList},
		{"DELETE /api/v1/users/{user}/credentials/{credential}", owner, "Remove one of a person's credentials, be it their last, and end everything they hold", nil, client.Receipt{}, a.credentialRemove},
		{"POST /api/v1/users/{user}/end-sessions", owner, "End everything a person holds", reasoned{}, client.Receipt{}, a.userEndSessions},
		{"GET /api/v1/sessions", owner, "List who is signed in now, newest first", nil, client.Page[client.Session]{}, a.sessionsNow},
		{"POST /api/v1/sessions/{session}/end", owner, "End one session", reasoned{}, client.Receipt{}, a.sessionEnd},
		{"GET /api/v1/receipts", owner, "List receipts, newest first", nil, client.Page[client.Receipt]{}, a.receiptList},
		{"GET /api/v1/receipts/{receipt}", owner, "Show a receipt with its lines", nil, client.Receipt{}, a.receiptShow},
		{"GET /api/v1/receipts/{receipt}/signed", owner, "A signed version of a receipt; without version, the newest", nil, client.SignedReceipt{}, a.receiptSigned},
		{"GET /api/v1/deliveries", owner, "List what apps are still to be told, newest first", nil, client.Page[client.Delivery]{}, a.deliveryList},
		{"POST /api/v1/deliveries/{delivery}/retry", owner, "Tell the app now; a line that failed is tried again", nil, client.Delivery{}, a.deliveryRetry},
		{"POST /api/v1/deliveries/{delivery}/note", owner, "Take note of a line that failed: its alarm is over", nil, client.Delivery{}, a.deliveryNote},
		{"GET /api/v1/groups", owner, "List groups", nil, client.Page[client.Group]{}, a.groupList},
		{"POST /api/v1/groups", owner, "Add a group", named{}, client.Group{}, a.groupAdd},
		{"PUT /api/v1/groups/{group}/members/{user}", owner, "Put a person into a group", nil, nil, a.groupJoin},
		{"DELETE /api/v1/groups/{group}/members/{user}", owner, "Take a person out of a group", nil, client.Receipt{}, a.groupLeave},
		{"GET /api/v1/apps", owner, "List apps", nil, client.Page[client.App]{}, a.appList},
		{"POST /api/v1/apps", owner, "Register an app; answers with its secret", client.App{}, client.App{}, a.appAdd},
		{"GET /api/v1/apps/{app}", owner, "Show an app, by ID or name", nil, client.App{}, a.appShow},
		{"DELETE /api/v1/apps/{app}", owner, "Remove an app: nothing is issued to it any more, and all that it holds ends", nil, client.Receipt{}, a.appRemove},
		{"PUT /api/v1/apps/{app}/metadata", owner, "Register what a metadata document says of a SAML app; with dry_run=true only the difference is said", client.MetadataSource{}, client.MetadataApplied{}, a.metadataApply},
		{"GET /api/v1/apps/{app}/metadata", owner, "How reading an app's metadata again stands", nil, client.MetadataRefresh{}, a.metadataShow},
		{"PUT /api/v1/apps/{app}/metadata/source", owner, "Say where an app's metadata is read again, and what proves it there; an empty url: nowhere", client.MetadataAddress{}, nil, a.metadataSource},
		{"POST /api/v1/apps/{app}/metadata/refresh", owner, "Read an app's metadata again now", nil, client.MetadataRefresh{}, a.metadataRefresh},
		{"POST /api/v1/saml/metadata", owner, "Read the metadata of a service provider, and register nothing", client.MetadataSource{}, client.Metadata{}, a.metadataRead},
		{"DELETE /api/v1/apps/{app}/registration", owner, "Take away the token with which an app manages its own registration", nil, nil, a.registrationRevoke},
		{"DELETE /api/v1/apps/{app}/names/{name}", owner, "Let somebody else be known to a SAML app by a name that it knows a renamed person by, whose account there is gone", nil, nil, a.nameRelease},
		{"GET /api/v1/apps/{app}/connect", owner, "What an app has to be told to be connected, its secret apart", nil, client.Page[client.Setting]{}, a.appConnect},
		{"GET /api/v1/apps/{app}/check", owner, "What a reviewer would say of an app's registration", nil, client.Page[client.Finding]{}, a.appCheck},
		{"POST /api/v1/apps/{app}/preview", owner, "What an app would be told of a person who signed in now; nothing is signed, and that somebody looked is written down", client.ForPerson{}, client.AppPreview{}, a.appPreview},
		{"POST /api/v1/apps/{app}/test", owner, "Play a sign-on of a person at an app's service provider, by the vendor's rules; nothing is sent to the app", client.ForPerson{}, client.AppTest{}, a.appTest},
		{"GET /api/v1/app-templates", owner, "List the templates of well-known apps", nil, client.Page[client.Template]{}, a.templateList},
		{"GET /api/v1/app-templates/{template}", owner, "Show a template", nil, client.Template{}, a.templateShow},
		{"GET /api/v1/apps/{app}/secrets", owner, "List an app's secrets, newest first, by ID", nil, client.Page[client.ClientSecret]{}, a.secretList},
		{"POST /api/v1/apps/{app}/secrets", owner, "Give an app a second secret; answers with it", nil, client.ClientSecret{}, a.secretAdd},
		{"DELETE /api/v1/apps/{app}/secrets/{secret}", owner, "Remove one of an app's secrets, the last one never", nil, nil, a.secretRemove},
		{"GET /api/v1/apps/{app}/grants", owner, "List who may use an app", nil, client.Page[client.Grant]{}, a.grantList},
		{"POST /api/v1/grants", owner, "Let a person or a group use an app", client.Grant{}, client.Grant{}, a.grantAdd},
		{"DELETE /api/v1/apps/{app}/grants/{grant}", owner, "Remove a grant", nil, client.Receipt{}, a.grantRemove},
		{"POST /api/v1/apps/{app}/end-sessions", owner, "End everything an app holds, of everybody", reasoned{}, client.Receipt{}, a.appEndSessions},
		{"POST /api/v1/end-before", owner, "End everything made before a moment, of everybody; before may be empty: now", endBefore{}, client.Receipt{}, a.endBefore},
		{"GET /api/v1/keys", owner, "List signing keys, oldest first", nil, client.Page[client.Key]{}, a.keyList},
		{"POST /api/v1/keys/rotate", owner, "Publish the next signing keys of the OpenID Provider; they sign when apps can know them, with now at once", rotation{}, client.Page[client.Key]{}, a.keyRotate},
		{"GET /api/v1/keys/saml", owner, "List our SAML certificates, which key signs for which app, and who has read the next certificate", nil, client.SAMLKeys{}, a.samlKeyList},
		{"POST /api/v1/keys/saml/next", owner, "Publish the next SAML certificates; they sign for nobody yet", nil, client.SAMLKeys{}, a.samlKeyNext},
		{"POST /api/v1/keys/saml/had", owner, "Say that an app has the SAML certificate that comes next for it", ofApp{}, client.SAMLKeys{}, a.samlKeyHad},
		{"POST /api/v1/keys/saml/switch", owner, "Have another SAML key sign for one app, or the next one for all the rest", leadOver{}, client.SAMLKeys{}, a.samlKeySwitch},
		{"POST /api/v1/keys/{key}/retire", owner, "Take a SAML certificate out of our metadata; with force also while its key signs for apps", forced{}, client.SAMLKeys{}, a.samlKeyRetire},
		{"POST /api/v1/keys/{key}/revoke", owner, "Revoke a signing key; one in use is replaced", reasoned{}, client.Receipt{}, a.keyRevoke},
		{"POST /api/v1/apply", owner, "Make users, groups, apps, grants, the look of the house and its policy what the body says", client.Desired{}, client.Applied{}, a.apply},
		{"GET /api/v1/look", owner, "How the pages that everybody sees look", nil, client.Look{}, a.lookShow},
		{"PUT /api/v1/look", owner, "Set how the pages that everybody sees look; a logo that is not named stays", client.Look{}, client.Look{}, a.lookSet},
		{"GET /api/v1/policy", owner, "What is asked of people who sign in, and how long that lasts", nil, client.Policy{}, a.policyShow},
		{"PUT /api/v1/policy", owner, "Set what is asked of people who sign in; with dry_run=true, say whom it would lock out; that has to be accepted with accept=true", client.Policy{}, client.Policy{}, a.policySet},
		{"GET /api/v1/events", owner, "List audit lines, newest first", nil, client.Page[client.Event]{}, a.eventList},
		{"GET /api/v1/events/chain", owner, "Walk the sealed audit log, place by place", nil, client.Page[client.ChainLink]{}, a.chainList},
		{"GET /api/v1/events/checkpoints", owner, "List what the house has signed of the audit log, oldest first; with newest=true, the last alone", nil, client.Page[client.Checkpoint]{}, a.checkpointList},
		{"GET /api/v1/events/unchained", owner, "List audit lines that claim a place in the chain which is not theirs", nil, client.Page[client.AuditRow]{}, a.unchainedList},
		{"GET /api/v1/initial-tokens", owner, "List initial access tokens, newest first", nil, client.Page[client.InitialToken]{}, a.initialList},
		{"POST /api/v1/initial-tokens", ownerToken, "Make an initial access token, with which apps register themselves; answers with its secret", newInitial{}, client.InitialToken{}, a.initialAdd},
		{"DELETE /api/v1/initial-tokens/{token}", owner, "Revoke an initial access token", nil, nil, a.initialRevoke},
		{"GET /api/v1/explain/{correlation}", owner, "Explain a refusal by its correlation ID: what was received, which rule refused it, what to change", nil, client.Page[client.Explained]{}, a.explain},
		{"GET /api/v1/tokens", ownerToken, "List your API tokens", nil, client.Page[client.Token]{}, a.tokenList},
		{"POST /api/v1/tokens", ownerToken, "Make an API token; answers with its secret", newToken{}, client.Token{}, a.tokenAdd},
		{"DELETE /api/v1/tokens/{token}", ownerToken, "Revoke an API token", nil, nil, a.tokenRevoke},
	}
}

// Handler returns the API, or an error for a route that declares no access.
func (a *API) Handler() (http.Handler, error) {
	mux := http.NewServeMux()
	for _, rt := range a.routes() {
		if rt.access == undeclared {
			return nil, &idp.Error{Kind: idp.Internal, Detail: "route " + rt.pattern + " declares no access"}
		}
		mux.Handle(rt.pattern, a.admit(rt))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if allowed := allowed(mux, r); allowed != "" {
			w.Header().Set("Allow", allowed)
			a.refuseWith(w, r, http.StatusMethodNotAllowed, idp.Errorf(idp.Invalid, "Allowed here: %s. See /api/v1/openapi.json.", allowed))
			return
		}
		a.refuse(w, r, idp.Errorf(idp.NotFound, "There is no such address in this API. See /api/v1/openapi.json."))
	})
	return mux, nil
}

// allowed returns the methods that have a route of their own at the address of a
// request that met none (RFC 9110 §10.2.1); "" where there is nothing at all.
func allowed(mux *http.ServeMux, r *http.Request) string {
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := mux.Handler(other); strings.Contains(pattern, " ") { // with its method
			methods = append(methods, method)
		}
	}
	return strings.Join(methods, ", ")
}
