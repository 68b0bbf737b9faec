package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refstream/refstream/api/limits"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/journal"
	"github.com/refstream/refstream/markers/redis"
	"github.com/refstream/refstream/markers/storetest"
)

// manyMarkers are more than any page or buffer holds, every tenth of them triggered.
const manyMarkers = 20_000

// withMany is a server on a store that holds many markers, one in 10 frames.
func withMany(t testing.TB, store markers.Store, change ...func(*Config)) *fixture {
	t.Helper()
	f := newFixture(t, append([]func(*Config){func(c *Config) { c.Store = store }}, change...)...)
	if err := store.PutChannel(t.Context(), testChannel("main")); err != nil {
		t.Fatal(err)
	}
	for from := int64(0); from < manyMarkers; from += 1000 {
		var b markers.Batch
		for i := from; i < from+1000; i++ {
			m := event(i+1, 10*i, 10*i+5)
			if i%10 == 9 {
				m.Kind = markers.KindManual
			}
			b.Markers = append(b.Markers, m)
		}
		add(t, store, b)
	}
	return f
}

// embedded is a journal in memory.
func embedded(t *testing.T) markers.Store {
	j, err := journal.Open(journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func add(t testing.TB, store markers.Store, b markers.Batch) {
	t.Helper()
	if err := store.Append(t.Context(), "main", b); err != nil {
		t.Fatal(err)
	}
}

// stores are the two that a server can have.
func stores() map[string]func(t *testing.T) markers.Store {
	return map[string]func(t *testing.T) markers.Store{
		"embedded": embedded,
		"redis": func(t *testing.T) markers.Store {
			s, err := redis.Open(t.Context(), redis.Options{URL: storetest.StartRedis(t).URL})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s
		},
	}
}

// counting is a client that takes all, and looks at the memory in use now and then.
type counting struct {
	header http.Header
	status int
	body   strings.Builder
	keep   bool
	bytes  int
	looked int
	most   uint64
}

func (c *counting) Header() http.Header { return c.header }

func (c *counting) WriteHeader(status int) { c.status = status }

func (c *counting) Flush() {}

func (c *counting) Write(b []byte) (int, error) {
	c.bytes += len(b)
	if c.keep {
		c.body.Write(b)
	} else if c.bytes-c.looked > 1<<20 {
		c.looked = c.bytes
		c.most = max(c.most, inUse())
	}
	return len(b), nil
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func (f *fixture) whole(target string, keep bool) *counting {
	f.t.Helper()
	c := &counting{header: http.Header{}, keep: keep}
	f.server.Handler().ServeHTTP(c, request(http.MethodGet, target, ""))
	if c.status != http.StatusOK {
		f.t.Fatalf("GET %s: %d", target, c.status)
	}
	return c
}

// numbers reads the numbers of the events in an answer, in their order: main-e1 is 1.
func numbers(t testing.TB, format, body string) (list []int) {
	t.Helper()
	var ids []string
	switch format {
	case "json":
		var l markerList
		if err := json.Unmarshal([]byte(body), &l); err != nil {
			t.Fatal(err)
		}
		for _, m := range l.Markers {
			ids = append(ids, m.ID)
		}
	case "ndjson":
		for line := range strings.Lines(body) {
			var m markerView
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, m.ID)
		}
	case "csv":
		rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[1:] {
			ids = append(ids, row[0])
		}
	case "vtt":
		for cue := range strings.SplitSeq(strings.TrimSuffix(body, "\n"), "\n\n") {
			if id, _, _ := strings.Cut(cue, "\n"); strings.HasPrefix(id, "main-e") {
				ids = append(ids, id)
			}
		}
	}
	for _, id := range ids {
		n, err := strconv.Atoi(strings.TrimPrefix(id, "main-e"))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, n)
	}
	return list
}

// TestAllMarkers gets all of very many markers in each format, from both stores, in memory that does not grow with them.
func TestAllMarkers(t *testing.T) {
	all := make([]int, manyMarkers)
	for i := range all {
		all[i] = i + 1
	}
	back := slices.Clone(all)
	slices.Reverse(back)
	for name, open := range stores() {
		t.Run(name, func(t *testing.T) {
			f := withMany(t, open(t))
			formats := []string{"json", "ndjson", "csv", "vtt"}
			if testing.Short() && name != "embedded" {
				formats = formats[:1]
			}
			for _, format := range formats {
				for order, want := range map[string][]int{"": all, "&order=desc": back} {
					if testing.Short() && order != "" && format != "json" {
						continue
					}
					target := "/markers?format=" + format + order
					w := f.whole(target, true)
					if got := numbers(t, format, w.body.String()); !slices.Equal(got, want) {
						t.Errorf("%s: %d markers, from %v on", target, len(got), got[:min(3, len(got))])
					}
					if w.header.Get(truncatedHeader) != "false" || w.header.Get("Link") != "" || w.header.Get("ETag") == "" {
						t.Errorf("%s: header %v", target, w.header)
					}
				}
				before := inUse()
				w := f.whole("/markers?format="+format, false)
				grown := int64(w.most) - int64(before)
				t.Logf("%s: %d bytes, %d more in use", format, w.bytes, grown)
				if limit := int64(2*maxHeld + 1<<20); grown > limit || format == "json" && int64(w.bytes) < limit*3/2 {
					t.Errorf("%s: an answer of %d bytes takes %d, more than %d", format, w.bytes, grown, limit)
				}
			}
		})
	}
}

// TestLongAnswerValidator gets the same validator for a long answer as long as nothing is new or trimmed.
func TestLongAnswerValidator(t *testing.T) {
	store := embedded(t)
	f := withMany(t, store)
	etag := f.get("/markers").Header().Get("ETag")
	if w := f.get("/markers", "If-None-Match", etag); w.Code != http.StatusNotModified || !strings.HasPrefix(etag, `W/"`) {
		t.Errorf("with the validator %s: %d", etag, w.Code)
	}
	if w := f.get("/markers?order=desc", "If-None-Match", etag); w.Code != http.StatusOK {
		t.Errorf("in another order: %d", w.Code)
	}
	if w := f.do(request(http.MethodHead, "/markers", "")); w.Header().Get("ETag") != etag || w.Body.Len() > 0 {
		t.Errorf("HEAD: %v, %d bytes", w.Header(), w.Body.Len())
	}
	for what, change := range map[string]func(){
		"a trim":        func() { _ = store.Trim(t.Context(), "main", markers.Markers, markers.AtFrame(5)) },
		"a marker":      func() { add(t, store, markers.Batch{Markers: []markers.Marker{event(30000, 300000, 300005)}}) },
		"missing ones ": func() { add(t, store, markers.Batch{Missing: []markers.MissingRecord{lost(10, 12)}}) },
	} {
		change()
		w := f.get("/markers", "If-None-Match", etag)
		if w.Code != http.StatusOK || w.Header().Get("ETag") == etag {
			t.Errorf("after %s: %d, %s", what, w.Code, w.Header().Get("ETag"))
		}
		etag = w.Header().Get("ETag")
	}
}

// trimming is a store that is trimmed far while its markers are read.
type trimming struct {
	markers.Store
	after int // reads
}

func (s *trimming) Markers(ctx context.Context, channel string, r markers.Range) ([]markers.Marker, error) {
	if s.after--; s.after == 0 {
		if err := s.Trim(ctx, channel, markers.Markers, markers.AtFrame(9*manyMarkers)); err != nil {
			return nil, err
		}
	}
	return s.Store.Markers(ctx, channel, r)
}

// TestTrimmedWhileRead never gives a list with a hole: it is cut off, or refused where nothing was sent yet.
func TestTrimmedWhileRead(t *testing.T) {
	store := &trimming{Store: embedded(t), after: 3}
	f := withMany(t, store)
	if w := f.get("/markers"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" {
		t.Errorf("trimmed before anything was sent: %d %v", w.Code, w.Header())
	}
	store = &trimming{Store: embedded(t), after: 60}
	f = withMany(t, store)
	res, err := http.Get(f.serve(t).URL + "/markers?format=ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); !errors.Is(err, io.ErrUnexpectedEOF) || len(body) < maxHeld {
		t.Errorf("%d bytes, %v: the answer was not cut off", len(body), err)
	}
	// The newest first, the list just ends where the log begins.
	store = &trimming{Store: embedded(t), after: 3}
	f = withMany(t, store)
	got := numbers(t, "csv", f.whole("/markers?order=desc&format=csv", true).body.String())
	if len(got) != manyMarkers/10 || got[0] != manyMarkers {
		t.Errorf("%d markers, the first %d", len(got), got[0])
	}
}

// TestClientStopsReading has a client that never takes the rest of a long answer: others read, and the generator writes, as if
// it was not there, and it is cut off.
func TestClientStopsReading(t *testing.T) {
	var cut atomic.Bool
	log := slog.New(slog.NewTextHandler(writerFunc(func(b []byte) {
		if strings.Contains(string(b), "answer cut off") && strings.Contains(string(b), limits.ErrSlowClient.Error()) {
			cut.Store(true)
		}
	}), nil))
	store := embedded(t)
	f := withMany(t, store, func(c *Config) { c.StreamWriteTimeout, c.Logger = time.Second, log })
	for i := int64(manyMarkers); i < 3*manyMarkers; i++ { // more than a connection's buffers hold
		add(t, store, markers.Batch{Markers: []markers.Marker{event(i+1, 10*i, 10*i+5)}})
	}
	addr, stop := f.run(t)
	defer stop()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /markers HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 100)); err != nil { // it has begun
		t.Fatal(err)
	}
	limit, n := time.After(patience), int64(3*manyMarkers)
	for !cut.Load() {
		add(t, store, markers.Batch{Markers: []markers.Marker{event(n+1, 10*n, 10*n+5)}})
		n++
		if ids, _ := f.idsOf("/markers?limit=1&order=desc"); ids != "e"+strconv.FormatInt(n, 10) {
			t.Fatalf("the newest is %s, want e%d", ids, n)
		}
		select {
		case <-limit:
			t.Fatal("the client was not cut off")
		default:
		}
	}
}

type writerFunc func([]byte)

func (w writerFunc) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}
