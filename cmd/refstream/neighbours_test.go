package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
)

// What others do to a server must not reach the stream: here are clients that take all there is, and hands in the data directory.

// TestIdleConnectionsCostNothing has more idle connections on every listener than the process may have files.
func TestIdleConnectionsCostNothing(t *testing.T) {
	t.Parallel()
	data, addr, ts, rtmp := filepath.Join(t.TempDir(), "data"), freeAddr(t), freeAddr(t), freeAddr(t)
	args := append([]string{"-c", `ulimit -n 64 && exec "$@"`, "sh", program, "serve", "--addr", addr, "--listen-ts", ts, "--rtmp", rtmp},
		smallStream(data)...)
	s := launchCommand(t, addr, exec.Command("sh", args...))
	s.awaitReady()
	s.moreSegments(1)
	for i := range 100 {
		c, err := net.Dial("tcp", []string{addr, addr, ts, rtmp}[i%4])
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if i%4 == 1 {
			if _, err := io.WriteString(c, "GET /markers/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.moreSegments(4)
	st := s.verify(data)
	if lost := st.lost(); len(lost) > 0 {
		t.Errorf("missing: %+v", lost)
	}
	if strings.Contains(s.log(), "too many open files") {
		t.Errorf("files have run out:\n%s", tail(s.log(), 2000))
	}
}

// TestReachable: an address that is printed can be asked for, also where the server listens at all of them.
func TestReachable(t *testing.T) {
	t.Parallel()
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(freeAddr(t))
	s := launch(t, "0.0.0.0:"+port, append(smallStream(filepath.Join(t.TempDir(), "data")), "--listen-ts", "0.0.0.0:0")...)
	s.url = "http://127.0.0.1:" + port
	s.awaitReady()
	for line, want := range map[string]string{"page": s.url + "/", "playlist": s.url + "/hls/main/master.m3u8",
		"mpeg-ts": "tcp://127.0.0.1:", "elsewhere": "http://" + net.JoinHostPort(name, port) + "/"} {
		if !strings.Contains(s.log(), fmt.Sprintf("\n%-9s %s", line, want)) {
			t.Errorf("%s is not at %s:\n%s", line, want, s.log())
		}
	}
	s.stop()
}

// TestRestartKeepsFlags: what is left out at a restart is as it was, what is given is as given, and stays so.
func TestRestartKeepsFlags(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	for i, c := range []struct {
		flags            []string
		window, bitrate  int64
		keep, container  string
		leastMbit, below int64 // BANDWIDTH
	}{
		{[]string{"--size", "320x180", "--segment", "1s", "--window", "20s", "--bitrate", "500k", "--keep-markers", "48h", "--container", "fmp4"}, 20, 500_000, "172800", "fmp4", 0, 3},
		{nil, 20, 500_000, "172800", "fmp4", 0, 3},
		{[]string{"--window", "30s", "--bitrate", "8M", "--keep-markers", "24h", "--container", "ts"}, 30, 8_000_000, "86400", "", 8, 100},
		{nil, 30, 8_000_000, "86400", "", 8, 100},
	} {
		s := start(t, append([]string{"--data", data}, c.flags...)...)
		got := getJSON[struct{ Channels []markers.Channel }](s, "/channels").Channels[0]
		if got.Window != c.window || got.Bitrate != c.bitrate || got.KeepMarkers.String() != c.keep || got.Container != c.container || got.Run != int64(i+1) {
			t.Errorf("start %d: %+v", i+1, got)
		}
		s.moreSegments(1) // of this run, by whose encoder the playlist goes
		s.await(fmt.Sprintf("start %d: BANDWIDTH of %d to %d Mbit/s", i+1, c.leastMbit, c.below), limit, func() bool {
			var bandwidth int64
			_, attribute, _ := strings.Cut(string(s.get("/hls/main/master.m3u8")), "BANDWIDTH=")
			digits := strings.FieldsFunc(attribute, func(r rune) bool { return r < '0' || r > '9' })[0]
			if _, err := fmt.Sscan(digits, &bandwidth); err != nil {
				t.Fatal(err)
			}
			return bandwidth >= c.leastMbit*1_000_000 && bandwidth < c.below*1_000_000
		})
		s.stop()
	}
}

// TestJournalRemovedWhileServing: the server says so, and the next start has all of the truth.
func TestJournalRemovedWhileServing(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, smallStream(data)...)
	s.moreSegments(3)
	before := s.ledger()
	if err := os.RemoveAll(filepath.Join(data, "main", "journal")); err != nil {
		t.Fatal(err)
	}
	s.await("it to be reported", limit, func() bool {
		res, err := http.Get(s.url + "/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if strings.Contains(string(text), data) {
			t.Errorf("it shows paths: %s", text)
		}
		return err == nil && res.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(text), "was removed")
	})
	s.await("the log to say it", limit, func() bool { return strings.Contains(s.log(), "a file of the journal was removed by somebody") })
	s.moreSegments(1)
	s.kill()
	s = start(t, smallStream(data)...)
	after := s.ledger()
	for _, f := range before {
		if !slices.Contains(after, f) {
			t.Errorf("frame %d is gone, or another: %+v", f.Frame, f)
		}
	}
	for _, m := range s.state().segments.Missing {
		if m.Reason == markers.ReasonLost {
			t.Errorf("lost: %+v", m)
		}
	}
	s.stop()
}

// TestRedisSaysWhy: a Redis that refuses is not one to be started.
func TestRedisSaysWhy(t *testing.T) {
	t.Parallel()
	for _, said := range []string{"DENIED Redis is running in protected mode", "NOAUTH Authentication required."} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, "-"+said+"\r\n")
				c.Close()
			}
		}()
		_, stderr, code := refstream(t, "serve", "--addr", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"), "--redis", "redis://"+l.Addr().String())
		if code == 0 || !strings.Contains(stderr, said) || strings.Contains(stderr, "start it") {
			t.Errorf("exit code %d: %s", code, stderr)
		}
	}
}
