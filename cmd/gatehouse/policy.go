package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"

	"gatehouse/web/api/client"
)

type policyCmd struct {
	Show policyShowCmd `cmd:"" help:"Say the policy in sentences."`
	Set  policySetCmd  `cmd:"" help:"Set the policy that a file says, unless it locks somebody out."`
}

type policyShowCmd struct{ remote }

// Run shows the policy.
func (c policyShowCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	p, err := api.Policy(ctx)
	if err != nil {
		return err
	}
	return c.printPolicy(p)
}

func (r remote) printPolicy(p client.Policy) error {
	return r.print(p, func(w *tabwriter.Writer) {
		if len(p.Sentences) == 0 {
			row(w, "Nothing is asked beyond what people have set up themselves.")
		}
		for _, s := range p.Sentences {
			row(w, s)
		}
		if p.LocksOut != nil && p.LocksOut.Sentence != "" {
			row(w, p.LocksOut.Sentence)
		}
	})
}

type policySetCmd struct {
	remote
	File   string `arg:"" help:"YAML file with rules, idle, absolute, remember, email_code and mail_recovers; - for standard input."`
	DryRun bool   `help:"Say whom it would lock out, and change nothing."`
	Accept bool   `help:"Set it although it locks people out."`
}

// Run sets the policy.
func (c policySetCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	text, err := readText(c.File)
	if err != nil {
		return err
	}
	var want client.Policy
	dec := yaml.NewDecoder(strings.NewReader(text))
	dec.KnownFields(true)
	err = dec.Decode(&want)
	if wrong, ok := errors.AsType[*yaml.TypeError](err); ok {
		return fmt.Errorf("%s: %s", c.File, strings.Join(plain(wrong.Errors), "; "))
	}
	if err != nil && err != io.EOF {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	set, err := api.SetPolicy(ctx, want, c.Accept, c.DryRun)
	if err != nil {
		return err
	}
	return c.printPolicy(set)
}
