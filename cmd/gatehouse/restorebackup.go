package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/journal"
	"gatehouse/idp/keys"
	"gatehouse/store"
)

type restoreBackupCmd struct {
	File    string   `arg:"" optional:"" help:"Backup to restore into an empty database."`
	Journal []string `help:"Cut journal of a node (its directory cuts, or a file of it); may be given more than once. That of this machine is read by itself." type:"path"`
	InPlace bool     `help:"The database was put back by other means: treat it as restored."`
	Suspend []string `help:"Suspend this person too; may be given more than once. For what no journal has."`
	Confirm bool     `help:"Open the house: you are an owner, and the list is complete."`
	Config  string   `help:"YAML file with settings; the environment wins over it."`
}

// mostHoles is how many gaps of the journals are named.
const mostHoles = 20

// lastLease is how long a node may yet believe what it read from Redis.
const lastLease = 1250 * time.Millisecond

// Run restores, makes cuts again, shows the list, and confirms: whichever of
// these was asked for.
func (r restoreBackupCmd) Run(ctx context.Context) error {
	ctx = idp.WithActor(ctx, idp.Actor{Kind: "machine"})
	c, err := loadConfig(os.Environ(), r.Config)
	if err != nil {
		return err
	}
	if r.File != "" && r.InPlace {
		return errors.New("give a FILE or --in-place, not both")
	}
	if err := needsRootKey(c); err != nil {
		return err
	}
	if err := c.prepare(); err != nil {
		return err
	}
	if r.File == "" {
		if err := exists(c.Database); err != nil {
			return err
		}
	}
	// Read before anything is written: a wrong path should cost nothing.
	cuts, err := r.journals(c)
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, c.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := r.restore(ctx, db); err != nil {
		return err
	}
	ring, err := openKeys(ctx, c, db)
	if err != nil {
		return err
	}
	h, err := db.House(ctx)
	if err != nil {
		return err
	}
	if h.State != idp.HouseUnconfirmed {
		return errors.New("this house was not restored from a backup, or is confirmed already; to restore one, name its FILE")
	}
	people := &directory.Directory{Store: db, Keys: ring, Now: time.Now}
	if err := replay(ctx, db, people, cuts, h); err != nil {
		return err
	}
	if err := r.suspend(ctx, people); err != nil {
		return err
	}
	if err := r.show(ctx, db, cuts, h); err != nil {
		return err
	}
	return r.confirm(ctx, db)
}

// needsRootKey: a fresh one, which SQLite would get, opens nothing of what is
// restored.
func needsRootKey(c Config) error {
	if len(c.Secret) > 0 {
		return nil
	}
	path := filepath.Join(c.Data, "secret")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the root key is not in a backup: put the old file secret into %s, or set GATEHOUSE_SECRET to what it was", c.Data)
	}
	return nil
}

// journals reads those that were named, and that of this machine.
func (r restoreBackupCmd) journals(c Config) (journal.Content, error) {
	if !r.reads() {
		return journal.Content{}, nil
	}
	var paths []string
	for _, path := range r.Journal {
		// The data directory will do.
		if info, err := os.Stat(filepath.Join(path, "cuts")); err == nil && info.IsDir() {
			path = filepath.Join(path, "cuts")
		}
		paths = append(paths, path)
	}
	own := cutsDir(c)
	found, err := filepath.Glob(filepath.Join(own, "*.jsonl"))
	if err != nil {
		return journal.Content{}, err
	}
	if len(found) > 0 {
		paths = append(paths, own)
	}
	return journal.Read(paths...)
}

// reads reports whether this call reads journals at all.
func (r restoreBackupCmd) reads() bool { return r.File != "" || r.InPlace || len(r.Journal) > 0 }

// restore fills the database, or takes the one that is there as restored.
func (r restoreBackupCmd) restore(ctx context.Context, db *store.Store) error {
	started := time.Now()
	switch {
	case r.File != "":
		f, err := os.Open(r.File)
		if err != nil {
			return fmt.Errorf("open the backup: %w", err)
		}
		b, err := db.Restore(ctx, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		fmt.Printf("Restored %d rows in %s.\n", b.Rows, time.Since(started).Round(time.Millisecond))
	case r.InPlace:
		if err := db.Migrate(ctx); err != nil {
			return err
		}
		if _, err := db.RestoredInPlace(ctx); err != nil {
			return err
		}
		time.Sleep(lastLease)
	default:
		return db.Migrate(ctx)
	}
	return nil
}

// openKeys opens the signing keys of what was restored, which only the root
// key of that time does.
func openKeys(ctx context.Context, c Config, db *store.Store) (*keys.Ring, error) {
	box, err := keys.NewBox(c.Secret)
	if err != nil {
		return nil, err
	}
	ring := &keys.Ring{Store: db, Box: box, Now: time.Now, Subject: c.URL.Hostname()}
	if err := ring.Load(ctx); err != nil {
		return nil, fmt.Errorf("what was restored was sealed with another root key; set GATEHOUSE_SECRET to the one of that time: %w", err)
	}
	return ring, nil
}

// replay makes the cuts again that the database does not have. Where it was
// put back in place, its log may have gone on since under the same numbers:
// then the wish says whether it has the cut.
func replay(ctx context.Context, db *store.Store, people *directory.Directory, c journal.Content, h idp.House) error {
	var lasting []idp.Cut
	from := h.From.N
	if h.InPlace {
		from = 0
	}
	for _, cut := range c.After(h.From.Era, from) {
		if !cut.Lasts() {
			continue
		}
		if h.InPlace {
			switch _, err := db.EndingByKey(ctx, cut.Key); {
			case err == nil:
				continue
			case !idp.IsKind(err, idp.NotFound):
				return err
			}
		}
		lasting = append(lasting, cut)
	}
	done, err := people.Replay(ctx, lasting)
	return errors.Join(err, db.SaveReplays(ctx, done))
}

// suspend ends what the owner knows of and no journal does.
func (r restoreBackupCmd) suspend(ctx context.Context, people *directory.Directory) error {
	for _, name := range r.Suspend {
		u, err := directory.Named(ctx, people.Store.UserByName, name)
		if err != nil {
			return fmt.Errorf("--suspend %s: %w", name, err)
		}
		if _, err := people.Suspend(ctx, u.ID, "suspended after the backup"); err != nil {
			return fmt.Errorf("--suspend %s: %w", name, err)
		}
		fmt.Printf("Suspended %s.\n", u.Username)
	}
	return nil
}

// show prints what the owner confirms.
func (r restoreBackupCmd) show(ctx context.Context, db *store.Store, c journal.Content, h idp.House) error {
	list, err := db.Replays(ctx)
	if err != nil {
		return err
	}
	stood := "as it was put back"
	if !h.InPlace {
		stood = fmt.Sprintf("as it was at %s (cut %d)", h.From.At.Format(time.RFC3339), h.From.N)
	}
	fmt.Printf("\nThis house is %s. Every session, token and link of before is dead.\n", stood)
	switch highest, holes := c.Through(h.From.Era, h.From.N); {
	case !r.reads():
	case c.Empty():
		fmt.Println("No cut journal was read: who was suspended after that moment is active here.")
	case len(holes) > 0:
		fmt.Printf("The cut journals go on to cut %d. Of %s no journal speaks: changes that cut nobody, or cuts of a node whose journal was not named.\n",
			highest, strings.Join(holes[:min(len(holes), mostHoles)], ", "))
	default:
		fmt.Printf("The cut journals go on to cut %d and miss none. Whether there was one after it, no file can say.\n", highest)
	}
	for _, line := range c.Broken {
		fmt.Printf("Line %s of a journal was changed or is damaged; what can be read of it counts.\n", line)
	}
	fmt.Printf("\nCuts after the backup: %d\n", len(list))
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	if len(list) > 0 {
		row(w, "CUT", "AT", "WHAT", "OF WHOM", "REASON", "NOW")
	}
	for _, p := range list {
		now := string(p.Outcome)
		if p.Detail != "" {
			now += ". " + p.Detail
		}
		row(w, p.N, p.At.Format(time.RFC3339), what(p.Kind), of(p.Cut), or(p.Reason, "-"), now)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	owners, err := db.Owners(ctx)
	if err != nil {
		return err
	}
	fmt.Print(ownersWords(owners))
	return nil
}

// ownersWords names who may do everything once the house is open: roles that
// fell after the backup are in no journal.
func ownersWords(owners []idp.User) string {
	var names []string
	for _, u := range owners {
		if u.Status == idp.UserActive {
			names = append(names, u.Username)
		}
	}
	return fmt.Sprintf("\nOwners in this house: %s. Who was made an employee after that moment is an owner again: "+
		"no journal says so. Suspend who should not be one, or change them first of all.\n", or(strings.Join(names, ", "), "none"))
}

func what(k idp.EndingKind) string {
	switch k {
	case idp.EndUser:
		return "suspended"
	case idp.EndGrant:
		return "app or group taken away"
	case idp.EndKey:
		return "signing key revoked"
	}
	return "all passes ended"
}

func of(c idp.Cut) string {
	var parts []string
	for _, p := range []string{or(c.Username, string(c.UserID)), string(c.GroupID), string(c.AppID), string(c.KeyID)} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return or(strings.Join(parts, " "), "-")
}

// confirm opens the house.
func (r restoreBackupCmd) confirm(ctx context.Context, db *store.Store) error {
	if !r.Confirm {
		fmt.Print(`
The house is closed until an owner confirms this list. Suspend who is missing in
it (gatehouse restore-backup --suspend NAME), then open it:

    gatehouse restore-backup --confirm

`)
		return nil
	}
	if err := db.ConfirmRestore(ctx); err != nil {
		return err
	}
	fmt.Println("\nConfirmed. People may sign in again.")
	return nil
}
