package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/keys"
	"gatehouse/sessions"
	"gatehouse/store"
)

type adminCmd struct {
	Recover adminRecoverCmd `cmd:"" help:"Print a one-time link: a new password for an owner, or, without a name, one more owner. On the machine itself, while the server runs or not."`
}

type adminRecoverCmd struct {
	User   string `arg:"" optional:"" help:"Username, e-mail address or ID of an owner."`
	Config string `help:"YAML file with settings; the environment wins over it."`
}

// Run makes the link straight in the database.
func (a adminRecoverCmd) Run(ctx context.Context) error {
	ctx = idp.WithActor(ctx, idp.Actor{Kind: "machine"})
	c, err := loadConfig(os.Environ(), a.Config)
	if err != nil {
		return err
	}
	if err := isHere(c); err != nil {
		return err
	}
	if err := c.prepare(); err != nil {
		return err
	}
	db, err := store.Open(ctx, c.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	db.Now, db.Mails = wallTime, c.Mail != nil
	if err := opens(ctx, db, c.Secret); err != nil {
		return err
	}
	raw, l, whom, err := a.link(ctx, db)
	if err != nil {
		return err
	}
	fmt.Printf("Open this link once, before %s, %s:\n\n    %s/link/%s\n\nIt stands in the audit log as admin.recover.\n",
		l.ExpiresAt.Format(time.RFC3339), whom, c.URL, raw)
	return nil
}

// isHere refuses a machine that is not the house's: what it lacks would be made
// anew, for a house of nobody.
func isHere(c Config) error {
	if err := exists(c.Database); err != nil {
		return err
	}
	if len(c.Secret) > 0 || !strings.HasPrefix(c.Database, "sqlite:") {
		return nil // prepare asks for it
	}
	if _, err := os.Stat(filepath.Join(c.Data, "secret")); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no root key in %s; set GATEHOUSE_DATA or GATEHOUSE_SECRET as for the server", c.Data)
	}
	return nil
}

// opens refuses a root key that is not this house's.
func opens(ctx context.Context, db *store.Store, secret []byte) error {
	kept, err := db.SigningKeys(ctx)
	if err != nil || len(kept) == 0 {
		return err
	}
	box, err := keys.NewBox(secret)
	if err != nil {
		return err
	}
	ring := &keys.Ring{Store: db, Box: box, Now: wallTime, Lease: keys.DefaultLease}
	if err := ring.Load(ctx); err != nil {
		return fmt.Errorf("the root key does not open what this database holds; set GATEHOUSE_SECRET as for the server: %w", err)
	}
	return nil
}

// link makes the link and says what it is for.
func (a adminRecoverCmd) link(ctx context.Context, db *store.Store) (raw string, l idp.Link, whom string, err error) {
	gate := &sessions.Gate{Backend: db, Now: wallTime}
	generation, err := db.Generation(ctx)
	if err != nil {
		return "", l, "", err
	}
	proof, purpose := idp.Proof{Generation: generation}, idp.LinkOwner
	whom = "to become one more owner"
	with := idp.Change{Events: []idp.Event{{
		ID: idp.NewEventID(), At: idp.Time(wallTime()), Kind: "admin.recover", Actor: idp.ActorOf(ctx),
	}}}
	if a.User != "" {
		u, err := owner(ctx, db, a.User)
		if err != nil {
			return "", l, "", err
		}
		proof.UserID, proof.Epoch, purpose = u.ID, u.Epoch, idp.LinkReset
		whom = "to choose a new password for " + u.Username
		with.Events[0].UserID = u.ID
		with.Mails = []idp.Mail{idp.NewMail(idp.MailLinkMade, u, wallTime())}
	}
	raw, l, err = gate.NewLinkWith(ctx, proof, purpose, with)
	return raw, l, whom, err
}

// owner is who may be let in by name: nobody becomes more than they were.
func owner(ctx context.Context, db *store.Store, name string) (idp.User, error) {
	u, err := directory.Named(ctx, db.UserByName, name)
	if idp.IsKind(err, idp.NotFound) {
		u, err = db.User(ctx, idp.UserID(name))
	}
	switch {
	case err != nil:
		return u, fmt.Errorf("look for %s: %w", name, err)
	case u.Role != idp.RoleOwner:
		return u, fmt.Errorf("%s is no owner; without a name, the command makes a link for one more owner", u.Username)
	case u.Status != idp.UserActive:
		return u, fmt.Errorf("%s is suspended; without a name, the command makes a link for one more owner, who can restore them", u.Username)
	}
	return u, nil
}
