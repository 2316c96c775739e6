package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/idp"
)

func testUsers(h *house) {
	u := h.user("ada")
	got, err := h.User(h.ctx, u.ID)
	h.ok(err)
	h.same(u, got)
	for _, name := range []string{"ada", "ada@example.com"} {
		got, err = h.UserByName(h.ctx, name)
		h.ok(err)
		h.same(u, got)
	}
	_, err = h.User(h.ctx, "usr_nobody")
	h.is(err, idp.NotFound)
	_, _, err = h.Candidate(h.ctx, "nobody", "")
	h.is(err, idp.NotFound)

	twin := u
	twin.ID, twin.Version, twin.Email = idp.NewUserID(), 0, ""
	_, err = h.Commit(h.ctx, idp.Change{Users: []idp.User{twin}, Events: []idp.Event{h.event("user.add", twin.ID)}})
	h.is(err, idp.Conflict)
	twin.Username, twin.Email = "other", u.Email
	_, err = h.Commit(h.ctx, idp.Change{Users: []idp.User{twin}})
	h.is(err, idp.Conflict)
	events, _, err := h.Events(h.ctx, idp.EventQuery{})
	h.ok(err)
	if len(events) != 0 {
		h.Errorf("a refused change left %d events behind", len(events))
	}

	edit := u
	edit.DisplayName, edit.Epoch = "Countess", 0
	h.commit(idp.Change{Users: []idp.User{edit}})
	_, err = h.Commit(h.ctx, idp.Change{Users: []idp.User{edit}})
	h.is(err, idp.Conflict)
	got, err = h.User(h.ctx, u.ID)
	h.ok(err)
	if got.Epoch != 1 || got.DisplayName != "Countess" || got.Version != 2 {
		h.Errorf("after an edit: %+v", got)
	}

	cred := idp.Credential{ID: idp.NewCredentialID(), UserID: u.ID, Kind: idp.CredentialPassword, Data: "$argon2id$1", CreatedAt: h.now, UpdatedAt: h.now}
	h.commit(idp.Change{Passwords: []idp.Credential{cred}})
	second := cred
	second.ID, second.Data = idp.NewCredentialID(), "$argon2id$2"
	h.commit(idp.Change{Passwords: []idp.Credential{second}})
	who, standing, err := h.Candidate(h.ctx, "ada@example.com", "")
	h.ok(err)
	h.same(idp.Candidate{User: who.User, PHC: "$argon2id$2", Generation: h.generation}, who)
	h.same(u.ID, who.ID)
	h.same(idp.Standing{Status: idp.UserActive, Epoch: who.Epoch, Generation: h.generation, N: standing.N}, standing)
	stored, err := h.Credential(h.ctx, u.ID, idp.CredentialPassword)
	h.ok(err)
	if stored.ID != cred.ID || stored.Data != second.Data {
		h.Errorf("a second password made %+v", stored)
	}
}

// testCredentials: several kinds beside a password. What a user has spent stays
// spent, also for others who spend it at the same moment; nobody changes or
// removes another's.
func testCredentials(h *house) {
	ada, eve := h.user("ada"), h.user("eve")
	key := idp.Credential{
		ID: idp.NewCredentialID(), UserID: ada.ID, Kind: idp.CredentialPasskey, Name: "Phone", Lookup: "aWQ",
		Data: "{}", CreatedAt: h.now, UpdatedAt: h.now,
	}
	code := idp.Credential{ID: idp.NewCredentialID(), UserID: ada.ID, Kind: idp.CredentialTOTP, Data: "sealed", CreatedAt: h.now.Add(time.Second), UpdatedAt: h.now}
	h.commit(idp.Change{Credentials: []idp.Credential{key, code}})

	double := key
	double.ID, double.UserID = idp.NewCredentialID(), eve.ID
	_, err := h.Commit(h.ctx, idp.Change{Credentials: []idp.Credential{double}})
	h.is(err, idp.Conflict)
	second := code
	second.ID = idp.NewCredentialID()
	_, err = h.Commit(h.ctx, idp.Change{Credentials: []idp.Credential{second}})
	h.is(err, idp.Conflict)

	got, who, generation, err := h.CredentialByLookup(h.ctx, idp.CredentialPasskey, "aWQ")
	h.ok(err)
	if got != key || who.ID != ada.ID || generation != h.generation {
		h.Errorf("found %+v of %s in %q", got, who.Username, generation)
	}
	_, _, _, err = h.CredentialByLookup(h.ctx, idp.CredentialTOTP, "")
	h.is(err, idp.NotFound) // one without a lookup is found by nobody

	stolen := key
	stolen.UserID, stolen.Name = eve.ID, "Mine"
	h.commit(idp.Change{Credentials: []idp.Credential{stolen}, RemoveCredentials: []idp.Credential{{ID: code.ID, UserID: eve.ID}}})
	in := idp.SignIn{ID: idp.NewSignInID(), CreatedAt: h.now, ExpiresAt: h.now.Add(time.Hour)}
	h.ok(h.CreateSignIn(h.ctx, in))
	in.Proof, in.Methods, in.AuthTime = h.proof(eve), []string{"hwk"}, h.now
	h.is(h.ProveSignIn(h.ctx, in, h.now, idp.Witness{Used: stolen, Events: []idp.Event{h.event("signin.passkey.ok", eve.ID)}}), idp.Unauthenticated)

	later := h.now.Add(time.Minute)
	key.Name, key.Data = "Old phone", `{"n":1}`
	h.commit(idp.Change{Credentials: []idp.Credential{key}})
	key.Data = `{"n":2}`
	in.Proof = h.proof(ada)
	used := h.event("signin.passkey.ok", ada.ID)
	h.ok(h.ProveSignIn(h.ctx, in, later, idp.Witness{Used: key, Events: []idp.Event{used}}))
	told, _, err := h.Events(h.ctx, idp.EventQuery{UserID: ada.ID, Limit: 1})
	h.ok(err)
	if len(told) != 1 || told[0].ID != used.ID || told[0].Kind != used.Kind {
		h.Errorf("the last line of ada is %+v", told)
	}
	if told, _, err = h.Events(h.ctx, idp.EventQuery{UserID: eve.ID, Limit: 1}); err != nil || len(told) > 0 && told[0].Kind == used.Kind {
		h.Errorf("a stolen passkey is in the audit log: %+v, %v", told, err)
	}
	h.ok(h.SpendCredential(h.ctx, code, 57, later))
	h.is(h.SpendCredential(h.ctx, code, 56, later), idp.Conflict)
	// What proves is spent where the proof can be recorded, and nowhere else.
	code.Mark = 58
	over := in
	over.ID = idp.NewSignInID()
	h.is(h.ProveSignIn(h.ctx, over, later, idp.Witness{Spent: code}), idp.Unauthenticated)
	h.ok(h.ProveSignIn(h.ctx, in, later, idp.Witness{Spent: code, Told: []idp.Mail{idp.NewMail(idp.MailCodeUsed, ada, later)}}))
	h.is(h.ProveSignIn(h.ctx, in, later, idp.Witness{Spent: code}), idp.Conflict)
	key.LastUsedAt, code.LastUsedAt = later, later
	all, err := h.Credentials(h.ctx, ada.ID)
	h.ok(err)
	if want := []idp.Credential{key, code}; !slices.Equal(all, want) {
		h.Errorf("she has %+v, want %+v", all, want)
	}
	h.commit(idp.Change{RemoveCredentials: []idp.Credential{key}})
	_, _, _, err = h.CredentialByLookup(h.ctx, idp.CredentialPasskey, "aWQ")
	h.is(err, idp.NotFound)
	h.is(h.SpendCredential(h.ctx, key, 1, later), idp.Unauthenticated)
}

func testUserPages(h *house) {
	var want []idp.UserID
	for i := range 7 {
		want = append(want, h.user(fmt.Sprintf("p%d_x", i)).ID)
	}
	h.user("percent%")
	var got []idp.UserID
	for q := (idp.UserQuery{Search: "PERSON _x", Status: idp.UserActive, Limit: 3}); ; {
		users, next, err := h.Users(h.ctx, q)
		h.ok(err)
		for _, u := range users {
			got = append(got, u.ID)
		}
		if q.After = next; next == "" {
			break
		}
	}
	h.same(want, got)
	for search, n := range map[string]int{"%": 1, `\`: 0, "nobody person": 0, "": 8} {
		users, _, err := h.Users(h.ctx, idp.UserQuery{Search: search})
		h.ok(err)
		if len(users) != n {
			h.Errorf("search %q found %d users, want %d", search, len(users), n)
		}
	}
	_, _, err := h.Users(h.ctx, idp.UserQuery{After: "§"})
	h.is(err, idp.Invalid)
	h.suspend(idp.User{ID: want[0]})
	active, suspended, err := h.UserCounts(h.ctx)
	h.ok(err)
	if active != 7 || suspended != 1 {
		h.Errorf("%d active and %d suspended users", active, suspended)
	}
	exists, err := h.OwnerExists(h.ctx)
	h.ok(err)
	if exists {
		h.Error("an owner out of nowhere")
	}
}

func testGroupsAndAccess(h *house) {
	u, wiki, crm := h.user("ada"), h.app("wiki"), h.app("crm")
	g := idp.Group{ID: idp.NewGroupID(), Name: "staff", CreatedAt: h.now}
	h.commit(idp.Change{Groups: []idp.Group{g}, Members: []idp.Membership{{GroupID: g.ID, UserID: u.ID, SinceAt: h.now}}})
	g.Version = 1
	through := idp.Grant{ID: idp.NewGrantID(), AppID: wiki.ID, GroupID: g.ID, Role: "reader", CreatedAt: h.now}
	future := idp.Grant{ID: idp.NewGrantID(), AppID: crm.ID, UserID: u.ID, FromAt: h.now.Add(time.Hour), CreatedAt: h.now}
	h.commit(idp.Change{Grants: []idp.Grant{through, future}})
	through.Version = 1

	access, err := h.AccessOf(h.ctx, u.ID, h.now)
	h.ok(err)
	h.same([]idp.Access{{App: wiki, Grant: through, Group: g, N: h.logAt()}}, access)
	admitted := func(a idp.App, at time.Time, want idp.Admission) {
		h.Helper()
		got, err := h.Admission(h.ctx, a.Protocol, a.Identifier, u.ID, at)
		h.ok(err)
		want.App, want.N = a, h.logAt()
		h.same(want, got)
	}
	admitted(wiki, h.now, idp.Admission{Granted: true}) // through the group
	admitted(crm, h.now, idp.Admission{})
	admitted(crm, future.FromAt, idp.Admission{Granted: true})
	ends := h.app("ends")
	h.commit(idp.Change{Grants: []idp.Grant{{ID: idp.NewGrantID(), AppID: ends.ID, UserID: u.ID, UntilAt: h.now.Add(time.Hour), CreatedAt: h.now}}})
	admitted(ends, h.now, idp.Admission{Granted: true, Until: h.now.Add(time.Hour)})
	admitted(ends, h.now.Add(time.Hour), idp.Admission{})
	_, err = h.Admission(h.ctx, idp.ProtocolSAML, wiki.Identifier, u.ID, h.now)
	h.is(err, idp.NotFound)
	direct := h.grant(u, wiki)
	one, err := h.Access(h.ctx, u.ID, wiki.ID, h.now)
	h.ok(err)
	h.same(idp.Access{App: wiki, Grant: direct, N: h.logAt()}, one)
	_, err = h.Access(h.ctx, u.ID, crm.ID, h.now)
	h.is(err, idp.NotFound)
	grants, err := h.Grants(h.ctx, wiki.ID)
	h.ok(err)
	h.same([]idp.Grant{direct, through}, grants)

	groups, err := h.GroupsOf(h.ctx, u.ID)
	h.ok(err)
	h.same([]idp.Group{g}, groups)
	members, next, err := h.Members(h.ctx, g.ID, "", 10)
	h.ok(err)
	h.same([]idp.User{u}, members)
	h.same("", next)
	byName, err := h.GroupByName(h.ctx, "staff")
	h.ok(err)
	h.same(g, byName)
	h.commit(idp.Change{RemoveMembers: []idp.Membership{{GroupID: g.ID, UserID: u.ID}}, RemoveGrants: []idp.GrantID{direct.ID}})
	admitted(wiki, h.now, idp.Admission{})
	access, err = h.AccessOf(h.ctx, u.ID, h.now.Add(2*time.Hour))
	h.ok(err)
	if len(access) != 1 || access[0].App.ID != crm.ID {
		h.Errorf("access after everything was taken: %+v", access)
	}
	_, err = h.Commit(h.ctx, idp.Change{Grants: []idp.Grant{{ID: idp.NewGrantID(), AppID: "app_none", UserID: u.ID}}})
	h.is(err, idp.Conflict)

	saml := idp.App{ID: idp.NewAppID(), Name: "saml", Protocol: idp.ProtocolSAML, Identifier: "https://sp", SAML: &idp.SAMLSettings{
		ACS: []idp.AssertionConsumer{{URL: "https://sp/acs", Default: true}}, SessionTTL: time.Hour}, WholeUserLogout: true,
		Attributes: []idp.AttributeRule{{Name: "mail", Source: "email"}}, Template: "slack", CreatedAt: h.now, UpdatedAt: h.now}
	h.commit(idp.Change{Apps: []idp.App{saml}})
	saml.Version = 1
	found, err := h.AppByIdentifier(h.ctx, idp.ProtocolSAML, "https://sp")
	h.ok(err)
	h.same(saml, found)
	_, err = h.AppByIdentifier(h.ctx, idp.ProtocolOIDC, "https://sp")
	h.is(err, idp.NotFound)
}

func testEventsAndKeys(h *house) {
	u := h.user("ada")
	var want []idp.EventID
	for i := range 5 {
		e := h.event("signin", u.ID)
		e.At = h.now.Add(time.Duration(i/2) * time.Second)
		h.ok(h.Record(h.ctx, e, h.event("other", "")))
		want = append(want, e.ID)
	}
	var got []idp.EventID
	for q := (idp.EventQuery{UserID: u.ID, Limit: 2}); ; {
		events, next, err := h.Events(h.ctx, q)
		h.ok(err)
		for _, e := range events {
			got = append(got, e.ID)
		}
		if q.After = next; next == "" {
			break
		}
	}
	h.same(len(want), len(got))

	k := idp.SigningKey{ID: idp.NewKeyID(), Use: "oidc", Algorithm: "RS256", Sealed: "sealed", CreatedAt: h.now}
	h.ok(h.CreateSigningKey(h.ctx, k))
	second := k
	second.ID = idp.NewKeyID()
	h.is(h.CreateSigningKey(h.ctx, second), idp.Conflict)
	second.RetiredAt = h.now
	h.ok(h.CreateSigningKey(h.ctx, second))
	keys, err := h.SigningKeys(h.ctx)
	h.ok(err)
	h.same(2, len(keys))
}

// same compares what was stored with what was read.
func (h *house) same(want, got any) {
	h.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		h.Fatalf("read back differently (-want +got):\n%s", diff)
	}
}
