package rtmp

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/format/flv"
)

// recorded is one side of a real session: what a program sent.
type recorded struct {
	name string
	sent []byte
}

// Where the recordings of clients of our server are, and of servers of our client.
const (
	clientsDir = "testdata/clients"
	serversDir = "testdata/servers"
)

func recordings(t testing.TB, dir string) []recorded {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.rtmp"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s: %v", dir, err)
	}
	var out []recorded
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, recorded{filepath.Base(file), b})
	}
	return out
}

// tapped is a connection of which what is read is kept.
type tapped struct {
	net.Conn
	mu   sync.Mutex
	read bytes.Buffer
}

func (c *tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read.Write(b[:n])
	return n, err
}

func (c *tapped) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }

// small is a stream of a few small tags.
func small(t testing.TB) []flv.Tag {
	tags := []flv.Tag{
		script(t, 0, "onMetaData", 1.0),
		{Type: flv.Video, Body: []byte{0x17, 0, 0, 0, 0, 1}},
		script(t, 40, "onFI", 2.0),
		{Type: flv.Video, Time: 40, Body: append([]byte{0x17, 1, 0, 0, 0}, make([]byte, 300)...)},
		{Type: flv.Video, Time: 80, Body: append([]byte{0x27, 1, 0, 0, 0}, make([]byte, 200)...)},
	}
	return tags
}

// updating says that the recordings are to be written anew, from the programs as they are installed.
var updating = flag.Bool("update", false, "write the recorded sessions anew")

func save(t *testing.T, dir, name string, b []byte) {
	t.Helper()
	if !*updating {
		return
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".rtmp"), b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestRecordClients plays sessions of real clients to their end, and keeps what they sent with -update.
func TestRecordClients(t *testing.T) {
	for _, c := range []struct {
		name string
		cmd  []string
		want string // part of the server's error
	}{
		{"ffmpeg", []string{"ffprobe", "URL/live/test"}, ""},
		{"ffmpeg-subscribe", []string{"ffprobe", "-rtmp_live", "live", "-rtmp_subscribe", "test", "URL/live/test"}, ""},
		{"ffmpeg-publish", []string{"ffmpeg", "-f", "lavfi", "-i", "testsrc2=d=1", "-f", "flv", "URL/live/test"}, "Denied"},
		{"rtmpdump", []string{"rtmpdump", "-r", "URL/live/test", "-o", os.DevNull}, ""},
		{"rtmpdump-live", []string{"rtmpdump", "--live", "-r", "URL/live/test", "-o", os.DevNull}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			args := append([]string(nil), c.cmd...)
			for i, a := range args {
				args[i] = string(bytes.ReplaceAll([]byte(a), []byte("URL"), []byte("rtmp://"+l.Addr().String())))
			}
			cmd := exec.CommandContext(testContext(t), args[0], args[1:]...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.Wait() }()
			conn, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			tap := &tapped{Conn: conn}
			err = playing(small(t)).ServeConn(testContext(t), tap)
			if !errorHas(err, c.want) {
				t.Errorf("server: %v, want %q", err, c.want)
			}
			save(t, clientsDir, c.name, tap.read.Bytes())
		})
	}
}

// TestRecordServers plays from and publishes to nginx, and keeps what it sent with -update.
func TestRecordServers(t *testing.T) {
	addr, _ := startNginx(t, "")
	url := target(t, "rtmp://"+addr+"/live/test")
	ctx, cancel := context.WithCancel(testContext(t))
	src := newLiveSource(t, small(t), 0)
	up := &tapped{Conn: dial(t, addr)}
	published := make(chan error, 1)
	go func() { published <- Publish(ctx, up, url, src, Options{}) }()

	down := &tapped{Conn: dial(t, addr)}
	p, err := Play(ctx, down, url)
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		if _, err := p.Next(ctx); err != nil {
			t.Fatal(err)
		}
	}
	close(src.stop)
	if err := <-published; err != nil {
		t.Error(err)
	}
	allTags(t, p)
	cancel()
	save(t, serversDir, "nginx-play", down.read.Bytes())
	save(t, serversDir, "nginx-publish", up.read.Bytes())
}

// TestRecordedClients plays the recordings again: what real programs have sent is understood, and gets its answer.
func TestRecordedClients(t *testing.T) {
	for _, s := range recordings(t, clientsDir) {
		t.Run(s.name, func(t *testing.T) {
			want, answer := "", "NetStream.Play.Start"
			if s.name == "ffmpeg-publish.rtmp" {
				want, answer = "Denied", "NetStream.Publish.Denied"
			}
			var got []byte
			tags := small(t)
			// In a bubble: the server closes when nothing has come for its time, and only then.
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				read := make(chan struct{})
				go func() {
					defer close(read)
					got, _ = io.ReadAll(theirs)
				}()
				written := make(chan struct{})
				go func() {
					defer close(written)
					_, _ = theirs.Write(s.sent)
				}()
				server := playing(tags)
				server.WriteTimeout = 100 * time.Millisecond // after which the server closes
				if err := server.ServeConn(t.Context(), ours); !errorHas(err, want) {
					t.Errorf("%v, want %q", err, want)
				}
				<-written
				<-read
			})
			messages, err := readChunks(got[1+2*randomSize:], testLimits)
			if err != nil {
				t.Error(err)
			}
			if !slices.ContainsFunc(messages, func(m message) bool { return bytes.Contains(m.body, []byte(answer)) }) {
				t.Errorf("no %s in %s", answer, describe(messages))
			}
		})
	}
}
