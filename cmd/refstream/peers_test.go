package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/refstream/refstream/internal/processgroup"
)

// nginxRTMP starts an nginx with its RTMP module on an address.
func nginxRTMP(t *testing.T, addr string) *peer {
	t.Helper()
	dir := t.TempDir()
	module := ""
	for _, pattern := range []string{"/usr/lib*/nginx/modules/ngx_rtmp_module.so", "/usr/local/*/nginx/modules/ngx_rtmp_module.so"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			module = found[0]
		}
	}
	if module == "" {
		t.Fatal("nginx's RTMP module is missing: make deps installs it")
	}
	config := fmt.Sprintf(`load_module %s;
daemon off; worker_processes 1; pid %s/pid; error_log %s/error.log;
events { worker_connections 64; }
rtmp { server { listen %s; application app { live on; } application closed { live on; deny publish all; } } }
`, module, dir, dir, addr)
	name := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(name, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := background(t, nginxPath(t), "-c", name, "-e", filepath.Join(dir, "error.log"))
	await(t, "nginx", limit, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return cmd
}

// peer is one of background.
type peer struct {
	*exec.Cmd
	group *processgroup.Group
}

// end ends the program and all it started.
func (p *peer) end() {
	p.group.Kill()
	p.Wait()
}

// nginxPath finds nginx, which Debian keeps where not every user looks.
func nginxPath(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("nginx is missing: make deps installs it")
	return ""
}

// background runs a program until the test ends.
func background(t *testing.T, name string, args ...string) *peer {
	t.Helper()
	cmd := exec.Command(name, args...)
	log := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = log, log
	p := &peer{cmd, processgroup.New(cmd)}
	if err := p.group.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.end()
		if t.Failed() {
			t.Logf("%s said:\n%s", name, tail(log.String(), 2000))
		}
	})
	return p
}

// sink accepts connections and keeps what each of them sent.
type sink struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
	got   [][]byte
	wait  sync.WaitGroup
}

// newSink listens on an address; an empty one is any free one.
func newSink(t *testing.T, addr string) *sink {
	t.Helper()
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{Listener: l}
	s.wait.Go(s.accept)
	t.Cleanup(s.stop)
	return s
}

func (s *sink) accept() {
	for {
		c, err := s.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		i := len(s.conns)
		s.conns, s.got = append(s.conns, c), append(s.got, nil)
		s.mu.Unlock()
		s.wait.Go(func() {
			buf := make([]byte, 64<<10)
			for {
				n, err := c.Read(buf)
				s.mu.Lock()
				s.got[i] = append(s.got[i], buf[:n]...)
				s.mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
}

// reset cuts the connections off as a crashed receiver does.
func (s *sink) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		c.Close()
	}
}

// stop ends the sink and all its connections.
func (s *sink) stop() {
	s.Close()
	s.reset()
	s.wait.Wait()
}

// connection is what the i-th connection has sent so far; ok says whether there was one.
func (s *sink) connection(i int) (sent []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= len(s.got) {
		return nil, false
	}
	return append([]byte(nil), s.got[i]...), true
}

// save writes bytes into a file that ffmpeg can read.
func save(t *testing.T, name string, b []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}
