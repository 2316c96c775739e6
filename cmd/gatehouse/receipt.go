package main

import (
	"context"
	"strconv"
	"text/tabwriter"

	"gatehouse/web/api/client"
)

type receiptCmd struct {
	List receiptListCmd `cmd:"" help:"List receipts, newest first."`
	Show receiptShowCmd `cmd:"" help:"Show a receipt, line by line."`

	Download receiptDownloadCmd `cmd:"" help:"Write a receipt as the house has signed it."`
	Verify   receiptVerifyCmd   `cmd:"" help:"Say what signed receipts prove, on this machine alone, or why they prove nothing."`
}

type receiptListCmd struct {
	remote
	User   string `help:"Username or ID; without it, everybody's."`
	Kind   string `help:"user (a suspension), passes, session, grant, app, before or key."`
	Open   bool   `help:"Only those of which a line may still change."`
	Failed bool   `help:"Only those with a line that has failed."`
}

// Run lists the receipts.
func (c receiptListCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	found, err := api.ReceiptsNow(ctx, client.ReceiptFilter{User: c.User, Kind: c.Kind, Open: c.Open, Failed: c.Failed})
	if err != nil {
		return err
	}
	return c.print(found, func(w *tabwriter.Writer) {
		row(w, "NUMBER", "ID", "KIND", "USER", "CUT AT", "REASON")
		for _, r := range found {
			row(w, r.Number, r.ID, r.Kind, r.UserID, at(&r.CutAt), or(r.Reason, "-"))
		}
	})
}

type receiptShowCmd struct {
	remote
	Receipt string `arg:"" help:"ID of the receipt."`
}

// Run shows the receipt.
func (c receiptShowCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	r, err := api.Receipt(ctx, c.Receipt)
	if err != nil {
		return err
	}
	return c.printReceipt(r)
}

func (r remote) printReceipt(rc client.Receipt) error {
	return r.print(rc, func(w *tabwriter.Writer) {
		row(w, "receipt", rc.ID+" (number "+strconv.FormatInt(rc.Number, 10)+")")
		row(w, "in force since", at(&rc.CutAt))
		row(w, "reason", or(rc.Reason, "-"))
		row(w, "by", rc.Actor)
		if rc.Version > 0 {
			row(w, "signed", "version "+strconv.FormatInt(rc.Version, 10)+", "+at(rc.SignedAt))
		}
		if rc.Listing {
			row(w, "lines", "still listing; see: gatehouse receipt show "+rc.ID)
		}
		row(w)
		row(w, "APP", "LEVER", "STATE", "ATTEMPTS", "LATENCY", "ANSWER")
		row(w, "Gatehouse", "epoch", "verified", 1, "-", atGatehouse(rc.Kind))
		for _, l := range rc.Lines {
			row(w, l.App, l.Lever, stateWords(l), l.Attempts, latency(l), or(l.Evidence, or(l.Answer, "-")))
		}
	})
}

// atGatehouse is what is true here since the cut.
func atGatehouse(kind string) string {
	switch kind {
	case "app":
		return "No token or code that the app held is accepted."
	case "grant":
		return "No token by this grant is accepted or issued."
	case "before":
		return "No pass made before is accepted."
	case "key":
		return "Nothing is signed by the key, nor published."
	}
	return "No pass is accepted or issued."
}

// stateWords is the state with its end, where it has one.
func stateWords(l client.Line) string {
	if l.State == "alive" {
		if l.Ceiling == nil {
			return "alive"
		}
		return "alive until " + at(l.Ceiling)
	}
	return l.State
}

func latency(l client.Line) string {
	if l.AckedAt == nil {
		return "-"
	}
	return strconv.FormatInt(l.LatencyMS, 10) + " ms"
}
