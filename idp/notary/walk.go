package notary

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/keys"
)

// Mark is a place of the audit log that the house has signed.
type Mark struct {
	idp.Place
	SignedAt time.Time
	Issuer   string
	From     string // what says so, in words
}

// VerifyMark reads a signed checkpoint, or a signed receipt, which holds one
// too. It answers idp.Denied where the key was revoked, else idp.Invalid.
func VerifyMark(public keys.ReceiptKeys, jws string) (Mark, error) {
	claims, _, err := public.Verify(jws, CheckpointType)
	if err != nil {
		if p, receiptErr := verifyReceipt(public, jws); receiptErr == nil {
			return Mark{idp.Place(p.Audit), p.SignedAt, p.Issuer, fmt.Sprintf("version %d of receipt %s", p.Version, p.ID)}, nil
		}
		return Mark{}, err
	}
	var c checkpoint
	if err := json.Unmarshal(claims, &c); err != nil {
		return Mark{}, idp.Errorf(idp.Invalid, "The house signed it, and it is no checkpoint.").Because(err)
	}
	if c.Format != format {
		return Mark{}, otherFormat(c.Format)
	}
	return Mark{idp.Place(c.Place), c.SignedAt, c.Issuer, "the checkpoint of " + c.SignedAt.UTC().Format(time.RFC3339)}, nil
}

// Walk goes along the audit log, place by place, and says which is the first
// that is not what was sealed there. Its zero value stands at the beginning.
type Walk struct {
	At    idp.Place
	Met   int // marks that were found to be true
	marks []Mark
}

// Expect has the walk compare what it finds with what the house signed. All
// marks are told before the first step.
func (w *Walk) Expect(marks ...Mark) {
	w.marks = append(w.marks, marks...)
	slices.SortStableFunc(w.marks, func(a, b Mark) int { return int(a.Position - b.Position) })
	for len(w.marks) > 0 && w.marks[0].Position == 0 {
		w.marks = w.marks[1:] // signed before the first line was sealed
	}
}

// Next takes the next place. Its error is idp.Invalid and names what is wrong.
func (w *Walk) Next(l idp.ChainLink) error {
	want := w.At.Position + 1
	switch {
	case l.Position > want:
		return idp.Errorf(idp.Invalid, "Place %d is missing: it was deleted, and with it the line that was sealed there.", want)
	case l.Position < want:
		return idp.Errorf(idp.Invalid, "Place %d is there twice, or out of order.", l.Position)
	case l.Row == nil:
		return idp.Errorf(idp.Invalid, "Place %d: the line %s was deleted after it was sealed (about %s).", l.Position, l.EventID, l.SealedAt.UTC().Format(time.RFC3339))
	case l.Row.Position != l.Position:
		return idp.Errorf(idp.Invalid, "Place %d: the line %s was moved here; it says that it was sealed at place %d.", l.Position, l.EventID, l.Row.Position)
	}
	hash := l.Row.Hash(w.At.Hash, l.Position)
	if hash != l.Hash {
		return idp.Errorf(idp.Invalid, "Place %d: the line %s (%s, %s) is not what was sealed here: it was changed, moved or put in.", l.Position, l.EventID,
			l.Row.Kind, time.UnixMicro(l.Row.AtMicros).UTC().Format(time.RFC3339))
	}
	w.At = idp.Place{Position: l.Position, Hash: hash}
	for ; len(w.marks) > 0 && w.marks[0].Position == l.Position; w.marks = w.marks[1:] {
		if m := w.marks[0]; m.Hash != hash {
			return idp.Errorf(idp.Invalid, "Place %d is not the one that the house signed in %s: lines up to here were changed and sealed anew, or an older copy of the database went on from before it.", l.Position, m.From)
		}
		w.Met++
	}
	return nil
}

// End demands that the log reaches as far as the house has signed.
func (w *Walk) End() error {
	if len(w.marks) == 0 {
		return nil
	}
	m := w.marks[len(w.marks)-1]
	return idp.Errorf(idp.Invalid, "The log ends at place %d, and the house signed place %d in %s: the log went back. Its tail was cut off, or an older copy of the database was restored.", w.At.Position, m.Position, m.From)
}
