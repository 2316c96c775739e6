package password

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // what the lists are made of
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// Breached is a file of passwords that were in breaches: SHA-1 in hex, one a
// line, sorted, each with a colon and a count behind it or none, as the Pwned
// Passwords list comes "ordered by hash". It stays on disk, whatever its size.
// Safe for concurrent use.
type Breached struct {
	file io.ReaderAt
	size int64
}

// hexSize is that of a SHA-1.
const hexSize = 2 * sha1.Size

// maxLine bounds a line: the hash, a colon, a count and the line's end.
const maxLine = 64

// OpenBreached opens the file, and refuses one that does not look like it. It
// stays open as long as the process runs.
func OpenBreached(path string) (*Breached, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the list of breached passwords: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	b := &Breached{file: f, size: info.Size()}
	first, _, err1 := b.lineFrom(0)
	last, _, err2 := b.lineFrom(max(0, b.size-maxLine))
	if err := errors.Join(err1, err2); err != nil || first == nil || bytes.Compare(first, last) > 0 {
		return nil, errors.Join(fmt.Errorf("%s is no list of SHA-1 hashes in hex, one a line, ordered by hash", path), err, f.Close())
	}
	return b, nil
}

// Has reports whether a password is in the list.
func (b *Breached) Has(password string) (bool, error) {
	sum := sha1.Sum([]byte(password)) //nolint:gosec // as above
	want := bytes.ToUpper([]byte(hex.EncodeToString(sum[:])))
	low, high := int64(0), b.size // a line that begins in between may be it
	for low < high {
		middle := low + (high-low)/2
		line, next, err := b.lineFrom(middle)
		if err != nil {
			return false, err
		}
		switch c := bytes.Compare(want, line); {
		case line != nil && c == 0:
			return true, nil
		case line == nil || c < 0:
			high = middle
		default:
			low = next
		}
	}
	return false, nil
}

// lineFrom returns the hash of the first line that begins at an offset or after
// it, in capitals, and where the next begins; nil at the end.
func (b *Breached) lineFrom(offset int64) (hash []byte, next int64, err error) {
	// One byte before: where it ends a line, the line begins right at the offset.
	from := max(0, offset-1)
	buf := make([]byte, 2*maxLine+1)
	n, err := b.file.ReadAt(buf, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, fmt.Errorf("read the list of breached passwords: %w", err)
	}
	buf = buf[:n]
	if offset > 0 {
		end := bytes.IndexByte(buf, '\n')
		if end < 0 {
			if from+int64(n) < b.size {
				return nil, 0, errNoHash
			}
			return nil, b.size, nil
		}
		from, buf = from+int64(end)+1, buf[end+1:]
	}
	if len(buf) == 0 {
		return nil, b.size, nil
	}
	if len(buf) < hexSize {
		return nil, 0, errNoHash
	}
	hash = bytes.ToUpper(buf[:hexSize])
	if _, err := hex.Decode(make([]byte, sha1.Size), hash); err != nil {
		return nil, 0, errNoHash
	}
	end := bytes.IndexByte(buf, '\n')
	if end < 0 {
		end = len(buf) - 1
	}
	return hash, from + int64(end) + 1, nil
}

var errNoHash = errors.New("a line of the list of breached passwords is no SHA-1 in hex")
