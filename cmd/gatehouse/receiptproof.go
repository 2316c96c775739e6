package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/keys"
	"gatehouse/idp/notary"
	"gatehouse/web/api/client"
)

type receiptDownloadCmd struct {
	remote
	Receipt string `arg:"" help:"ID of the receipt."`
	Output  string `short:"o" help:"File to write, which must not exist; without it, standard output."`
	Version int64  `help:"Number of the version; without it, the newest."`
	All     bool   `help:"All versions, one a line."`
}

// Run writes the signed receipt, byte for byte.
func (c receiptDownloadCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	newest, err := api.SignedReceipt(ctx, c.Receipt, c.Version)
	if err != nil {
		return err
	}
	versions := []client.SignedReceipt{newest}
	if c.All {
		versions = nil
		for v := int64(1); v < newest.Version; v++ {
			older, err := api.SignedReceipt(ctx, c.Receipt, v)
			if err != nil {
				return err
			}
			versions = append(versions, older)
		}
		versions = append(versions, newest)
	}
	if c.JSON {
		return c.print(versions, nil)
	}
	var text strings.Builder
	for _, v := range versions {
		text.WriteString(v.JWS + "\n")
	}
	if c.Output == "" {
		_, err := os.Stdout.WriteString(text.String())
		return err
	}
	if err := writeNew(c.Output, text.String()); err != nil {
		return err
	}
	fmt.Printf("%s holds version %d of receipt %s, signed %s.\n", c.Output, newest.Version, newest.ID, at(&newest.SignedAt))
	if !newest.Final {
		fmt.Println("Some of its lines may still turn: another version follows then.")
	}
	return nil
}

// writeNew writes a file that is not there yet.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists already; choose another name", path)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

type receiptVerifyCmd struct {
	Files []string `arg:"" help:"Files with signed versions, one a line."`
	Key   string   `help:"File with the public receipt keys of the house (from its /.well-known/gatehouse-receipts), or with one of them."`
	URL   string   `name:"url" help:"Public URL of the house, to ask it for its keys. Without it nothing is asked of anybody."`
	JSON  bool     `name:"json" help:"Print JSON."`
}

// Run says what the files prove, or which is refused and why.
func (c receiptVerifyCmd) Run(ctx context.Context) error {
	if c.Key == "" && c.URL == "" {
		return errors.New("say whose signature counts: --key FILE with the public receipt keys, or --url URL of the house to ask it for them")
	}
	public, err := receiptKeys(ctx, c.Key, c.URL)
	if err != nil {
		return err
	}
	var signed []string
	for _, path := range c.Files {
		lines, err := signedLines(path)
		if err != nil {
			return err
		}
		if _, err := notary.VerifyReceipts(public, lines); err != nil { // by file, to name it
			return fmt.Errorf("%s: %w", path, detailOf(err))
		}
		signed = append(signed, lines...)
	}
	proven, err := notary.VerifyReceipts(public, signed)
	if err != nil {
		return detailOf(err)
	}
	for _, p := range proven {
		if c.URL != "" && p.Issuer != strings.TrimSuffix(c.URL, "/") {
			return fmt.Errorf("receipt %s is of %s and not of %s", p.ID, clean(p.Issuer), c.URL)
		}
	}
	return remote{JSON: c.JSON}.print(proven, func(w *tabwriter.Writer) {
		for i, p := range proven {
			if i+1 == len(proven) || proven[i+1].ID != p.ID {
				if i > 0 && w.Flush() == nil {
					row(w)
				}
				provenWords(w, p, versionsOf(proven, p.ID))
			}
		}
	})
}

// receiptKeys are those that count: of the file, else what the house says.
func receiptKeys(ctx context.Context, path, url string) (keys.ReceiptKeys, error) {
	var raw []byte
	var err error
	if path != "" {
		raw, err = os.ReadFile(path)
	} else {
		raw, err = (&client.Client{URL: url}).ReceiptKeys(ctx)
	}
	if err != nil {
		return keys.ReceiptKeys{}, err
	}
	public, err := keys.ParseReceiptKeys(raw)
	if err != nil {
		return keys.ReceiptKeys{}, fmt.Errorf("%s: %w", or(path, url), detailOf(err))
	}
	return public, nil
}

// signedLines reads a file of what the house has signed; - is standard input.
func signedLines(path string) ([]string, error) {
	raw, err := os.ReadFile(path)
	if path == "-" {
		raw, err = io.ReadAll(os.Stdin)
	}
	if err != nil {
		return nil, err
	}
	lines, err := notary.Lines(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, detailOf(err))
	}
	return lines, nil
}

// detailOf is what an error of ours says to people, without its kind.
func detailOf(err error) error {
	if e, ok := errors.AsType[*idp.Error](err); ok {
		return errors.New(clean(e.Detail))
	}
	return err
}

func versionsOf(proven []notary.Proven, id string) (versions []notary.Proven) {
	for _, p := range proven {
		if p.ID == id {
			versions = append(versions, p)
		}
	}
	return versions
}

// provenWords says what a version proves.
func provenWords(w *tabwriter.Writer, p notary.Proven, versions []notary.Proven) {
	row(w, "proven", fmt.Sprintf("%s signed exactly this at %s, by the key %s", p.Issuer, at(&p.SignedAt), p.KeyID))
	row(w, "receipt", fmt.Sprintf("%s (number %d), version %d", p.ID, p.Number, p.Version))
	row(w, "what", endedWords(p.Receipt))
	row(w, "in force since", p.CutAt.UTC().Format(time.RFC3339Nano))
	row(w, "asked for", p.AskedAt.UTC().Format(time.RFC3339Nano)+" by "+actorWords(p.Actor))
	row(w, "reason", or(p.Reason, "-"))
	row(w, "Gatehouse", atGatehouse(p.Kind))
	row(w, "lines", tallyWords(p.Lines))
	for i, l := range p.Lines {
		if i == shownLines {
			row(w, "", fmt.Sprintf("and %d more lines; see them with --json", len(p.Lines)-i))
			break
		}
		row(w, "", lineWords(l))
	}
	if p.Final {
		row(w, "later", "nothing: every line is final")
	} else {
		row(w, "later", "some lines may still turn: another version follows then")
	}
	row(w, "versions", chainWords(versions))
	row(w, "audit log", fmt.Sprintf("sealed up to place %d then, hash %s", p.Audit.Position, or(p.Audit.Hash, "-")))
	row(w, "hash", p.Hash)
}

// shownLines bounds what is printed of one receipt.
const shownLines = 50

func endedWords(r notary.Receipt) string {
	whom := ""
	if r.User != nil {
		whom = r.User.ID
		if r.User.Username != "" {
			whom = r.User.Username + " (" + r.User.ID + ")"
		}
	}
	switch idp.EndingKind(r.Kind) {
	case idp.EndUser:
		return whom + " was suspended"
	case idp.EndPasses:
		return "all that " + whom + " held was ended"
	case idp.EndSession:
		return "the session " + r.Session + " of " + whom + " was ended"
	case idp.EndGrant:
		return "access to " + or(r.App, "the apps of group "+r.Group) + " was taken from " + or(whom, "group "+r.Group)
	case idp.EndApp:
		return "all that the app " + r.App + " held was ended, of everybody"
	case idp.EndBefore:
		if r.Before.IsZero() {
			return "all that was made until then was ended, of everybody"
		}
		return "all that was made before " + r.Before.UTC().Format(time.RFC3339) + " was ended, of everybody"
	case idp.EndKey:
		return "the signing key " + r.Key + " was revoked"
	}
	return r.Kind
}

func actorWords(a notary.Actor) string {
	if a.ID == "" {
		return a.Kind
	}
	return a.Kind + " " + or(a.Username, a.ID)
}

// tallyWords counts the lines by state.
func tallyWords(lines []notary.Line) string {
	if len(lines) == 0 {
		return "none: no app had to be told"
	}
	count := map[string]int{}
	for _, l := range lines {
		count[l.State]++
	}
	var parts []string
	for _, s := range []idp.DeliveryState{
		idp.DeliveryVerified, idp.DeliveryAcknowledged, idp.DeliveryEnded, idp.DeliveryPending, idp.DeliveryRetrying,
		idp.DeliveryAlive, idp.DeliveryFailed, idp.DeliveryManual, idp.DeliverySuperseded,
	} {
		if n := count[string(s)]; n > 0 {
			parts = append(parts, strconv.Itoa(n)+" "+string(s))
		}
	}
	return strconv.Itoa(len(lines)) + ": " + strings.Join(parts, ", ")
}

func lineWords(l notary.Line) string {
	said := []string{cmp.Or(l.AppName, l.App) + ", " + or(l.User.Username, l.User.ID) + ": " + l.State}
	if !l.Ceiling.IsZero() && (l.State == string(idp.DeliveryAlive) || l.State == string(idp.DeliveryFailed) || l.State == string(idp.DeliveryRetrying)) {
		said[0] += " until " + l.Ceiling.UTC().Format(time.RFC3339) + " at the latest"
	}
	if !l.AckedAt.IsZero() {
		said = append(said, strconv.FormatInt(l.LatencyMS, 10)+" ms after the cut")
	}
	if words := or(l.Evidence, l.Answer); words != "" {
		said = append(said, words)
	}
	return strings.Join(said, "; ")
}

// chainWords says which versions are there. That they follow from each other
// was checked.
func chainWords(versions []notary.Proven) string {
	first, newest := versions[0].Version, versions[len(versions)-1].Version
	if int64(len(versions)) != newest-first+1 {
		return fmt.Sprintf("%d of %d are here; those that stand side by side follow from each other", len(versions), newest)
	}
	switch {
	case newest == 1:
		return "this is the first"
	case first == newest:
		return fmt.Sprintf("this one alone; it holds the hash of version %d, %s", newest-1, versions[0].Previous)
	}
	return fmt.Sprintf("%d to %d are here and follow from each other", first, newest)
}
