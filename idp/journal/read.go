package journal

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gatehouse/idp"
)

// Content is what journals say.
type Content struct {
	Cuts []idp.Cut // of each file in its order
	// Eras of each file in the order in which they began.
	eras [][]string
	seen map[string][]span
	// marks is up to where Follow came, by era.
	marks map[string]int64
	// Broken names lines that were changed or cannot be read, as "file:line".
	// A line that can be read counts all the same: a cut too many is seen in
	// the list, a cut too few is not.
	Broken []string
}

// span is the numbers after the first up to the last.
type span struct{ after, to int64 }

// Read reads journals: files, or directories with the journal of a node. It
// answers idp.Invalid for a path where there is none. The last line of a
// file may be torn.
func Read(paths ...string) (Content, error) {
	c := Content{seen: map[string][]span{}, marks: map[string]int64{}}
	for _, path := range paths {
		files := []string{path}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			if files, err = filesIn(path); err != nil {
				return Content{}, err
			}
		}
		if len(files) == 0 {
			return Content{}, idp.Errorf(idp.Invalid, "There is no cut journal in %s.", path)
		}
		var eras []string
		for _, name := range files {
			f, err := os.Open(name)
			if err != nil {
				return Content{}, idp.Errorf(idp.Invalid, "The cut journal %s cannot be read.", name).Because(err)
			}
			err = c.file(name, f, &eras)
			_ = f.Close() // it was read only
			if err != nil {
				return Content{}, fmt.Errorf("read the cut journal %s: %w", name, err)
			}
		}
		c.eras = append(c.eras, eras)
	}
	return c, nil
}

func (c *Content) file(name string, from io.Reader, eras *[]string) error {
	return scan(from, func(number int, l line, whole bool, err error) {
		if err != nil || !whole {
			c.Broken = append(c.Broken, place(name, number))
		}
		if err != nil {
			return
		}
		if !slices.Contains(*eras, l.Era) {
			*eras = append(*eras, l.Era)
		}
		if whole && l.After < l.N {
			c.seen[l.Era] = append(c.seen[l.Era], span{l.After, l.N})
		}
		if l.Kind != seen {
			c.Cuts = append(c.Cuts, l.Cut)
		} else if whole {
			c.marks[l.Era] = max(c.marks[l.Era], l.N)
		}
	})
}

// scan tells each line of a file; one without an end, the last, is not told.
func scan(from io.Reader, each func(number int, l line, whole bool, err error)) error {
	text, prev := bufio.NewReaderSize(from, longest+1), ""
	for number := 1; ; number++ {
		raw, err := text.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) {
			raw = nil // longer than any line of ours: skipped to its end
			_, err = text.ReadSlice('\n')
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		l, sum, whole, err := decode(bytes.TrimSuffix(raw, []byte("\n")), prev)
		each(number, l, whole, err)
		prev = sum
		if prev == "" {
			prev = "?" // what follows an unreadable line cannot be whole either
		}
	}
}

// After returns the cuts that a backup of this era and number does not have,
// each once, in order.
func (c Content) After(era string, n int64) []idp.Cut {
	earlier, inBackup := c.before(era), map[row]bool{}
	for _, k := range c.Cuts {
		if k.Era == era && k.N <= n {
			inBackup[rowOf(k)] = true
		}
	}
	var cuts []idp.Cut
	known := map[string]bool{}
	for _, k := range c.Cuts {
		// One journal may have a row under the era in which it was made, another
		// under the one that began just then.
		if inBackup[rowOf(k)] || earlier[k.Era] || known[k.Key] {
			continue
		}
		known[k.Key] = true
		cuts = append(cuts, k)
	}
	// Numbers compare within an era; that of the backup is the first.
	slices.SortStableFunc(cuts, func(a, b idp.Cut) int {
		switch {
		case a.Era == b.Era:
			return cmp.Compare(a.N, b.N)
		case a.Era == era:
			return -1
		case b.Era == era:
			return 1
		}
		return a.At.Compare(b.At)
	})
	return cuts
}

// row is one of the log, whichever era it is told under.
type row struct {
	n    int64
	wish string
	at   int64
}

func rowOf(c idp.Cut) row { return row{c.N, c.Key, c.At.UnixMicro()} }

// before are the eras that some journal has seen end before this one began.
func (c Content) before(era string) map[string]bool {
	earlier := map[string]bool{}
	for _, eras := range c.eras {
		for _, e := range eras[:max(0, slices.Index(eras, era))] {
			earlier[e] = true
		}
	}
	return earlier
}

// Through returns the highest number of the era that the journals know of, n
// at least, and which numbers between n and it none of them speaks of: changes
// that cut nobody, or cuts of a node whose journal is not among them. That
// nothing came after the highest, no journal can say.
func (c Content) Through(era string, n int64) (highest int64, holes []string) {
	spans := slices.Clone(c.seen[era])
	for _, k := range c.Cuts {
		if k.Era == era {
			spans = append(spans, span{k.N - 1, k.N})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.after, b.after) })
	highest = n
	for _, s := range spans {
		if s.after > highest {
			holes = append(holes, numbers(highest+1, s.after))
		}
		highest = max(highest, s.to)
	}
	return highest, holes
}

func numbers(from, to int64) string {
	if from == to {
		return strconv.FormatInt(from, 10)
	}
	return fmt.Sprintf("%d to %d", from, to)
}

// Last returns the highest number of the era, and whether the journals know
// the era; later reports whether they have seen another begin after it.
func (c Content) Last(era string) (n int64, known, later bool) {
	n, _ = c.Through(era, 0)
	for _, eras := range c.eras {
		if i := slices.Index(eras, era); i >= 0 {
			known = true
			later = later || i < len(eras)-1
		}
	}
	return n, known, later
}

// newest returns the cut of the era with the highest number.
func (c Content) newest(era string) (newest idp.Cut, ok bool) {
	for _, k := range c.Cuts {
		if k.Era == era && k.N >= newest.N {
			newest, ok = k, true
		}
	}
	return newest, ok
}

// Empty reports whether the journals say nothing at all.
func (c Content) Empty() bool { return len(c.Cuts) == 0 && len(c.seen) == 0 }

// filesIn lists the files of a node's journal, oldest first.
func filesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the directory of the cut journal: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && strings.HasSuffix(e.Name(), suffix) && e.Type().IsRegular() {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	slices.Sort(names)
	return names, nil
}
