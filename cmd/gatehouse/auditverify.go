package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"

	"gatehouse/idp"
	"gatehouse/idp/keys"
	"gatehouse/idp/notary"
	"gatehouse/web/api/client"
)

type auditCmd struct {
	Verify     auditVerifyCmd     `cmd:"" help:"Walk the sealed audit log and name the first line that was changed, deleted, moved or put in."`
	Checkpoint auditCheckpointCmd `cmd:"" help:"Write the newest signed checkpoint of the audit log, to be kept somewhere else."`
}

type auditCheckpointCmd struct {
	remote
	Output string `short:"o" help:"File to write, which must not exist; without it, standard output."`
}

// Run writes the newest checkpoint.
func (c auditCheckpointCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	newest, err := api.NewestCheckpoint(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return c.print(newest, nil)
	}
	if c.Output == "" {
		_, err := os.Stdout.WriteString(newest.JWS + "\n")
		return err
	}
	if err := writeNew(c.Output, newest.JWS+"\n"); err != nil {
		return err
	}
	fmt.Printf("%s holds place %d of the audit log, signed %s.\n", c.Output, newest.Position, at(&newest.SignedAt))
	return nil
}

type auditVerifyCmd struct {
	remote
	Key        string   `help:"File with the public receipt keys of the house; without it, the server is asked for them."`
	Checkpoint []string `help:"File with signed checkpoints or receipts that were kept elsewhere (several times, if there are more)."`
}

// auditVerified is what was found true.
type auditVerified struct {
	Lines       int64  `json:"lines"` // each as it was sealed
	Hash        string `json:"hash"`  // of the last place
	Signed      int    `json:"signed"`
	SignedUpTo  int64  `json:"signed_up_to"`
	PassedOver  int    `json:"passed_over"` // signed by a key that was revoked
	FromOutside int    `json:"from_outside"`
}

// Run walks the log from its first place to its last.
func (c auditVerifyCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	public, err := receiptKeys(ctx, c.Key, c.URL)
	if err != nil {
		return err
	}
	var walk notary.Walk
	var found auditVerified
	if err := c.kept(public, &walk, &found); err != nil {
		return err
	}
	signed, err := api.Checkpoints(ctx)
	if err != nil {
		return err
	}
	for _, s := range signed {
		m, err := notary.VerifyMark(public, s.JWS)
		switch {
		case idp.IsKind(err, idp.Denied):
			found.PassedOver++
			continue
		case err != nil:
			return fmt.Errorf("the checkpoint at place %d: %w", s.Position, detailOf(err))
		case m.Position != s.Position || m.Hash != s.Hash:
			return fmt.Errorf("the checkpoint at place %d was changed: the house signed it for place %d", s.Position, m.Position)
		}
		walk.Expect(m)
		found.SignedUpTo = max(found.SignedUpTo, m.Position)
	}
	if err := walkChain(ctx, api, &walk); err != nil {
		return err
	}
	found.Lines, found.Hash, found.Signed = walk.At.Position, walk.At.Hash, walk.Met
	return c.print(found, func(w *tabwriter.Writer) {
		row(w, "lines", fmt.Sprintf("%d, each as it was sealed", found.Lines))
		row(w, "signed", fmt.Sprintf("%d checkpoints are met, up to place %d", found.Signed, found.SignedUpTo))
		if found.PassedOver > 0 {
			row(w, "passed over", fmt.Sprintf("%d checkpoints of a key that was revoked", found.PassedOver))
		}
		if found.FromOutside == 0 {
			row(w, "from outside", "nothing: whoever can change the database could have cut off the tail with its checkpoints; see --checkpoint")
		} else {
			row(w, "from outside", fmt.Sprintf("%d places that were kept elsewhere are met", found.FromOutside))
		}
		row(w, "last hash", or(found.Hash, "-"))
	})
}

// kept has the walk meet what was kept elsewhere. All of it must be the
// house's.
func (c auditVerifyCmd) kept(public keys.ReceiptKeys, walk *notary.Walk, found *auditVerified) error {
	for _, path := range c.Checkpoint {
		lines, err := signedLines(path)
		if err != nil {
			return err
		}
		for i, line := range lines {
			m, err := notary.VerifyMark(public, line)
			if err != nil {
				return fmt.Errorf("%s, line %d: %w", path, i+1, detailOf(err))
			}
			walk.Expect(m)
			found.FromOutside++
			found.SignedUpTo = max(found.SignedUpTo, m.Position)
		}
	}
	return nil
}

// walkChain goes from place to place, and then looks for lines that have none.
func walkChain(ctx context.Context, api *client.Client, walk *notary.Walk) error {
	err := api.Chain(ctx, func(l client.ChainLink) error { return walk.Next(linkOf(l)) })
	if err == nil {
		err = walk.End()
	}
	if err == nil {
		err = api.Unchained(ctx, func(r client.AuditRow) error {
			if r.Position > walk.At.Position {
				return nil // sealed since
			}
			return idp.Errorf(idp.Invalid, "The line %s (%s) claims place %d, where another was sealed: it was put in.", r.ID, r.Kind, r.Position)
		})
	}
	if idp.IsKind(err, idp.Invalid) {
		return fmt.Errorf("the audit log was changed. %w", detailOf(err))
	}
	return err
}

func linkOf(l client.ChainLink) idp.ChainLink {
	link := idp.ChainLink{Position: l.Position, EventID: idp.EventID(l.EventID), Hash: l.Hash, SealedAt: l.SealedAt}
	if r := l.Row; r != nil {
		link.Row = &idp.AuditRow{
			ID: idp.EventID(r.ID), AtMicros: r.At, Kind: r.Kind, Actor: r.Actor, UserID: idp.UserID(r.UserID), AppID: idp.AppID(r.AppID),
			SessionID: idp.SessionID(r.SessionID), Detail: r.Detail, Position: r.Position,
		}
	}
	return link
}
