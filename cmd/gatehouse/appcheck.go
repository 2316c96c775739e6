package main

import (
	"context"
	"fmt"
	"text/tabwriter"
)

type appCheckCmd struct {
	remote
	App string `arg:"" help:"Name or ID of the app."`
}

// findingsError says that a reviewer would say something.
type findingsError struct{ n int }

func (e *findingsError) Error() string {
	return fmt.Sprintf("%d to look at", e.n)
}

func (e *findingsError) exitCode() int { return 3 }

// Run says what a reviewer would say.
func (c appCheckCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	found, err := api.Check(ctx, c.App)
	if err != nil {
		return err
	}
	err = c.print(found, func(w *tabwriter.Writer) {
		if len(found) == 0 {
			row(w, "nothing to say")
		}
		for _, f := range found {
			row(w, f.Rule, f.What)
			row(w, "", "Why: "+f.Why)
			row(w, "", "Change: "+f.Change)
		}
	})
	if err == nil && len(found) > 0 {
		err = &findingsError{len(found)}
	}
	return err
}
