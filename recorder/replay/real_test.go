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
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/refstream/refstream/outputs/hls"
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
	server, err := newServer(t.Context(), s, o)
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
	for name, args := range map[string][]string{
		"TS":          {},
		"fMP4":        {"-hls_segment_type", "fmp4"},
		"byte ranges": {"-hls_flags", "single_file"},
		"AES-128":     {"-hls_key_info_file", "DIR/info"},
		"variants": {"-f", "lavfi", "-i", "sine=r=48000", "-map", "0", "-map", "0", "-map", "1", "-c:a", "aac", "-b:v:1", "100k",
			"-var_stream_map", "v:0,agroup:a v:1,agroup:a a:0,agroup:a,default:yes", "-master_pl_name", "main.m3u8"},
	} {
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
				for _, path := range []string{streamPath, "/" + first} {
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
	s, err := newServer(t.Context(), tp, Options{Now: time.Now})
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
	case <-time.After(5 * time.Second):
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

// troubled is a live origin with trouble: late and missing playlists, segments that come late, slowly, in part or never.
type troubled struct {
	start time.Time
	ts    []byte
}

// step is how long a segment is; so much of its data is in each.
const step = 500 * ms

func (o *troubled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Since(o.start)
	n := int(at/step) + 10
	var number int
	_, _ = fmt.Sscanf(filepath.Base(r.URL.Path), "%d.ts", &number)
	switch name := r.URL.Path; {
	case name == "/main.m3u8":
		http.Redirect(w, r, "/moved/main.m3u8?session=1", http.StatusFound)
	case name == "/moved/main.m3u8":
		io.WriteString(w, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/a/i.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nhttp://"+
			strings.Replace(r.Host, "127.0.0.1", "localhost", 1)+"/b/i.m3u8\n")
	case name == "/b/i.m3u8" && at > 1500*ms && at < 2200*ms:
		w.WriteHeader(http.StatusNotFound)
	case strings.HasSuffix(name, "i.m3u8"):
		if name == "/a/i.m3u8" && at > 3*time.Second && at < 3800*ms {
			select {
			case <-time.After(3800*ms - at):
			case <-r.Context().Done():
			}
		}
		w.Header().Set("X-Number", fmt.Sprint(n))
		b := fmt.Sprintf("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:%d\n", n-4)
		for i := n - 4; i <= n; i++ {
			b += fmt.Sprintf("#EXTINF:0.5,\n%d.ts\n", i)
		}
		io.WriteString(w, b)
	case number%7 == 3:
		w.WriteHeader(http.StatusGone)
		io.WriteString(w, "gone")
	case number%7 == 5:
		w.Header().Set("Content-Length", fmt.Sprint(len(o.ts)))
		w.Write(o.ts[:len(o.ts)/2])
		hangUp(r.Context(), w, true)
	default:
		w.Write(o.ts)
		fmt.Fprintf(w, "%s", r.URL.Path)
	}
}

// poll is how often the recorder asks.
const poll = 25 * ms

// seen is a version of a playlist in a session.
type seen struct {
	text string
	at   time.Duration
	// late is how much later than it should the recorder asked for it, on a busy machine.
	late time.Duration
}

// versionsOf are the versions of the playlist whose address ends so.
func versionsOf(t *testing.T, s *recorder.Session, suffix string) []seen {
	t.Helper()
	lists, err := s.Playlists(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var list []seen
	for _, p := range lists {
		if u, err := url.Parse(p.URL); err != nil || !strings.HasSuffix(u.Path, suffix) {
			continue
		}
		for v, err := range s.Versions(t.Context(), p.ID) {
			if err != nil {
				t.Fatal(err)
			}
			b, err := s.Body(t.Context(), v.Body)
			if err != nil {
				t.Fatal(err)
			}
			e, err := s.Exchange(t.Context(), v.Exchange)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, seen{string(b), v.Seen, max(e.Began-v.Unseen-2*poll, 0)})
		}
	}
	return list
}

// outcomes writes down what came of each segment: the statuses of its attempts and the last body.
func outcomes(t *testing.T, s *recorder.Session) map[string]string {
	t.Helper()
	found := map[string]string{}
	for e, err := range s.Exchanges(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Resource != hls.ResourceSegment {
			continue
		}
		b, err := s.Body(t.Context(), e.Body)
		if err != nil {
			t.Fatal(err)
		}
		found[e.URL[len(e.URL)-len("a/10.ts"):]] += fmt.Sprintf("%d %v %x; ", e.Status, e.Error != "", len(b))
	}
	return found
}

// TestAgain records a live stream with trouble, and its replay, which come out the same: all versions with the intervals
// between them, and what came of each segment.
func TestAgain(t *testing.T) {
	t.Parallel()
	o := &troubled{start: time.Now(), ts: bytes.Repeat([]byte("refstream"), 20_000)}
	server := httptest.NewServer(o)
	defer server.Close()
	const long = 6 * time.Second
	s := record(t, recorder.Options{URL: server.URL + "/main.m3u8", Duration: long, Poll: poll})
	server.Close()
	address, player := replay(t, s, Options{Wait: true})
	if got := strings.Join(player.Paths(), " "); !strings.Contains(got, "/_origin/http/localhost:") || !strings.Contains(got, "/a/i.m3u8") {
		t.Errorf("paths %s", got)
	}
	again := record(t, recorder.Options{URL: address + "/main.m3u8", Duration: long, Poll: poll})
	for _, name := range []string{"/a/i.m3u8", "/b/i.m3u8"} {
		a, b := versionsOf(t, s, name), versionsOf(t, again, name)
		// The last may have come when the one or the other had ended.
		if len(a) < 10 || len(b) < len(a)-1 || len(b) > len(a)+1 {
			t.Fatalf("%s: %d versions, and %d of the replay", name, len(a), len(b))
		}
		for i := range min(len(a), len(b)) {
			if a[i].text != b[i].text {
				t.Errorf("%s: version %d is\n%s and was\n%s", name, i, b[i].text, a[i].text)
			}
			if i == 0 {
				continue
			}
			if was, is := a[i].at-a[i-1].at, b[i].at-b[i-1].at; (is-was).Abs() > 100*ms && i > 1 {
				t.Errorf("%s: version %d came after %v, and %v in the replay; %v and %v late", name, i, was, is, b[i-1].late, b[i].late)
			}
		}
	}
	was, is := outcomes(t, s), outcomes(t, again)
	bad := 0
	for name, what := range was {
		if got, ok := is[name]; ok && got != what && !strings.HasPrefix(what, got) && !strings.HasPrefix(got, what) {
			t.Errorf("%s: %s, and %s in the replay", name, what, got)
		}
		if strings.Contains(what, "true") {
			bad++
		}
	}
	if bad < 4 || len(is) < len(was)-4 {
		t.Errorf("%d segments, %d of them bad, and %d in the replay", len(was), bad, len(is))
	}
}
