package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"gatehouse/web/api/client"
)

type exposureCmd struct {
	remote
	User string        `xor:"who" required:"" help:"Of one person."`
	App  string        `xor:"who" required:"" help:"Of everybody in one app."`
	All  bool          `xor:"who" required:"" help:"Of everybody."`
	Max  time.Duration `help:"Name only what may last longer than this, and exit 3 when there is any."`
}

// offendersError says that access may outlive a suspension by too long.
type offendersError struct {
	n   int
	max time.Duration
}

func (e *offendersError) exitCode() int { return 3 }

func (e *offendersError) Error() string {
	return fmt.Sprintf("%d may last longer than %s", e.n, e.max)
}

// Run prints exposures, person by person, as they come: there may be many.
func (c exposureCmd) Run(ctx context.Context) error {
	if c.Max < 0 {
		return errors.New("--max is a time span like 15m")
	}
	api, err := c.client()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	if !c.JSON {
		row(w, "PERSON", "APP", "AT MOST", "BECAUSE")
	}
	enc := json.NewEncoder(os.Stdout)
	named, offenders := 0, 0
	err = api.Exposure(ctx, c.User, c.App, func(e client.Exposure) error {
		if c.Max > 0 {
			if e.Seconds != nil && time.Duration(*e.Seconds)*time.Second <= c.Max {
				return nil
			}
			offenders++
		}
		if c.JSON {
			return enc.Encode(e)
		}
		row(w, e.Username, e.App, atMost(e), basis(e))
		if named++; named%200 == 0 {
			return w.Flush()
		}
		return nil
	})
	if err = errors.Join(err, w.Flush()); err != nil {
		return err
	}
	if offenders > 0 {
		return &offendersError{offenders, c.Max}
	}
	return nil
}

func atMost(e client.Exposure) string {
	if e.Seconds == nil {
		return "no end known"
	}
	return (time.Duration(*e.Seconds) * time.Second).String()
}

// basis says in words what bounds it.
func basis(e client.Exposure) string {
	words := map[string]string{
		"lever":          "it is told by " + e.Lever,
		"assertion":      "its assertion says so (SessionNotOnOrAfter)",
		"session_expiry": "it honours session_expiry",
		"jwt":            "JWT lifetime: its access tokens live until they expire",
		"nothing":        "nothing reaches it, nothing bounds it",
	}[e.Basis]
	switch {
	case e.Distrusted:
		return words + "; it did not take what it was told last"
	case e.Basis == "lever" && e.Verified:
		return words + ", then asked"
	}
	return words
}
