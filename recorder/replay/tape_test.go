package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/internal/testnet"
	"github.com/refstream/refstream/recorder"
)

// tape is a session in memory.
type tape struct {
	url       string
	runs      []recorder.Run
	exchanges []*recorder.Exchange
	bodies    map[recorder.Body]string
	segments  []recorder.Segment
}

var tapeStart = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)

func newTape(url string, lengths ...time.Duration) *tape {
	tp := &tape{url: url, bodies: map[recorder.Body]string{}}
	start := tapeStart
	for i, l := range lengths {
		tp.runs = append(tp.runs, recorder.Run{ID: int64(i + 1), Started: start, Ended: l})
		start = start.Add(l + time.Hour)
	}
	return tp
}

// add puts a request on the tape that was answered with a body in no time.
func (tp *tape) add(url string, began time.Duration, body string) *recorder.Exchange {
	e := &recorder.Exchange{
		ID: int64(len(tp.exchanges) + 1), Run: 1, URL: url, FinalURL: url, Began: began, Answered: began, Ended: began, Status: 200,
		MSN: -1, Attempt: 1, Resource: hlsclient.ResourceSegment, Header: http.Header{"Content-Type": {"x/y"}},
	}
	if strings.Contains(url, ".m3u8") {
		e.Resource, e.Playlist = hlsclient.ResourcePlaylist, 1
	}
	tp.set(e, body)
	tp.exchanges = append(tp.exchanges, e)
	return e
}

func (tp *tape) set(e *recorder.Exchange, body string) {
	e.Body, e.Bytes = 0, int64(len(body))
	if body == "" {
		return
	}
	for id, b := range tp.bodies {
		if b == body {
			e.Body = id
			return
		}
	}
	e.Body = recorder.Body(len(tp.bodies) + 1)
	tp.bodies[e.Body] = body
}

func (tp *tape) Info() recorder.Info { return recorder.Info{URL: tp.url} }

func (tp *tape) Runs(context.Context) ([]recorder.Run, error) { return tp.runs, nil }

func (tp *tape) Segments(context.Context, int64) iter.Seq2[*recorder.Segment, error] {
	return func(yield func(*recorder.Segment, error) bool) {
		for i := range tp.segments {
			if !yield(&tp.segments[i], nil) {
				return
			}
		}
	}
}

func (tp *tape) URLs(context.Context) ([]string, error) {
	var list []string
	for _, e := range tp.exchanges {
		if !slices.Contains(list, e.URL) {
			list = append(list, e.URL)
		}
	}
	return list, nil
}

func (tp *tape) Outcomes(_ context.Context, url string) iter.Seq2[*recorder.Exchange, error] {
	return func(yield func(*recorder.Exchange, error) bool) {
		for _, e := range tp.exchanges {
			if e.URL == url && !yield(e, nil) {
				return
			}
		}
	}
}

func (tp *tape) Body(_ context.Context, b recorder.Body) ([]byte, error) {
	text, ok := tp.bodies[b]
	if !ok {
		return nil, errors.New("it is damaged")
	}
	return []byte(text), nil
}

// player asks a replay over a network without one, in the time of a test.
type player struct {
	t     *testing.T
	s     *Server
	http  *http.Client
	start time.Time
}

// inTime replays a tape while f runs, in a time that goes as fast as it can.
func inTime(t *testing.T, tp *tape, o Options, f func(t *testing.T, p *player)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Now = time.Now
		if o.Logger == nil {
			o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
		}
		s, err := New(t.Context(), tp, o)
		if err != nil {
			t.Fatal(err)
		}
		l := testnet.NewPipes()
		transport := &http.Transport{DialContext: l.Dial}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := s.Serve(ctx, l); !errors.Is(err, context.Canceled) {
				t.Errorf("serve: %v", err)
			}
		})
		defer wg.Wait()
		defer cancel()
		defer transport.CloseIdleConnections()
		synctest.Wait() // the clock has started
		f(t, &player{t, s, &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}}, time.Now()})
	})
}

// at waits until a time after the start.
func (p *player) at(d time.Duration) { <-time.After(d - time.Since(p.start)) }

// reply is what an answer was, and when its header and end came.
type reply struct {
	status         int
	header         http.Header
	body           string
	err            error
	answered, done time.Duration
}

// ask asks with a header of lines "Name: value".
func (p *player) ask(method, path string, header ...string) reply {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, "http://replay"+path, http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	began := time.Now()
	resp, err := p.http.Do(req)
	r := reply{err: err, answered: time.Since(began), done: time.Since(began)}
	if err != nil {
		return r
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(b), err, r.answered, time.Since(began)}
}

func (p *player) get(path string, header ...string) reply {
	p.t.Helper()
	return p.ask(http.MethodGet, path, header...)
}

// expect checks a reply's status and body.
func (p *player) expect(path string, status int, body string, header ...string) reply {
	p.t.Helper()
	r := p.get(path, header...)
	if r.status != status || r.body != body || r.err != nil {
		p.t.Errorf("%s at %v: %d %q, %v; want %d %q", path, time.Since(p.start), r.status, r.body, r.err, status, body)
	}
	return r
}

// window writes a media playlist of the segments from first to last, of 2 s.
func window(first, last int, more ...string) string {
	b := fmt.Sprintf("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:%d\n", first)
	for i := first; i <= last; i++ {
		b += fmt.Sprintf("#EXTINF:2,\n%d.ts\n", i)
	}
	return b + strings.Join(more, "\n")
}

// sortedKeys is for messages.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
