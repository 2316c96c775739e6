package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU time in /proc: sysconf(_SC_CLK_TCK) is 100 on every
// Linux that Go runs on.
const tick = 10 * time.Millisecond

// process is what /proc/PID/stat says, proc_pid_stat(5).
type process struct {
	name   string
	parent int
	own    time.Duration // user and system
	waited time.Duration // of children that have ended and were waited for
}

func readProcess(pid int) (process, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	return parseProcess(string(raw))
}

// parseProcess: the name stands in parentheses and may hold some itself.
func parseProcess(stat string) (process, error) {
	left, right := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if left < 0 || right < left {
		return process{}, errors.New("not a /proc/PID/stat")
	}
	fields := strings.Fields(stat[right+1:])
	if len(fields) < 15 {
		return process{}, errors.New("a short /proc/PID/stat")
	}
	var n [5]int64
	for i, at := range []int{1, 11, 12, 13, 14} { // ppid, utime, stime, cutime, cstime
		var err error
		if n[i], err = strconv.ParseInt(fields[at], 10, 64); err != nil {
			return process{}, fmt.Errorf("/proc/PID/stat: %w", err)
		}
	}
	return process{
		name: stat[left+1 : right], parent: int(n[0]),
		own: time.Duration(n[1]+n[2]) * tick, waited: time.Duration(n[3]+n[4]) * tick,
	}, nil
}

func processCPU(pid int) (time.Duration, error) {
	p, err := readProcess(pid)
	return p.own, err
}

// treeCPU is the CPU time of a process, its live children and those it has
// waited for: it goes on counting when one of them ends.
func treeCPU(pid int) (time.Duration, error) {
	root, err := readProcess(pid)
	if err != nil {
		return 0, err
	}
	sum := root.own + root.waited
	all, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, entry := range all {
		child, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		p, err := readProcess(child)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it has just ended
		case err != nil:
			continue
		case p.parent == pid:
			sum += p.own
		}
	}
	return sum, nil
}

// fineCPU is the CPU time of a process to the nanosecond, for what happens once:
// /proc/PID/task/TID/schedstat. A thread that has ended counts no more.
func fineCPU(pid int) (sum time.Duration, err error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, path := range threads {
		raw, err := os.ReadFile(path)
		var ran int64
		if _, parsed := fmt.Sscan(string(raw), &ran); errors.Join(err, parsed) == nil {
			sum += time.Duration(ran)
		}
	}
	return sum, err
}

// family is a process and its live children.
func family(pid int) ([]int, error) {
	all, err := os.ReadDir("/proc")
	pids := []int{pid}
	for _, entry := range all {
		child, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if p, err := readProcess(child); err == nil && p.parent == pid {
			pids = append(pids, child)
		}
	}
	return pids, err
}

// machineCPU is what everything on the machine has used, proc_stat(5). Time
// that the host took away counts: nobody here could use it.
func machineCPU() (time.Duration, error) {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	fields := strings.Fields(first)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, errors.New("/proc/stat has no line of all processors")
	}
	var sum int64
	for _, at := range []int{1, 2, 3, 6, 7, 8} { // user nice system irq softirq steal; not idle, not iowait
		n, err := strconv.ParseInt(fields[at], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		sum += n
	}
	return time.Duration(sum) * tick, nil
}

// resident is the anonymous and the whole resident memory of a process, bytes.
func resident(pid int) (anonymous, whole int64, err error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(raw)) {
		name, value, _ := strings.Cut(line, ":")
		var to *int64
		switch name {
		case "Anonymous":
			to = &anonymous
		case "Rss":
			to = &whole
		default:
			continue
		}
		kB, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("/proc/PID/smaps_rollup: %w", err)
		}
		*to = kB << 10
	}
	return anonymous, whole, nil
}
