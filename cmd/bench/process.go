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
	"time"

	"github.com/prometheus/procfs"

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

// ownTime is the processor time of one process alone.
func ownTime(pid int) (time.Duration, error) {
	s, err := statOf(pid)
	return time.Duration(s.UTime+s.STime) * clockTick, err
}

func statOf(pid int) (s procfs.ProcStat, err error) {
	p, err := procfs.NewProc(pid)
	if err == nil {
		s, err = p.Stat()
	}
	if err != nil {
		err = fmt.Errorf("read processor time: %w", err)
	}
	return s, err
}

// processorTime sums the processor time of a process, of all its living descendants, and of those that it or they have
// waited for. Differences of it count a child's time once, whether the child lives on or ends in between.
func processorTime(pid int) (time.Duration, error) {
	own, err := statOf(pid)
	if err != nil {
		return 0, err
	}
	all, err := procfs.AllProcs()
	if err != nil {
		return 0, fmt.Errorf("read processes: %w", err)
	}
	children := map[int][]procfs.ProcStat{}
	for _, p := range all {
		if s, err := p.Stat(); err == nil { // else it has ended since
			children[s.PPID] = append(children[s.PPID], s)
		}
	}
	return timeOf(own, children), nil
}

// timeOf is the time of a process and its descendants, those that they have waited for included.
func timeOf(s procfs.ProcStat, children map[int][]procfs.ProcStat) time.Duration {
	sum := time.Duration(int(s.UTime+s.STime)+s.CUTime+s.CSTime) * clockTick
	for _, child := range children[s.PID] {
		sum += timeOf(child, children)
	}
	return sum
}

// peakMemory is the most memory that a process has had in use at once, in bytes.
func peakMemory(pid int) (int64, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	status, err := p.NewStatus()
	if err == nil && status.VmHWM == 0 {
		err = errors.New("the process has ended")
	}
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	return int64(status.VmHWM), nil
}
