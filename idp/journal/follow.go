package journal

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"gatehouse/idp"
)

// Source is what is followed; *store.Store is one.
type Source interface {
	House(ctx context.Context) (idp.House, error)
	// EndingsAfter returns the rows of the log after n in order, without a gap.
	EndingsAfter(ctx context.Context, n int64, limit int) ([]idp.Ending, error)
}

const (
	followEvery = time.Second
	// followRows is how many rows of the log are read at once.
	followRows = 500
	// lookBack is how far back a journal begins that is new in an old house.
	lookBack = 100_000
	// markEvery is how often a journal says that there was nothing to say.
	markEvery = time.Minute
)

// Follow writes down what all nodes cut, until ctx ends. What this node has
// committed stands there already.
func (j *Journal) Follow(ctx context.Context, from Source, log *slog.Logger) {
	f := follower{journal: j, from: from}
	told := false
	next := time.NewTicker(followEvery)
	defer next.Stop()
	for {
		err := f.step(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !told {
			log.WarnContext(ctx, "the cut journal does not follow", "error", err)
		}
		told = err != nil
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
	}
}

type follower struct {
	journal  *Journal
	from     Source
	era      string
	restored time.Time // when the house was, the last time
	at       int64     // every cut up to here is written
	wish     string    // of the row there, "" where it was not read
	told     int64     // the last line says so up to here
	marked   time.Time
}

// errForked: the log is not the one that was followed.
var errForked = errors.New("the log has another row under a number that was read before: the database has gone back in time and on from there")

// step writes what is missing up to now.
func (f *follower) step(ctx context.Context) error {
	for {
		h, err := f.from.House(ctx)
		if err != nil || h.State != idp.HouseOpen {
			return err
		}
		if h.Era != f.era {
			if err := f.begin(ctx, h); err != nil {
				return err
			}
		}
		rows, err := f.next(ctx)
		if err != nil || len(rows) == 0 {
			return errors.Join(err, f.mark(ctx, false))
		}
		// A house that was restored in between has other numbers.
		if again, err := f.from.House(ctx); err != nil || again.Era != f.era {
			return err
		}
		if err := f.write(ctx, rows); err != nil {
			return err
		}
		if len(rows) < followRows {
			return f.mark(ctx, false)
		}
	}
}

// next reads the rows after the last that was written, which must still be
// what it was.
func (f *follower) next(ctx context.Context) ([]idp.Ending, error) {
	if f.wish == "" {
		return f.from.EndingsAfter(ctx, f.at, followRows)
	}
	rows, err := f.from.EndingsAfter(ctx, f.at-1, followRows+1)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 || rows[0].N != f.at || rows[0].Key != f.wish {
		f.journal.forked.Store(true)
		return nil, errForked
	}
	return rows[1:], nil
}

// begin finds where to go on in this era. One that began with "everything
// before now" goes on with the numbers of the one before, and says so at once,
// for the next process; one that began with a restore has its own.
func (f *follower) begin(ctx context.Context, h idp.House) error {
	seen := f.era != ""
	f.era = h.Era
	if seen && h.RestoredAt.Equal(f.restored) {
		return f.sayEra(ctx)
	}
	n, known := f.journal.read.marks[h.Era]
	if !known && h.From.Era == "" { // never restored
		for _, m := range f.journal.read.marks {
			n, known = max(n, m), true
		}
	}
	if !known {
		n = max(h.From.N, h.N-lookBack)
	}
	f.restored, f.at, f.wish, f.told = h.RestoredAt, n, "", n
	return f.sayEra(ctx)
}

// sayEra writes where this era is followed from.
func (f *follower) sayEra(ctx context.Context) error {
	if f.at == 0 {
		return nil
	}
	f.told = f.at
	return f.journal.append(ctx, f.markLine(f.at))
}

func (f *follower) write(ctx context.Context, rows []idp.Ending) error {
	var lines []line
	for _, e := range rows {
		c := cutOf(e)
		c.Era = f.era
		if e.Kind == idp.LogChange || e.Kind == idp.LogRegistration || f.journal.has(c) {
			continue
		}
		if c.Lasts() {
			var err error
			if _, c.Username, err = f.journal.Who(ctx, c.UserID); err != nil {
				return err
			}
		}
		lines = append(lines, line{Cut: c, After: c.N}) // the mark behind them speaks for all
	}
	to := rows[len(rows)-1].N
	if len(lines) > 0 {
		lines = append(lines, f.markLine(to))
		if err := f.journal.append(ctx, lines...); err != nil {
			return err
		}
		f.told, f.marked = to, time.Now()
	}
	f.at, f.wish = to, rows[len(rows)-1].Key
	f.journal.forget(f.era, to)
	return nil
}

// mark says that there was no other cut, once in a while.
func (f *follower) mark(ctx context.Context, now bool) error {
	if f.at == f.told || !now && time.Since(f.marked) < markEvery {
		return nil
	}
	if err := f.journal.append(ctx, f.markLine(f.at)); err != nil {
		return err
	}
	f.told, f.marked = f.at, time.Now()
	return nil
}

func (f *follower) markLine(to int64) line {
	return line{Cut: idp.Cut{N: to, Era: f.era, Kind: seen}, After: f.told}
}

// has reports whether the cut is written, by Keep or by Follow.
func (j *Journal) has(c idp.Cut) bool {
	j.keptMu.Lock()
	defer j.keptMu.Unlock()
	return c.Era != "" && (j.kept[c.N] == c.Era || c.N <= j.passed[c.Era])
}

// forget drops what Follow has passed.
func (j *Journal) forget(era string, to int64) {
	j.keptMu.Lock()
	defer j.keptMu.Unlock()
	j.passed[era] = to
	for n := range j.kept {
		if n <= to {
			delete(j.kept, n)
		}
	}
}

func joinClose(err error, f *os.File) error { return errors.Join(err, f.Close()) }
