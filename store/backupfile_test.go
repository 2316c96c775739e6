package store

import (
	"bytes"
	"testing"

	"gatehouse/idp"
)

// sealedText makes a file of a text, whatever it says: its seal fits.
func sealedText(f testing.TB, text []byte) []byte {
	var file bytes.Buffer
	w := newBackupWriter(&file)
	if _, err := w.zip.Write(text); err != nil {
		f.Fatal(err)
	}
	if err := w.zip.Close(); err != nil {
		f.Fatal(err)
	}
	return append(file.Bytes(), seal(w.sum.Sum(nil))...)
}

// FuzzReadBackup: whatever a file says whose seal fits, it is read or refused,
// and only names become names.
func FuzzReadBackup(f *testing.F) {
	f.Add([]byte(`{"format":"gatehouse backup","version":1,"schema":8,"n":1,"era":"e","by":"x"}
{"table":"users","columns":["id","n"]}
["a",1]
[null,-2]
{"end":true,"rows":2}
`))
	f.Add([]byte(`{"format":"gatehouse backup","version":1}
{"table":"users\"; DROP TABLE users","columns":["id"]}
{"end":true}
`))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		sealed, err := readSealed(bytes.NewReader(sealedText(t, text)))
		if err != nil {
			t.Fatal(err)
		}
		var rows int64
		columns := 0
		b, err := readLines(sealed, backupVisitor{
			table: func(bt backupTable) error {
				columns = len(bt.Columns)
				for _, n := range append(bt.Columns, bt.Table) {
					if !aName.MatchString(n) {
						t.Fatalf("a name %q", n)
					}
				}
				return nil
			},
			row: func(values []any) error {
				rows++
				if len(values) != columns {
					t.Fatalf("%d values for %d columns", len(values), columns)
				}
				return nil
			},
		})
		if err != nil && !idp.IsKind(err, idp.Invalid) {
			t.Fatalf("refused with %v", err)
		}
		if err == nil && b.Rows != rows {
			t.Fatalf("%d rows, told %d", b.Rows, rows)
		}
		if _, err := readSealed(bytes.NewReader(text)); err != nil && !idp.IsKind(err, idp.Invalid) {
			t.Fatalf("refused with %v", err)
		}
	})
}
