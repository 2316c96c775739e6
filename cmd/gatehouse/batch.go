package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"gatehouse/web/api/client"
)

// mostFile bounds a file of names, in bytes.
const mostFile = 8 << 20

type userBatchCmd struct {
	List   batchListCmd   `cmd:"" help:"List suspensions of many people."`
	Show   batchShowCmd   `cmd:"" help:"Show how one stands, or wait for its end."`
	Cancel batchCancelCmd `cmd:"" help:"Leave out who is not suspended yet."`
}

type batchListCmd struct{ remote }

// Run lists the batches.
func (c batchListCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	found, err := api.Batches(ctx)
	if err != nil {
		return err
	}
	return c.print(found, func(w *tabwriter.Writer) {
		row(w, "ID", "BEGUN", "STATE", "PEOPLE", "SUSPENDED", "BEFORE", "REFUSED", "TO DO", "REASON")
		for _, b := range found {
			row(w, b.ID, at(b.CreatedAt), b.State, b.Total, b.Done, b.Already, b.Refused, b.ToDo, or(b.Reason, "-"))
		}
	})
}

// someBatch is a command on one batch.
type someBatch struct {
	remote
	Batch string `arg:"" help:"ID of the suspension of many."`
}

type batchShowCmd struct {
	someBatch
	Follow bool   `help:"Wait for its end, with a line that says how far it is."`
	People bool   `help:"List the people."`
	State  string `default:"" enum:",todo,done,already,refused" help:"List the people of this state."`
}

// Run shows the batch.
func (c batchShowCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	if c.Follow {
		return c.follow(ctx, api, c.Batch)
	}
	if c.People || c.State != "" {
		people, err := api.BatchPeople(ctx, c.Batch, c.State)
		if err != nil {
			return err
		}
		return c.print(people, func(w *tabwriter.Writer) { peopleText(w, people) })
	}
	b, err := api.Batch(ctx, c.Batch)
	if err != nil {
		return err
	}
	return c.print(b, func(w *tabwriter.Writer) { batchText(w, b) })
}

type batchCancelCmd struct{ someBatch }

// Run cancels the batch.
func (c batchCancelCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	b, err := api.CancelBatch(ctx, c.Batch)
	if err != nil {
		return err
	}
	return c.print(b, func(w *tabwriter.Writer) { batchText(w, b) })
}

func batchText(w *tabwriter.Writer, b client.Batch) {
	row(w, "batch", or(b.ID, "-"))
	row(w, "state", b.State)
	row(w, "people", b.Total)
	row(w, "suspended", b.Done)
	row(w, "suspended before", b.Already)
	row(w, "refused", b.Refused)
	row(w, "to do", b.ToDo)
	row(w, "reason", or(b.Reason, "-"))
}

func peopleText(w *tabwriter.Writer, people []client.BatchPerson) {
	row(w, "NAME", "STATE", "RECEIPT", "NOTE")
	for _, p := range people {
		row(w, p.Name, p.State, or(p.ReceiptID, "-"), or(p.Note, "-"))
	}
}

// many suspends many people and waits for the end of it.
func (r remote) many(ctx context.Context, m client.Many, dryRun, detach bool) error {
	api, err := r.client()
	if err != nil {
		return err
	}
	if dryRun {
		p, err := api.PlanMany(ctx, m)
		if err != nil {
			return err
		}
		return r.print(p, func(w *tabwriter.Writer) {
			row(w, fmt.Sprintf("Of %d people %d would be suspended, %d are suspended already, %d would be refused.", p.Total, p.ToDo, p.Already, p.Refused))
			if len(p.People) > 0 {
				row(w)
				peopleText(w, p.People)
			}
		})
	}
	b, err := api.SuspendMany(ctx, m)
	if err != nil {
		return err
	}
	if detach {
		return r.print(b, func(w *tabwriter.Writer) { batchText(w, b) })
	}
	return r.follow(ctx, api, b.ID)
}

const (
	followEvery = 250 * time.Millisecond
	// followPatience is how long a server may be away while it is followed.
	followPatience = 2 * time.Minute
)

// follow says how far a batch is until it is over: a line that moves, or with
// --json one object a line. It answers with an error when not everybody is
// suspended.
func (r remote) follow(ctx context.Context, api *client.Client, id string) error {
	var last client.Batch
	said, seen := "", time.Now()
	for {
		b, err := api.Batch(ctx, id)
		var refused *client.Problem
		switch {
		case err == nil:
			seen, last = time.Now(), b
		case errors.As(err, &refused) && refused.Status < 500, ctx.Err() != nil, time.Since(seen) > followPatience:
			r.moved("", &said)
			return fmt.Errorf("%w. What was begun goes on by itself; see: gatehouse user batch show %s", err, id)
		}
		if err == nil {
			r.progress(b, &said)
			if b.Over() {
				break
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(followEvery):
		}
	}
	r.moved("", &said)
	return r.outcome(ctx, api, last)
}

// progress says how far a batch is, when that has changed.
func (r remote) progress(b client.Batch, said *string) {
	if r.JSON {
		line, err := json.Marshal(b)
		if err == nil && string(line) != *said {
			*said = string(line)
			fmt.Println(*said)
		}
		return
	}
	words := fmt.Sprintf("%d of %d suspended", b.Done+b.Already, b.Total)
	if b.Refused > 0 {
		words += fmt.Sprintf(", %d refused", b.Refused)
	}
	r.moved(words, said)
}

// moved writes over the line that was there.
func (r remote) moved(words string, said *string) {
	if r.JSON || words == *said {
		return
	}
	pad := ""
	if n := len(*said) - len(words); n > 0 {
		pad = strings.Repeat(" ", n)
	}
	end := ""
	if words == "" {
		words, end = *said, "\n"
	}
	fmt.Fprint(os.Stderr, "\r"+words+pad+end)
	*said = words
}

// outcome prints how a batch has ended.
func (r remote) outcome(ctx context.Context, api *client.Client, b client.Batch) error {
	var left []client.BatchPerson
	if b.Refused > 0 {
		var err error
		if left, err = api.BatchPeople(ctx, b.ID, "refused"); err != nil {
			return err
		}
	}
	if !r.JSON {
		w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
		batchText(w, b)
		if len(left) > 0 {
			row(w)
			peopleText(w, left)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if n := b.Refused + b.ToDo; n > 0 {
		return fmt.Errorf("%d of %d people are not suspended by this; see: gatehouse user batch show %s --people", n, b.Total, b.ID)
	}
	return nil
}

// readNames reads a file of names, one a line; - is the standard input. Empty
// lines and what follows # are left out.
func readNames(path string) ([]string, error) {
	in := io.Reader(os.Stdin)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, mostFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the names: %w", err)
	}
	if len(raw) > mostFile {
		return nil, fmt.Errorf("%s has more than 8 MiB: make several files of it", path)
	}
	var names []string
	lines := bufio.NewScanner(strings.NewReader(string(raw)))
	for lines.Scan() {
		name, _, _ := strings.Cut(lines.Text(), "#")
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the names: %w", err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s names nobody: write one username a line", path)
	}
	return names, nil
}
