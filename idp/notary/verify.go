package notary

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"gatehouse/idp"
	"gatehouse/idp/keys"
)

// Proven is a version of a receipt whose signature is good.
type Proven struct {
	Receipt
	Hash  string // of its JWS
	KeyID string // of the key that signed it
}

// Lines of a file: each is one compact JWS, and each ends with a line break, so
// that a file that lost its end shows it.
func Lines(file []byte) ([]string, error) {
	text, whole := strings.CutSuffix(string(file), "\n")
	if !whole || text == "" {
		return nil, idp.Errorf(idp.Invalid, "The file does not end with a line break: it was cut short, or is no file of receipts.")
	}
	return strings.Split(text, "\n"), nil
}

// VerifyReceipts checks each signed version, in any order, and that versions of
// one receipt hold together: there are no two of one number, and each holds the
// hash of the one before, where that is among them. It returns them by receipt
// and version; idp.Invalid names the first that is refused.
func VerifyReceipts(public keys.ReceiptKeys, signed []string) ([]Proven, error) {
	var all []Proven
	for i, jws := range signed {
		p, err := verifyReceipt(public, jws)
		if err != nil {
			return nil, idp.Errorf(idp.Invalid, "Line %d is refused. %s", i+1, detail(err))
		}
		all = append(all, p)
	}
	slices.SortStableFunc(all, func(a, b Proven) int {
		if c := strings.Compare(a.Issuer+"\n"+a.ID, b.Issuer+"\n"+b.ID); c != 0 {
			return c
		}
		return int(a.Version - b.Version)
	})
	all = slices.CompactFunc(all, func(a, b Proven) bool { return a.Hash == b.Hash })
	for i := 1; i < len(all); i++ {
		a, b := all[i-1], all[i]
		switch {
		case a.Issuer != b.Issuer || a.ID != b.ID:
		case a.Version == b.Version:
			return nil, idp.Errorf(idp.Invalid, "There are two different versions %d of receipt %s, both signed by the house: it has been restored from a backup, or somebody else has its key.", a.Version, a.ID)
		case a.Version+1 == b.Version && a.Hash != b.Previous:
			return nil, idp.Errorf(idp.Invalid, "Version %d of receipt %s does not follow from version %d here: it holds the hash of another.", b.Version, b.ID, a.Version)
		}
	}
	return all, nil
}

func verifyReceipt(public keys.ReceiptKeys, jws string) (Proven, error) {
	claims, kid, err := public.Verify(jws, ReceiptType)
	if err != nil {
		return Proven{}, err
	}
	p := Proven{Hash: hash(jws), KeyID: kid}
	if err := json.Unmarshal(claims, &p.Receipt); err != nil {
		return Proven{}, idp.Errorf(idp.Invalid, "The house signed it, and it is no receipt.").Because(err)
	}
	if p.Format != format {
		return Proven{}, otherFormat(p.Format)
	}
	if (p.Previous == "") != (p.Version == 1) || p.Version < 1 {
		return Proven{}, idp.Errorf(idp.Invalid, "The house signed it, and its version %d does not fit what it says of the one before.", p.Version)
	}
	return p, nil
}

func otherFormat(n int) error {
	return idp.Errorf(idp.Invalid, "It has format %d, and this version of Gatehouse reads format %d. Use a later one.", n, format)
}

// detail is what an error of ours says to people.
func detail(err error) string {
	if e, ok := errors.AsType[*idp.Error](err); ok {
		return e.Detail
	}
	return err.Error()
}
