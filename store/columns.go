package store

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"gatehouse/idp"
)

// us is how a time is stored: UTC microseconds, 0 for none.
func us(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// integer reads a stored number into what it means, textual a stored text.
type (
	integer func(int64)
	textual func(string) error
)

// Scan implements [sql.Scanner], for PostgreSQL.
func (set integer) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("stored number is a %T", src)
	}
	set(n)
	return nil
}

// Scan implements [sql.Scanner], for PostgreSQL.
func (set textual) Scan(src any) error {
	switch s := src.(type) {
	case string:
		return set(s)
	case []byte:
		return set(string(s))
	}
	return fmt.Errorf("stored text is a %T", src)
}

func at(t *time.Time) integer {
	return func(n int64) {
		*t = time.Time{}
		if n != 0 {
			*t = time.UnixMicro(n).UTC()
		}
	}
}

func flag(b *bool) integer { return func(n int64) { *b = n != 0 } }

// words reads space-separated words; none is nil.
func words[S ~string](list *[]S) textual {
	return func(s string) error {
		*list = nil
		for word := range strings.FieldsSeq(s) {
			*list = append(*list, S(word))
		}
		return nil
	}
}

func joined[S ~string](list []S) string {
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = string(w)
	}
	return strings.Join(words, " ")
}

func inJSON(v any) textual {
	return func(s string) error { return json.Unmarshal([]byte(s), v) }
}

// asJSON writes what only the house itself reads back; the values are plain
// structs and maps of ours, which always marshal.
func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("store: " + err.Error())
	}
	return string(b)
}

// opaque bytes are kept as base64, because TEXT holds no NUL in PostgreSQL.
func opaque(b *[]byte) textual {
	return func(s string) (err error) {
		*b = nil
		if s != "" {
			*b, err = base64.RawStdEncoding.DecodeString(s)
		}
		return err
	}
}

func armoured(b []byte) string { return base64.RawStdEncoding.EncodeToString(b) }

// cursor is the key of a page's last row, opaque to its holder.
func cursor(key ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join(key, "\n")))
}

// keyOf reads a cursor of n parts; empty parts for the first page.
func keyOf(c string, n int) ([]string, error) {
	if c == "" {
		return make([]string, n), nil
	}
	b, err := base64.RawURLEncoding.DecodeString(c)
	key := strings.Split(string(b), "\n")
	if err != nil || len(c) > 2048 || len(key) != n {
		return nil, idp.Errorf(idp.Invalid, "This page does not exist. Start again at the first one.").Because(err)
	}
	return key, nil
}

// limit keeps the length of a page between 1 and 500; 0 means 50.
func limit(n int) int {
	switch {
	case n <= 0:
		return 50
	case n > 500:
		return 500
	}
	return n
}

// page cuts a list that was read with one row too many, and names the cursor
// of the next page: "" at the end.
func page[T any](list []T, limit int, key func(T) string) ([]T, string) {
	if len(list) <= limit {
		return list, ""
	}
	return list[:limit], key(list[limit-1])
}
