package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"gatehouse/idp"
)

// past is a house in which much has happened, at random, and what is known of it.
type past struct {
	*house
	dice     *rand.Rand
	users    []idp.User
	apps     []idp.App
	staff    idp.Group
	grants   []idp.Grant
	members  []idp.Membership
	sessions []idp.Session
	epochs   map[place]int64 // of the app when a participant first got something
	families []idp.TokenFamilyID
	receipts []idp.Receipt

	// Read back at the end.
	truth map[idp.SessionID]idp.Session
	parts map[place]idp.Participant
	held  map[place][]idp.TokenFamily
	lines map[idp.UserID][]toldLine
	keys  map[idp.KeyID]idp.SigningKey
}

type place struct {
	session idp.SessionID
	app     idp.AppID
}

type toldLine struct {
	idp.Delivery
	n int64
}

// testCutsAreComplete lists every receipt of random houses in pages of several
// lengths, against what the rules say of every row there is.
func testCutsAreComplete(h *house) {
	p := &past{house: h, dice: rand.New(rand.NewPCG(15, 1)), epochs: map[place]int64{}}
	for i := range 4 {
		p.users = append(p.users, h.user(fmt.Sprint("user", i)))
	}
	for i := range 3 {
		p.apps = append(p.apps, h.app(fmt.Sprint("app", i)))
	}
	p.staff = idp.Group{ID: idp.NewGroupID(), Name: "staff", CreatedAt: h.now}
	h.commit(idp.Change{Groups: []idp.Group{p.staff}})
	p.members, p.grants = p.joined(), p.granted()
	p.certain()
	for range 6 {
		p.members, p.grants = p.joined(), p.granted()
		for range 10 {
			p.signOn()
		}
		for range 6 {
			p.end(len(p.receipts))
		}
	}
	p.members, p.grants = p.joined(), p.granted()
	p.visit(p.users[2], 0, time.Hour, 0, p.apps...)
	p.ungrant(slices.IndexFunc(p.grants, func(g idp.Grant) bool { return g.UserID == p.users[2].ID }))
	p.read()
	reasons, kinds := map[string]int{}, map[idp.EndingKind]int{}
	for i, r := range p.receipts {
		want := map[place]idp.Participant{}
		for at, part := range p.parts {
			if why := p.cut(r, part); why != "" {
				if why == "tokens" {
					part.TokensEndedAt = p.handedOut(r, at)
				}
				want[at] = part
				reasons[why]++
				kinds[r.Kind]++
			}
		}
		for _, n := range []int{500, 7, 2, 1} {
			if n > 2 || i%3 == 0 { // a page of one is a statement for each row
				h.same(want, p.listed(r, n))
			}
		}
	}
	for _, why := range []string{"alive", "landing", "offline", "unheard", "tokens"} {
		if reasons[why] == 0 {
			h.Errorf("nobody was listed only because of what was %s", why)
		}
	}
	for _, kind := range []idp.EndingKind{idp.EndSession, idp.EndUser, idp.EndPasses, idp.EndGrant, idp.EndApp, idp.EndBefore, idp.EndKey} {
		if kinds[kind] == 0 {
			h.Errorf("no ending of kind %s cut anything", kind)
		}
	}
}

func one[T any](p *past, of []T) T { return of[p.dice.IntN(len(of))] }

// granted lets everybody use everything, most by themselves and some by the group.
func (p *past) granted() (all []idp.Grant) {
	for _, a := range p.apps {
		found, err := p.Grants(p.ctx, a.ID)
		p.ok(err)
		covered := map[idp.UserID]bool{}
		for _, g := range found {
			covered[g.UserID] = true
			all = append(all, g)
		}
		for i, u := range p.users {
			if i > 0 && !covered[u.ID] {
				all = append(all, p.grant(u, a))
			}
		}
		if !covered[""] {
			g := idp.Grant{ID: idp.NewGrantID(), AppID: a.ID, GroupID: p.staff.ID, CreatedAt: p.now}
			p.commit(idp.Change{Grants: []idp.Grant{g}})
			all = append(all, g)
		}
	}
	return all
}

// joined has the first two people in the group.
func (p *past) joined() []idp.Membership {
	var all []idp.Membership
	for _, u := range p.users[:2] {
		m := idp.Membership{GroupID: p.staff.ID, UserID: u.ID, SinceAt: p.now}
		p.commit(idp.Change{Members: []idp.Membership{m}})
		all = append(all, m)
	}
	return all
}

// visit starts a session some time ago and opens apps from it, by assertions or,
// where offline is how long they last, by tokens that outlive it.
func (p *past) visit(u idp.User, ago, lasts, offline time.Duration, apps ...idp.App) idp.Session {
	now := p.now
	defer func() { p.now = now }()
	p.now = now.Add(-ago)
	s := p.newSession(p.proof(u))
	s.ExpiresAt = p.now.Add(lasts)
	if err := p.StartSession(p.ctx, s, string(s.ID), ""); err != nil {
		p.is(err, idp.Unauthenticated) // older than all that a moment ended
		return s
	}
	p.sessions = append(p.sessions, s)
	for _, a := range apps {
		part, acc := p.participant(s, a)
		var err error
		if offline == 0 {
			_, _, err = p.RecordAssertion(p.ctx, s.Proof, part, acc)
		} else {
			f := p.newFamily(s, a)
			f.Offline, f.ExpiresAt = true, p.now.Add(offline)
			if err = p.SpendCode(p.ctx, f, part, acc); err == nil {
				p.families = append(p.families, f.ID)
			}
		}
		if err != nil {
			p.is(err, idp.Unauthenticated) // not granted
		} else if _, known := p.epochs[place{s.ID, a.ID}]; !known {
			p.epochs[place{s.ID, a.ID}] = a.Epoch
		}
	}
	return s
}

// endFamily has an app end its refresh token by itself, without a receipt.
func (p *past) endFamily(id idp.TokenFamilyID, at time.Time) {
	now := p.Now
	defer func() { p.Now = now }()
	p.Now = func() time.Time { return at }
	e := p.ending(idp.EndFamily, "")
	e.FamilyID, e.ReceiptID = id, ""
	p.commit(idp.Change{Ending: e})
}

func (p *past) signOn() {
	apps := slices.Clone(p.apps)
	p.dice.Shuffle(len(apps), func(i, j int) { apps[i], apps[j] = apps[j], apps[i] })
	before := len(p.families)
	p.visit(one(p, p.users), one(p, []time.Duration{2 * time.Hour, 30 * time.Minute, 5 * time.Minute, 0}),
		one(p, []time.Duration{time.Minute, 20 * time.Minute, time.Hour, 4 * time.Hour}),
		one(p, []time.Duration{0, 0, time.Hour, 100 * time.Hour}), apps[:1+p.dice.IntN(3)]...)
	for _, id := range p.families[before:] {
		if p.dice.IntN(3) == 0 {
			p.endFamily(id, p.now.Add(-one(p, []time.Duration{time.Minute, 50 * time.Minute, 2 * time.Hour})))
		}
	}
}

// certain makes one of each reason to be listed, so that none is left to chance.
func (p *past) certain() {
	u, a := p.users[0], p.apps[0]
	p.visit(u, 2*time.Hour, time.Minute, 100*time.Hour, a)
	p.done(p.endAll(idp.Ending{Kind: idp.EndApp, AppID: a.ID}))
	p.visit(u, 2*time.Hour, time.Minute, 100*time.Hour, p.apps[1])
	p.endFamily(p.families[len(p.families)-1], p.now.Add(-30*time.Minute))
	p.done(p.endAll(idp.Ending{Kind: idp.EndApp, AppID: p.apps[1].ID}))
	u, a = p.users[1], p.apps[0]
	long := p.visit(u, 2*time.Hour, time.Minute, 0, a)
	r := p.suspend(u)
	p.list(r, true, p.about(r, a, long.ID, idp.DeliveryFailed))
	p.receipts = append(p.receipts, r)
	u = p.restore(u.ID)
	p.visit(u, time.Hour, time.Minute, 0, a)
	p.done(p.suspend(u))
	p.restore(u.ID)
	p.again()
	p.visit(p.users[2], 5*time.Minute, time.Minute, 0, a)
	p.done(p.endAll(idp.Ending{Kind: idp.EndBefore}))
	p.done(p.endSession(p.visit(p.users[2], time.Hour, 4*time.Hour, 0, a)))
}

// end makes an ending, of each kind in turn, and lists lines of it in any state.
func (p *past) end(turn int) {
	u, a := one(p, p.users), p.dice.IntN(len(p.apps))
	var r idp.Receipt
	switch turn % 12 {
	case 0, 5:
		r = p.endSession(one(p, p.sessions))
	case 1, 7, 10:
		r = p.suspend(u)
		p.restore(u.ID)
	case 2:
		e := p.ending(idp.EndPasses, u.ID)
		p.commit(idp.Change{Ending: e})
		var err error
		r, err = p.Receipt(p.ctx, e.ReceiptID)
		p.ok(err)
	case 3, 9:
		p.ungrant(p.dice.IntN(len(p.grants)))
		return
	case 6:
		m := p.members[0]
		p.members = p.members[1:]
		r = p.endGrant(idp.Ending{UserID: m.UserID, GroupID: m.GroupID}, idp.Change{RemoveMembers: []idp.Membership{m}})
	case 4:
		r = p.endAll(idp.Ending{Kind: idp.EndApp, AppID: p.apps[a].ID})
	case 8:
		key := idp.SigningKey{ID: idp.NewKeyID(), Use: "oidc", Algorithm: "ES256", Sealed: "x",
			CreatedAt: p.now.Add(-one(p, []time.Duration{0, 10 * time.Minute, time.Hour, 10 * time.Hour}))}
		p.ok(p.CreateSigningKey(p.ctx, key))
		r = p.endAll(idp.Ending{Kind: idp.EndKey, KeyID: key.ID})
	case 11:
		e := idp.Ending{Kind: idp.EndBefore}
		if p.dice.IntN(2) > 0 {
			e.Before = p.now.Add(-one(p, []time.Duration{10 * time.Minute, time.Hour}))
		}
		r = p.endAll(e)
	}
	p.done(r)
}

func (p *past) ungrant(i int) {
	g := p.grants[i]
	p.grants = slices.Delete(p.grants, i, i+1)
	p.done(p.endGrant(idp.Ending{UserID: g.UserID, GroupID: g.GroupID, AppID: g.AppID}, idp.Change{RemoveGrants: []idp.GrantID{g.ID}}))
}

// done is what follows an ending: what it changed is read anew, and lines of it
// are listed.
func (p *past) done(r idp.Receipt) {
	p.again()
	p.receipts = append(p.receipts, r)
	p.tell(r)
}

// again reads what an ending may have changed.
func (p *past) again() {
	var err error
	for i := range p.users {
		p.users[i], err = p.User(p.ctx, p.users[i].ID)
		p.ok(err)
	}
	for i := range p.apps {
		p.apps[i], err = p.App(p.ctx, p.apps[i].ID)
		p.ok(err)
	}
	p.generation, err = p.Generation(p.ctx)
	p.ok(err)
}

// tell lists the receipt with lines in any state, some of them for whole people.
func (p *past) tell(r idp.Receipt) {
	var lines []idp.Delivery
	for range p.dice.IntN(5) {
		s := one(p, p.sessions)
		about := s.ID
		if p.dice.IntN(3) == 0 {
			about = ""
		}
		d := p.about(r, one(p, p.apps), about, one(p, []idp.DeliveryState{idp.DeliveryPending, idp.DeliveryRetrying, idp.DeliveryAcknowledged,
			idp.DeliveryVerified, idp.DeliveryAlive, idp.DeliveryEnded, idp.DeliveryFailed, idp.DeliverySuperseded, idp.DeliveryManual}))
		d.UserID = s.UserID
		lines = append(lines, d)
	}
	p.list(r, true, lines...)
}

// read reads everything back.
func (p *past) read() {
	p.truth, p.parts, p.held = map[idp.SessionID]idp.Session{}, map[place]idp.Participant{}, map[place][]idp.TokenFamily{}
	p.lines, p.keys = map[idp.UserID][]toldLine{}, map[idp.KeyID]idp.SigningKey{}
	for at := range p.epochs {
		part, err := p.Participant(p.ctx, at.session, at.app)
		p.ok(err)
		p.parts[at] = part
		p.truth[at.session], err = p.SessionByID(p.ctx, at.session)
		p.ok(err)
	}
	for _, id := range p.families {
		t, err := p.FamilyByID(p.ctx, id, p.now)
		p.ok(err)
		at := place{t.Family.SessionID, t.Family.AppID}
		p.held[at] = append(p.held[at], t.Family)
	}
	for _, r := range p.receipts {
		lines, err := p.Deliveries(p.ctx, r.ID)
		p.ok(err)
		for _, d := range lines {
			p.lines[d.UserID] = append(p.lines[d.UserID], toldLine{d, r.N})
		}
	}
	keys, err := p.SigningKeys(p.ctx)
	p.ok(err)
	for _, k := range keys {
		p.keys[k.ID] = k
	}
}

// cut says why a receipt lists a participant: the first of its reasons, "" for
// none.
func (p *past) cut(r idp.Receipt, part idp.Participant) string {
	at := place{part.SessionID, part.AppID}
	s := p.truth[at.session]
	person := r.Kind == idp.EndUser || r.Kind == idp.EndPasses
	everybody := false
	switch r.Kind {
	case idp.EndSession:
		if s.ID != r.SessionID {
			return ""
		}
	case idp.EndUser, idp.EndPasses:
		if s.UserID != r.UserID || s.Epoch >= r.Epoch {
			return ""
		}
	case idp.EndGrant:
		if r.UserID != "" && r.UserID != s.UserID || r.AppID != "" && r.AppID != at.app || p.covered(s.UserID, at.app) {
			return ""
		}
	case idp.EndApp:
		everybody = r.AppID == at.app && p.epochs[at] < r.Epoch
	case idp.EndKey:
		k := p.keys[r.KeyID]
		everybody = !part.LastAnswerAt.Before(k.CreatedAt) && !part.FirstAt.After(k.RetiredAt.Add(10*time.Minute))
	case idp.EndBefore:
		everybody = s.CreatedAt.Before(r.Before)
		if r.Before.IsZero() {
			everybody = s.Generation != p.generation && s.CreatedAt.After(p.lastBefore(r))
		}
	}
	if all := r.Kind == idp.EndApp || r.Kind == idp.EndKey || r.Kind == idp.EndBefore; all && !everybody {
		return ""
	}
	over := r.CutAt
	if person { // nobody looks for what has just run out
		over = over.Add(-10 * time.Minute)
	}
	switch {
	case (s.EndedAt.IsZero() || !s.EndedAt.Before(r.CutAt)) && s.ExpiresAt.After(over) && (!person || s.Epoch == r.Epoch-1):
		return "alive"
	case !part.LastAnswerAt.Before(r.CutAt.Add(-10 * time.Minute)):
		return "landing"
	case everybody && p.offline(r, at):
		return "offline"
	case r.Kind != idp.EndSession && p.unheard(r, part):
		return "unheard"
	case everybody && !p.handedOut(r, at).IsZero():
		return "tokens"
	}
	return ""
}

func (p *past) covered(u idp.UserID, a idp.AppID) bool {
	for _, g := range p.grants {
		if g.AppID != a {
			continue
		}
		if g.UserID == u {
			return true
		}
		for _, m := range p.members {
			if g.GroupID != "" && m.UserID == u {
				return true
			}
		}
	}
	return false
}

func (p *past) lastBefore(r idp.Receipt) (last time.Time) {
	for _, x := range p.receipts {
		if x.Kind == idp.EndBefore && x.Before.IsZero() && x.N < r.N && x.CutAt.After(last) {
			last = x.CutAt
		}
	}
	return last
}

func (p *past) offline(r idp.Receipt, at place) bool {
	for _, f := range p.held[at] {
		if f.ExpiresAt.After(r.CutAt) && (f.RevokedAt.IsZero() || !f.RevokedAt.Before(r.CutAt)) {
			return true
		}
	}
	return false
}

// handedOut is when the last of the families ended that did so shortly enough
// before the cut for a JWT of theirs to be good after it; zero for none.
func (p *past) handedOut(r idp.Receipt, at place) (last time.Time) {
	for _, f := range p.held[at] {
		if f.ExpiresAt.After(r.CutAt) && !f.RevokedAt.Before(r.CutAt.Add(-time.Hour-5*time.Second)) && f.RevokedAt.After(last) {
			last = f.RevokedAt
		}
	}
	return last
}

// unheard reports whether some older line may be open in the app still: nothing
// newer was confirmed.
func (p *past) unheard(r idp.Receipt, part idp.Participant) bool {
	of := func(d toldLine) bool {
		return d.AppID == part.AppID && (d.SessionID == part.SessionID || d.SessionID == "") && d.n < r.N
	}
	for _, d := range p.lines[part.UserID] {
		if !of(d) || d.State == idp.DeliveryAcknowledged || d.State == idp.DeliveryVerified || d.State == idp.DeliveryEnded {
			continue
		}
		confirmed := false
		for _, l := range p.lines[part.UserID] {
			confirmed = confirmed || of(l) && l.n > d.n && (l.State == idp.DeliveryAcknowledged || l.State == idp.DeliveryVerified)
		}
		if !confirmed {
			return true
		}
	}
	return false
}

// listed is what the receipt lists in pages of n.
func (p *past) listed(r idp.Receipt, n int) map[place]idp.Participant {
	p.Helper()
	found := map[place]idp.Participant{}
	for cursor := ""; ; {
		page, next, err := p.CutParticipants(p.ctx, r, cursor, n)
		p.ok(err)
		if len(page) > n || next == cursor && next != "" {
			p.Fatalf("a page of %d holds %d, and goes from %q to %q", n, len(page), cursor, next)
		}
		for _, part := range page {
			at := place{part.SessionID, part.AppID}
			known, again := found[at]
			switch {
			case again && (known.TokensEndedAt.IsZero() || part.TokensEndedAt.IsZero()):
				part.TokensEndedAt = time.Time{} // there is more to end than tokens
			case again && known.TokensEndedAt.After(part.TokensEndedAt):
				part = known
			}
			found[at] = part
		}
		if cursor = next; next == "" {
			return found
		}
	}
}
