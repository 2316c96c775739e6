package directory

import (
	"context"
	"reflect"
	"slices"

	"gatehouse/idp"
)

// maxApply bounds the rows of one transaction, so that a suspension never
// waits behind an import.
const maxApply = 500

// Desired is what Apply makes so. Whatever it does not name is left alone.
// Names stand for themselves: usernames, names of groups and apps.
type Desired struct {
	Users  []DesiredUser
	Groups []string
	Apps   []idp.App // ID, times and version are ignored; without secrets it keeps those it has
	Grants []DesiredGrant
	Look   *idp.Look      // nil: as it is
	Policy *DesiredPolicy // nil: as it is
}

// DesiredUser is a person and groups they are in.
type DesiredUser struct {
	Person
	Groups []string
}

// DesiredGrant is a grant by names; exactly one of User and Group is set.
type DesiredGrant struct {
	App, User, Group string
	Grant            idp.Grant // Role, FromAt, UntilAt
}

// DesiredPolicy is the policy with the names of groups and apps.
type DesiredPolicy struct {
	Rules      []DesiredRule
	idp.Policy // but for its rules
}

// DesiredRule is a rule by names.
type DesiredRule struct {
	Group, App     string
	idp.PolicyRule // but for the IDs of these
}

// Difference is one thing that Apply did, or would do.
type Difference struct {
	Verb string // add, change, join, grant or end
	Kind string // user, group, app, grant, house or policy
	Name string
	To   string   // the group joined, or who got or loses the app
	User idp.User // of an added user
	// HasPassword: the added user brought one along.
	HasPassword bool
	// Identifier is the client_id or entityID of an app.
	Identifier string
	// Secret is the raw secret made for an app that needs one and had none; it
	// is never stored.
	Secret string
}

// Apply makes the house what want says, all of it or nothing, and returns the
// differences in the order of want, when all of it is so on every node, also
// what stood already. With dryRun it only returns them. It
// answers idp.Invalid for unknown names and for more than 500 differences.
//
// A grant that holds now and will not any more is an ending of its own, with a
// receipt, made after the rest: so nobody loses for a moment an app that the
// same file gives them in another way. Where one of those could not be made,
// the same file again makes it.
func (d *Directory) Apply(ctx context.Context, want Desired, dryRun bool) ([]Difference, error) {
	var p *plan
	err := retry(func() error {
		p = &plan{d: d, ctx: ctx, users: map[string]idp.User{}, groups: map[string]idp.Group{}, apps: map[string]idp.App{}}
		if err := p.make(want); err != nil {
			return err
		}
		if dryRun || len(p.found) == len(p.narrowed) {
			return nil
		}
		return d.commitApps(ctx, p.change)
	})
	if err != nil || dryRun {
		return p.found, err
	}
	if l := p.change.Look; l != nil && d.Looks != nil {
		d.Looks(*l)
	}
	if rules := p.change.Policy; rules != nil && d.Ruled != nil {
		set := *rules
		set.Version++
		d.Ruled(set)
	}
	if err := d.stands(ctx); err != nil {
		return p.found, err
	}
	for _, g := range p.narrowed {
		_, err := d.endGrant(ctx, g, "grant.end", idp.Change{
			Grants: []idp.Grant{g}, Ending: &idp.Ending{Key: key("narrow", string(g.ID), g.Version), Reason: "changed by apply"},
		})
		if err != nil {
			return p.found, err
		}
	}
	return p.found, nil
}

// plan collects one Change; its maps know what the Change itself adds.
type plan struct {
	d      *Directory
	ctx    context.Context // a plan lives for one Apply
	change idp.Change
	found  []Difference
	// narrowed are the grants that hold now, as they are to be: not any more.
	narrowed []idp.Grant
	demoted  []idp.UserID
	users    map[string]idp.User
	groups   map[string]idp.Group
	apps     map[string]idp.App
}

func (p *plan) make(want Desired) error {
	for _, name := range want.Groups {
		if err := p.group(name); err != nil {
			return err
		}
	}
	for _, u := range want.Users {
		if err := p.user(u); err != nil {
			return err
		}
	}
	for _, a := range want.Apps {
		if err := p.app(a); err != nil {
			return err
		}
	}
	for _, g := range want.Grants {
		if err := p.grant(g); err != nil {
			return err
		}
	}
	if want.Look != nil {
		if err := p.look(*want.Look); err != nil {
			return err
		}
	}
	if want.Policy != nil {
		if err := p.policy(*want.Policy); err != nil {
			return err
		}
	}
	if len(p.found) > maxApply {
		return idp.Errorf(idp.Invalid, "This would change %d things at once. Split the file: at most %d.", len(p.found), maxApply)
	}
	return nil
}

func (p *plan) note(diff Difference, e idp.Event) {
	p.found = append(p.found, diff)
	e.Detail = map[string]string{"name": diff.Name, "by": "apply"}
	if diff.To != "" {
		e.Detail["to"] = diff.To
	}
	p.change.Events = append(p.change.Events, e)
}

func (p *plan) look(want idp.Look) error {
	was, err := p.d.Store.Look(p.ctx)
	if err != nil {
		return err
	}
	if want, err = checkLook(want, was); err != nil {
		return err
	}
	want.Version, want.UpdatedAt = was.Version, was.UpdatedAt
	if reflect.DeepEqual(want, was) {
		return nil
	}
	want.UpdatedAt = p.d.now()
	p.change.Look = &want
	p.note(Difference{Verb: "change", Kind: "house", Name: want.Name}, p.d.event(p.ctx, "house.look"))
	return nil
}

func (p *plan) group(name string) error {
	name, err := text("groups", name, 128)
	if err != nil {
		return err
	}
	if name == "" {
		return invalid("groups", "A group needs a name.")
	}
	if _, ok := p.groups[name]; ok {
		return nil
	}
	g, err := p.d.Store.GroupByName(p.ctx, name)
	if idp.IsKind(err, idp.NotFound) {
		g = idp.Group{ID: idp.NewGroupID(), Name: name, CreatedAt: p.d.now()}
		p.change.Groups = append(p.change.Groups, g)
		p.note(Difference{Verb: "add", Kind: "group", Name: name}, p.d.event(p.ctx, "group.add"))
	} else if err != nil {
		return err
	}
	p.groups[name] = g
	return nil
}

func (p *plan) user(want DesiredUser) error {
	u, err := Named(p.ctx, p.d.Store.UserByName, want.Username)
	isNew := idp.IsKind(err, idp.NotFound)
	if err != nil && !isNew {
		return err
	}
	person, err := want.check(u)
	if err != nil {
		return err
	}
	if isNew {
		if u, err = p.d.NewUser(person); err != nil {
			return err
		}
		e := p.d.event(p.ctx, "user.add")
		e.UserID = u.ID
		passwords, err := p.d.takeOver(p.ctx, u, person)
		if err != nil {
			return err
		}
		p.change.Users = append(p.change.Users, u)
		p.change.Passwords = append(p.change.Passwords, passwords...)
		p.note(Difference{Verb: "add", Kind: "user", Name: u.Username, User: u, HasPassword: len(passwords) > 0}, e)
	} else if u, err = p.changeUser(u, person); err != nil {
		return err
	}
	p.users[u.Username] = u
	return p.join(u, isNew, want.Groups)
}

func (p *plan) changeUser(u idp.User, person Person) (idp.User, error) {
	changed := described(u, person)
	if changed == u {
		return u, nil
	}
	if u.Role == idp.RoleOwner && changed.Role != idp.RoleOwner {
		// All of the file's demotions together must leave one.
		p.demoted = append(p.demoted, u.ID)
		if err := p.d.keepsAnOwner(p.ctx, p.demoted...); err != nil {
			return u, err
		}
	}
	changed.UpdatedAt = p.d.now()
	e := p.d.event(p.ctx, "user.change")
	e.UserID = u.ID
	p.change.Users = append(p.change.Users, changed)
	p.d.leaveMailbox(&p.change, u, changed)
	p.note(Difference{Verb: "change", Kind: "user", Name: u.Username}, e)
	return changed, nil
}

func (p *plan) join(u idp.User, isNew bool, names []string) error {
	var in []idp.Group
	if !isNew {
		var err error
		if in, err = p.d.Store.GroupsOf(p.ctx, u.ID); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := p.group(name); err != nil {
			return err
		}
		g := p.groups[name]
		if slices.ContainsFunc(in, func(have idp.Group) bool { return have.ID == g.ID }) {
			continue
		}
		in = append(in, g)
		e := p.d.event(p.ctx, "group.join")
		e.UserID = u.ID
		p.change.Members = append(p.change.Members, idp.Membership{GroupID: g.ID, UserID: u.ID, SinceAt: p.d.now()})
		p.note(Difference{Verb: "join", Kind: "user", Name: u.Username, To: name}, e)
	}
	return nil
}

func (p *plan) app(want idp.App) error {
	var err error
	if want.Name, err = text("name", want.Name, 128); err != nil {
		return err
	}
	a, err := p.d.Store.AppByName(p.ctx, want.Name)
	if err != nil && !idp.IsKind(err, idp.NotFound) {
		return err
	}
	isNew := err != nil
	if err := standing(a); err != nil {
		return err
	}
	if want.Identifier == "" && want.Protocol == idp.ProtocolOIDC {
		// A file need not name what was made up here.
		if want.Identifier = a.Identifier; isNew {
			want.Identifier = NewClientID()
		}
	}
	secret := keepUnsaid(a, &want)
	if err := p.d.checkApp(&want); err != nil {
		return err
	}
	verb := "change"
	if isNew {
		verb = "add"
		made, err := p.d.makeRoom(p.ctx, want)
		if err != nil {
			return err
		}
		p.change.Apps = append(p.change.Apps, made...)
		want.ID, want.CreatedAt = idp.NewAppID(), p.d.now()
	} else {
		want.ID, want.CreatedAt, want.UpdatedAt, want.Version, want.Epoch = a.ID, a.CreatedAt, a.UpdatedAt, a.Version, a.Epoch
		if reflect.DeepEqual(a, want) {
			p.apps[a.Name] = a
			return nil
		}
		if err := keepSubjects(a, want); err != nil {
			return err
		}
		keepExposed(a, &want, p.d.now())
	}
	want.UpdatedAt = p.d.now()
	e := p.d.event(p.ctx, "app."+verb)
	e.AppID = want.ID
	p.apps[want.Name] = want
	p.change.Apps = append(p.change.Apps, want)
	p.note(Difference{Verb: verb, Kind: "app", Name: want.Name, Identifier: want.Identifier, Secret: secret}, e)
	return nil
}

// keepUnsaid carries over what a file cannot say of an app and, where it names
// none, the secrets of the very version that will be replaced: one that is
// removed meanwhile makes the plan stale. An app that needs a secret and has
// none gets one, whose raw form is returned.
func keepUnsaid(have idp.App, want *idp.App) (secret string) {
	keepKey(have, want)
	if want.OIDC == nil {
		return ""
	}
	o := new(*want.OIDC) // a plan may be made several times
	want.OIDC = o
	var hashes []string
	if have.OIDC != nil {
		o.JWTUntil, o.RegisteredBy, o.RegistrationTokenHash = have.OIDC.JWTUntil, have.OIDC.RegisteredBy, have.OIDC.RegistrationTokenHash
		hashes = have.OIDC.SecretHashes
	}
	if !NeedsSecret(*o) || len(o.SecretHashes) > 0 {
		return ""
	}
	if o.SecretHashes = hashes; len(hashes) == 0 {
		var hash string
		secret, hash = NewSecret()
		o.SecretHashes = []string{hash}
	}
	return secret
}

func (p *plan) grant(want DesiredGrant) error {
	g := want.Grant
	a, err := named(p.apps, want.App, func() (idp.App, error) { return p.d.Store.AppByName(p.ctx, want.App) })
	if err != nil {
		return unknownName("app", want.App, err)
	}
	if err := standing(a); err != nil {
		return err
	}
	g.AppID = a.ID
	to := want.Group
	if want.User != "" {
		to = want.User
		name, err := Canonical(want.User)
		if err != nil {
			return err
		}
		u, err := named(p.users, name, func() (idp.User, error) { return Named(p.ctx, p.d.Store.UserByName, name) })
		if err != nil {
			return unknownName("user", want.User, err)
		}
		g.UserID = u.ID
	}
	if want.Group != "" {
		group, err := named(p.groups, want.Group, func() (idp.Group, error) { return p.d.Store.GroupByName(p.ctx, want.Group) })
		if err != nil {
			return unknownName("group", want.Group, err)
		}
		g.GroupID = group.ID
	}
	if g, err = checkGrant(g); err != nil {
		return err
	}
	if a.Version > 0 {
		have, err := p.d.Store.Grants(p.ctx, a.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(have, func(h idp.Grant) bool { return h.UserID == g.UserID && h.GroupID == g.GroupID })
		if i >= 0 {
			g.ID, g.CreatedAt, g.Version = have[i].ID, have[i].CreatedAt, have[i].Version
			if g == have[i] {
				return nil
			}
			if now := p.d.now(); have[i].Covers(now) && !g.Covers(now) {
				p.narrowed = append(p.narrowed, g)
				p.found = append(p.found, Difference{Verb: "end", Kind: "app", Name: a.Name, To: to})
				return nil
			}
		}
	}
	if g.Version == 0 {
		g.ID, g.CreatedAt = idp.NewGrantID(), p.d.now()
	}
	e := p.d.event(p.ctx, "grant.add")
	e.UserID, e.AppID = g.UserID, g.AppID
	p.change.Grants = append(p.change.Grants, g)
	p.note(Difference{Verb: "grant", Kind: "app", Name: a.Name, To: to}, e)
	return nil
}

// named looks a thing up among what this plan touches, else in the store.
func named[T any](planned map[string]T, name string, read func() (T, error)) (T, error) {
	if t, ok := planned[name]; ok {
		return t, nil
	}
	return read()
}

func unknownName(kind, name string, err error) error {
	if idp.IsKind(err, idp.NotFound) {
		return invalid(kind, "There is no "+kind+" named "+name+".").Because(err)
	}
	return err
}
