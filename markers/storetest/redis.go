package storetest

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/internal/testnet"
	"github.com/refstream/refstream/internal/testunix"
)

// RedisServer is a real redis-server of a test's own, on a free port, which keeps an append-only file in a temporary
// folder.
type RedisServer struct {
	// URL is its address as clients take it.
	URL string

	t    *testing.T
	port string
	dir  string
	cmd  *exec.Cmd
}

// StartRedis starts a server, which ends with the test. Without a redis-server the test fails.
func StartRedis(t *testing.T) *RedisServer {
	t.Helper()
	addr := testnet.FreeTCP(t)
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	r := &RedisServer{URL: "redis://" + addr, t: t, port: port, dir: t.TempDir()}
	t.Cleanup(r.Kill)
	r.Start()
	return r
}

// Start starts the server where it does not run, with the data that it had.
func (r *RedisServer) Start() {
	r.t.Helper()
	if r.cmd != nil {
		return
	}
	path, err := exec.LookPath("redis-server")
	if err != nil {
		r.t.Fatalf("these tests need redis-server: install it with `make deps` (%v)", err)
	}
	cmd := exec.Command(path, "--port", r.port, "--bind", "127.0.0.1", "--dir", r.dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "no", "--daemonize", "no")
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.t.Fatalf("start redis-server: %v", err)
	}
	if err := cmd.Start(); err != nil {
		r.t.Fatalf("start redis-server: %v", err)
	}
	r.cmd = cmd
	// A server that neither gets ready nor ends must not hold up the test.
	watchdog := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	var said bytes.Buffer
	lines := bufio.NewReader(io.TeeReader(out, &said))
	for {
		line, err := lines.ReadString('\n')
		if strings.Contains(line, "eady to accept connections") {
			go func() { _, _ = io.Copy(io.Discard, lines) }() // ends with the server
			return
		}
		if err != nil {
			r.Kill()
			r.t.Fatalf("redis-server did not start: %v\n%s", err, said.String())
		}
	}
}

// Kill ends the server as a crash does, and waits for its end.
func (r *RedisServer) Kill() {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	r.cmd = nil
}

// Clear removes what a server that does not run has kept.
func (r *RedisServer) Clear() {
	r.t.Helper()
	if err := os.RemoveAll(filepath.Join(r.dir, "appendonlydir")); err != nil {
		r.t.Fatalf("clear redis: %v", err)
	}
}

// Command sends a command past the stores, as an operator does, and returns the reply as redis-cli prints it.
func (r *RedisServer) Command(args ...string) string {
	r.t.Helper()
	out, err := exec.Command("redis-cli", append([]string{"-e", "-p", r.port}, args...)...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("redis-cli %q: %v: %s", args, err, out)
	}
	return string(out)
}

// Hang stops the server in the middle of what it does: connections stay open and nothing answers.
func (r *RedisServer) Hang() { r.signal(testunix.Stop) }

// Continue lets a server that hangs continue.
func (r *RedisServer) Continue() { r.signal(testunix.Continue) }

func (r *RedisServer) signal(s os.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatalf("send %v to redis-server: %v", s, err)
	}
}
