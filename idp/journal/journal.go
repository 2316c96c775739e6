package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/idp"
)

// The files of a node: cuts-00000001.jsonl and so on. A process begins one of
// its own with its first cut, so that two of them in one directory (a restart
// that overlaps) do not break each other's lines, and another when it has 8
// MiB. The oldest go when all together have more than 64 MiB, some 200,000
// cuts, or are more than a thousand.
const (
	prefix    = "cuts-"
	suffix    = ".jsonl"
	fileSize  = 8 << 20
	wholeSize = 64 << 20
	files     = 1000
)

// patience is how long an ending waits for the disk at most.
const patience = 250 * time.Millisecond

// mostWaiting bounds what a disk that hangs leaves in memory.
const mostWaiting = 10_000

// Journal appends to the cut journal of this node. Its methods are safe for
// concurrent use.
type Journal struct {
	// Who returns the era of this moment and a person's username.
	Who func(ctx context.Context, id idp.UserID) (era, name string, err error)

	dir  string
	read Content // as it was found

	mu      sync.Mutex
	next    *batch // waits for the disk; nil: nothing does
	writing bool

	disk disk // only whoever writes uses it

	forked atomic.Bool

	keptMu sync.Mutex
	kept   map[int64]string // number to era of what Keep has written, for Follow
	passed map[string]int64 // era to the number up to which Follow has written
}

// batch is lines that go to the disk together.
type batch struct {
	lines []line
	done  chan struct{}
	err   error
}

// Open reads the journal in a directory, which is made where it is not, and
// returns it with what it says.
func Open(dir string) (*Journal, Content, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, Content{}, fmt.Errorf("make the directory of the cut journal: %w", err)
	}
	names, err := filesIn(dir)
	if err != nil {
		return nil, Content{}, err
	}
	j := &Journal{dir: dir, disk: disk{dir: dir}, kept: map[int64]string{}, passed: map[string]int64{}}
	if len(names) == 0 {
		return j, j.read, nil
	}
	if j.read, err = Read(dir); err != nil {
		return nil, Content{}, err
	}
	return j, j.read, nil
}

// Check answers idp.Unavailable where the journal knows of later things than
// the database, or of another cut under the same number: that one went back in
// time, and perhaps on from there.
func (c Content) Check(ctx context.Context, h idp.House, from Source) error {
	if h.State != idp.HouseOpen {
		return nil
	}
	n, known, later := c.Last(h.Era)
	if known && (later || n > h.N) {
		return wentBack("it ends at cut %d, and the cut journal of this node goes on to %d", h.N, n)
	}
	last, ok := c.newest(h.Era)
	if !ok {
		return nil
	}
	rows, err := from.EndingsAfter(ctx, last.N-1, 1)
	if err != nil {
		return err
	}
	if len(rows) == 0 || rows[0].N != last.N || rows[0].Key != last.Key {
		return wentBack("its cut %d is not the one that the cut journal of this node has", last.N)
	}
	return nil
}

func wentBack(how string, args ...any) error {
	return idp.Errorf(idp.Unavailable, "The database has gone back in time: %s. Somebody who was suspended might be let in again, so nothing is served. "+
		"If an older database was put back, run: gatehouse restore-backup --in-place --journal DIR (the cuts directory in the data directory of each node); it makes the missing cuts again and shows them to you.", fmt.Sprintf(how, args...))
}

// Forked reports whether Follow has found that the database went back in time
// under this node.
func (j *Journal) Forked() bool { return j.forked.Load() }

// Keep has a committed ending on disk when it returns nil, also one of long
// ago that somebody asks for again. What ends passes
// alone is left to Follow: a restore ends all of them anyway. A disk that does
// not answer within 250 ms is an error, and the line is still written when it
// comes back.
func (j *Journal) Keep(ctx context.Context, e idp.Ending) error {
	c := cutOf(e)
	if !c.Lasts() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var err error
	if c.Era, c.Username, err = j.Who(ctx, e.UserID); err != nil {
		return fmt.Errorf("ask whose cut it is: %w", err)
	}
	if j.has(c) {
		return nil // asked for again
	}
	if err := j.append(ctx, line{Cut: c, After: c.N - 1}); err != nil {
		return err
	}
	j.keptMu.Lock()
	defer j.keptMu.Unlock()
	j.kept[c.N] = c.Era
	return nil
}

func cutOf(e idp.Ending) idp.Cut {
	return idp.Cut{
		N: e.N, Kind: e.Kind, Key: e.Key, UserID: e.UserID, SessionID: e.SessionID, FamilyID: e.FamilyID, AppID: e.AppID,
		GroupID: e.GroupID, KeyID: e.KeyID, Before: e.Before, Epoch: e.Epoch, Reason: e.Reason, At: e.At,
	}
}

// append returns when the lines are on disk. Those who come together wait for
// one sync together.
func (j *Journal) append(ctx context.Context, lines ...line) error {
	j.mu.Lock()
	if j.next != nil && len(j.next.lines) > mostWaiting {
		j.mu.Unlock()
		return errors.New("too many lines wait for the disk of the cut journal")
	}
	if j.next == nil {
		j.next = &batch{done: make(chan struct{})}
	}
	b := j.next
	b.lines = append(b.lines, lines...)
	if !j.writing {
		j.writing = true
		go j.write()
	}
	j.mu.Unlock()
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return fmt.Errorf("the disk of the cut journal does not answer: %w", ctx.Err())
	}
}

// write writes until nobody waits.
func (j *Journal) write() {
	for {
		j.mu.Lock()
		b := j.next
		j.next = nil
		if b == nil {
			j.writing = false
			j.mu.Unlock()
			return
		}
		j.mu.Unlock()
		b.err = j.disk.write(b.lines)
		close(b.done)
	}
}

// Close gives the file back. Nobody may append any more.
func (j *Journal) Close() error {
	for {
		j.mu.Lock()
		if !j.writing {
			defer j.mu.Unlock()
			return j.disk.close()
		}
		j.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
}

// disk is the file that is written.
type disk struct {
	dir  string
	file *os.File
	size int64
	sum  string // of the last line
}

// write appends the lines and has them on disk. After an error the next line
// begins a new file: nobody knows how this one ends.
func (d *disk) write(lines []line) error {
	if d.file == nil || d.size >= fileSize {
		if err := d.begin(); err != nil {
			return err
		}
	}
	var text []byte
	sum := d.sum
	for _, l := range lines {
		one, next, err := l.encode(sum)
		if err != nil {
			return err
		}
		text, sum = append(text, one...), next
	}
	_, err := d.file.Write(text)
	if err == nil {
		err = d.file.Sync()
	}
	if err != nil {
		f := d.file
		d.file = nil
		return fmt.Errorf("append to the cut journal: %w", joinClose(err, f))
	}
	d.size, d.sum = d.size+int64(len(text)), sum
	return nil
}

// begin opens a new file and forgets the oldest.
func (d *disk) begin() error {
	if err := d.close(); err != nil {
		return err
	}
	names, err := d.shed()
	if err != nil {
		return err
	}
	number := 0
	if len(names) > 0 {
		if number, err = numberOf(names[len(names)-1]); err != nil {
			return err
		}
	}
	var f *os.File
	for f == nil {
		number++
		f, err = os.OpenFile(filepath.Join(d.dir, fmt.Sprintf("%s%08d%s", prefix, number, suffix)), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("begin a cut journal: %w", err)
		}
	}
	if err := syncDir(d.dir); err != nil {
		return joinClose(err, f)
	}
	d.file, d.size, d.sum = f, 0, ""
	return nil
}

func numberOf(name string) (int, error) {
	digits := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(name), prefix), suffix)
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0, fmt.Errorf("%s is not the name of a cut journal", name)
	}
	return n, nil
}

// shed removes the oldest files where there is too much, and returns the rest.
func (d *disk) shed() ([]string, error) {
	names, err := filesIn(d.dir)
	if err != nil {
		return nil, err
	}
	sizes, whole := make([]int64, len(names)), int64(fileSize)
	for i, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		sizes[i] = info.Size()
		whole += sizes[i]
	}
	for len(names) >= files || len(names) > 0 && whole > wholeSize {
		if err := os.Remove(names[0]); err != nil {
			return nil, err
		}
		whole -= sizes[0]
		names, sizes = names[1:], sizes[1:]
	}
	return names, nil
}

func (d *disk) close() error {
	f := d.file
	d.file = nil
	if f == nil {
		return nil
	}
	return f.Close()
}

// syncDir has a new name in it on disk.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return joinClose(f.Sync(), f)
}

// place is where a line stands, for errors.
func place(name string, number int) string { return filepath.Base(name) + ":" + strconv.Itoa(number) }
