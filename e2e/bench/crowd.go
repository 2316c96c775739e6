package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// crowd is many people who sign in by their passwords, each in a browser of
// their own. It is this program once more, at low priority: what is measured
// meanwhile then waits for the server, and not for the crowd in its own process.
type crowd struct {
	Addr, URL string
	Names     []string
	// Again: who is in begins anew, until the crowd is told to stop. Else
	// everybody has the password typed before they all press the button at once,
	// and comes in once.
	Again bool
}

// turnout is what a crowd says of itself.
type turnout struct {
	Asked    time.Duration   // from the first press of the button until the last was in
	Took     []time.Duration // until one was in, refusals and all
	Statuses map[int]int     // of the answers to a password
	Blunt    int             // refusals that did not say when to come back
}

// together is how many of a crowd are on the pages before the button at once.
const together = 8

// serveCrowd is the crowd: it says when everybody is ready, begins at the first
// line it is given, and where it goes on for ever ends with its input.
func serveCrowd(ctx context.Context) error {
	syscall.Setpriority(syscall.PRIO_PROCESS, 0, 5) // of no matter where it may not
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var c crowd
	if err := json.Unmarshal(line, &c); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	h := &house{addr: c.Addr, url: c.URL}
	people, ready := make([]*person, len(c.Names)), make([]page, len(c.Names))
	before := make(chan struct{}, together)
	err = everybody(len(people), func(i int) (err error) {
		before <- struct{}{}
		defer func() { <-before }()
		people[i] = newPerson(h, c.Names[i])
		ready[i], err = people[i].toPassword(ctx, h.url+"/signin")
		return err
	})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	if _, err := in.ReadString('\n'); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		stop()
	}()
	t := turnout{Statuses: map[int]int{}, Took: []time.Duration{}}
	var mu sync.Mutex
	began := time.Now()
	err = everybody(len(people), func(i int) error {
		for {
			pressed := time.Now()
			err := people[i].enter(ctx, ready[i], &mu, &t)
			if ctx.Err() != nil && c.Again {
				return nil
			}
			if err != nil {
				return err
			}
			mu.Lock()
			t.Took, t.Asked = append(t.Took, time.Since(pressed)), time.Since(began)
			mu.Unlock()
			if !c.Again {
				return nil
			}
			people[i].forget()
			if ready[i], err = people[i].toPassword(ctx, h.url+"/signin"); err != nil {
				return errors.Join(err, ctx.Err())
			}
		}
	})
	if err != nil && !c.Again {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(t)
}

// everybody does something for each, all at once.
func everybody(n int, do func(i int) error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// enter presses the button until it leads on, and comes back when it is told to.
func (p *person) enter(ctx context.Context, g page, mu *sync.Mutex, t *turnout) error {
	for {
		a, err := p.submit(ctx, g, form("username", p.name, "password", password))
		if err != nil {
			return err
		}
		wait, err := strconv.Atoi(a.header.Get("Retry-After"))
		refused := a.status == http.StatusServiceUnavailable || a.status == http.StatusTooManyRequests
		mu.Lock()
		t.Statuses[a.status]++
		if refused && err != nil {
			t.Blunt++
		}
		mu.Unlock()
		if !refused {
			_, err := a.location()
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(max(1, wait)) * time.Second):
		}
	}
}

// gathering is a crowd from outside.
type gathering struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// gather has a crowd come, and waits until everybody is ready.
func (h *house) gather(ctx context.Context, n int, again bool) (*gathering, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := crowd{Addr: h.addr, URL: h.url, Again: again}
	for i := range n {
		c.Names = append(c.Names, crowdName(i))
	}
	asked, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	g := &gathering{cmd: exec.CommandContext(ctx, self, "-crowd")}
	g.cmd.SysProcAttr, g.cmd.Stderr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}, os.Stderr
	if g.in, err = g.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	g.out = bufio.NewReader(out)
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(g.in, "%s\n", asked); err != nil {
		return nil, err
	}
	if said, err := g.out.ReadString('\n'); err != nil || said != "ready\n" {
		g.cmd.Process.Kill()
		return nil, fmt.Errorf("the crowd did not gather: %w", errors.Join(err, g.cmd.Wait()))
	}
	return g, nil
}

// press has everybody press the button.
func (g *gathering) press() error {
	_, err := io.WriteString(g.in, "go\n")
	return err
}

// end waits for the turnout; stop: those who would go on are told to stop.
func (g *gathering) end(stop bool) (t turnout, err error) {
	if stop {
		g.in.Close()
	}
	err = json.NewDecoder(g.out).Decode(&t)
	g.in.Close()
	return t, errors.Join(err, g.cmd.Wait())
}

func crowdName(i int) string { return "crowd" + strconv.Itoa(i) }

func (t turnout) String() string {
	s := fmt.Sprintf("all within %.1f s; answers", t.Asked.Seconds())
	for _, status := range slices.Sorted(maps.Keys(t.Statuses)) {
		s += fmt.Sprintf(" %d: %d,", status, t.Statuses[status])
	}
	return fmt.Sprintf("%s without Retry-After: %d", s, t.Blunt)
}

// others are the answers that are neither a way on nor a refusal that says when
// to come back.
func (t turnout) others() int {
	n := t.Blunt
	for status, times := range t.Statuses {
		if status != http.StatusSeeOther && status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests {
			n += times
		}
	}
	return n
}
