package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// finding is a figure beside what must hold, or one that is only told.
type finding struct {
	what, got, must string
	judged, holds   bool
}

// verdict says whether it holds; "" of what is only told.
func (f finding) verdict() string {
	switch {
	case !f.judged:
		return ""
	case f.holds:
		return "holds"
	}
	return "OVER"
}

func (f finding) String() string {
	if !f.judged {
		return f.what + ": " + f.got
	}
	return fmt.Sprintf("%s: %s; must hold: %s; %s", f.what, f.got, f.must, f.verdict())
}

// spread is how a time is distributed.
type spread struct {
	n             int
	p50, p99, max time.Duration
}

func percentiles(took []time.Duration) spread {
	if len(took) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(took))
	n := len(sorted)
	return spread{n, sorted[n/2], sorted[n*99/100], sorted[n-1]}
}

func (s spread) String() string {
	return fmt.Sprintf("p50 %.3f, p99 %.3f, max %.2f ms (n %d)", ms(s.p50), ms(s.p99), ms(s.max), s.n)
}

// print writes the table, and on what machine it came about.
func (r *rig) print(ctx context.Context, out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprintf(w, "\nrevocation: the binary as it is shipped, PostgreSQL and Redis on loopback, server and client on the same processors\n")
	if err := r.printMachine(ctx, w); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nwhat\tmeasured\tmust hold\t")
	for _, f := range r.findings {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.what, f.got, f.must, f.verdict())
	}
	fmt.Fprintln(w, "\nstage\ttook\tused by others")
	crowd := 0.0
	for _, s := range r.others {
		fmt.Fprintf(w, "%s\t%.0f s\t%.0f %%\n", s.stage, s.took.Seconds(), 100*s.part)
		crowd = max(crowd, s.part)
	}
	if crowd > crowded {
		fmt.Fprintf(w, "\nWARNING: somebody else used up to %.0f %% of this machine meanwhile. Percentiles of wall time are worst\n", 100*crowd)
		fmt.Fprintf(w, "then: read the ratios, and repeat what matters when the machine is idle.\n")
	}
	return nil
}

func (r *rig) printMachine(ctx context.Context, w io.Writer) error {
	var postgres string
	if err := r.db.QueryRowContext(ctx, "SHOW server_version").Scan(&postgres); err != nil {
		return err
	}
	redis, err := exec.CommandContext(ctx, "redis-server", "--version").Output()
	if err != nil {
		return err
	}
	version := strings.Fields(string(redis) + " - - - -")
	fmt.Fprintf(w, "%s; %d processors (%s), %s; PostgreSQL %s with fsync; Redis %s; %s\n",
		time.Now().UTC().Format("2006-01-02 15:04Z"), runtime.NumCPU(), lineOf("/proc/cpuinfo", "model name"),
		lineOf("/proc/meminfo", "MemTotal"), postgres, strings.TrimPrefix(version[2], "v="), runtime.Version())
	if signature := r.rows.bareMS(bareRSA); signature > 0 {
		fmt.Fprintf(w, "bare RSA-2048 signature of this run: %.3f ms of CPU (the goals are written for %.2f)\n", signature, referenceRSA)
	}
	return nil
}

// lineOf is the first value of that name in a file of /proc.
func lineOf(path, name string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(raw)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
