package journal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/idp"
)

// log stands for the revocation log: what matters here is its order.
type log struct {
	mu    sync.Mutex
	era   string
	from  idp.Backup
	at    time.Time // of the newest restore
	rows  []idp.Ending
	state idp.HouseState
}

func (l *log) House(context.Context) (idp.House, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return idp.House{Era: l.era, N: int64(len(l.rows)), From: l.from, RestoredAt: l.at, State: l.state}, nil
}

func (l *log) EndingsAfter(_ context.Context, n int64, limit int) ([]idp.Ending, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.rows[n:min(len(l.rows), int(n)+limit)]), nil
}

func (l *log) add(kind idp.EndingKind, user string) idp.Ending {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := int64(len(l.rows) + 1)
	e := idp.Ending{N: n, Kind: kind, UserID: idp.UserID(user), Key: string(kind) + ":" + user + ":" + l.era + string(rune('a'+n)), Reason: "left \"\u2028<", At: time.Unix(n, 0).UTC()}
	l.rows = append(l.rows, e)
	return e
}

func (l *log) who(context.Context, idp.UserID) (string, string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.era, "name", nil
}

func opened(t *testing.T, dir string, l *log) *Journal {
	t.Helper()
	j, _, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	j.Who = l.who
	return j
}

func read(t *testing.T, paths ...string) Content {
	t.Helper()
	c, err := Read(paths...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func users(cuts []idp.Cut) (names []string) {
	for _, c := range cuts {
		names = append(names, string(c.UserID))
	}
	return names
}

// step has everything written down that the log has.
func step(t *testing.T, j *Journal, l *log) {
	t.Helper()
	f := follower{journal: j, from: l}
	if err := f.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.mark(t.Context(), true); err != nil {
		t.Fatal(err)
	}
}

func TestJournalKnowsWhatABackupDoesNot(t *testing.T) {
	t.Parallel()
	a, b, l := filepath.Join(t.TempDir(), "cuts"), filepath.Join(t.TempDir(), "cuts"), &log{era: "one"}
	here, there := opened(t, a, l), opened(t, b, l)
	l.add(idp.EndUser, "before")
	l.add(idp.LogChange, "x")
	step(t, here, l)
	for _, user := range []string{"ada", "alan"} {
		e := l.add(idp.EndUser, user)
		j := here
		if user == "alan" {
			j = there
		}
		if err := j.Keep(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	l.add(idp.EndSession, "ada") // left to Follow
	l.add(idp.LogChange, "x")
	onlyHere := read(t, a)
	if got := users(onlyHere.After("one", 2)); !slices.Equal(got, []string{"ada"}) {
		t.Errorf("one node's journal has %v", got)
	}
	both := read(t, a, b, a)
	if got := users(both.After("one", 2)); !slices.Equal(got, []string{"ada", "alan"}) {
		t.Errorf("both journals have %v", got)
	}
	if highest, holes := both.Through("one", 2); highest != 4 || len(holes) > 0 {
		t.Errorf("both go on to %d and miss %v", highest, holes)
	}
	if highest, holes := read(t, b).Through("one", 1); highest != 4 || !slices.Equal(holes, []string{"2 to 3"}) {
		t.Errorf("the other goes on to %d and misses %v", highest, holes)
	}
	step(t, here, l)
	if highest, holes := read(t, a).Through("one", 0); highest != 6 || len(holes) > 0 {
		t.Errorf("followed, it goes on to %d and misses %v", highest, holes)
	}
	if got := users(read(t, a).After("one", 0)); !slices.Equal(got, []string{"before", "ada", "alan", "ada"}) {
		t.Errorf("followed, it has %v", got)
	}

	// After a restore numbers begin again, and another backup is of that era.
	l.era, l.rows, l.from, l.at = "two", l.rows[:2], idp.Backup{N: 2, Era: "one"}, time.Unix(9, 0)
	l.add(idp.EndUser, "grace")
	step(t, here, l)
	c := read(t, a)
	if got := users(c.After("one", 4)); !slices.Equal(got, []string{"ada", "grace"}) {
		t.Errorf("after a backup of the first era: %v", got)
	}
	if got := users(c.After("two", 2)); !slices.Equal(got, []string{"grace"}) {
		t.Errorf("after a backup of the second era: %v", got)
	}
	for _, h := range []struct {
		idp.House
		behind bool
	}{
		{idp.House{Era: "two", N: 3}, false}, {idp.House{Era: "two", N: 2}, true}, {idp.House{Era: "one", N: 99}, true},
		{idp.House{Era: "three", N: 1}, false}, {idp.House{State: idp.HouseUnconfirmed, Era: "one", N: 1}, false},
	} {
		if err := c.Check(t.Context(), h.House, l); (err != nil) != h.behind || err != nil && !idp.IsKind(err, idp.Unavailable) {
			t.Errorf("%+v: %v", h, err)
		}
	}
}

func TestJournalGoesOnAfterAKill(t *testing.T) {
	t.Parallel()
	dir, l := t.TempDir(), &log{era: "one"}
	if err := opened(t, dir, l).Keep(t.Context(), l.add(idp.EndUser, "ada")); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "cuts-00000001.jsonl")
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"n":2,"era":"one","kind":"us`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if c := read(t, dir); len(c.Broken) != 0 || len(c.Cuts) != 1 {
		t.Errorf("a torn line: %+v", c)
	}
	j := opened(t, dir, l)
	if err := j.Keep(t.Context(), l.add(idp.EndUser, "alan")); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if c := read(t, dir); len(c.Broken) != 0 || !slices.Equal(users(c.Cuts), []string{"ada", "alan"}) {
		t.Errorf("%+v", c)
	}
}

// TestAChangedLineIsNamed: every bit of every line, and a line taken out.
func TestAChangedLineIsNamed(t *testing.T) {
	t.Parallel()
	dir, l := t.TempDir(), &log{era: "one"}
	j := opened(t, dir, l)
	for _, user := range []string{"ada", "alan", "grace"} {
		if err := j.Keep(t.Context(), l.add(idp.EndUser, user)); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(dir, "cuts-00000001.jsonl")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	broken := func(text []byte) []string {
		c := Content{seen: map[string][]span{}, marks: map[string]int64{}}
		var eras []string
		if err := c.file("f", bytes.NewReader(text), &eras); err != nil {
			t.Fatal(err)
		}
		return c.Broken
	}
	end := bytes.LastIndexByte(whole[:len(whole)-1], '\n') // the last line can be torn
	for i := range whole[:end] {
		text := bytes.Clone(whole)
		text[i] ^= 1
		line := 1 + bytes.Count(whole[:i], []byte("\n"))
		if got := broken(text); len(got) == 0 || !strings.HasPrefix(got[0], "f:") || got[0] > "f:"+string(rune('0'+line+1)) {
			t.Fatalf("byte %d, in line %d, changed: %v", i, line, got)
		}
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	if got := broken(append(bytes.Clone(lines[0]), lines[2]...)); !slices.Equal(got, []string{"f:2"}) {
		t.Errorf("a line taken out: %v", got)
	}
	// It goes on in a file that is whole.
	if err := os.WriteFile(name, append(whole, "rubbish\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	j = opened(t, dir, l)
	if err := j.Keep(t.Context(), l.add(idp.EndUser, "eve")); err != nil {
		t.Fatal(err)
	}
	if c := read(t, dir); !slices.Equal(c.Broken, []string{"cuts-00000001.jsonl:4"}) || len(c.Cuts) != 4 {
		t.Errorf("%+v", c)
	}
}

func TestJournalIsBounded(t *testing.T) {
	t.Parallel()
	dir, l := t.TempDir(), &log{era: "one"}
	j := opened(t, dir, l)
	const full = wholeSize / fileSize
	for range full + 3 {
		if err := j.Keep(t.Context(), l.add(idp.EndUser, "ada")); err != nil {
			t.Fatal(err)
		}
		j.mu.Lock()
		if err := j.disk.file.Truncate(fileSize); err != nil { // zeros without an end: a torn line
			t.Fatal(err)
		}
		j.disk.size = fileSize
		j.mu.Unlock()
	}
	names, err := filesIn(dir)
	if err != nil || len(names) != full || !strings.HasSuffix(names[0], "cuts-00000004.jsonl") {
		t.Errorf("%v, %v", names, err)
	}
	if c := read(t, dir); len(c.Broken) != 0 || len(c.Cuts) != full {
		t.Errorf("%d cuts, broken: %v", len(c.Cuts), c.Broken)
	}
}

// TestTwoProcessesShareADirectory: the old one is still ending when the new one
// begins.
func TestTwoProcessesShareADirectory(t *testing.T) {
	t.Parallel()
	dir, l := t.TempDir(), &log{era: "one"}
	a, b := opened(t, dir, l), opened(t, dir, l)
	for i := range 10 {
		if err := []*Journal{a, b}[i%2].Keep(t.Context(), l.add(idp.EndUser, "ada")); err != nil {
			t.Fatal(err)
		}
	}
	c := read(t, dir)
	if highest, holes := c.Through("one", 0); len(c.Broken) != 0 || len(c.Cuts) != 10 || highest != 10 || len(holes) != 0 {
		t.Errorf("%+v, holes %v", c, holes)
	}
}

// BenchmarkKeep is what the journal adds to a suspension.
func BenchmarkKeep(b *testing.B) {
	l := &log{era: "one"}
	j, _, err := Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	j.Who = l.who
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := j.Keep(b.Context(), l.add(idp.EndUser, "ada")); err != nil {
				b.Error(err)
			}
		}
	})
}

// TestADiskThatHangsHoldsUpNothing: success is answered, and said to be without
// the journal.
func TestADiskThatHangsHoldsUpNothing(t *testing.T) {
	t.Parallel()
	dir, l := t.TempDir(), &log{era: "one"}
	// A pipe that nobody reads takes a few lines and then hangs.
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.OpenFile(filepath.Join(dir, "pipe"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	j := opened(t, dir, l)
	j.disk.file = pipe
	if _, err := pipe.Write(make([]byte, 64<<10)); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := j.Keep(t.Context(), l.add(idp.EndUser, "ada")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a disk that hangs: %v", err)
	}
	if took := time.Since(begun); took > 5*time.Second { // a quarter of a second is promised
		t.Errorf("it took %s", took)
	}
	pipe.Close()
}

func TestFollowWritesWhatOthersCut(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := &log{era: "one", state: idp.HouseUnconfirmed}
		j := opened(t, dir, l)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			j.Follow(ctx, l, slog.New(slog.NewTextHandler(io.Discard, nil)))
		}()
		l.add(idp.EndUser, "ada")
		time.Sleep(3 * time.Second)
		if names, _ := filesIn(dir); len(names) != 0 {
			t.Error("an unconfirmed house was followed: its numbers are of no era yet")
		}
		l.mu.Lock()
		l.state = idp.HouseOpen
		l.mu.Unlock()
		time.Sleep(3 * time.Second)
		if c := read(t, dir); !slices.Equal(users(c.After("one", 0)), []string{"ada"}) {
			t.Errorf("%+v", c)
		}
		l.add(idp.LogChange, "x")
		time.Sleep(2 * markEvery)
		if highest, holes := read(t, dir).Through("one", 0); highest != 2 || len(holes) > 0 {
			t.Errorf("it goes on to %d, %v", highest, holes)
		}
		stop()
		<-done
	})
}

// TestAnEraThatBeganWithEverythingBeforeNowGoesOn: its numbers are those of the
// era before, and what was cut there is not told once more as of this one.
func TestAnEraThatBeganWithEverythingBeforeNowGoesOn(t *testing.T) {
	t.Parallel()
	for _, restarted := range []bool{false, true} {
		dir, l := t.TempDir(), &log{era: "one"}
		f := follower{journal: opened(t, dir, l), from: l}
		steps := func() {
			t.Helper()
			if err := f.step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		l.add(idp.EndUser, "ada") // and restored, as nothing here tells
		steps()
		l.add(idp.EndUser, "alan")
		steps() // a backup of era one ends here
		l.add(idp.EndBefore, "")
		l.era = "two"
		if restarted {
			f = follower{journal: opened(t, dir, l), from: l}
		}
		steps()
		l.add(idp.EndUser, "grace")
		f = follower{journal: opened(t, dir, l), from: l}
		steps()
		if got := users(read(t, dir).After("one", 2)); !slices.Equal(got, []string{"", "grace"}) {
			t.Errorf("restarted %t: after the backup came %q", restarted, got)
		}
		if got := users(read(t, dir).After("two", 3)); !slices.Equal(got, []string{"grace"}) {
			t.Errorf("restarted %t: after a backup of the second era came %q", restarted, got)
		}
	}
}

// TestALogThatWentBackAndOnIsFoundOut: another row has the number of one that
// the journal knows, before this node looked again.
func TestALogThatWentBackAndOnIsFoundOut(t *testing.T) {
	t.Parallel()
	dir, l := t.TempDir(), &log{era: "one"}
	j := opened(t, dir, l)
	f := follower{journal: j, from: l}
	l.add(idp.EndUser, "ada")
	l.add(idp.EndUser, "mallory")
	if err := f.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	house := idp.House{Era: "one", N: 2}
	if err := read(t, dir).Check(t.Context(), house, l); err != nil || j.Forked() {
		t.Fatalf("the log as it was: %v", err)
	}
	l.rows = l.rows[:1]
	l.add(idp.EndUser, "somebody else")
	if err := f.step(t.Context()); !errors.Is(err, errForked) || !j.Forked() {
		t.Errorf("a running node found %v", err)
	}
	if err := read(t, dir).Check(t.Context(), house, l); !idp.IsKind(err, idp.Unavailable) {
		t.Errorf("a node that starts found %v", err)
	}
}

func FuzzRead(f *testing.F) {
	good, sum, err := line{Cut: idp.Cut{N: 1, Era: "e", Kind: idp.EndUser, Key: "k"}}.encode("")
	if err != nil {
		f.Fatal(err)
	}
	more, _, err := line{Cut: idp.Cut{N: 2, Era: "e", Kind: seen}, After: 1}.encode(sum)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(good, more...))
	f.Add([]byte("{}\n"))
	f.Add(bytes.Repeat([]byte("x"), 3*longest))
	f.Fuzz(func(t *testing.T, text []byte) {
		c := Content{seen: map[string][]span{}, marks: map[string]int64{}}
		var eras []string
		if err := c.file("f", bytes.NewReader(text), &eras); err != nil {
			t.Fatal(err)
		}
		c.After("e", 1)
		c.Through("e", 0)
		if n := bytes.Count(text, []byte("\n")); len(c.Cuts)+len(c.Broken) > 2*n {
			t.Errorf("%d cuts and %d broken of %d lines", len(c.Cuts), len(c.Broken), n)
		}
	})
}
