package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/refstream/refstream/recorder"
)

// longest is how long anything here may take.
const longest = 60 * time.Second

// command runs a program and gives what it says on its standard output.
func command(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", name, err, errs.String())
	}
	return strings.TrimSpace(out.String()), err
}

func mustCommand(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := command(t, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// record records a stream into a new folder and opens that.
func record(t *testing.T, o recorder.Options) *recorder.Session {
	t.Helper()
	o.Dir, o.Now = filepath.Join(t.TempDir(), "session"), time.Now
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	if _, err := recorder.Record(ctx, o); err != nil {
		t.Fatal(err)
	}
	s, err := recorder.Open(t.Context(), o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// replayed serves a session until the test's end, and gives its address.
func replay(t *testing.T, s source, o Options) (address string, server *Server) {
	t.Helper()
	o.Now, o.Logger = time.Now, slog.New(slog.NewTextHandler(t.Output(), nil))
	server, err := New(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := server.Serve(ctx, l); !errors.Is(err, context.Canceled) {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return "http://" + l.Addr().String(), server
}

// TestStreams records what ffmpeg publishes, and ffprobe finds the same frames in the replay.
func TestStreams(t *testing.T) {
	t.Parallel()
	all := map[string][]string{
		"TS":          {},
		"fMP4":        {"-hls_segment_type", "fmp4"},
		"byte ranges": {"-hls_flags", "single_file"},
		"AES-128":     {"-hls_key_info_file", "DIR/info"},
		"variants": {"-f", "lavfi", "-i", "sine=r=48000", "-map", "0", "-map", "0", "-map", "1", "-c:a", "aac", "-b:v:1", "100k",
			"-var_stream_map", "v:0,agroup:a v:1,agroup:a a:0,agroup:a,default:yes", "-master_pl_name", "main.m3u8"},
	}
	if testing.Short() { // byte ranges are of TS
		delete(all, "TS")
	}
	for name, args := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			out, first := "index.m3u8", "index.m3u8"
			all := []string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x96:r=25"}
			if name == "variants" {
				all, args, out, first = append(all, args[:4]...), args[4:], "s%v/index.m3u8", "main.m3u8"
			}
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "DIR", dir)
			}
			all = append(append(all, "-t", "6", "-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-f", "hls", "-hls_time", "2",
				"-hls_list_size", "0"), args...)
			for file, text := range map[string]string{"key": "0123456789abcdef", "info": "key\n" + dir + "/key\n"} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			mustCommand(t, "ffmpeg", append(all, filepath.Join(dir, out))...)
			origin := httptest.NewServer(http.FileServer(http.Dir(dir)))
			defer origin.Close()
			count := func(address string) string {
				return mustCommand(t, "ffprobe", "-v", "error", "-allowed_extensions", "ALL", "-count_packets", "-show_entries",
					"stream=codec_name,nb_read_packets,start_pts", "-of", "csv", address)
			}
			want := count(origin.URL + "/" + first)
			if !strings.Contains(want, "h264") || !strings.Contains(want, "150") {
				t.Fatalf("the origin has %s", want)
			}
			fromHTTP := record(t, recorder.Options{URL: origin.URL + "/" + first})
			fromFiles := record(t, recorder.Options{URL: filepath.Join(dir, first)})
			origin.Close()
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			for _, s := range []*recorder.Session{fromHTTP, fromFiles} {
				address, _ := replay(t, s, Options{Wait: true})
				paths := []string{streamPath, "/" + first}
				if testing.Short() && s == fromFiles { // what is recorded of files is served as any other
					paths = paths[:1]
				}
				for _, path := range paths {
					if got := count(address + path); got != want {
						t.Errorf("the replay of %s has\n%s\nat %s, want\n%s", s.Info().URL, got, path, want)
					}
				}
			}
		})
	}
}

// TestReset breaks connections as they broke, which a client sees.
func TestReset(t *testing.T) {
	t.Parallel()
	tp := newTape("http://o/a.m3u8", time.Hour)
	tp.add(tp.url, 0, "#EXTM3U\n")
	e := tp.add("http://o/none", 0, "")
	e.Status, e.Answered, e.Ended, e.Error = 0, -1, 100*ms, "refused"
	half := strings.Repeat("0123456789abcdef", 1<<16) // more than the network holds on its way
	e = tp.add("http://o/cut", 0, half)
	e.Error, e.Ended = "unexpected EOF", 200*ms
	e.Header.Set("Content-Length", fmt.Sprint(2*len(half)))
	address, _ := replay(t, tp, Options{})

	conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /none HTTP/1.1\r\nHost: x\r\n\r\n")
	began := time.Now()
	if b, err := io.ReadAll(conn); !errors.Is(err, syscall.ECONNRESET) || len(b) > 0 || time.Since(began) < 90*ms {
		t.Errorf("no answer: %q, %v after %v", b, err, time.Since(began))
	}
	file := filepath.Join(t.TempDir(), "out")
	_, err = command(t, "curl", "-sS", "--limit-rate", "8M", "-o", file, address+"/cut")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 18 { // CURLE_PARTIAL_FILE
		t.Errorf("cut off: %v", err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != half {
		t.Errorf("cut off: %d bytes of %d, %v", len(b), len(half), err)
	}
	if _, err = command(t, "curl", "-sS", "-o", file, address+"/none"); !errors.As(err, &exit) || exit.ExitCode() != 56 { // CURLE_RECV_ERROR
		t.Errorf("no answer: %v", err)
	}
}

// TestStop ends at once, also with requests that wait.
func TestStop(t *testing.T) {
	t.Parallel()
	tp := newTape("http://o/a.m3u8", time.Hour)
	tp.add(tp.url, 0, "#EXTM3U\n").Ended = time.Hour
	s, err := New(t.Context(), tp, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/a.m3u8")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(longest):
		t.Fatal("it does not end")
	}
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the answer ended as if it were whole")
	}
	l, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := s.Serve(t.Context(), l); err == nil || !strings.Contains(err.Error(), "serve replay at 127.0.0.1") {
		t.Errorf("a listener that is closed: %v", err)
	}
}
