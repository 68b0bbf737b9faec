package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/internal/processgroup"
)

// stopTime is how long a program may take to end after it was asked to: twice what refstream promises.
const stopTime = 10 * time.Second

// program is a child in a process group of its own, so that all of it can be ended.
type program struct {
	cmd    *exec.Cmd
	group  *processgroup.Group
	output processgroup.Tail
	done   chan struct{}
	err    error
}

// start runs a program. Its output is kept for error messages. The caller has to stop it or wait for it.
func start(ctx context.Context, env []string, name string, args ...string) (*program, error) {
	p := &program{cmd: exec.CommandContext(ctx, name, args...), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.group = processgroup.New(p.cmd)
	p.cmd.Cancel = p.group.Interrupt
	p.cmd.WaitDelay = stopTime
	if err := p.group.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		// What the program left behind goes with it. A group that is empty gives an error, which is what is hoped for.
		_ = p.group.Kill()
		close(p.done)
	}()
	return p, nil
}

// wait returns when the program has ended, with an error that holds the end of its output where it failed.
func (p *program) wait() error {
	<-p.done
	if p.err != nil {
		return fmt.Errorf("run %s: %w: %s", p.cmd.Path, p.err, &p.output)
	}
	return nil
}

// stop asks the program to end and waits for it; it is killed where it takes too long.
func (p *program) stop() error {
	if err := p.group.Interrupt(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.cmd.Path, err)
	}
	timer := time.AfterFunc(stopTime, func() { _ = p.group.Kill() }) // it may have ended just now
	defer timer.Stop()
	return p.wait()
}

// timed runs a program to its end and returns how long that took.
func timed(ctx context.Context, name string, args ...string) (time.Duration, error) {
	began := time.Now()
	p, err := start(ctx, nil, name, args...)
	if err != nil {
		return 0, err
	}
	err = p.wait()
	return time.Since(began), err
}

// freeAddress is a loopback address whose port was free just now.
func freeAddress(ctx context.Context) (string, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find free port: %w", err)
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// get fetches a body; a status other than 200 is an error.
func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: status %s: %.200s", url, resp.Status, body)
	}
	return body, err
}

// records fetches a list of records of a stream, which is the member of that name of the answer at a path.
func records[T any](ctx context.Context, s *stream, name, path string) ([]T, error) {
	body, err := get(ctx, s.url+path)
	if err != nil {
		return nil, err
	}
	answer := map[string]json.RawMessage{}
	var list []T
	if err := errors.Join(json.Unmarshal(body, &answer), json.Unmarshal(answer[name], &list)); err != nil {
		return nil, fmt.Errorf("read /%s: %w", name, err)
	}
	return list, nil
}

// await asks for a URL until it answers 200, the program ends or a time is over.
func (p *program) await(ctx context.Context, url string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := get(ctx, url)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("wait for %s: %w", url, errors.Join(errors.New("the program ended"), p.wait()))
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", url, err)
		case <-tick.C:
		}
	}
}

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

// ownTime is the processor time of one process alone.
func ownTime(pid int) (time.Duration, error) {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read processor time: %w", err)
	}
	s, err := parseStat(string(line))
	return s.own, err
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
