package directory

import (
	"context"
	"slices"
	"strings"

	"gatehouse/idp"
)

// People is what is known of people and who they are.
type People interface {
	User(ctx context.Context, id idp.UserID) (idp.User, error)
	UserByName(ctx context.Context, canonical string) (idp.User, error)
	Owners(ctx context.Context) ([]idp.User, error)
	Credentials(ctx context.Context, id idp.UserID) ([]idp.Credential, error)
}

// Person is what an admin says of a user. Empty names are allowed; an empty
// role is that of an employee for a new user, and no change for a known one.
type Person struct {
	Username    string
	Email       string
	DisplayName string
	GivenName   string
	FamilyName  string
	Role        idp.Role
	// PasswordHash is of a password that a new person had elsewhere; it says
	// nothing of a known one. It is never written anywhere as it came.
	PasswordHash string
}

// check returns p in canonical form, or idp.Invalid naming the field. What is said
// already of whom p describes, zero for somebody new, may stay as it is.
func (p Person) check(was idp.User) (Person, error) {
	all, err := Spellings(p.Username)
	if err != nil {
		return p, err
	}
	if p.Username = all[0]; slices.Contains(all, was.Username) {
		p.Username = was.Username
	}
	if typed := strings.ToLower(strings.TrimSpace(p.Email)); typed != was.Email || typed == "" {
		if p.Email, err = email(p.Email); err != nil {
			return p, err
		}
	} else {
		p.Email = was.Email
	}
	for _, f := range []struct {
		name string
		s    *string
	}{{"display_name", &p.DisplayName}, {"given_name", &p.GivenName}, {"family_name", &p.FamilyName}} {
		if *f.s, err = text(f.name, *f.s, 200); err != nil {
			return p, err
		}
	}
	switch p.Role {
	case "", idp.RoleEmployee, idp.RoleOwner:
	default:
		return p, invalid("role", "A role is owner or employee.")
	}
	return p, nil
}

// NewUser returns the user that p describes, not yet stored. It answers
// idp.Invalid naming the field.
func (d *Directory) NewUser(p Person) (idp.User, error) {
	p, err := p.check(idp.User{})
	if err != nil {
		return idp.User{}, err
	}
	if p.Role == "" {
		p.Role = idp.RoleEmployee
	}
	now := d.now()
	return idp.User{
		ID: idp.NewUserID(), Username: p.Username, Email: p.Email, DisplayName: p.DisplayName,
		GivenName: p.GivenName, FamilyName: p.FamilyName, Role: p.Role,
		Status: idp.UserActive, Epoch: 1, CreatedAt: now, UpdatedAt: now,
	}, nil
}

// AddUser adds a person. It answers idp.Invalid naming the field, and
// idp.Conflict when username or e-mail is taken.
func (d *Directory) AddUser(ctx context.Context, p Person) (idp.User, error) {
	u, err := d.NewUser(p)
	if err != nil {
		return idp.User{}, err
	}
	passwords, err := d.takeOver(ctx, u, p)
	if err != nil {
		return idp.User{}, err
	}
	return d.addUser(ctx, u, idp.Change{Passwords: passwords})
}

// takeOver is the password that a new person brings along.
func (d *Directory) takeOver(ctx context.Context, u idp.User, p Person) ([]idp.Credential, error) {
	if p.PasswordHash == "" {
		return nil, nil
	}
	if d.TakeOver == nil {
		return nil, invalid("password_hash", "Passwords are not taken over here.")
	}
	c, err := d.TakeOver(ctx, u.ID, p.PasswordHash)
	return []idp.Credential{c}, err
}

// addUser adds u with what comes along.
func (d *Directory) addUser(ctx context.Context, u idp.User, with idp.Change) (idp.User, error) {
	if err := d.NobodyElse(ctx, u); err != nil {
		return idp.User{}, err
	}
	e := d.event(ctx, "user.add")
	e.UserID = u.ID
	with.Users, with.Events = []idp.User{u}, []idp.Event{e}
	if len(with.Passwords) > 0 {
		with.Events[0].Detail = map[string]string{"password": "taken over"}
	}
	if _, err := d.Store.Commit(ctx, with); err != nil {
		return idp.User{}, err
	}
	u.Version = 1
	return u, nil
}

// ChangeUser sets what is known of a person; the role included, and the last
// active owner keeps theirs (idp.Denied).
func (d *Directory) ChangeUser(ctx context.Context, id idp.UserID, p Person) (idp.User, error) {
	var changed idp.User
	err := retry(func() error {
		u, err := d.Store.User(ctx, id)
		if err != nil {
			return err
		}
		p, err := p.check(u)
		if err != nil {
			return err
		}
		changed = described(u, p)
		if err := d.NobodyElse(ctx, changed); err != nil && (changed.Username != u.Username || changed.Email != u.Email) {
			return err
		}
		e := d.event(ctx, "user.change")
		e.UserID = id
		if u.Role != changed.Role {
			e.Detail = map[string]string{"role": string(changed.Role)}
			if err := d.keepsAnOwner(ctx, id); u.Role == idp.RoleOwner && err != nil {
				return err
			}
		}
		changed.UpdatedAt = d.now()
		change := idp.Change{Users: []idp.User{changed}, Events: []idp.Event{e}}
		d.leaveMailbox(&change, u, changed)
		_, err = d.Store.Commit(ctx, change)
		return err
	})
	changed.Version++
	return changed, err
}

// leaveMailbox adds to a change of a person what a new address means: no link and
// no code that lies in the mailbox of before opens anything, and that mailbox is
// told. Whoever has the new one asks for a link without waiting for the old one's
// end.
func (d *Directory) leaveMailbox(change *idp.Change, was, is idp.User) {
	if was.Email == "" || was.Email == is.Email {
		return
	}
	m := idp.NewMail(idp.MailAddressChanged, was, d.now())
	m.Data = map[string]string{"old": was.Email}
	change.EndLinks = append(change.EndLinks, was.ID)
	change.Mails = append(change.Mails, m)
}

// described is u with what p says.
func described(u idp.User, p Person) idp.User {
	u.Username, u.Email, u.DisplayName = p.Username, p.Email, p.DisplayName
	u.GivenName, u.FamilyName = p.GivenName, p.FamilyName
	if p.Role != "" {
		u.Role = p.Role
	}
	return u
}

// keepsAnOwner refuses to leave the house without an active owner.
func (d *Directory) keepsAnOwner(ctx context.Context, without ...idp.UserID) error {
	owners, err := d.Store.Owners(ctx)
	if err != nil {
		return err
	}
	for _, o := range owners {
		if o.Status == idp.UserActive && !slices.Contains(without, o.ID) {
			return nil
		}
	}
	return idp.Errorf(idp.Denied, "This is the last owner. Make someone else an owner first.")
}
