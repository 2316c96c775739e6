package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"

	"gatehouse/web/api/client"
)

type applyCmd struct {
	remote
	File   string `arg:"" help:"YAML file with users, groups, apps, grants, the look of the house and its policy; - for standard input."`
	DryRun bool   `help:"Print the difference and change nothing."`
}

// Run applies the file.
func (c applyCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	want, err := c.read()
	if err != nil {
		return err
	}
	done, err := api.Apply(ctx, want, c.DryRun)
	if err != nil {
		return err
	}
	return c.print(done, func(w *tabwriter.Writer) {
		if len(done.Changes) == 0 {
			row(w, "nothing to change")
		}
		for _, d := range done.Changes {
			row(w, d.Verb, d.Kind, d.Name, or(d.Detail, or(d.Link, or(d.Secret, d.Identifier))))
		}
	})
}

// read reads the file strictly: an unknown name is an error, not a wish that
// is silently ignored.
func (c applyCmd) read() (client.Desired, error) {
	var want client.Desired
	text, err := readText(c.File)
	if err != nil {
		return want, err
	}
	dec := yaml.NewDecoder(strings.NewReader(text))
	dec.KnownFields(true)
	err = dec.Decode(&want)
	if wrong, ok := errors.AsType[*yaml.TypeError](err); ok {
		return want, fmt.Errorf("%s: %s", c.File, strings.Join(plain(wrong.Errors), "; "))
	}
	if err != nil && err != io.EOF {
		return want, fmt.Errorf("%s: %w", c.File, err)
	}
	return want, c.readLogo(want.House)
}

// readLogo reads the logo that a look names, beside the file.
func (c applyCmd) readLogo(look *client.Look) error {
	if look == nil || look.LogoFile == "" {
		return nil
	}
	name := look.LogoFile
	if !filepath.IsAbs(name) && c.File != "-" {
		name = filepath.Join(filepath.Dir(c.File), name)
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("the logo: %w", err)
	}
	logo := base64.StdEncoding.EncodeToString(raw)
	look.Logo = &logo
	return nil
}

// readText reads a file, or standard input where it is named -.
func readText(file string) (string, error) {
	if file == "-" {
		raw, err := io.ReadAll(os.Stdin)
		return string(raw), err
	}
	raw, err := os.ReadFile(file)
	return string(raw), err
}

// plain leaves out of the parser's complaints which Go type they were about.
func plain(complaints []string) []string {
	for i, c := range complaints {
		complaints[i], _, _ = strings.Cut(c, " in type ")
	}
	return complaints
}
