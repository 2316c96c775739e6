package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"

	"gatehouse/idp"
)

// A line is a cut as JSON, with the checksum of itself and of all lines before
// it in its file as the last member:
//
//	{"n":7,"era":"...","kind":"user","key":"...","user":"usr_...","after":6,"sum":"..."}
//
// A line says of the numbers after "after" up to n that the journal has every
// cut among them, this line included. One of kind "seen" says just that.
type line struct {
	idp.Cut
	After int64 `json:"after"`
}

// seen is the kind of a line without a cut.
const seen idp.EndingKind = "seen"

// longest bounds a line; a cut is a few hundred bytes.
const longest = 16 << 10

const (
	sumKey  = `,"sum":"`
	sumEnd  = `"}`
	sumSize = 32 // hex digits
)

func (l line) encode(prev string) (text []byte, sum string, err error) {
	body, err := json.Marshal(l)
	if err != nil {
		return nil, "", err
	}
	sum = chain(prev, body)
	text = append(body[:len(body)-1], sumKey...)
	text = append(text, sum...)
	return append(text, sumEnd+"\n"...), sum, nil
}

func chain(prev string, body []byte) string {
	h := sha256.New()
	h.Write([]byte(prev + "\n"))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))[:sumSize]
}

var errLine = errors.New("this is no line of a journal")

// decode reads a line without its end. whole is false where its checksum does
// not follow from prev; what it says may still be of use.
func decode(text []byte, prev string) (l line, sum string, whole bool, err error) {
	n := len(text) - len(sumKey) - sumSize - len(sumEnd)
	if n < 1 || len(text) > longest {
		return l, "", false, errLine
	}
	body, rest := text[:n], text[n:]
	sum = string(rest[len(sumKey) : len(sumKey)+sumSize])
	if !bytes.HasPrefix(rest, []byte(sumKey)) || !bytes.HasSuffix(rest, []byte(sumEnd)) {
		return l, "", false, errLine
	}
	body = append(bytes.Clone(body), '}')
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil || l.N < 1 || l.Kind == "" {
		return line{}, sum, false, errLine
	}
	return l, sum, chain(prev, body) == sum, nil
}
