package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// crowded is the share of the machine that somebody else may use before the
// figures deserve a warning.
const crowded = 0.15

// referenceRSA is the bare signature, in milliseconds, of the core that the
// goals are written for.
const referenceRSA = 0.86

// report collects figures by round and prints their medians.
type report struct {
	binary    int64
	bares     []line
	lines     []line
	suspended []suspension
	began     []beginning
	loaded    []loaded
	paced     []paced
	signed    []finding // of signing in, what is measured once
}

// line is one row on one database, a figure for each round.
type line struct {
	row     row
	storage string
	rounds  []figure
}

func (r *report) add(of row, storage string, f figure) { r.lines = added(r.lines, of, storage, f) }
func (r *report) addBare(what string, f figure)        { r.bares = added(r.bares, row{what: what}, "-", f) }

func added(lines []line, of row, storage string, f figure) []line {
	i := slices.IndexFunc(lines, func(l line) bool {
		return l.row.number == of.number && l.row.what == of.what && l.storage == storage
	})
	if i < 0 {
		i, lines = len(lines), append(lines, line{row: of, storage: storage})
	}
	lines[i].rounds = append(lines[i].rounds, f)
	return lines
}

// median of each column.
func (l line) median() figure {
	return figure{
		cpu: of(l.rounds, func(f figure) time.Duration { return f.cpu }), rate: of(l.rounds, func(f figure) float64 { return f.rate }),
		p50: of(l.rounds, func(f figure) time.Duration { return f.p50 }), p99: of(l.rounds, func(f figure) time.Duration { return f.p99 }),
		others: of(l.rounds, func(f figure) float64 { return f.others }),
		each: work{
			cpu:        of(l.rounds, func(f figure) time.Duration { return f.each.cpu }),
			allocs:     of(l.rounds, func(f figure) float64 { return f.each.allocs }),
			bytes:      of(l.rounds, func(f figure) float64 { return f.each.bytes }),
			statements: of(l.rounds, func(f figure) float64 { return f.each.statements }),
			scripts:    of(l.rounds, func(f figure) float64 { return f.each.scripts }),
		},
	}
}

func of[V cmp.Ordered](figures []figure, column func(figure) V) V {
	values := make([]V, len(figures))
	for i, f := range figures {
		values[i] = column(f)
	}
	return median(values)
}

// median of an even number is the upper of the two in the middle.
func median[V cmp.Ordered](values []V) V {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func (r *report) bareMS(what string) float64 {
	for _, l := range r.bares {
		if l.row.what == what {
			return ms(l.median().cpu)
		}
	}
	return 0
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
func mib(bytes int64) float64    { return float64(bytes) / (1 << 20) }

// scale is by how much this core is slower than that of the goals.
func (r *report) scale() float64 { return r.bareMS(bareRSA) / referenceRSA }

// judged: the goals speak of SQLite alone, and of PostgreSQL with Redis.
func judged(storage string) bool { return storage != "PostgreSQL" }

// goals are what a line must hold and aims at, for the core of this run.
func (r *report) goals(l line) (must, aim float64) {
	scale, hash := r.scale(), r.bareMS(bareHash)
	must, aim = l.row.must, l.row.aim
	if strings.HasPrefix(l.storage, "PostgreSQL") {
		must, aim = must+l.row.database, aim+l.row.database
	}
	return must*scale + hash*l.row.overHash, aim*scale + hash*l.row.aimedHash
}

func (r *report) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprintf(w, "\n%s, %d processors; closed loop, %d workers, keep-alive; medians. CPU is that of the server,\n", runtime.Version(), runtime.NumCPU(), workers)
	fmt.Fprintf(w, "its database's processes and its Redis. must and aim: for a core whose RSA-2048 signature costs what it costs here.\n\n")
	fmt.Fprintln(w, "#\twhat\tstorage\tsigns\tCPU ms/op\tops/CPU-s\tmust\taim\t\twall: /s\tp50 ms\tp99 ms\tothers")
	for _, l := range r.bares {
		f := l.median()
		fmt.Fprintf(w, "\tbare: %s\t\t\t%.3f\t%.0f\t\t\t\t%.0f\t%.2f\t%.2f\t%.0f %%\n",
			l.row.what, ms(f.cpu), 1/f.cpu.Seconds(), f.rate, ms(f.p50), ms(f.p99), 100*f.others)
	}
	for _, l := range r.lines {
		f := l.median()
		must, aim := r.goals(l)
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%.3f\t%.0f\t%.2f\t%.2f\t%s\t%.0f\t%.2f\t%.2f\t%.0f %%\n",
			l.row.number, l.row.what, l.storage, l.row.signs, ms(f.cpu), 1/f.cpu.Seconds(), must, aim,
			verdict(l.storage, ms(f.cpu), must, aim), f.rate, ms(f.p50), ms(f.p99), 100*f.others)
	}
	r.printWork(w)
	r.printOnce(w)
	r.printProvider(w)
	r.printSigningIn(func(format string, args ...any) { fmt.Fprintf(w, format, args...) })
	if busiest := r.busiest(); busiest > crowded {
		fmt.Fprintf(w, "\nWARNING: somebody else used up to %.0f %% of this machine meanwhile: contention inflates even CPU\n", 100*busiest)
		fmt.Fprintf(w, "time per operation, up to 1.7 times. Do not compare these figures with those of another run.\n")
	}
}

// verdict is "" where the goals are silent.
func verdict(storage string, got, must, aim float64) string {
	switch {
	case !judged(storage):
		return ""
	case got <= aim:
		return "aim"
	case got <= must:
		return "holds"
	}
	return "OVER"
}

// printWork prints what the server itself did for one operation.
func (r *report) printWork(w io.Writer) {
	fmt.Fprintln(w, "\nof the server process, for one operation (statements with BEGIN and COMMIT; background work is among them)")
	fmt.Fprintln(w, "#\twhat\tstorage\tCPU ms\tallocations\tKiB\tSQL statements\tRedis scripts")
	for _, l := range r.lines {
		f := l.median().each
		fmt.Fprintf(w, "%d\t%s\t%s\t%.3f\t%.0f\t%.1f\t%.2f\t%.2f\n",
			l.row.number, l.row.what+" "+l.row.signs, l.storage, ms(f.cpu), f.allocs, f.bytes/1024, f.statements, f.scripts)
	}
}

func (r *report) busiest() (most float64) {
	for _, l := range slices.Concat(r.bares, r.lines) {
		most = max(most, l.median().others)
	}
	return most
}

// printOnce prints what is measured once in a run.
func (r *report) printOnce(w io.Writer) {
	fmt.Fprintf(w, "\nA session check is one statement, and none with Redis: tests of store and sessions/redis count them.\n")
	fmt.Fprintf(w, "\nsuspend (wall ms; the ratio must be at most 2)\n")
	fmt.Fprintln(w, "storage\tone session\t10 000 over 50 apps\tratio\tuntil the receipt lists all")
	for _, s := range r.suspended {
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%.0f\n", s.storage, ms(s.few), ms(s.many), ms(s.many)/ms(s.few), ms(s.listed))
	}
	fmt.Fprintf(w, "\nstart on an existing store\n")
	fmt.Fprintln(w, "storage\tstore MiB\tfirst 200 ms\tCPU ms\tanonymous MiB\tresident MiB")
	for _, b := range r.began {
		fmt.Fprintf(w, "%s\t%.1f\t%.0f\t%.0f\t%.1f\t%.1f\n", b.storage, mib(b.size), ms(b.answer), ms(b.cpu), mib(b.anonymous), mib(b.whole))
	}
	fmt.Fprintf(w, "\nafter the load\nstorage\toperations\tanonymous MiB\tresident MiB\n")
	for _, l := range r.loaded {
		fmt.Fprintf(w, "%s\t%d\t%.1f\t%.1f\n", l.storage, l.ops, mib(l.anonymous), mib(l.whole))
	}
	fmt.Fprintf(w, "\nbinary: %.1f MB (must: 35, aim: 25)\n", float64(r.binary)/1e6)
}
