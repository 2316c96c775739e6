package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
)

// oneHash is the memory that one password hash needs, MiB.
const oneHash = 19.0

// hashMemory is that of those that are computed at once. The server keeps it.
func hashMemory() float64 { return oneHash * float64(max(1, runtime.NumCPU()-1)) }

// provider is the rows of the table of goals that an OpenID Provider must reach,
// on the storages that the goals speak of.
func (r *report) provider() (found []finding) {
	within := func(what, unit string, got, must, aim float64) {
		found = append(found, within(what, unit, got, must, aim))
	}
	for _, l := range r.lines {
		if l.row.number <= 6 && judged(l.storage) {
			must, aim := r.goals(l)
			within(fmt.Sprintf("%d %s, %s, %s", l.row.number, l.row.what, l.row.signs, l.storage), "ms", ms(l.median().cpu), must, aim)
		}
	}
	scale := r.scale()
	for _, p := range r.paced {
		if judged(p.storage) {
			within(fmt.Sprintf("11 %s at %.0f a second, half of the peak, p99, %s", p.row.what, p.rate, p.storage), "ms", ms(p.took.p99), p.must*scale, p.aim*scale)
		}
	}
	for _, b := range r.began {
		if judged(b.storage) {
			within(fmt.Sprintf("12 start until discovery answers, store of %.1f MiB, %s", mib(b.size), b.storage), "ms", ms(b.answer), 90*scale, 50*scale)
			within(fmt.Sprintf("13 anonymous memory, idle, of it %.0f for a hash, %s", oneHash, b.storage), "MiB", mib(b.anonymous), 35+oneHash, 25+oneHash)
		}
	}
	for _, l := range r.loaded {
		if judged(l.storage) {
			within(fmt.Sprintf("13 anonymous memory after %d operations, of it %.0f for hashes, %s", l.ops, hashMemory(), l.storage), "MiB",
				mib(l.anonymous), 60+hashMemory(), 45+hashMemory())
		}
	}
	slices.SortStableFunc(found, func(a, b finding) int { return number(a) - number(b) })
	return found
}

func within(what, unit string, got, must, aim float64) finding {
	return finding{
		what: what, got: fmt.Sprintf("%.3g %s", got, unit), must: fmt.Sprintf("<= %.3g, aim %.3g", must, aim), judged: true, holds: got <= must,
	}
}

// number is that of the row, which a figure's name begins with.
func number(f finding) (n int) {
	fmt.Sscan(f.what, &n)
	return n
}

// printProvider prints them as docs/performance.md shows them.
func (r *report) printProvider(w io.Writer) {
	fmt.Fprintf(w, "\nOpenID Provider: CPU of server, database and Redis for one operation; goals scaled by %.2f, as a bare RSA-2048\n", r.scale())
	fmt.Fprintf(w, "signature of this run cost %.3f ms and they are written for %.2f\n\n", r.bareMS(bareRSA), referenceRSA)
	fmt.Fprint(w, "| figure | measured | must hold | holds |\n|---|---|---|---|\n")
	for _, f := range r.provider() {
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", f.what, f.got, f.must, f.verdict())
	}
}
