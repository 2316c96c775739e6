package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestProcessIsReadWhateverItsName(t *testing.T) {
	t.Parallel()
	p, err := parseProcess("42 (post) gres (x)) S 7 42 42 0 -1 4194304 102 0 0 0 150 50 3 2 20 0 1 0 439326\n")
	if err != nil {
		t.Fatal(err)
	}
	want := process{name: "post) gres (x)", parent: 7, own: 2 * time.Second, waited: 50 * time.Millisecond}
	if p != want {
		t.Errorf("got %+v, want %+v", p, want)
	}
	for _, broken := range []string{"", "42 (x", "42 (x) S 7", "42 (x) S seven 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"} {
		if _, err := parseProcess(broken); err == nil {
			t.Errorf("%q was read", broken)
		}
	}
}

// TestTreeKeepsCountingAChildThatEnded: PostgreSQL's backends come and go.
func TestTreeKeepsCountingAChildThatEnded(t *testing.T) {
	t.Parallel()
	before, err := treeCPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done").Run(); err != nil {
		t.Fatal(err)
	}
	after, err := treeCPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if after-before < 3*tick {
		t.Errorf("a busy child counted for %s", after-before)
	}
}

func TestMedianOfRoundsAndWarning(t *testing.T) {
	t.Parallel()
	var r report
	for _, cpu := range []time.Duration{9, 1, 2} {
		f := figure{cpu: cpu * time.Millisecond, rate: 1, others: float64(cpu) / 10}
		r.addBare(bareRSA, figure{cpu: 1720 * time.Microsecond})
		r.add(row{number: 1, what: "sso", signs: "ES256", must: 1, aim: 0.5}, "SQLite", f)
		r.add(row{number: 1, what: "sso", signs: "ES256", must: 1, aim: 0.5, database: 1}, "PostgreSQL+Redis", f)
	}
	if len(r.lines) != 2 || r.lines[0].median().cpu != 2*time.Millisecond {
		t.Fatalf("lines %+v", r.lines)
	}
	// The signature costs twice that of the goals' core here.
	if must, aim := r.goals(r.lines[1]); must != 4 || aim != 3 {
		t.Errorf("goals on PostgreSQL: %v and %v", must, aim)
	}
	var out strings.Builder
	r.print(&out)
	for _, want := range []string{"2.000", "holds", "aim", "WARNING: somebody else used up to 20 %"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, &out)
		}
	}
}

// TestGoalsAreSilentOfPostgreSQLAlone: they speak of SQLite, and of PostgreSQL
// with Redis, which may cost more where the row says so.
func TestGoalsAreSilentOfPostgreSQLAlone(t *testing.T) {
	t.Parallel()
	var r report
	r.addBare(bareRSA, figure{cpu: 860 * time.Microsecond})
	for _, storage := range []string{"SQLite", "PostgreSQL", "PostgreSQL+Redis"} {
		r.add(row{number: 1, what: "sso", signs: "ES256", must: 1, aim: 0.5, database: 1}, storage, figure{cpu: 1500 * time.Microsecond})
		r.add(row{number: 7, what: "saml", must: 1}, storage, figure{cpu: time.Millisecond})
	}
	r.loaded = []loaded{{storage: "PostgreSQL+Redis", ops: 5, anonymous: 1 << 30}}
	var got []string
	for _, f := range r.provider() {
		got = append(got, f.what[:2]+f.verdict())
	}
	if want := "1 OVER,1 holds,13OVER"; strings.Join(got, ",") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// TestLateAnswersCountFromWhenTheyWereDue: a server that stands still for a
// while makes all late that wait for it, not one.
func TestLateAnswersCountFromWhenTheyWereDue(t *testing.T) {
	t.Parallel()
	first := true
	took, err := inPace(t.Context(), 400*time.Millisecond, 100, []operation{func(context.Context) error {
		if first {
			time.Sleep(300 * time.Millisecond)
		}
		first = false
		return nil
	}})
	if err != nil || len(took) != 40 {
		t.Fatalf("%d operations, %v", len(took), err)
	}
	if s := percentiles(took); s.p50 < 100*time.Millisecond {
		t.Errorf("half were answered within %s of when they were due", s.p50)
	}
}

func TestASeriesIsRead(t *testing.T) {
	t.Parallel()
	const metrics = "# TYPE a_total counter\na_total 1.5e+06\na_total_more 3\n"
	if n, err := seriesOf(metrics, "a_total"); err != nil || n != 1.5e6 {
		t.Errorf("%g, %v", n, err)
	}
	if _, err := seriesOf(metrics, "total"); err == nil {
		t.Error("a series that is not there was read")
	}
}
