package recorder

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/internal/testnet"
)

// longest is how long anything in these tests may take.
const longest = 2 * time.Minute

// recorded records a stream to its end or for a time.
func recorded(t *testing.T, o Options) Summary {
	t.Helper()
	sum, err := tryRecord(t, o)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func tryRecord(t *testing.T, o Options) (Summary, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	o.Now, o.Version = time.Now, "test"
	return Record(ctx, o)
}

// opened opens a session until the test's end.
func opened(t *testing.T, dir string) *Session {
	t.Helper()
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// must is what a call gives that can't fail.
func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func exchanges(t *testing.T, s *Session) []*Exchange {
	t.Helper()
	return must[[]*Exchange](t)(all(s.Exchanges(t.Context())))
}

func bodyOf(t *testing.T, s *Session, b Body) []byte {
	t.Helper()
	return must[[]byte](t)(s.Body(t.Context(), b))
}

// playlistOf finds a playlist by the end of its address.
func playlistOf(t *testing.T, s *Session, suffix string) Playlist {
	t.Helper()
	list := must[[]Playlist](t)(s.Playlists(t.Context()))
	i := slices.IndexFunc(list, func(p Playlist) bool { return strings.HasSuffix(p.URL, suffix) })
	if i < 0 {
		t.Fatalf("no playlist %s in %v", suffix, list)
	}
	return list[i]
}

// checkWhole checks that a session is as SQLite and the schema have it, that each content is there, and that the folder
// chunks holds what the rows name, and nothing else unless it was killed.
func checkWhole(t *testing.T, dir string, killed bool) {
	t.Helper()
	s := opened(t, dir)
	var text string
	if err := s.db.QueryRow(`PRAGMA integrity_check`).Scan(&text); err != nil || text != "ok" {
		t.Errorf("integrity: %s, %v", text, err)
	}
	broken := must[[]string](t)(all(rows(t.Context(), s, "keys", func(r scanner) (string, error) {
		var table, parent string
		var row, key int64
		err := r.Scan(&table, &row, &parent, &key)
		return fmt.Sprint(table, row, parent), err
	}, `PRAGMA foreign_key_check`)))
	if len(broken) > 0 {
		t.Errorf("rows that name none: %v", broken)
	}
	files := must[[]string](t)(all(rows(t.Context(), s, "files", func(r scanner) (string, error) {
		var id Body
		var name string
		err := r.Scan(&id, &name)
		bodyOf(t, s, id)
		return name, err
	}, `SELECT id, COALESCE(file, '') FROM bodies`)))
	for _, e := range must[[]os.DirEntry](t)(os.ReadDir(filepath.Join(dir, chunksDir))) {
		if !slices.Contains(files, e.Name()) && !killed {
			t.Errorf("no row names %s", e.Name())
		}
	}
}

// contents are the hashes of what came without an error, by address and range.
func contents(t *testing.T, s *Session) map[string][32]byte {
	t.Helper()
	found := map[string][32]byte{}
	for _, e := range exchanges(t, s) {
		if e.Error == "" {
			name := e.URL[strings.LastIndexByte(e.URL, '/')+1:]
			if e.Range != nil {
				name += fmt.Sprintf(" %d+%d", e.Range.Offset, e.Range.Length)
			}
			found[name] = sha256.Sum256(bodyOf(t, s, e.Body))
		}
	}
	return found
}

// ffmpeg runs ffmpeg.
func ffmpeg(t *testing.T, dir string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	c := exec.CommandContext(ctx, "ffmpeg", append([]string{"-v", "error", "-y"}, args...)...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %q: %v\n%s", args, err, out)
	}
}

// reply is what a live server answered.
type reply struct {
	path   string
	status int // 0 where it gave none
	body   []byte
}

// live is a stream that goes on: 20 segments of 200 ms, of which a playlist names some; then it ends.
type live struct {
	server *httptest.Server
	http   *http.Client  // of who records in a bubble, nil elsewhere
	over   chan struct{} // closed at the test's end
	window int           // segments
	// fault may answer a request itself; n counts the requests for the path from 1.
	fault func(w http.ResponseWriter, path string, n int) bool

	mu      sync.Mutex
	start   time.Time // six segments before the first request, so that the first playlist is full
	asked   map[string]int
	replies []reply
}

const (
	liveSegment = 200 * time.Millisecond
	liveLength  = 20
	liveWindow  = 6
)

func newLive(t *testing.T, window int, fault func(w http.ResponseWriter, path string, n int) bool) *live {
	l := &live{window: window, fault: fault, asked: map[string]int{}, over: make(chan struct{})}
	l.server = httptest.NewServer(l)
	t.Cleanup(l.server.Close)
	return l
}

// inTime runs f with a live stream in a bubble, in which no time passes but what is waited: a busy machine neither loses
// what leaves the playlist nor runs into a limit.
func inTime(t *testing.T, window int, fault func(w http.ResponseWriter, path string, n int) bool, f func(t *testing.T, l *live)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &live{window: window, fault: fault, asked: map[string]int{}, server: &httptest.Server{URL: "http://live"}, http: newHTTP(), over: make(chan struct{})}
		pipes := testnet.NewPipes()
		transport := l.http.Transport.(once).Transport
		transport.DialContext = pipes.Dial
		server := &http.Server{Handler: l, ErrorLog: log.New(io.Discard, "", 0)}
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(pipes) })
		t.Cleanup(func() {
			close(l.over)
			transport.CloseIdleConnections()
			server.Close()
			serving.Wait()
		})
		f(t, l)
	})
}

// recordingWriter notes what is answered.
type recordingWriter struct {
	http.ResponseWriter
	live   *live
	status int
	body   bytes.Buffer
}

// never answers.
func never(w http.ResponseWriter) { <-w.(*recordingWriter).live.over }

func (w *recordingWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *recordingWriter) Write(b []byte) (int, error) {
	w.body.Write(b)
	return w.ResponseWriter.Write(b)
}

func (w *recordingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// ServeHTTP answers, and notes what.
func (l *live) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w := &recordingWriter{ResponseWriter: out, live: l, status: http.StatusOK}
	l.mu.Lock()
	l.asked[r.URL.Path]++
	n := l.asked[r.URL.Path]
	if l.start.IsZero() {
		l.start = time.Now().Add(-liveWindow * liveSegment)
	}
	at := time.Since(l.start)
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.replies = append(l.replies, reply{r.URL.Path, w.status, w.body.Bytes()})
		l.mu.Unlock()
	}()
	if l.fault != nil && l.fault(w, r.URL.Path, n) {
		return
	}
	w.Header().Set("Server", "live")
	if r.URL.Path == "/live.m3u8" {
		fmt.Fprint(w, l.playlist(at))
		return
	}
	var n0 int
	if _, err := fmt.Sscanf(r.URL.Path, "/%d.ts", &n0); err != nil {
		http.NotFound(w, r)
		return
	}
	w.Write(liveData(n0))
}

// playlist is that at a time since the start.
func (l *live) playlist(at time.Duration) string {
	end := min(int(at/liveSegment), liveLength)
	b := fmt.Sprintf("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:%d\n", max(0, end-l.window))
	for n := max(0, end-l.window); n < end; n++ {
		b += fmt.Sprintf("#EXTINF:%.3f,\n%d.ts\n", liveSegment.Seconds(), n)
	}
	if end == liveLength {
		b += "#EXT-X-ENDLIST\n"
	}
	return b
}

// liveData is what is in a segment: every second one is short, and stands in the database.
func liveData(n int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "segment %d ", n), 100+n%2*3000)
}

// texts are the versions of a playlist that were answered, one after the other.
func (l *live) texts() (list []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.replies {
		if r.path == "/live.m3u8" && r.status == 200 && (len(list) == 0 || list[len(list)-1] != string(r.body)) {
			list = append(list, string(r.body))
		}
	}
	return list
}

// exchangeOf is the request with an id.
func exchangeOf(t *testing.T, s *Session, id int64) *Exchange {
	t.Helper()
	for _, e := range exchanges(t, s) {
		if e.ID == id {
			return e
		}
	}
	t.Fatalf("there is no exchange %d", id)
	return nil
}
