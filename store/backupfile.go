package store

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"regexp"
	"time"

	"gatehouse/idp"
)

// The file of a backup is two gzip members, which any gunzip reads as one text:
// JSON lines, and a last line with the SHA-256 of the first member as it lies
// in the file. The lines are the head, then each table with its columns and
// after it its rows as arrays, then the end with the number of rows:
//
//	{"format":"gatehouse backup","version":1,"schema":8,...}
//	{"table":"users","columns":["id","username",...]}
//	["usr_...","ada",...]
//	{"end":true,"rows":1}
//	{"sha256":"..."}
const (
	backupFormat  = "gatehouse backup"
	backupVersion = 1
	// longestLine bounds what one row may take in memory.
	longestLine = 32 << 20
	mostColumns = 200
)

type backupHead struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Schema  int64     `json:"schema"`
	At      time.Time `json:"at"`
	N       int64     `json:"n"`
	Era     string    `json:"era"`
	By      string    `json:"by"`
}

type backupTable struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
}

type backupEnd struct {
	End  bool  `json:"end"`
	Rows int64 `json:"rows"`
}

// backupWriter writes the lines, and the seal behind them.
type backupWriter struct {
	to   io.Writer
	sum  hash.Hash
	zip  *gzip.Writer
	text *json.Encoder
	rows int64
}

func newBackupWriter(to io.Writer) *backupWriter {
	w := &backupWriter{to: to, sum: sha256.New()}
	w.zip, _ = gzip.NewWriterLevel(io.MultiWriter(to, w.sum), gzip.BestSpeed) // the level is one
	w.text = json.NewEncoder(w.zip)
	w.text.SetEscapeHTML(false)
	return w
}

func (w *backupWriter) line(v any) error { return w.text.Encode(v) }

func (w *backupWriter) row(values []any) error {
	w.rows++
	return w.text.Encode(values)
}

func (w *backupWriter) close() error {
	if err := w.line(backupEnd{End: true, Rows: w.rows}); err != nil {
		return err
	}
	if err := w.zip.Close(); err != nil {
		return err
	}
	_, err := w.to.Write(seal(w.sum.Sum(nil)))
	return err
}

// seal is the second member: one stored block, always the same bytes for the
// same sum, so that it is compared and not parsed.
func seal(sum []byte) []byte {
	text := []byte(`{"sha256":"` + hex.EncodeToString(sum) + "\"}\n")
	b := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1} // RFC 1952 §2.3, RFC 1951 §3.2.4
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	b = binary.LittleEndian.AppendUint16(b, ^uint16(len(text)))
	b = append(b, text...)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(text))
	return binary.LittleEndian.AppendUint32(b, uint32(len(text)))
}

func damagedBackup(cause error) error {
	return idp.Errorf(idp.Invalid, "This is not a whole backup: it was cut short or changed, or is something else. Nothing was restored; take another copy of it.").Because(cause)
}

// readSealed checks the seal of the whole file and returns a reader of its
// first member.
func readSealed(f io.ReadSeeker) (io.Reader, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	n := int64(len(seal(make([]byte, sha256.Size))))
	if size <= n {
		return nil, damagedBackup(errors.New("too short"))
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	sum := sha256.New()
	if _, err := io.CopyN(sum, f, size-n); err != nil {
		return nil, err
	}
	end, err := io.ReadAll(io.LimitReader(f, n+1))
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(end, seal(sum.Sum(nil))) {
		return nil, damagedBackup(errors.New("the seal does not fit"))
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return io.LimitReader(f, size-n), nil
}

// backupVisitor is told what a backup holds, in order; both may be nil.
type backupVisitor struct {
	table func(backupTable) error
	row   func(values []any) error
}

var aName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// readLines reads the lines of a backup to their end, one row in memory at a
// time. What it refuses is idp.Invalid.
func readLines(from io.Reader, v backupVisitor) (idp.Backup, error) {
	packed := bufio.NewReader(from)
	zip, err := gzip.NewReader(packed)
	if err != nil {
		return idp.Backup{}, damagedBackup(err)
	}
	zip.Multistream(false)
	text := bufio.NewReaderSize(zip, 64<<10)
	line, err := oneLine(text)
	if err != nil {
		return idp.Backup{}, damagedBackup(err)
	}
	var head backupHead
	if err := json.Unmarshal(line, &head); err != nil || head.Format != backupFormat {
		return idp.Backup{}, damagedBackup(err)
	}
	if head.Version != backupVersion {
		return idp.Backup{}, idp.Errorf(idp.Invalid, "This backup has format %d, and this version of Gatehouse reads format %d. Use the version that made it (%s).", head.Version, backupVersion, head.By)
	}
	b := idp.Backup{At: head.At, N: head.N, Era: head.Era, Schema: head.Schema, By: head.By}
	if b.Rows, err = readTables(text, v); err != nil {
		return idp.Backup{}, err
	}
	if _, err := packed.ReadByte(); !errors.Is(err, io.EOF) {
		return idp.Backup{}, damagedBackup(errors.New("something stands behind its end"))
	}
	return b, nil
}

func readTables(text *bufio.Reader, v backupVisitor) (rows int64, err error) {
	columns := 0
	for {
		line, err := oneLine(text)
		if err != nil {
			return 0, damagedBackup(err)
		}
		if line[0] == '[' {
			values, err := parseRow(line, columns)
			if err != nil {
				return 0, damagedBackup(err)
			}
			rows++
			if v.row != nil {
				if err := v.row(values); err != nil {
					return 0, err
				}
			}
			continue
		}
		var other struct {
			backupTable
			backupEnd
		}
		if err := json.Unmarshal(line, &other); err != nil {
			return 0, damagedBackup(err)
		}
		if other.End {
			if _, err := text.ReadByte(); other.Rows != rows || !errors.Is(err, io.EOF) {
				return 0, damagedBackup(fmt.Errorf("%d rows of %d, then %w", rows, other.Rows, err))
			}
			return rows, nil
		}
		if err := other.check(); err != nil {
			return 0, damagedBackup(err)
		}
		columns = len(other.Columns)
		if v.table != nil {
			if err := v.table(other.backupTable); err != nil {
				return 0, err
			}
		}
	}
}

// check keeps everything out that is not a name: these become statements.
func (t backupTable) check() error {
	if !aName.MatchString(t.Table) || len(t.Columns) == 0 || len(t.Columns) > mostColumns {
		return errors.New("a table that cannot be one")
	}
	for _, c := range t.Columns {
		if !aName.MatchString(c) {
			return errors.New("a column that cannot be one")
		}
	}
	return nil
}

// parseRow reads an array of whole numbers, texts and nulls.
func parseRow(line []byte, columns int) ([]any, error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	var values []any
	if err := dec.Decode(&values); err != nil {
		return nil, err
	}
	if columns == 0 || len(values) != columns {
		return nil, fmt.Errorf("a row of %d values, want %d", len(values), columns)
	}
	for i, v := range values {
		switch v := v.(type) {
		case nil, string:
		case json.Number:
			n, err := v.Int64()
			if err != nil {
				return nil, err
			}
			values[i] = n
		default:
			return nil, fmt.Errorf("a value of type %T", v)
		}
	}
	return values, nil
}

// oneLine reads a line without its end; it is never empty.
func oneLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > longestLine {
			return nil, errors.New("a line without end")
		}
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil:
			return nil, fmt.Errorf("in the middle of a line: %w", noEOF(err))
		case len(line) < 2:
			return nil, errors.New("an empty line")
		default:
			return line[:len(line)-1], nil
		}
	}
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
