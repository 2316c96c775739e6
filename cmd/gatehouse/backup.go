package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/store"
)

type backupCmd struct {
	File   string `arg:"" help:"File to write, which must not exist; - is standard output."`
	Config string `help:"YAML file with settings; the environment wins over it."`
}

// Run backs up the house while it serves.
func (b backupCmd) Run(ctx context.Context) error {
	c, err := loadConfig(os.Environ(), b.Config)
	if err != nil {
		return err
	}
	if err := exists(c.Database); err != nil {
		return err
	}
	db, err := store.Open(ctx, c.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	if b.File == "-" {
		_, err := db.Backup(ctx, os.Stdout, version)
		return err
	}
	started := time.Now()
	done, size, err := backUp(ctx, db, b.File)
	if err != nil {
		return err
	}
	fmt.Printf("%s holds everything up to %s (cut %d): %d rows, %d bytes, %s.\n", b.File, done.At.Format(time.RFC3339), done.N,
		done.Rows, size, time.Since(started).Round(time.Millisecond))
	fmt.Println("The root key is not in it. Keep GATEHOUSE_SECRET (or the file secret in the data directory) somewhere else: without it the backup is of no use.")
	return nil
}

// exists refuses a database that opening would make.
func exists(dsn string) error {
	path, lite := strings.CutPrefix(dsn, "sqlite:")
	if !lite {
		return nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return fmt.Errorf("there is no database %s; set GATEHOUSE_DATA or GATEHOUSE_DATABASE as for the server", path)
	}
	return err
}

// backUp writes the file under another name first: what has its name is whole
// and on disk.
func backUp(ctx context.Context, db *store.Store, path string) (done idp.Backup, size int64, err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return done, 0, fmt.Errorf("%s exists already; choose another name", path)
	}
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return done, 0, fmt.Errorf("write the backup (a %s that an earlier one left may be removed): %w", tmp, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(tmp))
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	if done, err = db.Backup(ctx, w, version); err != nil {
		return done, 0, err
	}
	if err = errors.Join(w.Flush(), f.Sync()); err != nil {
		return done, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return done, 0, err
	}
	// A link, unlike a rename, takes nobody's name.
	if err = os.Link(tmp, path); err != nil {
		return done, 0, fmt.Errorf("name the backup: %w", err)
	}
	if err := errors.Join(f.Close(), os.Remove(tmp)); err != nil {
		return done, info.Size(), err
	}
	return done, info.Size(), syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
