package main

import (
	"context"
	"text/tabwriter"

	"gatehouse/web/api/client"
)

type appMetadataCmd struct {
	remote
	App         string `arg:"" help:"Name or ID of the app."`
	File        string `help:"Metadata file; - for standard input."`
	MetadataURL string `name:"metadata-url" help:"Where it is published; the server reads it."`
	DryRun      bool   `help:"Print the difference and change nothing."`
}

// Run registers what the document says.
func (c appMetadataCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	from := client.MetadataSource{URL: c.MetadataURL}
	if c.File != "" {
		if from.Metadata, err = readText(c.File); err != nil {
			return err
		}
	}
	done, err := api.ApplyMetadata(ctx, c.App, from, c.DryRun)
	if err != nil {
		return err
	}
	return c.print(done, func(w *tabwriter.Writer) {
		if len(done.Changes) == 0 {
			row(w, "nothing to change")
		}
		for _, d := range done.Changes {
			row(w, d.Setting, "was", or(d.Old, "-"))
			row(w, "", "is", or(d.New, "-"))
		}
		for _, words := range done.Warnings {
			row(w, "# "+words)
		}
	})
}
