package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/refstream/refstream/internal/processgroup"
	"github.com/refstream/refstream/internal/testnet"
)

// program is refstream, for the tests of what only a process has: signals, children, ports, its own disk. It is the test binary
// under another name, built as the tests are. All others run the command line within the test.
var program string

// shared is a folder for what several tests read and none changes.
var shared string

// testsAtOnce is how many tests run side by side: most of them wait for a stream that goes at its own pace. More of them have so
// many encoders and browsers at work that a small machine misses its frames, and takes several times as long for each.
const testsAtOnce = "4"

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "refstream" {
		main()
		return
	}
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		_ = flag.Set("test.parallel", testsAtOnce) // the flag exists, and the value is a number
	}
	self, err := os.Executable()
	dir, err2 := os.MkdirTemp("", "refstream-test-*")
	program, shared = filepath.Join(dir, "refstream"), dir
	if err = errors.Join(err, err2); err == nil {
		err = os.Symlink(self, program)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// printed collects output of several goroutines.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// refstream carries out a command line to its end and returns what the program would print, and its exit code.
func refstream(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out, errs printed
	err := run(ctx, args, &out, &errs)
	if ctx.Err() != nil {
		t.Fatalf("refstream %q does not end", args)
	}
	if err != nil {
		fmt.Fprintln(&errs, "refstream:", err)
	}
	return out.String(), errs.String(), exitCode(err)
}

// must carries out a command line and fails the test unless it succeeds.
func must(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, code := refstream(t, args...)
	if code != 0 {
		t.Fatalf("refstream %q: exit code %d: %s", args, code, errs)
	}
	return out
}

// tool runs another program, fails the test unless it succeeds, and returns both its outputs.
func tool(t *testing.T, name string, args ...string) (stdout, stderr []byte) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v (make deps installs what is missing): %.2000s", name, args, err, errs.String())
	}
	return out.Bytes(), errs.Bytes()
}

// readLines reads a file of JSON Lines.
func readLines[T any](t *testing.T, name string) []T {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return parseLines[T](t, data)
}

func parseLines[T any](t *testing.T, data []byte) (list []T) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	for {
		var v T
		switch err := d.Decode(&v); err {
		case nil:
			list = append(list, v)
		case io.EOF:
			return list
		default:
			t.Fatalf("line %d: %v", len(list)+1, err)
		}
	}
}

// running is a refstream serve that runs.
type running struct {
	t   *testing.T
	cmd *exec.Cmd
	url string

	output printed
	closed chan struct{}
}

// freeAddr is a loopback address that nothing listens on just now.
func freeAddr(t *testing.T) string { return testnet.FreeTCP(t) }

// start runs refstream serve on a free address and waits until it says that it is ready.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	s := launch(t, freeAddr(t), args...)
	s.awaitReady()
	return s
}

// awaitReady waits until the server says that all is well.
func (s *running) awaitReady() {
	s.t.Helper()
	s.await("ready", limit, func() bool {
		_, err := s.try("/readyz")
		return err == nil
	})
}

// launch runs refstream serve on the given address without waiting.
func launch(t *testing.T, addr string, args ...string) *running {
	t.Helper()
	return launchCommand(t, addr, exec.Command(program, append([]string{"serve", "--addr", addr}, args...)...))
}

// launchCommand runs a command that becomes refstream serve on the given address.
func launchCommand(t *testing.T, addr string, cmd *exec.Cmd) *running {
	t.Helper()
	s := &running{t: t, url: "http://" + addr, cmd: cmd, closed: make(chan struct{})}
	group := processgroup.New(s.cmd)
	pipe, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stdout = &s.output
	if err := group.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.closed)
		scan := bufio.NewScanner(pipe)
		scan.Buffer(nil, 1<<20)
		for scan.Scan() {
			fmt.Fprintln(&s.output, scan.Text())
		}
	}()
	t.Cleanup(func() {
		s.cmd.Process.Kill()
		<-s.closed
		s.cmd.Wait()
		if t.Failed() {
			t.Logf("output of %q:\n%s", cmd.Args, tail(s.log(), 6000))
		}
	})
	return s
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

func (s *running) log() string { return s.output.String() }

// limit is how long a test waits for what must come: far longer than it takes on a machine that has other work too.
const limit = 2 * time.Minute

// await polls until ok holds and fails the test when it takes longer than most.
func (s *running) await(what string, most time.Duration, ok func() bool) {
	s.t.Helper()
	await(s.t, what, most, ok)
}

func await(t *testing.T, what string, most time.Duration, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s: not within %v", what, most)
		}
	}
}

// get reads a path of the server; any failure or status but 200 ends the test.
func (s *running) get(path string) []byte {
	s.t.Helper()
	body, err := s.try(path)
	if err != nil {
		s.t.Fatal(err)
	}
	return body
}

func (s *running) try(path string) ([]byte, error) {
	res, err := http.Get(s.url + path)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", path, res.Status, body)
	}
	return body, err
}

// getJSON reads a path of the server as JSON.
func getJSON[T any](s *running, path string) (v T) {
	s.t.Helper()
	if err := json.Unmarshal(s.get(path), &v); err != nil {
		s.t.Fatalf("GET %s: %v", path, err)
	}
	return v
}

// stop asks the server to stop and fails the test unless it does so well. How long that may take is package pipeline's own
// test; here it only must not hang.
func (s *running) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.closed:
	case <-time.After(limit):
		s.t.Fatalf("%q does not stop", s.cmd.Args)
	}
	s.cmd.Wait()
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		s.t.Errorf("%q stopped with exit code %d", s.cmd.Args, code)
	}
}

// kill ends the server as the kernel would.
func (s *running) kill() {
	s.cmd.Process.Kill()
	<-s.closed
	s.cmd.Wait()
}

// children lists the processes whose parent is pid, from /proc.
func children(t *testing.T, pid int) (pids []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range stats {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // it ended meanwhile
		}
		var child, parent int
		var state string
		text := string(data)
		if _, err := fmt.Sscan(text, &child); err != nil {
			continue
		}
		if _, err := fmt.Sscan(text[strings.LastIndexByte(text, ')')+1:], &state, &parent); err == nil && parent == pid && state != "Z" {
			pids = append(pids, child)
		}
	}
	return pids
}
