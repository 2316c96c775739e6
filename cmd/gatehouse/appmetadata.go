package main

import (
	"context"
	"errors"
	"text/tabwriter"

	"gatehouse/web/api/client"
)

type appMetadataCmd struct {
	remote
	App         string `arg:"" help:"Name or ID of the app."`
	File        string `xor:"what" help:"Register what this file says, of a federation's that of the app; - for standard input."`
	MetadataURL string `name:"metadata-url" xor:"what" help:"Register what this address says; the server reads it, once."`
	Waiting     bool   `xor:"what" help:"Register what was read at the app's address and waits."`
	Source      string `xor:"what" help:"Read its metadata at this address from now on, about once a day."`
	NoSource    bool   `xor:"what" help:"Read its metadata nowhere any more."`
	Refresh     bool   `xor:"what" help:"Read it at its address now."`
	Pin         string `help:"PEM file of the certificate that signs it: what it has not signed as a whole is refused. With --source, what is proven by it is registered by itself; without it, what changes waits."`
	DryRun      bool   `help:"Print the difference and change nothing."`
}

// Run registers what a document says, or says how reading it again stands.
func (c appMetadataCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	pin := ""
	if c.Pin != "" {
		if pin, err = readText(c.Pin); err != nil {
			return err
		}
	}
	switch {
	case c.File != "" || c.MetadataURL != "" || c.Waiting:
		return c.apply(ctx, api, pin)
	case c.Source != "" || c.NoSource:
		return api.SetMetadataAddress(ctx, c.App, client.MetadataAddress{URL: c.Source, Pin: pin})
	case c.Refresh:
		m, err := api.RefreshMetadata(ctx, c.App)
		return c.printRefresh(m, err)
	}
	m, err := api.MetadataRefresh(ctx, c.App)
	return c.printRefresh(m, err)
}

func (c appMetadataCmd) apply(ctx context.Context, api *client.Client, pin string) error {
	from := client.MetadataSource{URL: c.MetadataURL}
	var err error
	if c.MetadataURL != "" {
		from.Pin = pin
	}
	if c.File != "" {
		from.Metadata, err = c.fileOf(ctx, api, pin)
	}
	if c.Waiting {
		var m client.MetadataRefresh
		m, err = api.MetadataRefresh(ctx, c.App)
		if from.Metadata = m.Waiting; err == nil && m.Waiting == "" {
			return errors.New("nothing waits: what was read at its address is what is registered")
		}
	}
	if err != nil {
		return err
	}
	done, err := api.ApplyMetadata(ctx, c.App, from, c.DryRun)
	if err != nil {
		return err
	}
	return c.print(done, func(w *tabwriter.Writer) {
		if len(done.Changes) == 0 {
			row(w, "nothing to change")
		}
		changeLines(w, done.Changes)
		for _, words := range done.Warnings {
			row(w, "# "+words)
		}
	})
}

// fileOf is the app's metadata in the file.
func (c appMetadataCmd) fileOf(ctx context.Context, api *client.Client, pin string) (string, error) {
	a, err := api.App(ctx, c.App)
	if err != nil {
		return "", err
	}
	return oneOf(c.File, a.Identifier, pin)
}

func changeLines(w *tabwriter.Writer, changes []client.SettingChange) {
	for _, d := range changes {
		row(w, d.Setting, "was", or(d.Old, "-"))
		row(w, "", "is", or(d.New, "-"))
	}
}

func (c appMetadataCmd) printRefresh(m client.MetadataRefresh, err error) error {
	if err != nil {
		return err
	}
	return c.print(m, func(w *tabwriter.Writer) {
		row(w, "read at", m.URL)
		row(w, "proven by", map[bool]string{true: "the pinned certificate", false: "nothing: what changes waits"}[m.Pinned])
		row(w, "last read", at(m.CheckedAt))
		row(w, "outcome", or(m.Outcome, "-"), m.Detail)
		row(w, "next", at(m.NextAt))
		row(w, "registered until", at(m.ValidUntil))
		if m.Waiting != "" {
			row(w, "waits since", at(m.WaitingSince), "gatehouse app metadata NAME --waiting registers it")
			changeLines(w, m.Changes)
		}
	})
}
