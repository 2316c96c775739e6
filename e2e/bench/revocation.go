package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"gatehouse/web/api/client"
)

// stage is one part of the figures of revocation. Stages run in this order,
// on one house: a binary as it is shipped, PostgreSQL, Redis.
type stage struct {
	name string
	do   func(*rig, context.Context, options) error
}

func stages() []stage {
	return []stage{
		{"checks", (*rig).checks},
		{"cuts", (*rig).cuts},
		{"call", (*rig).calls},
		{"apps", (*rig).apps},
		{"million", (*rig).million},
	}
}

func stageNames() string {
	var names []string
	for _, s := range stages() {
		names = append(names, s.name)
	}
	return strings.Join(names, ",")
}

// How many of each kind of person the rig has.
const (
	leavers = 12 // suspended under load at the same time
	inTurn  = 8  // who take turns at that: nobody is suspended a thousand times in a life
	callers = 4  // suspended one after the other
)

// rig is the house that the figures of revocation are measured on.
type rig struct {
	*house
	nodes    []*node
	ears     *ears
	base     *baseline
	rows     report // of the stage that measures rows of the table of goals
	findings []finding
	others   []share

	leaving, calling   []*person
	many, whole, every *person
}

// share is what somebody else used of the machine during a stage.
type share struct {
	stage string
	part  float64
	took  time.Duration
}

// revocation measures everything that is promised of a suspension and prints
// it.
func revocation(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if o.postgres == "" {
		return errors.New("GATEHOUSE_TEST_POSTGRES names no PostgreSQL: run `make bench-revocation`")
	}
	binary, _, err := build(ctx, dir, o.binary)
	if err != nil {
		return err
	}
	r, err := openRig(ctx, dir, binary, o)
	defer func() { err = errors.Join(err, r.close()) }()
	if err != nil {
		return err
	}
	for _, s := range stages() {
		if !slices.Contains(strings.Split(o.stages, ","), s.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "bench: %s\n", s.name)
		told := len(r.findings)
		if err := r.watched(s.name, func() error { return s.do(r, ctx, o) }); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		for _, f := range r.findings[told:] {
			fmt.Fprintln(os.Stderr, "bench:   "+f.String())
		}
	}
	return r.print(ctx, os.Stdout)
}

// openRig starts the first node on a furnished house.
func openRig(ctx context.Context, dir, binary string, o options) (*rig, error) {
	r := &rig{}
	var err error
	if r.house, err = onRedis(ctx, dir, o.postgres); err != nil {
		return r, err
	}
	r.binary = binary
	r.env = append(r.env, "GATEHOUSE_OUTBOUND_ALLOW=127.0.0.1/32")
	if r.ears, err = listen(apps + 2); err != nil {
		return r, err
	}
	if _, err := r.start(ctx); err != nil {
		return r, err
	}
	r.nodes = []*node{{addr: r.addr, way: wayTo(r.addr)}}
	if err := r.people(ctx); err != nil {
		return r, err
	}
	r.base, err = newBaseline(ctx, r.house)
	return r, err
}

// people brings in everybody and the apps, in one go.
func (r *rig) people(ctx context.Context) error {
	want := client.Desired{Groups: []string{groupName}, Apps: append(registrations()[:3], r.ears.registrations()...)}
	for _, a := range want.Apps {
		want.Grants = append(want.Grants, client.Grant{App: a.Name, Group: groupName})
	}
	add := func(kind string, n int) (list []*person) {
		for i := range n {
			p := newPerson(r.house, fmt.Sprintf("%s%d", kind, i))
			want.Users = append(want.Users, client.DesiredUser{
				Person: client.Person{Username: p.name, Email: p.name + "@example.com", DisplayName: p.name},
				Groups: []string{groupName},
			})
			list = append(list, p)
		}
		return list
	}
	r.load, r.leaving, r.calling = add("worker", workers), add("leaver", leavers*inTurn), add("caller", callers)
	one := add("holder", 3)
	r.many, r.whole, r.every = one[0], one[1], one[2]
	return r.bring(ctx, want, slices.Concat(r.load, r.leaving, r.calling, one))
}

// close ends everything that the rig has started.
func (r *rig) close() error {
	if r.house == nil {
		return nil
	}
	err := r.leave()
	if r.base != nil {
		err = errors.Join(err, r.base.close())
	}
	if r.ears != nil {
		r.ears.close()
	}
	return errors.Join(err, r.house.close())
}

// watched runs a stage and notes what others used of the machine meanwhile.
func (r *rig) watched(name string, do func() error) error {
	before, began := time.Duration(0), time.Now()
	ours, err := r.ours()
	if err != nil {
		return err
	}
	if before, err = machineCPU(); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	after, err := machineCPU()
	if err != nil {
		return err
	}
	used, err := r.ours()
	if err != nil {
		return err
	}
	took := time.Since(began)
	others := (after - before - (used - ours)).Seconds() / took.Seconds() / float64(runtime.NumCPU())
	r.others = append(r.others, share{name, max(0, others), took})
	return nil
}

// ours is what this program, the nodes, the database and Redis have used. A
// node that has left counts on, because it was waited for.
func (r *rig) ours() (time.Duration, error) {
	self, err := readProcess(os.Getpid())
	if err != nil {
		return 0, err
	}
	sum, err := r.cpu()
	if err != nil {
		return 0, err
	}
	for _, n := range r.nodes[1:] {
		used, err := processCPU(n.cmd.Process.Pid)
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum + self.own + self.waited, nil
}

// find notes a figure beside what must hold.
func (r *rig) find(what, got, must string, holds bool) {
	r.findings = append(r.findings, finding{what: what, got: got, must: must, judged: true, holds: holds})
}

// tell notes a figure that is printed beside the others and held to nothing.
func (r *rig) tell(what, got string) {
	r.findings = append(r.findings, finding{what: what, got: got})
}

// checks measures the rows of the table of goals that ask Redis alone.
func (r *rig) checks(ctx context.Context, o options) error {
	o.rows = "3,4"
	if err := r.rows.load(ctx, o, []*house{r.house}); err != nil {
		return err
	}
	for _, l := range r.rows.lines {
		f := l.median()
		must, aim := r.rows.goals(l)
		r.find(fmt.Sprintf("%s, CPU of server, database and Redis", l.row.what),
			fmt.Sprintf("%.3f ms (%.0f/CPU-s)", ms(f.cpu), 1/f.cpu.Seconds()),
			fmt.Sprintf("<= %.3f ms, aim %.3f", must, aim), ms(f.cpu) <= must)
	}
	return nil
}
