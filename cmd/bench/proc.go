package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of processor time in /proc: USER_HZ, which is 100 on every architecture that Go runs on.
const clockTick = 10 * time.Millisecond

// stat is what /proc/PID/stat says of one process (proc(5)).
type stat struct {
	pid, parent int
	// own is the process's own time, children that of the children it has waited for; user and system.
	own, children time.Duration
}

// parseStat reads one line. The second field, the name, stands in parentheses and may hold anything.
func parseStat(line string) (stat, error) {
	open, closing := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || closing < open {
		return stat{}, fmt.Errorf("%.40q is no line of /proc/PID/stat", line)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line[:open]))
	if err != nil {
		return stat{}, fmt.Errorf("read process number: %w", err)
	}
	// From the third field on: state, parent, ..., utime (14), stime (15), cutime (16), cstime (17).
	f := strings.Fields(line[closing+1:])
	if len(f) < 15 {
		return stat{}, fmt.Errorf("line of process %d has %d fields after the name, not 15 or more", pid, len(f))
	}
	s := stat{pid: pid}
	if s.parent, err = strconv.Atoi(f[1]); err != nil {
		return stat{}, fmt.Errorf("read parent of process %d: %w", pid, err)
	}
	var ticks [4]int64
	for i := range ticks {
		if ticks[i], err = strconv.ParseInt(f[11+i], 10, 64); err != nil {
			return stat{}, fmt.Errorf("read times of process %d: %w", pid, err)
		}
	}
	s.own = time.Duration(ticks[0]+ticks[1]) * clockTick
	s.children = time.Duration(ticks[2]+ticks[3]) * clockTick
	return s, nil
}

// processorTime sums the processor time of a process, of all its living descendants, and of those that it or they have
// waited for. Differences of it count a child's time once, whether the child lives on or ends in between.
func processorTime(pid int) (time.Duration, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	var all []stat
	for _, name := range files {
		line, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended since
		}
		s, err := parseStat(string(line))
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", name, err)
		}
		all = append(all, s)
	}
	return sumTimes(all, pid)
}

// sumTimes is processorTime over a list of processes.
func sumTimes(all []stat, pid int) (time.Duration, error) {
	childrenOf := map[int][]stat{}
	var sum time.Duration
	found := false
	for _, s := range all {
		childrenOf[s.parent] = append(childrenOf[s.parent], s)
		if s.pid == pid {
			found = true
			sum = s.own + s.children
		}
	}
	if !found {
		return 0, fmt.Errorf("process %d has ended", pid)
	}
	for todo := childrenOf[pid]; len(todo) > 0; {
		s := todo[0]
		todo = append(todo[1:], childrenOf[s.pid]...)
		sum += s.own + s.children
	}
	return sum, nil
}

// peakMemory is the most memory that a process has had in use at once, in bytes: VmHWM of /proc/PID/status.
func peakMemory(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	return parsePeak(string(text))
}

func parsePeak(status string) (int64, error) {
	for line := range strings.Lines(status) {
		if v, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kB, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "kB")), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read VmHWM: %w", err)
			}
			return kB * 1024, nil
		}
	}
	return 0, fmt.Errorf("no VmHWM: the process has ended")
}
