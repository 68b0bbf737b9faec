package hlsclient

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// origin answers requests without a network, so that time can be that of a test.
type origin struct {
	start time.Time
	// answer says what there is at a path some time after the start.
	answer func(path string, at time.Duration) (status int, body string)

	mu  sync.Mutex
	log []string // each request, with the time
}

// RoundTrip answers a request.
func (o *origin) RoundTrip(r *http.Request) (*http.Response, error) {
	at := time.Since(o.start)
	path := strings.TrimPrefix(r.URL.RequestURI(), "/")
	o.mu.Lock()
	o.log = append(o.log, fmt.Sprintf("%v %s", at, path))
	o.mu.Unlock()
	status, body := o.answer(path, at)
	if status < 0 { // never
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{
		StatusCode: status, Status: fmt.Sprint(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Via": {"test"}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

// requests are the times at which a path was asked for.
func (o *origin) requests(path string) string {
	var list []string
	for _, l := range o.log {
		if at, p, _ := strings.Cut(l, " "); p == path {
			list = append(list, at)
		}
	}
	return strings.Join(list, " ")
}

// heard is what a handler was told.
type heard struct {
	versions  []*Version
	segments  []*Segment
	exchanges []*Exchange
	troubles  []*Trouble
}

func (h *heard) handler() Handler {
	return Handler{
		Exchange: func(e *Exchange) error { h.exchanges = append(h.exchanges, e); return nil },
		Version:  func(v *Version) error { h.versions = append(h.versions, v); return nil },
		Segment:  func(s *Segment) error { h.segments = append(h.segments, s); return nil },
		Trouble:  func(tr *Trouble) error { h.troubles = append(h.troubles, tr); return nil },
	}
}

// told writes down the segments: number, data, and ! for one that isn't there.
func (h *heard) told() string {
	var list []string
	for _, s := range h.segments {
		text := fmt.Sprintf("%d:%s", s.MSN, s.Data)
		if s.Err != nil {
			text = fmt.Sprintf("%d!", s.MSN)
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

// inTime runs a test whose clock goes as fast as it can.
func inTime(t *testing.T, answer func(path string, at time.Duration) (int, string), f func(t *testing.T, c *Client, o *origin)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{start: time.Now(), answer: answer}
		f(t, &Client{Now: time.Now, HTTP: &http.Client{Transport: o}}, o)
	})
}

// window writes a playlist of the segments from first to last, each of 2 s, named by their numbers.
func window(first, last int, more ...string) string {
	b := fmt.Sprintf("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:%d\n", first)
	for i := first; i <= last; i++ {
		b += fmt.Sprintf("#EXTINF:2,\n%d.ts\n", i)
	}
	return b + strings.Join(more, "\n")
}

// segmentBody is what the test origins have in the segments of window.
func segmentBody(path string) (int, string) {
	name, _, _ := strings.Cut(path, "?")
	return 200, strings.TrimSuffix(name, ".ts")
}

// within gives a context that ends after some time.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// bodyOf joins what came of one kind.
func (h *heard) bodyOf(kind Resource) []byte {
	var b bytes.Buffer
	for _, e := range h.exchanges {
		if e.Resource == kind {
			b.Write(e.Body)
		}
	}
	return b.Bytes()
}

// probeTimeout is far more than any program of these tests takes.
const probeTimeout = 60 * time.Second

func run(ctx context.Context, t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(ctx, name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, stderr.String())
	}
	return out
}

func readFile(t testing.TB, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestChoose picks playlists of a multivariant one.
func TestChoose(t *testing.T) {
	t.Parallel()
	p, err := m3u8.Parse(strings.NewReader(`#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",URI="audio.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1280000,AUDIO="a"
low/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=7680000,AUDIO="a"
hi/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=7680000
hi2/index.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=86000,URI="low/iframe.m3u8"
`))
	if err != nil {
		t.Fatal(err)
	}
	uris := func(list []Stream) (b string) {
		for _, s := range list {
			uri, _ := s.entry()
			b += " " + uri
		}
		return b
	}
	m := p.Multivariant
	for name, c := range map[string][2]string{
		"highest":    {uris(HighestVariant(m)), " hi/index.m3u8"},
		"all":        {uris(AllVariants(m)), " low/index.m3u8 hi/index.m3u8 hi2/index.m3u8"},
		"everything": {uris(Everything(m)), " low/index.m3u8 hi/index.m3u8 hi2/index.m3u8 audio.m3u8 low/iframe.m3u8"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s:%s, want%s", name, c[0], c[1])
		}
	}
}
