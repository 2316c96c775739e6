package console

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"gatehouse/idp"
	"gatehouse/jit"
	"gatehouse/web/ui"
	"gatehouse/web/ui/uitest"
)

func ago(d time.Duration) time.Time { return uitest.Now().Add(-d) }

var (
	sampleApps = []string{"Wiki", "CRM", "Slack", "Grafana", "GitLab", "Notion", "Zoom", "Zendesk", "Datadog", "Figma", "Box", "PagerDuty", "Mattermost", "Payroll and Time Tracking for Contractors of the Northern Region"}
	longName   = "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh, Hubert Blaine the Elder"
)

func samplePerson() personView {
	v := personView{
		ID: "usr_7k2mqpw5nd3xr9tb4hvcyfzs6e", Name: "Grace Hopper", Username: "grace", Email: "grace.hopper@navy.example",
		CreatedAt: ago(420 * 24 * time.Hour),
		Exposure:  exposure{Prompt: 13, Alive: []aliveLine{{"CRM", uitest.Now().Add(34 * time.Minute)}}},
		Groups: []groupRow{
			{ID: "grp_a", Name: "Engineering", Gives: "Wiki, Slack, Grafana, GitLab", Added: ago(420 * 24 * time.Hour)},
			{ID: "grp_b", Name: "Compilers", Added: ago(90 * 24 * time.Hour)},
			{ID: "grp_c", Name: "On call", Gives: "PagerDuty", Added: ago(26 * time.Hour)},
		},
		Sessions: []sessionRow{
			{ID: "ses_a", Device: "Firefox on Linux", Address: "203.0.113.7", Methods: "password", Since: ago(2 * time.Hour), LastSeen: ago(4 * time.Second), Apps: []string{"Wiki", "CRM", "Slack"}},
			{ID: "ses_b", Device: "Safari on iPhone", Address: "2001:db8:85a3::8a2e:370:7334", Methods: "password", Since: ago(50 * time.Hour), LastSeen: ago(26 * time.Minute)},
		},
		Accounts: []accountRow{
			{App: "Wiki", Subject: "usr_7k2mqpw5nd3xr9tb4hvcyfzs6e", Format: "OpenID Connect subject", FirstSeen: ago(300 * 24 * time.Hour), LastSeen: ago(2 * time.Hour)},
			{App: "CRM", Subject: "grace.hopper@navy.example", Format: "emailAddress", FirstSeen: ago(20 * 24 * time.Hour), LastSeen: ago(2 * time.Hour)},
		},
		Timeline: []ui.Happening{
			{At: ago(2 * time.Hour), Title: "Signed in", Detail: "Firefox on Linux, 203.0.113.7"},
			{At: ago(26 * time.Hour), Title: "Joined On call", Actor: "Ada Lovelace"},
			{At: ago(30 * time.Hour), Title: "Session ended", Detail: "Lost phone", Actor: "Ada Lovelace", Href: "/console/receipts/rcp_x", Ends: true},
			{At: ago(50 * time.Hour), Title: "Signed in", Detail: "Safari on iPhone, 2001:db8:85a3::8a2e:370:7334"},
			{At: ago(420 * 24 * time.Hour), Title: "Added", Actor: "Ada Lovelace"},
		},
	}
	for i, name := range sampleApps {
		a := appAccess{ID: fmt.Sprintf("app_%d", i), Name: name, Reason: "Member of Engineering", Lever: "Back-channel logout", LastUsed: ago(time.Duration(i*i+1) * time.Hour)}
		if name == "CRM" {
			a.Reason, a.Lever, a.Role, a.Until = "Granted directly", "Ends by itself", "editor", uitest.Now().Add(40*24*time.Hour)
		}
		v.Apps = append(v.Apps, a)
	}
	return v
}

func samplePreview() previewView {
	v := previewView{ID: "usr_x", Name: "Grace Hopper", Username: "grace", Action: "/console/users/usr_x/suspend", Sessions: 2, Offline: 1, Exposure: samplePerson().Exposure}
	for _, name := range sampleApps {
		l := previewLine{App: name, Holds: "1 session", Lever: "Back-channel logout"}
		switch name {
		case "CRM":
			// Tomorrow: a time with its date is the widest.
			l.Lever, l.Survives, l.Until = "Nothing reaches it", "its session", uitest.Now().Add(24*time.Hour)
		case "Slack":
			l.Holds, l.Lever = "2 sessions", "LogoutRequest over SOAP"
		case "Box":
			l.Holds = "an account, no session known"
		}
		v.Lines = append(v.Lines, l)
	}
	return v
}

func sampleReceipt() receiptView {
	v := receiptView{
		ID: "rcp_7k2mqpw5nd3xr9tb4hvcyfzs6e", Title: "Suspension of Grace Hopper", AboutURL: "/console/users/usr_x", Person: "Grace Hopper", What: "Suspension",
		Reason: "Left the company today", Actor: "Ada Lovelace", AskedAt: ago(1830 * time.Millisecond), CutAt: ago(1818 * time.Millisecond), Number: 4711, Whole: true, Subject: "Grace Hopper is out",
		Version: 1, SignedAt: ago(1700 * time.Millisecond),
	}
	for i, name := range sampleApps {
		l := receiptLine{ID: fmt.Sprintf("dlv_%d", i), App: name, Lever: "Back-channel logout", State: ui.Verified, Attempts: 1, LatencyMS: int64(41 + i*i*7), Answer: "200", Evidence: "Asked, it says: no session"}
		switch name {
		case "CRM":
			l = receiptLine{ID: l.ID, App: name, Lever: "None: ends by itself", State: ui.Alive, Ceiling: uitest.Now().Add(34 * time.Minute), Answer: "Cannot be told"}
		case "Zendesk":
			l = receiptLine{ID: l.ID, App: name, Lever: "LogoutRequest over SOAP", State: ui.Retrying, Attempts: 2, Answer: "503 Service Unavailable", NextAt: uitest.Now().Add(3 * time.Second), Ceiling: uitest.Now().Add(50 * time.Minute)}
		}
		v.Lines = append(v.Lines, l)
	}
	return v
}

func settledReceipt() receiptView {
	v := sampleReceipt()
	for i := range v.Lines {
		if v.Lines[i].State != ui.Verified {
			v.Lines[i].State, v.Lines[i].Evidence, v.Lines[i].Attempts, v.Lines[i].LatencyMS = ui.Verified, "Asked, it says: no session", 3, 4210
		}
	}
	v.SettledAt = v.AskedAt.Add(4412 * time.Millisecond)
	v.Version, v.SignedAt, v.SignedFinal = 3, v.AskedAt.Add(5*time.Second), true
	return v
}

func everyState() receiptView {
	v := sampleReceipt()
	v.Person, v.Title, v.Subject = longName, "Suspension: "+longName, longName+" is out"
	v.Lines = nil
	for i, s := range []ui.State{ui.Sent, ui.Retrying, ui.Acknowledged, ui.Verified, ui.Alive, ui.Failed, ui.Manual, ui.Superseded, ui.Ended} {
		v.Lines = append(v.Lines, receiptLine{ID: fmt.Sprintf("dlv_%d", i), App: "App that is " + string(s), Lever: "Back-channel logout", State: s, Attempts: i, LatencyMS: int64(i * 431), Answer: "An answer of the app " + uitest.Bait, Ceiling: uitest.Now().Add(time.Hour), NextAt: uitest.Now().Add(7 * time.Second), AgainAt: uitest.Now().Add(4 * time.Minute)})
	}
	v.Lines = append(v.Lines, receiptLine{
		ID: "dlv_jwt", App: "Wiki", Lever: leverWords(idp.LeverExpiry), State: ui.Alive, Ceiling: uitest.Now().Add(5 * time.Minute),
		Answer: "Its access tokens are JWTs: Gatehouse refuses them at once, an API that reads them by itself takes them until they expire.",
	})
	v.Reason = uitest.Bait
	return v
}

func listingReceipt() receiptView {
	v := sampleReceipt()
	v.Lines, v.Listing = nil, true
	v.AskedAt, v.CutAt = ago(60*time.Millisecond), ago(51*time.Millisecond)
	return v
}

func bigReceipt() receiptView {
	v := sampleReceipt()
	for i := range 400 {
		s := ui.Verified
		if i%40 == 7 {
			s = ui.Retrying
		}
		v.Lines = append(v.Lines, receiptLine{ID: fmt.Sprintf("dlv_b%d", i), App: fmt.Sprintf("App %d", i), Lever: "Back-channel logout", State: s, Attempts: 1, LatencyMS: int64(i)})
	}
	return v
}

func samplePeople(n int) peopleView {
	v := peopleView{Total: n, People: []personRow{
		{ID: "usr_1", Name: "Ada Lovelace", Username: "ada", Email: "ada@engine.example", Owner: true, Added: ago(3 * time.Second)},
		{ID: "usr_2", Name: "Alan Turing", Username: "alan", Email: "alan.turing@bletchley.example", Suspended: true, Added: ago(30 * time.Hour)},
		{ID: "usr_3", Name: "Grace Hopper", Username: "grace", Email: "grace.hopper@navy.example", Added: ago(4 * time.Minute)},
		{ID: "usr_4", Name: longName, Username: "hubert.blaine.wolfeschlegelsteinhausenbergerdorff", Email: "hubert.blaine.wolfeschlegelsteinhausenbergerdorff@northern-region.example"},
		{ID: "usr_5", Name: uitest.Bait, Username: "bait", Email: "bait@example.test"},
		{ID: "usr_6", Name: "山田 太郎", Username: "taro", Email: "taro@example.jp", Added: ago(9 * time.Hour)},
	}, Pager: ui.Pager{Next: "/console/users?after=grace"}}
	for i := len(v.People); i < min(n, 100); i++ {
		v.People = append(v.People, personRow{ID: fmt.Sprintf("usr_%d", i+1), Name: fmt.Sprintf("Person Number %d", i), Username: fmt.Sprintf("person.%d", i), Email: fmt.Sprintf("person.%d@navy.example", i), Added: ago(time.Duration(i) * time.Hour)})
	}
	return v
}

func anyApp() []ui.Choice {
	return []ui.Choice{{Label: "Any app", Chosen: true}, {Value: "app_a", Label: "Wiki"}, {Value: "app_b", Label: sampleApps[13]}}
}

func sampleSessions() sessionsView {
	v := sessionsView{Apps: anyApp(), Ages: ages(""), liveList: liveList{Live: "/console/sessions/live", Pager: ui.Pager{Next: "/console/sessions?after=x"}}}
	for i, p := range []struct {
		name, username, device, address string
		apps                            []string
	}{
		{"Ada Lovelace", "ada", "Firefox on Linux", "203.0.113.7", nil},
		{"Grace Hopper", "grace", "Safari on iPhone", "2001:db8:85a3::8a2e:370:7334", sampleApps[:3]},
		{longName, "hubert.blaine.wolfeschlegelsteinhausenbergerdorff", "A browser on Windows", "10.2.0.7", sampleApps},
		{uitest.Bait, "bait", "Unknown device", uitest.Bait, []string{uitest.Bait}},
		{"山田 太郎", "taro", "Chrome on Android", "10.2.0.7", sampleApps[4:5]},
	} {
		v.Rows = append(v.Rows, nowRow{PersonID: fmt.Sprintf("usr_%d", i), Person: p.name, Username: p.username, sessionRow: sessionRow{
			ID: fmt.Sprintf("ses_%d", i), Device: p.device, Address: p.address, Methods: "password", Apps: p.apps, Here: i == 0,
			Since: ago(time.Duration(i*i) * 40 * time.Minute), LastSeen: ago(time.Duration(i*i*i) * 30 * time.Second),
		}})
	}
	return v
}

func sampleDeliveries() deliveriesView {
	v := deliveriesView{Apps: anyApp(), Tabs: stateTabs(asked{}, ""), liveList: liveList{Live: "/console/deliveries/live"}}
	for i, s := range []ui.State{ui.Sent, ui.Retrying, ui.Retrying, ui.Alive, ui.Failed, ui.Failed, ui.Sent} {
		v.Lines = append(v.Lines, deliveryRow{
			receiptLine: receiptLine{ID: fmt.Sprintf("dlv_%d", i), App: sampleApps[i*2], Lever: "Back-channel logout", State: s, Attempts: i * 7,
				Answer: []string{"", "It answered 503.", "We could not reach it: connection refused.", "", "It answered 410.", uitest.Bait, "It accepted the logout."}[i],
				NextAt: uitest.Now().Add(time.Duration(i*i) * 7 * time.Second), Ceiling: uitest.Now().Add(time.Duration(i*i-20) * time.Hour)},
			PersonID: "usr_x", Person: []string{"Grace Hopper", longName, "Alan Turing", "Grace Hopper", "Ada Lovelace", uitest.Bait, "山田 太郎"}[i],
			ReceiptID: "rcp_x", Since: ago(time.Duration(i*i) * 11 * time.Minute), Retry: s != ui.Alive,
		})
	}
	v.Lines[6].AgainAt = uitest.Now().Add(4 * time.Minute)
	return v
}

// failedDeliveries are lines that nobody has taken note of, and one that was.
func failedDeliveries() deliveriesView {
	v := sampleDeliveries()
	v.State, v.Unnoted = ui.Failed, true
	for i := range v.Lines {
		v.Lines[i].State, v.Lines[i].Failed, v.Lines[i].Retry, v.Lines[i].Noted = ui.Failed, true, true, i == 1
	}
	return v
}

func sampleSchedules() []scheduleRow {
	return []scheduleRow{
		{ID: "sch_a", PersonID: "usr_x", Person: "Grace Hopper", Wall: "2026-12-01T17:00", Zone: "Europe/Berlin", DueAt: uitest.Now().Add(70 * time.Hour), State: "waiting", Reason: "Contract ends", Actor: "Ada Lovelace", Waiting: true},
		{ID: "sch_b", PersonID: "usr_y", Person: longName, Wall: "2026-11-20T09:30", Zone: "America/Argentina/ComodRivadavia", DueAt: ago(50 * time.Hour), State: "failed", Note: "This is the last owner. Make someone else an owner first.", Reason: uitest.Bait, Actor: "an API token of Ada Lovelace"},
		{ID: "sch_c", PersonID: "usr_z", Person: "Alan Turing", Wall: "2026-11-20T09:30", Zone: "UTC", DueAt: ago(52 * time.Hour), State: "done", Note: "It ran 2h13m0s late: no server was at work when its time came.", ReceiptID: "rcp_x", Actor: "Ada Lovelace"},
		{ID: "sch_d", PersonID: "usr_z", Person: uitest.Bait, Wall: "2026-11-20T09:30", Zone: "UTC", DueAt: ago(52 * time.Hour), State: "cancelled", Note: "By Ada Lovelace.", Actor: "Ada Lovelace"},
	}
}

func sampleBatch(state idp.BatchState, done, already, wrong, todo int) batchRow {
	return batchRow{ID: "bat_" + string(state), Reason: "Layoff of November", Actor: "Ada Lovelace", At: ago(90 * time.Second), State: state,
		Total: done + already + wrong + todo, Done: done, Already: already, Wrong: wrong, ToDo: todo}
}

func sampleBatchPage() batchView {
	v := batchView{batchRow: sampleBatch(idp.BatchRunning, 6210, 12, 3, 3775), Running: true, liveList: liveList{Live: "/console/batches/bat_x/live", Pager: ui.Pager{Next: "/x"}},
		Facts: []ui.Pair{{Key: "By", Value: "Ada Lovelace"}, {Key: "Begun", Value: ui.Exact(ago(90 * time.Second))}, {Key: "Reason", Value: "Layoff of November"}},
		Tabs:  []ui.Tab{{Label: "All", Href: "/a", Here: true}, {Label: "Suspended", Href: "/b"}, {Label: "Before", Href: "/c"}, {Label: "Refused", Href: "/d"}, {Label: "To do", Href: "/e"}}}
	for i, p := range []batchPersonRow{
		{PersonID: "usr_1", Name: "grace", State: "suspended", ReceiptID: "rcp_a"},
		{PersonID: "usr_2", Name: "hubert.blaine.wolfeschlegelsteinhausenbergerdorff", State: "was suspended before", ReceiptID: "rcp_b", Note: "Suspended before."},
		{Name: uitest.Bait, State: "refused", Note: "Nobody has this name."},
		{PersonID: "usr_3", Name: "ada", State: "refused", Note: "This is the last owner. Make someone else an owner first."},
		{PersonID: "usr_4", Name: "alan", State: "to do"},
	} {
		p.ID = fmt.Sprintf("place-%d", i)
		v.People = append(v.People, p)
	}
	return v
}

// mailsFailed shows a page while mails and lines have failed.
func mailsFailed(mails int, page templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return alarmed(1, page).Render(ui.WithMailsFailed(ctx, mails), w)
	})
}

// alarmed shows a page while lines have failed.
func alarmed(dead int, page templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return page.Render(ui.WithDeadLetters(ctx, dead), w)
	})
}

const sampleCertificate = "CN=crm.example,O=Contractors of the Northern Region, SHA-256 6c1f0d3a9e57b24488f0c2d11e6a7b90f3d5c8e2a4b6170d9e8f7a6b5c4d3e2f, until 2027-03-01"

func sampleProposal() proposalView {
	return proposalView{
		Said: []ui.Pair{{Key: "Entity ID", Value: "https://crm.example/saml/metadata", Copy: true}, {Key: "Assertion consumer", Value: "https://crm.example/saml/acs (index 0, default)"}, {Key: "Assertion consumer", Value: uitest.Bait},
			{Key: "Logout over SOAP", Value: "https://crm.example/saml/slo"}, {Key: "Signing certificate", Value: sampleCertificate}, {Key: "Requests", Value: "must be signed"}, {Key: "Knows people by", Value: "persistent"}},
		Notes: []string{"The certificate of CN=crm.example ends on 2026-12-09. Get the next one from the app's admin before.", uitest.Bait},
		Name:  "CRM", MetadataURL: "https://crm.example/" + strings.Repeat("very/", 40), Refresh: true, Kept: uitest.Bait, Errors: map[string]string{"pin": "A certificate is one PEM block."},
	}
}

func sampleCertificates() certificatesView {
	apps := []appKeyRow{
		{ID: "app_a", Name: "CRM", Signed: "the next", Back: "key_b"},
		{ID: "app_b", Name: "Payroll", Signed: "the present", Has: "Read 23 November 2026, 09:12:41 UTC", Note: "by Shibboleth-SP/3.4.1 OpenSAML/3.2.1 from 192.0.2.17", Over: true, Back: "key_a"},
		{ID: "app_c", Name: uitest.Bait, Signed: "one before", Has: "Not known", Note: "Nobody has read it at the app's address yet", Ask: true},
		{ID: "app_d", Name: longName, Signed: "the present", Has: "Not known", Note: "Nobody has read it at the app's address yet", Ask: true, Back: "key_a"},
	}
	return certificatesView{
		Certificates: []certificateRow{
			{ID: "key_h3egn8c56w4hpaueyfzmbfabcs", Algorithm: "RS256", State: "One before: signs for the apps that stayed", Made: ago(3000 * 24 * time.Hour), Expires: uitest.Now().Add(29 * 24 * time.Hour), Retire: true},
			{ID: "key_dnj4dthtssp9mfq4re5v5f96ne", Algorithm: "RS256", State: "The present: signs for all others", Made: ago(400 * 24 * time.Hour), Expires: uitest.Now().Add(3000 * 24 * time.Hour)},
			{ID: "key_xvgcv24ix89js9pjhq62tvdsha", Algorithm: "RS256", State: "The next: signs for the apps that are led over", Made: ago(time.Hour), Expires: uitest.Now().Add(3650 * 24 * time.Hour), Retire: true},
		},
		Problem: "Not known to have the next certificate: Payroll. They would refuse sign-ins. Leave them on the present one, or say that they have it.", Apps: apps, Expiring: []expiryRow{{Whose: "Ours, key_h3egn8c56w4hpaueyfzmbfabcs", Href: "#ours", For: "signing", At: uitest.Now().Add(29 * 24 * time.Hour)}, {Whose: uitest.Bait, Href: "/console/apps/app_c", For: "encryption", At: uitest.Now().Add(time.Hour)}}, Waits: true, Rest: 2, Keep: apps[3:], Old: true,
	}
}

// expiring shows a page while certificates come to their end.
func expiring(n int, page templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return page.Render(ui.WithExpiring(ctx, n, uitest.Now().Add(time.Hour)), w)
	})
}

// stuffing shows a page while far more sign-ins fail than usual.
func stuffing(page templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return page.Render(ui.WithStuffing(ctx, true), w)
	})
}

func samplePages() []uitest.Page {
	owner := uitest.Owner()
	person, suspended, bare := samplePerson(), samplePerson(), samplePerson()
	suspended.Suspended, suspended.SuspendedAt, suspended.ReceiptID, suspended.Sessions = true, ago(26*time.Minute), "rcp_x", nil
	suspended.Name, suspended.Email = longName, "hubert.blaine.wolfeschlegelsteinhausenbergerdorff@northern-region.example"
	bare.Name, bare.Apps, bare.Sessions, bare.Accounts, bare.Groups, bare.Exposure = uitest.Bait, nil, nil, nil, nil, exposure{}
	bare.Timeline = bare.Timeline[4:]
	nothing := sampleReceipt()
	nothing.Lines, nothing.SettledAt = nil, nothing.CutAt
	myself := samplePreview()
	myself.Myself, myself.Lines = true, nil
	t := sampleReceipt().tally()
	settings := []ui.Pair{{Key: "Client ID", Value: "wiki", Copy: true}, {Key: "Redirect address", Value: "http://wiki.localhost:8081/oidc/callback", Copy: true}, {Key: "Client authentication", Value: "client_secret_basic"}, {Key: "Access tokens", Value: "JWT (RFC 9068), for 5 min"}, {Key: "May act for people", Value: "With tokens of wiki, at crm"}}
	ours := []string{"OIDC_ISSUER=http://localhost:8080", "OIDC_CLIENT_ID=wiki", "OIDC_REDIRECT_URI=http://wiki.localhost:8081/oidc/callback?with=something&very=long", "OIDC_DISCOVERY_URL=http://localhost:8080/.well-known/openid-configuration"}
	leaving := samplePerson()
	leaving.Schedules = sampleSchedules()[:1]
	members := sampleBatch(idp.BatchDone, 41, 0, 1, 0)
	members.Group = "Contractors of " + longName
	tried := tryView{AppID: "app_x", App: "Slack", SAML: true, User: "grace", Person: "Grace Hopper"}
	previewed, refused, played := tried, tried, tried
	previewed.Preview = samplePreviewOfApp()
	refused.Preview = &idp.AppPreview{Refusal: &idp.Refused{Rule: "grant", Reason: "The person may not use this app.", Explanation: idp.Explanation{Meaning: "No grant lets them.", Side: idp.SideHouse, Change: "Grant it to them. " + uitest.Bait}}}
	played.Test = sampleTest()
	asks, peopleAsk := samplePerson(), samplePeople(3)
	asks.DeletionAskedAt = uitest.Now().Add(-50 * time.Hour)
	peopleAsk.AskedDeletion = append(peopleAsk.People[:2:2], personRow{ID: "usr_x", Name: uitest.Bait})
	ownLook := idp.Look{Name: "Acme", Language: "de", Accent: "#7a3b00", DeletionRequests: true, Version: 3, Logo: idp.Image{
		Type: "image/svg+xml", Data: []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path fill="#7a3b00" d="M0 0h9v9z"/></svg>`)}}
	wrongLook := viewLook(ownLook)
	wrongLook.Name, wrongLook.Errors = uitest.Bait, map[string]string{
		"accent": "Text in the colour #ffee00 has a contrast of 1.1 to 1 on these pages, and needs 4.5. The nearest that can be read is #70690f.",
		"logo":   "The logo has more than 12 KiB, and would slow down the sign-in page. An SVG, or a PNG that is 64 px high, is smaller.",
	}
	rulesView := samplePolicy()
	lockingOut := rulesView
	lockingOut.LocksOut = idp.LockedOut{Count: 41, Users: []idp.User{{DisplayName: "Grace Hopper"}, {DisplayName: uitest.Bait}}}
	lockingOut.Action, lockingOut.Change = "/console/policy/rules", []ui.Pair{{Key: "who", Value: "owners"}, {Key: "factor", Value: "second"}}
	asking := rulesView
	asking.LocksOut = idp.LockedOut{Mailed: 112, Unmailed: 2, UnmailedUsers: []idp.User{{DisplayName: "Grace Hopper"}, {DisplayName: uitest.Bait}}}
	asking.Action, asking.When = "/console/policy/rules", "risk"
	uncoded := rulesView
	uncoded.LocksOut = idp.LockedOut{Codeless: 2, CodelessUsers: []idp.User{{DisplayName: "Grace Hopper"}, {DisplayName: uitest.Bait}}}
	uncoded.Action = "/console/policy/ways"
	mailing := asking
	mailing.LocksOut = idp.LockedOut{Mailed: 1}
	wrongPolicy := rulesView
	wrongPolicy.Idle, wrongPolicy.Wrong = uitest.Bait, "The policy has changed meanwhile. This is how it is now."
	wrongPolicy.Errors = map[string]string{"idle": "A session can go without use for 15 minutes to 2 hours.", "max_age": "Type a time span like 15m or 8h, or leave it empty."}
	pages := map[string]uitest.Page{
		"policy":         {View: policyPage(policyView{Version: "1", Factor: "second", Groups: rulesView.Groups, Apps: rulesView.Apps})},
		"policy-rules":   {View: policyPage(rulesView)},
		"policy-locks":   {View: policyPage(lockingOut)},
		"policy-asks":    {View: policyPage(asking)},
		"policy-mails":   {View: policyPage(mailing)},
		"policy-uncoded": {View: policyPage(uncoded)},
		"policy-wrong":   {View: policyPage(wrongPolicy)},
		"templates":      {View: templatesPage(templatesView{Templates: []templateRow{{"slack", "Slack", "SAML", "persistent, made up for this app; never changes", 2, 3, 14}, {"nextcloud", uitest.Bait, "SAML, OpenID Connect", "", 0, 9, 9}}})},
		"template":       {View: templatePage(sampleTemplate(nil, ""))},
		"template-bad":   {View: templatePage(sampleTemplate(nil, "There is already an app with this name."))},
		"template-seen":  {View: templatePage(sampleTemplate([]ui.Pair{{Key: "Entity ID", Value: "https://slack.com", Copy: true}, {Key: "Tells User.Email", Value: uitest.Bait}}, ""))},
		"try":            {View: tryPage(tryView{AppID: "app_x", App: longName, User: uitest.Bait, Error: "Nobody has the username."})},
		"try-preview":    {View: tryPage(previewed)},
		"try-refused":    {View: tryPage(refused)},
		"try-test":       {View: tryPage(played)},
		"person-leaving": {View: personPage(leaving)},
		"schedule":       {View: schedulePage(scheduleView{ID: "usr_x", Name: "Grace Hopper", Zone: "UTC"})},
		"schedule-bad": {View: schedulePage(scheduleView{ID: "usr_x", Name: longName, At: "2026-03-29T02:30", Zone: uitest.Bait, Reason: uitest.Bait, Myself: true, Errors: map[string]string{
			"at": "The clocks of Europe/Berlin are put forward over 02:30 on 2026-03-29: they never show it. Give another minute.", "zone": "This time zone is not known. Give its IANA name, like Europe/Berlin or UTC."}})},
		"scheduled":       {View: schedulesPage(schedulesView{Rows: sampleSchedules(), Tabs: []ui.Tab{{Label: "To come", Href: "/a"}, {Label: "All", Href: "/b", Here: true}}})},
		"scheduled-empty": {View: schedulesPage(schedulesView{Tabs: []ui.Tab{{Label: "To come", Href: "/a", Here: true}, {Label: "All", Href: "/b"}}})},
		"batches": {View: batchesPage(batchesView{Rows: []batchRow{
			sampleBatch(idp.BatchRunning, 6210, 12, 3, 3775), members, sampleBatch(idp.BatchCancelled, 100, 0, 0, 900), sampleBatch(idp.BatchPreparing, 0, 0, 2, 498),
		}})},
		"batches-empty": {View: batchesPage(batchesView{})},
		"batch":         {View: batchPage(sampleBatchPage())},
		"batch-done":    {View: batchPage(batchView{batchRow: members, Facts: sampleBatchPage().Facts, Tabs: sampleBatchPage().Tabs})},
		"group-suspend": {View: groupSuspendPage(groupSuspendView{ID: "grp_a", Name: "Engineering", Members: 44, Suspend: 41, Already: 2, Others: []idp.BatchPerson{
			{Name: "ada", Note: "This is whoever asked for it, who did not say that they mean themselves."}, {Name: uitest.Bait, Note: "Suspended before."}}})},
		"group-suspend-empty": {View: groupSuspendPage(groupSuspendView{ID: "grp_a", Name: longName})},
		"myself-confirm": {View: confirmPage(confirmView{Title: "Suspend yourself?", Action: "/x", Button: "Suspend myself, Ada Lovelace", Danger: true, Section: "people", BackHref: "/console/users/usr_x", Back: "Ada Lovelace",
			Hidden: []ui.Pair{{Key: "reason", Value: uitest.Bait}, {Key: "myself", Value: "yes"}}, Meaning: []string{"This is you.", "Only another owner can restore you."}})},
		"people":          {View: peoplePage(samplePeople(18))},
		"people-empty":    {View: peoplePage(peopleView{})},
		"people-nobody":   {View: peoplePage(peopleView{Search: "zuse " + uitest.Bait, Total: 18})},
		"people-thousand": {View: peoplePage(samplePeople(1000))},
		"person":          {View: personPage(person)},
		"person-out":      {View: personPage(suspended)},
		"person-bare":     {View: personPage(bare)},
		"person-asks":     {View: personPage(asks)},
		"people-ask":      {View: peoplePage(peopleAsk)},
		"look":            {View: lookPage(viewLook(idp.Look{Version: 1}))},
		"look-own":        {Look: ownLook, View: lookPage(viewLook(ownLook))},
		"look-wrong":      {View: lookPage(wrongLook)},
		"person-add":      {View: addPersonPage(addPersonView{})},
		"person-add-bad":  {View: addPersonPage(addPersonView{Username: "grace", Name: "Grace Hopper", Errors: map[string]string{"username": "This username is taken."}})},
		"person-added":    {View: addedPersonPage(addedPersonView{ID: "usr_x", Name: "Grace Hopper", Username: "grace", Link: "http://localhost:8080/signin/link/3yqG0Jt0bH0gq3p6rM3W0T0f1zBq7k8Jk2mXx9vS5wE", Until: uitest.Now().Add(72 * time.Hour), New: true})},
		"preview":         {View: previewPage(samplePreview())},
		"preview-myself":  {View: previewPage(myself)},
		"receipt":         {View: receiptPage(sampleReceipt())},
		"receipt-settled": {View: receiptPage(settledReceipt())},
		"receipt-listing": {View: receiptPage(listingReceipt())},
		"receipt-states":  {View: receiptPage(everyState())},
		"receipt-nothing": {View: receiptPage(nothing)},
		"receipt-big":     {View: receiptPage(bigReceipt())},
		"receipts": {View: receiptsPage(receiptsView{Tabs: receiptTabs(asked{}), Kinds: kindChoices(""), Receipts: []receiptRow{
			{ID: "rcp_a", What: "Suspension", Person: "Grace Hopper", Actor: "Ada Lovelace", Reason: "Left the company today", At: ago(1830 * time.Millisecond), Tally: t, Until: uitest.Now().Add(34 * time.Minute)},
			{ID: "rcp_b", What: "Session ended", Person: "Alan Turing", Actor: "Alan Turing", Reason: "Lost phone", At: ago(26 * time.Hour), Tally: ui.Tally{ui.Verified: 3}},
			{ID: "rcp_c", What: "Suspension", Person: longName, Actor: "API token hr-sync", Reason: uitest.Bait, At: ago(40 * 24 * time.Hour), Tally: ui.Tally{}},
		}})},
		"receipts-empty": {View: receiptsPage(receiptsView{Tabs: receiptTabs(asked{}), Kinds: kindChoices("")})},
		"receipts-far":   {View: receiptsPage(receiptsView{Tabs: receiptTabs(asked{}), Kinds: kindChoices(""), Narrowed: true, liveList: liveList{Far: true, Pager: ui.Pager{Next: "/x", NextLabel: "Look further"}}})},
		"sessions":       {View: sessionsPage(sampleSessions())},
		"sessions-of":    {View: sessionsPage(sessionsView{Rows: sampleSessions().Rows[:2], User: "grace", Person: "Grace Hopper", PersonID: "usr_x", Narrowed: true, Apps: anyApp(), Ages: ages("8h")})},
		"sessions-empty": {View: sessionsPage(sessionsView{Apps: anyApp(), Ages: ages("")})},
		"sessions-wrong": {View: sessionsPage(sessionsView{User: "zuse", Address: uitest.Bait, Narrowed: true, Apps: anyApp(), Ages: ages(""), Errors: map[string]string{"user": "Nobody has the username or email \"zuse\".", "address": "This is no address, nor how one begins."}})},
		"deliveries":     {View: deliveriesPage(sampleDeliveries())},
		"alarms": {View: mailsFailed(2, alarmsPage(alarmsView{
			Mails: []ui.Happening{
				{At: ago(time.Minute), Title: "Grace Hopper", Href: "/console/users/usr_x", Detail: "invitation · 550 5.1.1 no such user here"},
				{At: ago(20 * time.Hour), Title: longName, Href: "/console/users/usr_y", Detail: "new device · " + uitest.Bait},
			},
			SignIns: []ui.Happening{
				{At: ago(time.Hour), Title: "Many names were tried from 2001:db8:85a3::/64", Href: "/console/explain?id=x", Detail: "If it is an office behind one address, tell its people to sign in again in an hour, or on a browser that they have used before. If it is not, keep the address out before it reaches this house."},
				{At: ago(2 * time.Hour), Title: "240 sign-ins failed within five minutes, at a node where 4 are usual", Detail: "Ask people for a second factor."},
			},
		}))},
		"alarms-empty":      {View: alarmsPage(alarmsView{})},
		"deliveries-mails":  {View: mailsFailed(3, deliveriesPage(failedDeliveries()))},
		"deliveries-alarm":  {View: alarmed(12, deliveriesPage(failedDeliveries()))},
		"deliveries-empty":  {View: deliveriesPage(deliveriesView{Apps: anyApp(), Tabs: stateTabs(asked{}, "")})},
		"deliveries-failed": {View: deliveriesPage(deliveriesView{Apps: anyApp(), Tabs: stateTabs(asked{}, "failed"), State: ui.Failed, Narrowed: true})},
		"tokens": {View: tokensPage(tokensView{Secret: "mfHq3rY8kT0vWc1nZs5bL7xJ2dPgQ9aE4uRo6iNtBwM", Tokens: []tokenRow{
			{ID: "tok_a", Name: "nightly apply", Made: ago(40 * 24 * time.Hour), ExpiresAt: uitest.Now().Add(50 * 24 * time.Hour)},
			{ID: "tok_b", Name: uitest.Bait, Made: ago(time.Hour)},
		}})},
		"tokens-empty": {View: tokensPage(tokensView{})},
		"initial-tokens": {View: initialTokensPage(initialTokensView{Address: "https://id.example.com/oauth/register", Secret: "mfHq3rY8kT0vWc1nZs5bL7xJ2dPgQ9aE4uRo6iNtBwM", Uses: "1", TTLs: initialTTLs, Tokens: []initialTokenRow{
			{ID: "iat_1", Name: "deploy pipeline", By: "Grace Hopper", Uses: 5, Made: ago(time.Minute), Ends: uitest.Now().Add(24 * time.Hour)},
			{ID: "iat_2", Name: uitest.Bait, By: uitest.Bait, Made: ago(30 * time.Hour), Ends: ago(6 * time.Hour), Over: true},
		}})},
		"initial-tokens-refused": {View: initialTokensPage(initialTokensView{Name: "pipeline", Uses: "0", TTLs: initialTTLs, Errors: map[string]string{"uses": "An initial access token registers 1 to 1000 apps."}})},
		"apps": {View: appsPage(appsView{Apps: []appRow{
			{ID: "app_a", Name: "Wiki", Protocol: "OpenID Connect", Lever: "Back-channel logout, then probed", Identifier: "wiki"},
			{ID: "app_b", Name: "CRM", Protocol: "SAML", Lever: "LogoutRequest over SOAP", Identifier: "http://crm.localhost:8082/saml/metadata"},
			{ID: "app_c", Name: uitest.Bait, Protocol: "SAML", Lever: "Nothing reaches it; sessions end by themselves within 8 h", Identifier: "x"},
		}})},
		"apps-empty":         {View: appsPage(appsView{})},
		"start-stuffing":     {View: stuffing(certificatesPage(certificatesView{}))},
		"certificates":       {View: expiring(2, certificatesPage(sampleCertificates()))},
		"certificates-empty": {View: certificatesPage(certificatesView{Certificates: sampleCertificates().Certificates[1:2]})},
		"app": {View: appPage(appView{ID: "app_a", Name: "Wiki", Protocol: "OpenID Connect", LaunchURL: "http://wiki.localhost:8081/",
			Ends:     []ui.Pair{{Key: "Lever", Value: "Back-channel logout"}, {Key: "Reaches", Value: "every session of the person with one message"}, {Key: "Proof", Value: "Its probe is asked afterwards: that is what makes a line verified"}},
			Settings: settings, Connect: ours,
			Findings: []idp.Finding{{Rule: "pkce_exempt", What: "It may leave PKCE out.", Why: "A stolen code can be redeemed in somebody else's session.", Change: "Have the app send code_challenge, then take pkce_exempt out."}, {Rule: "x", What: "An answer goes to a number: https://192.0.2.7/" + strings.Repeat("very", 40) + uitest.Bait, Why: "Because.", Change: "Give it a name."}},
			Secrets:  []idp.ClientSecret{{ID: "sec_9ed33b063086e1f3", MadeAt: ago(time.Hour)}, {ID: "sec_0f3ac91b7d5524ee", UsedAt: ago(time.Minute)}}, Attributes: []attributeRow{{"department", "const:research"}},
			Grants: []grantRow{{Group: true, Name: "Engineering", Href: "/console/groups/grp_a"}, {Name: "Alan Turing", Href: "/console/users/usr_2", Role: "editor", Until: uitest.Now().Add(900 * time.Hour)}},
			People: []personRow{{ID: "usr_3", Name: "Grace Hopper", Username: "grace", Note: "Known there as grace.hopper@navy.example"}}})},
		"explain":      {View: explainPage(explainView{})},
		"explain-none": {View: explainPage(explainView{ID: uitest.Bait, Asked: true})},
		"explain-refused": {View: explainPage(explainView{ID: "85f5b344e465221c", Asked: true, Lines: []explainedLine{{
			Event: idp.Event{At: ago(time.Hour)}, Title: ui.EventWords("oidc.authorize.refuse"), Meaning: "redirect_uri is not one of the app's, compared byte by byte.",
			Side: "Here", Change: "If the address received is the app's, register it.",
			Failed: "AssertionConsumerServiceURL received: https://evil.example/acs", Binding: "HTTP-Redirect",
			Message: "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_1\" AssertionConsumerServiceURL=\"https://evil.example/acs\">\n  <saml:Issuer>https://crm.example/saml</saml:Issuer>\n</samlp:AuthnRequest>\n" + uitest.Bait,
			Facts:   []ui.Pair{{Key: "App", Value: "Wiki"}, {Key: "Address", Value: "203.0.113.7"}, {Key: "received", Value: "client_id=wiki redirect_uri=https://wiki.example/" + strings.Repeat("very/", 30) + uitest.Bait}},
		}}})},
		"app-new":       {View: appNewPage(appNewView{Type: "web"})},
		"app-new-bad":   {View: appNewPage(appNewView{Name: longName, Type: "machine", Redirects: uitest.Bait, AfterLogout: uitest.Bait, Backchannel: uitest.Bait, LaunchURL: uitest.Bait, Offline: true, Errors: map[string]string{"redirect_uris": "Nobody signs in to a machine: it has no redirect URIs.", "name": "The name is taken."}})},
		"app-saml":      {View: samlNewPage(samlNewView{})},
		"app-saml-bad":  {View: samlNewPage(samlNewView{URL: uitest.Bait, Signer: uitest.Bait, Document: uitest.Bait, EntityID: uitest.Bait, ACS: uitest.Bait, Errors: map[string]string{"file": "The metadata cannot be used: no SPSSODescriptor for SAML 2.0.", "acs": "This is not an absolute https URL."}})},
		"app-saml-many": {View: samlNewPage(samlNewView{Among: []idp.ListedEntity{{EntityID: "https://crm.example/" + strings.Repeat("very/", 40), Name: longName}, {EntityID: uitest.Bait}}})},
		"app-saml-read": {View: proposalPage(sampleProposal())},
		"app-saml-signed": {View: func() templ.Component {
			p := sampleProposal()
			p.Signed = sampleCertificate + uitest.Bait
			return proposalPage(p)
		}()},
		"app-saml-new":  {View: metadataFormPage(metadataFormView{ID: "app_b", Name: "CRM", Source: "https://crm.example/metadata", Pin: uitest.Bait, samlNewView: samlNewView{Errors: map[string]string{"pin": "A certificate is one PEM block."}}})},
		"app-saml-same": {View: differencePage(differenceView{ID: "app_b", Name: uitest.Bait, Notes: sampleProposal().Notes})},
		"app-saml-difference": {View: differencePage(differenceView{ID: "app_b", Name: "CRM", Version: "3", From: "https://crm.example/" + strings.Repeat("very/", 40) + uitest.Bait, Signed: sampleCertificate, Document: uitest.Bait, Changes: []changeRow{
			{"Assertion consumer", "changed", "https://crm.example/saml/acs (index 0, default)", "https://crm.example/saml/acs/v2 (index 0, default)"},
			{"Signing certificate", "new", "", sampleCertificate}, {"Signing certificate", "gone", sampleCertificate, ""}, {"Requests", "changed", "are taken unsigned too", uitest.Bait}}})},
		"app-saml-added": {View: appAddedPage(appAddedView{ID: "app_b", Name: "CRM", SAML: true, Connect: []string{"SAML_IDP_METADATA_URL=http://localhost:8080/saml/metadata", "SAML_IDP_SSO_URL=http://localhost:8080/saml/sso"}})},
		"app-refresh": {View: appPage(appView{ID: "app_b", Name: "CRM", Protocol: "SAML", Connect: ours, SAML: true, Metadata: refreshView{
			URL: "https://crm.example/metadata", Outcome: outcomeWords(idp.RefreshWaiting), Detail: "2 settings are others.", Waiting: true, Checked: ago(3 * time.Hour), Next: uitest.Now().Add(21 * time.Hour), Until: uitest.Now().Add(300 * time.Hour)}})},
		"app-refresh-bad": {View: appPage(appView{ID: "app_b", Name: longName, Protocol: "SAML", Connect: ours, SAML: true, Metadata: refreshView{
			URL: "https://crm.example/" + strings.Repeat("very/", 40), Pin: sampleCertificate, Outcome: outcomeWords(idp.RefreshRefused), Detail: uitest.Bait, Failing: true, Explained: uitest.Bait, Checked: ago(3 * time.Minute), Next: uitest.Now().Add(time.Hour)}})},
		"app-settings": {View: settingsPage(sampleSettings())},
		"app-settings-bad": {View: settingsPage(func() settingsView {
			v := sampleSettings()
			v.Wrong, v.App.SAML.MetadataXML, v.ACS, v.Certs = "The app was changed meanwhile. Look at it again and repeat.", "", uitest.Bait, uitest.Bait
			v.App.Name, v.App.SAML.RelayState, v.App.SAML.NameIDFormat, v.App.SAML.EncryptionAlg = uitest.Bait, uitest.Bait, "urn:custom:"+strings.Repeat("very:", 30), idp.EncryptAES128CBC
			v.Errors = map[string]string{"relay_state": "A RelayState has at most 1 KiB and no control characters.", "name_id_source": "Nothing says what a NameID of this format is.", "session_ttl": "Type a time span like 90s, 5m or 8h, or leave it empty.", "acs": "This is not an absolute https URL."}
			v.Try = tryView{User: "nobody", Error: "There is no such person."}
			return v
		}())},
		"app-settings-preview": {View: settingsPage(func() settingsView {
			v := sampleSettings()
			v.Try = tryView{AppID: "app_b", App: "CRM", SAML: true, User: "grace", Person: "Grace Hopper", Preview: samplePreviewOfApp()}
			return v
		}())},
		"app-names":      {View: namesPage(namesView{ID: "app_b", App: "CRM"})},
		"app-names-bad":  {View: namesPage(namesView{ID: "app_b", App: longName, Name: uitest.Bait, Error: "CRM knows nobody by that name."})},
		"app-names-free": {View: namesPage(namesView{ID: "app_b", App: "CRM", Name: uitest.Bait, Released: longName})},
		"app-removed":    {View: appPage(appView{ID: "app_b", Name: "CRM", Protocol: "SAML", Connect: ours, SAML: true, Removed: true})},
		"app-added":      {View: appAddedPage(appAddedView{ID: "app_a", Name: "Wiki", Secret: strings.Repeat("9ed33b06", 8), Connect: append([]string{"OIDC_CLIENT_SECRET=" + strings.Repeat("9ed33b06", 8)}, ours...)})},
		"app-second":     {View: appAddedPage(appAddedView{ID: "app_a", Name: "Wiki", Secret: strings.Repeat("9ed33b06", 8), Connect: ours, Second: true})},
		"app-secret":     {View: appPage(appView{ID: "app_a", Name: uitest.Bait, Protocol: "OpenID Connect", Connect: ours, Secrets: []idp.ClientSecret{{ID: "sec_9ed33b063086e1f3"}}})},
		"groups":         {View: groupsPage(groupsView{Groups: []groupRow{{ID: "grp_a", Name: "Engineering", Added: ago(80 * time.Hour)}, {ID: "grp_b", Name: "Compilers", Added: ago(9000 * time.Hour)}}})},
		"groups-empty":   {View: groupsPage(groupsView{})},
		"group":          {View: groupPage(groupView{ID: "grp_a", Name: "Engineering", Apps: samplePerson().Apps[:3], People: samplePeople(6).People})},
		"emergency": {View: emergencyPage(emergencyView{Keys: []keyRow{
			{ID: "key_86cew25hsyccaringum4dwstdn", Signs: "OpenID Connect tokens, RS256", State: "in use", Made: ago(40 * 24 * time.Hour), Live: true},
			{ID: "key_3zdew25hsyccaringum4dwstdn", Signs: "SAML assertions, RS256", State: "in use", Made: ago(40 * 24 * time.Hour), Live: true},
			{ID: "key_9kdew25hsyccaringum4dwstdn", Signs: "OpenID Connect tokens, RS256", State: "revoked " + ui.Exact(ago(time.Hour)), Made: ago(400 * 24 * time.Hour)},
		}})},
		"emergency-bad": {View: emergencyPage(emergencyView{Before: uitest.Bait, Error: "This moment has not come yet."})},
		"confirm": {View: confirmPage(confirmView{Title: "End this session of Grace Hopper?", Action: "/console/sessions/ses_a/end", Button: "End the session on Firefox on Linux", Danger: true, Section: "people", BackHref: "/console/users/usr_x", Back: "Grace Hopper",
			Facts: []ui.Pair{{Key: "Device", Value: "Firefox on Linux"}, {Key: "Opened from it", Value: "Wiki, CRM, Slack"}}, Meaning: []string{"The browser is out of Gatehouse at once, and the apps opened from it are told. Other sessions stay."}})},
		"restore": {View: confirmPage(confirmView{Title: "Restore Grace Hopper?", Action: "/x", Button: "Restore Grace Hopper", Section: "people", BackHref: "/console/users/usr_x", Back: "Grace Hopper", Meaning: []string{"Grace Hopper can sign in again with the same password, and has the same apps.", "Everything that the suspension ended stays ended."}})},
	}
	var out []uitest.Page
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		p := pages[name]
		p.Name, p.Visit = "console-"+name, owner
		out = append(out, p)
	}
	return out
}

func sampleTemplate(proposed []ui.Pair, wrong string) templateView {
	return templateView{
		ID: "slack", Name: "Slack", AppName: "Slack", Error: wrong, Proposed: proposed, Answers: []ui.Pair{{Key: "name", Value: uitest.Bait}},
		Asks:     []ui.FieldView{{Name: "set.workspace", Label: "Workspace", Hint: "The part of its address before .slack.com", Type: "text", Required: true, Focus: true}},
		Warnings: []jit.TemplateFact{{Path: "warnings/1", Name: "Warning", Value: "Slack takes no single logout and no session duration from us.", Verified: true}, {Path: "warnings/2", Value: "A User.Email that does not match an existing member makes a second account."}},
		Facts: []jit.TemplateFact{
			{Path: "acs", Name: "SSO post-back URL", Value: "https://{workspace}.slack.com/sso/saml", Verified: true},
			{Path: "attributes/x", Name: "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", Value: "required, from given_name"},
		},
		Sources: []jit.TemplateSource{{URL: "https://learn.microsoft.com/en-us/entra/identity/saas-apps/slack-tutorial", ReadOn: "2026-11-28"}},
	}
}

func sampleSettings() settingsView {
	return settingsOf(idp.App{ID: "app_b", Name: "CRM", Protocol: idp.ProtocolSAML, Identifier: "https://crm.example/saml", LaunchURL: "https://crm.example/", Version: 3, SAML: &idp.SAMLSettings{
		MetadataXML: "<x/>", ACS: []idp.AssertionConsumer{{URL: "https://crm.example/acs"}}, NameIDFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
		SOAPLogoutURL: "https://crm.example/slo", SessionTTL: 8 * time.Hour, RequireSigned: true,
	}})
}

func samplePreviewOfApp() *idp.AppPreview {
	return &idp.AppPreview{
		SubjectNew: true, SubjectFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
		Told: []idp.Told{
			{Name: "User.Email", Values: []string{"grace.hopper@navy.example"}, Source: "email", In: "Assertion"},
			{Name: "groups", Values: []string{"Compilers", "Engineering", uitest.Bait}, Source: "groups", In: "Assertion"},
			{Name: "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", Source: "given_name"},
		},
		Documents: []idp.Document{{Name: "Assertion", Text: "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_0123456789abcdef0123456789abcdef\">\n  <saml:Issuer>https://id.example.com/saml/metadata</saml:Issuer>\n</saml:Assertion>" + uitest.Bait}},
	}
}

func sampleTest() *idp.AppTest {
	return &idp.AppTest{Played: "Slack", Notes: []string{"People would read: " + uitest.Bait, "An account would be made, if it has none yet."}, Checks: []idp.AppCheck{
		{Name: "acs", OK: true, Words: "Slack: the answer comes to the SSO post-back URL https://acme.slack.com/sso/saml", Verified: true},
		{Name: "attributes/User.Email", Words: "Slack: the attribute User.Email is required, and missing", Verified: true},
		{Name: "nameid", OK: true, Words: "Slack: the NameID has the format persistent"},
	}}
}

func TestEveryPageIsWellBuilt(t *testing.T) {
	t.Parallel()
	for _, p := range samplePages() {
		uitest.Check(t, p)
	}
}

func TestEveryPageStandsInABrowser(t *testing.T) {
	uitest.Look(t, samplePages())
}

func samplePolicy() policyView {
	p := idp.Policy{Idle: 30 * time.Minute, Absolute: 8 * time.Hour, EmailCode: true}
	return policyView{
		Version: "3", Factor: "passkey", Remember: "30", Remembered: idp.Policy{Remember: 30 * 24 * time.Hour}.Remembering(),
		Idle: "30m", Absolute: "8h", Ways: p.Ways(), Sentences: p.Lasting(), EmailCode: true, Mails: true,
		Groups: []ui.Choice{{Value: "", Label: "Everybody"}, {Value: "owners", Label: "Owners"}, {Value: "grp_x", Label: "People in " + uitest.Bait}},
		Apps:   []ui.Choice{{Value: "", Label: "every sign-in"}, {Value: "app_x", Label: "Payroll"}},
		Rules: []ruleRow{
			{"0", idp.PolicyRule{Owners: true, SecondFactor: true}.Sentence("", "")},
			{"2", idp.PolicyRule{GroupID: "g", Passkey: true}.Sentence("Admins", "")},
			{"3", idp.PolicyRule{SecondFactor: true, Risk: true}.Sentence("", "")},
			{"1", idp.PolicyRule{GroupID: "g", AppID: "a", SecondFactor: true, MaxAge: 15 * time.Minute}.Sentence("Finance", uitest.Bait)},
		},
	}
}
