package main

import (
	"context"
	"errors"
	"strings"
	"text/tabwriter"

	"gatehouse/web/api/client"
)

type userCmd struct {
	Add     userAddCmd     `cmd:"" help:"Add a person and print the one-time link with which they set a password."`
	List    userListCmd    `cmd:"" help:"List people."`
	Show    userShowCmd    `cmd:"" help:"Show a person."`
	Invite  userInviteCmd  `cmd:"" help:"Print a new one-time link, or mail one."`
	Import  userImportCmd  `cmd:"" help:"Add people with the password hashes that another program had of them."`
	Suspend userSuspendCmd `cmd:"" help:"End everything a person holds, now and everywhere, and print the receipt."`
	Restore userRestoreCmd `cmd:"" help:"Let a suspended person sign in again."`

	ResetFactors userResetFactorsCmd `cmd:"" help:"Take away a person's authenticator app and recovery codes, and end everything they hold."`
	Credentials  userCredentialsCmd  `cmd:"" help:"List with what a person can prove to be themselves, or remove one of these."`

	Scheduled  userScheduledCmd  `cmd:"" help:"List suspensions that were scheduled, and how they went."`
	Unschedule userUnscheduleCmd `cmd:"" help:"Take a scheduled suspension back."`
	Batch      userBatchCmd      `cmd:"" help:"Suspensions of many people: how they stand."`
}

type userAddCmd struct {
	remote
	Username   string `arg:"" help:"Username."`
	Email      string `help:"E-mail address."`
	Name       string `help:"Display name."`
	GivenName  string `help:"Given name."`
	FamilyName string `help:"Family name."`
	Role       string `default:"employee" enum:"employee,owner" help:"employee or owner."`
	Mail       bool   `help:"Mail them an invitation; print no link."`
}

// Run adds the person.
func (c userAddCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	in, err := api.AddUser(ctx, client.Person{
		Username: c.Username, Email: c.Email, DisplayName: c.Name, GivenName: c.GivenName, FamilyName: c.FamilyName, Role: c.Role,
	})
	if err == nil && c.Mail {
		in, err = api.MailInvitation(ctx, in.User.ID)
	}
	if err != nil {
		return err
	}
	return c.printInvitation(in)
}

func (r remote) printInvitation(in client.Invitation) error {
	return r.print(in, func(w *tabwriter.Writer) {
		row(w, "user", in.User.Username+" ("+in.User.ID+")")
		if in.Mailed {
			row(w, "one-time link", "on its way to "+in.User.Email)
			return
		}
		row(w, "one-time link", in.Link)
		row(w, "works until", at(&in.ExpiresAt))
	})
}

type userListCmd struct {
	remote
	Search string `help:"Words that must occur in username, e-mail or names."`
	Status string `default:"" enum:",active,suspended" help:"active or suspended."`
}

// Run lists people.
func (c userListCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	users, err := api.Users(ctx, c.Search, c.Status)
	if err != nil {
		return err
	}
	return c.print(users, func(w *tabwriter.Writer) {
		row(w, "USERNAME", "NAME", "E-MAIL", "ROLE", "STATUS", "ID")
		for _, u := range users {
			row(w, u.Username, or(u.DisplayName, "-"), or(u.Email, "-"), u.Role, u.Status, u.ID)
		}
	})
}

// someUser is a command on one person.
type someUser struct {
	remote
	User string `arg:"" help:"Username or ID."`
}

type userShowCmd struct{ someUser }

// Run shows the person.
func (c userShowCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	u, err := api.User(ctx, c.User)
	if err != nil {
		return err
	}
	return c.print(u, func(w *tabwriter.Writer) { describe(w, u) })
}

func describe(w *tabwriter.Writer, u client.User) {
	row(w, "id", u.ID)
	row(w, "username", u.Username)
	row(w, "name", or(u.DisplayName, "-"))
	row(w, "e-mail", or(u.Email, "-"))
	row(w, "role", u.Role)
	row(w, "status", u.Status)
	row(w, "groups", or(strings.Join(u.Groups, ", "), "-"))
	if u.SuspendedAt != nil {
		row(w, "suspended at", at(u.SuspendedAt))
	}
}

type userInviteCmd struct {
	someUser
	Mail bool `help:"Mail it to them; print no link."`
}

// Run makes a new link.
func (c userInviteCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	invite := api.Invite
	if c.Mail {
		invite = api.MailInvitation
	}
	in, err := invite(ctx, c.User)
	if err != nil {
		return err
	}
	return c.printInvitation(in)
}

type userSuspendCmd struct {
	remote
	Users  []string `arg:"" optional:"" name:"user" help:"Username or ID; several are suspended together, each with a receipt."`
	File   string   `help:"Suspend whom this file names, one a line; - is the standard input." placeholder:"NAMES.txt"`
	Detach bool     `help:"Of several: do not wait for the end."`
	Reason string   `help:"Why; it stands in the receipt."`
	DryRun bool     `help:"Print what would end, by which lever, and what would survive until when. Nothing is written."`
	Myself bool     `name:"yes-myself" help:"Yes, suspend whoever the token belongs to. Only another owner can restore them."`
	At     string   `help:"Not now, but at this minute: '2026-12-01 17:00', on the clocks of --zone." placeholder:"MINUTE"`
	Zone   string   `help:"IANA time zone of --at, like Europe/Berlin." placeholder:"ZONE"`
}

// Run suspends the person, or many.
func (c userSuspendCmd) Run(ctx context.Context) error {
	names := c.Users
	if c.File != "" {
		more, err := readNames(c.File)
		if err != nil {
			return err
		}
		names = append(names, more...)
	}
	switch {
	case len(names) == 0:
		return errors.New("whom? Name a person, several, or a --file of names")
	case (len(names) > 1 || c.File != "") && c.At+c.Zone != "":
		return errors.New("--at is for one person; schedule each")
	case len(names) > 1 || c.File != "":
		return c.many(ctx, client.Many{Users: names, Reason: c.Reason, Myself: c.Myself}, c.DryRun, c.Detach)
	}
	return c.one(ctx, names[0])
}

// one suspends one person.
func (c userSuspendCmd) one(ctx context.Context, user string) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	if c.DryRun {
		p, err := api.PreviewSuspension(ctx, user)
		if err != nil {
			return err
		}
		return c.print(p, func(w *tabwriter.Writer) { previewText(w, p) })
	}
	if c.At != "" || c.Zone != "" {
		s, err := api.Schedule(ctx, user, client.Appointment{At: c.At, Zone: c.Zone, Reason: c.Reason, Myself: c.Myself})
		if err != nil {
			return err
		}
		return c.printSchedules(s, s)
	}
	suspend := api.Suspend
	if c.Myself {
		suspend = api.SuspendMyself
	}
	r, err := suspend(ctx, user, c.Reason)
	if err != nil {
		return err
	}
	return c.printReceipt(r)
}

// previewText lists what a suspension would end, kind by kind.
func previewText(w *tabwriter.Writer, p client.Preview) {
	row(w, "If "+p.Username+" were suspended now:")
	row(w)
	row(w, "WHAT", "WHERE", "ENDED BY", "SURVIVES")
	for _, s := range p.Sessions {
		row(w, "session", or(s.Address, "-")+", "+or(strings.Join(s.Apps, ", "), "no app"), "epoch", "no")
	}
	for _, f := range p.Families {
		row(w, "refresh token", f.App, "epoch", "no")
	}
	for _, t := range p.Tokens {
		row(w, "API token", t.Name, "epoch", "no")
	}
	for _, l := range p.Lines {
		if l.State == "ended" {
			continue // an account alone
		}
		row(w, "app's session", l.App, leverWords(l), survives(l))
	}
	for _, a := range p.Accounts {
		row(w, "account", a.App+", "+a.Subject, "-", "yes, it remains")
	}
}

func leverWords(l client.Line) string {
	if l.Destroys {
		return l.Lever + ", which deletes it there"
	}
	return l.Lever
}

func survives(l client.Line) string {
	switch {
	case l.State == "alive" && l.Ceiling == nil:
		return "until it ends by itself"
	case l.State == "alive":
		return "until " + at(l.Ceiling)
	case l.AgainAt != nil:
		return "no; told again at " + at(l.AgainAt)
	}
	return "no"
}

type userResetFactorsCmd struct{ someUser }

// Run takes the second factors away.
func (c userResetFactorsCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	r, err := api.ResetFactors(ctx, c.User)
	if err != nil {
		return err
	}
	if r.ID == "" {
		return c.print(r, func(w *tabwriter.Writer) {
			row(w, "There was no authenticator app and no recovery code. Nothing has ended.")
		})
	}
	return c.printReceipt(r)
}

type userRestoreCmd struct{ someUser }

// Run restores the person.
func (c userRestoreCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	u, err := api.Restore(ctx, c.User)
	if err != nil {
		return err
	}
	return c.print(u, func(w *tabwriter.Writer) { describe(w, u) })
}
